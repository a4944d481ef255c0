"""Stores what Conversational Intelligence made of a call. Called by the `store_insights` worker.

The webhook is a hint: everything is read from Twilio. Sentences are written first, operator results next, the move to
`stored` last: a recording that is `stored` has all its insights, whenever a worker was killed before.
"""

from datetime import UTC, datetime
from enum import StrEnum

from callscribe.adapters.event_bus import EventBus
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.domain.errors import TransientError, UnreadableError
from callscribe.domain.recording import LOOK_AGAIN, Event
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid
from callscribe.domain.transcript import Insights, Transcript, participants_of


class Outcome(StrEnum):
    """What came of a reported transcript."""

    NOT_OURS = "not ours"
    FAILED = "failed"
    STORED = "stored"


def store_insights(
    transcript_sid: TranscriptSid,
    *,
    table: CallTable,
    twilio: Twilio,
    event_bus: EventBus,
    settings: Settings,
) -> Outcome:
    """Store the transcript if it is completed and under one of our Services, or the reason why there is none.

    Raises:
        NotFoundError: Twilio no longer has the transcript, its recording or its call.
        UnreadableError: nothing tells which call the transcript is of.
        TransientError: the message must come back later.
    """
    transcript = twilio.transcript(transcript_sid)
    if transcript.service_sid not in settings.service_sids:
        return Outcome.NOT_OURS
    if transcript.status != "completed" and not transcript.failed:
        # Nothing else may ever tell that it is: no retry of this webhook is documented.
        raise TransientError(f"transcript {transcript.sid} is {transcript.status}, and not completed yet")

    recording = twilio.recording(transcript.source_sid or _recording_of(transcript, table))
    call = twilio.call(recording.call_sid)
    table.put_call(call)
    about = recording.about()
    if transcript.failed:
        # The webhook may have overtaken the callback, and a recording nobody has heard of cannot fail.
        table.move(Event.HEARD_OF, call, recording.sid, due_at=datetime.now(UTC) + LOOK_AGAIN, **about)
        table.move(
            Event.TRANSCRIPT_FAILED,
            call,
            recording.sid,
            reason=f"transcript_{transcript.status}",
            transcript=transcript.sid,
        )
        return Outcome.FAILED

    insights = Insights(
        call_sid=call.sid,
        recording_sid=recording.sid,
        transcript=transcript,
        participants=participants_of(call, recording),
        sentences=twilio.sentences(transcript.sid),
        results=twilio.operator_results(transcript.sid),
    )
    table.put_insights(insights, call)
    # Before the move: a worker killed between the two announces the call twice, never not at all.
    event_bus.call_stored(insights)
    table.move(
        Event.TRANSCRIPT_STORED,
        call,
        recording.sid,
        transcript=transcript.sid,
        **about,
    )
    return Outcome.STORED


def _recording_of(transcript: Transcript, table: CallTable) -> RecordingSid:
    """The recording of a transcript that does not tell, from the row that noted its creation."""
    try:
        # The customer key of our own requests.
        call_sid = CallSid(transcript.customer_key or "")
    except ValueError:
        raise UnreadableError(
            f"transcript {transcript.sid} has neither a source nor a call for a customer key"
        ) from None
    recording_sid = table.recording_of(call_sid, transcript.sid)
    if recording_sid is None:
        raise TransientError(f"transcript {transcript.sid} of call {call_sid} came before its creation was noted")
    return recording_sid
