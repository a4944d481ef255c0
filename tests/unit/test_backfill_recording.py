"""The worker of recordings from before: as `request_transcript`, but behind live calls and beside the budget."""

from typing import Any

import pytest

from callscribe.usecases.backfill_recording import MOST_WAITING
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Simulator
from harness.answers import answer, recover
from harness.events import load_event
from harness.seeded import RECORDING_SID
from harness.stack import Stack, aws
from harness.workers import DONE, comes_back, row, state


@pytest.fixture
def event() -> dict[str, Any]:
    return load_event("backfill_recording", "completed")


def let_wait(stack: Stack, queue: str, messages: int) -> None:
    for _ in range(messages):
        aws("sqs").send_message(QueueUrl=stack.physical_ids[queue], MessageBody="a live call's")


@pytest.mark.parametrize("queue", ["RecordingsQueue", "TranscriptsQueue"])
def test_while_messages_of_live_calls_wait_nothing_is_asked_for(
    seeded: Stack, twilio: Simulator, event: dict[str, Any], queue: str
) -> None:
    let_wait(seeded, queue, MOST_WAITING + 1)
    assert seeded.invoke("backfill_recording", event) == comes_back(event)
    assert (seeded.items(), twilio.state.transcripts) == ([], {})


def test_a_few_of_them_hold_nothing_up(seeded: Stack, event: dict[str, Any]) -> None:
    let_wait(seeded, "RecordingsQueue", MOST_WAITING // 2)
    let_wait(seeded, "TranscriptsQueue", MOST_WAITING // 2)
    assert seeded.invoke("backfill_recording", event) == DONE
    assert state(seeded, RECORDING_SID) == ("transcribing", None)


@pytest.mark.parametrize("queue", ["RecordingsQueue", "TranscriptsQueue"])
def test_postponed_messages_of_one_number_do_not_stop_a_backfill(
    seeded: Stack, event: dict[str, Any], queue: str
) -> None:
    seeded.postponed(queue, ["of a number with a wrong Service"] * 5 * MOST_WAITING)
    assert seeded.invoke("backfill_recording", event) == DONE
    assert state(seeded, RECORDING_SID) == ("transcribing", None)


def test_it_neither_needs_the_budget_nor_takes_of_it(
    seeded: Stack, twilio: Simulator, twilio_url: str, event: dict[str, Any]
) -> None:
    seeded.write_settings({**settings_document(twilio.account, twilio_url), "daily_minutes": 1})
    seeded.invoke("backfill_recording", event)
    assert state(seeded, RECORDING_SID) == ("transcribing", None)
    assert seeded.minutes() == {}


def test_it_is_transcribed_when_the_budget_is_used_up(
    seeded: Stack, twilio: Simulator, twilio_url: str, event: dict[str, Any]
) -> None:
    seeded.write_settings({**settings_document(twilio.account, twilio_url), "daily_minutes": 1})
    seeded.invoke("request_transcript", load_event("request_transcript", "mono_of_record"))
    used = seeded.minutes()
    assert list(used.values()) == [1]
    seeded.invoke("backfill_recording", event)
    assert (state(seeded, RECORDING_SID), seeded.minutes()) == (("transcribing", None), used)


def test_what_twilio_refuses_in_the_end_gives_back_no_minutes_of_live_calls(
    seeded: Stack, twilio: Simulator, twilio_url: str, event: dict[str, Any]
) -> None:
    seeded.write_settings({**settings_document(twilio.account, twilio_url), "daily_minutes": 2})
    seeded.invoke("request_transcript", load_event("request_transcript", "mono_of_record"))
    used = seeded.minutes()
    answer(twilio, "POST", "/v2/Transcripts", 503)
    assert seeded.invoke("backfill_recording", event) == comes_back(event)
    recover(twilio)
    answer(twilio, "POST", "/v2/Transcripts", 400, '{"code": 95118, "message": "no", "status": 400}')
    # By then the sweep reports it on the queue of live calls.
    seeded.let_claims_run_out()
    seeded.invoke("request_transcript", load_event("request_transcript", "completed"))
    assert state(seeded, RECORDING_SID) == ("failed", "twilio_95118")
    assert seeded.minutes() == used


def test_told_twice_it_is_asked_for_once(seeded: Stack, twilio: Simulator, event: dict[str, Any]) -> None:
    seeded.invoke("backfill_recording", event)
    seeded.invoke("backfill_recording", event)
    assert [one.source_sid for one in twilio.state.made] == [RECORDING_SID]


def test_what_twilio_is_too_busy_for_comes_back(seeded: Stack, twilio: Simulator, event: dict[str, Any]) -> None:
    answer(twilio, "POST", "/v2/Transcripts", 429)
    assert seeded.invoke("backfill_recording", event) == comes_back(event)
    assert row(seeded, RECORDING_SID)["state"] == "requesting"
