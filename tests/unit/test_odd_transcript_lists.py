"""A transcript that was found counts, whatever else is in the list in which it was found."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from callscribe_tools.simulator import Scenario, Simulator
from harness.answers import endpoint, lose_answer, put_first, recover
from harness.emf import metrics_in
from harness.events import sqs_event
from harness.stack import NUMBER, Stack
from harness.workers import DONE, row, state

TRANSCRIPTS = "/v2/Transcripts"
ITSELF = "itself"
"""Stands for the address of the page in which it is."""

LISTS: list[Callable[[dict[str, Any]], Any]] = [
    lambda page: page["meta"].update(next_page_url=ITSELF),
    lambda page: page["meta"].update(next_page_url="https://example.com/v2/Transcripts?Page=1"),
    lambda page: page["meta"].update(next_page_url=5),
    lambda page: page["transcripts"].insert(0, {"sid": "odd"}),
    lambda page: page["transcripts"].append("odd"),
]
"""What makes a page odd."""


def make_odd(twilio: Simulator, change: Callable[[dict[str, Any]], Any]) -> None:
    """Let Twilio answer each list of transcripts with such a page."""
    own = endpoint(twilio, "GET", TRANSCRIPTS)

    async def odd(request: Request) -> Response:
        page = json.loads(bytes((await own(request)).body))
        change(page)
        if page["meta"]["next_page_url"] == ITSELF:
            page["meta"]["next_page_url"] = f"https://intelligence.twilio.com{TRANSCRIPTS}?{request.url.query}"
        return Response(json.dumps(page))

    put_first(twilio, "GET", TRANSCRIPTS, odd)


@pytest.mark.parametrize("change", LISTS)
def test_a_transcript_in_an_odd_list_is_adopted(
    change: Callable[[dict[str, Any]], Any],
    stack: Stack,
    twilio: Simulator,
    scenario: Scenario,
    capsys: pytest.CaptureFixture[str],
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    (message,) = stack.messages("RecordingsQueue")
    event = sqs_event(message["Body"])
    lose_answer(twilio, "POST", TRANSCRIPTS)
    stack.invoke("request_transcript", event)
    recover(twilio)
    stack.let_claims_run_out()
    (made,) = twilio.state.made
    make_odd(twilio, change)
    assert stack.invoke("request_transcript", event) == DONE
    assert state(stack) == ("transcribing", None)
    assert row(stack)["transcript"] == made.sid
    assert twilio.state.made == [made]
    assert metrics_in(capsys.readouterr().out, "ListedUnreadable")


def test_an_odd_list_without_a_transcript_is_no_reason_to_pay_a_second_one(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    (message,) = stack.messages("RecordingsQueue")
    event = sqs_event(message["Body"])
    lose_answer(twilio, "POST", TRANSCRIPTS)
    stack.invoke("request_transcript", event)
    recover(twilio)
    stack.let_claims_run_out()
    make_odd(twilio, lambda page: page.update(transcripts=["odd"]))
    stack.invoke("request_transcript", event)
    assert len(twilio.state.made) == 1
    assert (len(twilio.state.asked_again), state(stack)) == (0, ("requesting", None))


@pytest.mark.parametrize("odd_row", [{"sid": "RE1"}, "odd"])
def test_an_odd_row_beside_the_mono_recording_does_not_cost_it(
    odd_row: object, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    (message,) = stack.messages("RecordingsQueue")
    path = "/2010-04-01/Accounts/{account}/Recordings.json"
    own = endpoint(twilio, "GET", path.format(account="AC1"))

    async def odd(request: Request) -> Response:
        page = json.loads(bytes((await own(request)).body))
        page["recordings"].insert(0, odd_row)
        return Response(json.dumps(page))

    put_first(twilio, "GET", path, odd)
    body = message["Body"].replace("RecordingStatus=completed", "RecordingStatus=failed")
    assert stack.invoke("request_transcript", sqs_event(body)) == DONE
    assert sorted(one["state"] for one in stack.recordings()) == ["failed", "transcribing"]
    assert stack.read(call.sid).call
