"""Lists calls from the index `by_day`: a call's own item and those of its recordings, and no read for each call."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.dynamodb import iso
from callscribe.adapters.items import call_sid_of
from callscribe.domain.call import WITHHELD, phone_number
from callscribe.domain.recording import State
from callscribe.domain.sids import CallSid
from callscribe_tools.operator.printing import Tell
from callscribe_tools.show import shown

SKEW = timedelta(minutes=5)
"""A call's day is what its first writer took for it, and its start may be told more exactly later."""

_TOKEN = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)/(CA[0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list: the last call that was listed. Calls go from the latest to the first, then by their SIDs."""

    started: datetime
    call_sid: str

    @classmethod
    def read(cls, token: str) -> "Place":
        """Read a token; raises ValueError where it is none."""
        if not (found := _TOKEN.fullmatch(token)):
            raise ValueError("no token")
        return cls(datetime.fromisoformat(found[1]), found[2])

    def token(self) -> str:
        """The place as text for a command line."""
        return f"{iso(self.started)}/{self.call_sid}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A call as the index tells of it. `call` is its own item, empty where there is none yet."""

    sid: CallSid
    started: datetime
    call: Mapping[str, Any]
    recordings: Sequence[Mapping[str, Any]]

    @property
    def key(self) -> tuple[datetime, str]:
        """What the list is in the order of."""
        return self.started, self.sid

    @property
    def numbers(self) -> set[str]:
        """The numbers that identify somebody who took part."""
        return {text for name in ("from", "to") if (text := phone_number(str(self.call.get(name) or "")))}

    @property
    def seconds(self) -> int | None:
        """How long the call was; None while nobody has told."""
        return None if self.call.get("seconds") is None else int(self.call["seconds"])

    def states(self) -> list[str]:
        """Where each recording stands, with the reason."""
        return [f"{one['state']} ({one['reason']})" if one.get("reason") else str(one["state"]) for one in self._rows()]

    def told(self) -> dict[str, Any]:
        """The call for --json."""
        return {
            "call_sid": self.sid,
            "started": iso(self.started),
            **{name: shown(self.call.get(name)) for name in ("from", "to")},
            "direction": self.call.get("direction"),
            "seconds": self.seconds,
            "recordings": [
                {
                    "recording_sid": one["sk"].removeprefix("RECORDING#"),
                    "state": one["state"],
                    "reason": one.get("reason"),
                }
                for one in self._rows()
            ],
        }

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        return (one for one in self.recordings if "state" in one)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which calls: those that began from `since` on and before `until`, behind `after`, and still kept.

    `number` is the caller's or the called one, in E.164. `state` is that of any of its recordings.
    """

    since: datetime
    until: datetime
    number: str | None = None
    state: State | None = None
    after: Place | None = None
    retention: timedelta

    def has(self, call: Listed) -> bool:
        """Whether the call is one of them."""
        return (
            max(self.since, datetime.now(UTC) - self.retention) <= call.started < self.until
            and (self.after is None or call.key < (self.after.started, self.after.call_sid))
            and (self.number is None or self.number in call.numbers)
            and (self.state is None or any(one.get("state") == self.state for one in call.recordings))
        )

    def days(self) -> Iterator[date]:
        """The UTC days that may have them, the latest first."""
        last = min(self.until, self.after.started + SKEW if self.after else self.until)
        first = (max(self.since, datetime.now(UTC) - self.retention) - SKEW).date()
        day = (last + SKEW).date()
        while day >= first:
            yield day
            day -= timedelta(days=1)


def why_no_number(text: str) -> str | None:
    """Say why calls cannot be found by this number; None where they can."""
    if word := WITHHELD.get(text):
        return (
            f'{text} means "{word}": Twilio writes it for callers who withhold their number, so it identifies nobody. '
            "Find the call by its time with `callscribe calls`, and name it by its SID."
        )
    if not phone_number(text):
        return (
            "It is no phone number in E.164, without spaces, as +12025550142. Calls without a number go by their SIDs."
        )
    return None


def listed(lists: CallLists, wanted: Wanted, tell: Tell) -> Iterator[Listed]:
    """Find calls, the latest first, by one Query for each UTC day and no more days than are asked for.

    Raises what `CallLists` does.
    """
    waiting: dict[CallSid, list[dict[str, Any]]] = {}
    for day in wanted.days():
        tell(f"Reading the calls of {day}")
        for row in lists.of_day(day):
            waiting.setdefault(call_sid_of(row), []).append(row)
        # A row of the day before may belong to a call about midnight, so that one waits.
        settled = datetime.combine(day, datetime.min.time(), UTC) + SKEW
        ready = [call for call in _calls(waiting) if call.started >= settled]
        for call in ready:
            del waiting[call.sid]
        yield from _in_order(ready, wanted)
    yield from _in_order(_calls(waiting), wanted)


def _in_order(calls: Iterable[Listed], wanted: Wanted) -> Iterator[Listed]:
    return iter(sorted(filter(wanted.has, calls), key=lambda call: call.key, reverse=True))


def _calls(rows: Mapping[CallSid, Sequence[Mapping[str, Any]]]) -> list[Listed]:
    return [_call(sid, some) for sid, some in rows.items()]


def _call(sid: CallSid, rows: Sequence[Mapping[str, Any]]) -> Listed:
    own = next((row for row in rows if row["sk"] == "CALL"), {})
    recordings = [row for row in rows if row["sk"].startswith("RECORDING#")]
    started = datetime.fromisoformat((own or rows[0])["started"])
    return Listed(sid, started, own, sorted(recordings, key=lambda row: str(row["sk"])))
