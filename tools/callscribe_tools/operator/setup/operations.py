"""The single writes of setup. Each is written down as ours before it is so, and may be repeated after any step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from pydantic.alias_generators import to_pascal

from callscribe_tools.operator.console import Console
from callscribe_tools.operator.settings_store import SettingsStore, Stored
from callscribe_tools.operator.setup.changes import Change
from callscribe_tools.operator.setup.ownership import Owned, Ownership
from callscribe_tools.operator.setup.settings_document import Numbers, document_of

type Differing = Mapping[str, tuple[Any, Any]]
"""What each field is and should be."""


@dataclass(slots=True, kw_only=True)
class Work:
    """What operations work with. `sids` are those of operators and Services by kind and key, also of new ones.

    `stored` are the settings as they were read for the plan.
    """

    console: Console
    settings_store: SettingsStore
    stored: Stored
    ownership: Ownership
    account_sid: str
    sids: dict[str, str] = field(default_factory=dict)

    def save(self) -> None:
        """Write down what is ours."""
        self.ownership.record.account_sid = self.account_sid
        self.ownership.save()

    def intend(self, name: str, called: str) -> None:
        """Write down that something is about to be created, and how it will be called until it is written down."""
        if self.ownership.record.intents.get(name) != called:
            self.ownership.record.intents[name] = called
            self.save()


class Operation(Protocol):
    """One write, or a few that belong together."""

    @property
    def doing(self) -> str:
        """What it does, for progress."""

    @property
    def changes(self) -> list[Change]:
        """What is different then."""

    def do(self, work: Work) -> None:
        """Do it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    doing: str
    changes: list[Change]


def operator_name(key: str) -> str:
    """What an operator is called in `sids` and in intents."""
    return f"operator:{key}"


def service_name(key: str) -> str:
    """What a Service is called in `sids` and in intents."""
    return f"service:{key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOperator(_Operation):
    """Create a custom operator under a name that nobody else has, and only then under its own.

    Its own may be another's too: of two that are found after a crash, nothing would tell which one is ours.
    """

    key: str
    name: str
    type: str
    config: Mapping[str, Any]

    def do(self, work: Work) -> None:
        """Create it; killed anywhere, the next setup finds it by the name that was intended."""
        name = operator_name(self.key)
        meanwhile = work.ownership.record.intents.get(name) or f"callscribe-setup-{uuid4().hex}"
        work.intend(name, meanwhile)
        made = work.console.create_operator(meanwhile, self.type, self.config)
        sid = str(made["sid"])
        work.ownership.record.operators[sid] = Owned(key=self.key, made=True)
        del work.ownership.record.intents[name]
        work.save()
        work.sids[name] = sid
        work.console.update_operator(sid, self.name, self.config, int(made["version"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateService(_Operation):
    """Create a Service, whose unique name nobody else in the account has."""

    key: str
    fields: Mapping[str, Any]

    def do(self, work: Work) -> None:
        """Create it; killed anywhere, the next setup finds it by its unique name."""
        name = service_name(self.key)
        work.intend(name, self.fields["unique_name"])
        sid = str(work.console.create_service(form_of(self.fields))["sid"])
        work.ownership.record.services[sid] = Owned(key=self.key, made=True)
        del work.ownership.record.intents[name]
        work.save()
        work.sids[name] = sid


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteDown(_Operation):
    """Write down what was there and is used from now on, or what a setup that was killed has created.

    `kind` is operators or services.
    """

    kind: str
    sid: str
    key: str
    made: bool

    def do(self, work: Work) -> None:
        """Write it down; nothing at Twilio changes."""
        owned = getattr(work.ownership.record, self.kind)
        owned[self.sid] = Owned(key=self.key, made=self.made)
        work.ownership.record.intents.pop(f"{self.kind[:-1]}:{self.key}", None)
        work.save()


def _note(work: Work, owned: Owned, differing: Differing) -> None:
    """Write down what fields of something that was there were, before they are changed."""
    if not owned.made:
        for name, (was, should) in differing.items():
            owned.note(name, was, should)
        work.save()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateOperator(_Operation):
    """Change a custom operator. `before` is what an adopted one was."""

    sid: str
    name: str
    config: Mapping[str, Any]
    version: int
    before: Mapping[str, Any]

    def do(self, work: Work) -> None:
        """Change it, if nobody else has since it was read."""
        shall_be = {"friendly_name": self.name, "config": dict(self.config)}
        owned = work.ownership.record.operators[self.sid]
        _note(work, owned, {name: (self.before[name], shall_be[name]) for name in shall_be})
        work.console.update_operator(self.sid, self.name, self.config, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateService(_Operation):
    """Change fields of a Service."""

    sid: str
    differing: Differing
    version: int

    def do(self, work: Work) -> None:
        """Change them, if nobody else has since it was read."""
        _note(work, work.ownership.record.services[self.sid], self.differing)
        work.console.update_service(self.sid, form_of(_should(self.differing)), self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach(_Operation):
    """Let operators run on what a Service transcribes. Each is a SID, or what it is called in `sids`."""

    service: str
    operators: tuple[str, ...]

    def do(self, work: Work) -> None:
        """Attach them."""
        service_sid = work.sids[self.service]
        sids = [work.sids.get(one, one) for one in self.operators]
        owned = work.ownership.record.services[service_sid]
        if not owned.made:
            owned.attached += [sid for sid in sids if sid not in owned.attached]
            work.save()
        for sid in sids:
            work.console.attach(service_sid, sid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detach(_Operation):
    """Let operators run there no more."""

    service_sid: str
    operators: tuple[str, ...]

    def do(self, work: Work) -> None:
        """Detach them."""
        for sid in self.operators:
            work.console.detach(self.service_sid, sid)
        owned = work.ownership.record.services[self.service_sid]
        if set(owned.attached) & set(self.operators):
            owned.attached = [sid for sid in owned.attached if sid not in self.operators]
            work.save()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteNumbers(_Operation):
    """Write down all numbers that are used from now on, and what each was: at once, since there may be many.

    `numbers` are by their SIDs, each with the number itself and what is about to be changed.
    """

    numbers: Mapping[str, tuple[str, Differing]]

    def do(self, work: Work) -> None:
        """Write them down; nothing at Twilio changes."""
        owned = work.ownership.record.numbers
        for sid, (number, differing) in self.numbers.items():
            for name, (was, should) in differing.items():
                owned.setdefault(sid, Owned(key=number, made=False)).note(name, was, should)
            owned.setdefault(sid, Owned(key=number, made=False))
        work.save()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateNumber(_Operation):
    """Change what happens to calls to a number."""

    sid: str
    differing: Differing

    def do(self, work: Work) -> None:
        """Change it; `NoteNumbers` has written down what it was."""
        work.console.update_number(self.sid, form_of(_should(self.differing)))


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSettings(_Operation):
    """Write the numbers and what goes for all of them into the settings."""

    numbers: Numbers
    common: Mapping[str, Any]
    removed: frozenset[str] = frozenset()

    def do(self, work: Work) -> None:
        """Write them on top of those that the plan was made for, if nobody else has written any since."""
        sids = {key.removeprefix("service:"): sid for key, sid in work.sids.items() if key.startswith("service:")}
        document = document_of(work.stored.numbers, self.numbers, sids, self.common, self.removed)
        work.settings_store.write_numbers(document, work.stored)
        # The item is in force as soon as it is there: only now nobody needs those in the secret.
        work.settings_store.empty_secret_of_numbers()


def _should(differing: Differing) -> dict[str, Any]:
    return {name: should for name, (_, should) in differing.items()}


def form_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """Fields as Twilio takes them in a form; nothing is an empty text."""
    texts = {True: "true", False: "false", None: ""}
    return {
        to_pascal(name): texts[value] if value is None or isinstance(value, bool) else str(value)
        for name, value in fields.items()
    }
