"""Reads what `callscribe` is told on its command line, and refuses what cannot be meant. `cli` uses it.

Each reader takes the text of one option and gives its meaning; a mistake names what would be right.
"""

import re
from datetime import UTC, datetime, timedelta

import typer

from callscribe.domain.sids import CallSid

TIME = "30d, 12h, 2026-11-01 (from midnight, UTC) or 2026-11-01T09:00Z"
"""How a moment may be written, for the help of options that take one."""

_AGO = re.compile(r"(\d{1,5})([dhm])")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def moment(text: str) -> datetime:
    """Read a moment: so long ago, a day's beginning in UTC, or a time of ISO 8601.

    Raises:
        BadParameter: it is none of them, or is in the future.
    """
    now = datetime.now(UTC)
    try:
        if ago := _AGO.fullmatch(text):
            return now - int(ago[1]) * _UNITS[ago[2]]
        read = datetime.fromisoformat(text)
        # In UTC, the first and the last day may be beyond the calendar.
        read = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        raise typer.BadParameter(
            f"{text!r} is no time: write it as 30d, 12h, 2026-11-01 or 2026-11-01T09:00Z."
        ) from None
    if read > now:
        raise typer.BadParameter(f"{text!r} is in the future.")
    return read


def call_sid(text: str) -> CallSid:
    """Read the SID of a call.

    Raises:
        BadParameter: it is none.
    """
    try:
        return CallSid(text)
    except ValueError:
        raise typer.BadParameter("it is no SID of a call: CA and 32 hexadecimal digits, in small letters.") from None
