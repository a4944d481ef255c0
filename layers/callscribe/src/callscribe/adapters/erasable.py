"""What erases a call in a table, whatever the table has of it. The part of `CallTable` that forgets.

A call that is erased leaves a tombstone in the place of its own item: nothing is written of it any more. It says which
transcripts are to be deleted at Twilio, because nothing else does once the rows are gone.
"""

import math
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, Key

from callscribe.adapters import items
from callscribe.adapters.aws_errors import aws_errors
from callscribe.adapters.dynamodb import iso, query
from callscribe.domain.erasure import LONGEST_RETENTION_DAYS
from callscribe.domain.recording import MOVES, Event
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

NOT_ERASED = Attr("erased_at").not_exists()
"""The condition of every write to a call's own item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What is left of a call. `due_at` is when it is looked for copies again, `transcripts` are to be deleted."""

    call_sid: CallSid
    erased_at: datetime
    due_at: datetime
    transcripts: tuple[TranscriptSid, ...]

    @property
    def expires_at(self) -> int:
        """When it is no longer needed."""
        return math.ceil((self.erased_at + timedelta(days=LONGEST_RETENTION_DAYS)).timestamp())


class ErasableCalls:
    """A table of calls, as far as one is erased in it. Every method raises the errors of `aws_errors`."""

    def __init__(self, table: "Table") -> None:
        self._table = table

    @property
    def name(self) -> str:
        """The name of the table."""
        return str(self._table.name)

    def is_erased(self, call_sid: CallSid) -> bool:
        """Whether nothing may be written of a call any more."""
        with aws_errors(f"looking whether call {call_sid} is erased"):
            answer = self._table.get_item(
                Key=items.call_key(call_sid), ProjectionExpression="erased_at", ConsistentRead=True
            )
        return "erased_at" in answer.get("Item", {})

    def outline(self, call_sid: CallSid) -> list[dict[str, Any]]:
        """All items of a call: their keys, `state`, `transcript`, and a tombstone's `erased_at` and `transcripts`."""
        names = ("pk", "sk", "state", "transcript", "erased_at", "transcripts")
        return list(
            query(
                self._table,
                f"reading what there is of call {call_sid}",
                KeyConditionExpression=Key("pk").eq(items.call_key(call_sid)["pk"]),
                ProjectionExpression=", ".join(f"#{name}" for name in names),
                ExpressionAttributeNames={f"#{name}": name for name in names},
                ConsistentRead=True,
            )
        )

    def put_tombstone(self, tombstone: Tombstone) -> None:
        """Put a tombstone in the place of a call's own item; it is due until the erasure is finished."""
        due = {"due": items.DUE_FOR_ERASURE, "due_at": math.ceil(tombstone.due_at.timestamp())}
        transcripts = {"transcripts": list(tombstone.transcripts)} if tombstone.transcripts else {}
        with aws_errors(f"erasing call {tombstone.call_sid}"):
            # The whole item: what nobody has thought of goes as well.
            self._table.put_item(Item=_item(tombstone) | due | transcripts)

    def finish_erasure(self, tombstone: Tombstone) -> None:
        """Let a tombstone be due no longer, unless somebody has looked at the call since it was put.

        From then on it is listed among the erased calls, by when it was erased.
        """
        not_since = Attr("due_at").eq(math.ceil(tombstone.due_at.timestamp()))
        refused = suppress(self._table.meta.client.exceptions.ConditionalCheckFailedException)
        with aws_errors(f"noting that call {tombstone.call_sid} is erased"), refused:
            listed = {"due": items.ERASED, "due_at": int(tombstone.erased_at.timestamp())}
            self._table.put_item(Item=_item(tombstone) | listed, ConditionExpression=not_since)

    def erase_recording(self, tombstone: Tombstone, recording_sid: RecordingSid) -> None:
        """Leave nothing of a recording's row but that it is erased, whatever it was and whether there was one."""
        doing = f"erasing the row of recording {recording_sid} of call {tombstone.call_sid}"
        with aws_errors(doing):
            self._table.put_item(
                Item={
                    **items.recording_key(tombstone.call_sid, recording_sid),
                    "state": MOVES[Event.ERASED].to,
                    "erased_at": iso(tombstone.erased_at),
                    "expires_at": tombstone.expires_at,
                }
            )

    def delete_item(self, call_sid: CallSid, sk: str) -> None:
        """Delete an item of a call, if it is there."""
        with aws_errors(f"deleting an item of call {call_sid}"):
            self._table.delete_item(Key={"pk": items.call_key(call_sid)["pk"], "sk": sk})


def _item(tombstone: Tombstone) -> dict[str, Any]:
    """All that stays of a call."""
    return {
        **items.call_key(tombstone.call_sid),
        "erased_at": iso(tombstone.erased_at),
        "expires_at": tombstone.expires_at,
    }
