"""Reads what `callscribe` is told on its command line, and refuses what cannot be meant. `cli` uses it.

Each reader takes the text of one option and gives its meaning; a mistake names what would be right.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid
from callscribe_tools.operator.calls import Place, why_no_number

ZoneOption = Annotated[
    str, typer.Option("--tz", metavar="ZONE", help="The time zone of days and times, as Europe/Berlin.")
]

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


def recording_sid(text: str) -> RecordingSid:
    """Read the SID of a recording.

    Raises:
        BadParameter: it is none.
    """
    try:
        return RecordingSid(text)
    except ValueError:
        raise typer.BadParameter(
            "it is no SID of a recording: RE and 32 hexadecimal digits, in small letters."
        ) from None


def transcript_sid(text: str) -> TranscriptSid:
    """Read the SID of a transcript.

    Raises:
        BadParameter: it is none.
    """
    try:
        return TranscriptSid(text)
    except ValueError:
        raise typer.BadParameter(
            "it is no SID of a transcript: GT and 32 hexadecimal digits, in small letters."
        ) from None


def zone(text: str) -> ZoneInfo:
    """Read a time zone by its name in the IANA's database.

    Raises:
        BadParameter: there is none of that name.
    """
    try:
        return ZoneInfo(text)
    except (OSError, ValueError, LookupError):
        raise typer.BadParameter(
            f"{text!r} is no time zone: write it as Europe/Berlin or UTC.", param_hint="--tz"
        ) from None


def day(text: str, where: ZoneInfo) -> tuple[datetime, datetime]:
    """Read a day: its beginning and that of the next one in the time zone, both in UTC.

    Raises:
        BadParameter: it is none.
    """
    try:
        first = date.fromisoformat(text)
        ends = [datetime.combine(one, time(), where) for one in (first, first + timedelta(days=1))]
        return ends[0].astimezone(UTC), ends[1].astimezone(UTC)
    except (OverflowError, ValueError):
        raise typer.BadParameter(f"{text!r} is no day: write it as 2026-11-20.", param_hint="--day") from None


def number(text: str) -> str:
    """Read a phone number in E.164.

    Raises:
        BadParameter: it is none.
    """
    if refusal := why_no_number(text):
        raise typer.BadParameter(refusal)
    return text


def place(text: str) -> Place:
    """Read where a list goes on.

    Raises:
        BadParameter: it is no token that a list has given.
    """
    try:
        return Place.read(text)
    except ValueError:
        raise typer.BadParameter("it is no token of an earlier list; leave it out to begin anew.") from None
