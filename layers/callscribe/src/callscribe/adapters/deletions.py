"""Recordings to delete at Twilio: which are due, who may delete each, and what came of it.

A recording's row has its date in `delete_at`; `move` of `table` writes it. Whoever deletes a recording claims it first,
so that nobody lets it be transcribed again meanwhile. Whoever deletes its transcript, to let it be transcribed again,
keeps it first, so that nobody deletes it (docs/decisions/0025).
"""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from callscribe.adapters import items
from callscribe.adapters.aws_config import CONFIG
from callscribe.adapters.aws_errors import aws_errors
from callscribe.adapters.dynamodb import count, has_lapsed, iso, moment_of, query, update_of
from callscribe.adapters.table import LAST_CHANCE_SECONDS
from callscribe.domain.recording import SETTLED, UNSETTLED, State
from callscribe.domain.sids import CallSid, RecordingSid

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

FIRST_DELAY = timedelta(minutes=5)
"""How long a recording that could not be deleted is left alone; twice as long after each further try."""

LONGEST_DELAY = timedelta(hours=12)

TRIES = 5
"""After so many tries a recording counts as refused, whatever kept Twilio from deleting it."""

_OF_A_DELETION = (
    *("deletion", "delete_at", "deleting_until", "deletion_error", "deletion_tries", "kept_until", "overdue_since"),
    # A person can do nothing for a failed recording whose audio is gone.
    *("due", "due_at"),
)


@dataclass(frozen=True, slots=True)
class DueDeletion:
    """A recording that was to be deleted at `delete_at`, as an index tells of it.

    `is_old`: the previous version wrote the date, into the index `by_due_at`.
    """

    call_sid: CallSid
    recording_sid: RecordingSid
    delete_at: int
    is_old: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionClaim:
    """The right to delete a recording at Twilio. `until` is its end, in seconds since 1970. `row` is the item."""

    call_sid: CallSid
    recording_sid: RecordingSid
    until: int
    row: Mapping[str, Any]

    @property
    def state(self) -> State:
        """The state of the recording, which is settled."""
        return State(self.row["state"])


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedDeletion:
    """A recording that Twilio has refused to delete; the row of it stays until it is deleted.

    `overdue_since` is its date, `retry_at` when it is tried again, `tries` how often it was tried.
    """

    call_sid: CallSid
    recording_sid: RecordingSid
    reason: str
    tries: int
    overdue_since: datetime
    retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What is left to delete at Twilio.

    `overdue` recordings have passed their date, the oldest of them `oldest_seconds` ago. `refused` are those that
    Twilio has refused to delete; they are not among the overdue ones. Each number is a lower bound if the list is too
    long to be counted to its end.
    """

    overdue: int
    oldest_seconds: float
    refused: int


class Deletions:
    """The table, as far as recordings are deleted at Twilio. Every method raises the errors of `aws_errors`."""

    def __init__(self, table: "Table") -> None:
        self._table = table

    def due(self, now: datetime) -> Iterator[DueDeletion]:
        """Find recordings whose date has passed, the oldest date first; those that Twilio has refused come last."""
        yield from self._due(items.DELETION_DUE, now)
        for row in self._query(items.BY_DUE_AT, Key("due").eq(items.DUE_FOR_DELETION) & _passed("due_at", now)):
            yield DueDeletion(items.call_sid_of(row), items.recording_sid_of(row), int(row["due_at"]), is_old=True)
        yield from self._due(items.DELETION_REFUSED, now)

    def _due(self, partition: str, now: datetime) -> Iterator[DueDeletion]:
        for row in self._query(items.BY_DELETE_AT, Key("deletion").eq(partition) & _passed("delete_at", now)):
            yield DueDeletion(items.call_sid_of(row), items.recording_sid_of(row), int(row["delete_at"]))

    def claim(self, due: DueDeletion, until: datetime) -> DeletionClaim | None:
        """Claim a recording that is due, until the deleter is sure to be dead.

        Returns:
            None where another has claimed it, keeps it or has deleted it, or where it is unsettled again.
        """
        now = datetime.now(UTC)
        end = int(until.timestamp()) + 1
        nobody_else = has_lapsed("deleting_until", now) & has_lapsed("kept_until", now)
        is_settled = Attr("state").is_in([str(state) for state in SETTLED])
        passed = int(now.timestamp())
        if due.is_old:
            is_due: ConditionBase = Attr("due").eq(items.DUE_FOR_DELETION) & Attr("due_at").lte(passed)
            moved = {"deletion": items.DELETION_DUE, "delete_at": due.delete_at}
            update = update_of({"deleting_until": end, **moved}, remove=("due", "due_at"))
        else:
            is_due = Attr("delete_at").lte(passed)
            update = update_of({"deleting_until": end})
        row = self._update(
            f"claiming recording {due.recording_sid} of call {due.call_sid} to delete it at Twilio",
            due.call_sid,
            due.recording_sid,
            is_due & is_settled & nobody_else,
            update,
        )
        if row is None:
            return None
        return DeletionClaim(call_sid=due.call_sid, recording_sid=due.recording_sid, until=end, row=row)

    def note_deleted(self, claim: DeletionClaim) -> None:
        """Note that a recording no longer exists at Twilio."""
        self._update(
            f"noting that recording {claim.recording_sid} of call {claim.call_sid} is deleted",
            claim.call_sid,
            claim.recording_sid,
            _holds(claim),
            update_of({"deleted_at": iso(datetime.now(UTC))}, remove=_OF_A_DELETION),
        )

    def postpone(self, claim: DeletionClaim, reason: str, *, is_refused: bool) -> None:
        """Try to delete a recording again later, so that it is in nobody's way; each time twice as late.

        Parameters:
            is_refused: Twilio's answer was a refusal. Else the request may be under way still, and the claim lasts on.
        """
        tries = int(claim.row.get("deletion_tries", 0)) + 1
        # Bounded before it is multiplied: Python's longest duration is soon exceeded.
        delay = min(FIRST_DELAY * 2 ** min(tries - 1, 10), LONGEST_DELAY)
        at = math.ceil((datetime.now(UTC) + delay).timestamp())
        waits_for_a_person = is_refused or tries >= TRIES or claim.row.get("deletion") == items.DELETION_REFUSED
        fields: dict[str, Any] = {
            "deletion": items.DELETION_REFUSED if waits_for_a_person else items.DELETION_DUE,
            "delete_at": at,
            "deletion_error": reason,
            "deletion_tries": tries,
        }
        if claim.row["expires_at"] < at + LAST_CHANCE_SECONDS:
            # The row outlives its call: once it is gone, nobody knows of the recording.
            fields["expires_at"] = at + LAST_CHANCE_SECONDS
        self._update(
            f"postponing the deletion of recording {claim.recording_sid} of call {claim.call_sid}",
            claim.call_sid,
            claim.recording_sid,
            # Stored meanwhile, it may have another date, or none.
            _holds(claim) & Attr("delete_at").eq(claim.row["delete_at"]),
            update_of(
                fields,
                if_absent={"overdue_since": claim.row["delete_at"]},
                remove=("deleting_until",) if is_refused else (),
            ),
        )

    def keep(self, call_sid: CallSid, recording_sid: RecordingSid, until: datetime) -> bool:
        """Let nobody delete a recording at Twilio before `until`, whatever its date.

        Returns:
            False where it is deleted, or is being deleted right now, or has no row.
        """
        row = self._update(
            f"keeping recording {recording_sid} of call {call_sid} at Twilio",
            call_sid,
            recording_sid,
            Attr("state").is_in([str(state) for state in SETTLED | UNSETTLED])
            & Attr("deleted_at").not_exists()
            & has_lapsed("deleting_until", datetime.now(UTC)),
            update_of({"kept_until": math.ceil(until.timestamp())}),
        )
        return row is not None

    def refused(self) -> Iterator[RefusedDeletion]:
        """Find the recordings that Twilio has refused to delete, the next try first."""
        for row in self._query(items.BY_DELETE_AT, Key("deletion").eq(items.DELETION_REFUSED)):
            yield RefusedDeletion(
                call_sid=items.call_sid_of(row),
                recording_sid=items.recording_sid_of(row),
                reason=str(row["deletion_error"]),
                tries=int(row["deletion_tries"]),
                overdue_since=moment_of(row["overdue_since"]),
                retry_at=moment_of(row["delete_at"]),
            )

    def backlog(self, now: datetime, until: datetime | None = None) -> Backlog:
        """Count what is left to delete at Twilio.

        Args:
            until: counting stops then, so that a run whose time is nearly over emits its metrics all the same.
        """
        overdue = (
            (items.BY_DELETE_AT, Key("deletion").eq(items.DELETION_DUE) & _passed("delete_at", now), "delete_at"),
            (items.BY_DUE_AT, Key("due").eq(items.DUE_FOR_DELETION) & _passed("due_at", now), "due_at"),
        )
        dates = [int(row[name]) for index, key, name in overdue for row in self._first(index, key)]
        return Backlog(
            overdue=sum(self._count(index, key, until) for index, key, _ in overdue),
            oldest_seconds=now.timestamp() - min(dates) if dates else 0,
            refused=self._count(items.BY_DELETE_AT, Key("deletion").eq(items.DELETION_REFUSED), until),
        )

    def _query(self, index: str, key: ConditionBase) -> Iterator[dict[str, Any]]:
        doing = "looking for recordings to delete at Twilio"
        return query(self._table, doing, IndexName=index, KeyConditionExpression=key)

    def _first(self, index: str, key: ConditionBase) -> list[dict[str, Any]]:
        with aws_errors("looking for the recording whose deletion at Twilio is due longest"):
            found: list[dict[str, Any]] = self._table.query(IndexName=index, KeyConditionExpression=key, Limit=1)[
                "Items"
            ]
        return found

    def _count(self, index: str, key: ConditionBase, until: datetime | None) -> int:
        doing = "counting recordings to delete at Twilio"
        return count(self._table, doing, until=until, IndexName=index, KeyConditionExpression=key)

    def _update(
        self,
        doing: str,
        call_sid: CallSid,
        recording_sid: RecordingSid,
        condition: ConditionBase,
        update: Mapping[str, Any],
    ) -> dict[str, Any] | None:
        """Update a row; as it is then, or None where the condition does not hold."""
        refused = suppress(self._table.meta.client.exceptions.ConditionalCheckFailedException)
        with aws_errors(doing), refused:
            answer: Any = self._table.update_item(
                Key=items.recording_key(call_sid, recording_sid),
                ConditionExpression=condition,
                ReturnValues="ALL_NEW",
                **update,
            )
            return dict(answer["Attributes"])
        return None


def _passed(name: str, now: datetime) -> ConditionBase:
    return Key(name).lte(int(now.timestamp()))


def _holds(claim: DeletionClaim) -> ConditionBase:
    return Attr("deleting_until").eq(claim.until)


@cache
def deletions() -> Deletions:
    """The deletions of this environment's table."""
    return Deletions(boto3.resource("dynamodb", config=CONFIG).Table(os.environ["TABLE_NAME"]))
