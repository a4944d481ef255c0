"""Stores what Conversational Intelligence made of a call. Called by the `store_insights` worker.

The webhook is a hint: everything is read from Twilio. Sentences are written first, operator results next, the move to
`stored` last, so that a worker killed anywhere leaves nothing half done that anyone would read.
"""

from enum import StrEnum

from callscribe.adapters.event_bus import EventBus
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.domain.recording import Event
from callscribe.domain.settings import Settings
from callscribe.domain.sids import TranscriptSid
from callscribe.domain.transcript import Insights, participants_of


class Outcome(StrEnum):
    """What came of a reported transcript."""

    NOT_OURS = "not ours"
    NOT_YET = "not completed yet"
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
        TransientError: the message must come back later.
    """
    transcript = twilio.transcript(transcript_sid)
    if transcript.service_sid not in settings.service_sids:
        return Outcome.NOT_OURS
    if transcript.status != "completed" and not transcript.failed:
        return Outcome.NOT_YET

    recording = twilio.recording(transcript.source_sid)
    call = twilio.call(recording.call_sid)
    table.put_call(call)
    if transcript.failed:
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
        transcript=transcript,
        participants=participants_of(call, recording),
        sentences=twilio.sentences(transcript.sid),
        results=twilio.operator_results(transcript.sid),
    )
    table.put_insights(insights, call)
    # Before the move: a worker killed between the two announces the call twice, never not at all.
    event_bus.call_stored(call.sid, transcript)
    table.move(
        Event.TRANSCRIPT_STORED,
        call,
        recording.sid,
        transcript=transcript.sid,
        source=recording.source,
        channels=recording.channels,
        seconds=recording.seconds,
    )
    return Outcome.STORED
