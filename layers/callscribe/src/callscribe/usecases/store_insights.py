"""Stores what Conversational Intelligence made of a call. Called by the `store_insights` worker.

The webhook is a hint: everything is read from Twilio. Sentences are written first, operator results next, the move to
`stored` last: a recording that is `stored` has all its insights, whenever a worker was killed before.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from callscribe.adapters.event_bus import EventBus
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.domain.call import Call
from callscribe.domain.errors import NotFoundError, PermanentError, TransientError, UnreadableError
from callscribe.domain.recording import LOOK_AGAIN, Event, Recording
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, TranscriptSid
from callscribe.domain.transcript import Configuration, Insights, Transcript, made_by


class Outcome(StrEnum):
    """What came of a reported transcript."""

    NOT_OURS = "not ours"
    FAILED = "failed"
    STORED = "stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where insights go. `unredacted` is None where what Twilio redacts is not kept."""

    table: CallTable
    unredacted: CallTable | None
    event_bus: EventBus


def store_insights(transcript_sid: TranscriptSid, *, stores: Stores, twilio: Twilio, settings: Settings) -> Outcome:
    """Store the transcript if it is completed and under one of our Services, or the reason why there is none.

    Raises:
        NotFoundError: Twilio no longer has the transcript or its call.
        UnreadableError: nothing tells which recording the transcript is of, or an answer is of another shape.
        TransientError: the message must come back later.
    """
    transcript = twilio.transcript(transcript_sid)
    if not _is_ours(transcript, stores.table, settings):
        return Outcome.NOT_OURS
    if transcript.status != "completed" and not transcript.failed:
        # Nothing else may ever tell that it is: no retry of this webhook is documented.
        raise TransientError(f"transcript {transcript.sid} is {transcript.status}, and not completed yet")
    recording = _recording_of(transcript, stores.table, twilio)
    call = twilio.call(recording.call_sid)
    stores.table.put_call(call)
    if transcript.failed:
        return _fail(transcript, recording, call, stores.table)
    # Recordings belong to the whole account: those of other numbers' calls are not ours to delete.
    deletes = call.to in settings.numbers
    _store(transcript, recording, call, stores, twilio, days=settings.recording_retention_days if deletes else None)
    # Only now: until the recording in two channels is stored, this one may have to stand in for it.
    # <Dial>'s recording has none: what <Record> made beside it is a message left later.
    if deletes and not recording.made_by_record and not recording.made_by_dial:
        _delete_spare_recordings(call, stores.table, twilio)
    return Outcome.STORED


def _is_ours(transcript: Transcript, table: CallTable, settings: Settings) -> bool:
    """Whether it is under one of our Services, or was when we asked for it."""
    return transcript.service_sid in settings.service_sids or _noted(transcript, table) is not None


def _fail(transcript: Transcript, recording: Recording, call: Call, table: CallTable) -> Outcome:
    # The webhook may have overtaken the callback, and a recording nobody has heard of cannot fail.
    table.move(Event.HEARD_OF, call, recording.sid, due_at=datetime.now(UTC) + LOOK_AGAIN, **recording.about())
    reason = f"transcript_{transcript.status}"
    table.move(Event.TRANSCRIPT_FAILED, call, recording.sid, reason=reason, transcript=transcript.sid)
    return Outcome.FAILED


def _store(
    transcript: Transcript, recording: Recording, call: Call, stores: Stores, twilio: Twilio, *, days: int | None
) -> None:
    insights = _insights(transcript, recording, call, twilio)
    if transcript.redaction and stores.unredacted:
        stores.unredacted.put_insights(_unredacted(insights, twilio), call)
    stores.table.put_insights(insights, call)
    # Before the move: a worker killed between the two announces the call twice, never not at all.
    stores.event_bus.call_stored(insights)
    stores.table.move(
        Event.TRANSCRIPT_STORED,
        call,
        recording.sid,
        transcript=transcript.sid,
        delete_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
        **recording.about(),
    )


def _insights(transcript: Transcript, recording: Recording, call: Call, twilio: Twilio) -> Insights:
    results = twilio.operator_results(transcript.sid, redacted=True)
    service, operators = _configurations(transcript, twilio) if results else (None, {})
    return Insights(
        call_sid=call.sid,
        recording_sid=recording.sid,
        transcript=transcript,
        participants=twilio.participants(call, recording),
        sentences=twilio.sentences(transcript.sid, redacted=True),
        results=[made_by(result, transcript, service, operators) for result in results],
    )


def _configurations(transcript: Transcript, twilio: Twilio) -> tuple[Configuration | None, dict[str, Configuration]]:
    """What the operator results may have been made with; unknown where Twilio does not tell: no call depends on it."""
    try:
        return twilio.service(transcript.service_sid), twilio.operators()
    except (PermanentError, UnreadableError):
        return None, {}


def _unredacted(insights: Insights, twilio: Twilio) -> Insights:
    sid = insights.transcript.sid
    origins = {result.get("operator_sid"): result["made_by"] for result in insights.results}
    results = twilio.operator_results(sid, redacted=False)
    return insights.model_copy(
        update={
            "sentences": twilio.sentences(sid, redacted=False),
            "results": [{**result, "made_by": origins.get(result.get("operator_sid"))} for result in results],
        }
    )


def _delete_spare_recordings(call: Call, table: CallTable, twilio: Twilio) -> None:
    """Delete what <Record> has recorded in one channel beside the recording in two.

    What Twilio does not delete now, `delete_recordings` goes on trying to: the call is stored, and need not wait.
    """
    spares = [
        one
        for one in twilio.recordings_of(call.sid)
        if one.made_by_record and (one.unfinished or one.status == "completed")
    ]
    # One that has a row was reported by itself, and is transcribed.
    known = table.knows(call.sid) if spares else set()
    for spare in spares:
        if spare.sid not in known and not _is_deleted(spare, twilio):
            now = datetime.now(UTC)
            table.move(Event.NOT_WORTH_IT, call, spare.sid, reason="spare", delete_at=now, **spare.about())


def _is_deleted(recording: Recording, twilio: Twilio) -> bool:
    if recording.unfinished:
        # Only completed recordings can be deleted (Twilio docs, Recordings).
        return False
    try:
        twilio.delete_recording(recording.sid)
    except (PermanentError, TransientError):
        return False
    return True


def _recording_of(transcript: Transcript, table: CallTable, twilio: Twilio) -> Recording:
    """The recording of a transcript, from Twilio; of one that was deleted there, what its row tells."""
    noted = None if transcript.source_sid else _noted(transcript, table)
    sid = transcript.source_sid or (noted.sid if noted else None)
    if sid is None:
        if _call_sid(transcript) is None:
            raise UnreadableError(f"transcript {transcript.sid} has neither a source nor a call for a customer key")
        raise TransientError(f"transcript {transcript.sid} came before its creation was noted")
    try:
        return twilio.recording(sid)
    except NotFoundError:
        if noted := noted or _noted(transcript, table):
            return noted
        raise


def _noted(transcript: Transcript, table: CallTable) -> Recording | None:
    """The recording of a transcript, from the row that noted its creation."""
    call_sid = _call_sid(transcript)
    return table.recording_of(call_sid, transcript.sid) if call_sid else None


def _call_sid(transcript: Transcript) -> CallSid | None:
    """The call that is the customer key of our own requests."""
    try:
        return CallSid(transcript.customer_key or "")
    except ValueError:
        return None
