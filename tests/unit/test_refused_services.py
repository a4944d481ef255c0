"""A Service that Twilio refuses costs its own number time, and no other number anything."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Call, PhoneNumber, Scenario, Simulator, load_scenario
from harness.answers import answer, lose_answer, recover
from harness.events import HOST, batch_of
from harness.later import LATE, be_later, work
from harness.stack import NUMBER, SERVICE_SID, Stack
from harness.workers import DONE, changed
from unit.test_sweep import begin, sweep

OTHER_NUMBER = "+12025550188"
REFUSED_SERVICE = "GA" + "0" * 32
TRANSCRIPTS = "/v2/Transcripts"


class Counter:
    """Notes each request that the simulated Twilio gets."""

    def __init__(self, app: ASGIApp, noted: list[str]) -> None:
        self._app = app
        self._noted = noted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._noted.append(f"{scope['method']} {scope['path']}")
        await self._app(scope, receive, send)


@pytest.fixture
def asked(stack: Stack, twilio: Simulator, twilio_url: str) -> list[str]:
    """The requests that Twilio has got, growing. Of two numbers, Twilio refuses the Service of the second."""
    noted: list[str] = []
    twilio.app.add_middleware(Counter, noted=noted)
    url, callback = f"https://{HOST}/incoming-call", f"https://{HOST}/call-status"
    twilio.account.add(PhoneNumber(number=OTHER_NUMBER, voice_url=url, status_callback=callback))
    use_services(stack, twilio, twilio_url, REFUSED_SERVICE)
    begin(stack)
    return noted


def use_services(
    stack: Stack, twilio: Simulator, twilio_url: str, of_other_number: str, daily_minutes: int | None = None
) -> None:
    services = {NUMBER: SERVICE_SID, OTHER_NUMBER: of_other_number}
    numbers = {number: {"service_sid": sid} for number, sid in services.items()}
    common = {"daily_minutes": daily_minutes} if daily_minutes else {}
    stack.write_settings(settings_document(twilio.account, twilio_url) | common | {"numbers": numbers})


def place(twilio: Simulator, scenario: Scenario, calls: int) -> list[Call]:
    return [twilio.place_call(scenario, to=OTHER_NUMBER) for _ in range(calls)]


def states(stack: Stack) -> list[str]:
    return sorted(item["state"] for item in stack.recordings())


def requests_of(asked: list[str], do: Callable[[], Any]) -> list[str]:
    asked.clear()
    do()
    return asked[:]


def test_a_number_whose_service_is_refused_costs_other_numbers_no_request(
    asked: list[str], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    place(twilio, scenario, 5)
    twilio.place_call(scenario, to=NUMBER)
    requests = requests_of(asked, lambda: work(stack))
    # Of each recording: itself, its call and the call's other recordings. Of the first also two refusals, with a search
    # for a transcript after each, and its Service. Of the good number's also its transcript.
    assert len(requests) == 6 * 3 + 5 + 1
    assert sum(one == f"POST {TRANSCRIPTS}" for one in requests) == 2 + 1
    assert states(stack) == ["received"] * 4 + ["requesting", "transcribing"]
    # No message circles.
    assert stack.queued() == {}


def test_the_next_looks_at_a_refused_number_cost_one_search_at_most(
    asked: list[str], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    place(twilio, scenario, 5)
    work(stack)
    be_later(stack, twilio)
    assert sweep(stack)["due"] == 5
    # A search for the transcript that the one try may have paid for.
    assert requests_of(asked, lambda: work(stack)) == [f"GET {TRANSCRIPTS}"]
    # Even the lapsed claim is postponed.
    assert sweep(stack)["due"] == 0
    assert states(stack) == ["received"] * 4 + ["requesting"]


def test_a_refused_recording_is_transcribed_once_the_settings_are_fixed(
    asked: list[str], stack: Stack, twilio: Simulator, twilio_url: str, scenario: Scenario
) -> None:
    place(twilio, scenario, 3)
    work(stack)
    use_services(stack, twilio, twilio_url, SERVICE_SID)
    be_later(stack, twilio)
    assert sweep(stack)["due"] == 3
    work(stack)
    assert states(stack) == ["transcribing"] * 3
    assert len(twilio.state.made) == 3
    assert asked


def test_a_refused_recording_is_transcribed_once_twilio_takes_the_service_again(
    asked: list[str],
    stack: Stack,
    twilio: Simulator,
    twilio_url: str,
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As after five minutes.
    monkeypatch.setattr("callscribe.adapters.held_answers.HELD_FOR", timedelta(0))
    use_services(stack, twilio, twilio_url, SERVICE_SID)
    answer(twilio, "POST", TRANSCRIPTS, 403)
    place(twilio, scenario, 2)
    work(stack)
    recover(twilio)
    be_later(stack, twilio)
    assert sweep(stack)["due"] == 2
    work(stack)
    assert states(stack) == ["transcribing"] * 2
    assert asked


@pytest.mark.parametrize("status", [403, 404])
def test_a_recording_that_is_refused_under_a_good_service_holds_up_no_other_recording(
    status: int, asked: list[str], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    answer(twilio, "POST", TRANSCRIPTS, status)
    work(stack)
    recover(twilio)
    twilio.place_call(scenario, to=NUMBER)
    work(stack)
    assert states(stack) == ["requesting", "transcribing"]
    assert stack.queued() == {}
    assert asked


def test_a_refused_recording_is_given_up_by_its_age(
    asked: list[str], stack: Stack, twilio: Simulator, scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    place(twilio, scenario, 2)
    work(stack)
    be_later(stack, twilio, timedelta(hours=24))
    assert sweep(stack)["due"] == 2
    work(stack)
    reasons = {(item["state"], item.get("reason")) for item in stack.recordings()}
    assert reasons == {("failed", "gave_up")}
    assert "ServiceRefused" in capsys.readouterr().out
    assert asked


def test_a_transcript_that_was_paid_for_is_found_while_the_service_is_refused(
    asked: list[str], stack: Stack, twilio: Simulator, twilio_url: str, scenario: Scenario
) -> None:
    use_services(stack, twilio, twilio_url, SERVICE_SID)
    lose_answer(twilio, "POST", TRANSCRIPTS)
    paid = twilio.place_call(scenario, to=OTHER_NUMBER)
    assert stack.work("request_transcript", "RecordingsQueue") != [DONE]
    recover(twilio)
    use_services(stack, twilio, twilio_url, REFUSED_SERVICE)
    place(twilio, scenario, 1)
    work(stack)
    be_later(stack, twilio)
    sweep(stack)
    work(stack)
    (row,) = [item for item in stack.recordings() if item["pk"] == f"CALL#{paid.sid}"]
    assert row["state"] == "transcribing"
    assert len(twilio.state.made) == 1
    assert asked


def test_a_refusal_is_no_reason_to_keep_what_is_not_worth_transcribing(
    asked: list[str], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    place(twilio, scenario, 1)
    work(stack)
    place(twilio, load_scenario("one_second"), 1)
    (message,) = stack.messages("RecordingsQueue")
    # Reported twice, it is as settled as before.
    assert [stack.invoke("request_transcript", batch_of(message)) for _ in range(2)] == [DONE, DONE]
    assert states(stack) == ["requesting", "skipped"]
    assert asked


def test_a_budget_counts_no_minutes_of_recordings_that_are_not_asked_for(
    asked: list[str], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    place(twilio, scenario, 4)
    work(stack)
    # Those of the first, which Twilio was asked for, stay counted until it is settled.
    assert list(stack.minutes().values()) == [1]
    assert asked


def test_a_recording_that_was_over_the_budget_is_counted_once_twilio_takes_its_service_again(
    asked: list[str], stack: Stack, twilio: Simulator, twilio_url: str, scenario: Scenario
) -> None:
    use_services(stack, twilio, twilio_url, SERVICE_SID, daily_minutes=1)
    place(twilio, scenario, 1)
    work(stack)
    place(twilio, scenario, 1)
    (message,) = stack.messages("RecordingsQueue")
    assert stack.invoke("request_transcript", batch_of(message)) == DONE
    assert states(stack) == ["skipped", "transcribing"]
    use_services(stack, twilio, twilio_url, REFUSED_SERVICE, daily_minutes=100)
    # Its refusal is held.
    place(twilio, scenario, 1)
    work(stack)
    assert stack.invoke("request_transcript", batch_of(message)) == DONE
    use_services(stack, twilio, twilio_url, SERVICE_SID, daily_minutes=100)
    be_later(stack, twilio)
    sweep(stack)
    work(stack)
    assert states(stack) == ["transcribing"] * 3
    assert list(stack.minutes().values()) == [3]
    assert asked


def test_a_mono_recording_of_a_refused_number_waits_in_its_row(
    asked: list[str], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    place(twilio, scenario, 1)
    work(stack)
    (call,) = place(twilio, scenario, 1)
    (dual,) = (recording for recording in call.recordings if recording.channels == 2)
    dual.status = "absent"
    (message,) = stack.messages("RecordingsQueue")
    absent = changed(batch_of(message), RecordingStatus="absent")
    assert stack.invoke("request_transcript", absent) == DONE
    assert states(stack) == ["received", "requesting", "skipped"]
    be_later(stack, twilio, LATE)
    assert sweep(stack)["due"] == 2
    assert asked
