"""Breaks on purpose, after a soak, what the soak promises: so that one can see that its verdict turns red.

Nothing else calls it. What it does is what a bug would do, on the deployed stack.
"""

import time
from enum import StrEnum
from urllib.parse import urlencode

from callscribe.adapters.items import recording_key
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Call
from callscribe_tools.soak.run import Run

_SETTLE_SECONDS = 60.0
_POLL_SECONDS = 0.2


class Plant(StrEnum):
    """What is broken."""

    LOSS = "loss"
    DOUBLE = "double"


def plant(what: Plant, local: LocalCallscribe, run: Run) -> Call:
    """Break one stored call; it."""
    call = next(one for one in run.calls if _is_stored(local, one))
    if what is Plant.LOSS:
        _lose(local, call)
    else:
        _double(local, call)
    return call


def _is_stored(local: LocalCallscribe, call: Call) -> bool:
    return [one["state"] for one in local.read(call.sid).recordings.values()] == ["stored"]


def _lose(local: LocalCallscribe, call: Call) -> None:
    """Forget everything of it, as if nobody had ever told."""
    table = local.stack.aws.table(local.stack.outputs["CallsTableName"])
    key = {":call": f"CALL#{call.sid}"}
    for item in table.query(KeyConditionExpression="pk = :call", ExpressionAttributeValues=key)["Items"]:
        table.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})


def _double(local: LocalCallscribe, call: Call) -> None:
    """Forget that it was transcribed, here and at Twilio, and let its callback come again: it is paid for twice."""
    (dual,) = (one for one in call.recordings if one.channels == 2)
    with local.twilio.state.lock:
        transcripts = local.twilio.state.transcripts
        del transcripts[next(sid for sid, one in transcripts.items() if one.source_sid == dual.sid)]
    table = local.stack.aws.table(local.stack.outputs["CallsTableName"])
    table.delete_item(Key=recording_key(CallSid(call.sid), RecordingSid(dual.sid)))
    local.stack.aws.client("sqs").send_message(
        QueueUrl=local.stack.outputs["RecordingsQueueUrl"],
        MessageBody=urlencode({"CallSid": call.sid, "RecordingSid": dual.sid, "RecordingStatus": "completed"}),
    )
    deadline = time.monotonic() + _SETTLE_SECONDS
    while not _is_stored(local, call) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
