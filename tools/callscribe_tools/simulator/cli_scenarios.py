"""Lists the scenarios that are shipped, for `callscribe-sim scenarios`."""

import re
from collections.abc import Iterator
from pathlib import Path

from callscribe_tools.simulator.scenario import SCENARIOS, Scenario, load_scenario

_COMMENT = re.compile(r"(?:#.*\n)+")
_ENDS = {"stored": "stored", "skipped": "skipped", "failed": "failed", "nothing": "nothing recorded"}


def listed() -> Iterator[str]:
    """Tell each in a line: its name, how it ends for an application like ours, and what happens."""
    shipped = [(path, load_scenario(path)) for path in sorted(SCENARIOS.glob("*.yaml"))]
    width = max(len(scenario.name) for _, scenario in shipped)
    ends = [_end(scenario) for _, scenario in shipped]
    for (path, scenario), end in zip(shipped, ends, strict=True):
        yield f"{scenario.name:<{width}}  {end:<{max(map(len, ends))}}  {_what_happens(path)}"


def _end(scenario: Scenario) -> str:
    return _ENDS[scenario.expect] + (f" ({scenario.reason})" if scenario.reason else "")


def _what_happens(path: Path) -> str:
    """Give the first sentence of the comment that the file begins with."""
    comment = _COMMENT.match(path.read_text(encoding="utf-8"))
    text = " ".join(line.strip("# ") for line in comment[0].splitlines()) if comment else ""
    return text.partition(". ")[0].rstrip(".") + "."
