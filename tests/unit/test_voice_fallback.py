"""The last thing a caller can be left with: it shares nothing with what failed, tells nothing, and answers Twilio."""

import json
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from callscribe.usecases.incoming_call import RETRIES
from callscribe_tools.simulator import Scenario, Simulator
from harness.events import HOST, event_files, load_event
from harness.mock_api import API, FALLBACK_URL, STAGE, mock_answer
from harness.stack import NUMBER, Gateway, Stack, load_handler
from harness.template import REPOSITORY, function, resources, routes, template

# As Twilio sends it.
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
FALLBACK, RECORDED = f"/{STAGE}/voice-fallback", f"/{STAGE}/voice-fallback/recorded"


def verbs(answer: httpx.Response) -> list[ET.Element]:
    return list(ET.fromstring(answer.text))  # noqa: S314 (our own answer)


def test_it_greets_and_records_in_one_channel() -> None:
    say, record, hang_up = verbs(mock_answer("POST", FALLBACK, FORM))
    assert (say.tag, record.tag, hang_up.tag) == ("Say", "Record", "Hangup")
    assert record.attrib == {
        "action": RECORDED,
        "timeout": "5",
        "maxLength": "120",
        "recordingStatusCallback": f"https://{HOST}/ci-create-transcript{RETRIES}",
        "recordingStatusCallbackEvent": "completed absent",
    }


def test_it_thanks_and_hangs_up_afterwards() -> None:
    assert [verb.tag for verb in verbs(mock_answer("POST", RECORDED, FORM))] == ["Say", "Hangup"]


@pytest.mark.parametrize("path", [FALLBACK, RECORDED])
@pytest.mark.parametrize("content_type", [FORM, "application/x-www-form-urlencoded", "application/json", None])
def test_a_form_is_answered_by_twiml(path: str, content_type: str | None) -> None:
    answer = mock_answer("POST", path, content_type)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert answer.text.startswith("<?xml")


@pytest.mark.parametrize(
    ("method", "path", "content_type", "status"),
    [
        ("GET", FALLBACK, None, 403),
        ("POST", "/voice-fallback", FORM, 403),
        ("POST", f"{FALLBACK}/elsewhere", FORM, 403),
        ("POST", FALLBACK, "text/plain", 415),
    ],
)
def test_what_twilio_never_sends_is_refused(method: str, path: str, content_type: str | None, status: int) -> None:
    assert mock_answer(method, path, content_type).status_code == status


def test_no_function_has_a_part_in_it() -> None:
    definition = str(API["DefinitionBody"])
    assert not any(name in definition for name in resources("AWS::Serverless::Function"))
    assert "lambda" not in definition.lower()


def test_its_recording_is_reported_to_the_api_that_has_the_route() -> None:
    _, record, _ = verbs(mock_answer("POST", FALLBACK, FORM))
    address = httpx.URL(record.attrib["recordingStatusCallback"].partition("#")[0])
    assert (address.host, routes()["POST", address.path]) == (HOST, "accept_recording")


def test_with_a_domain_of_ones_own_its_recording_is_reported_there() -> None:
    assert API["Variables"]["webhook_host"]["Fn::If"][:2] == ["HasDomain", {"Ref": "DomainName"}]


def test_a_flood_of_it_is_bounded_as_the_callers_own_route_is() -> None:
    (settings,) = API["MethodSettings"]
    bounded = template()["Resources"]["Api"]["Properties"]["RouteSettings"]["POST /incoming-call"]
    for limit in ("ThrottlingBurstLimit", "ThrottlingRateLimit"):
        assert settings[limit] == bounded[limit] == {"Ref": "CallsPerSecond"}


def test_real_twilio_would_accept_both_documents(
    stack: Stack, twilio: Simulator, gateway: Gateway, scenario: Scenario
) -> None:
    twilio.account.numbers[NUMBER].voice_url = FALLBACK_URL
    call = twilio.place_call(scenario, to=NUMBER)
    twilio.check()
    assert call.said == ["This call is recorded. Please speak after the beep.", "Thank you. Goodbye."]
    assert {status for _, status in gateway.answers} == {200}
    assert [path for path, _ in gateway.answers][:2] == [FALLBACK, RECORDED]
    assert stack.queued().keys() == {"RecordingsQueue"}


HANDLER = REPOSITORY / "functions" / "voice_fallback" / "handler.py"
RECORD = load_handler("voice_fallback")({"rawPath": "/voice-fallback"}, None)
HANG_UP = load_handler("voice_fallback")({"rawPath": "/voice-fallback/recorded"}, None)
"""What the function answers, which numbers ask that version 0.1.0 has wired."""


def test_the_address_of_0_1_0_still_records() -> None:
    say, record, hang_up = ET.fromstring(RECORD["body"])  # noqa: S314 (our own answer)
    assert (say.tag, record.tag, hang_up.tag) == ("Say", "Record", "Hangup")
    addresses = [record.attrib["action"], record.attrib["recordingStatusCallback"].partition("#")[0]]
    assert [routes()["POST", address] for address in addresses] == ["voice_fallback", "accept_recording"]


@pytest.mark.parametrize("case", event_files("voice_fallback"))
def test_what_twilio_asks_at_the_address_of_0_1_0_is_answered_by_one_of_two_documents(case: str) -> None:
    event = load_event("voice_fallback", case)
    expected = HANG_UP if event["rawPath"].endswith("/recorded") else RECORD
    assert load_handler("voice_fallback")(event, None) == expected
    assert expected["statusCode"] == 200
    assert expected["headers"] == {"content-type": "text/xml; charset=utf-8"}


@pytest.mark.parametrize(
    "event", [{}, {"rawPath": None}, {"rawPath": ["/voice-fallback/recorded"]}, None, [], "/voice-fallback/recorded", 1]
)
def test_anything_at_the_address_of_0_1_0_is_answered_and_recorded(event: Any) -> None:
    assert load_handler("voice_fallback")(event, None) == RECORD


def test_the_function_of_0_1_0_works_without_the_layer_and_without_an_environment() -> None:
    events = [load_event("voice_fallback", case) for case in ("call", "recorded")]
    program = (
        "import json, runpy, sys\n"
        "handler = runpy.run_path(sys.argv[1])['handler']\n"
        "print(json.dumps([handler(event, None) for event in json.loads(sys.argv[2])]))\n"
    )
    # -I keeps out the working directory, the environment and the user's packages; -S the site's.
    command = [sys.executable, "-I", "-S", "-c", program, str(HANDLER), json.dumps(events)]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [RECORD, HANG_UP]
    deployed = function("voice_fallback")
    assert "Layers" not in deployed
    # Nothing but what all functions have.
    assert deployed["Environment"] == template()["Globals"]["Function"]["Environment"]


def test_a_call_to_a_number_that_0_1_0_has_wired_is_recorded(
    stack: Stack, twilio: Simulator, gateway: Gateway, scenario: Scenario
) -> None:
    twilio.account.numbers[NUMBER].voice_url = f"https://{HOST}/voice-fallback"
    call = twilio.place_call(scenario, to=NUMBER)
    twilio.check()
    assert call.said == ["This call is recorded. Please speak after the beep.", "Thank you. Goodbye."]
    assert [path for path, _ in gateway.answers][:2] == ["/voice-fallback", "/voice-fallback/recorded"]
    assert {status for _, status in gateway.answers} == {200}
    assert stack.queued().keys() == {"RecordingsQueue"}
