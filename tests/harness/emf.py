"""What the functions told CloudWatch in the embedded metric format, read from what they printed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

TOLD_BY_EACH_SWEEP = frozenset(
    {
        "BudgetUsed",
        "CallsStored",
        "ErasuresUnfinished",
        "OldestUnsettled",
        "RecordingsAccepted",
        "RecordingsFailed",
        "RecordingsSkipped",
        "Repaired",
        "SweepBehind",
    }
)
"""The metrics that have values whether calls come or not."""

TOLD_BY_EACH_DELETION = frozenset({"DeletionsOverdue", "DeletionsRefused", "OldestDeletion"})
"""Likewise, by each run of `delete_recordings`."""


@dataclass(frozen=True)
class Told:
    """One metric of one line. `by` is the value of its further dimension; `line` is all that stands there."""

    name: str
    unit: str
    values: list[float]
    by: str | None
    dimensions: list[list[str]]
    line: dict[str, Any]


def metrics_in(printed: str | Iterable[str], name: str | None = None) -> list[Told]:
    """The metrics of these lines, or those of one name."""
    lines = printed.splitlines() if isinstance(printed, str) else printed
    told = [one for line in lines if line.startswith('{"_aws"') for one in _of(json.loads(line))]
    return [one for one in told if name in {None, one.name}]


def happened_in(printed: str, name: str) -> list[Told]:
    """The same of one name, without the zeros that the sweep tells."""
    return [one for one in metrics_in(printed, name) if any(one.values)]


def _of(line: dict[str, Any]) -> list[Told]:
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Callscribe"
    dimensions: list[list[str]] = directive["Dimensions"]
    assert dimensions[0] == ["service", "environment"]
    assert all(isinstance(line[key], str) and line[key] for keys in dimensions for key in keys)
    further = [keys[2] for keys in dimensions[1:] if keys[:2] == dimensions[0]]
    assert len(further) == len(dimensions) - 1
    by = line[further[0]] if further else None
    return [Told(one["Name"], one["Unit"], line[one["Name"]], by, dimensions, line) for one in directive["Metrics"]]
