"""How a difference is told: resource, field, what it is, what it should be. Never a secret, nor another's number."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from callscribe_tools.operator.console import Resource
from callscribe_tools.operator.setup.schema_rules import completed, plain

_NOTHING = ("", None)


WHOLE = "(itself)"
"""The field of a change that is about a whole object: it is created, adopted or deleted."""


class Action(StrEnum):
    """What a change does."""

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference, in words.

    `what` names the object, such as `Service english`. An empty `is_` is something new, an empty `should_be` something
    that is removed.
    """

    what: str
    field: str
    is_: str
    should_be: str

    @property
    def is_whole(self) -> bool:
        """Whether it is about the whole object, and not about a field."""
        return self.field == WHOLE

    @property
    def action(self) -> Action:
        """What the change does."""
        if not self.is_:
            return Action.ADD
        return Action.CHANGE if self.should_be else Action.REMOVE

    def told(self) -> dict[str, str]:
        """The same for machines."""
        return {
            "what": self.what,
            "field": self.field,
            "action": str(self.action),
            "is": self.is_,
            "should_be": self.should_be,
        }


def created(what: str, name: str) -> Change:
    """Something is not there."""
    return Change(what=what, field=WHOLE, is_="", should_be=f"created as {name}")


def fields_that_differ(resource: Resource, wanted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What each field is and should be, where that differs; an empty text is nothing."""
    return {
        name: (resource.get(name), should)
        for name, should in wanted.items()
        if resource.get(name) != should and not (resource.get(name) in _NOTHING and should in _NOTHING)
    }


def told_of(what: str, differing: Mapping[str, tuple[Any, Any]], webhook: str = "") -> list[Change]:
    """The differences of one resource in words. `webhook` is an address that may have a token behind it."""
    return [
        Change(what=what, field=name, is_=shown(was, webhook), should_be=shown(should, webhook))
        for name, (was, should) in differing.items()
    ]


def shown(value: Any, webhook: str = "") -> str:
    """A value in words: of an address no credentials, no query, and no token."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(plain(value), ensure_ascii=False)
    if webhook and value.startswith(f"{webhook}/"):
        return f"{webhook}/(token)"
    return _shown_url(value) if re.match("https?://", value) else value


def _shown_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(an address that cannot be read)"
    host = parts.netloc.rpartition("@")[2]
    netloc = f"(user)@{host}" if "@" in parts.netloc else host
    return urlunsplit(parts._replace(netloc=netloc, query="(query)" if parts.query else ""))


def hidden_number(value: Any) -> Any:
    """A person's number as its last digits."""
    return f"…{value[-4:]}" if isinstance(value, str) else value


def operator_fields(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """A custom operator as it compares: what Twilio completes in a schema is no difference, nor is an order of keys.

    Twilio does not say that it keeps the order of a schema.
    """
    config = plain(dict(config))
    return {
        "friendly_name": name,
        "prompt": config.get("prompt"),
        "schema": completed(config.get("json_result_schema")),
        "examples": config.get("examples") or [],
    }


def operator_of(resource: Resource) -> dict[str, Any]:
    """A custom operator at Twilio as it compares."""
    config = resource.get("config")
    return operator_fields(str(resource.get("friendly_name", "")), config if isinstance(config, dict) else {})


def in_a_row(changes: Iterable[Iterable[Change]]) -> list[Change]:
    """All changes of several operations."""
    return [one for some in changes for one in some]
