"""The settings document as callscribe.toml wants it. Credentials and all else that it does not speak of stay."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from callscribe.domain.settings import NumberSettings
from callscribe.domain.sids import ServiceSid
from callscribe_tools.operator.setup.changes import WHOLE, Change, hidden_number, told_of
from callscribe_tools.operator.setup.config import SOME_SERVICE, Config

type Numbers = Mapping[str, tuple[str, Mapping[str, Any]]]
"""By the number: the key of its Service, and its other settings."""

_DEFAULTS: Mapping[str, Any] = {"daily_minutes": 1000, "recording_retention_days": None}


def numbers_of(config: Config) -> Numbers:
    """The numbers of a configuration."""
    return {number: (its.service, its.settings) for number, its in config.numbers.items()}


def common_of(config: Config) -> dict[str, Any]:
    """What goes for all numbers."""
    return {"daily_minutes": config.minutes, "recording_retention_days": config.recording_retention_days}


def document_of(
    document: Mapping[str, Any],
    numbers: Numbers,
    sids: Mapping[str, str],
    common: Mapping[str, Any],
    removed: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The document with these numbers, on top of those it has.

    What means the same is left as it is written. Numbers that somebody else has entered stay, but for `removed`.

    Parameters:
        sids: the Services' by their keys; one that is not there yet stands for itself.
    """
    before = document.get("numbers")
    kept = {number: one for number, one in before.items() if number not in removed} if isinstance(before, dict) else {}
    for number, (service, settings) in numbers.items():
        wanted = {"service_sid": sids.get(service, SOME_SERVICE), **settings}
        if effective(kept.get(number)) != effective(wanted):
            kept[number] = wanted
    changed = {name: value for name, value in common.items() if document.get(name, _DEFAULTS[name]) != value}
    return {**document, "numbers": kept, **changed}


def effective(number: Any) -> dict[str, Any] | None:
    """A number's settings with all that they leave to defaults; None where they are none, or wrong."""
    try:
        return asdict(NumberSettings(**{**number, "service_sid": ServiceSid(number["service_sid"])}))
    except Exception:  # noqa: BLE001 (whatever is wrong with it: it is written anew)
        return None


def differences(document: Mapping[str, Any], wanted: Mapping[str, Any], new: Mapping[str, str]) -> list[Change]:
    """What differs between the document and the one wanted. `new` are the keys of Services to be made, by number."""
    changes = told_of(
        "settings",
        {
            name: (document.get(name, _DEFAULTS[name]), wanted[name])
            for name in _DEFAULTS
            if wanted.get(name, _DEFAULTS[name]) != document.get(name, _DEFAULTS[name])
        },
    )
    before = document.get("numbers")
    before = before if isinstance(before, dict) else {}
    for number, its in wanted["numbers"].items():
        if its != before.get(number):
            changes += _of_number(number, before.get(number), its, new.get(number))
    changes += [
        Change(what=f"settings of {number}", field=WHOLE, is_="there", should_be="")
        for number in before.keys() - wanted["numbers"].keys()
    ]
    return changes


def _of_number(number: str, before: Any, wanted: Mapping[str, Any], new: str | None) -> list[Change]:
    what = f"settings of {number}"
    was, should = effective(before), effective(wanted) or {}
    if new:
        should["service_sid"] = f"(the new Service {new})"
    if was is None:
        answered = f"calls are answered, and transcribed by {new or wanted['service_sid']}"
        return [Change(what=what, field=WHOLE, is_="", should_be=answered)]
    differing = {name: (was[name], value) for name, value in should.items() if was[name] != value}
    if "agent" in differing:
        differing["agent"] = (hidden_number(was["agent"]), hidden_number(should["agent"]))
    return told_of(what, differing)
