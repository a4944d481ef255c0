"""The flow of one call through all handlers, in process."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from callscribe_tools.simulator import Scenario, Simulator, load_scenario
from callscribe_tools.simulator.scenario import SCENARIOS, TranscriptOutcome
from harness.answers import answer
from harness.emf import metrics_in
from harness.events import batch_of, load_event
from harness.stack import CALLER, NUMBER, Gateway, Stack
from harness.template import function_names

WORDS = "We cannot log in to your account system."


def play(stack: Stack, twilio: Simulator, scenario: Scenario) -> str:
    """Let a call go all the way; its SID."""
    call = twilio.place_call(scenario, to=NUMBER)
    stack.work("request_transcript", "RecordingsQueue")
    twilio.complete_transcripts()
    stack.work("store_insights", "TranscriptsQueue")
    return call.sid


def test_a_call_becomes_one_stored_record(
    stack: Stack, twilio: Simulator, gateway: Gateway, scenario: Scenario
) -> None:
    stack.listen()
    call_sid = play(stack, twilio, scenario)

    twilio.check()
    assert {status for _, status in gateway.answers} == {200}
    stored = stack.read(call_sid)
    assert stored.call
    assert [one["state"] for one in stored.recordings.values()] == ["stored"]
    assert [one.text for one in stored.insights[0].sentences] == [WORDS]
    assert stack.queued() == {}
    assert [event["detail"]["call_sid"] for event in stack.announced()] == [call_sid]


def test_a_call_is_stored_also_where_twilio_does_not_echo_the_channel(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.unknowns.transcript_channel_echoed = False
    stored = stack.read(play(stack, twilio, scenario))
    assert [one["state"] for one in stored.recordings.values()] == ["stored"]
    assert [one.text for one in stored.insights[0].sentences] == [WORDS]


def test_a_webhook_that_twilio_does_not_sign_is_refused(
    stack: Stack, twilio: Simulator, gateway: Gateway, scenario: Scenario
) -> None:
    twilio.unknowns.intelligence_webhook_signed = False
    stored = stack.read(play(stack, twilio, scenario))
    assert ("/ci-webhook", 403) in gateway.answers
    assert [one["state"] for one in stored.recordings.values()] == ["transcribing"]


@pytest.mark.parametrize("own_sounds_are_silence", [True, False])
@pytest.mark.parametrize("variant", ["saved", "absent"])
def test_a_silent_call_comes_to_rest_whether_twilio_saves_its_recordings_or_not(
    variant: Any,
    own_sounds_are_silence: bool,  # noqa: FBT001 (a table)
    stack: Stack,
    twilio: Simulator,
) -> None:
    twilio.unknowns.silent_recording = variant
    twilio.unknowns.own_sounds_are_silence = own_sounds_are_silence
    stored = stack.read(play(stack, twilio, load_scenario("silent_call")))
    ends = {(str(one["state"]), one.get("reason")) for one in stored.recordings.values()}
    assert ends <= {("stored", None), ("skipped", "absent"), ("skipped", "too_short")}
    assert ends
    assert [one.sentences for one in stored.insights] == [[]] * len([one for one in ends if one[0] == "stored"])
    assert stack.queued() == {}


@pytest.mark.parametrize(
    "name", sorted(file.stem for file in SCENARIOS.glob("*.yaml") if file.stem not in {"agent_answers", "long_call"})
)
def test_every_scenario_of_a_voicemail_ends_as_it_says(name: str, stack: Stack, twilio: Simulator) -> None:
    scenario = load_scenario(name).model_copy(update={"agent": None})
    twilio.unknowns.failed_transcript_webhook = "available"
    stored = stack.read(play(stack, twilio, scenario))
    twilio.check()
    ends = [(str(one["state"]), one.get("reason")) for one in stored.recordings.values()]
    assert ends == ([] if scenario.expect == "nothing" else [(scenario.expect, scenario.reason)])
    assert stack.queued() == {}


def test_nothing_of_a_failed_transcript_is_told_where_twilio_sends_no_webhook(stack: Stack, twilio: Simulator) -> None:
    untold = TranscriptOutcome(status="failed", webhook="none")
    scenario = load_scenario("transcript_fails").model_copy(update={"transcript": untold})
    stored = stack.read(play(stack, twilio, scenario))
    (one,) = stored.recordings.values()
    # Until somebody works through what is due.
    assert (one["state"], one["due"]) == ("transcribing", "due")


def test_nothing_that_is_logged_tells_a_number_a_word_or_a_secret(
    stack: Stack, twilio: Simulator, logged: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = load_scenario("cannot_log_in")
    play(stack, twilio, scenario)
    twilio.place_call(scenario, to=NUMBER)
    for message in stack.messages("RecordingsQueue"):
        stack.invoke("backfill_recording", batch_of(message))
    stack.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    account = twilio.account
    twilio.account.api_key_secret, secret = "another", account.api_key_secret
    play(stack, twilio, scenario)

    # Metrics, and whatever else a function prints, are lines of its log too.
    printed = capsys.readouterr()
    assert {"CallsAnswered", "CallsStored", "TwilioErrors"} <= {one.name for one in metrics_in(printed.out)}
    everything = logged() + printed.out + printed.err
    lines = [json.loads(line) for line in logged().splitlines()]
    # voice_fallback has no logger: it works without the layer.
    assert {line["function_name"] for line in lines} == set(function_names()) - {"voice_fallback"}
    summary = scenario.operator_results[1].text_generation_results
    assert summary
    words = [WORDS, "log in", "This call is recorded", summary["result"][:30], "negative"]
    secrets = [secret, "another", account.auth_token, account.api_key_sid]
    numbers = [CALLER, NUMBER, CALLER[1:], NUMBER[1:], CALLER[5:], NUMBER[5:]]
    for told in (*words, *secrets, *numbers):
        assert told not in everything


@pytest.mark.parametrize(
    "path",
    [
        "/2010-04-01/Accounts/{a}/Calls/{sid}.json",
        "/2010-04-01/Accounts/{a}/Recordings/{sid}.json",
        "/v2/Transcripts/{sid}/Sentences",
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_what_twilio_answers_in_trouble_is_not_logged(
    path: str, status: int, stack: Stack, twilio: Simulator, scenario: Scenario, logged: Callable[[], str]
) -> None:
    # A duration of words makes Python's own exception quote them.
    said = json.dumps(
        {
            "message": WORDS + CALLER,
            "duration": WORDS + CALLER,
            "meta": {"key": "x"},
            "x": [{"transcript": {WORDS: CALLER}}],
        }
    )
    answer(twilio, "GET", path, status, said)
    play(stack, twilio, scenario)
    assert WORDS not in logged()
    assert CALLER not in logged()
