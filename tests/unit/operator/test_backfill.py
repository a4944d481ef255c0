"""`callscribe backfill`: recordings from before, their price first, behind live calls."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import Result

from callscribe.adapters.queues import Queue
from callscribe.domain.errors import TransientError
from callscribe_tools.simulator import Call, PhoneNumber, Scenario, Simulator
from harness.erasing import erase
from harness.later import be_later, work
from harness.seeded import transcript
from harness.stack import NUMBER, SERVICE_SID, Stack, aws
from harness.workers import state

type Callscribe = Callable[..., Result]

MOST = 12
"""More than one request to SQS takes."""


def from_before(stack: Stack, twilio: Simulator, scenario: Scenario, calls: int = 1) -> list[Call]:
    """Calls of which nobody has heard, as if there had been no stack."""
    made = [twilio.place_call(scenario, to=NUMBER) for _ in range(calls)]
    stack.queued()
    stack.empty_table()
    be_later(stack, twilio, timedelta(days=2))
    return made


def dual_of(call: Call) -> str:
    return next(one.sid for one in call.recordings if one.channels == 2)


def finish(stack: Stack, twilio: Simulator) -> None:
    work(stack)
    twilio.complete_transcripts()
    work(stack)


def test_it_tells_count_minutes_and_price_and_changes_nothing_when_it_is_dry(
    stack: Stack, twilio: Simulator, scenario: Scenario, callscribe: Callscribe
) -> None:
    from_before(stack, twilio, scenario, 2)
    result = callscribe("backfill", "--since", "3d", "--dry-run", "--price", "2", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    expected = {"recordings": 2, "calls": 2, "minutes": 2, "dollars": 4.0, "sent": 0, "dry_run": True}
    assert told | expected == told
    assert "2 minutes; about $4.00 at $2 a minute" in result.stderr
    assert (stack.queued(), stack.items()) == ({}, [])


def test_nothing_is_sent_unless_it_is_agreed_to(
    stack: Stack, twilio: Simulator, scenario: Scenario, callscribe: Callscribe
) -> None:
    from_before(stack, twilio, scenario)
    assert callscribe("backfill", "--since", "3d").exit_code == 4
    assert stack.queued() == {}


def test_recordings_from_before_are_stored_and_a_second_backfill_finds_none(
    stack: Stack, twilio: Simulator, scenario: Scenario, callscribe: Callscribe
) -> None:
    stack.listen()
    calls = from_before(stack, twilio, scenario, MOST)
    result = callscribe("backfill", "--since", "3d", "--yes")
    assert result.exit_code == 0, result.output
    finish(stack, twilio)
    assert {state(stack, dual_of(call)) for call in calls} == {("stored", None)}
    assert len(twilio.state.made) == MOST
    result = callscribe("backfill", "--since", "3d", "--yes")
    assert (result.exit_code, "no recording that nobody has told of" in result.stderr) == (0, True)
    assert stack.queued() == {}
    twilio.check()


def test_they_go_on_a_queue_of_their_own_and_only_there(
    stack: Stack, twilio: Simulator, scenario: Scenario, callscribe: Callscribe
) -> None:
    calls = from_before(stack, twilio, scenario, MOST)
    callscribe("backfill", "--since", "3d", "--yes")
    queued = stack.queued()
    assert list(queued) == ["BackfillQueue"]
    assert all(any(dual_of(call) in body for body in queued["BackfillQueue"]) for call in calls)
    assert len(queued["BackfillQueue"]) == MOST


def test_sent_twice_each_is_paid_for_once_and_it_is_said_that_some_wait(
    stack: Stack, twilio: Simulator, scenario: Scenario, callscribe: Callscribe
) -> None:
    from_before(stack, twilio, scenario, 2)
    callscribe("backfill", "--since", "3d", "--yes")
    # One of them gives way to live calls.
    aws("sqs").receive_message(QueueUrl=stack.physical_ids["BackfillQueue"])
    result = callscribe("backfill", "--since", "3d", "--yes")
    assert "an earlier backfill has 2 messages on its queue" in result.stderr
    aws("sqs").purge_queue(QueueUrl=stack.physical_ids["BackfillQueue"])
    callscribe("backfill", "--since", "3d", "--yes")
    callscribe("backfill", "--since", "3d", "--yes")
    finish(stack, twilio)
    assert len(twilio.state.made) == 2


def test_stopped_between_two_requests_it_goes_on_when_it_is_repeated(
    stack: Stack, twilio: Simulator, scenario: Scenario, callscribe: Callscribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.listen()
    calls = from_before(stack, twilio, scenario, MOST)
    put_all, requests = Queue.put_all, list[int]()

    def breaks(self: Queue, bodies: list[str]) -> None:
        if requests:
            raise TransientError("SQS is down")
        requests.append(len(bodies))
        put_all(self, bodies)

    with monkeypatch.context() as patch:
        patch.setattr(Queue, "put_all", breaks)
        result = callscribe("backfill", "--since", "3d", "--yes", "--json")
    assert (result.exit_code, json.loads(result.stdout)["sent"]) == (3, 10)
    work(stack)
    told = json.loads(callscribe("backfill", "--since", "3d", "--yes", "--json").stdout)
    assert (told["recordings"], told["sent"]) == (2, 2)
    finish(stack, twilio)
    assert {state(stack, dual_of(call)) for call in calls} == {("stored", None)}


def test_what_is_known_erased_too_new_or_of_another_number_is_left(
    stored: Call, stack: Stack, twilio: Simulator, scenario: Scenario, callscribe: Callscribe
) -> None:
    erased = twilio.place_call(scenario, to=NUMBER)
    finish(stack, twilio)
    erase(stack, erased.sid)
    be_later(stack, twilio)
    twilio.account.add(PhoneNumber(number="+12025550188"))
    call = twilio.place_call(scenario, to=NUMBER)
    stack.queued()
    assert {call.sid, stored.sid} <= twilio.state.calls.keys()
    result = callscribe("backfill", "--since", "3d", "--yes", "--json")
    assert (result.exit_code, json.loads(result.stdout)["recordings"]) == (0, 0)
    assert stack.queued() == {}


def test_a_transcript_that_there_is_already_is_stored_and_not_paid_for(
    stack: Stack, twilio: Simulator, scenario: Scenario, callscribe: Callscribe
) -> None:
    stack.listen()
    (call,) = from_before(stack, twilio, scenario)
    own = transcript("GT" + "7" * 32, SERVICE_SID, dual_of(call), customer_key=None)
    twilio.state.transcripts[own.sid] = own
    be_later(stack, twilio)
    result = callscribe("backfill", "--since", "3d", "--yes", "--json")
    told = json.loads(result.stdout)
    assert (told["recordings"], told["transcribed"], told["minutes"]) == (1, 1, 0)
    work(stack)
    assert twilio.state.made == []
    row: dict[str, Any] = next(one for one in stack.recordings() if one["sk"].endswith(dual_of(call)))
    assert row["transcript"] == own.sid


def test_one_whose_transcript_is_under_another_service_ends_where_a_person_sees_it(
    stack: Stack, twilio: Simulator, scenario: Scenario, callscribe: Callscribe
) -> None:
    (call,) = from_before(stack, twilio, scenario)
    foreign = transcript("GT" + "7" * 32, "GA" + "e" * 32, dual_of(call), customer_key=None)
    twilio.state.transcripts[foreign.sid] = foreign
    callscribe("backfill", "--since", "3d", "--yes")
    work(stack)
    (failure,) = json.loads(callscribe("failed", "--json").stdout)["failures"]
    assert (failure["recording_sid"], failure["state"]) == (dual_of(call), "failed")


def test_dead_letters_of_the_backfill_are_listed_and_go_back_to_its_queue(
    stack: Stack, callscribe: Callscribe, bury: Callable[..., None]
) -> None:
    body = f"CallSid=CA{'1' * 32}&RecordingSid=RE{'2' * 32}&RecordingStatus=completed"
    bury("Backfill", body, reason="gave up after 72 h")
    (failure,) = json.loads(callscribe("failed", "--json").stdout)["failures"]
    assert failure["what"] == "message on backfill"
    assert callscribe("redrive", "--queue", "recordings").exit_code == 0
    assert callscribe("redrive", "--queue", "backfill").exit_code == 0
    assert stack.queued() == {"BackfillQueue": [body]}
