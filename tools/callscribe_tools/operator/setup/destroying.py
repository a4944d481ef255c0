"""What must be done so that nothing of what setup has done is left. What it has not made is never deleted.

What was there before is put back field by field, where it still is as setup has left it. The item that says what is
ours goes last, so that one that is killed may be begun again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from callscribe_tools.operator.console import Resource
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.errors import RefusedError
from callscribe_tools.operator.printing import Tell
from callscribe_tools.operator.setup import operations as ops
from callscribe_tools.operator.setup.changes import WHOLE, Change, told_of
from callscribe_tools.operator.setup.looking import Found, look, method_of
from callscribe_tools.operator.setup.operations import Differing, Operation, Work, form_of
from callscribe_tools.operator.setup.ownership import Owned, ownership_of
from callscribe_tools.operator.setup.planning import Plan
from callscribe_tools.operator.setup.schema_rules import plain


def plan_destruction(environment: Environment, tell: Tell) -> tuple[Found, Plan] | None:
    """Say what must be done; nothing is written. None where setup has done nothing.

    Raises what `look` does.
    """
    ownership = ownership_of(environment)
    if ownership.is_empty:
        return None
    numbers = [one.key for one in ownership.record.numbers.values()]
    found = look(environment, tell, numbers)
    steps = [*_numbers(found), *_settings(found), *_services(found), *_operators(found), _forget(found)]
    return found, Plan(operations=steps)


def plan_release(environment: Environment, number: str, tell: Tell) -> tuple[Found, Plan]:
    """Say what must be done so that calls to one number no longer come to the stack; nothing is written.

    Args:
        environment: the stack.
        number: the number, in E.164.
        tell: what takes the progress.

    Raises:
        RefusedError: setup has not wired the number, or does not know what its addresses were before.
        TransientError: AWS or Twilio does not answer, or may not be asked.
    """
    record = ownership_of(environment).record
    sid = next((sid for sid, owned in record.numbers.items() if owned.key == number), None)
    if sid is None:
        raise RefusedError(
            f"Nothing was done: setup has not wired {number}. The numbers that it has wired: "
            f"{', '.join(sorted(owned.key for owned in record.numbers.values())) or 'none'}"
        )
    found = look(environment, tell, [number])
    steps = [*_numbers(found, only=sid)]
    put_back = next((step.fields for step in steps if isinstance(step, _RestoreNumber)), {})
    voice_url = put_back.get("voice_url", found.numbers.get(number, {}).get("voice_url"))
    # Calls would still come here, and the functions would not know the number.
    if voice_url == found.number_fields["voice_url"]:
        raise RefusedError(
            f"Nothing was done: {number} had this stack's address before setup knew it, so there is no earlier one to "
            "put back. Enter another address for it in Twilio's console, then repeat this command"
        )
    entered = found.stored.numbers.get("numbers")
    if isinstance(entered, dict) and number in entered:
        steps.append(_without_numbers({number}))
    forgotten = [_gone(f"what setup has written down of {number}", sid)]
    steps.append(_ForgetNumber(doing=f"Forgetting number {number}", changes=forgotten, sid=sid))
    return found, Plan(operations=steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    doing: str
    changes: list[Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class _RestoreNumber(_Step):
    sid: str
    fields: Mapping[str, Any]

    def do(self, work: Work) -> None:
        work.console.update_number(self.sid, form_of(self.fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class _RestoreService(_Step):
    sid: str
    fields: Mapping[str, Any]
    version: int
    attached: tuple[str, ...]

    def do(self, work: Work) -> None:
        # First what needs the version that was read: to detach changes it.
        if self.fields:
            work.console.update_service(self.sid, form_of(self.fields), self.version)
        for operator in self.attached:
            work.console.detach(self.sid, operator)


@dataclass(frozen=True, slots=True, kw_only=True)
class _RestoreOperator(_Step):
    sid: str
    name: str
    config: Mapping[str, Any]
    version: int

    def do(self, work: Work) -> None:
        work.console.update_operator(self.sid, self.name, self.config, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class _DeleteService(_Step):
    sid: str

    def do(self, work: Work) -> None:
        work.console.delete_service(self.sid)


@dataclass(frozen=True, slots=True, kw_only=True)
class _DeleteOperator(_Step):
    sid: str

    def do(self, work: Work) -> None:
        work.console.delete_operator(self.sid)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ForgetNumber(_Step):
    sid: str

    def do(self, work: Work) -> None:
        work.ownership.record.numbers.pop(self.sid, None)
        work.save()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forget(_Step):
    def do(self, work: Work) -> None:
        work.ownership.forget()


def _numbers(found: Found, only: str | None = None) -> Iterator[Operation]:
    for sid, owned in found.ownership.record.numbers.items():
        if only not in {None, sid}:
            continue
        resource = found.numbers.get(owned.key, {})
        differing = _to_put_back(owned, resource) if resource.get("sid") == sid else {}
        if differing:
            yield _RestoreNumber(
                doing=f"Putting number {owned.key} back to what it was",
                changes=told_of(f"number {owned.key}", differing),
                sid=sid,
                fields=_should(differing),
            )


def _to_put_back(owned: Owned, resource: Resource) -> Differing:
    """What each field is and was before, where it still is ours; a method goes with its address."""
    urls = {method_of(name): name for name in owned.before if not name.endswith("_method")}
    return {
        name: (resource.get(name), was)
        for name, was in owned.before.items()
        if owned.is_ours(name, resource.get(name))
        and resource.get(name) != was
        and (name not in urls or owned.is_ours(urls[name], resource.get(urls[name])))
    }


def _should(differing: Differing) -> dict[str, Any]:
    return {name: should for name, (_, should) in differing.items()}


def _settings(found: Found) -> Iterator[Operation]:
    entered = found.stored.numbers.get("numbers")
    record = found.ownership.record
    ours = {one.key for one in record.numbers.values()}
    deleted = {sid for sid, one in record.services.items() if one.made}
    going = {
        number
        for number, one in (entered if isinstance(entered, dict) else {}).items()
        if number in ours or (isinstance(one, dict) and one.get("service_sid") in deleted)
    }
    if going:
        yield _without_numbers(going)


def _without_numbers(going: set[str]) -> Operation:
    return ops.WriteSettings(
        doing="Taking the numbers out of the settings",
        changes=[_gone(f"settings of {number}", "there") for number in sorted(going)],
        numbers={},
        common={},
        removed=frozenset(going),
    )


def _services(found: Found) -> Iterator[Operation]:
    record = found.ownership.record
    intended = {called: name for name, called in record.intents.items() if name.startswith("service:")}
    for sid, resource in found.services.items():
        owned = record.services.get(sid)
        if (owned and owned.made) or (owned is None and resource.get("unique_name") in intended):
            what = f"Service {resource.get('unique_name')}"
            yield _DeleteService(doing=f"Deleting {what}", changes=[_gone(what, sid)], sid=sid)
        elif owned:
            yield from _service_put_back(found, owned, resource)


def _service_put_back(found: Found, owned: Owned, resource: Resource) -> Iterator[Operation]:
    differing = _to_put_back(owned, resource)
    there = resource.get("read_only_attached_operator_sids") or []
    attached = tuple(sid for sid in owned.attached if sid in there)
    if not differing and not attached:
        return
    what = f"Service {resource.get('unique_name') or resource['sid']}"
    yield _RestoreService(
        doing=f"Putting {what} back to what it was",
        changes=[
            *told_of(what, differing, found.environment.url("TranscriptWebhookUrl")),
            *(
                Change(what=what, field=f"operator {found.operator(one)}", is_="attached", should_be="")
                for one in attached
            ),
        ],
        sid=str(resource["sid"]),
        fields=_should(differing),
        version=int(resource["version"]),
        attached=attached,
    )


def _operators(found: Found) -> Iterator[Operation]:
    record = found.ownership.record
    intended = {called for name, called in record.intents.items() if name.startswith("operator:")}
    for sid, resource in found.operators.items():
        owned, name = record.operators.get(sid), str(resource.get("friendly_name"))
        if (owned and owned.made) or (owned is None and name in intended):
            yield _DeleteOperator(doing=f"Deleting operator {name}", changes=[_gone(f"operator {name}", sid)], sid=sid)
        elif owned and (differing := _to_put_back(owned, {**resource, "config": plain(resource.get("config"))})):
            was = _should(differing)
            yield _RestoreOperator(
                doing=f"Putting operator {name} back to what it was",
                changes=told_of(f"operator {name}", differing),
                sid=sid,
                name=str(was.get("friendly_name", name)),
                config=was.get("config", plain(resource.get("config"))),
                version=int(resource["version"]),
            )


def _gone(what: str, is_: str) -> Change:
    return Change(what=what, field=WHOLE, is_=is_, should_be="")


def _forget(found: Found) -> Operation:
    return _Forget(
        doing="Forgetting what setup has made",
        changes=[_gone("what setup has written down", found.ownership.account_sid)],
    )
