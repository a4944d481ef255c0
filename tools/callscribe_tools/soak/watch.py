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
from callscribe_tools.local_callscribe import SETTLED
from callscribe_tools.simulator import Call

_LOOK_SECONDS = 1.0

type Rows = Mapping[str, Mapping[str, Any]]


@dataclass
class Watch:
    """When each call was first seen to have ended and to be settled, in seconds since 1970."""

    lists: CallLists
    settled: dict[str, float] = field(default_factory=dict)
    _waiting: dict[str, Call] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _since: datetime = field(default_factory=lambda: datetime.now(UTC))
    _over: threading.Event = field(default_factory=threading.Event)

    def add(self, call: Call) -> None:
        """Wait for this call too."""
        with self._lock:
            self._waiting[call.sid] = call

    @property
    def waiting(self) -> list[Call]:
        """The calls that have not come to their end."""
        with self._lock:
            return list(self._waiting.values())

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look every now and then while the block runs."""
        thread = threading.Thread(target=self._run, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _run(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self.look()

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
