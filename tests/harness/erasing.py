"""Erases calls of a stack in process as an operator does, and tells whether anything of one is left."""

import json
from datetime import timedelta
from typing import Any

import boto3

from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio, connect
from callscribe.domain.erasure import Erasure
from callscribe.domain.patience import Patience
from callscribe.domain.settings import Settings, from_json
from callscribe.domain.sids import CallSid
from callscribe.edge.retries import patience
from callscribe.usecases.erase_call import erase_call
from callscribe_tools.simulator import Simulator
from harness.stack import Stack

TOMBSTONE = {"pk", "sk", "erased_at", "expires_at", "due", "due_at"}
ERASED_ROW = {"pk", "sk", "erased_at", "expires_at", "state"}


def settings_of(stack: Stack) -> Settings:
    """The settings that were written."""
    return from_json(json.dumps(stack.settings_document()))


def table_of(stack: Stack, logical_id: str = "CallsTable") -> CallTable:
    """A table as whoever is not a function of the stack has it."""
    return CallTable(boto3.resource("dynamodb").Table(stack.physical_ids[logical_id]), retention_days=365)


def twilio_of(stack: Stack) -> Twilio:
    """The account at Twilio, likewise."""
    return connect(settings_of(stack), 30.0, until=timedelta(minutes=1))


def patience_of(stack: Stack) -> Patience:
    """How long the stack waits."""
    stack.prepare("sweep")
    return patience()


def erase(stack: Stack, call_sid: str, **given: Any) -> Erasure:
    """Erase a call, or look again for what is left of it."""
    arguments: dict[str, Any] = {
        "table": table_of(stack),
        "unredacted": table_of(stack, "UnredactedTable") if stack.store_unredacted else None,
        "twilio": twilio_of(stack),
        "settings": settings_of(stack),
        "patience": patience_of(stack),
    }
    return erase_call(CallSid(call_sid), **arguments | given)


def is_erased_everywhere(stack: Stack, twilio: Simulator, call_sid: str) -> bool:
    """Whether nothing is left of a call but what tells that it is erased; Twilio's own record of it apart."""
    items = [one for one in stack.items() if one["pk"] == f"CALL#{call_sid}"]
    state = twilio.state
    recordings = [one for one in state.recordings.values() if one.call_sid == call_sid]
    sids = {one.sid for one in recordings}
    return (
        all(set(one) == (TOMBSTONE if one["sk"] == "CALL" else ERASED_ROW) for one in items)
        and [one for one in items if one["sk"] == "CALL"] != []
        and all(one["sk"].split("#")[0] in {"CALL", "RECORDING"} for one in items)
        and not [one for one in stack.unredacted_items() if one["pk"] == f"CALL#{call_sid}"]
        and all(one.status in {"deleted", "absent", "failed"} for one in recordings)
        and not [one for one in state.transcripts.values() if one.source_sid in sids]
    )
