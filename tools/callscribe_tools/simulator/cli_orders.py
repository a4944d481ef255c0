"""Reads, for `callscribe-sim serve`, the scenarios that somebody types while the simulator is served."""

import os
import select
import sys
from collections.abc import Callable, Iterator

from callscribe_tools.simulator.cli_watch import LOOK_SECONDS


def orders(look: Callable[[], None]) -> Iterator[str]:
    """Give each line of standard input as it comes, and go on without end when there is no more.

    Parameters
    ----------
    look:
        Called again and again meanwhile; what it raises ends the reading.
    """
    # Read without Python's buffer: `select` does not see what is left in that.
    source, unread = [sys.stdin.fileno()], b""
    while True:
        look()
        ready, _, _ = select.select(source, [], [], LOOK_SECONDS)
        if not ready:
            continue
        chunk = os.read(ready[0], 4096)
        if not chunk:
            source = []
        *whole, unread = (unread + (chunk or b"\n")).split(b"\n")
        yield from filter(None, (line.decode(errors="replace").strip() for line in whole))
