"""The last thing a caller can be left with: it needs nothing, tells nothing, and answers everything."""

import json
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from callscribe_tools.simulator import Scenario, Simulator
from harness.events import HOST, event_files, load_event
from harness.stack import NUMBER, Gateway, Stack, load_handler
from harness.template import REPOSITORY, function, routes, template

HANDLER = REPOSITORY / "functions" / "voice_fallback" / "handler.py"
RECORD = load_handler("voice_fallback")({"rawPath": "/voice-fallback"}, None)
HANG_UP = load_handler("voice_fallback")({"rawPath": "/voice-fallback/recorded"}, None)


def verbs(answer: dict[str, Any]) -> list[ET.Element]:
    return list(ET.fromstring(answer["body"]))  # noqa: S314 (our own answer)


def test_it_greets_and_records_in_one_channel() -> None:
    say, record, hang_up = verbs(RECORD)
    assert (say.tag, record.tag, hang_up.tag) == ("Say", "Record", "Hangup")
    assert record.attrib == {
        "action": "/voice-fallback/recorded",
        "timeout": "5",
        "maxLength": "120",
        "recordingStatusCallback": "/ci-create-transcript#rc=3&rp=5xx,ct,rt",
        "recordingStatusCallbackEvent": "completed absent",
    }


def test_it_thanks_and_hangs_up_afterwards() -> None:
    assert [verb.tag for verb in verbs(HANG_UP)] == ["Say", "Hangup"]


def test_its_addresses_are_routes_of_this_stack() -> None:
    _, record, _ = verbs(RECORD)
    addresses = [record.attrib["action"], record.attrib["recordingStatusCallback"].partition("#")[0]]
    assert [routes()["POST", address] for address in addresses] == ["voice_fallback", "accept_recording"]


@pytest.mark.parametrize("case", event_files("voice_fallback"))
def test_what_twilio_asks_is_answered_by_one_of_the_two_documents(case: str) -> None:
    event = load_event("voice_fallback", case)
    expected = HANG_UP if event["rawPath"].endswith("/recorded") else RECORD
    assert load_handler("voice_fallback")(event, None) == expected
    assert expected["statusCode"] == 200
    assert expected["headers"] == {"content-type": "text/xml; charset=utf-8"}


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"rawPath": None},
        {"rawPath": 1},
        {"rawPath": ["/voice-fallback/recorded"]},
        {"rawPath": "/voice-fallback/../recorded", "body": "x" * 1_000_000},
        {"body": b"\xff", "isBase64Encoded": "maybe", "headers": None},
        None,
        [],
        "/voice-fallback/recorded",
        1,
    ],
)
def test_anything_is_answered_and_recorded(event: Any) -> None:
    assert load_handler("voice_fallback")(event, None) == RECORD


def in_a_bare_interpreter(*events: Any) -> list[Any]:
    """The answers of an interpreter with nothing but the standard library and no environment at all."""
    program = (
        "import json, runpy, sys\n"
        "before = set(sys.modules)\n"
        "handler = runpy.run_path(sys.argv[1])['handler']\n"
        "print(json.dumps([handler(one, None) for one in json.loads(sys.argv[2])]))\n"
    )
    # -I keeps out the working directory, the environment and the user's packages; -S the site's.
    command = [sys.executable, "-I", "-S", "-c", program, str(HANDLER), json.dumps(events)]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=True, timeout=60)
    answers: list[Any] = json.loads(done.stdout)
    return answers


def test_it_works_without_the_layer_and_without_an_environment() -> None:
    events = [load_event("voice_fallback", case) for case in ("call", "recorded")]
    assert in_a_bare_interpreter(*events) == [RECORD, HANG_UP]


def test_it_is_given_neither_the_layer_nor_a_secret() -> None:
    deployed = function("voice_fallback")
    assert "Layers" not in deployed
    # Nothing but what all functions have.
    assert deployed["Environment"] == template()["Globals"]["Function"]["Environment"]


def test_real_twilio_would_accept_both_documents(
    stack: Stack, twilio: Simulator, gateway: Gateway, scenario: Scenario
) -> None:
    twilio.account.numbers[NUMBER].voice_url = f"https://{HOST}/voice-fallback"
    call = twilio.place_call(scenario, to=NUMBER)
    twilio.check()
    assert call.said == ["This call is recorded. Please speak after the beep.", "Thank you. Goodbye."]
    assert {status for _, status in gateway.answers} == {200}
    assert [path for path, _ in gateway.answers][:2] == ["/voice-fallback", "/voice-fallback/recorded"]
    assert stack.queued().keys() == {"RecordingsQueue"}
