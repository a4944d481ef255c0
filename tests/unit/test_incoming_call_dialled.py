"""The flow that rings an agent first: what is recorded, and who the caller is left with when nobody answers."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Scenario, Simulator, load_scenario
from callscribe_tools.simulator.scenario import DoesNotAnswer
from harness.events import HOST, load_event
from harness.forms import with_parameters
from harness.stack import NUMBER, Gateway, Stack, account

RETRIES = "#rc=3&rp=5xx,ct,rt"
AGENT = "+12025550123"


@pytest.fixture
def dialling(offline_stack: Stack) -> Stack:
    """The stack whose number rings an agent."""
    offline_stack.write_settings(settings_document(account(), flow="dial", agent=AGENT, agent_seconds=33))
    return offline_stack


@pytest.fixture
def live(stack: Stack, twilio: Simulator, twilio_url: str) -> Stack:
    """The same, wired to the simulated Twilio."""
    stack.write_settings(settings_document(twilio.account, twilio_url, flow="dial", agent=AGENT))
    return stack


def twiml(stack: Stack, case: str = "call", **parameters: str | None) -> ET.Element:
    event = with_parameters(load_event("incoming_call", case), **parameters)
    answer = stack.invoke("incoming_call", event)
    assert answer["statusCode"] == 200
    return ET.fromstring(answer["body"])  # noqa: S314 (our own answer)


def tags(element: ET.Element) -> list[str]:
    return [child.tag for child in element]


def test_the_notice_comes_first_and_the_greeting_not_at_all(dialling: Stack) -> None:
    document = twiml(dialling)
    assert tags(document) == ["Say", "Dial"]
    assert document[0].text == "This call is recorded."


def test_the_agent_is_rung_and_both_are_recorded_from_the_answer_on(dialling: Stack) -> None:
    _, dial = twiml(dialling)
    assert (dial.text, list(dial)) == (AGENT, [])
    assert dial.attrib == {
        "timeout": "33",
        "action": f"https://{HOST}/incoming-call/dialled{RETRIES}",
        "record": "record-from-answer-dual",
        "recordingStatusCallback": f"https://{HOST}/ci-create-transcript{RETRIES}",
        "recordingStatusCallbackEvent": "completed absent",
    }


def test_an_empty_notice_rings_at_once(dialling: Stack) -> None:
    dialling.write_settings(settings_document(account(), flow="dial", agent=AGENT, notice=""))
    assert tags(twiml(dialling)) == ["Dial"]


@pytest.mark.parametrize("status", ["completed", "answered"])
def test_when_the_two_have_spoken_the_call_ends(status: str, dialling: Stack) -> None:
    assert tags(twiml(dialling, "dialled_busy", DialCallStatus=status)) == ["Hangup"]


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled", "", "COMPLETED", "of tomorrow", None])
def test_when_nobody_answers_the_caller_leaves_a_message(status: str | None, dialling: Stack) -> None:
    document = twiml(dialling, "dialled_busy", DialCallStatus=status)
    assert tags(document) == ["Say", "Start", "Record", "Stop", "Say", "Hangup"]
    # They have heard the notice already.
    assert [say.text for say in document.findall("Say")] == ["Please speak after the beep.", "Thank you. Goodbye."]
    recording = document.find("Start/Recording")
    assert recording is not None
    assert (recording.get("channels"), recording.get("recordingStatusCallbackEvent")) == ("dual", "completed absent")


def test_the_message_is_the_same_as_on_a_number_without_an_agent(dialling: Stack) -> None:
    after_dial = list(twiml(dialling, "dialled_busy"))
    dialling.write_settings(settings_document(account()))
    without_dial = list(twiml(dialling))
    assert [ET.tostring(verb) for verb in after_dial] == [ET.tostring(verb) for verb in without_dial[1:]]


def test_an_answered_call_is_recorded_in_two_channels_and_nothing_else(
    live: Stack, twilio: Simulator, gateway: Gateway
) -> None:
    call = twilio.place_call(load_scenario("agent_answers"), to=NUMBER)
    twilio.check()
    assert call.said == ["This call is recorded."]
    (recording,) = call.recordings
    assert (recording.source, recording.channels, recording.call_sid) == ("DialVerb", 2, call.sid)
    assert {sound.track for sound in recording.sounds} == {"inbound", "outbound"}
    assert ("/incoming-call/dialled", 200) in gateway.answers
    assert len(live.queued()["RecordingsQueue"]) == 1


@pytest.mark.parametrize("does", ["busy", "no-answer", "failed"])
def test_an_unanswered_call_is_recorded_as_a_message(does: Any, live: Stack, twilio: Simulator) -> None:
    busy: Scenario = load_scenario("agent_busy").model_copy(update={"agent": DoesNotAnswer(does=does)})
    call = twilio.place_call(busy, to=NUMBER)
    twilio.check()
    assert call.said == ["This call is recorded.", "Please speak after the beep.", "Thank you. Goodbye."]
    assert sorted((one.source, one.channels) for one in call.recordings) == [
        ("RecordVerb", 1),
        ("StartCallRecordingAPI", 2),
    ]
    assert len(live.queued()["RecordingsQueue"]) == 1


@pytest.mark.parametrize(("case", "shown"), [("call", None), ("call_of_withheld_number", NUMBER)])
def test_the_agent_sees_the_called_number_where_the_caller_withholds_his(
    case: str, shown: str | None, offline_stack: Stack
) -> None:
    offline_stack.write_settings(settings_document(account(), flow="dial", agent="+12025550123"))
    body = offline_stack.invoke("incoming_call", load_event("incoming_call", case))["body"]
    dial = ET.fromstring(body).find("Dial")  # noqa: S314 (our own answer)
    assert dial is not None
    assert dial.get("callerId") == shown
