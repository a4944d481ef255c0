"""The events that the functions are measured with: files under `events/`, as Lambda hands them over."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from callscribe_tools.bench.errors import BenchError
from callscribe_tools.local_aws.paths import ROOT

_EVENTS = ROOT / "events"

# The cases that most calls are, where a function has several.
_USUAL = ("call", "completed", "transcript_available")


def cases(function: str) -> list[str]:
    """The cases of a function, the usual one first.

    Raises:
        BenchError: it has none.
    """
    found = sorted(file.stem for file in (_EVENTS / function).glob("*.json"))
    if not found:
        raise BenchError(f"{function} has no event to be measured with: add one to events/{function}")
    return sorted(found, key=lambda case: case not in _USUAL)


def event(function: str, case: str, *, body: str | None = None) -> dict[str, Any]:
    """One event, as it would come now. `body` replaces that of a queue's message."""
    made: dict[str, Any] = json.loads((_EVENTS / function / f"{case}.json").read_text("utf-8"))
    for record in made.get("Records", []):
        record["attributes"]["SentTimestamp"] = str(round(time.time() * 1000))
        record["body"] = record["body"] if body is None else body
    return made


def is_http(made: Mapping[str, Any]) -> bool:
    """Whether an event comes from API Gateway."""
    return "requestContext" in made


def form(made: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that a queue's message carries, when it is a form."""
    return dict(parse_qsl(made["Records"][0]["body"]))
