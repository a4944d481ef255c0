"""What must be done so that all is as callscribe.toml says, in its order. Nothing is written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from callscribe.domain.settings import SettingsError
from callscribe_tools.operator.console import Resource
from callscribe_tools.operator.errors import RefusedError
from callscribe_tools.operator.settings_store import check_numbers
from callscribe_tools.operator.setup import operations as ops
from callscribe_tools.operator.setup.changes import (
    WHOLE,
    Change,
    created,
    fields_that_differ,
    operator_fields,
    operator_of,
    told_of,
)
from callscribe_tools.operator.setup.config import Config, CustomOperator, Service
from callscribe_tools.operator.setup.leftovers import leftovers
from callscribe_tools.operator.setup.looking import Found
from callscribe_tools.operator.setup.operations import Operation, operator_name, service_name
from callscribe_tools.operator.setup.refusals import number_refused, operator_refused, service_refused
from callscribe_tools.operator.setup.schema_rules import plain
from callscribe_tools.operator.setup.settings_document import common_of, differences, document_of, numbers_of


@dataclass(slots=True, kw_only=True)
class Plan:
    """What must be done, and what is left alone. `sids` are those of operators and Services that there are."""

    operations: list[Operation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sids: dict[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> list[Change]:
        """All that differs."""
        return [change for one in self.operations for change in one.changes]


def planned(found: Found, config: Config) -> Plan:
    """Compare what there is with what callscribe.toml says.

    Raises:
        RefusedError: something of it cannot be. All reasons are told at once.
    """
    return _Planner(found, config).plan()


class _Planner:
    def __init__(self, found: Found, config: Config) -> None:
        self._found = found
        self._config = config
        self._record = found.ownership.record
        self._refused: list[str] = []
        self._plan = Plan()

    def plan(self) -> Plan:
        steps = [
            *self._operators(),
            *self._services(),
            *self._attachments(),
        ]
        numbers = [*self._numbers()]
        if self._refused:
            raise RefusedError("Nothing was done.\n  " + "\n  ".join(self._refused))
        # Settings first: a call must not come to a number that the functions do not know.
        self._plan.operations = [*steps, *self._settings(), *numbers]
        self._plan.notes = leftovers(self._found, self._config)
        return self._plan

    # --- operators

    def _operators(self) -> Iterator[Operation]:
        for key, wanted in self._config.custom_operators.items():
            sid = wanted.sid or self._sid_of("operators", key) or self._made_meanwhile(key)
            resource = self._found.operators.get(sid) if sid else None
            if told := operator_refused(key, wanted, resource):
                self._refused.append(told)
            elif resource is None:
                yield self._create_operator(key, wanted)
            else:
                self._plan.sids[operator_name(key)] = str(resource["sid"])
                yield from self._change_operator(key, wanted, resource)

    def _create_operator(self, key: str, wanted: CustomOperator) -> Operation:
        name = wanted.name or key
        return ops.CreateOperator(
            doing=f"Creating operator {key}",
            changes=[created(f"operator {key}", name)],
            key=key,
            name=name,
            type=wanted.type,
            config=wanted.config,
        )

    def _made_meanwhile(self, key: str) -> str | None:
        """The operator that a setup which was killed has created and not written down."""
        called = self._record.intents.get(operator_name(key))
        return next((sid for sid, one in self._found.operators.items() if one.get("friendly_name") == called), None)

    def _change_operator(self, key: str, wanted: CustomOperator, resource: Resource) -> Iterator[Operation]:
        what, name = f"operator {key}", wanted.name or key
        yield from self._write_down("operators", key, resource, adopted=wanted.sid is not None)
        wanted_fields = operator_fields(name, wanted.config)
        if differing := fields_that_differ(operator_of(resource), wanted_fields):
            yield ops.UpdateOperator(
                doing=f"Changing {what}",
                changes=told_of(what, differing),
                sid=str(resource["sid"]),
                name=name,
                config=wanted.config,
                version=int(resource["version"]),
                before={"friendly_name": resource.get("friendly_name"), "config": plain(resource.get("config"))},
            )

    # --- Services

    def _services(self) -> Iterator[Operation]:
        for key, wanted in self._config.services.items():
            unique_name = f"{self._found.environment.stack}-{key}"
            namesake = next((one for one in self._found.services.values() if one["unique_name"] == unique_name), None)
            sid = wanted.sid or self._sid_of("services", key)
            resource = self._found.services.get(sid) if sid else None
            if resource is None and not wanted.sid and self._record.intents.get(service_name(key)) == unique_name:
                resource = namesake
            if told := service_refused(key, wanted, resource, namesake):
                self._refused.append(told)
            elif resource is None:
                fields = self._service_fields(wanted) | {"unique_name": unique_name, "language_code": wanted.language}
                what = f"Service {key}"
                yield ops.CreateService(
                    doing=f"Creating {what}", changes=[created(what, unique_name)], key=key, fields=fields
                )
            else:
                self._plan.sids[service_name(key)] = str(resource["sid"])
                yield from self._change_service(key, wanted, resource, unique_name)

    def _service_fields(self, wanted: Service) -> dict[str, Any]:
        return {
            "auto_transcribe": False,
            "auto_redaction": wanted.redaction,
            "media_redaction": wanted.media_redaction,
            "webhook_url": self._found.webhook_url,
            "webhook_http_method": "POST",
            **({"friendly_name": wanted.friendly_name} if wanted.friendly_name else {}),
        }

    def _change_service(self, key: str, wanted: Service, resource: Resource, unique_name: str) -> Iterator[Operation]:
        sid, what = str(resource["sid"]), f"Service {key}"
        yield from self._write_down("services", key, resource, adopted=wanted.sid is not None)
        fields = self._service_fields(wanted)
        if self._is_made("services", sid, adopted=wanted.sid is not None):
            fields["unique_name"] = unique_name
        if differing := fields_that_differ(resource, fields):
            yield ops.UpdateService(
                doing=f"Changing {what}",
                changes=told_of(what, differing, self._found.environment.url("TranscriptWebhookUrl")),
                sid=sid,
                differing=differing,
                version=int(resource["version"]),
            )

    def _attachments(self) -> Iterator[Operation]:
        for key, wanted in self._config.services.items():
            resource = self._found.services.get(self._plan.sids.get(service_name(key), ""), {})
            there = [str(one) for one in resource.get("read_only_attached_operator_sids") or []]
            operators = dict(self._operators_of(key, wanted))
            missing = {one: told for one, told in operators.items() if self._plan.sids.get(one, one) not in there}
            if missing:
                yield ops.Attach(
                    doing=f"Attaching operators to Service {key}",
                    changes=[_attached(key, told, is_="", should_be="attached") for told in missing.values()],
                    service=service_name(key),
                    operators=tuple(missing),
                )
            wanted_sids = {self._plan.sids.get(one, one) for one in operators}
            yield from self._too_many(key, wanted, str(resource.get("sid", "")), set(there) - wanted_sids)

    def _operators_of(self, key: str, wanted: Service) -> Iterator[tuple[str, str]]:
        """What is attached to a Service, by its SID or by what it is called in `sids`, with its name."""
        for name in wanted.operators:
            if sid := self._found.prebuilt.get(name):
                yield sid, name
            else:
                there = ", ".join(sorted(self._found.prebuilt))
                self._refused.append(f'services.{key}.operators: Twilio has no operator "{name}"; it has {there}')
        for name in wanted.custom_operators:
            yield operator_name(name), name

    def _too_many(self, key: str, wanted: Service, sid: str, others: set[str]) -> Iterator[Operation]:
        owned = self._record.services.get(sid)
        if sid and not self._is_made("services", sid, adopted=wanted.sid is not None):
            others &= set(owned.attached if owned else ())
        if others:
            yield ops.Detach(
                doing=f"Detaching operators from Service {key}",
                changes=[
                    _attached(key, self._found.operator(one), is_="attached", should_be="") for one in sorted(others)
                ],
                service_sid=sid,
                operators=tuple(sorted(others)),
            )

    # --- numbers and settings

    def _numbers(self) -> Iterator[Operation]:
        fields = self._found.number_fields
        noted: dict[str, tuple[str, ops.Differing]] = {}
        adopted: list[Change] = []
        for number in self._config.numbers:
            resource = self._found.numbers.get(number)
            if told := number_refused(number, resource):
                self._refused.append(told)
            elif resource:
                sid, differing = str(resource["sid"]), fields_that_differ(resource, fields)
                if sid not in self._record.numbers:
                    adopted.append(_adopted(f"number {number}", sid))
                if differing or sid not in self._record.numbers:
                    noted[sid] = number, differing
        if noted:
            yield ops.NoteNumbers(doing="Writing down the numbers", changes=adopted, numbers=noted)
        wired = {sid: one for sid, one in noted.items() if one[1]}
        for count, (sid, (number, fields_to_wire)) in enumerate(wired.items(), start=1):
            what = f"number {number}"
            yield ops.UpdateNumber(
                doing=f"Wiring {what}" + (f" ({count} of {len(wired)})" if len(wired) > 1 else ""),
                changes=told_of(what, fields_to_wire),
                sid=sid,
                differing=fields_to_wire,
            )

    def _settings(self) -> Iterator[Operation]:
        numbers, common = numbers_of(self._config), common_of(self._config)
        sids = {key: self._plan.sids[service_name(key)] for key in self._config.services if self._has(key)}
        stored = self._found.stored
        wanted = document_of(stored.numbers, numbers, sids, common)
        self._check(wanted)
        new = {number: service for number, (service, _) in numbers.items() if service not in sids}
        changes = differences(stored.numbers, wanted, new)
        if stored.in_secret:
            changes.append(Change(what="settings", field=WHOLE, is_="in the secret", should_be="in the table"))
        elif stored.item is None and not changes:
            changes.append(created("settings", "an item without numbers"))
        if changes or wanted != stored.item:
            yield ops.WriteSettings(doing="Writing the settings", changes=changes, numbers=numbers, common=common)

    def _check(self, wanted: Mapping[str, Any]) -> None:
        try:
            check_numbers(wanted)
        except SettingsError as error:
            told = str(error).rpartition("write it again: ")[2]
            added = wanted["numbers"].keys() - self._config.numbers.keys()
            mend = f". It may be one of {', '.join(sorted(added))}: add it to callscribe.toml" if added else ""
            raise RefusedError(f"The settings cannot be written: {told}. Nothing was done{mend}") from None

    # --- what is ours

    def _has(self, service: str) -> bool:
        return service_name(service) in self._plan.sids

    def _sid_of(self, kind: str, key: str) -> str | None:
        """What this stack has made for a key, if it is still there."""
        owned: Mapping[str, Any] = getattr(self._record, kind)
        there: Mapping[str, Any] = getattr(self._found, kind)
        return next((sid for sid, one in owned.items() if one.made and one.key == key and sid in there), None)

    def _is_made(self, kind: str, sid: str, *, adopted: bool) -> bool:
        owned = getattr(self._record, kind).get(sid)
        return bool(owned.made) if owned else not adopted

    def _write_down(self, kind: str, key: str, resource: Resource, *, adopted: bool) -> Iterator[Operation]:
        sid = str(resource["sid"])
        if sid in getattr(self._record, kind):
            return
        what = f"{kind[:-1]} {key}"
        yield ops.WriteDown(
            doing=f"Writing down {what}",
            changes=[_adopted(what, sid) if adopted else _known(what, f"written down, {sid}")],
            kind=kind,
            sid=sid,
            key=key,
            made=not adopted,
        )


def _adopted(what: str, sid: str) -> Change:
    return _known(what, f"adopted, {sid}")


def _known(what: str, should: str) -> Change:
    return Change(what=what, field=WHOLE, is_="not known to setup", should_be=should)


def _attached(service: str, operator: str, *, is_: str, should_be: str) -> Change:
    return Change(what=f"Service {service}", field=f"operator {operator}", is_=is_, should_be=should_be)
