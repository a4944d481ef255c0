"""A transcript that exists is found under whatever Service, and is never requested a second time."""

from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from callscribe.domain import stand_ins
from callscribe.domain.patience import Swept
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Call, IntelligenceService, Recording, Simulator
from harness.answers import answer, lose_answer, recover
from harness.events import HOST, sqs_event
from harness.stack import NUMBER, SERVICE_SID, Stack
from harness.workers import DONE, Event, comes_back, row, state

TRANSCRIPTS = "/v2/Transcripts"


@pytest.fixture
def change_service(stack: Stack, twilio: Simulator, twilio_url: str) -> Callable[[], IntelligenceService]:
    """Give the number another Service: no number has the first one any more."""

    def change() -> IntelligenceService:
        other = IntelligenceService(webhook_url=f"https://{HOST}/ci-webhook")
        twilio.account.add(other)
        document = settings_document(twilio.account, twilio_url)
        stack.write_settings(document | {"numbers": {NUMBER: {"service_sid": other.sid}}})
        return other

    return change


@pytest.fixture
def client(twilio: Simulator) -> Any:
    """Another application of the same account."""
    return Client(twilio.account.account_sid, twilio.account.auth_token, http_client=twilio.http_client())


@pytest.fixture
def elsewhere(twilio: Simulator) -> IntelligenceService:
    """A Service that no number of ours has."""
    service = IntelligenceService(webhook_url=f"https://{HOST}/ci-webhook")
    twilio.account.add(service)
    return service


def make(client: Any, service: str, recording: Recording, **fields: Any) -> str:
    channel = {"media_properties": {"source_sid": recording.sid}}
    return str(client.intelligence.v2.transcripts.create(service_sid=service, channel=channel, **fields).sid)


def swept(stack: Stack, recording: Recording, call: Call) -> Event:
    """A message of the sweep about a recording that the table knows nothing of."""
    body = stand_ins.of_noted(CallSid(call.sid), RecordingSid(recording.sid))
    event = sqs_event(body)
    event["Records"][0]["messageAttributes"] = {
        name: {"stringValue": text, "dataType": "String"} for name, text in Swept().attributes.items()
    }
    assert stack.items()
    return event


def store(stack: Stack, twilio: Simulator) -> None:
    twilio.complete_transcripts()
    stack.work("store_insights", "TranscriptsQueue")


@pytest.mark.parametrize("completed", [True, False])
def test_what_was_paid_for_is_found_again_after_the_service_of_the_number_has_changed(
    completed: bool,  # noqa: FBT001 (a table)
    stack: Stack,
    twilio: Simulator,
    callback: Event,
    change_service: Callable[[], IntelligenceService],
) -> None:
    lose_answer(twilio, "POST", TRANSCRIPTS)
    assert stack.invoke("request_transcript", callback) == comes_back(callback)
    recover(twilio)
    change_service()
    if completed:
        # Its webhook comes while no row names it, and the settings no longer have its Service.
        store(stack, twilio)
        assert state(stack)[0] == "requesting"
    stack.let_claims_run_out()
    assert stack.invoke("request_transcript", callback) == DONE
    (made,) = twilio.state.made
    assert (row(stack)["state"], row(stack)["transcript"]) == ("transcribing", made.sid)
    assert (made.service_sid, twilio.state.asked_again) == (SERVICE_SID, [])
    if completed:
        stack.let_claims_run_out()
        stack.invoke("sweep", {})
    store(stack, twilio)
    assert state(stack) == ("stored", None)
    assert list(stack.minutes().values()) == [1]


def test_a_refused_second_request_adopts_a_transcript_of_the_service_of_before(
    stack: Stack, twilio: Simulator, callback: Event, change_service: Callable[[], IntelligenceService]
) -> None:
    stack.invoke("request_transcript", callback)
    change_service()
    stack.empty_table()
    assert stack.invoke("request_transcript", callback) == DONE
    (made,) = twilio.state.made
    assert row(stack)["transcript"] == made.sid


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_message_of_the_sweep_looks_before_it_requests(
    status: int, call: Call, dual: Recording, stack: Stack, twilio: Simulator, callback: Event
) -> None:
    stack.invoke("request_transcript", callback)
    stack.table().delete_item(Key={"pk": f"CALL#{call.sid}", "sk": f"RECORDING#{dual.sid}"})
    asked = answer(twilio, "POST", TRANSCRIPTS, status)
    assert stack.invoke("request_transcript", swept(stack, dual, call)) == DONE
    assert asked == []
    assert row(stack)["transcript"] == twilio.state.made[0].sid


def test_a_message_of_the_backfill_looks_before_it_requests(stack: Stack, twilio: Simulator, callback: Event) -> None:
    stack.invoke("request_transcript", callback)
    stack.empty_table()
    asked = answer(twilio, "POST", TRANSCRIPTS, 409)
    assert stack.invoke("backfill_recording", callback) == DONE
    assert asked == []
    assert row(stack)["transcript"] == twilio.state.made[0].sid


def test_a_live_message_of_a_new_recording_looks_for_nothing(stack: Stack, twilio: Simulator, callback: Event) -> None:
    looked = answer(twilio, "GET", TRANSCRIPTS, 500)
    assert stack.invoke("request_transcript", callback) == DONE
    assert looked == []
    assert state(stack)[0] == "transcribing"


@pytest.mark.parametrize("from_sweep", [True, False])
def test_a_transcript_of_somebody_elses_service_is_left_alone_and_a_person_decides(
    from_sweep: bool,  # noqa: FBT001 (a table)
    call: Call,
    dual: Recording,
    stack: Stack,
    twilio: Simulator,
    callback: Event,
    client: Any,
    elsewhere: IntelligenceService,
) -> None:
    foreign = make(client, elsewhere.sid, dual)
    assert stack.invoke("request_transcript", swept(stack, dual, call) if from_sweep else callback) == DONE
    assert state(stack) == ("failed", "transcribed_elsewhere")
    assert row(stack)["due"] == "attention"
    assert foreign in twilio.state.transcripts
    assert len(twilio.state.made) == 1
    # We have not paid for it.
    assert [minutes for minutes in stack.minutes().values() if minutes] == []


def test_once_the_settings_hold_its_service_a_redriven_recording_is_stored(
    dual: Recording,
    stack: Stack,
    twilio: Simulator,
    twilio_url: str,
    callback: Event,
    client: Any,
    elsewhere: IntelligenceService,
) -> None:
    foreign = make(client, elsewhere.sid, dual)
    stack.invoke("request_transcript", callback)
    store(stack, twilio)
    assert state(stack) == ("failed", "transcribed_elsewhere")
    document = settings_document(twilio.account, twilio_url)
    another = {"+12025550188": {"service_sid": elsewhere.sid}}
    stack.write_settings(document | {"numbers": document["numbers"] | another})
    stack.empty_table()
    stack.invoke("request_transcript", callback)
    assert row(stack)["transcript"] == foreign
    stack.let_claims_run_out()
    stack.invoke("sweep", {})
    stack.work("store_insights", "TranscriptsQueue")
    assert state(stack) == ("stored", None)


def test_an_adopted_transcript_stays_ours_when_its_service_leaves_the_settings_and_it_names_no_call(
    dual: Recording,
    stack: Stack,
    twilio: Simulator,
    callback: Event,
    client: Any,
    change_service: Callable[[], IntelligenceService],
) -> None:
    # Somebody has made it in the console, under our Service and without a customer key.
    made = make(client, SERVICE_SID, dual)
    stack.invoke("request_transcript", callback)
    assert row(stack)["transcript"] == made
    change_service()
    twilio.complete_transcripts()
    stack.messages("TranscriptsQueue")
    stack.let_claims_run_out()
    stack.invoke("sweep", {})
    stack.work("store_insights", "TranscriptsQueue")
    assert state(stack) == ("stored", None)
    assert len(twilio.state.made) == 1


def test_the_simulated_twilio_makes_one_transcript_of_a_recording_under_all_services(
    dual: Recording, twilio: Simulator, client: Any, elsewhere: IntelligenceService
) -> None:
    make(client, SERVICE_SID, dual)
    with pytest.raises(TwilioRestException) as refused:
        make(client, elsewhere.sid, dual)
    assert refused.value.status == 409
    assert len(twilio.state.made) == 1
