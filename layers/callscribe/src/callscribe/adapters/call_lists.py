"""Finds calls and recordings in the table that nobody has named: what is due, what has failed, what a day had.

It writes only the sweep's own notes. Everything about one call is in `table`.
"""

import heapq
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import batched, islice
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import boto3
from boto3.dynamodb.conditions import Attr, Key

from callscribe.adapters import items
from callscribe.adapters.aws_config import CONFIG
from callscribe.adapters.aws_errors import aws_errors
from callscribe.adapters.backoff import TRIES, tries
from callscribe.adapters.dynamodb import count, moment_of, query, update_of
from callscribe.domain.errors import TransientError
from callscribe.domain.recording import State
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

MOST_UNFINISHED = 10_000
"""Unfinished erasures that a list of erased calls looks up one by one, in 100 requests."""

MOST_KEYS = 100
"""Of one BatchGetItem (DynamoDB quotas)."""

KEEP_NOTES = timedelta(days=14)
"""How long the sweep knows what it has sent for: as long as the message may be in the dead letters."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A recording that is not settled, as the index tells of it. `due_at` is when to look at it again."""

    call_sid: CallSid
    recording_sid: RecordingSid
    state: State
    transcript: TranscriptSid | None
    unsettled_since: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of Twilio's lists that several sweeps compare: what began from `start` until `end`.

    `top` is when its first sweep began. `places` are the lists that are not finished, by their names, with the link to
    the page that comes next. `finished` are the names of the finished lists. A list in neither has not been begun.
    """

    start: datetime
    end: datetime
    top: datetime
    places: Mapping[str, str] = field(default_factory=dict)
    finished: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the sweep has come.

    `until` is the checkpoint: what began before need not be compared again. `whole_until`: all that began before has
    been compared at least once. `slice` is being compared. `sent` is read only: SIDs that a version before 0.2 noted
    here, and that are notes of their own now. `version` is the stored version that was read; None before the first.
    """

    until: datetime
    whole_until: datetime
    slice: Slice | None = None
    sent: tuple[str, ...] = ()
    version: str | None = field(default=None, compare=False)

    @classmethod
    def at(cls, moment: datetime) -> Self:
        """Have a checkpoint, and nothing under way."""
        return cls(moment, moment)


class CallLists:
    """Lists of the table. Every method raises the errors of `aws_errors`."""

    def __init__(self, table: "Table") -> None:
        self._table = table

    def unsettled(self, until: datetime | None = None) -> Iterator[Unsettled]:
        """Find every recording that is not settled, the longest due first; read no page after `until`."""
        for row in self._due_rows("looking for what is not settled", items.DUE, until=until):
            recording = items.recording_of_row(row)
            yield Unsettled(
                recording.call_sid,
                recording.sid,
                State(row["state"]),
                TranscriptSid(row["transcript"]) if "transcript" in row else None,
                moment_of(row["unsettled_since"]),
                moment_of(row["due_at"]),
            )

    def needing_attention(self) -> Iterator[dict[str, Any]]:
        """Find the rows of recordings that wait for a person, the latest first: failed ones, and what was over budget.

        Of each the index tells `state`, `reason`, `due_at` (when it came to that), `attempts`, `transcript` and
        `error_code`.
        """
        return self._due_rows("looking for what has failed", items.DUE_FOR_ATTENTION, newest_first=True)

    def _due_rows(
        self, doing: str, partition: str, *, newest_first: bool = False, until: datetime | None = None
    ) -> Iterator[dict[str, Any]]:
        rows = query(
            self._table,
            doing,
            until=until,
            IndexName=items.BY_DUE_AT,
            KeyConditionExpression=Key("due").eq(partition),
            ScanIndexForward=not newest_first,
        )
        now = datetime.now(UTC).timestamp()
        return (row for row in rows if row["expires_at"] > now)

    def of_day(self, day: date) -> Iterator[dict[str, Any]]:
        """Find a UTC day's calls and recordings in their order, as the index tells of them."""
        return query(
            self._table,
            f"reading the day {day}",
            IndexName="by_day",
            KeyConditionExpression=Key("day").eq(day.isoformat()),
        )

    def look_up(self, keys: Iterable[Mapping[str, str]]) -> dict[str, dict[str, Any]]:
        """Find which of these items there are; by `sk`, since SIDs are unique, and the call's own by its `pk`.

        Of each it tells `state`, `reason`, `seconds`, `channels`, `source`, `transcript`, `repaired_at`, `started`,
        `erased_at` and `to`.
        """
        found: dict[str, dict[str, Any]] = {}
        # DynamoDB refuses a key that is asked for twice, and Twilio's pages may repeat what is on their borders.
        once = {(key["pk"], key["sk"]): key for key in keys}
        for some in batched(once.values(), MOST_KEYS, strict=False):
            for row in self._get(some):
                found[row["pk"] if row["sk"] == "CALL" else row["sk"]] = row
        return found

    def _get(self, keys: Iterable[Mapping[str, str]]) -> Iterator[dict[str, Any]]:
        name = self._table.name
        told = (
            "state",
            "reason",
            "seconds",
            "channels",
            "source",
            "transcript",
            "started",
            "repaired_at",
            "erased_at",
            "to",
        )
        names = ("pk", "sk", *told)
        asked: Any = {
            name: {
                "Keys": [dict(key) for key in keys],
                "ProjectionExpression": ", ".join(f"#{one}" for one in names),
                "ExpressionAttributeNames": {f"#{one}": one for one in names},
            }
        }
        doing = "looking up what Twilio has"
        for _ in tries():
            with aws_errors(doing):
                answer = self._table.meta.client.batch_get_item(RequestItems=asked)
            yield from answer["Responses"].get(name, [])
            asked = answer.get("UnprocessedKeys")
            if not asked:
                return
        left_out = len(asked[name]["Keys"])
        raise TransientError(f"{doing}: DynamoDB left out {left_out} items in each of {TRIES} answers")

    def minutes_of(self, day: date) -> int:
        """How many minutes are counted against a day's budget."""
        with aws_errors(f"reading the budget of {day}"):
            item: dict[str, Any] = self._table.get_item(Key=items.budget_key(day)).get("Item") or {}
        return int(item.get("minutes", 0))

    def progress(self) -> Progress | None:
        """How far the sweep has come; None before the first time."""
        with aws_errors("reading how far the sweep has come"):
            item: dict[str, Any] | None = self._table.get_item(Key=items.SWEEP_KEY).get("Item")
        if item is None:
            return None
        until = moment_of(item["swept_until"])
        return Progress(
            until,
            moment_of(item["whole_until"]) if "whole_until" in item else until,
            _slice_of(item.get("slice")),
            tuple(map(str, item.get("sent", ()))),
            item.get("version"),
        )

    def put_progress(self, progress: Progress) -> Progress | None:
        """Note how far the sweep has come; never less far than before.

        Returns:
            The progress with its new version. None if another sweep has noted its own since this one was read: that
            one stays.
        """
        until, version = int(progress.until.timestamp()), uuid4().hex
        is_read = Attr("version").eq(progress.version) if progress.version else Attr("version").not_exists()
        # The new version is there already if boto3 has repeated a request whose answer was lost.
        is_current = is_read | Attr("version").eq(version)
        # A sweep of version 0.1 writes no version, and may run beside this one while a release is deployed.
        not_farther = Attr("swept_until").not_exists() | Attr("swept_until").lte(until)
        fields: dict[str, Any] = {
            "swept_until": until,
            "whole_until": int(progress.whole_until.timestamp()),
            "slice": _slice_item(progress.slice),
            "version": version,
            # Version 0.1 reads it.
            "sent": [],
        }
        condition = is_current & not_farther
        with aws_errors("noting how far the sweep has come"):
            try:
                self._table.update_item(Key=items.SWEEP_KEY, ConditionExpression=condition, **update_of(fields))
            except self._table.meta.client.exceptions.ConditionalCheckFailedException:
                return None
        return replace(progress, version=version)

    def was_sent(self, sid: str) -> bool:
        """Whether the sweep has sent for something that was lost: a message is durable, one is enough."""
        with aws_errors("reading what the sweep has sent for"):
            return "Item" in self._table.get_item(Key=items.sent_key(sid))

    def note_sent(self, sid: str) -> None:
        """Note that the sweep has sent for something. An item of its own: two sweeps at once forget nothing."""
        expires_at = int((datetime.now(UTC) + KEEP_NOTES).timestamp())
        with aws_errors("noting what the sweep has sent for"):
            self._table.update_item(Key=items.sent_key(sid), **update_of({"expires_at": expires_at}))

    def remember(self, sid: str, look_at: datetime) -> None:
        """Note that a call or a transcript, which the lists have passed, is to be looked at again, and when."""
        fields = {
            "look_at": int(look_at.timestamp()),
            "expires_at": int((datetime.now(UTC) + KEEP_NOTES).timestamp()),
        }
        with aws_errors("noting what the sweep looks at again"):
            self._table.update_item(Key=items.remembered_key(sid), **update_of(fields))

    def forget(self, sid: str) -> None:
        """Undo `remember`."""
        with aws_errors("forgetting what the sweep has looked at"):
            self._table.delete_item(Key=items.remembered_key(sid))

    def remembered(self, kind: str = "", until: datetime | None = None) -> Iterator[tuple[str, datetime]]:
        """Find the SIDs that are to be looked at again, and when.

        Args:
            kind: how the SIDs begin: "CA" or "GT". Empty for both.
            until: no page but the first is read after that.
        """
        key = Key("pk").eq(items.SWEEP_KEY["pk"]) & Key("sk").begins_with(f"{items.REMEMBERED}{kind}")
        doing = "looking for what the sweep looks at again"
        for item in query(self._table, doing, until=until, KeyConditionExpression=key):
            yield item["sk"].removeprefix(items.REMEMBERED), moment_of(item["look_at"])

    def due_erasures(self, now: datetime, most: int) -> list[CallSid]:
        """Find calls of which a copy may be left and that are to be looked at again by `now`, the longest due first.

        Args:
            most: how many at most.
        """
        is_due = Key("due").eq(items.DUE_FOR_ERASURE) & Key("due_at").lte(int(now.timestamp()))
        rows = query(
            self._table,
            "looking for calls that are to be erased",
            IndexName=items.BY_DUE_AT,
            KeyConditionExpression=is_due,
            Limit=most,
        )
        return [items.call_sid_of(row) for row in islice(rows, most) if row["expires_at"] > now.timestamp()]

    def count_unfinished_erasures(self, now: datetime, until: datetime | None = None) -> int:
        """Count the calls of which a copy may be left; a lower bound if the list is too long to be counted to its end.

        Args:
            until: no page but the first is counted after that.
        """
        return count(
            self._table,
            "counting calls that are not erased everywhere",
            until=until,
            IndexName=items.BY_DUE_AT,
            KeyConditionExpression=Key("due").eq(items.DUE_FOR_ERASURE),
            FilterExpression=Attr("expires_at").gt(int(now.timestamp())),
        )

    def erased(
        self, since: datetime, until: datetime, left_out: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[CallSid, datetime]]:
        """Find the calls that were erased from `since` on and before `until`, the latest first, with when.

        Calls that Callscribe 0.1.0 has erased are not among them: it kept them in no index.

        Args:
            left_out: called if more than `MOST_UNFINISHED` erasures are unfinished. Only those with the latest look are
                listed then.
        """
        doing = "looking for calls that are not erased everywhere"
        rows = self._due_rows(doing, items.DUE_FOR_ERASURE, newest_first=True)
        # The index does not have when a call was erased, only when it is looked at again.
        unfinished = [items.call_key(items.call_sid_of(row)) for row in islice(rows, MOST_UNFINISHED)]
        if next(rows, None):
            left_out()
        found = [
            (datetime.fromisoformat(row["erased_at"]), items.call_sid_of(row))
            for row in self.look_up(unfinished).values()
            if "erased_at" in row
        ]
        times = (int(since.timestamp()), math.ceil(until.timestamp()) - 1)
        finished = query(
            self._table,
            "looking for erased calls",
            IndexName=items.BY_DUE_AT,
            KeyConditionExpression=Key("due").eq(items.ERASED) & Key("due_at").between(*times),
            ScanIndexForward=False,
        )
        settled = ((moment_of(row["due_at"]), items.call_sid_of(row)) for row in finished)
        in_time = sorted((one for one in found if since <= one[0] < until), reverse=True)
        for erased_at, call_sid in heapq.merge(settled, in_time, key=lambda one: one[0], reverse=True):
            yield call_sid, erased_at


def _slice_item(part: Slice | None) -> dict[str, Any] | None:
    if part is None:
        return None
    moments = {"start": part.start, "end": part.end, "top": part.top}
    seconds = {name: int(moment.timestamp()) for name, moment in moments.items()}
    return {**seconds, "places": dict(part.places), "finished": sorted(part.finished)}


def _slice_of(item: Mapping[str, Any] | None) -> Slice | None:
    if item is None:
        return None
    return Slice(
        moment_of(item["start"]),
        moment_of(item["end"]),
        moment_of(item["top"]),
        dict(item.get("places", {})),
        # If the names of the finished lists were not stored, all lists are compared again.
        frozenset(item.get("finished", ())),
    )


@cache
def call_lists() -> CallLists:
    """The lists of this environment's table."""
    return CallLists(boto3.resource("dynamodb", config=CONFIG).Table(os.environ["TABLE_NAME"]))
