"""While Twilio, AWS or the settings are in trouble no recording is lost, and none is paid for twice."""

from collections.abc import Callable
from typing import Any

import pytest

from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Simulator
from harness.answers import answer, recover
from harness.events import load_event
from harness.loopback import nobody_answers
from harness.seeded import CALL_SID
from harness.stack import NUMBER, Stack
from harness.workers import DONE, Event, changed, comes_back, row


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
    assert "check the credentials in the settings" in logged()


def test_a_permanent_refusal_fails_the_recording_with_its_reason(seeded: Stack, twilio: Simulator) -> None:
    asked = answer(twilio, "POST", "/v2/Transcripts", 400, '{"code": 95118, "message": "no", "status": 400}')
    event = load_event("request_transcript", "completed")
    assert seeded.invoke("request_transcript", event) == DONE
    assert (row(seeded)["state"], row(seeded)["reason"]) == ("failed", "twilio_95118")
    assert row(seeded)["due"] == "attention"

    assert seeded.invoke("request_transcript", event) == DONE
    # Once with participants, and once without them.
    assert len(asked) == 2
    assert seeded.queued() == {}


def test_a_service_that_does_not_exist_keeps_the_recording_until_the_settings_are_fixed(
    seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    event = load_event("request_transcript", "completed")
    seeded.write_settings(settings_document(twilio.account, twilio_url) | _numbers("GA" + "0" * 32))
    assert seeded.invoke("request_transcript", event) == DONE
    assert (row(seeded)["state"], row(seeded)["due"]) == ("requesting", "due")
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
    seeded: Stack, logged: Callable[[], str]
) -> None:
    seeded.variables["TWILIO_TIMEOUT_SECONDS"] = "no number of seconds +12025550142"
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    (letter,) = seeded.messages("RecordingsDeadLetters")
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "ValueError"
    assert "+12025550142" not in logged()


def _numbers(service_sid: str) -> dict[str, Any]:
    return {"numbers": {NUMBER: {"service_sid": service_sid}}}


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"RecordingSid": "RE-secret-of-a-customer"}, "RecordingSid"),
        ({"RecordingSid": ""}, "RecordingSid"),
        ({"RecordingSid": "CA" + "0" * 32}, "RecordingSid"),
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


def test_a_call_that_twilio_does_not_have_goes_to_the_dead_letters(seeded: Stack, twilio: Simulator) -> None:
    del twilio.state.calls[CALL_SID]
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    (letter,) = seeded.messages("RecordingsDeadLetters")
    assert "Twilio answered 404" in letter["MessageAttributes"]["reason"]["StringValue"]


def test_a_message_whose_dead_letters_are_gone_comes_back(seeded: Stack) -> None:
    seeded.physical_ids["RecordingsDeadLetters"] += "-gone"
    event = changed(load_event("request_transcript", "completed"), RecordingSid="RE-odd")
    assert seeded.invoke("request_transcript", event) == comes_back(event)


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
