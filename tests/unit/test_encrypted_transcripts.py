"""A transcript that its Service encrypts is never stored as a call in which nobody spoke."""

from datetime import timedelta
from itertools import product
from typing import Any, Literal

import pytest

from callscribe_tools.simulator import Call, Scenario, Simulator
from callscribe_tools.simulator.clock import now
from harness.answers import answer, recover
from harness.emf import metrics_in
from harness.events import sqs_event
from harness.later import be_later, work
from harness.stack import NUMBER, SERVICE_SID, Stack
from harness.workers import DONE, SENTENCES, comes_back, page

KEY = "CR" + "e" * 32


def transcribe(stack: Stack, twilio: Simulator, scenario: Scenario) -> Call:
    """A call whose transcript has ended and was told."""
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    return call


def outcome(stack: Stack, call: Call) -> tuple[Any, Any]:
    (recording,) = stack.read(call.sid).recordings.values()
    return recording["state"], recording.get("reason")


@pytest.mark.parametrize(
    ("texts", "told"),
    list(product(["empty", "refused"], ["everywhere", "transcript", "webhook", "service"])),
)
def test_an_encrypted_transcript_ends_as_failed_whatever_twilio_answers_of_it(
    texts: Literal["empty", "refused"],
    told: Literal["everywhere", "transcript", "webhook", "service"],
    stack: Stack,
    twilio: Simulator,
    scenario: Scenario,
    capsys: pytest.CaptureFixture[str],
) -> None:
    twilio.unknowns.encrypted_texts, twilio.unknowns.encryption_told = texts, told
    twilio.account.services[SERVICE_SID].encryption_credential_sid = KEY
    call = transcribe(stack, twilio, scenario)
    assert outcome(stack, call) == ("failed", "transcript_encrypted")
    assert stack.read(call.sid).insights == []
    assert stack.queued() == {}
    assert [one.by for one in metrics_in(capsys.readouterr().out, "RecordingsFailed")] == ["transcript_encrypted"]


@pytest.mark.parametrize("texts", ["empty", "refused"])
def test_also_if_the_service_was_changed_after_the_transcript_was_asked_for(
    texts: Literal["empty", "refused"], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    service = twilio.account.services[SERVICE_SID]
    service.encryption_credential_sid = KEY
    twilio.unknowns.encrypted_texts, twilio.unknowns.encryption_told = texts, "service"
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    service.updated = now() + timedelta(minutes=5)
    twilio.complete_transcripts()
    work(stack)
    assert outcome(stack, call) == ("failed", "transcript_encrypted")


def test_a_transcript_from_before_its_service_encrypts_is_stored(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    service = twilio.account.services[SERVICE_SID]
    service.encryption_credential_sid, service.updated = KEY, now() + timedelta(minutes=5)
    twilio.complete_transcripts()
    work(stack)
    assert outcome(stack, call) == ("stored", None)
    assert stack.read(call.sid).insights[0].sentences


def test_the_sweep_finds_the_same_where_the_webhook_was_lost(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.account.services[SERVICE_SID].encryption_credential_sid = KEY
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    stack.messages("TranscriptsQueue")
    be_later(stack, twilio)
    stack.invoke("sweep", {})
    work(stack)
    assert outcome(stack, call) == ("failed", "transcript_encrypted")


SERVICE = "/v2/Services/{sid}"


def transcribe_unreadably(stack: Stack, twilio: Simulator, scenario: Scenario, *, since: timedelta) -> Call:
    """A call whose transcript has ended so long ago; its Service encrypts the texts, and nothing else says so."""
    twilio.unknowns.encrypted_texts, twilio.unknowns.encryption_told = "empty", "service"
    twilio.account.services[SERVICE_SID].encryption_credential_sid = KEY
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    for transcript in twilio.state.transcripts.values():
        transcript.updated -= since
    return call


@pytest.mark.parametrize("status", [401, 403, 404, 400])
def test_no_text_is_no_silence_if_the_service_cannot_be_read(
    status: int, stack: Stack, twilio: Simulator, scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    call = transcribe_unreadably(stack, twilio, scenario, since=timedelta(hours=1))
    answer(twilio, "GET", SERVICE, status)
    work(stack)
    assert outcome(stack, call) == ("failed", "transcript_unreadable")
    assert (stack.read(call.sid).insights, stack.queued()) == ([], {})
    assert [one.by for one in metrics_in(capsys.readouterr().out, "RecordingsFailed")] == ["transcript_unreadable"]


@pytest.mark.parametrize(("status", "since"), [(404, timedelta(0)), (503, timedelta(hours=1))])
def test_the_message_waits_while_the_service_may_still_be_read(
    status: int, since: timedelta, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    stack.variables["RESULTS_SECONDS"] = "60"
    call = transcribe_unreadably(stack, twilio, scenario, since=since)
    answer(twilio, "GET", SERVICE, status)
    (message,) = stack.messages("TranscriptsQueue")
    event = sqs_event(message["Body"])
    assert stack.invoke("store_insights", event) == comes_back(event)
    recover(twilio)
    assert stack.invoke("store_insights", event) == DONE
    assert outcome(stack, call) == ("failed", "transcript_encrypted")


@pytest.mark.parametrize(
    "rows",
    [
        ('"gibberish"', '["x"]', "null"),
        ('{"transcript": null}', '{"media_channel": 1}'),
        ('{"transcript": {"cipher": "abc"}}', '"gibberish"'),
    ],
)
def test_sentences_without_a_text_are_no_silence(
    rows: tuple[str, ...], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    for transcript in twilio.state.transcripts.values():
        transcript.updated -= timedelta(hours=1)
    answer(twilio, "GET", SENTENCES, 200, page("sentences", *rows))
    work(stack)
    assert outcome(stack, call) == ("failed", "transcript_unreadable")
    assert stack.read(call.sid).insights == []


def test_an_unreadable_transcript_is_stored_once_it_can_be_read(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    for transcript in twilio.state.transcripts.values():
        transcript.updated -= timedelta(hours=1)
    (message,) = stack.messages("TranscriptsQueue")
    answer(twilio, "GET", SENTENCES, 200, page("sentences", "null"))
    stack.invoke("store_insights", sqs_event(message["Body"]))
    recover(twilio)
    stack.invoke("store_insights", sqs_event(message["Body"]))
    assert outcome(stack, call) == ("stored", None)


@pytest.mark.parametrize("rows", [(), ('{"transcript": ""}',)])
def test_without_a_word_under_a_service_that_does_not_encrypt_the_call_was_silent(
    rows: tuple[str, ...], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    answer(twilio, "GET", SENTENCES, 200, page("sentences", *rows))
    work(stack)
    assert outcome(stack, call) == ("stored", None)
