"""Everything that waits for a person: recordings that have failed or were over budget, and dead letters. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from callscribe.adapters.dynamodb import moment_of
from callscribe.adapters.items import recording_of_row
from callscribe_tools.operator.advice import advice, advice_on_letter
from callscribe_tools.operator.dead_letters import Letter
from callscribe_tools.operator.environment import Environment, Line
from callscribe_tools.operator.printing import Tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One thing that waits for a person.

    `what` is recording, or the name of the queue that a message was on. `sids` begin with the call's, where it is
    known. `since` is when it came to that.
    """

    what: str
    sids: tuple[str, ...]
    state: str
    reason: str | None
    since: datetime
    attempts: int
    what_to_do: str

    def told(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "what": self.what,
            **_by_kind(self.sids),
            "state": self.state,
            "reason": self.reason,
            "since": self.since.isoformat(),
            "age_seconds": round((datetime.now(UTC) - self.since).total_seconds()),
            "attempts": self.attempts,
            "what_to_do": self.what_to_do,
        }


def failures(environment: Environment, since: datetime | None, progress: Tell) -> Iterator[Failure]:
    """Find them: recordings first, the latest first.

    Raises:
        TransientError: AWS does not answer, or may not be asked.
        PermanentError: it refuses.
    """
    progress("Reading the table's failures")
    for row in environment.lists.needing_attention():
        one = _of_row(row)
        if since is None or one.since >= since:
            yield one
    for line in environment.lines:
        progress(f"Looking at the dead letters of the queue of {line.name}")
        for letter in line.dead_letters.look():
            if since is None or letter.sent >= since:
                yield _of_letter(line, letter)


def _of_row(row: dict[str, Any]) -> Failure:
    recording, reason = recording_of_row(row), row.get("reason")
    code = f" Error {row['error_code']} of Twilio's." if row.get("error_code") else ""
    transcript = (str(row["transcript"]),) if row.get("transcript") else ()
    return Failure(
        what="recording",
        sids=(recording.call_sid, recording.sid, *transcript),
        state=str(row["state"]),
        reason=reason,
        since=moment_of(row["due_at"]),
        attempts=int(row.get("attempts", 0)),
        what_to_do=f"{advice(reason)}.{code}",
    )


def _of_letter(line: Line, letter: Letter) -> Failure:
    return Failure(
        what=f"message on {line.name}",
        # The call first, as everywhere.
        sids=tuple(sorted(letter.sids)),
        state="dead letter",
        reason=letter.reason,
        since=letter.sent,
        attempts=letter.redriven,
        what_to_do=f"{advice_on_letter(letter.reason)}.",
    )


def _by_kind(sids: tuple[str, ...]) -> dict[str, str | None]:
    kinds = {"call_sid": "CA", "recording_sid": "RE", "transcript_sid": "GT"}
    return {name: next((sid for sid in sids if sid.startswith(kind)), None) for name, kind in kinds.items()}
