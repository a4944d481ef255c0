"""A call: who called whom, when, for how long."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from callscribe.domain.sids import CallSid

ENDED_STATUSES = frozenset({"busy", "canceled", "completed", "failed", "no-answer"})
"""What a call may have come to (Twilio docs, "Call status values")."""

LONGEST_CALL = timedelta(hours=24)
"""Twilio ends a call after that (Twilio docs, Calls, "TimeLimit")."""


# In North America a number has ten digits behind the 1. No international number has fewer than seven in all.
_NUMBER = re.compile(r"\+(?:1[2-9][0-9]{9}|[2-9][0-9]{6,14})")

WITHHELD: Mapping[str, str] = MappingProxyType(
    {
        "+266696687": "anonymous",
        "+7378742833": "restricted",
        # Twilio's own list has this misspelling of it.
        "+7378742883": "restricted",
        # Ten digits, which networks take for a North American number.
        "+17378742833": "restricted",
        "+17378742883": "restricted",
        "+2562533": "blocked",
        "+8656696": "unknown",
        "+86282452253": "unavailable",
        # These two are assumed: networks write the words, and nobody has listed their digits.
        "+7748283": "private",
        "+94484353": "withheld",
    }
)
"""What Twilio writes for callers who withhold their number: a word, typed on a telephone's keys.

Twilio support 223179988, "Why am I getting calls from these strange numbers?".
"""


def phone_number(text: str) -> str | None:
    """Return the number in E.164 that identifies one party of a call, or None if the text identifies nobody.

    Whatever takes a `From` or a `To` for somebody asks this first. A withheld number, an address such as `client:alice`
    or `sip:alice@example.com`, an internal extension and an empty text identify nobody.
    """
    return text if _NUMBER.fullmatch(text) and text not in WITHHELD else None


def shown_party(text: str) -> str:
    """Return a `From` or a `To` as people may read it: a withheld number as its word, anything else as it is."""
    return WITHHELD.get(text, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call to a configured number.

    `from_` and `to` are as Twilio gives them: mostly E.164; `phone_number` tells which of them identify somebody.
    `started` is in UTC. `seconds` is None while the call lasts.
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
    """A phone number as it may appear in a log: enough to recognise one's own, not enough to call it.

    Of a withheld number it is the word, of an address nothing: that may be somebody's name.
    """
    return f"{number[:2]}…{number[-2:]}" if phone_number(number) else WITHHELD.get(number, "…")
