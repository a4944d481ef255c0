"""Who is speaking on which channel: known from the call, from the second leg of one that was put through, or not."""

import json
from typing import Any

import pytest

from callscribe.domain.call import Call as DomainCall
from callscribe.domain.recording import Recording as DomainRecording
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe.domain.transcript import Role, participants_of
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Call, Recording, Simulator, load_scenario
from harness.answers import answer, recover
from harness.events import load_event
from harness.seeded import AGENT, AGENT_CALL_SID, DIALLED_CALL_SID, STARTED
from harness.stack import CALLER, NUMBER, Stack
from harness.workers import DONE, Event, comes_back, state

LEGS = "/2010-04-01/Accounts/{account}/Calls.json"
CUSTOMER = {"channel_participant": 1, "role": "Customer"}


@pytest.fixture
def dialled() -> Event:
    """The callback of a recording that <Dial> made."""
    return load_event("request_transcript", "completed_dialled")


def told(twilio: Simulator) -> list[dict[str, Any]]:
    """What Twilio was told of the speakers."""
    (transcript,) = twilio.state.transcripts.values()
    participants: list[dict[str, Any]] = transcript.channel["participants"]
    return participants


def add_leg(twilio: Simulator, number: str, status: Any, sid: str) -> None:
    """Let the number have been rung as well; `status` is how that ended."""
    twilio.state.calls[sid] = Call(
        from_=CALLER,
        to=number,
        phone_number_sid=None,
        scenario=twilio.state.calls[DIALLED_CALL_SID].scenario,
        started=STARTED,
        status=status,
        seconds=0,
        parent_call_sid=DIALLED_CALL_SID,
        sid=sid,
    )


def test_both_speakers_of_a_call_that_was_put_through_are_known(
    dialled: Event, seeded: Stack, twilio: Simulator
) -> None:
    assert seeded.invoke("request_transcript", dialled) == DONE
    assert told(twilio) == [CUSTOMER, {"channel_participant": 2, "role": "Agent"}]
    twilio.check()


def test_of_several_that_were_rung_the_agent_is_the_one_who_answered(
    dialled: Event, seeded: Stack, twilio: Simulator
) -> None:
    for digit, status in enumerate(["busy", "no-answer", "failed", "canceled"], start=1):
        add_leg(twilio, f"+1202555018{digit}", status, f"CA{digit}" + "0" * 31)
    assert seeded.invoke("request_transcript", dialled) == DONE
    assert told(twilio)[1]["role"] == "Agent"


@pytest.mark.parametrize("status", ["busy", "no-answer", "ringing"])
def test_where_nobody_is_found_who_answered_the_second_speaker_is_unknown(
    status: Any, dialled: Event, seeded: Stack, twilio: Simulator
) -> None:
    twilio.state.calls[AGENT_CALL_SID].status = status
    assert seeded.invoke("request_transcript", dialled) == DONE
    assert told(twilio) == [CUSTOMER]


def test_the_leg_of_another_call_is_nobodys(dialled: Event, seeded: Stack, twilio: Simulator) -> None:
    twilio.state.calls[AGENT_CALL_SID].parent_call_sid = "CA" + "9" * 32
    assert seeded.invoke("request_transcript", dialled) == DONE
    assert told(twilio) == [CUSTOMER]


def test_a_call_that_was_not_put_through_has_no_second_leg_to_look_for(seeded: Stack, twilio: Simulator) -> None:
    asked = answer(twilio, "GET", LEGS, 500)
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    assert asked == []


@pytest.mark.parametrize(("status", "body"), [(503, "<html>"), (200, "<html>")])
def test_while_the_second_leg_cannot_be_looked_for_the_message_comes_back(
    status: int, body: str, dialled: Event, seeded: Stack, twilio: Simulator
) -> None:
    answer(twilio, "GET", LEGS, status, body)
    assert seeded.invoke("request_transcript", dialled) == comes_back(dialled)
    assert twilio.state.transcripts == {}
    recover(twilio)
    seeded.let_claims_run_out()
    assert seeded.invoke("request_transcript", dialled) == DONE
    assert told(twilio)[1]["role"] == "Agent"


@pytest.mark.parametrize("legs", [None, [1], [{"status": ["completed"]}], [{"status": "completed", "sid": 5}]])
def test_legs_of_a_shape_nobody_foresaw_cost_the_agents_name_only(
    legs: Any, dialled: Event, seeded: Stack, twilio: Simulator
) -> None:
    answer(twilio, "GET", LEGS, 200, json.dumps({"calls": legs}))
    assert seeded.invoke("request_transcript", dialled) == DONE
    assert len(twilio.state.transcripts) == 1
    assert [one["role"] for one in told(twilio)] == ["Customer"]


def recorded_by_dial(call: Call) -> Recording:
    (one,) = (one for one in call.recordings if one.source == "DialVerb")
    return one


def test_a_two_party_call_is_stored_with_who_said_what(stack: Stack, twilio: Simulator, twilio_url: str) -> None:
    stack.write_settings(settings_document(twilio.account, twilio_url, flow="dial", agent=AGENT))
    call = twilio.place_call(load_scenario("agent_answers"), to=NUMBER)
    stack.work("request_transcript", "RecordingsQueue")
    twilio.complete_transcripts()
    stack.work("store_insights", "TranscriptsQueue")
    twilio.check()
    assert state(stack, recorded_by_dial(call).sid) == ("stored", None)
    (insights,) = stack.read(call.sid).insights
    assert [(one.channel, one.role, one.number, one.known_from) for one in insights.participants] == [
        (1, Role.CUSTOMER, CALLER, "call"),
        (2, Role.AGENT, AGENT, "second leg"),
    ]
    spoken = [(insights.speaker(one), one.text) for one in insights.sentences]
    assert spoken[:2] == [
        (Role.AGENT, "Good morning, this is the support desk. How can I help you?"),
        (Role.CUSTOMER, "Good morning. Our delivery from last week has not arrived."),
    ]
    assert len(spoken) == 7


def a_call(to: str, direction: str = "inbound", from_: str = CALLER) -> DomainCall:
    sid = CallSid("CA" + "0" * 32)
    return DomainCall(sid=sid, from_=from_, to=to, direction=direction, started=STARTED, seconds=9)


def a_recording(source: str, channels: int) -> DomainRecording:
    return DomainRecording(
        sid=RecordingSid("RE" + "0" * 32),
        call_sid=CallSid("CA" + "0" * 32),
        status="completed",
        source=source,
        channels=channels,
        started=None,
        seconds=9,
    )


@pytest.mark.parametrize(
    "caller", ["anonymous", "", "Restricted", "+266696687", "client:somebody", "sip:a@example.com", CALLER]
)
def test_only_a_number_that_identifies_somebody_is_named(caller: str) -> None:
    second_leg = a_call(caller, "outbound-dial")
    pair = participants_of(a_call(NUMBER, from_=caller), a_recording("DialVerb", 2), second_leg)
    expected = caller if caller == CALLER else None
    assert [one.number for one in pair] == [expected, expected]


@pytest.mark.parametrize("source", ["RecordVerb", "DialVerb", "StartCallRecordingAPI"])
def test_in_one_channel_nobody_is_guessed(source: str) -> None:
    (one,) = participants_of(a_call(NUMBER), a_recording(source, 1), a_call(AGENT, "outbound-dial"))
    assert (one.channel, one.role, one.number, one.known_from) == (1, Role.UNKNOWN, None, "one channel")


@pytest.mark.parametrize("direction", ["outbound-api", "outbound-dial", "trunking-originating", ""])
def test_in_a_call_that_was_not_answered_here_nobody_is_guessed(direction: str) -> None:
    pair = participants_of(a_call(NUMBER, direction), a_recording("StartCallRecordingAPI", 2), None)
    assert [(one.channel, one.role, one.number) for one in pair] == [(1, Role.UNKNOWN, None), (2, Role.UNKNOWN, None)]
