"""A recording is transcribed once, however often and in whatever trouble it is reported."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Call, IntelligenceService, Recording, Simulator
from harness.answers import answer, lose_answer, recover
from harness.events import load_event, sqs_event
from harness.loopback import nobody_answers
from harness.seeded import CALL_SID, RECORDING_SID, WITHHELD_CALL_SID
from harness.stack import CALLER, NUMBER, SERVICE_SID, Stack
from unit.conftest import speaking

DONE: dict[str, Any] = {"batchItemFailures": []}
CLOCK = {"received_at", "requesting_at", "transcribing_at", "started", "day", "expires_at", "due_at"}

type Event = dict[str, Any]


def comes_back(event: Event) -> dict[str, Any]:
    """The answer that gives every message of the batch back to its queue."""
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}


def row(stack: Stack) -> dict[str, Any]:
    (one,) = stack.recordings()
    return one


def changed(event: Event, **parameters: str) -> Event:
    """The batch with other parameters in its callback."""
    return sqs_event(urlencode(dict(parse_qsl(event["Records"][0]["body"])) | parameters))


def test_a_reported_recording_is_written_whole(
    stack: Stack, call: Call, dual: Recording, twilio: Simulator, callback: Event
) -> None:
    assert stack.invoke("request_transcript", callback) == DONE
    (transcript,) = twilio.state.transcripts.values()
    item = row(stack)
    assert {name: value for name, value in item.items() if name not in CLOCK} == {
        "pk": f"CALL#{call.sid}",
        "sk": f"RECORDING#{dual.sid}",
        "state": "transcribing",
        "attempts": 1,
        "source": "StartCallRecordingAPI",
        "channels": 2,
        "seconds": dual.duration,
        "transcript": transcript.sid,
        "due": "due",
    }
    assert item.keys() >= CLOCK
    caller = next(one for one in stack.items() if one["sk"] == "CALL")
    assert (caller["from"], caller["to"], caller["direction"]) == (CALLER, NUMBER, "inbound")
    assert (caller["seconds"], caller["expires_at"]) == (call.seconds, item["expires_at"])


def test_twilio_is_told_who_speaks_on_which_channel(
    stack: Stack, call: Call, dual: Recording, twilio: Simulator, callback: Event
) -> None:
    stack.invoke("request_transcript", callback)
    (transcript,) = twilio.state.transcripts.values()
    assert transcript.channel["participants"] == [
        {"channel_participant": 1, "role": "Customer", "media_participant_id": CALLER},
        {"channel_participant": 2, "role": "Agent", "media_participant_id": NUMBER},
    ]
    assert transcript.source_sid == dual.sid
    assert (transcript.service_sid, transcript.customer_key) == (SERVICE_SID, call.sid)
    assert transcript.media_start_time == dual.started
    twilio.check()


def test_in_a_recording_of_one_channel_nobody_is_named(seeded: Stack, twilio: Simulator) -> None:
    assert seeded.invoke("request_transcript", load_event("request_transcript", "mono_of_record")) == DONE
    (transcript,) = twilio.state.transcripts.values()
    assert "participants" not in transcript.channel


def test_a_callback_delivered_twice_creates_one_transcript(stack: Stack, twilio: Simulator, callback: Event) -> None:
    stack.invoke("request_transcript", callback)
    before = stack.items()
    assert stack.invoke("request_transcript", callback) == DONE
    assert stack.items() == before
    assert len(twilio.state.transcripts) == 1


def test_two_callbacks_in_one_batch_create_one_transcript(stack: Stack, twilio: Simulator, callback: Event) -> None:
    body = callback["Records"][0]["body"]
    assert stack.invoke("request_transcript", sqs_event(body, body)) == DONE
    assert len(twilio.state.transcripts) == 1


def test_while_another_worker_claims_the_recording_its_message_comes_back(
    stack: Stack, twilio: Simulator, callback: Event
) -> None:
    asked = answer(twilio, "POST", "/v2/Transcripts", 503)
    stack.invoke("request_transcript", callback)
    recover(twilio)
    before = stack.items()
    assert stack.invoke("request_transcript", callback) == comes_back(callback)
    assert stack.items() == before
    assert (len(asked), twilio.state.transcripts) == (1, {})


def test_a_claim_that_ran_out_is_taken_over(stack: Stack, twilio: Simulator, callback: Event) -> None:
    answer(twilio, "POST", "/v2/Transcripts", 503)
    assert stack.invoke("request_transcript", callback) == comes_back(callback)
    recover(twilio)
    stack.let_claims_run_out()
    assert stack.invoke("request_transcript", callback) == DONE
    assert (row(stack)["state"], row(stack)["attempts"]) == ("transcribing", 2)
    assert len(twilio.state.transcripts) == 1


def test_the_transcript_that_a_dead_worker_has_created_is_adopted_and_not_paid_twice(
    stack: Stack, twilio: Simulator, callback: Event
) -> None:
    lose_answer(twilio, "POST", "/v2/Transcripts")
    assert stack.invoke("request_transcript", callback) == comes_back(callback)
    recover(twilio)
    (created,) = twilio.state.transcripts
    stack.let_claims_run_out()

    asked = answer(twilio, "POST", "/v2/Transcripts", 500)
    assert stack.invoke("request_transcript", callback) == DONE
    assert asked == []
    assert (row(stack)["state"], row(stack)["transcript"]) == ("transcribing", created)


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_whatever_twilio_answers_to_a_second_request_the_first_transcript_is_adopted(
    status: int, stack: Stack, twilio: Simulator, callback: Event
) -> None:
    twilio.unknowns.duplicate_transcript_status = status
    stack.invoke("request_transcript", callback)
    (created,) = twilio.state.transcripts
    stack.empty_table()

    assert stack.invoke("request_transcript", callback) == DONE
    assert list(twilio.state.transcripts) == [created]
    assert (row(stack)["state"], row(stack)["transcript"]) == ("transcribing", created)


def test_an_absent_recording_is_skipped_with_its_reason(seeded: Stack, twilio: Simulator) -> None:
    assert seeded.invoke("request_transcript", load_event("request_transcript", "absent")) == DONE
    assert (row(seeded)["state"], row(seeded)["reason"]) == ("skipped", "absent")
    assert "due_at" not in row(seeded)
    assert twilio.state.transcripts == {}


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_recording_too_short_is_skipped_with_its_reason(seconds: float, seeded: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[RECORDING_SID].seconds = seconds
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    assert (row(seeded)["state"], row(seeded)["reason"]) == ("skipped", "too_short")
    assert "due_at" not in row(seeded)
    assert twilio.state.transcripts == {}


def test_a_recording_of_two_seconds_is_transcribed(seeded: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[RECORDING_SID].seconds = 2.0
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    assert len(twilio.state.transcripts) == 1


def test_a_recording_of_a_number_that_is_not_ours_is_left_alone(seeded: Stack, twilio: Simulator) -> None:
    twilio.state.calls[CALL_SID].to = "+12025550188"
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    assert seeded.items() == []
    assert seeded.queued() == {}
    assert twilio.state.transcripts == {}


def test_a_recording_that_twilio_has_not_finished_comes_back(seeded: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[RECORDING_SID].status = "processing"
    event = load_event("request_transcript", "completed")
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert seeded.recordings() == []
    assert twilio.state.transcripts == {}


@pytest.mark.parametrize("status", [401, 429, 503])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/2010-04-01/Accounts/{account}/Calls/{sid}.json"),
        ("GET", "/2010-04-01/Accounts/{account}/Recordings/{sid}.json"),
        ("POST", "/v2/Transcripts"),
    ],
    ids=["call", "recording", "transcript"],
)
def test_while_twilio_is_in_trouble_the_message_comes_back(
    method: str, path: str, status: int, seeded: Stack, twilio: Simulator
) -> None:
    event = load_event("request_transcript", "completed")
    answer(twilio, method, path, status, "<html>no JSON</html>")
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert [one["state"] for one in seeded.recordings()] in ([], ["requesting"])
    assert seeded.queued() == {}

    recover(twilio)
    seeded.let_claims_run_out()
    assert seeded.invoke("request_transcript", event) == DONE
    assert row(seeded)["state"] == "transcribing"
    assert len(twilio.state.transcripts) == 1


def test_while_twilio_cannot_be_reached_the_message_comes_back(seeded: Stack, twilio: Simulator) -> None:
    seeded.write_settings(settings_document(twilio.account, nobody_answers()))
    event = load_event("request_transcript", "completed")
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert seeded.items() == []
    assert seeded.queued() == {}


def test_an_api_key_that_was_revoked_keeps_the_messages_until_there_is_another(
    seeded: Stack, twilio: Simulator, logged: Callable[[], str]
) -> None:
    twilio.account.api_key_secret = "another-secret"
    event = load_event("request_transcript", "completed")
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert seeded.items() == []
    assert "check the API key in the settings" in logged()


def test_a_permanent_refusal_fails_the_recording_with_its_reason(seeded: Stack, twilio: Simulator) -> None:
    asked = answer(twilio, "POST", "/v2/Transcripts", 400, '{"code": 95118, "message": "no", "status": 400}')
    event = load_event("request_transcript", "completed")
    assert seeded.invoke("request_transcript", event) == DONE
    assert (row(seeded)["state"], row(seeded)["reason"]) == ("failed", "twilio_95118")
    assert "due_at" not in row(seeded)

    assert seeded.invoke("request_transcript", event) == DONE
    assert len(asked) == 1
    assert seeded.queued() == {}


def test_a_service_that_does_not_exist_keeps_the_message_until_the_settings_are_mended(
    seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    event = load_event("request_transcript", "completed")
    seeded.write_settings(settings_document(twilio.account, twilio_url) | _numbers("GA" + "0" * 32))
    assert seeded.invoke("request_transcript", event)["batchItemFailures"]
    assert seeded.queued() == {}
    seeded.let_claims_run_out()
    seeded.write_settings(settings_document(twilio.account, twilio_url))
    assert seeded.invoke("request_transcript", event) == DONE
    assert row(seeded)["state"] == "transcribing"


def test_settings_that_are_wrong_keep_the_message_until_they_are_mended(
    seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    event = load_event("request_transcript", "completed")
    seeded.write_settings(settings_document(twilio.account, twilio_url) | {"acount_sid": "x"})
    assert seeded.invoke("request_transcript", event)["batchItemFailures"]
    seeded.write_settings(settings_document(twilio.account, twilio_url))
    assert seeded.invoke("request_transcript", event) == DONE
    assert seeded.queued() == {}


def test_a_bug_of_ours_goes_to_the_dead_letters_without_quoting_what_it_met(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "no address at all +12025550142")
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    (letter,) = seeded.messages("RecordingsDeadLetters")
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "ValueError"
    assert "+12025550142" not in logged()


@pytest.mark.parametrize("caller", ["anonymous", "", "Restricted"])
def test_a_withheld_number_is_not_told_as_one(caller: str, seeded: Stack, twilio: Simulator) -> None:
    twilio.state.calls[CALL_SID].from_ = caller
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    (transcript,) = twilio.state.transcripts.values()
    customer, agent = transcript.channel["participants"]
    assert customer == {"channel_participant": 1, "role": "Customer"}
    assert agent["media_participant_id"] == NUMBER


def test_the_call_is_the_recordings_own_whatever_the_callback_says(seeded: Stack) -> None:
    event = load_event("request_transcript", "completed")
    elsewhere = sqs_event(event["Records"][0]["body"].replace(CALL_SID, WITHHELD_CALL_SID))
    assert seeded.invoke("request_transcript", elsewhere) == DONE
    assert {item["pk"] for item in seeded.items()} == {f"CALL#{CALL_SID}"}


def _numbers(service_sid: str) -> dict[str, Any]:
    return {"numbers": {NUMBER: {"service_sid": service_sid}}}


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"RecordingSid": "RE-secret-of-a-customer"}, "RecordingSid"),
        ({"CallSid": ""}, "CallSid"),
        ({"RecordingStatus": ""}, "RecordingStatus"),
    ],
)
def test_an_unreadable_message_goes_to_the_dead_letters_with_a_reason_that_holds_no_values(
    parameters: dict[str, str], field: str, seeded: Stack, twilio: Simulator, logged: Callable[[], str]
) -> None:
    event = changed(load_event("request_transcript", "completed"), **parameters)
    assert seeded.invoke("request_transcript", event) == DONE
    (letter,) = seeded.messages("RecordingsDeadLetters")
    assert letter["Body"] == event["Records"][0]["body"]
    reason = letter["MessageAttributes"]["reason"]["StringValue"]
    assert field in reason
    for told in (reason, logged()):
        assert "secret-of-a-customer" not in told
    assert seeded.items() == []
    assert twilio.state.transcripts == {}


def test_a_recording_that_twilio_does_not_have_goes_to_the_dead_letters(seeded: Stack) -> None:
    event = changed(load_event("request_transcript", "completed"), RecordingSid="RE" + "0" * 32)
    assert seeded.invoke("request_transcript", event) == DONE
    (letter,) = seeded.messages("RecordingsDeadLetters")
    assert "Twilio answered 404" in letter["MessageAttributes"]["reason"]["StringValue"]


def test_a_message_whose_dead_letters_are_gone_comes_back(seeded: Stack) -> None:
    seeded.physical_ids["RecordingsDeadLetters"] += "-gone"
    event = changed(load_event("request_transcript", "completed"), CallSid="")
    assert seeded.invoke("request_transcript", event) == comes_back(event)


def test_in_a_batch_only_the_message_that_failed_comes_back(seeded: Stack, twilio: Simulator) -> None:
    good = load_event("request_transcript", "completed")["Records"][0]["body"]
    twilio.state.recordings[RECORDING_SID].status = "processing"
    absent = load_event("request_transcript", "absent")["Records"][0]["body"]
    event = sqs_event(good, absent)
    assert seeded.invoke("request_transcript", event) == {
        "batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]
    }
    assert row(seeded)["state"] == "skipped"


def test_each_number_has_its_own_service(stack: Stack, twilio: Simulator, twilio_url: str) -> None:
    other = IntelligenceService()
    twilio.account.add(other)
    stack.write_settings(settings_document(twilio.account, twilio_url) | _numbers(other.sid))
    twilio.place_call(speaking("Hello there.", "Goodbye."), to=NUMBER)
    stack.work("request_transcript", "RecordingsQueue")
    assert [one.service_sid for one in twilio.state.transcripts.values()] == [other.sid]


def test_while_the_table_cannot_be_reached_the_message_comes_back(
    seeded: Stack, callback: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", nobody_answers())
    assert seeded.invoke("request_transcript", callback)["batchItemFailures"]
    assert seeded.queued() == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/2010-04-01/Accounts/{a}/Calls/{sid}.json"),
        ("GET", "/2010-04-01/Accounts/{a}/Recordings/{sid}.json"),
        ("POST", "/v2/Transcripts"),
    ],
)
def test_while_something_else_answers_for_twilio_the_message_comes_back(
    method: str, path: str, seeded: Stack, twilio: Simulator
) -> None:
    answer(twilio, method, path, 200, "<html>")
    event = load_event("request_transcript", "completed")
    assert seeded.invoke("request_transcript", event)["batchItemFailures"]
    assert seeded.queued() == {}
