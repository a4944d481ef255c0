"""The one DynamoDB table: calls, recordings and their states, insights.

A recording's state changes only here, by one conditional write for each row of the domain's table of moves.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import boto3
from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from boto3.dynamodb.types import TypeDeserializer

from callscribe.adapters import items
from callscribe.adapters.aws_config import CONFIG
from callscribe.adapters.aws_errors import aws_errors
from callscribe.domain.call import Call
from callscribe.domain.recording import MOVES, UNHEARD_OF, UNSETTLED, Event, State
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid
from callscribe.domain.transcript import Insights

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a move. `state` is where the recording stands now, `attempts` counts its claims so far."""

    happened: bool
    state: State | None
    attempts: int


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
        **changes: Any,
    ) -> Moved:
        """Move a recording as the table of moves says, if it says so, and write `changes` with the move.

        `due_at` is when to look again at a recording that has not moved on by itself and, for a claim, when the claim
        runs out. A move to an unsettled state needs one.
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
        update = _update(
            fields,
            if_absent={"day": call.day},
            # What a move does not say anew was said of another state.
            remove=tuple(name for name in ("due", "due_at", "reason") if name not in fields),
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

    def recording_of(self, call_sid: CallSid, transcript_sid: TranscriptSid) -> RecordingSid | None:
        """Find the recording of a call that the transcript was created for."""
        key = items.call_key(call_sid)["pk"]
        with aws_errors(f"looking for the recording of transcript {transcript_sid} of call {call_sid}"):
            found = self._table.query(
                KeyConditionExpression=Key("pk").eq(key) & Key("sk").begins_with("RECORDING#"),
                FilterExpression=Attr("transcript").eq(transcript_sid),
                ConsistentRead=True,
            )["Items"]
        return RecordingSid(str(found[0]["sk"]).removeprefix("RECORDING#")) if found else None

    def put_insights(self, insights: Insights, call: Call) -> None:
        """Write a transcript's sentences, then its operator results. May be repeated.

        They are whole once the recording is `stored`, a move that comes after this.
        """
        sid = insights.transcript.sid
        expires_at = self._expires_at(call)
        with aws_errors(f"writing the insights of transcript {sid} of call {call.sid}"):
            chunks = 0
            for chunks, packed in enumerate(items.pack(insights.sentences), start=1):
                key = items.sentences_key(call.sid, sid, chunks)
                self._table.put_item(Item={**key, "packed": packed, "expires_at": expires_at})
            self._table.put_item(Item=items.insights_item(insights, chunks, expires_at))

    def read(self, call_sid: CallSid) -> "items.StoredCall":
        """Read all that is stored of a call, by one Query."""
        with aws_errors(f"reading call {call_sid}"):
            query: dict[str, Any] = {
                "KeyConditionExpression": Key("pk").eq(items.call_key(call_sid)["pk"]),
                "ConsistentRead": True,
            }
            rows: list[dict[str, Any]] = []
            while True:
                page = self._table.query(**query)
                rows += page["Items"]
                if "LastEvaluatedKey" not in page:
                    break
                query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        # DynamoDB removes an expired item some days late.
        now = datetime.now(UTC).timestamp()
        return items.stored_call(call_sid, [row for row in rows if row["expires_at"] > now])

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
    if not states:
        return unheard_of
    in_a_source = Attr("state").is_in(states)
    return unheard_of | in_a_source if UNHEARD_OF in sources else in_a_source


def _update(
    fields: Mapping[str, Any],
    *,
    if_absent: Mapping[str, Any],
    remove: tuple[str, ...] = (),
    add: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The arguments of an UpdateItem that sets `fields`, sets others only where absent, removes and adds."""
    add = add or {}
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
    return Moved(happened, State(item["state"]), int(item["attempts"]))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def call_table() -> CallTable:
    """This environment's table."""
    table = boto3.resource("dynamodb", config=CONFIG).Table(os.environ["TABLE_NAME"])
    return CallTable(table, int(os.environ["RETENTION_DAYS"]))
