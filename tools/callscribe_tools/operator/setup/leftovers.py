"""What `setup plan` notes beside the changes: what the file does not name, and what it leaves unsaid."""

from collections.abc import Iterator

from callscribe_tools.operator.setup.config import Config
from callscribe_tools.operator.setup.looking import Found
from callscribe_tools.operator.setup.operations import operator_name, service_name
from callscribe_tools.operator.setup.ownership import Owned

_EVERYTHING = "all else that setup has made, for every number"
"""What `setup destroy` does besides: it has no option for one thing alone."""


def leftovers(found: Found, config: Config) -> list[str]:
    """Each in a sentence."""
    return [
        *_resources(found, config),
        *_intended(found, config),
        *_numbers(found, config),
        *_no_numbers(found, config),
        *_without_notice(config),
    ]


def _resources(found: Found, config: Config) -> Iterator[str]:
    record = found.ownership.record
    for kind, owned, there, wanted in (
        ("operator", record.operators, found.operators, config.custom_operators),
        ("Service", record.services, found.services, config.services),
    ):
        for sid, one in owned.items():
            its = wanted.get(one.key)
            if sid in there and (its is None or (its.sid != sid and bool(its.sid) == one.made)):
                yield f"{kind} {one.key} ({sid}) is no longer in the file; left alone. {_end(found, one)}"


def _end(found: Found, owned: Owned) -> str:
    does = "deletes it" if owned.made else "puts it back to what it was"
    return _destroys(found, does)


def _destroys(found: Found, does: str) -> str:
    return f"{found.environment.command('setup destroy')} {does}, but it also ends {_EVERYTHING}"


def _intended(found: Found, config: Config) -> Iterator[str]:
    """What a setup that was killed may have created for a key that is gone since."""
    wanted = {*map(operator_name, config.custom_operators), *map(service_name, config.services)}
    for name in found.ownership.record.intents.keys() - wanted:
        told = f"{name.replace(':', ' ')} was being created, and is no longer in the file"
        yield f"{told}; left alone. {_destroys(found, 'deletes it, if it is there')}"


def _numbers(found: Found, config: Config) -> Iterator[str]:
    wired = {one.key for one in found.ownership.record.numbers.values()}
    entered = found.stored.numbers.get("numbers")
    for number in sorted(wired - config.numbers.keys()):
        release = found.environment.command(f"setup destroy --number {number}")
        yield (
            f"number {number} is no longer in the file, and is still answered. To put it back to what it was, and "
            f"nothing else: {release}"
        )
    for number in sorted(set(entered if isinstance(entered, dict) else ()) - wired - config.numbers.keys()):
        yield f"number {number} is in the settings and not in the file; left alone"


def _without_notice(config: Config) -> Iterator[str]:
    for number, its in config.numbers.items():
        if its.settings.get("notice") == "":
            yield f"number {number} has an empty notice: its callers are not told that they are recorded"


def _no_numbers(found: Found, config: Config) -> Iterator[str]:
    if not config.numbers:
        env = found.environment.option.removeprefix("--env ") or "dev"
        table = "numbers" if env.startswith("--stack") else f"env.{env}.numbers"
        service = next(iter(config.services), "english")
        yield (
            f"The file has no number for {found.environment.stack}, so that no call comes to it. Add yours: "
            f'[{table}."+1…"] with service = "{service}"'
        )
