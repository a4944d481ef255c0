"""Looks at the table while calls come in, and notes when each call has come to its end there."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from callscribe.adapters.call_lists import CallLists
from callscribe.domain.errors import TransientError
from callscribe_tools.local_callscribe import SETTLED
from callscribe_tools.simulator import Call

MOST_FAILURES = 5
"""How often in a row a look may fail before nobody looks any more."""

_LOOK_SECONDS = 1.0

type Rows = Mapping[str, Mapping[str, Any]]


@dataclass
class Watch:
    """When each call was first seen to have ended and to be settled, in seconds since 1970; looks `every` so many."""

    lists: CallLists
    every: float = _LOOK_SECONDS
    settled: dict[str, float] = field(default_factory=dict)
    _waiting: dict[str, Call] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _since: datetime = field(default_factory=lambda: datetime.now(UTC))
    _over: threading.Event = field(default_factory=threading.Event)
    _failure: Exception | None = None

    def add(self, call: Call) -> None:
        """Wait for this call too."""
        with self._lock:
            self._waiting[call.sid] = call

    @property
    def waiting(self) -> list[Call]:
        """The calls that have not come to their end.

        Raises whatever has ended the looking: nobody may wait for what is not looked at.
        """
        self._check()
        with self._lock:
            return list(self._waiting.values())

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look every now and then while the block runs; raises at its end what has ended the looking before."""
        thread = threading.Thread(target=self._run, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
        self._check()

    def _run(self) -> None:
        try:
            self._look_until_over()
        except Exception as error:  # noqa: BLE001 (raised where somebody waits)
            self._failure = error

    def _look_until_over(self) -> None:
        failures = 0
        while not self._over.wait(self.every):
            try:
                self.look()
                failures = 0
            except TransientError:
                failures += 1
                if failures == MOST_FAILURES:
                    raise

    def _check(self) -> None:
        if self._failure:
            raise self._failure

    def look(self) -> None:
        """Look once."""
        now, rows = time.time(), self._rows()
        for call in self.waiting:
            if _is_settled(call, rows[call.sid]):
                with self._lock:
                    self.settled[call.sid] = now
                    del self._waiting[call.sid]

    def _rows(self) -> dict[str, Rows]:
        rows: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
        day = self._since.date()
        while day <= datetime.now(UTC).date():
            for row in self.lists.of_day(day):
                rows[row["pk"].removeprefix("CALL#")][row["sk"]] = row
            day += timedelta(days=1)
        return defaultdict(dict, rows)


def _is_settled(call: Call, rows: Rows) -> bool:
    """Whether the call is over, and so is the recording that counts, in the table."""
    if "seconds" not in rows.get("CALL", {}):
        return False
    return all(
        rows.get(f"RECORDING#{one.sid}", {}).get("state") in SETTLED for one in call.recordings if one.channels == 2
    )
