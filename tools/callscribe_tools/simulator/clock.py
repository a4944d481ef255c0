"""The one clock of everything that carries a date."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return this second, in UTC: Twilio's dates carry no fractions."""
    return datetime.now(UTC).replace(microsecond=0)
