"""A transcript that its Service encrypts is never stored as a call in which nobody spoke."""

from datetime import timedelta
from itertools import product
from typing import Any, Literal

import pytest

from callscribe_tools.simulator import Call, Scenario, Simulator
from callscribe_tools.simulator.clock import now
from harness.emf import metrics_in
from harness.later import be_later, work
from harness.stack import NUMBER, SERVICE_SID, Stack

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
