"""Lists what may go wrong, for `callscribe-sim faults`."""

from collections.abc import Iterator

from callscribe_tools.simulator.faults import WHAT_HAPPENS


def listed() -> Iterator[str]:
    """Tell each kind in a line: its name, and what happens."""
    width = max(map(len, WHAT_HAPPENS))
    for kind, what in WHAT_HAPPENS.items():
        yield f"{kind:<{width}}  {what}"
