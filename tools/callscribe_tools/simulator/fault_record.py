"""Keeps what has really gone wrong, when, and until when: for a verdict that trusts no application.

A kind is kept once for each call, from the first to the last time it happened.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from callscribe_tools.simulator.faults import FaultKind, Injected
from callscribe_tools.simulator.state import State


class FaultRecord:
    """Writes `State.injected`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def begin(self, kind: FaultKind, call_sid: str) -> None:
        """Note that something is wrong from now on, until `end`."""
        with self._state.lock:
            one = self._one(kind, call_sid)
            one.going_on += 1
            one.ended = None

    def end(self, kind: FaultKind, call_sid: str) -> None:
        """Note that what began is over; the fault is when nothing more of it is going on."""
        with self._state.lock:
            one = self._one(kind, call_sid)
            one.going_on -= 1
            if not one.going_on:
                one.ended = time.time()

    def happen(self, kind: FaultKind, call_sid: str) -> None:
        """Note what is over as soon as it happens, as a webhook that is lost."""
        self.begin(kind, call_sid)
        self.end(kind, call_sid)

    @contextmanager
    def during(self, kind: FaultKind, call_sid: str) -> Iterator[None]:
        """Note what is wrong while the block runs."""
        self.begin(kind, call_sid)
        try:
            yield
        finally:
            self.end(kind, call_sid)

    def until(self, kind: FaultKind, call_sid: str, moment: float) -> None:
        """Note what is wrong and will be over at a known moment, in seconds since 1970."""
        with self._state.lock:
            one = self._one(kind, call_sid)
            one.ended = max(moment, one.ended or moment)

    def happen_to_all(self, kind: FaultKind) -> None:
        """Note what has met a request that belongs to no call; each is kept by itself."""
        at = time.time()
        with self._state.lock:
            self._state.injected.append(Injected(kind, None, at, at))

    def _one(self, kind: FaultKind, call_sid: str) -> Injected:
        for one in self._state.injected:
            if (one.kind, one.call_sid) == (kind, call_sid):
                return one
        one = Injected(kind, call_sid, time.time())
        self._state.injected.append(one)
        return one
