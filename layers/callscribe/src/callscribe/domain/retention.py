"""When a recording is deleted at Twilio. Pure."""

from datetime import datetime, timedelta

from callscribe.domain.call import Call
from callscribe.domain.recording import Recording, State, needs_attention
from callscribe.domain.settings import Settings

KEPT_FOR_A_PERSON = timedelta(days=14)
"""How long Twilio keeps at least the recording of a call that a person can still redrive: as long as dead letters."""


def deletion_date(
    call: Call, recording: Recording, settings: Settings, state: State, reason: str | None, now: datetime
) -> datetime | None:
    """Tell when the recording of a call is to be deleted at Twilio, if it comes to `state` now.

    The table may bring the date forward, so that the recording goes before its row expires.

    Returns:
        None where the recording stays at Twilio: the settings say so, they do not hold the number that was called, or
        the recording is not ours.
    """
    if settings.recording_retention_days is None or call.to not in settings.numbers or not recording.may_be_ours:
        return None
    kept = timedelta(days=settings.recording_retention_days)
    return now + (max(kept, KEPT_FOR_A_PERSON) if needs_attention(state, reason) else kept)
