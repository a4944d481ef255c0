"""Holds deliveries back, and makes them when their time has come: by a thread while served, else when told to.

`deliveries` puts them here. They are made one after the other, in the order of their time.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from callscribe_tools.simulator.background import in_background, told_by_check
from callscribe_tools.simulator.fault_record import FaultRecord
from callscribe_tools.simulator.faults import FaultKind
from callscribe_tools.simulator.state import Call, State


@dataclass(eq=False)
class _Held:
    call: Call
    kind: FaultKind
    send: Callable[[], None]
    due: float
    """On the monotonic clock, in seconds."""
    taken: bool = False
    """Whether it is being sent."""


class HeldDeliveries:
    """Everything of all calls that is sent later than it should be."""

    def __init__(self, state: State, record: FaultRecord) -> None:
        self._state = state
        self._record = record
        self._held: list[_Held] = []
        self._ended = False

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, call: Call, kind: FaultKind, send: Callable[[], None]) -> None:
        """Keep a delivery for the time that the call's pace says."""
        with self._state.lock:
            self._record.begin(kind, call.sid)
            self._held.append(_Held(call, kind, send, time.monotonic() + call.faults.pace.late_seconds))
            self._state.lock.notify_all()

    def release(self, call: Call) -> None:
        """Let go what the call holds until its transcript's webhook has been sent."""
        with self._state.lock:
            for one in self._held:
                if one.call is call and one.kind is FaultKind.REORDERED_WEBHOOKS:
                    one.due = 0.0
            self._state.lock.notify_all()

    def deliver(self) -> int:
        """Make all deliveries that are held, whatever their time, and say how many."""
        made = 0
        while (one := self._take()) is not None:
            self._make(one)
            made += 1
        return made

    @contextmanager
    def running(self) -> Iterator[None]:
        """Deliver by time while the block runs; raises as `in_background` does."""
        self._ended = False
        with in_background("held deliveries", self._run, self._end):
            yield

    def _end(self) -> None:
        with self._state.lock:
            self._ended = True
            self._state.lock.notify_all()

    def _run(self) -> None:
        while (one := self._wait()) is not None:
            self._make(one)

    def _wait(self) -> _Held | None:
        """Wait until something is due; None: it is time to end."""
        with self._state.lock:
            while not self._ended:
                # One moment for both: what is due a moment later has not been put off yet.
                now = time.monotonic()
                self._put_off(now)
                one = self._take(until=now)
                if one is not None:
                    return one
                self._state.lock.wait(self._next_change())
            return None

    def _put_off(self, now: float) -> None:
        """Let what waits for a transcript's webhook wait on, where that is still to come."""
        for one in self._held:
            if one.kind is FaultKind.REORDERED_WEBHOOKS and 0 < one.due <= now and self._transcript_comes(one.call):
                one.due = now + one.call.faults.pace.late_seconds

    def _transcript_comes(self, call: Call) -> bool:
        return any(one.call is call and (one.will_end or one.ending) for one in self._state.transcripts.values())

    def _take(self, until: float = math.inf) -> _Held | None:
        """Take the next one that is due; until it has been sent it counts as held."""
        with self._state.lock:
            ready = [one for one in self._held if one.due <= until and not one.taken]
            if not ready:
                return None
            one = min(ready, key=lambda held: held.due)
            one.taken = True
            return one

    def _next_change(self) -> float | None:
        times = [one.due for one in self._held if not one.taken]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _make(self, one: _Held) -> None:
        try:
            with told_by_check(self._state, f"call {one.call.sid}"):
                one.send()
        finally:
            with self._state.lock:
                self._held.remove(one)
                self._record.end(one.kind, one.call.sid)
