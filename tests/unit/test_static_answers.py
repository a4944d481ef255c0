"""Where the proper TwiML cannot be built the caller hears something all the same, and what is said is not lost."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from callscribe.domain.transcript import Role
from callscribe.usecases import incoming_call
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Call, Scenario, Simulator, load_scenario
from harness.events import load_event
from harness.forms import with_parameters
from harness.mock_api import FALLBACK_URL
from harness.stack import NUMBER, Gateway, Stack, account
from harness.workers import state

WORDS = "We cannot log in to your account system."
STATIC_WORDS = "This call is recorded. Please speak after the beep."
RECORDING_CASES = ["call", "call_of_withheld_number", "dialled_busy", "dialled_no_answer"]
ENDING_CASES = ["recorded", "recorded_caller_hung_up", "dialled_completed"]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """TwiML cannot be built."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError(f"{NUMBER} said {WORDS}")

    monkeypatch.setattr(incoming_call, "VoiceResponse", fail)


def twiml(stack: Stack, case: str, **parameters: str | None) -> ET.Element:
    answer = stack.invoke("incoming_call", with_parameters(load_event("incoming_call", case), **parameters))
    assert answer["statusCode"] == 200
    assert answer["headers"] == {"content-type": "text/xml; charset=utf-8"}
    return ET.fromstring(answer["body"])  # noqa: S314 (our own answer)


def work(stack: Stack, twilio: Simulator) -> None:
    stack.work("request_transcript", "RecordingsQueue")
    twilio.complete_transcripts()
    stack.work("store_insights", "TranscriptsQueue")


def texts(stack: Stack, call: Call) -> list[str]:
    return [sentence.text for one in stack.read(call.sid).insights for sentence in one.sentences]


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("case", "verbs"),
    [(case, ["Say", "Start", "Record", "Hangup"]) for case in RECORDING_CASES]
    + [(case, ["Say", "Hangup"]) for case in ENDING_CASES],
)
def test_when_twiml_cannot_be_built_static_twiml_goes_on_with_the_call(
    case: str, verbs: list[str], offline_stack: Stack
) -> None:
    assert [verb.tag for verb in twiml(offline_stack, case)] == verbs


@pytest.mark.usefixtures("broken")
def test_a_static_answer_is_logged_and_counted_without_what_it_met(
    offline_stack: Stack, logged: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    twiml(offline_stack, "call")
    assert "call answered with static TwiML" in logged()
    assert "ZeroDivisionError" in logged()
    assert '"StaticAnswers":[1.0]' in capsys.readouterr().out.replace(" ", "")
    assert WORDS not in logged()


def test_a_number_that_the_settings_do_not_hold_is_answered_and_recorded(
    offline_stack: Stack, logged: Callable[[], str]
) -> None:
    verbs = [verb.tag for verb in twiml(offline_stack, "call_to_unknown_number")]
    assert verbs == ["Say", "Start", "Record", "Hangup"]
    assert "the settings do not hold: add it" in logged()
    assert "+12025550188" not in logged()


@pytest.mark.parametrize(("case", "last"), [("call", "Record"), ("recorded", "Say"), ("dialled_busy", "Record")])
@pytest.mark.parametrize("number", [None, "", "+12025550188", "client:agent", "x" * 1000])
def test_whatever_number_was_called_the_caller_hears_something(
    number: str | None, case: str, last: str, offline_stack: Stack
) -> None:
    *_, before_last, hang_up = twiml(offline_stack, case, To=number)
    assert (before_last.tag, hang_up.tag) == (last, "Hangup")


def play_broken(stack: Stack, twilio: Simulator, scenario: Scenario) -> Call:
    """A call all of whose documents are static, all the way."""
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack, twilio)
    return call


@pytest.mark.usefixtures("broken")
def test_a_call_of_static_answers_is_recorded_in_two_channels_and_stored(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = play_broken(stack, twilio, scenario)
    twilio.check()
    assert call.said == [STATIC_WORDS, "Thank you. Goodbye."]
    assert state(stack) == ("stored", None)
    assert texts(stack, call)[0] == WORDS
    (insights,) = stack.read(call.sid).insights
    assert [one.role for one in insights.participants] == [Role.CUSTOMER, Role.AGENT]


@pytest.mark.usefixtures("broken")
def test_a_call_of_static_answers_is_stored_also_where_relative_addresses_are_refused(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.unknowns.noun_relative_callback = "refused"
    call = play_broken(stack, twilio, scenario)
    twilio.check()
    assert WORDS in texts(stack, call)


def test_a_caller_whose_agent_is_busy_leaves_a_message_also_when_twiml_can_no_longer_be_built(
    stack: Stack, twilio: Simulator, twilio_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.write_settings(settings_document(twilio.account, twilio_url, flow="dial", agent="+12025550123"))

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    def after_ringing(told: str) -> None:
        if "is not reached" in told:
            monkeypatch.setattr(incoming_call, "VoiceResponse", fail)

    call = twilio.place_call(load_scenario("agent_busy"), to=NUMBER, progress=after_ringing)
    work(stack, twilio)
    twilio.check()
    assert call.said == ["This call is recorded.", STATIC_WORDS, "Thank you. Goodbye."]
    assert state(stack) == ("stored", None)
    assert texts(stack, call)[0] == "Please call me back about the invoice of last month."


@pytest.mark.parametrize("numbers", [{"+12025550111": {"service_sid": "GA" + "d" * 32}}, {NUMBER: {}}, []])
def test_a_call_to_a_number_that_the_settings_lack_waits_for_them_and_is_stored(
    numbers: Any, stack: Stack, twilio: Simulator, twilio_url: str, gateway: Gateway, scenario: Scenario
) -> None:
    whole = settings_document(twilio.account, twilio_url)
    stack.write_settings({**whole, "numbers": numbers})
    call = twilio.place_call(scenario, to=NUMBER)
    # That the call has ended cannot be stored while nobody knows whose it is; the sweep makes up for that.
    assert {one.code for one in twilio.violations} <= {"11200"}
    assert {path for path, status in gateway.answers if status != 200} <= {"/call-status"}
    (message,) = stack.messages("RecordingsQueue")
    batch = {"Records": [load_event("request_transcript", "completed")["Records"][0] | {"body": message["Body"]}]}
    assert stack.invoke("request_transcript", batch)["batchItemFailures"]
    assert stack.items() == []
    assert twilio.state.transcripts == {}

    stack.write_settings(whole)
    assert stack.invoke("request_transcript", batch)["batchItemFailures"] == []
    twilio.complete_transcripts()
    stack.work("store_insights", "TranscriptsQueue")
    assert state(stack) == ("stored", None)
    assert texts(stack, call)[0] == WORDS


@pytest.mark.parametrize("unreadable", [{}, {"account_sid": 1}, "no settings"])
def test_while_the_settings_cannot_be_read_voice_fallback_records_and_its_recording_is_transcribed(
    unreadable: Any, stack: Stack, twilio: Simulator, twilio_url: str, gateway: Gateway, scenario: Scenario
) -> None:
    whole = settings_document(twilio.account, twilio_url)
    stack.write_secret(unreadable)

    def mended_meanwhile(told: str) -> None:
        if "asks the fallback URL" in told:
            stack.write_settings(whole)

    call = twilio.place_call(scenario, to=NUMBER, progress=mended_meanwhile)
    assert [path for path, status in gateway.answers if status == 503] == ["/incoming-call"]
    assert [one.code for one in twilio.violations] == ["11200"]
    assert call.said == [STATIC_WORDS, "Thank you. Goodbye."]
    work(stack, twilio)
    (recording,) = call.recordings
    assert (recording.source, recording.channels) == ("RecordVerb", 1)
    assert state(stack, recording.sid) == ("stored", None)
    (insights,) = stack.read(call.sid).insights
    assert [(one.channel, one.role, one.number) for one in insights.participants] == [(1, Role.UNKNOWN, None)]
    assert [(insights.speaker(one), one.text) for one in insights.sentences] == [(Role.UNKNOWN, WORDS)]
    # It is the one that was transcribed.
    assert recording.status == "completed"
    assert account().numbers[NUMBER].voice_fallback_url == FALLBACK_URL


def fall_back_after_the_message(stack: Stack, twilio: Simulator, twilio_url: str, scenario: Scenario) -> Call:
    """The settings are lost while the caller speaks, and found again when Twilio asks voice_fallback."""
    whole = settings_document(twilio.account, twilio_url)
    lost: list[str] = []

    def lose_and_mend(told: str) -> None:
        if "<Record> has heard" in told and not lost:
            lost.append(told)
            stack.write_settings({})
        if "asks the fallback URL" in told:
            stack.write_settings(whole)

    return twilio.place_call(scenario, to=NUMBER, progress=lose_and_mend)


def test_a_call_that_falls_back_in_the_middle_is_stored_whole(
    stack: Stack, twilio: Simulator, twilio_url: str, scenario: Scenario
) -> None:
    call = fall_back_after_the_message(stack, twilio, twilio_url, scenario)
    assert call.said[2:] == [STATIC_WORDS, "Thank you. Goodbye."]
    work(stack, twilio)
    (dual,) = (one for one in call.recordings if one.channels == 2)
    assert state(stack, dual.sid) == ("stored", None)
    assert WORDS in texts(stack, call)
