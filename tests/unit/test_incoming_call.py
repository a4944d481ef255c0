"""What a caller hears and what is recorded of the call, as TwiML."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Scenario, Simulator, load_scenario
from harness.events import HOST, load_event
from harness.stack import NUMBER, Gateway, Stack, account
from harness.template import REPOSITORY
from unit.conftest import speaking

RETRIES = "#rc=3&rp=5xx,ct,rt"


def answer(stack: Stack, case: str = "call") -> Any:
    return stack.invoke("incoming_call", load_event("incoming_call", case))


def twiml(stack: Stack, case: str = "call") -> ET.Element:
    return ET.fromstring(answer(stack, case)["body"])  # noqa: S314 (our own answer)


def tags(element: ET.Element) -> list[str]:
    return [child.tag for child in element]


def of(element: ET.Element, path: str) -> ET.Element:
    found = element.find(path)
    assert found is not None
    return found


def with_number(stack: Stack, **settings: Any) -> Stack:
    stack.write_settings(settings_document(account(), **settings))
    return stack


def test_the_notice_and_the_greeting_come_before_the_recording_starts(offline_stack: Stack) -> None:
    document = twiml(offline_stack)
    assert tags(document) == ["Say", "Say", "Start", "Record", "Stop", "Say", "Hangup"]
    assert [say.text for say in document.findall("Say")][:2] == [
        "This call is recorded.",
        "Please speak after the beep.",
    ]


def test_the_recording_has_two_channels_and_its_callback_is_retried(offline_stack: Stack) -> None:
    assert of(twiml(offline_stack), "Start/Recording").attrib == {
        "name": "call",
        "channels": "dual",
        "track": "both",
        "recordingStatusCallback": f"https://{HOST}/ci-create-transcript{RETRIES}",
        "recordingStatusCallbackEvent": "completed absent",
    }


def test_record_only_gives_the_beep_the_silence_and_the_limit(offline_stack: Stack) -> None:
    # A status callback would have its mono recording transcribed; recordingChannels is no TwiML.
    assert of(twiml(offline_stack), "Record").attrib == {
        "action": f"https://{HOST}/incoming-call/recorded{RETRIES}",
        "timeout": "5",
        "maxLength": "120",
        "playBeep": "true",
    }


@pytest.mark.parametrize("case", ["recorded", "recorded_caller_hung_up"])
def test_after_the_recording_it_is_stopped_and_the_caller_thanked(case: str, offline_stack: Stack) -> None:
    document = twiml(offline_stack, case)
    assert tags(document) == ["Stop", "Say", "Hangup"]
    assert of(document, "Stop/Recording").attrib == {"name": "call"}
    assert of(document, "Say").text == "Thank you. Goodbye."


def test_what_follows_a_record_that_recorded_nothing_ends_the_call_the_same_way(offline_stack: Stack) -> None:
    after_record, after_action = list(twiml(offline_stack))[4:], list(twiml(offline_stack, "recorded"))
    assert [ET.tostring(verb) for verb in after_record] == [ET.tostring(verb) for verb in after_action]


def test_the_settings_of_the_number_are_honoured(offline_stack: Stack) -> None:
    with_number(
        offline_stack,
        language="ja-JP",
        voice="Polly.Kazuha-Neural",
        notice="この通話は録音されます。",
        greeting="ピーという音の後にお話しください。",
        thanks="ありがとうございました。",
        silence_seconds=7,
        max_seconds=300,
    )
    document = twiml(offline_stack)
    says = document.findall("Say")
    texts = ["この通話は録音されます。", "ピーという音の後にお話しください。", "ありがとうございました。"]
    assert [say.text for say in says] == texts
    assert {(say.get("language"), say.get("voice")) for say in says} == {("ja-JP", "Polly.Kazuha-Neural")}
    assert (of(document, "Record").get("timeout"), of(document, "Record").get("maxLength")) == ("7", "300")


def test_an_empty_notice_and_empty_thanks_say_nothing(offline_stack: Stack) -> None:
    with_number(offline_stack, notice="", thanks="")
    document = twiml(offline_stack)
    assert [say.text for say in document.findall("Say")] == ["Please speak after the beep."]
    assert tags(twiml(offline_stack, "recorded")) == ["Stop", "Hangup"]


def test_markup_in_a_greeting_is_spoken_and_not_obeyed(offline_stack: Stack) -> None:
    greeting = "Q&A <Hangup/> \"quoted\" ]]> 'single'"
    with_number(offline_stack, greeting=greeting)
    document = twiml(offline_stack)
    assert [say.text for say in document.findall("Say")][1] == greeting
    assert tags(document).count("Hangup") == 1


def test_the_answer_is_xml_in_utf_8(offline_stack: Stack) -> None:
    assert answer(offline_stack)["headers"] == {"content-type": "text/xml; charset=utf-8"}


def test_the_same_request_twice_gets_the_same_answer(offline_stack: Stack) -> None:
    assert answer(offline_stack) == answer(offline_stack)


def test_without_a_voice_the_language_is_spoken_in_the_accounts_own(offline_stack: Stack) -> None:
    assert {tuple(say.attrib.items()) for say in twiml(offline_stack).findall("Say")} == {(("language", "en-US"),)}


@pytest.mark.parametrize("beep", [True, False])
def test_the_beep_can_be_turned_off(beep: bool, offline_stack: Stack) -> None:  # noqa: FBT001 (a table)
    with_number(offline_stack, beep=beep)
    assert of(twiml(offline_stack), "Record").get("playBeep") == str(beep).lower()


def test_a_call_before_the_settings_are_written_fails_and_says_what_to_do(
    empty_stack: Stack, logged: Callable[[], str]
) -> None:
    # Nobody can tell Twilio from a stranger; Twilio asks voice_fallback.
    assert answer(empty_stack)["statusCode"] == 503
    assert "the credentials have not been written yet" in logged()


SAYING = [
    ("voicemail", load_scenario("cannot_log_in")),
    ("several sentences", speaking("First.", "Second.", "Third.")),
]


@pytest.mark.parametrize("scenario", [one for _, one in SAYING], ids=[name for name, _ in SAYING])
def test_real_twilio_would_accept_it_and_record_only_the_caller(
    scenario: Scenario, stack: Stack, twilio: Simulator, gateway: Gateway
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    twilio.check()
    (dual,) = [one for one in call.recordings if one.channels == 2]
    assert {sound.track for sound in dual.sounds if sound.text} == {"inbound"}
    assert call.said == ["This call is recorded.", "Please speak after the beep.", "Thank you. Goodbye."]
    assert gateway.answers[0] == ("/incoming-call", 200)
    assert stack.queued().keys() == {"RecordingsQueue"}


def test_the_shipped_japanese_example_is_spoken(
    stack: Stack, twilio: Simulator, gateway: Gateway, scenario: Scenario
) -> None:
    example = json.loads((REPOSITORY / "examples" / "settings.ja.json").read_text("utf-8"))
    (spoken,) = example["numbers"].values()
    stack.write_settings(settings_document(twilio.account, **{k: v for k, v in spoken.items() if k != "service_sid"}))
    call = twilio.place_call(scenario, to=NUMBER)
    # The simulator refuses a voice that is none of the language.
    twilio.check()
    assert call.said == [spoken["notice"], spoken["greeting"], spoken["thanks"]]
    assert all(re.search("[ぁ-ん]", said) for said in call.said)
    for say in ET.fromstring(gateway.documents[0]).findall("Say"):  # noqa: S314 (our own answer)
        assert (say.get("language"), say.get("voice")) == ("ja-JP", spoken["voice"])


def test_what_is_slow_to_import_is_not_imported_while_a_caller_waits() -> None:
    # Powertools touches botocore's own package for its user agent; its session is what takes the time.
    slow = {"boto3", "botocore.session", "pydantic", "pydantic_core", "twilio.rest", "requests", "aws_xray_sdk"}
    program = "import runpy, sys; runpy.run_path(sys.argv[1]); print(*sys.modules)"
    handler = REPOSITORY / "functions" / "incoming_call" / "handler.py"
    done = subprocess.run(
        [sys.executable, "-c", program, str(handler)], capture_output=True, text=True, check=True, timeout=60
    )
    assert slow & set(done.stdout.split()) == set()
