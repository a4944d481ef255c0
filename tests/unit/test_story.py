"""The lines of the logs tell a call's whole story: by its SIDs, and by the id of the request that each began with."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from callscribe_tools.simulator import Scenario, Simulator
from harness.answers import answer
from harness.events import batch_of, http_event, load_event, signed, sqs_event
from harness.later import be_later, work
from harness.stack import NUMBER, Context, Stack, account, aws

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
CALL = "/2010-04-01/Accounts/{account}/Calls/{sid}.json"

type Logged = Callable[[], str]


def lines(logged: str, **having: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in logged.splitlines()]
    return [line for line in told if having.items() <= line.items()]


def test_each_line_about_a_call_has_its_sid(
    stack: Stack, twilio: Simulator, scenario: Scenario, logged: Logged
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    about = lines(logged())
    assert {line["call_sid"] for line in about} == {call.sid}
    by_message = {line["message"]: line for line in about}
    (recording,) = [one.sid for one in call.recordings if one.channels == 2]
    (transcript,) = twilio.state.transcripts
    assert by_message["recording accepted"]["recording_sid"] == recording
    assert by_message["recording settled"]["recording_sid"] == recording
    assert by_message["webhook accepted"]["transcript_sid"] == transcript
    settled = by_message["transcript settled"]
    assert (settled["recording_sid"], settled["transcript_sid"]) == (recording, transcript)


def test_the_id_of_a_request_goes_with_its_message_to_the_worker_and_the_dead_letters(
    stack: Stack, twilio: Simulator, scenario: Scenario, logged: Logged
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    (accepted,) = lines(logged(), message="recording accepted")
    begun = accepted["correlation_id"]
    assert begun == load_event("accept_recording", "completed")["requestContext"]["requestId"]
    answer(twilio, "GET", CALL, 404)
    work(stack)
    assert lines(logged(), message="message to the dead letters", correlation_id=begun)
    (letter,) = stack.messages("RecordingsDeadLetters")
    assert letter["MessageAttributes"]["correlation_id"]["StringValue"] == begun


def test_what_the_sweep_sends_leads_back_to_its_run(
    stack: Stack, twilio: Simulator, scenario: Scenario, logged: Logged
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    be_later(stack, twilio)
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    work(stack)
    run = Context("sweep").aws_request_id
    (sent,) = lines(logged(), message="message sent", correlation_id=run)
    (settled,) = lines(logged(), message="recording settled", correlation_id=run)
    assert (sent["call_sid"], sent["why"]) == (call.sid, "never told")
    assert (settled["call_sid"], settled["recording_sid"]) == (call.sid, sent["what"])


def test_a_message_that_nobody_has_given_an_id_is_told_by_its_own(offline_stack: Stack, logged: Logged) -> None:
    event = sqs_event("AnEvent=of+no+kind")
    offline_stack.invoke("request_transcript", event)
    assert {line["correlation_id"] for line in lines(logged())} == {event["Records"][0]["messageId"]}


@pytest.mark.parametrize("body", [b"[1]", b'"CA"', b"no JSON", b'{"customer_key":"+12025550142","transcript_sid":7}'])
def test_what_is_no_sid_is_not_taken_for_one(body: bytes, offline_stack: Stack, logged: Logged) -> None:
    query = f"bodySHA256={hashlib.sha256(body).hexdigest()}"
    event = signed(http_event("/ci-webhook", {"content-type": "application/json"}, body, query), account().auth_token)
    assert offline_stack.invoke("accept_webhook", event)["statusCode"] == 200
    (line,) = lines(logged())
    assert line.keys().isdisjoint({"call_sid", "transcript_sid"})


def test_a_refused_request_has_the_id_that_the_api_logs(offline_stack: Stack, logged: Logged) -> None:
    event = load_event("track_call", "completed")
    offline_stack.invoke("track_call", event | {"headers": {}})
    (line,) = lines(logged(), message="webhook refused")
    assert line["correlation_id"] == event["requestContext"]["requestId"]
    assert "call_sid" not in line


def test_a_message_carries_the_trace_that_it_belongs_to(
    stack: Stack, twilio: Simulator, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    twilio.place_call(scenario, to=NUMBER)
    taken = aws("sqs").receive_message(
        QueueUrl=stack.physical_ids["RecordingsQueue"], MessageSystemAttributeNames=["AWSTraceHeader"]
    )
    assert [one["Attributes"]["AWSTraceHeader"] for one in taken["Messages"]] == [TRACE]


def test_a_message_outside_a_trace_carries_none(stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    twilio.place_call(scenario, to=NUMBER)
    (message,) = stack.messages("RecordingsQueue")
    assert batch_of(message)["Records"][0]["messageAttributes"].keys() == {"correlation_id"}
