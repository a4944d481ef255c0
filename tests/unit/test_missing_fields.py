"""A field that Twilio's answer lacks costs no call if the callback, the row or the customer key has the value."""

import json
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from callscribe.domain.transcript import Role
from callscribe_tools.simulator import Call, Recording, Scenario, Simulator, load_scenario
from harness.answers import answer
from harness.events import sqs_event
from harness.later import be_later, work
from harness.stack import CALLER, NUMBER, SERVICE_SID, Stack
from harness.workers import DONE, SENTENCES, state
from unit.test_sweep import begin, sweep

CALL = "/2010-04-01/Accounts/{account}/Calls/{sid}.json"
RECORDING = "/2010-04-01/Accounts/{account}/Recordings/{sid}.json"


def dual_recording(twilio: Simulator, call: Call) -> Recording:
    """The recording of the call in two channels."""
    (dual,) = (one for one in twilio.state.recordings.values() if (one.call_sid, one.channels) == (call.sid, 2))
    return dual


def answer_recording(twilio: Simulator, call: Call, **fields: Any) -> None:
    """Let Twilio answer with these fields in its Recording resource; `...` leaves a field out."""
    resource: dict[str, Any] = {
        "sid": dual_recording(twilio, call).sid,
        "call_sid": call.sid,
        "status": "completed",
        "source": "StartCallRecordingAPI",
        "channels": 2,
        "duration": "21",
    }
    told = {name: value for name, value in (resource | fields).items() if value is not ...}
    answer(twilio, "GET", RECORDING, 200, json.dumps(told))


LACKING = [
    *({"call_sid": value} for value in (None, ..., "", 5, "CA1")),
    *({"status": value} for value in (None, ..., "", [5])),
    *({"channels": value} for value in (None, ..., "two")),
    {"call_sid": ..., "status": ..., "channels": ..., "source": ...},
]


@pytest.mark.parametrize("fields", LACKING, ids=str)
def test_a_transcript_is_requested_and_stored_whatever_the_recording_lacks(
    fields: dict[str, Any], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    answer_recording(twilio, call, **fields)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    assert stack.queued() == {}
    assert state(stack) == ("stored", None)
    (insights,) = stack.read(call.sid).insights
    assert insights.sentences
    assert [participant.role for participant in insights.participants] == [Role.CUSTOMER, Role.AGENT]


def test_the_customer_key_names_the_call_of_a_recording_without_a_row(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    stack.empty_table()
    answer_recording(twilio, call, call_sid=None)
    twilio.complete_transcripts()
    work(stack)
    assert state(stack) == ("stored", None)
    assert stack.read(call.sid).insights[0].sentences


def test_a_conference_recording_gets_no_call_from_a_customer_key(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    stack.empty_table()
    answer_recording(twilio, call, call_sid=None, source="Conference")
    twilio.complete_transcripts()
    work(stack)
    assert stack.recordings() == []
    assert stack.queued() == {}


def callback_with(stack: Stack, **fields: str | None) -> dict[str, Any]:
    """The callback that waits in the queue, with other fields; None leaves a field out."""
    (message,) = stack.messages("RecordingsQueue")
    told = dict(parse_qsl(message["Body"])) | fields
    return sqs_event(urlencode({name: value for name, value in told.items() if value is not None}))


@pytest.mark.parametrize(
    "fields",
    [{"RecordingStatus": None}, {"RecordingStatus": ""}, {"CallSid": "x"}, {"CallSid": "CA1", "RecordingStatus": None}],
    ids=str,
)
def test_a_callback_with_a_good_recording_sid_is_enough(
    fields: dict[str, str | None], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    assert stack.invoke("request_transcript", callback_with(stack, **fields)) == DONE
    assert state(stack) == ("transcribing", None)
    assert len(twilio.state.made) == 1


def test_a_recording_whose_status_nobody_has_is_no_failed_recording(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    answer_recording(twilio, call, status=None)
    event = callback_with(stack, RecordingStatus=None)
    stack.invoke("request_transcript", event)
    assert not any(one["state"] == "failed" for one in stack.recordings())


@pytest.mark.parametrize("meta", [{"key": "sentences"}, {"next_page_url": None}, {}])
def test_a_page_needs_neither_its_key_nor_a_link(
    meta: dict[str, Any], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    answer(twilio, "GET", SENTENCES, 200, json.dumps({"meta": meta, "sentences": [{"transcript": "Hello."}]}))
    work(stack)
    assert [sentence.text for sentence in stack.read(call.sid).insights[0].sentences] == ["Hello."]


def test_a_transcript_without_its_own_sid_is_the_one_asked_for(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    channel = {"media_properties": {"source_sid": dual_recording(twilio, call).sid}}
    resource = {"service_sid": SERVICE_SID, "status": "completed", "customer_key": call.sid, "channel": channel}
    answer(twilio, "GET", "/v2/Transcripts/{sid}", 200, json.dumps(resource))
    work(stack)
    assert state(stack) == ("stored", None)


@pytest.mark.parametrize("service_sid", [None, "", 5, "GA1", ...])
@pytest.mark.parametrize("has_key", [True, False])
def test_a_transcript_without_its_service_has_the_service_that_its_recording_was_requested_under(
    service_sid: object,
    has_key: bool,  # noqa: FBT001 (a table)
    stack: Stack,
    twilio: Simulator,
    scenario: Scenario,
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    answer_transcript(twilio, call, service_sid=service_sid, customer_key=call.sid if has_key else ...)
    work(stack)
    assert state(stack) == ("stored", None)
    (insights,) = stack.read(call.sid).insights
    assert insights.transcript.service_sid == SERVICE_SID
    assert insights.results


def test_a_transcript_whose_service_nobody_knows_goes_to_the_dead_letters(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    stack.empty_table()
    twilio.complete_transcripts()
    answer_transcript(twilio, call, service_sid=None)
    work(stack)
    assert list(stack.queued()) == ["TranscriptsDeadLetters"]
    assert stack.recordings() == []


def answer_transcript(twilio: Simulator, call: Call, **fields: Any) -> None:
    """Let Twilio answer with these fields in its Transcript resource; `...` leaves a field out."""
    (made,) = twilio.state.made
    resource: dict[str, Any] = {
        "sid": made.sid,
        "status": "completed",
        "customer_key": call.sid,
        "channel": {"media_properties": {"source_sid": dual_recording(twilio, call).sid}},
    }
    told = {name: value for name, value in (resource | fields).items() if value is not ...}
    answer(twilio, "GET", "/v2/Transcripts/{sid}", 200, json.dumps(told))


@pytest.mark.parametrize(("missing", "kept"), [("from", CALLER), ("to", NUMBER), ("direction", "inbound")])
def test_a_call_without_a_party_keeps_the_party_that_was_known(
    missing: str, kept: str, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    resource = {"sid": call.sid, "from": CALLER, "to": NUMBER, "direction": "inbound", "status": "completed"}
    del resource[missing]
    answer(twilio, "GET", CALL, 200, json.dumps(resource))
    work(stack)
    stored = stack.read(call.sid).call
    assert stored is not None
    assert stored[missing] == kept
    # The speakers need all three.
    (insights,) = stack.read(call.sid).insights
    assert [(one.role, one.number) for one in insights.participants] == [(Role.CUSTOMER, CALLER), (Role.AGENT, NUMBER)]


@pytest.mark.parametrize("value", [None, "", ...])
@pytest.mark.parametrize("missing", ["from", "to", "direction"])
def test_a_transcript_is_requested_whatever_party_the_call_lacks_if_its_status_told_it(
    missing: str, value: str | None, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    resource: dict[str, Any] = {"sid": call.sid, "from": CALLER, "to": NUMBER, "direction": "inbound"}
    resource[missing] = value
    told = {name: text for name, text in resource.items() if text is not ...}
    answer(twilio, "GET", CALL, 200, json.dumps({**told, "status": "completed"}))
    work(stack)
    assert state(stack) == ("transcribing", None)
    (made,) = twilio.state.made
    assert [one["role"] for one in made.channel["participants"]] == ["Customer", "Agent"]


def test_a_recording_waits_while_nobody_knows_the_number_of_its_call(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    stack.empty_table()
    answer(twilio, "GET", CALL, 200, json.dumps({"sid": call.sid, "direction": "inbound", "status": "completed"}))
    assert stack.work("request_transcript", "RecordingsQueue") != [DONE]
    assert twilio.state.made == []


@pytest.mark.parametrize("missing", ["to", "from"])
def test_the_sweep_finds_a_lost_call_whose_row_in_the_list_of_its_number_lacks_a_party(
    missing: str, stack: Stack, twilio: Simulator
) -> None:
    call = twilio.place_call(load_scenario("hang_up_in_greeting"), to=NUMBER)
    stack.empty_table()
    begin(stack)
    be_later(stack, twilio)
    row = {
        "sid": call.sid,
        "from": CALLER,
        "to": NUMBER,
        "direction": "inbound",
        "status": "completed",
        "start_time": format_datetime(call.started),
        "duration": str(call.seconds),
    }
    del row[missing]
    page = {"calls": [row], "next_page_uri": None}
    answer(twilio, "GET", "/2010-04-01/Accounts/{account}/Calls.json", 200, json.dumps(page))
    assert sweep(stack)["calls"] == 1
