"""The operator's command line against the deployed stack: a loss is seen, mended, and gone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Call, CallFaults, FaultKind, Scenario
from e2e.stack import wait_until

SETTLE_SECONDS = 120.0
COMMAND_SECONDS = 600.0


def callscribe(local: LocalCallscribe, *arguments: str) -> tuple[int, Any]:
    """Run a command; its exit status, and the document that it prints."""
    done = subprocess.run(
        [Path(sys.prefix) / "bin" / "callscribe", *arguments, "--stack", local.stack.name, "--json"],
        env=local.stack.aws.environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout or "null")


def forget(local: LocalCallscribe, call: Call) -> None:
    """Delete all items of a call."""
    table = local.stack.aws.table(local.stack.outputs["CallsTableName"])
    found = table.query(KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": f"CALL#{call.sid}"})
    for item in found["Items"]:
        table.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})


def ledger_once_it_says(local: LocalCallscribe, status: int, *arguments: str) -> Any:
    said: list[tuple[int, Any]] = []

    def says_so() -> bool:
        said.append(callscribe(local, "ledger", "--since", "1h", *arguments))
        return said[-1][0] == status

    wait_until(says_so, f"the ledger's exit status is {status}")
    return said[-1][1]


def test_what_was_lost_is_told_repaired_and_no_longer_told(soak_stack: LocalCallscribe, scenario: Scenario) -> None:
    call = soak_stack.twilio.place_call(scenario, to=soak_stack.number)
    soak_stack.wait_until_settled(call.sid, SETTLE_SECONDS, print)
    ledger_once_it_says(soak_stack, 0)
    forget(soak_stack, call)
    missing = ledger_once_it_says(soak_stack, 1, "--repair")["missing"]
    assert {one["call_sid"] for one in missing} == {call.sid}
    stored = soak_stack.wait_until_settled(call.sid, SETTLE_SECONDS, print)
    assert [row["state"] for row in stored.recordings.values()] == ["stored"]
    ledger_once_it_says(soak_stack, 0)


def test_what_has_failed_is_listed_with_what_to_do_and_redriven(
    soak_stack: LocalCallscribe, scenario: Scenario
) -> None:
    faults = CallFaults(frozenset({FaultKind.RECORDING_DELETED}))
    call = soak_stack.twilio.place_call(scenario, to=soak_stack.number, faults=faults)
    stored = soak_stack.wait_until_settled(call.sid, SETTLE_SECONDS, print)
    assert [row["reason"] for row in stored.recordings.values()] == ["recording_deleted"]
    status, told = callscribe(soak_stack, "failed", "--since", "1h")
    assert status == 0
    (failure,) = (one for one in told["failures"] if one["call_sid"] == call.sid)
    assert (failure["reason"], bool(failure["what_to_do"])) == ("recording_deleted", True)
    assert callscribe(soak_stack, "redrive", "--call", call.sid, "--dry-run")[0] == 0
    assert [row["state"] for row in soak_stack.read(call.sid).recordings.values()] == ["failed"]
    assert callscribe(soak_stack, "redrive", "--call", call.sid)[0] == 0
    # It is gone, and so it fails again.
    stored = soak_stack.wait_until_settled(call.sid, SETTLE_SECONDS, print)
    (row,) = stored.recordings.values()
    assert (row["state"], row["reason"], row["rounds"]) == ("failed", "recording_deleted", 1)


def test_the_stack_sweeps_when_it_is_told_to(soak_stack: LocalCallscribe) -> None:
    status, found = callscribe(soak_stack, "sweep")
    assert status == 0
    assert found.keys() >= {"unsettled", "due", "recordings", "transcripts", "calls", "compared_until"}
