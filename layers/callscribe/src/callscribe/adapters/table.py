"""The one DynamoDB table: calls, recordings and their states, insights.

A recording's state changes only here, by one conditional write for each row of the domain's table of moves.
"""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import boto3
from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from boto3.dynamodb.types import TypeDeserializer

from callscribe.adapters import items
from callscribe.adapters.aws_config import CONFIG
from callscribe.adapters.aws_errors import aws_errors
from callscribe.domain.call import Call
from callscribe.domain.recording import MOVES, OVER_BUDGET, UNHEARD_OF, UNSETTLED, Event, Recording, State
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid
from callscribe.domain.transcript import Insights

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

OF_ONE_STATE = ("counted_on", "due", "due_at", "error_code", "reason")
"""What a row says of a recording in its present state only."""

LAST_CHANCE_SECONDS = 24 * 3600
"""How long before its row expires a recording is deleted at Twilio at the latest, where it is deleted at all."""

KEEP_BUDGETS = timedelta(days=7)
"""How long one can look up what a day has cost."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a move. `state` is where the recording stands now, `attempts` counts its claims so far.

    `counted_on` is the day whose budget holds its minutes while a transcript is being asked for.
    """

    happened: bool
    state: State | None
    attempts: int
    counted_on: date | None = None


class CallTable:
    """Reads and writes calls. Every method raises the errors of `aws_errors`."""

    def __init__(self, table: "Table", retention_days: int) -> None:
        self._table = table
        self._retention_days = retention_days

    def put_call(self, call: Call) -> None:
        """Write a call as Twilio's Call resource has it."""
        self._upsert_call(call, started_is_exact=True)

    def put_ended_call(self, call: Call) -> None:
        """Write a call as its status callback tells it.

        The callback tells when the call ended; its start only follows from that, and gives way to the Call resource's.
        """
        self._upsert_call(call, started_is_exact=False)

    def _upsert_call(self, call: Call, *, started_is_exact: bool) -> None:
        about_the_start = {"started": _iso(call.started), "expires_at": self._expires_at(call)}
        fields: dict[str, Any] = {"from": call.from_, "to": call.to, "direction": call.direction}
        if call.seconds is not None:
            fields["seconds"] = call.seconds
        if started_is_exact:
            fields |= about_the_start
            about_the_start = {}
        with aws_errors(f"writing call {call.sid}"):
            self._table.update_item(
                Key=items.call_key(call.sid),
                # The first writer sets the day, so that a call never moves from one day's list to another's.
                **_update(fields, if_absent={"day": call.day, **about_the_start}),
            )

    def move(
        self,
        event: Event,
        call: Call,
        recording_sid: RecordingSid,
        *,
        due_at: datetime | None = None,
        delete_at: datetime | None = None,
        **changes: Any,
    ) -> Moved:
        """Move a recording as the table of moves says, if it says so, and write `changes` with the move.

        `due_at` is when to look again at a recording that has not moved on by itself and, for a claim, when the claim
        runs out. A move to an unsettled state needs one. `delete_at` is when one that is settled shall be deleted at
        Twilio.
        """
        now = datetime.now(UTC)
        to = MOVES[event].to
        fields = {
            "state": to,
            f"{to}_at": _iso(now),
            "started": _iso(call.started),
            "expires_at": self._expires_at(call),
            **changes,
        }
        if to in UNSETTLED:
            if due_at is None:
                raise ValueError(f"a recording that is {to} needs a due_at, or nothing would look at it again")
            fields |= {"due": items.DUE, "due_at": math.ceil(due_at.timestamp())}
        elif delete_at is not None:
            # The row must not expire before: then nobody would delete the recording.
            at = min(math.ceil(delete_at.timestamp()), self._expires_at(call) - LAST_CHANCE_SECONDS)
            fields |= {"due": items.DUE_FOR_DELETION, "due_at": at}
        update = _update(
            fields,
            if_absent={"day": call.day},
            # What a move does not say anew was said of another state.
            remove=tuple(name for name in OF_ONE_STATE if name not in fields),
            add={"attempts": int(event is Event.CLAIMED)},
        )
        with aws_errors(f"moving recording {recording_sid} of call {call.sid} to {to}"):
            try:
                answer = self._table.update_item(
                    Key=items.recording_key(call.sid, recording_sid),
                    ConditionExpression=_condition(event, now),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **update,
                )
                return _moved(answer["Attributes"], happened=True)
            except self._table.meta.client.exceptions.ConditionalCheckFailedException as refusal:
                # The resource leaves what comes with an error in DynamoDB's own notation.
                old: dict[str, Any] = cast("dict[str, Any]", refusal.response).get("Item", {})
                return _moved({k: TypeDeserializer().deserialize(v) for k, v in old.items()}, happened=False)

    def recording_of(self, call_sid: CallSid, transcript_sid: TranscriptSid) -> Recording | None:
        """Find the recording of a call that the transcript was created for, as its row tells of it."""
        rows = self._recordings_of(call_sid)
        return next((items.recording_of_row(row) for row in rows if row.get("transcript") == transcript_sid), None)

    def knows(self, call_sid: CallSid) -> set[RecordingSid]:
        """The recordings of a call that have a row."""
        return {items.recording_of_row(row).sid for row in self._recordings_of(call_sid)}

    def _recordings_of(self, call_sid: CallSid) -> Iterator[dict[str, Any]]:
        key = Key("pk").eq(items.call_key(call_sid)["pk"]) & Key("sk").begins_with("RECORDING#")
        return self._query(
            f"looking for the recordings of call {call_sid}", KeyConditionExpression=key, ConsistentRead=True
        )

    def due_for_deletion(self, now: datetime) -> Iterator[tuple[CallSid, RecordingSid]]:
        """Find the recordings that shall be deleted at Twilio by now, the longest due first."""
        due = Key("due").eq(items.DUE_FOR_DELETION) & Key("due_at").lte(int(now.timestamp()))
        doing = "looking for recordings to delete at Twilio"
        for row in self._query(doing, IndexName=items.BY_DUE_AT, KeyConditionExpression=due):
            recording = items.recording_of_row(row)
            yield recording.call_sid, recording.sid

    def put_deleted(self, call_sid: CallSid, recording_sid: RecordingSid) -> None:
        """Note that a recording no longer exists at Twilio."""
        # One that has been redriven meanwhile is due for something else.
        redriven = suppress(self._table.meta.client.exceptions.ConditionalCheckFailedException)
        with aws_errors(f"noting that recording {recording_sid} of call {call_sid} is deleted"), redriven:
            self._table.update_item(
                Key=items.recording_key(call_sid, recording_sid),
                ConditionExpression=Attr("due").eq(items.DUE_FOR_DELETION),
                **_update({"deleted_at": _iso(datetime.now(UTC))}, remove=("due", "due_at")),
            )

    def take_minutes(self, minutes: int, day: date, daily_minutes: int) -> bool:
        """Count minutes against a day's budget, if so many are left."""
        left = Attr("minutes").not_exists() | Attr("minutes").lte(daily_minutes - minutes)
        return minutes <= daily_minutes and self._add_minutes(minutes, day, left)

    def give_back_minutes(self, minutes: int, day: date) -> None:
        """Take back what `take_minutes` has counted for nothing."""
        self._add_minutes(-minutes, day, Attr("minutes").gte(minutes))

    def _add_minutes(self, minutes: int, day: date, condition: ConditionBase) -> bool:
        expires_at = int((datetime.now(UTC) + KEEP_BUDGETS).timestamp())
        with aws_errors(f"counting minutes against the budget of {day}"):
            try:
                self._table.update_item(
                    Key=items.budget_key(day),
                    ConditionExpression=condition,
                    **_update({"expires_at": expires_at}, add={"minutes": minutes}),
                )
            except self._table.meta.client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def put_insights(self, insights: Insights, call: Call) -> None:
        """Write a transcript's sentences, then its operator results. May be repeated.

        They are whole once the recording is `stored`, a move that comes after this.
        """
        with aws_errors(f"writing the insights of transcript {insights.transcript.sid} of call {call.sid}"):
            for item in items.insights_items(insights, self._expires_at(call)):
                self._table.put_item(Item=item)

    def read(self, call_sid: CallSid) -> "items.StoredCall":
        """Read all that is stored of a call, by one Query."""
        key = Key("pk").eq(items.call_key(call_sid)["pk"])
        rows = self._query(f"reading call {call_sid}", KeyConditionExpression=key, ConsistentRead=True)
        # DynamoDB removes an expired item some days late.
        now = datetime.now(UTC).timestamp()
        return items.stored_call(call_sid, [row for row in rows if row["expires_at"] > now])

    def _query(self, doing: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All items of a Query, page by page."""
        more = True
        while more:
            with aws_errors(doing):
                page = self._table.query(**query)
            yield from page["Items"]
            more = "LastEvaluatedKey" in page
            query["ExclusiveStartKey"] = page.get("LastEvaluatedKey")

    def _expires_at(self, call: Call) -> int:
        return int(call.expires(self._retention_days).timestamp())


def _condition(event: Event, now: datetime) -> ConditionBase:
    """A row of the table of moves, as the condition on the item it may be applied to."""
    sources = MOVES[event].sources
    states = [str(state) for state in sources if state is not UNHEARD_OF]
    unheard_of = Attr("state").not_exists()
    if event is Event.CLAIMED:
        nobody_claimed_it = Attr("state").eq(State.RECEIVED)
        its_worker_died = Attr("state").eq(State.REQUESTING) & Attr("due_at").lte(int(now.timestamp()))
        return nobody_claimed_it | its_worker_died
    if event is Event.RESUMED:
        return Attr("state").eq(State.SKIPPED) & Attr("reason").eq(OVER_BUDGET)
    if not states:
        return unheard_of
    in_a_source = Attr("state").is_in(states)
    return unheard_of | in_a_source if UNHEARD_OF in sources else in_a_source


def _update(
    fields: Mapping[str, Any],
    *,
    if_absent: Mapping[str, Any] | None = None,
    remove: tuple[str, ...] = (),
    add: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The arguments of an UpdateItem that sets `fields`, sets others only where absent, removes and adds."""
    if_absent, add = if_absent or {}, add or {}
    expression = "SET " + ", ".join(
        [f"#{name} = :{name}" for name in fields] + [f"#{name} = if_not_exists(#{name}, :{name})" for name in if_absent]
    )
    if remove:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in remove)
    if add:
        expression += " ADD " + ", ".join(f"#{name} :{name}" for name in add)
    return {
        "UpdateExpression": expression,
        "ExpressionAttributeNames": {f"#{name}": name for name in (*fields, *if_absent, *remove, *add)},
        "ExpressionAttributeValues": {f":{k}": v for k, v in {**fields, **if_absent, **add}.items()},
    }


def _moved(item: Mapping[str, Any], *, happened: bool) -> Moved:
    if not item:
        return Moved(happened, UNHEARD_OF, 0)
    counted_on = date.fromisoformat(item["counted_on"]) if "counted_on" in item else None
    return Moved(happened, State(item["state"]), int(item["attempts"]), counted_on)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def call_table() -> CallTable:
    """This environment's table."""
    return _table(os.environ["TABLE_NAME"])


@cache
def unredacted_table() -> CallTable | None:
    """The table of what Twilio would have redacted, where the environment keeps one."""
    name = os.environ.get("UNREDACTED_TABLE_NAME")
    return _table(name) if name else None


def _table(name: str) -> CallTable:
    return CallTable(boto3.resource("dynamodb", config=CONFIG).Table(name), int(os.environ["RETENTION_DAYS"]))
