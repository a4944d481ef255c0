"""Everything that waits for a person. Reads only.

Recordings that have failed or were over budget, recordings that Twilio refuses to delete, and dead letters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from callscribe.adapters.deletions import RefusedDeletion
from callscribe.adapters.dynamodb import iso, moment_of
from callscribe.adapters.items import recording_of_row
from callscribe_tools.operator.advice import Remedy, advice, advice_on_deletion, advice_on_letter
from callscribe_tools.operator.dead_letters import Letter
from callscribe_tools.operator.environment import Environment, Line
from callscribe_tools.operator.next_step import next_step, step_of
from callscribe_tools.operator.printing import Tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One thing that waits for a person.

    `what` is recording, deletion at Twilio, or the name of the queue that a message was on. `sids` begin with the
    call's, where it is known. `since` is when it came to that. `what_to_do` is the whole advice, and `command` the last
    step of it; None if no command helps.
    """

    what: str
    sids: tuple[str, ...]
    state: str
    reason: str | None
    since: datetime
    attempts: int
    remedy: Remedy
    what_to_do: str
    command: str | None

    def told(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "what": self.what,
            **_by_kind(self.sids),
            "state": self.state,
            "reason": self.reason,
            "since": iso(self.since),
            "age_seconds": round((datetime.now(UTC) - self.since).total_seconds()),
            "attempts": self.attempts,
            "what_to_do": self.what_to_do,
            "command": self.command,
        }


def failures(environment: Environment, since: datetime | None, progress: Tell) -> Iterator[Failure]:
    """Find them: recordings first, the latest first.

    Raises:
        TransientError: AWS does not answer, or may not be asked.
        PermanentError: it refuses.
    """
    progress("Reading the table's failures")
    for row in environment.lists.needing_attention():
        one = _of_row(environment, row)
        if since is None or one.since >= since:
            yield one
    for refused in environment.deletions.refused():
        if since is None or refused.overdue_since >= since:
            yield _of_deletion(environment, refused)
    for line in environment.lines:
        progress(f"Looking at the dead letters of the queue of {line.name}")
        for letter in line.dead_letters.look():
            if since is None or letter.sent >= since:
                yield _of_letter(environment, line, letter)


def _of_row(environment: Environment, row: dict[str, Any]) -> Failure:
    recording, reason = recording_of_row(row), row.get("reason")
    transcript = (str(row["transcript"]),) if row.get("transcript") else ()
    step = next_step(environment, recording.call_sid, row) or step_of(environment, advice(reason), recording.call_sid)
    return Failure(
        what="recording",
        sids=(recording.call_sid, recording.sid, *transcript),
        state=str(row["state"]),
        reason=reason,
        since=moment_of(row["due_at"]),
        attempts=int(row.get("attempts", 0)),
        remedy=step.remedy,
        what_to_do=step.what_to_do,
        command=step.command,
    )


def _of_deletion(environment: Environment, refused: RefusedDeletion) -> Failure:
    step = step_of(environment, advice_on_deletion(refused.reason), refused.call_sid)
    return Failure(
        what="deletion at Twilio",
        sids=(refused.call_sid, refused.recording_sid),
        state="refused",
        reason=refused.reason,
        since=refused.overdue_since,
        attempts=refused.tries,
        remedy=step.remedy,
        what_to_do=f"{step.what_to_do} It is tried again at {refused.retry_at:%Y-%m-%d %H:%M} UTC.",
        command=step.command,
    )


def _of_letter(environment: Environment, line: Line, letter: Letter) -> Failure:
    remedy = advice_on_letter(letter.reason, letter.redriven)
    step = step_of(environment, remedy, letter.call_sid, f"--queue {line.name}")
    return Failure(
        what=f"message on {line.name}",
        # The call first, as everywhere.
        sids=tuple(sorted(letter.sids)),
        state="dead letter",
        reason=letter.reason,
        since=letter.sent,
        attempts=letter.redriven,
        remedy=step.remedy,
        what_to_do=step.what_to_do,
        command=step.command,
    )


def _by_kind(sids: tuple[str, ...]) -> dict[str, str | None]:
    kinds = {"call_sid": "CA", "recording_sid": "RE", "transcript_sid": "GT"}
    return {name: next((sid for sid in sids if sid.startswith(kind)), None) for name, kind in kinds.items()}
