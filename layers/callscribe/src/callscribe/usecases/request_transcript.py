"""Asks Twilio for the transcript of a recording, once, however often the recording is reported.

Called by the `request_transcript` worker. Twilio's rule of one transcript for each recording is what makes a repetition
safe: before a second request the worker looks for the transcript of the first.
"""

from datetime import UTC, datetime
from enum import StrEnum

from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.domain.call import Call
from callscribe.domain.errors import NotFoundError, PermanentError, TransientError
from callscribe.domain.recording import LOOK_AGAIN, Event, Recording, State
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, TranscriptSid
from callscribe.domain.transcript import participants_of


class ClaimedElsewhereError(TransientError):
    """Another worker is asking for this transcript right now."""


class Outcome(StrEnum):
    """What came of a reported recording."""

    NOT_OURS = "not ours"
    SKIPPED = "skipped"
    SETTLED_BEFORE = "settled before"
    REQUESTED = "requested"
    REFUSED = "refused"


def request_transcript(
    recording_sid: RecordingSid,
    call_sid: CallSid,
    reported_status: str,
    *,
    table: CallTable,
    twilio: Twilio,
    settings: Settings,
    deadline: datetime,
) -> Outcome:
    """Settle what the reported recording is worth, and ask for its transcript.

    Parameters:
        reported_status: the callback's RecordingStatus.
        deadline: when this worker stops whether it is done or not; its claim lasts as long.

    Raises:
        ClaimedElsewhereError: the message must come back later; it may not be acknowledged.
        TransientError: likewise.
    """
    # Twilio's REST API is not documented to know absent recordings, so of these the callback must be believed.
    recording = None if reported_status == "absent" else twilio.recording(recording_sid)
    call = twilio.call(recording.call_sid if recording else call_sid)
    number = settings.numbers.get(call.to)
    if number is None:
        return Outcome.NOT_OURS
    table.put_call(call)
    if recording is None:
        table.move(Event.NOT_WORTH_IT, call, recording_sid, reason="absent")
        return Outcome.SKIPPED

    if recording.status == "processing":
        raise TransientError(f"recording {recording_sid} of call {call_sid} is not finished at Twilio yet")
    about = recording.about()
    if reason := recording.not_worth_transcribing():
        table.move(Event.NOT_WORTH_IT, call, recording_sid, reason=reason, **about)
        return Outcome.SKIPPED
    table.move(Event.HEARD_OF, call, recording_sid, due_at=datetime.now(UTC) + LOOK_AGAIN, **about)
    claim = table.move(Event.CLAIMED, call, recording_sid, due_at=deadline)
    if not claim.happened:
        if claim.state is State.REQUESTING:
            raise ClaimedElsewhereError(f"recording {recording_sid} of call {call_sid} is being requested")
        return Outcome.SETTLED_BEFORE

    try:
        transcript_sid = _transcript(recording, number.service_sid, call, twilio, first_try=claim.attempts == 1)
    except PermanentError as error:
        table.move(Event.GIVEN_UP, call, recording_sid, reason=error.reason)
        return Outcome.REFUSED
    table.move(
        Event.TRANSCRIPT_CREATED,
        call,
        recording_sid,
        due_at=datetime.now(UTC) + LOOK_AGAIN,
        transcript=transcript_sid,
    )
    return Outcome.REQUESTED


def _transcript(
    recording: Recording, service_sid: ServiceSid, call: Call, twilio: Twilio, *, first_try: bool
) -> TranscriptSid:
    """Ask for the transcript, or adopt the one that an earlier try or somebody else has asked for."""
    if not first_try and (found := twilio.transcript_of(recording.sid, service_sid)):
        return found
    try:
        return twilio.create_transcript(recording, service_sid, participants_of(call, recording))
    except PermanentError as error:
        # What Twilio answers to a second request is not documented, so any refusal may be that.
        if found := twilio.transcript_of(recording.sid, service_sid):
            return found
        if isinstance(error, NotFoundError):
            # What is created cannot be missing, so it is the Service; the settings can be mended, like a refused key.
            raise TransientError(f"{error}: check the number's service_sid in the settings") from error
        raise
