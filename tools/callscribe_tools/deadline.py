"""Deadlines by which something must have happened on this machine. A busy or slow machine gets more time."""

import hashlib
from collections.abc import Callable
from time import monotonic, thread_time

MOST_TIMES = 10.0
"""So many times its length a deadline grows to, and no more: somebody waits."""

_NOTEWORTHY = 1.5

_WORK = bytes(32 * 1024**2)
_WORK_SECONDS = 0.15
"""What that takes a processor of 2015 without instructions of its own for it."""


def slowness() -> float:
    """Measure how many times as long as usual work takes now; at least 1."""
    began, began_working = monotonic(), thread_time()
    hashlib.sha256(_WORK).digest()
    working = max(thread_time() - began_working, 1e-6)
    # The rest of the time other programs, or the limits of a container, have had the processor.
    waited = max(1.0, (monotonic() - began) / working)
    return waited * max(1.0, working / _WORK_SECONDS)


def blame(times: float) -> str:
    """Say that a machine is so many times as slow as usual, and what to do; empty where that explains nothing."""
    if times < _NOTEWORTHY:
        return ""
    return (
        f"This machine is {times:.1f} times as slow as usual now: it is too busy. "
        "End what else runs on it, and try again."
    )


class Deadline:
    """So many seconds from now, by the time that this machine needs for a second's work."""

    def __init__(self, seconds: float, measure: Callable[[], float] = slowness) -> None:
        self._seconds = seconds
        self._measure = measure
        self._began = monotonic()
        self._times = 1.0

    def is_over(self) -> bool:
        """Whether it has passed. The machine is measured only when it is about to have."""
        if self._passed() < self._seconds * self._times:
            return False
        self._times = min(max(self._times, self._measure()), MOST_TIMES)
        return self._passed() >= self._seconds * self._times

    def __str__(self) -> str:
        """How long was waited, as a sentence; and if the machine is to blame, what to do."""
        return " ".join(filter(None, [f"Waited {self._passed():.0f} s.", blame(self._times)]))

    def _passed(self) -> float:
        return monotonic() - self._began
