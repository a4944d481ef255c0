"""Lets the recordings of a call be transcribed anew: their transcripts are deleted, then asked for, as Twilio demands.

Killed anywhere and begun again it comes to the same end: until the row has moved, what is deleted is deleted once more;
from then on the row is due, so that the sweep sends the message for it.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from callscribe.adapters.twilio import Twilio
from callscribe.domain import stand_ins
from callscribe.domain.errors import NotFoundError
from callscribe.domain.reconcile import Row
from callscribe.domain.recording import Event, Recording, State, needs_attention
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.printing import Tell

KEPT = timedelta(minutes=15)
"""How long nobody deletes a recording at Twilio after its transcripts were begun to be deleted, if this is killed."""

BEING_DELETED = "it was deleted at Twilio, or is being deleted there right now, because its date has passed"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recording of the call. `refused` says why it is left as it is; None where it can be transcribed anew."""

    sid: RecordingSid
    recording: Recording | None
    transcript: TranscriptSid | None
    refused: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retranscribed:
    """What came of a recording: `deleted` are the transcripts that were deleted at Twilio."""

    recording_sid: RecordingSid
    deleted: tuple[TranscriptSid, ...]
    outcome: str

    def told(self) -> dict[str, Any]:
        """The same for machines."""
        return asdict(self)


def candidates(environment: Environment, twilio: Twilio, call_sid: CallSid) -> list[Candidate]:
    """The recordings of a call that have a row, as Twilio has them now. Changes nothing.

    Raises the errors of `aws_errors` and `twilio_errors`.
    """
    return [_candidate(environment, twilio, sid, row) for sid, row in environment.table.knows(call_sid).items()]


def _candidate(environment: Environment, twilio: Twilio, sid: RecordingSid, row: Row) -> Candidate:
    transcript = TranscriptSid(row["transcript"]) if row.get("transcript") else None
    if refused := _refused_by_state(environment, row):
        return Candidate(sid, None, transcript, refused)
    try:
        recording = twilio.recording(sid)
    except NotFoundError:
        # Nothing may be deleted then: what was said would be lost.
        told = "Twilio has it no more, so its transcript is all that there is, and stays"
        return Candidate(sid, None, transcript, told)
    if recording.status != "completed":
        return Candidate(sid, recording, transcript, f"it is {recording.status} at Twilio")
    if reason := recording.not_worth_transcribing():
        return Candidate(sid, recording, transcript, f"Twilio would not transcribe it: {reason}")
    return Candidate(sid, recording, transcript, None)


def _refused_by_state(environment: Environment, row: Row) -> str | None:
    state, reason = State(row["state"]), row.get("reason")
    if "deleted_at" in row:
        return f"it was deleted at Twilio on {row['deleted_at'][:10]}, because its date had passed: its audio is gone"
    if state is State.STORED or needs_attention(state, reason):
        return None
    if state is State.ERASED:
        return "it is erased"
    if state is State.SKIPPED:
        return f"it was skipped as {reason}, and would be again"
    return f"it is {state}: let it come to its end first. Where it stands: {environment.command('show CA…')}"


def retranscribe(
    environment: Environment, twilio: Twilio, call_sid: CallSid, some: list[Candidate], progress: Tell
) -> Iterator[Retranscribed]:
    """Transcribe candidates anew; what it gives is done.

    Raises the errors of `aws_errors` and `twilio_errors`.
    """
    for one in some:
        # Before anything is deleted: its audio could be deleted at Twilio at the same time, and then nothing is left.
        if not environment.deletions.keep(call_sid, one.sid, datetime.now(UTC) + KEPT):
            yield Retranscribed(
                recording_sid=one.sid, deleted=(), outcome=f"left as it is: {BEING_DELETED}, and its transcript stays"
            )
            continue
        progress(f"Deleting the transcripts of recording {one.sid} at Twilio")
        found = [transcript.sid for transcript in twilio.transcripts_of(one.sid)]
        sids = dict.fromkeys([*([one.transcript] if one.transcript else []), *found])
        deleted = tuple(sid for sid in sids if twilio.delete_transcript(sid))
        move = environment.table.move(Event.RETRANSCRIBED, call_sid, one.sid, due_at=datetime.now(UTC), rounds=0)
        if move.happened:
            environment.recordings.queue.put(stand_ins.of_noted(call_sid, one.sid))
        outcome = "asked for anew" if move.happened else f"it is {move.state} by now, and goes on by itself"
        yield Retranscribed(recording_sid=one.sid, deleted=deleted, outcome=outcome)
