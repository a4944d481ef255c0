"""Finds calls and recordings in the table that nobody has named: what is due, what has failed, what a day had.

Its one write is how far the sweep has come. Everything about one call is in `table`.
"""

import heapq
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from itertools import batched
from typing import TYPE_CHECKING, Any

import boto3
from boto3.dynamodb.conditions import Attr, Key

from callscribe.adapters import items
from callscribe.adapters.aws_config import CONFIG
from callscribe.adapters.aws_errors import aws_errors
from callscribe.adapters.backoff import TRIES, tries
from callscribe.adapters.dynamodb import moment_of, query, update_of
from callscribe.domain.errors import TransientError
from callscribe.domain.recording import State
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

MOST_KEYS = 100
"""Of one BatchGetItem (DynamoDB quotas)."""

MOST_REMEMBERED = 1000
"""SIDs of what the sweep has sent for: some 40 KB of an item."""


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
class Progress:
    """How far the sweep has come: everything that began before `until` has been compared with the table.

    `sent` are the SIDs of what was lost and has been sent for, the latest last: a message is durable, one is enough.
    """

    until: datetime
    sent: tuple[str, ...] = ()


class CallLists:
    """Lists of the table. Every method raises the errors of `aws_errors`."""

    def __init__(self, table: "Table") -> None:
        self._table = table

    def unsettled(self) -> Iterator[Unsettled]:
        """Find every recording that is not settled, the longest due first."""
        for row in self._due_rows("looking for what is not settled", items.DUE):
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

    def _due_rows(self, doing: str, partition: str, *, newest_first: bool = False) -> Iterator[dict[str, Any]]:
        due = Key("due").eq(partition)
        rows = query(
            self._table, doing, IndexName=items.BY_DUE_AT, KeyConditionExpression=due, ScanIndexForward=not newest_first
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

        Of each it tells `state`, `reason`, `seconds`, `channels`, `source`, `transcript`, `repaired_at`, `started` and
        `erased_at`.
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
        told = ("state", "reason", "seconds", "channels", "source", "transcript", "started", "repaired_at", "erased_at")
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
        return Progress(moment_of(item["swept_until"]), tuple(map(str, item["sent"]))) if item else None

    def put_progress(self, progress: Progress) -> None:
        """Note how far the sweep has come; never less far than before."""
        until = int(progress.until.timestamp())
        not_farther = Attr("swept_until").not_exists() | Attr("swept_until").lte(until)
        farther_already = suppress(self._table.meta.client.exceptions.ConditionalCheckFailedException)
        with aws_errors("noting how far the sweep has come"), farther_already:
            self._table.update_item(
                Key=items.SWEEP_KEY,
                ConditionExpression=not_farther,
                **update_of({"swept_until": until, "sent": list(progress.sent[-MOST_REMEMBERED:])}),
            )

    def unfinished_erasures(self) -> Iterator[tuple[CallSid, datetime]]:
        """Find every call of which a copy may be left, with when to look for it again; the longest due first."""
        for row in self._due_rows("looking for calls that are not erased everywhere", items.DUE_FOR_ERASURE):
            yield items.call_sid_of(row), moment_of(row["due_at"])

    def erased(self, since: datetime, until: datetime) -> Iterator[tuple[CallSid, datetime]]:
        """Find the calls that were erased from `since` on and before `until`, the latest first, with when.

        Calls that Callscribe 0.1.0 has erased are not among them: it kept them in no index.
        """
        unfinished = [items.call_key(call_sid) for call_sid, _ in self.unfinished_erasures()]
        found = [
            (datetime.fromisoformat(row["erased_at"]), items.call_sid_of(row))
            for row in self.look_up(unfinished).values()
            if "erased_at" in row
        ]
        times = (int(since.timestamp()), math.ceil(until.timestamp()) - 1)
        rows = query(
            self._table,
            "looking for erased calls",
            IndexName=items.BY_DUE_AT,
            KeyConditionExpression=Key("due").eq(items.ERASED) & Key("due_at").between(*times),
            ScanIndexForward=False,
        )
        settled = ((moment_of(row["due_at"]), items.call_sid_of(row)) for row in rows)
        in_time = sorted((one for one in found if since <= one[0] < until), reverse=True)
        for erased_at, call_sid in heapq.merge(settled, in_time, key=lambda one: one[0], reverse=True):
            yield call_sid, erased_at


@cache
def call_lists() -> CallLists:
    """The lists of this environment's table."""
    return CallLists(boto3.resource("dynamodb", config=CONFIG).Table(os.environ["TABLE_NAME"]))
