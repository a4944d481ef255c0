"""The function under its own role: recordings whose date has passed are deleted at Twilio, and the table says so."""

import json
from typing import Any

from callscribe.adapters import items
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Scenario

SETTLE_SECONDS = 120.0


def invoke(local: LocalCallscribe) -> Any:
    name = local.stack.resource("DeleteRecordingsFunction")
    answer = local.stack.aws.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    return answer.get("FunctionError"), json.loads(answer["Payload"].read() or "null")


def test_recordings_whose_date_has_passed_are_deleted_at_twilio_and_only_those(
    local: LocalCallscribe, scenario: Scenario
) -> None:
    calls = [local.twilio.place_call(scenario, to=local.number) for _ in range(3)]
    recordings = []
    for call in calls:
        local.wait_until_settled(call.sid, SETTLE_SECONDS, print)
        recordings.append(next(one for one in call.recordings if one.channels == 2))
    due, of_previous_version, kept = recordings
    table = local.stack.aws.table(local.stack.outputs["CallsTableName"])
    keys = [items.recording_key(CallSid(one.call_sid), RecordingSid(one.sid)) for one in recordings]
    for key, names, partition in (
        (keys[0], "deletion = :partition, delete_at = :past", items.DELETION_DUE),
        (keys[1], "due = :partition, due_at = :past", items.DUE_FOR_DELETION),
    ):
        table.update_item(
            Key=key,
            UpdateExpression=f"SET {names}",
            ExpressionAttributeValues={":partition": partition, ":past": 1},
        )

    assert invoke(local) == (None, None)

    assert [one.status for one in (due, of_previous_version, kept)] == ["deleted", "deleted", "completed"]
    rows = [table.get_item(Key=key)["Item"] for key in keys]
    assert ["deleted_at" in row for row in rows] == [True, True, False]
    assert {row["state"] for row in rows} == {"stored"}
    for row in rows:
        assert row.keys().isdisjoint({"due", "due_at", "deletion", "delete_at", "deleting_until"})
