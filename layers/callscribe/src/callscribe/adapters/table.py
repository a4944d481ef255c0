"""The one DynamoDB table: calls, recordings and their states, insights.

A recording's state changes only here, by one conditional write for each row of the domain's table of moves.
"""

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import boto3
from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from callscribe.adapters import items
from callscribe.adapters.aws_config import CONFIG
from callscribe.adapters.aws_errors import aws_errors
from callscribe.adapters.dynamodb import has_lapsed, iso, moment_of, query, update_of
from callscribe.adapters.erasable import NOT_ERASED, ErasableCalls
from callscribe.domain.call import Call
from callscribe.domain.patience import GAVE_UP, Patience, reason_to_give_up
from callscribe.domain.recording import (
    BEGINS,
    MOST_ROUNDS,
    MOVES,
    NEEDS_AUDIO,
    OVER_BUDGET,
    ROUNDS,
    UNHEARD_OF,
    UNSETTLED,
    Event,
    Recording,
    State,
    needs_attention,
)
from callscribe.domain.retention import days_at_twilio, deletion_date
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, TranscriptSid
from callscribe.domain.transcript import Insights

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

OF_ONE_STATE = (
    *("counted_on", "due", "due_at", "error_code", "reason"),
    *("deletion", "delete_at", "deletion_error", "deletion_tries", "kept_until", "overdue_since"),
)
"""What a row says of a recording in its present state only."""

LAST_CHANCE_SECONDS = 24 * 3600
"""How long before its row expires a recording is deleted at Twilio at the latest, where it is deleted at all."""

KEEP_BUDGETS = timedelta(days=7)
"""How long one can look up what a day has cost."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a move. `state` is where the recording stands now, `attempts` counts its claims so far.

    `counted_on` is the day whose budget holds its minutes while a transcript is being asked for. `rounds` counts how
    often the recording has begun anew. `stored_before`: a move to `stored` was not the first. `deleted`: Twilio no
    longer has the recording. `deleting_until` is when a claim to delete it at Twilio ends, or ended.
    """

    happened: bool
    state: State | None
    attempts: int
    counted_on: date | None = None
    rounds: int = 0
    stored_before: bool = False
    deleted: bool = False
    deleting_until: datetime | None = None


class CallTable(ErasableCalls):
    """Reads, writes and erases calls. Every method raises the errors of `aws_errors`."""

    def __init__(self, table: "Table", retention_days: int) -> None:
        super().__init__(table)
        self._retention_days = retention_days

    @property
    def retention(self) -> timedelta:
        """How long after its start all items of a call are kept."""
        return timedelta(days=self._retention_days)

    def put_call(self, call: Call, *, repaired: bool = False) -> bool:
        """Write a call as Twilio's Call resource has it; whether it was written, and not erased before.

        Of a call that was erased nothing else may be written either. `repaired`, where nobody but the sweep has told of
        its end.
        """
        return self._upsert_call(call, started_is_exact=True, **_repaired(repaired=repaired))

    def put_ended_call(self, call: Call) -> bool:
        """Write a call as its status callback tells it; whether it was written, and not erased before.

        The callback tells when the call ended; its start only follows from that, and gives way to the Call resource's.
        """
        return self._upsert_call(call, started_is_exact=False)

    def _upsert_call(self, call: Call, *, started_is_exact: bool, **changes: Any) -> bool:
        about_the_start = {"started": iso(call.started), "expires_at": self._expires_at(call)}
        parties = {"from": call.from_, "to": call.to, "direction": call.direction}
        fields: dict[str, Any] = {**{name: value for name, value in parties.items() if value}, **changes}
        # An answer that lacks a party never replaces the party that an earlier answer or callback had.
        unknown = {name: "" for name, value in parties.items() if not value}
        if call.seconds is not None:
            fields["seconds"] = call.seconds
        if started_is_exact:
            fields |= about_the_start
            about_the_start = {}
        with aws_errors(f"writing call {call.sid}"):
            try:
                self._table.update_item(
                    Key=items.call_key(call.sid),
                    ConditionExpression=NOT_ERASED,
                    # The first writer sets the day, so that a call never moves from one day's list to another's.
                    **update_of(fields, if_absent={"day": call.day, **about_the_start, **unknown}),
                )
            except self._table.meta.client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def move(
        self,
        event: Event,
        call: Call | CallSid,
        recording_sid: RecordingSid,
        *,
        due_at: datetime | None = None,
        delete_at: datetime | None = None,
        repaired: bool = False,
        spares_claims: bool = False,
        is_new: bool = False,
        **changes: Any,
    ) -> Moved:
        """Move a recording as the table of moves says, if it says so, and write `changes` with the move.

        `call`: its SID is enough where the move starts from a row. `due_at` is when to look again at a recording that
        has not moved on by itself and, for a claim, when the claim runs out. A move to an unsettled state needs one.
        `delete_at` is when one that is settled shall be deleted at Twilio; it needs the whole call. `repaired`: it
        moves because of the sweep. `spares_claims`: it does not move while another worker's claim lasts. `is_new`: it
        moves only if it has no row yet.
        """
        now = datetime.now(UTC)
        to = MOVES[event].to
        call_sid = call.sid if isinstance(call, Call) else call
        if not isinstance(call, Call) and UNHEARD_OF in MOVES[event].sources:
            raise ValueError(f"a recording that is {event} may have no row yet, so its call must be given")
        fields = {"state": to, f"{to}_at": iso(now), **_repaired(repaired=repaired), **changes} | self._of_call(call)
        if event in BEGINS:
            fields["unsettled_since"] = int(now.timestamp())
        update = update_of(
            fields | _due(to, due_at, changes.get("reason"), now) | self._deletion(to, call, delete_at),
            if_absent={"day": call.day} if isinstance(call, Call) else {},
            # What a move does not say anew was said of another state. A claim to delete the recording at Twilio ends
            # only where it has lapsed: such a move is refused while the claim lasts.
            remove=(*OF_ONE_STATE, "deleting_until" if to in UNSETTLED else "unsettled_since"),
            add={"attempts": int(event is Event.CLAIMED)} | ({"rounds": 1} if event in ROUNDS else {}),
        )
        with aws_errors(f"moving recording {recording_sid} of call {call_sid} to {to}"):
            try:
                answer = self._table.update_item(
                    Key=items.recording_key(call_sid, recording_sid),
                    ConditionExpression=_condition(event, now, spares_claims=spares_claims, is_new=is_new),
                    ReturnValues="ALL_OLD" if event is Event.TRANSCRIPT_STORED else "ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **update,
                )
                row = answer.get("Attributes", {})
                if event is Event.TRANSCRIPT_STORED:
                    # It always happens, so that only what was there before tells whether it had happened already.
                    return replace(_moved(row, happened=True), state=to, stored_before="stored_at" in row)
                return _moved(row, happened=True)
            except self._table.meta.client.exceptions.ConditionalCheckFailedException as refusal:
                return _refused(refusal)

    def _of_call(self, call: Call | CallSid) -> dict[str, Any]:
        """What each item says of its call; a row that is there says it already."""
        return {"started": iso(call.started), "expires_at": self._expires_at(call)} if isinstance(call, Call) else {}

    def _deletion(self, to: State, call: Call | CallSid, delete_at: datetime | None) -> dict[str, Any]:
        """When a recording is to be deleted at Twilio; nothing while it is unsettled."""
        if delete_at is None or to in UNSETTLED:
            return {}
        if not isinstance(call, Call):
            raise TypeError("a deletion date depends on when the row expires, so the call must be given")
        # The row must not expire before: then nobody would delete the recording.
        at = min(math.ceil(delete_at.timestamp()), self._expires_at(call) - LAST_CHANCE_SECONDS)
        return {"deletion": items.DELETION_DUE, "delete_at": at}

    def put_off(
        self, call_sid: CallSid, recording_sid: RecordingSid, due_at: datetime, *, lapsed_claims: bool = False
    ) -> bool:
        """Look at an unsettled recording again at `due_at`, and not before; whether it is unsettled.

        While it is being requested, `due_at` is the end of a claim, which nobody may prolong. `lapsed_claims`: postpone
        it also if that claim has run out; until `due_at` nobody can claim it then.
        """
        waits: ConditionBase = Attr("state").is_in([State.RECEIVED, State.TRANSCRIBING])
        if lapsed_claims:
            now = int(datetime.now(UTC).timestamp())
            waits |= Attr("state").eq(State.REQUESTING) & Attr("due_at").lte(now)
        with aws_errors(f"putting recording {recording_sid} of call {call_sid} off"):
            try:
                self._table.update_item(
                    Key=items.recording_key(call_sid, recording_sid),
                    ConditionExpression=waits,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **update_of({"due_at": math.ceil(due_at.timestamp())}),
                )
            except self._table.meta.client.exceptions.ConditionalCheckFailedException as refusal:
                return _refused(refusal).state in UNSETTLED
        return True

    def look_at(
        self,
        call_sid: CallSid,
        recording_sid: RecordingSid,
        since: datetime,
        patience: Patience,
        settings: Settings,
    ) -> str | None:
        """Before a recording that is due is looked at, see to it that a worker that dies of it is not sent it for ever.

        Parameters:
            since: since when it is unsettled.

        Returns:
            The reason, where it is given up instead: two looks ago it should have been, and whoever looked has died.
        """
        now = datetime.now(UTC)
        if now - since >= patience.give_up + 2 * patience.look_again:
            return GAVE_UP if self.give_up(call_sid, recording_sid, GAVE_UP, settings).happened else None
        self.put_off(call_sid, recording_sid, now + patience.look_again)
        return None

    def leave(
        self,
        call_sid: CallSid,
        recording_sid: RecordingSid,
        error: Exception,
        since: datetime,
        patience: Patience,
        settings: Settings,
    ) -> str | None:
        """Leave a recording that is due and that `error` kept from moving on: for later or, with a reason, for good.

        Parameters:
            since: since when it is unsettled.

        Returns:
            The reason, where it was given up.

        Raises:
            error: it is settled, so that it is not due again, and nothing but the message leads to what is left to do.
        """
        now = datetime.now(UTC)
        reason = reason_to_give_up(error, now - since, patience)
        if reason:
            moved = self.give_up(call_sid, recording_sid, reason, settings)
            if moved.happened:
                return reason
            unsettled = moved.state in UNSETTLED
        else:
            # Else a lapsed claim stays the first of all due recordings, and many keep the sweep from all others.
            unsettled = self.put_off(call_sid, recording_sid, now + patience.look_again, lapsed_claims=True)
        if not unsettled:
            raise error
        return None

    def give_up(self, call_sid: CallSid, recording_sid: RecordingSid, reason: str, settings: Settings) -> Moved:
        """Let a recording have failed as `reason`, unless another worker has claimed it."""
        row = self.recording_row(call_sid, recording_sid)
        # The call's own item may expire before the row does.
        call = self.noted_call(call_sid) or (items.call_of_row(row) if "started" in row else None)
        at = None
        if call and row:
            days = days_at_twilio(call.to, settings, row)
            at = deletion_date(days, items.recording_of_row(row), State.FAILED, reason, datetime.now(UTC))
        # Whoever holds a claim may be paying for a transcript, and says himself what comes of it.
        return self.move(
            Event.GIVEN_UP, call or call_sid, recording_sid, reason=reason, delete_at=at, spares_claims=True
        )

    def with_noted_parties(self, call: Call) -> Call:
        """Complete Twilio's answer about a call with the parties that it lacks and the call's own item has."""
        if call.from_ and call.to and call.direction:
            return call
        noted = self.noted_call(call.sid)
        if noted is None:
            return call
        return replace(
            call,
            from_=call.from_ or noted.from_,
            to=call.to or noted.to,
            direction=call.direction or noted.direction,
        )

    def noted_call(self, call_sid: CallSid) -> Call | None:
        """Read a call as its own item has it; None if there is no item, or the call is erased."""
        with aws_errors(f"reading call {call_sid}"):
            item: dict[str, Any] = self._table.get_item(Key=items.call_key(call_sid), ConsistentRead=True).get(
                "Item", {}
            )
        if "started" not in item:
            return None
        return Call(
            sid=call_sid,
            from_=item.get("from", ""),
            to=item.get("to", ""),
            direction=item.get("direction", ""),
            started=datetime.fromisoformat(item["started"]),
            seconds=int(item["seconds"]) if "seconds" in item else None,
        )

    def recording_of(self, call_sid: CallSid, transcript_sid: TranscriptSid) -> Recording | None:
        """Find the recording of a call that the transcript was created for, as its row tells of it."""
        rows = self._recordings_of(call_sid)
        return next((items.recording_of_row(row) for row in rows if row.get("transcript") == transcript_sid), None)

    def service_of(self, call_sid: CallSid, transcript_sid: TranscriptSid) -> ServiceSid | None:
        """Find the Service that a transcript of a call was requested under; None in rows of earlier versions."""
        rows = (row for row in self._recordings_of(call_sid) if row.get("transcript") == transcript_sid)
        return next((ServiceSid(row["service_sid"]) for row in rows if "service_sid" in row), None)

    def recording_row(self, call_sid: CallSid, recording_sid: RecordingSid) -> dict[str, Any]:
        """Read the row of one recording; empty if it has none."""
        with aws_errors(f"reading recording {recording_sid} of call {call_sid}"):
            answer = self._table.get_item(Key=items.recording_key(call_sid, recording_sid), ConsistentRead=True)
        return dict(answer.get("Item", {}))

    def knows(self, call_sid: CallSid) -> dict[RecordingSid, dict[str, Any]]:
        """The rows of a call's recordings."""
        return {items.recording_of_row(row).sid: row for row in self._recordings_of(call_sid)}

    def _recordings_of(self, call_sid: CallSid) -> Iterator[dict[str, Any]]:
        key = Key("pk").eq(items.call_key(call_sid)["pk"]) & Key("sk").begins_with("RECORDING#")
        return query(
            self._table,
            f"looking for the recordings of call {call_sid}",
            KeyConditionExpression=key,
            ConsistentRead=True,
        )

    def take_minutes(self, minutes: int, day: date, daily_minutes: int) -> int | None:
        """Count minutes against a day's budget; what is counted by then, or None where so many are not left."""
        left = Attr("minutes").not_exists() | Attr("minutes").lte(daily_minutes - minutes)
        return self._add_minutes(minutes, day, left) if minutes <= daily_minutes else None

    def give_back_minutes(self, minutes: int, day: date) -> None:
        """Take back what `take_minutes` has counted for nothing."""
        self._add_minutes(-minutes, day, Attr("minutes").gte(minutes))

    def _add_minutes(self, minutes: int, day: date, condition: ConditionBase) -> int | None:
        expires_at = int((datetime.now(UTC) + KEEP_BUDGETS).timestamp())
        with aws_errors(f"counting minutes against the budget of {day}"):
            try:
                answer = self._table.update_item(
                    Key=items.budget_key(day),
                    ConditionExpression=condition,
                    ReturnValues="UPDATED_NEW",
                    **update_of({"expires_at": expires_at}, add={"minutes": minutes}),
                )
            except self._table.meta.client.exceptions.ConditionalCheckFailedException:
                return None
        counted: Any = answer["Attributes"]["minutes"]
        return int(counted)

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
        rows = query(self._table, f"reading call {call_sid}", KeyConditionExpression=key, ConsistentRead=True)
        # DynamoDB removes an expired item some days late.
        now = datetime.now(UTC).timestamp()
        return items.stored_call(call_sid, [row for row in rows if row["expires_at"] > now])

    def _expires_at(self, call: Call) -> int:
        return int(call.expires(self._retention_days).timestamp())


def _due(to: State, due_at: datetime | None, reason: str | None, now: datetime) -> dict[str, Any]:
    """In which partition of the index `by_due_at` a recording now is, and where in it; nothing for in none."""
    if to in UNSETTLED:
        if due_at is None:
            raise ValueError(f"a recording that is {to} needs a due_at, or nothing would look at it again")
        return {"due": items.DUE, "due_at": math.ceil(due_at.timestamp())}
    if needs_attention(to, reason):
        return {"due": items.DUE_FOR_ATTENTION, "due_at": int(now.timestamp())}
    return {}


def _condition(event: Event, now: datetime, *, spares_claims: bool, is_new: bool) -> ConditionBase:
    """A row of the table of moves, as the condition on the item it may be applied to."""
    if is_new:
        return Attr("state").not_exists()
    may_be_applied = _source_condition(event, now)
    if event in NEEDS_AUDIO:
        may_be_applied &= Attr("deleted_at").not_exists() & has_lapsed("deleting_until", now)
    if not spares_claims:
        return may_be_applied
    no_live_claim = Attr("state").ne(State.REQUESTING) | Attr("due_at").lte(int(now.timestamp()))
    return may_be_applied & no_live_claim


def _source_condition(event: Event, now: datetime) -> ConditionBase:
    sources = MOVES[event].sources
    states = [str(state) for state in sources if state is not UNHEARD_OF]
    unheard_of = Attr("state").not_exists()
    if event is Event.CLAIMED:
        nobody_claimed_it = Attr("state").eq(State.RECEIVED)
        its_worker_died = Attr("state").eq(State.REQUESTING) & Attr("due_at").lte(int(now.timestamp()))
        return nobody_claimed_it | its_worker_died
    if event is Event.RESUMED:
        return Attr("state").eq(State.SKIPPED) & Attr("reason").eq(OVER_BUDGET)
    if event in ROUNDS:
        may_begin_anew = Attr("rounds").not_exists() | Attr("rounds").lt(MOST_ROUNDS)
        return Attr("state").is_in(states) & may_begin_anew
    if not states:
        return unheard_of
    in_a_source = Attr("state").is_in(states)
    return unheard_of | in_a_source if UNHEARD_OF in sources else in_a_source


def _repaired(*, repaired: bool) -> dict[str, str]:
    return {"repaired_at": iso(datetime.now(UTC))} if repaired else {}


def _refused(refusal: ClientError) -> Moved:
    """Where the recording stands that a condition did not let move."""
    # The resource leaves what comes with an error in DynamoDB's own notation.
    old: dict[str, Any] = cast("dict[str, Any]", refusal.response).get("Item", {})
    return _moved({k: TypeDeserializer().deserialize(v) for k, v in old.items()}, happened=False)


def _moved(item: Mapping[str, Any], *, happened: bool) -> Moved:
    if not item:
        return Moved(happened, UNHEARD_OF, 0)
    return Moved(
        happened,
        State(item["state"]),
        int(item.get("attempts", 0)),
        date.fromisoformat(item["counted_on"]) if "counted_on" in item else None,
        int(item.get("rounds", 0)),
        deleted="deleted_at" in item,
        deleting_until=moment_of(item["deleting_until"]) if "deleting_until" in item else None,
    )


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
