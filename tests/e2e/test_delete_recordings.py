"""The hourly function under its own role: recordings that are due are deleted at Twilio, and the table says so."""

import json
from typing import Any

from callscribe.adapters import items
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Scenario

SETTLE_SECONDS = 60.0


def invoke(local: LocalCallscribe) -> Any:
    name = local.stack.resource("DeleteRecordingsFunction")
    answer = local.stack.aws.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    return answer.get("FunctionError"), json.loads(answer["Payload"].read() or "null")


def test_a_recording_that_is_due_is_deleted_at_twilio_and_only_that_one(
    local: LocalCallscribe, scenario: Scenario
) -> None:
    calls = [local.twilio.place_call(scenario, to=local.number) for _ in range(2)]
    recordings = []
    for call in calls:
        local.wait_until_settled(call.sid, SETTLE_SECONDS, print)
        recordings.append(next(one for one in call.recordings if one.channels == 2))
    due, kept = recordings
    key = items.recording_key(CallSid(calls[0].sid), RecordingSid(due.sid))
    table = local.stack.aws.table(local.stack.outputs["CallsTableName"])
    table.update_item(
        Key=key,
        UpdateExpression="SET due = :due, due_at = :past",
        ExpressionAttributeValues={":due": items.DUE_FOR_DELETION, ":past": 1},
    )

    assert invoke(local) == (None, None)

    assert (due.status, kept.status) == ("deleted", "completed")
    row = table.get_item(Key=key)["Item"]
    assert "deleted_at" in row
    assert "due" not in row
    assert row["state"] == "stored"
