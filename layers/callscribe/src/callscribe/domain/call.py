"""A call: who called whom, when, for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from callscribe.domain.sids import CallSid

ENDED_STATUSES = frozenset({"busy", "canceled", "completed", "failed", "no-answer"})
"""What a call may have come to (Twilio docs, "Call status values")."""

LONGEST_CALL = timedelta(hours=24)
"""Twilio ends a call after that (Twilio docs, Calls, "TimeLimit")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call to a configured number.

    `from_` and `to` are as Twilio gives them: mostly E.164, but a withheld number is "anonymous" or empty. `started` is
    in UTC. `seconds` is None while the call lasts.
    """

    sid: CallSid
    from_: str
    to: str
    direction: str
    started: datetime
    seconds: int | None

    @property
    def ended(self) -> datetime | None:
        """When it was over; None while it lasts."""
        return None if self.seconds is None else self.started + timedelta(seconds=self.seconds)

    @property
    def day(self) -> str:
        """The UTC day the call started on, as 2026-11-20."""
        return self.started.date().isoformat()

    def expires(self, retention_days: int) -> datetime:
        """When all items of the call leave the table."""
        return self.started + timedelta(days=retention_days)


def masked(number: str) -> str:
    """A phone number as it may appear in a log: enough to recognise one's own, not enough to call it."""
    return f"{number[:2]}…{number[-2:]}" if len(number) > 6 else "…"
