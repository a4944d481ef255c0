"""When a recording is deleted at Twilio. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from callscribe.domain.recording import Recording, State, needs_attention
from callscribe.domain.settings import Settings

KEPT_FOR_A_PERSON = timedelta(days=14)
"""How long Twilio keeps at least the recording of a call that a person can still redrive: as long as dead letters."""


NOTED_DAYS = "recording_retention_days"
"""The attribute of a recording's row that holds the days of the settings, or null, as of when they held the number."""


def days_to_note(to: str, settings: Settings) -> dict[str, Any]:
    """Return what the row of a recording notes of the settings; nothing if they do not hold the number `to`.

    The settings may lose the number before the recording is settled. The row then keeps their promise.
    """
    return {NOTED_DAYS: settings.recording_retention_days} if to in settings.numbers else {}


def is_of_our_number(to: str, settings: Settings, row: Mapping[str, Any]) -> bool:
    """Whether the settings hold the number `to`, or held it when they were noted in the row of the recording."""
    return to in settings.numbers or NOTED_DAYS in row


def days_at_twilio(to: str, settings: Settings, row: Mapping[str, Any]) -> int | None:
    """Return how many days Twilio keeps a settled recording of a call to the number `to`.

    The current settings decide if they hold the number, and otherwise the settings that are noted in the row.

    Args:
        row: the row of the recording; may be empty if the settings hold the number.

    Returns:
        None if the recording stays at Twilio.
    """
    days = (days_to_note(to, settings) or row).get(NOTED_DAYS)
    return None if days is None else int(days)


def deletion_date(
    days: int | None, recording: Recording, state: State, reason: str | None, now: datetime
) -> datetime | None:
    """Tell when a recording is to be deleted at Twilio, if it comes to `state` now.

    The table may bring the date forward, so that the recording goes before its row expires.

    Args:
        days: as `days_at_twilio` returns them.

    Returns:
        None if the recording stays at Twilio, or is not ours.
    """
    if days is None or not recording.may_be_ours:
        return None
    kept = timedelta(days=days)
    return now + (max(kept, KEPT_FOR_A_PERSON) if needs_attention(state, reason) else kept)
