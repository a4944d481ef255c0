"""Labels never cost a call: if Twilio refuses the participants, the transcript is requested without them."""

import json
from collections.abc import Callable

import pytest
from starlette.requests import Request
from starlette.responses import Response

from callscribe.domain.transcript import Role
from callscribe_tools.simulator import CallFaults, FaultKind, Scenario, Simulator
from harness.answers import answer, endpoint, lose_answer, put_first, recover
from harness.events import load_event
from harness.stack import CALLER, NUMBER, Stack
from harness.workers import DONE, Event, comes_back, row, state

TRANSCRIPTS = "/v2/Transcripts"
LEGS = "/2010-04-01/Accounts/{account}/Calls.json"


def store(stack: Stack, twilio: Simulator) -> None:
    stack.work("request_transcript", "RecordingsQueue")
    twilio.complete_transcripts()
    stack.work("store_insights", "TranscriptsQueue")


def test_a_refusal_of_the_participants_costs_no_call_and_the_roles_are_stored_all_the_same(
    stack: Stack, twilio: Simulator, scenario: Scenario, logged: Callable[[], str]
) -> None:
    faults = CallFaults(frozenset({FaultKind.PARTICIPANTS_REFUSED}))
    call = twilio.place_call(scenario, to=NUMBER, faults=faults)
    store(stack, twilio)
    twilio.check()
    (made,) = twilio.state.made
    assert "participants" not in made.channel
    assert state(stack) == ("stored", None)
    (insights,) = stack.read(call.sid).insights
    assert [(one.role, one.number) for one in insights.participants] == [(Role.CUSTOMER, CALLER), (Role.AGENT, NUMBER)]
    assert list(stack.minutes().values()) == [1]
    assert "participants refused" in logged()
    assert [one.kind for one in twilio.state.injected] == [FaultKind.PARTICIPANTS_REFUSED]


def test_an_account_that_takes_no_participants_of_recordings_loses_no_call(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.unknowns.participants_of_recordings = "refused"
    twilio.place_call(scenario, to=NUMBER)
    store(stack, twilio)
    twilio.check()
    assert state(stack) == ("stored", None)


@pytest.mark.parametrize("status", [400, 405, 409, 413, 415, 422])
def test_whatever_twilio_calls_its_refusal_it_is_asked_once_more_and_not_a_third_time(
    status: int, stack: Stack, twilio: Simulator, callback: Event
) -> None:
    asked = answer(twilio, "POST", TRANSCRIPTS, status, json.dumps({"code": 20001}))
    assert stack.invoke("request_transcript", callback) == DONE
    assert len(asked) == 2
    assert state(stack) == ("failed", "twilio_20001")
    # Nothing was bought for them.
    assert list(stack.minutes().values()) == [0]


@pytest.mark.parametrize(("status", "code"), [(404, 20404), (400, 1302), (403, 20403)])
def test_a_refusal_is_about_the_service_only_if_there_were_no_participants(
    status: int, code: int, stack: Stack, twilio: Simulator, callback: Event, logged: Callable[[], str]
) -> None:
    asked = answer(twilio, "POST", TRANSCRIPTS, status, json.dumps({"code": code}))
    assert stack.invoke("request_transcript", callback) == DONE
    assert len(asked) == 2
    assert state(stack) == ("requesting", None)
    assert "check the number's service_sid in the settings" in logged()


def test_a_refusal_of_the_key_comes_back_after_a_request_without_participants(
    stack: Stack, twilio: Simulator, callback: Event
) -> None:
    asked = answer(twilio, "POST", TRANSCRIPTS, 401, json.dumps({"code": 20003}))
    assert stack.invoke("request_transcript", callback) == comes_back(callback)
    assert len(asked) == 2


@pytest.mark.parametrize(("status", "code"), [(400, 1302), (404, 20404), (404, None), (403, None), (422, 20422)])
def test_whatever_twilio_calls_its_refusal_of_the_participants_it_costs_no_call(
    status: int, code: int | None, stack: Stack, twilio: Simulator, callback: Event, logged: Callable[[], str]
) -> None:
    asked = refuse_participants(twilio, status, code)
    assert stack.invoke("request_transcript", callback) == DONE
    assert asked == [True, False]
    assert state(stack) == ("transcribing", None)
    assert "participants refused" in logged()


def test_without_participants_nothing_is_asked_again(seeded: Stack, twilio: Simulator) -> None:
    asked = answer(twilio, "POST", TRANSCRIPTS, 400, json.dumps({"code": 20001}))
    assert seeded.invoke("request_transcript", load_event("request_transcript", "mono_of_record")) == DONE
    assert len(asked) == 1


def test_a_transcript_that_exists_already_is_adopted_and_not_asked_for_without_participants(
    stack: Stack, twilio: Simulator, callback: Event
) -> None:
    stack.invoke("request_transcript", callback)
    (created,) = twilio.state.transcripts
    stack.empty_table()
    twilio.unknowns.participants_of_recordings = "refused"
    assert stack.invoke("request_transcript", callback) == DONE
    assert (len(twilio.state.made), len(twilio.state.asked_again)) == (1, 1)
    assert row(stack)["transcript"] == created


def test_a_lost_answer_to_the_second_request_is_not_paid_twice(
    stack: Stack, twilio: Simulator, callback: Event
) -> None:
    twilio.unknowns.participants_of_recordings = "refused"
    lose_answer(twilio, "POST", TRANSCRIPTS)
    assert stack.invoke("request_transcript", callback) == comes_back(callback)
    recover(twilio)
    # The answer that was lost was the refusal; now the one of the second request is.
    stack.let_claims_run_out()
    own_answers = twilio.app.router.routes[:]
    lose_second_answer(twilio)
    assert stack.invoke("request_transcript", callback) == comes_back(callback)
    twilio.app.router.routes[:] = own_answers
    (made,) = twilio.state.made
    stack.let_claims_run_out()
    assert stack.invoke("request_transcript", callback) == DONE
    assert twilio.state.made == [made]
    assert row(stack)["transcript"] == made.sid


def lose_second_answer(twilio: Simulator) -> None:
    """Let nobody hear the answer to a request for a transcript that names no participants."""
    own = endpoint(twilio, "POST", TRANSCRIPTS)

    async def lost(request: Request) -> Response:
        named = b"participants" in await request.body()
        answered = await own(request)
        return answered if named else Response("upstream connect error", 503)

    put_first(twilio, "POST", TRANSCRIPTS, lost)


def refuse_participants(twilio: Simulator, status: int, code: int | None) -> list[bool]:
    """Refuse each request that names participants; whether each request named them, growing."""
    own = endpoint(twilio, "POST", TRANSCRIPTS)
    asked: list[bool] = []

    async def refused(request: Request) -> Response:
        asked.append(b"participants" in await request.body())
        return Response(json.dumps({"code": code}), status) if asked[-1] else await own(request)

    put_first(twilio, "POST", TRANSCRIPTS, refused)
    return asked


@pytest.mark.parametrize("status", [400, 404])
def test_a_refusal_to_list_the_legs_of_a_call_costs_the_label_of_the_agent_only(
    status: int, seeded: Stack, twilio: Simulator
) -> None:
    answer(twilio, "GET", LEGS, status, json.dumps({"code": 20001}))
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed_dialled")) == DONE
    assert len(twilio.state.made) == 1
