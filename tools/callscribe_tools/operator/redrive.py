"""Sends again what has failed, once its cause is mended: dead letters, and recordings that wait for a person.

Killed anywhere it loses nothing. A letter is deleted only once it is on its queue, so that it is at worst sent twice,
which workers bear; a recording is due from the moment it begins anew, so that the sweep sends the message for it.

Workers run beside it, and bury again what is not mended. That is left to the next redrive: one that took it would not
end before every letter was redriven as often as it may be.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from callscribe.adapters.items import recording_of_row
from callscribe.domain import stand_ins
from callscribe.domain.patience import Swept
from callscribe.domain.recording import MOST_ROUNDS, SETTLED, Event, State, needs_attention
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid
from callscribe.domain.transcript import FAILED_STATUSES
from callscribe.edge.payloads import EndedCall
from callscribe_tools.operator.advice import AUDIO_IS_GONE, advice_on_letter
from callscribe_tools.operator.dead_letters import Letter
from callscribe_tools.operator.environment import Environment, Line
from callscribe_tools.operator.printing import Tell

TAKEN_SECONDS = 120
"""How long letters that are taken out are hidden: ten of them are sent again in a small part of that."""

ENDS_THE_SAME = frozenset(f"transcript_{status}" for status in FAILED_STATUSES)
"""Reasons that stay while the transcript does: Twilio makes one of a recording, and a worker finds that one."""


class Which(StrEnum):
    """What is redriven."""

    RECORDINGS = "recordings"
    TRANSCRIPTS = "transcripts"
    BACKFILL = "backfill"


class Outcome(StrEnum):
    """What came of one."""

    SENT = "sent"
    WOULD_BE_SENT = "would be sent"
    ON_ITS_WAY = "on its way"
    NOTHING_TO_DO = "nothing to do"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """What came of a letter or of a recording; `sids` begin with the call's, where it is known."""

    what: str
    sids: tuple[str, ...]
    reason: str | None
    outcome: Outcome
    what_to_do: str = ""

    def told(self) -> dict[str, Any]:
        """The same for machines."""
        return asdict(self)


def redrive(
    environment: Environment, *, which: Which | None, call_sid: CallSid | None, dry_run: bool, progress: Tell
) -> Iterator[Redriven]:
    """Redrive one after the other; what it gives is done.

    Parameters:
        which: only that queue's dead letters, and recordings only with the queue of recordings; None for all.
        call_sid: only of this call, and then recordings that are stored as well: their insights are read anew. Those
            whose transcript has failed begin anew only then, when somebody has seen to that transcript.
        dry_run: change nothing, and say what would be done.

    Raises:
        TransientError: AWS does not answer, or may not be asked.
        PermanentError: it refuses.
    """
    began = datetime.now(UTC)
    for line in environment.lines:
        if which in {None, line.name}:
            yield from _letters(line, call_sid, began, dry_run=dry_run, progress=progress)
    if which in {None, Which.RECORDINGS}:
        progress("Redriving recordings")
        for row in _rows(environment, call_sid):
            if call_sid is None and row.get("reason") in ENDS_THE_SAME:
                yield _ends_the_same(environment, row)
            else:
                yield _recording(environment, row, dry_run=dry_run)


def _letters(
    line: Line, call_sid: CallSid | None, began: datetime, *, dry_run: bool, progress: Tell
) -> Iterator[Redriven]:
    progress(f"Taking the dead letters of the queue of {line.name}")
    kept: list[Letter] = []
    with closing(line.dead_letters.take(TAKEN_SECONDS)) as letters:
        try:
            for letter in letters:
                kept.append(letter)
                if letter.sent > began or (call_sid and letter.call_sid != call_sid):
                    continue
                left = letter.redriven >= MOST_ROUNDS
                if not left and not dry_run:
                    _send(line, letter)
                    kept.pop()
                yield _told(line, letter, left=left, dry_run=dry_run)
        finally:
            line.dead_letters.put_back(kept)


def _send(line: Line, letter: Letter) -> None:
    attributes = {stand_ins.REDRIVEN: str(letter.redriven + 1)}
    if EndedCall.is_told_by(letter.body):
        # Only the sweep tells of calls on this queue, and only by this does the worker know it.
        attributes |= Swept().attributes
    line.queue.put(letter.body, correlation_id=letter.correlation_id, **attributes)
    line.dead_letters.delete(letter)


def _told(line: Line, letter: Letter, *, left: bool, dry_run: bool) -> Redriven:
    outcome = Outcome.LEFT if left else Outcome.WOULD_BE_SENT if dry_run else Outcome.SENT
    told = advice_on_letter(letter.reason, letter.redriven).text
    return Redriven(
        what=f"message on {line.name}",
        sids=tuple(sorted(letter.sids)),
        reason=letter.reason,
        outcome=outcome,
        what_to_do=told if left else "",
    )


def _rows(environment: Environment, call_sid: CallSid | None) -> Iterable[dict[str, Any]]:
    """The rows to redrive: as they are in the table, or as the index tells of them."""
    if call_sid is None:
        # Whole, because each that moves leaves the list that is read.
        return list(environment.lists.needing_attention())
    return list(environment.table.knows(call_sid).values())


def _ends_the_same(environment: Environment, row: dict[str, Any]) -> Redriven:
    recording = recording_of_row(row)
    transcript = (str(row["transcript"]),) if row.get("transcript") else ()
    return Redriven(
        what="recording",
        sids=(recording.call_sid, recording.sid, *transcript),
        reason=row["reason"],
        outcome=Outcome.LEFT,
        what_to_do=(
            "It would end the same while its transcript exists; to delete that and ask anew: "
            f"{environment.command(f'retranscribe {recording.call_sid}')}"
        ),
    )


def _recording(environment: Environment, row: dict[str, Any], *, dry_run: bool) -> Redriven:
    recording, state, reason = recording_of_row(row), State(row["state"]), row.get("reason")
    outcome, told = Outcome.NOTHING_TO_DO, f"It is {state}{f' as {reason}' if reason else ''}, and that is its end"
    if state is State.STORED:
        outcome, told = _read_anew(environment, recording.call_sid, TranscriptSid(row["transcript"]), dry_run=dry_run)
    elif needs_attention(state, reason):
        outcome, told = _begin_anew(environment, recording.call_sid, recording.sid, dry_run=dry_run)
        if reason in ENDS_THE_SAME and outcome in {Outcome.SENT, Outcome.WOULD_BE_SENT}:
            anew = environment.command(f"retranscribe {recording.call_sid}")
            told = f"It ends the same if its transcript is still at Twilio; to delete that and ask anew: {anew}"
    elif state not in {State.SKIPPED, State.ERASED}:
        outcome, told = Outcome.ON_ITS_WAY, ""
    return Redriven(
        what="recording",
        sids=(recording.call_sid, recording.sid),
        reason=reason or str(state),
        outcome=outcome,
        what_to_do=told,
    )


def _read_anew(
    environment: Environment, call_sid: CallSid, transcript_sid: TranscriptSid, *, dry_run: bool
) -> tuple[Outcome, str]:
    """Let what is stored be stored again.

    It need not begin anew for that, and must not: once its recording is deleted at Twilio, it would fail.
    """
    if not dry_run:
        environment.transcripts.queue.put(stand_ins.of_transcript(transcript_sid, call_sid))
    return (Outcome.WOULD_BE_SENT if dry_run else Outcome.SENT), ""


def _begin_anew(
    environment: Environment, call_sid: CallSid, recording_sid: RecordingSid, *, dry_run: bool
) -> tuple[Outcome, str]:
    if dry_run:
        row = environment.table.knows(call_sid).get(recording_sid, {})
        if "deleted_at" in row:
            return Outcome.LEFT, AUDIO_IS_GONE.text
        spent = int(row.get("rounds", 0)) >= MOST_ROUNDS
        return (Outcome.LEFT, _spent(environment)) if spent else (Outcome.WOULD_BE_SENT, "")
    move = environment.table.move(Event.REDRIVEN, call_sid, recording_sid, due_at=datetime.now(UTC))
    if move.happened:
        environment.recordings.queue.put(stand_ins.of_noted(call_sid, recording_sid))
        return Outcome.SENT, ""
    if move.deleted:
        return Outcome.LEFT, AUDIO_IS_GONE.text
    if move.state in SETTLED and move.deleting_until and move.deleting_until > datetime.now(UTC):
        return Outcome.LEFT, (
            f"Its date at Twilio has passed, and it is being deleted there right now. After "
            f"{move.deleting_until:%H:%M:%S} UTC, see what came of it: {environment.command(f'show {call_sid}')}"
        )
    if move.rounds >= MOST_ROUNDS:
        return Outcome.LEFT, _spent(environment)
    return Outcome.ON_ITS_WAY, ""


def _spent(environment: Environment) -> str:
    return (
        f"It has begun anew {MOST_ROUNDS} times: mend the cause; then remove the attribute rounds of its item, and "
        f"try again: {environment.command('redrive')}"
    )
