"""The command line by `--env local`, as after `make demo KEEP=1`: what setup has wired, a call read and erased."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from callscribe_tools.local_aws.paths import ROOT
from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.operator.local import noted
from callscribe_tools.simulator import Call, Scenario
from e2e.stack import held_at_rest, recorded_before

SETTLE_SECONDS = 120.0
COMMAND_SECONDS = 600.0
MAY_WAIT = {"recordings", "sweep", "last call", "PCI mode", "dual-channel conference recordings"}
"""Findings that other tests of this stack leave, or that cannot be seen; and what waits on queues."""

type Callscribe = Callable[..., tuple[int, Any]]


@pytest.fixture
def callscribe(local: LocalCallscribe, tmp_path: Path) -> Iterator[Callscribe]:
    """Run a command in a folder as the repository's; its exit status, and the document that it prints."""
    for name in ("samconfig.toml", "callscribe.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")

    def run(*arguments: str, stdin: str | None = None) -> tuple[int, Any]:
        done = subprocess.run(
            [Path(sys.prefix) / "bin" / "callscribe", *arguments, "--env", "local", "--json"],
            cwd=tmp_path,
            # What the shell has of the real AWS must not matter.
            env={**os.environ, "AWS_PROFILE": "nobody", "AWS_REGION": "eu-west-1"},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout or "null")

    with noted(local.here, tmp_path):
        yield run


def test_what_setup_has_wired_is_as_the_file_says_and_works(local: LocalCallscribe, callscribe: Callscribe) -> None:
    account = local.twilio.account
    credentials = {
        "account_sid": account.account_sid,
        "api_key_sid": account.api_key_sid,
        "api_key_secret": account.api_key_secret,
        "auth_token": account.auth_token,
    }
    status, told = callscribe("secret", "set", "--from-stdin", stdin=json.dumps(credentials))
    assert (status, told["changed"]) == (0, False)
    assert callscribe("setup", "plan", "--check")[0] == 0
    assert callscribe("setup", "apply")[1]["done"] == []
    _, found = callscribe("doctor")
    states = {one["name"]: one["state"] for one in found["findings"]}
    assert {name: state for name, state in states.items() if state == "broken" and not _may_wait(name)} == {}
    assert states["signed /incoming-call"] == states["forged /ci-webhook"] == "ok"


def _may_wait(name: str) -> bool:
    return name in MAY_WAIT or name.startswith(("dead letters", "queue"))


def test_drift_made_by_hand_is_found_and_mended(local: LocalCallscribe, callscribe: Callscribe) -> None:
    number = local.twilio.account.numbers[local.number]
    wired = number.status_callback
    number.status_callback = "https://elsewhere.example.com/"
    status, told = callscribe("setup", "plan", "--check")
    assert (status, [one["field"] for one in told["changes"]]) == (1, ["status_callback"])
    assert callscribe("setup", "apply")[0] == 0
    assert number.status_callback == wired


def test_a_call_is_listed_shown_and_erased_for_good(
    local: LocalCallscribe, scenario: Scenario, callscribe: Callscribe
) -> None:
    call = local.twilio.place_call(scenario, to=local.number)
    local.wait_until_settled(call.sid, SETTLE_SECONDS, print)
    _, listed = callscribe("calls", "--since", "1h", "--limit", "500")
    assert call.sid in json.dumps(listed)
    status, shown = callscribe("show", call.sid)
    assert status == 0
    words = json.dumps(shown, ensure_ascii=False)
    assert "cannot log in" in words.lower()
    (transcript_sid,) = (one.sid for one in local.twilio.state.transcripts.values() if one.call is call)
    assert callscribe("dump", transcript_sid)[0] == 0
    status, told = callscribe("erase", call.sid, "--yes")
    assert (status, told["receipts"][0]["call_sid"]) == (0, call.sid)
    late = {"transcript_sid": transcript_sid, "customer_key": call.sid}
    local.stack.aws.client("sqs").send_message(
        QueueUrl=local.stack.outputs["TranscriptsQueueUrl"], MessageBody=json.dumps(late)
    )
    held_at_rest(local)
    assert _left(local, call) == []
    assert transcript_sid not in local.twilio.state.transcripts


def _left(local: LocalCallscribe, call: Call) -> list[str]:
    """Items of the call, in either table, that hold more than that it was erased."""
    left: list[str] = []
    for output in ("CallsTableName", "UnredactedTableName"):
        table = local.stack.aws.table(local.stack.outputs[output])
        asked: Any = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": f"CALL#{call.sid}"}}
        told = {"pk", "sk", "state", "erased_at", "expires_at", "due", "due_at", "transcripts"}
        left += [str(item["sk"]) for item in table.query(**asked)["Items"] if set(item) - told]
    return left


def test_a_recording_from_before_is_sent_for_and_stored(
    local: LocalCallscribe, scenario: Scenario, callscribe: Callscribe
) -> None:
    call_sid = recorded_before(local, scenario, timedelta(days=2)).call_sid
    window = ("--since", "3d", "--until", "1d")
    status, told = callscribe("backfill", *window, "--dry-run")
    assert (status, told["recordings"], told["minutes"], told["sent"]) == (0, 1, 1, 0)
    status, told = callscribe("backfill", *window, "--yes")
    assert (status, told["sent"]) == (0, 1)
    local.wait_until_settled(call_sid, SETTLE_SECONDS, print)
    _, shown = callscribe("show", call_sid)
    assert [one["state"] for one in shown["recordings"].values()] == ["stored"]
    assert callscribe("backfill", *window, "--yes")[1]["recordings"] == 0
