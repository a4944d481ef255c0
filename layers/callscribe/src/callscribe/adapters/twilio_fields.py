"""Reads single fields of Twilio's JSON. Pure; used by `twilio_json`.

An odd value costs the field and never the resource: each function returns None for a value that is missing, of
another type, or outside what the field can mean. What it returns can always be stored.
"""

from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime

MOST_DIGITS = 38
"""DynamoDB's numbers have no more (DynamoDB docs, "Number")."""

LONGEST_SECONDS = 7 * 24 * 3600
"""A length of more than a week is a mistake: Twilio ends a call after a day."""

_LONGEST_NUMBER = 100
"""Characters of a number that is worth reading."""

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Moments outside this time are a mistake, and dates near the ends of the calendar cannot be computed with."""


def number(value: object, most: int) -> Decimal | None:
    """Read a number from 0 to `most`, which Twilio writes as a number or as text."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
        return None
    try:
        read = Decimal(value)
    except ArithmeticError:
        return None
    if not read.is_finite() or not 0 <= read <= most:
        return None
    _, digits, exponent = read.as_tuple()
    small = isinstance(exponent, int) and exponent >= -MOST_DIGITS
    return read if small and len(digits) <= MOST_DIGITS else None


def whole(value: object, most: int) -> int | None:
    """Read a whole number from 0 to `most`."""
    read = number(value, most)
    return int(read) if read is not None and read == read.to_integral_value() else None


def text(value: object) -> str | None:
    """Read a text, which may be a number by mistake. Halves of characters, which nothing can encode, are replaced."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    return str(value).encode(errors="replace").decode()


def flag(value: object) -> bool | None:
    """Read a yes or no."""
    told = value.lower() if isinstance(value, str) else value
    return {True: True, "true": True, False: False, "false": False}.get(told) if isinstance(told, bool | str) else None


def moment(value: object) -> datetime | None:
    """Read a date of api.twilio.com, which are of RFC 2822, or of intelligence.twilio.com, which are of ISO 8601."""
    if not isinstance(value, str):
        return None
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            # A date without a zone cannot be compared with any other.
            found = read(value)
            return found.astimezone(UTC) if found.tzinfo and _FIRST <= found < _LAST else None
        except (IndexError, OverflowError, TypeError, ValueError):
            continue
    return None
