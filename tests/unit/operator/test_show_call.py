"""`callscribe show`: all that is stored of one call."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from callscribe.domain.errors import TransientError
from callscribe_tools.operator.environment import Environment
from callscribe_tools.simulator import Call, Simulator, load_scenario
from harness.erasing import erase
from harness.later import work
from harness.stack import CALLER, NUMBER, Stack

type Reading = Callable[..., Result]

NOBODY = "CA" + "9" * 32


def test_who_when_what_became_of_it_and_who_said_what_are_shown(reading: Reading, stored: Call) -> None:
    result = reading("show", stored.sid)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:5] == [
        f"Call {stored.sid}",
        f"  from     {CALLER}",
        f"  to       {NUMBER}",
        f"  started  {stored.started:%Y-%m-%d %H:%M:%S} UTC",
        f"  lasted   {stored.seconds} s",
    ]
    assert "  00:01  Customer: We cannot log in to your account system." in lines
    assert "Operator results: 3" in lines
    assert "null" not in result.stdout
    assert re.findall(r"UTC  (\w+)$", result.stdout, re.MULTILINE)[0] == "received"
    assert re.findall(r"UTC  (\w+)$", result.stdout, re.MULTILINE)[-1] == "stored"


def test_times_are_those_of_the_time_zone(reading: Reading, stored: Call) -> None:
    assert " JST" in reading("show", stored.sid, "--tz", "Asia/Tokyo").stdout
    assert reading("show", stored.sid, "--tz", "Nowhere/Else").exit_code == 2


def test_machines_are_given_one_document(reading: Reading, stored: Call) -> None:
    document = json.loads(reading("show", stored.sid, "--json").stdout)
    assert (document["call_sid"], document["call"]["from"], document["erased_at"]) == (stored.sid, CALLER, None)
    assert [one["speaker"] for one in document["insights"][0]["sentences"]] == ["Customer"]


def test_of_an_unknown_call_it_is_said_what_to_try(reading: Reading, stack: Stack) -> None:
    assert stack.items() == []
    for arguments in ([], ["--json"]):
        result = reading("show", NOBODY, *arguments)
        assert result.exit_code == 4
        assert list(json.loads(result.stdout)) == ["error"] if arguments else result.stdout == ""
        assert f"Nothing is stored of call {NOBODY} in callscribe-dev" in result.stderr
        assert "callscribe ledger --since 7d" in result.stderr


def test_of_an_erased_call_it_is_said_when_and_nothing_else(reading: Reading, stored: Call, stack: Stack) -> None:
    erase(stack, stored.sid)
    result = reading("show", stored.sid)
    assert result.exit_code == 0
    assert re.search(r"^  erased   \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$", result.stdout, re.MULTILINE)
    assert CALLER not in result.stdout
    assert "Transcript" not in result.stdout
    assert json.loads(reading("show", stored.sid, "--json").stdout)["erased_at"]


def test_of_a_transcript_that_is_no_longer_the_recordings_nothing_is_shown(
    reading: Reading, stored: Call, stack: Stack
) -> None:
    (row,) = [one for one in stack.items() if one["sk"].startswith("RECORDING#") and one["state"] == "stored"]
    old: Any = row["transcript"]
    stack.table().put_item(Item=row | {"transcript": "GT" + "8" * 32})
    result = reading("show", stored.sid)
    assert old not in result.stdout
    assert "log in" not in result.stdout


@pytest.mark.parametrize("sid", ["RE" + "1" * 32, "CA1", "CA" + "A" * 32])
def test_what_is_no_call_is_refused(sid: str, reading: Reading) -> None:
    result = reading("show", sid)
    assert result.exit_code == 2
    assert "no SID of a call" in result.stderr


@pytest.fixture
def lacking(stored: Call, stack: Stack, twilio: Simulator) -> tuple[str, str]:
    """The SID and the name of an operator that gave no result."""
    operator = next(iter(twilio.account.operators.values()))
    (row,) = [item for item in stack.items() if re.fullmatch(r"TRANSCRIPT#GT\w+", item["sk"])]
    assert row["pk"] == f"CALL#{stored.sid}"
    stack.table().put_item(Item=row | {"missing_operators": [operator.sid, "LY" + "9" * 32]})
    return operator.sid, operator.friendly_name


def test_an_operator_that_gave_no_result_is_shown_by_name(
    reading: Reading, stored: Call, lacking: tuple[str, str], twilio_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Environment, "twilio_url", property(lambda _: twilio_url))
    sid, name = lacking
    assert f"No result was given by: {name} ({sid}), LY{'9' * 32}\n" in reading("show", stored.sid).stdout


def test_a_call_is_shown_if_twilio_cannot_be_asked_for_names(
    reading: Reading, stored: Call, lacking: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: object) -> None:
        raise TransientError("Twilio answered 503")

    monkeypatch.setattr("callscribe_tools.operator.console.Console.custom_operators", refused)
    result = reading("show", stored.sid)
    assert result.exit_code == 0
    assert f"No result was given by: {lacking[0]}, LY{'9' * 32}\n" in result.stdout


@pytest.fixture
def failed(stack: Stack, twilio: Simulator) -> dict[str, Any]:
    """The row of a recording whose transcript failed."""
    call = twilio.place_call(load_scenario("transcript_fails"), to=NUMBER)
    twilio.unknowns.failed_transcript_webhook = "available"
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    (row,) = [item for item in stack.items() if item.get("state") == "failed" and item["pk"] == f"CALL#{call.sid}"]
    return row


def shown(reading: Reading, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What `show` prints about the row's recording: the text's line, and the document's fields."""
    call, recording = row["pk"].removeprefix("CALL#"), row["sk"].removeprefix("RECORDING#")
    lines = reading("show", call).stdout.splitlines()
    (begin,) = [number for number, line in enumerate(lines) if line.startswith(f"Recording {recording}:")]
    told = [line for line in lines[begin + 1 :] if not line.startswith("  20")]
    return told[0], json.loads(reading("show", call, "--json").stdout)["recordings"][recording]


def test_of_a_failed_recording_the_next_step_is_named(reading: Reading, failed: dict[str, Any]) -> None:
    line, document = shown(reading, failed)
    call = failed["pk"].removeprefix("CALL#")
    assert line == f"  What to do: {document['what_to_do']}"
    assert document["command"] == f"callscribe retranscribe {call}"
    assert line.startswith("  What to do: Twilio could not transcribe it.")
    assert line.endswith(f"Then: callscribe retranscribe {call}")


@pytest.mark.parametrize(
    ("changes", "told", "command"),
    [
        ({"state": "skipped", "reason": "over_budget"}, "daily_minutes", "redrive --call"),
        ({"state": "skipped", "reason": "too_short"}, "You need do nothing", None),
        ({"state": "skipped", "reason": "too_long"}, "look at the recording in Twilio's console", None),
        ({"state": "skipped", "reason": "spare"}, "recording in two channels is transcribed instead", None),
        (
            {"state": "skipped", "reason": "absent", "error_code": 13223},
            "callscribe doctor. (Twilio's error 13223)",
            None,
        ),
        ({"state": "skipped", "reason": "moon_phase"}, "does not know why it was skipped", None),
        ({"state": "failed", "reason": "gave_up"}, "fix that first", "redrive --call"),
        ({"state": "failed", "reason": "gave_up", "rounds": 5}, "`redrive` takes it no more", "retranscribe"),
        ({"state": "failed", "deleted_at": "2026-01-01T00:00:00Z"}, "Without its audio nothing", None),
    ],
)
def test_the_next_step_is_that_of_the_reason(
    changes: dict[str, Any], told: str, command: str | None, reading: Reading, failed: dict[str, Any], stack: Stack
) -> None:
    stack.table().put_item(Item=failed | changes)
    line, document = shown(reading, failed)
    assert told in line
    assert line == f"  What to do: {document['what_to_do']}"
    whole = f"callscribe {command} {failed['pk'].removeprefix('CALL#')}" if command else None
    assert document["command"] == whole


def test_a_stored_recording_needs_no_next_step(reading: Reading, stored: Call) -> None:
    assert not re.search(r"Recording \w+: stored.*\n(  20.*\n)*  What to do", reading("show", stored.sid).stdout)
    rows = json.loads(reading("show", stored.sid, "--json").stdout)["recordings"].values()
    assert [row["what_to_do"] for row in rows if row["state"] == "stored"] == [None]
