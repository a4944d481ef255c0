"""What transcription costs, about, before somebody asks for it."""

from collections.abc import Iterable

from callscribe.domain.recording import Recording
from callscribe_tools.words import quantity

DOLLARS_PER_MINUTE = 0.024
"""The list price of transcription alone, as remembered in November 2026 and not confirmed on Twilio's own page.

Operators are priced apart. Before relying on it, compare https://www.twilio.com/en-us/voice/pricing, and give yours."""


def minutes_of(recordings: Iterable[Recording]) -> int:
    """What is paid for, about: every minute of each recording that has begun."""
    return sum(one.minutes for one in recordings)


def priced(minutes: int, dollars_per_minute: float) -> str:
    """Minutes and what they cost, in words."""
    return (
        f"{quantity(minutes, 'minute')}; about ${minutes * dollars_per_minute:.2f} at ${dollars_per_minute:g} "
        "a minute, operators apart"
    )
