"""Calls are erased for an operator, with a receipt; those of a number are found wherever they are."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from typer.testing import Result

from callscribe.adapters.items import call_key
from callscribe.domain.erasure import CopyState
from callscribe.domain.sids import CallSid
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.environment import deployed as find
from callscribe_tools.operator.erase import Receipt, calls_of_number, erase
from callscribe_tools.operator.errors import OperatorError
from callscribe_tools.simulator import Call, Scenario, Simulator
from harness.answers import answer
from harness.deployed import NAME, Deployed
from harness.erasing import TOMBSTONE, is_erased_everywhere
from harness.later import be_later, work
from harness.stack import CALLER, NUMBER, Stack

CALLS = "/2010-04-01/Accounts/{account}/Calls.json"
ANOTHER = "+12025550155"
UNKNOWN = CallSid("CA" + "9" * 32)


@pytest.fixture
def environment(stack: Stack, deployed: Deployed) -> Environment:  # noqa: ARG001 (the stack has its settings)
    return find(NAME)


@pytest.fixture
def told() -> list[str]:
    """What was told of its progress."""
    return []


@pytest.fixture
def receipts(environment: Environment, told: list[str]) -> Callable[..., list[Receipt]]:
    """Erases calls."""
    return lambda *sids: list(erase(environment, map(CallSid, sids), environment.settings(), told.append))


@pytest.fixture
def calls_of(environment: Environment, told: list[str]) -> Callable[[str], list[CallSid]]:
    """Finds the calls of a number."""
    return lambda number: calls_of_number(environment, number, environment.settings(), told.append)


@pytest.fixture
def stored(stack: Stack, twilio: Simulator, scenario: Scenario) -> Call:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    return call


def test_a_call_is_erased_and_the_sweep_finishes_it(
    receipts: Callable[..., list[Receipt]], environment: Environment, stored: Call, stack: Stack, twilio: Simulator
) -> None:
    (receipt,) = receipts(stored.sid)
    assert {one.state for one in receipt.erasure.copies} == {CopyState.ERASED}
    assert f"callscribe erase {stored.sid}" in (receipt.goes_on or "")
    be_later(stack, twilio, timedelta(minutes=10))
    assert environment.sweep()["erased"] == 1
    assert is_erased_everywhere(stack, twilio, stored.sid)
    (receipt,) = receipts(stored.sid)
    assert (receipt.goes_on, receipt.erasure.finished) == (None, True)


def test_a_receipt_names_what_it_cannot_reach_and_no_number(
    receipts: Callable[..., list[Receipt]], stored: Call, twilio: Simulator
) -> None:
    (receipt,) = receipts(stored.sid)
    text = json.dumps(receipt.told())
    for out_of_reach in (
        *("Point-in-time backups of CallsTable and UnredactedTable", "35 days", "On-demand backups", "list-exports"),
        *(
            "archives",
            "CallEvents",
            "LogRetentionDays",
            "for 30 days",
            "dead letters",
            "left behind",
            "External Storage",
        ),
        *(f"/Accounts/{twilio.account.account_sid}/Calls/{stored.sid}.json", "40 days", "Debugger", "second leg"),
    ):
        assert out_of_reach in text
    assert all(one.copy and one.what_to_do for one in receipt.out_of_reach)
    assert not re.search(r"\+\d{4}", text)
    assert "log in" not in text


def test_a_receipt_for_machines_has_each_copy(receipts: Callable[..., list[Receipt]], stored: Call) -> None:
    (receipt,) = receipts(stored.sid)
    document: dict[str, Any] = receipt.told()
    assert (document["call_sid"], document["finished"]) == (stored.sid, False)
    assert document["copies"][0] == {
        "what": "call",
        "sid": stored.sid,
        "where": "CallsTable",
        "state": "erased",
        "reason": None,
    }
    assert datetime.fromisoformat(document["erased_at"]).tzinfo


def test_several_are_erased_and_one_that_is_not_ours_ends_it_with_a_sentence(
    environment: Environment, stored: Call, stack: Stack
) -> None:
    erasing = erase(environment, [CallSid(stored.sid), UNKNOWN], environment.settings(), lambda _: None)
    assert next(erasing).erasure.call_sid == stored.sid
    with pytest.raises(OperatorError, match=f"Call {UNKNOWN} was not erased: neither the table nor Twilio"):
        next(erasing)
    assert {one["pk"] for one in stack.items()} == {f"CALL#{stored.sid}"}


def test_a_stack_without_a_table_of_what_is_redacted_names_none(
    stored: Call, deployed: Deployed, told: list[str]
) -> None:
    deployed.changed["UnredactedTableName"] = None
    environment = find(NAME)
    assert environment.unredacted is None
    (receipt,) = erase(environment, [CallSid(stored.sid)], environment.settings(), told.append)
    assert {one.where for one in receipt.erasure.copies} == {"CallsTable", "Twilio"}
    assert "UnredactedTable" not in json.dumps(receipt.told())


# --- calls of a number


def test_the_calls_of_a_number_are_found_in_the_table_and_at_twilio(
    calls_of: Callable[[str], list[CallSid]], stack: Stack, twilio: Simulator, scenario: Scenario, told: list[str]
) -> None:
    in_both, at_twilio, in_the_table, to_another = (twilio.place_call(scenario, to=NUMBER) for _ in range(4))
    of_another = twilio.place_call(scenario, to=NUMBER, from_=ANOTHER)
    stack.table().delete_item(Key=call_key(CallSid(at_twilio.sid)))
    del twilio.state.calls[in_the_table.sid]
    to_another.to = "+12025550111"
    stack.table().delete_item(Key=call_key(CallSid(to_another.sid)))
    found = calls_of(CALLER)
    assert sorted(found) == sorted([in_both.sid, at_twilio.sid, in_the_table.sid])
    assert calls_of(ANOTHER) == [of_another.sid]
    assert calls_of("+12025550177") == []
    assert any("+1…42" in text for text in told)
    assert not any(CALLER in text for text in told)


def test_calls_of_long_ago_are_found_too(
    calls_of: Callable[[str], list[CallSid]], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    # One is nearly as old as anything in the table, the other older: only Twilio has it.
    kept, expired = (twilio.place_call(scenario, to=NUMBER) for _ in range(2))
    be_later(stack, twilio, timedelta(days=364))
    del twilio.state.calls[kept.sid]
    stack.table().delete_item(Key=call_key(CallSid(expired.sid)))
    expired.started -= timedelta(days=1000)
    assert sorted(calls_of(CALLER)) == sorted([kept.sid, expired.sid])


def test_what_is_erased_is_no_longer_found_in_the_table(
    calls_of: Callable[[str], list[CallSid]], receipts: Callable[..., list[Receipt]], stored: Call, twilio: Simulator
) -> None:
    receipts(stored.sid)
    assert calls_of(CALLER) == [stored.sid]
    # Of Twilio's own record, the receipt says what to do.
    del twilio.state.calls[stored.sid]
    assert calls_of(CALLER) == []


@pytest.mark.parametrize("number", ["", "anonymous", "2025550142", "+1 202 555 0142", "+0", "+12025550142x"])
def test_what_is_no_number_is_refused(calls_of: Callable[[str], list[CallSid]], number: str) -> None:
    with pytest.raises(OperatorError, match=r"E\.164"):
        calls_of(number)


def test_a_call_that_cannot_be_read_at_twilio_is_not_passed_over(
    calls_of: Callable[[str], list[CallSid]], stored: Call, twilio: Simulator
) -> None:
    odd = {"sid": "CA1", "direction": "inbound", "start_time": "Fri, 20 Nov 2026 09:00:00 +0000"}
    answer(twilio, "GET", CALLS, 200, json.dumps({"calls": [odd], "next_page_uri": None}))
    with pytest.raises(OperatorError, match="Nothing was erased: 1 call from that number cannot be read"):
        calls_of(CALLER)
    assert stored.sid


# --- the other commands


def test_an_erased_call_is_missing_in_no_ledger(
    document: Callable[..., Any],
    receipts: Callable[..., list[Receipt]],
    stack: Stack,
    twilio: Simulator,
    scenario: Scenario,
) -> None:
    lost = twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio)
    assert [one["call_sid"] for one in document("ledger", "--since", "1h")["missing"]] == [lost.sid]
    # Of which Twilio deletes nothing yet.
    answer(twilio, "DELETE", "/2010-04-01/Accounts/{account}/Recordings/{sid}.json", 500)
    receipts(lost.sid)
    for row in stack.recordings():
        stack.table().delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
    assert document("ledger", "--since", "1h")["missing"] == []


def test_nothing_is_to_be_redriven_of_an_erased_call(
    callscribe: Callable[..., Result],
    receipts: Callable[..., list[Receipt]],
    bury: Callable[..., None],
    stored: Call,
    stack: Stack,
) -> None:
    receipts(stored.sid)
    body = f"CallSid={stored.sid}&RecordingSid={stored.recordings[0].sid}&RecordingStatus=completed"
    bury("Recordings", body, reason="KeyError")
    before = stack.items()
    result = callscribe("redrive", "--call", stored.sid)
    assert result.exit_code == 0
    assert "that is its end" in result.stdout
    work(stack)
    assert stack.items() == before
    assert stack.queued() == {}


# --- the command


def nothing_is_left(stack: Stack, twilio: Simulator) -> bool:
    """Whether the table tells nothing but that it was erased, and Twilio has neither transcript nor recording."""
    tells = {name for item in stack.items() if item["pk"].startswith("CALL#") for name in item}
    at_twilio = {one.status for one in twilio.state.recordings.values()} - {"deleted", "absent"}
    return (
        tells <= TOMBSTONE | {"state", "due", "due_at", "transcripts"}
        and not at_twilio
        and not twilio.state.transcripts
    )


def test_the_command_asks_first_and_erases_nothing_unless_told_to(
    stored: Call, stack: Stack, callscribe: Callable[..., Result]
) -> None:
    before = stack.items()
    result = callscribe("erase", stored.sid)
    assert result.exit_code == 4
    assert "Scripts say --yes" in result.stderr
    assert stack.items() == before


def test_the_command_prints_a_receipt_of_each_copy_and_of_those_out_of_reach(
    stored: Call, stack: Stack, twilio: Simulator, callscribe: Callable[..., Result]
) -> None:
    result = callscribe("erase", stored.sid, "--yes")
    assert result.exit_code == 0, result.output
    assert re.search(r"^transcript +GT\w+ +Twilio +erased", result.stdout, re.MULTILINE), result.stdout
    assert "Point-in-time backups" in result.stdout
    assert nothing_is_left(stack, twilio)


def test_the_command_erases_all_calls_from_a_number(
    stored: Call, stack: Stack, twilio: Simulator, callscribe: Callable[..., Result]
) -> None:
    (receipt,) = json.loads(callscribe("erase", "--number", CALLER, "--yes", "--json").stdout)["receipts"]
    assert receipt["call_sid"] == stored.sid
    assert nothing_is_left(stack, twilio)
    told = " ".join(callscribe("erase", "--number", ANOTHER, "--yes").stderr.split())
    assert "no call from that number" in told
    # By its SID such a call is refused as well.
    assert "write it back first to erase calls to it that only Twilio has" in told


@pytest.mark.parametrize("args", [[], ["CA" + "9" * 32, "--number", CALLER], ["CAnothing"]])
def test_the_command_takes_a_call_or_a_number(args: list[str], callscribe: Callable[..., Result]) -> None:
    assert callscribe("erase", *args).exit_code == 2
