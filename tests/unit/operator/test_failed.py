"""`callscribe failed`: everything that waits for a person, and nothing is touched by looking."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from typer.testing import Result

from callscribe_tools.operator import dead_letters
from callscribe_tools.simulator import Call, Scenario, Simulator, load_scenario
from harness.deployed import Deployed
from harness.later import be_later, work
from harness.stack import NUMBER, Stack

ROWS = {
    **dict.fromkeys(
        ("gave_up", "error", "over_budget", "transcript_unreadable", "twilio_400", "twilio_95116", "recording_odd"),
        "redrive",
    ),
    **dict.fromkeys(
        (
            *("transcript_failed", "transcript_canceled", "transcript_encrypted", "transcript_odd", "transcript_gone"),
            "transcribed_elsewhere",
        ),
        "retranscribe",
    ),
    **dict.fromkeys(("not_found", "recording_deleted", "recording_failed", "twilio_95109", "twilio_95114"), ""),
}
"""The command that helps a recording, by its reason; empty if nothing does."""

BODY = "CallSid=CA" + "1" * 32 + "&RecordingSid=RE" + "2" * 32 + "&From=%2B12025550142&RecordingStatus=completed"


@pytest.fixture
def fails(stack: Stack, twilio: Simulator) -> Call:
    """A call whose transcript has failed."""
    call = twilio.place_call(load_scenario("transcript_fails"), to=NUMBER)
    twilio.unknowns.failed_transcript_webhook = "available"
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    return call


def test_where_nothing_has_failed_nothing_is_listed(callscribe: Callable[..., Result], stack: Stack) -> None:
    assert stack.items() == []
    result = callscribe("failed")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Nothing waits for a person.\n")


def test_a_recording_that_failed_is_listed_with_what_to_do(
    fails: Call, document: Callable[..., Any], callscribe: Callable[..., Result]
) -> None:
    (one,) = document("failed")["failures"]
    assert (one["what"], one["call_sid"], one["state"], one["reason"]) == (
        "recording",
        fails.sid,
        "failed",
        "transcript_failed",
    )
    assert one["recording_sid"] in {recording.sid for recording in fails.recordings}
    assert one["transcript_sid"].startswith("GT")
    assert 0 <= one["age_seconds"] < 60
    assert one["since"] == f"{datetime.fromisoformat(one['since']):%Y-%m-%dT%H:%M:%SZ}"
    assert one["what_to_do"].startswith("Twilio could not transcribe it.")
    result = callscribe("failed")
    assert result.exit_code == 0
    header, line = result.stdout.splitlines()
    assert header.split() == ["WHAT", "SIDS", "STATE", "REASON", "AGE", "WHAT", "TO", "DO"]
    assert fails.sid in line
    assert "0 min" in line
    assert one["command"] == f"callscribe retranscribe {fails.sid}"
    assert one["what_to_do"].endswith(f"Then: {one['command']}")
    assert result.stderr == "1 in all.\n1 to transcribe again, call by call: callscribe retranscribe CA…\n"


def test_what_was_over_budget_is_listed(
    stack: Stack, twilio: Simulator, scenario: Scenario, document: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.adapters.table.CallTable.take_minutes", lambda *_: None)
    twilio.place_call(scenario, to=NUMBER)
    work(stack)
    (one,) = document("failed")["failures"]
    assert (one["state"], one["reason"]) == ("skipped", "over_budget")


def test_a_letter_is_listed_without_its_body_and_stays_where_it_is(
    bury: Callable[..., None], document: Callable[..., Any], callscribe: Callable[..., Result], stack: Stack
) -> None:
    bury("Recordings", BODY, reason="RecordingCallback: RecordingStatus: missing", redriven="2")
    bury("Transcripts", '{"transcript_sid": "GT' + "3" * 32 + '"}')
    for _ in range(2):
        first, second = document("failed")["failures"]
        assert (first["what"], first["call_sid"], first["recording_sid"], first["attempts"]) == (
            "message on recordings",
            "CA" + "1" * 32,
            "RE" + "2" * 32,
            2,
        )
        assert (second["what"], second["transcript_sid"], second["reason"]) == (
            "message on transcripts",
            "GT" + "3" * 32,
            None,
        )
    assert "12025550142" not in callscribe("failed").output
    assert [(one["Body"], sorted(one["MessageAttributes"])) for one in stack.messages("RecordingsDeadLetters")] == [
        (BODY, ["reason", "redriven"])
    ]


def test_many_letters_are_all_listed_once(bury: Callable[..., None], document: Callable[..., Any]) -> None:
    for number in range(23):
        bury("Recordings", f"CallSid=CA{number:032}")
    found = document("failed")["failures"]
    assert {one["call_sid"] for one in found} == {f"CA{number:032}" for number in range(23)}
    assert len(found) == 23


def test_letters_that_come_again_before_all_are_seen_are_listed_once(
    bury: Callable[..., None], document: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters.DeadLetters.take, "__defaults__", (0,))
    for number in range(3):
        bury("Recordings", f"CallSid=CA{number:032}")
    assert len(document("failed")["failures"]) == 3


def row_of(call: Call, stack: Stack) -> dict[str, Any]:
    """The row of the call's recording that has failed."""
    (row,) = [item for item in stack.items() if item.get("state") == "failed" and item["pk"] == f"CALL#{call.sid}"]
    return row


@pytest.mark.parametrize("reason", sorted(ROWS))
def test_the_command_that_is_advised_is_the_one_that_takes_the_recording(
    reason: str, fails: Call, stack: Stack, document: Callable[..., Any]
) -> None:
    row = row_of(fails, stack)
    stack.table().put_item(Item=row | {"reason": reason})
    (failure,) = document("failed")["failures"]
    command = failure["command"] or ""
    if not command:
        assert "nothing" in failure["what_to_do"].lower()
        assert "redrive" not in failure["what_to_do"] or "Only if" in failure["what_to_do"]
        return
    (_, verb, *arguments) = command.split()
    assert verb == ROWS[reason]
    if verb == "redrive":
        redriven = [one for one in document(verb, *arguments, "--dry-run")["redriven"] if one["reason"] == reason]
        assert [one["outcome"] for one in redriven] == ["would be sent"]
    else:
        assert verb == "retranscribe"


def test_a_letter_that_was_redriven_as_often_as_it_may_has_no_command(
    bury: Callable[..., None], document: Callable[..., Any], callscribe: Callable[..., Result]
) -> None:
    bury("Recordings", BODY, reason="KeyError", redriven="5")
    (one,) = document("failed")["failures"]
    assert (one["command"], "redriven 5 times" in one["what_to_do"]) == (None, True)
    told = callscribe("failed").stderr
    assert "1 that no command helps" in told
    assert "callscribe redrive" not in told


@pytest.mark.parametrize(
    ("reason", "command"),
    [
        ("KeyError", "callscribe redrive --stack callscribe-dev --call CA" + "1" * 32),
        ("reading call CA: Twilio answered 404", None),
    ],
)
def test_each_command_that_is_advised_names_the_stack(
    reason: str, command: str | None, bury: Callable[..., None], document: Callable[..., Any]
) -> None:
    bury("Recordings", BODY, reason=reason)
    (one,) = document("failed", "--stack", "callscribe-dev")["failures"]
    assert one["command"] == command
    # Also a command that is named within a sentence.
    if command is None:
        assert "callscribe secret set --stack callscribe-dev" in one["what_to_do"]


def test_only_what_failed_since_is_listed(
    fails: Call, stack: Stack, twilio: Simulator, document: Callable[..., Any]
) -> None:
    assert fails.recordings
    be_later(stack, twilio, timedelta(days=3))
    assert document("failed", "--since", "2d")["failures"] == []
    (one,) = document("failed", "--since", "4d")["failures"]
    assert one["age_seconds"] >= 3 * 24 * 3600


def test_it_needs_neither_the_settings_nor_twilio(
    empty_stack: Stack, deployed: Deployed, callscribe: Callable[..., Result]
) -> None:
    assert deployed.stack is empty_stack
    result = callscribe("failed", "--json")
    assert json.loads(result.stdout) == {"stack": "callscribe-dev", "failures": []}
