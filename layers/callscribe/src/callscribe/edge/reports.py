"""Says in log and metrics what came of a recording. Called by the workers that request transcripts."""

from collections.abc import Mapping
from typing import Any

from callscribe.domain.sids import RecordingSid
from callscribe.edge.metrics import tell_recording
from callscribe.edge.telemetry import logger


def report_recording(
    sid: RecordingSid | None,
    outcome: str,
    reason: str | None,
    *,
    participants_refused: str | None,
    measures: Mapping[str, Any],
) -> None:
    """Log the outcome of a recording, and count it.

    Args:
        sid: the recording.
        outcome: what came of it, in a word.
        reason: why, as far as there is a reason.
        participants_refused: why Twilio refused the participants, if it was asked again without them.
        measures: the arguments of `tell_recording`.
    """
    logger.info("recording settled", recording_sid=sid, outcome=outcome, reason=reason)
    if participants_refused:
        logger.warning(
            "participants refused: the transcript was requested without them",
            recording_sid=sid,
            reason=participants_refused,
        )
    tell_recording(**measures)
