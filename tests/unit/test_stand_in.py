"""The recording in one channel that <Record> makes: transcribed when the one in two is absent or has failed."""

from typing import Any

import pytest

from callscribe.domain.transcript import Role
from callscribe_tools.simulator import Scenario, Simulator
from callscribe_tools.simulator.scenario import RecordingOutcome
from harness.answers import answer, recover
from harness.events import load_event
from harness.seeded import (
    ABSENT_RECORDING_SID,
    FAILED_CALL_SID,
    FAILED_RECORDING_SID,
    STAND_IN_SID,
    WITHHELD_CALL_SID,
    recorded,
)
from harness.stack import NUMBER, Stack
from harness.workers import DONE, Event, changed, comes_back, old, row, state

LIST = "/2010-04-01/Accounts/{account}/Recordings.json"
SILENT_SID = "RE" + "5" * 32
WORDS = "We cannot log in to your account system."


@pytest.fixture
def failed() -> Event:
    """The callback of a recording in two channels that has failed."""
    return load_event("request_transcript", "failed")


def sources(twilio: Simulator) -> list[str]:
    """What was transcribed."""
    return [one.source_sid for one in twilio.state.transcripts.values()]


def test_a_failed_recording_is_noted_with_twilios_code_and_its_stand_in_transcribed(
    failed: Event, seeded: Stack, twilio: Simulator
) -> None:
    assert seeded.invoke("request_transcript", failed) == DONE
    assert state(seeded, FAILED_RECORDING_SID) == ("failed", "recording_failed")
    assert row(seeded, FAILED_RECORDING_SID)["error_code"] == 16104
    assert row(seeded, FAILED_RECORDING_SID)["due"] == "attention"
    assert state(seeded, STAND_IN_SID) == ("transcribing", None)
    assert (row(seeded, STAND_IN_SID)["source"], row(seeded, STAND_IN_SID)["channels"]) == ("RecordVerb", 1)
    assert sources(twilio) == [STAND_IN_SID]
    assert list(seeded.minutes().values()) == [1]


@pytest.mark.parametrize("code", ["16101", "16102"])
def test_an_absent_recording_is_skipped_with_twilios_code_and_its_stand_in_transcribed(
    code: str, failed: Event, seeded: Stack, twilio: Simulator
) -> None:
    absent = changed(failed, RecordingStatus="absent", ErrorCode=code)
    assert seeded.invoke("request_transcript", absent) == DONE
    assert state(seeded, FAILED_RECORDING_SID) == ("skipped", "absent")
    assert row(seeded, FAILED_RECORDING_SID)["error_code"] == int(code)
    assert sources(twilio) == [STAND_IN_SID]


@pytest.mark.parametrize("code", ["0", "", "many"])
def test_an_absent_recording_need_not_say_why(code: str, failed: Event, seeded: Stack) -> None:
    assert seeded.invoke("request_transcript", changed(failed, RecordingStatus="absent", ErrorCode=code)) == DONE
    assert state(seeded, FAILED_RECORDING_SID) == ("skipped", "absent")
    assert "error_code" not in row(seeded, FAILED_RECORDING_SID)


def test_a_recording_that_twilio_says_is_absent_though_its_callback_did_not_is_stood_in_for(
    failed: Event, seeded: Stack, twilio: Simulator
) -> None:
    twilio.state.recordings[FAILED_RECORDING_SID].status = "absent"
    assert seeded.invoke("request_transcript", changed(failed, RecordingStatus="completed")) == DONE
    assert state(seeded, FAILED_RECORDING_SID) == ("skipped", "absent")
    assert sources(twilio) == [STAND_IN_SID]


def test_without_a_stand_in_an_absent_recording_is_all_there_is(seeded: Stack, twilio: Simulator) -> None:
    absent = load_event("request_transcript", "absent")
    # It may only not be listed yet.
    assert seeded.invoke("request_transcript", absent) == comes_back(absent)
    assert state(seeded, ABSENT_RECORDING_SID) == ("skipped", "absent")
    assert seeded.invoke("request_transcript", old(absent)) == DONE
    assert [one["sk"] for one in seeded.recordings()] == [f"RECORDING#{ABSENT_RECORDING_SID}"]
    assert row(seeded)["pk"] == f"CALL#{WITHHELD_CALL_SID}"
    assert sources(twilio) == []


def test_the_callback_delivered_twice_transcribes_the_stand_in_once(
    failed: Event, seeded: Stack, twilio: Simulator
) -> None:
    seeded.invoke("request_transcript", failed)
    before = seeded.items()
    assert seeded.invoke("request_transcript", failed) == DONE
    assert seeded.items() == before
    assert sources(twilio) == [STAND_IN_SID]
    assert list(seeded.minutes().values()) == [1]


def test_a_stand_in_that_twilio_has_not_finished_comes_back(failed: Event, seeded: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[STAND_IN_SID].status = "processing"
    assert seeded.invoke("request_transcript", failed) == comes_back(failed)
    assert state(seeded, FAILED_RECORDING_SID) == ("failed", "recording_failed")
    assert sources(twilio) == []
    twilio.state.recordings[STAND_IN_SID].status = "completed"
    assert seeded.invoke("request_transcript", failed) == DONE
    assert sources(twilio) == [STAND_IN_SID]


@pytest.mark.parametrize(("seconds", "reason"), [(1.0, "too_short"), (0.0, "too_short"), (28_801.0, "too_long")])
def test_a_stand_in_that_is_not_worth_it_is_skipped_too(
    seconds: float, reason: str, failed: Event, seeded: Stack, twilio: Simulator
) -> None:
    twilio.state.recordings[STAND_IN_SID].seconds = seconds
    assert seeded.invoke("request_transcript", failed) == DONE
    assert state(seeded, STAND_IN_SID) == ("skipped", reason)
    assert sources(twilio) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "StartCallRecordingAPI"},
        {"source": "DialVerb", "status": "absent"},
        {"source": "RecordVerb", "status": "deleted"},
        {"source": "RecordVerb", "call_sid": WITHHELD_CALL_SID},
    ],
)
def test_nothing_else_stands_in(fields: dict[str, Any], failed: Event, seeded: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[STAND_IN_SID] = recorded(STAND_IN_SID, **{"call_sid": FAILED_CALL_SID, **fields})
    assert seeded.invoke("request_transcript", old(failed)) == DONE
    assert [one["sk"] for one in seeded.recordings()] == [f"RECORDING#{FAILED_RECORDING_SID}"]
    assert sources(twilio) == []


def test_a_stand_in_that_is_listed_late_is_transcribed(failed: Event, seeded: Stack, twilio: Simulator) -> None:
    late = twilio.state.recordings.pop(STAND_IN_SID)
    assert seeded.invoke("request_transcript", failed) == comes_back(failed)
    twilio.state.recordings[STAND_IN_SID] = late
    assert seeded.invoke("request_transcript", failed) == DONE
    assert sources(twilio) == [STAND_IN_SID]


def test_every_stand_in_of_the_call_is_transcribed(failed: Event, seeded: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[SILENT_SID] = recorded(SILENT_SID, call_sid=FAILED_CALL_SID, source="RecordVerb")
    assert seeded.invoke("request_transcript", failed) == DONE
    assert sorted(sources(twilio)) == sorted([STAND_IN_SID, SILENT_SID])


@pytest.mark.parametrize("status", [401, 503])
def test_while_the_stand_in_cannot_be_looked_for_the_message_comes_back(
    status: int, failed: Event, seeded: Stack, twilio: Simulator
) -> None:
    answer(twilio, "GET", LIST, status)
    assert seeded.invoke("request_transcript", failed) == comes_back(failed)
    recover(twilio)
    assert seeded.invoke("request_transcript", failed) == DONE
    assert sources(twilio) == [STAND_IN_SID]


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [("failed", 16104, ("failed", "recording_failed")), ("absent", 16102, ("skipped", "absent"))],
)
def test_a_call_whose_recording_in_two_channels_came_to_nothing_is_stored_by_its_stand_in(
    status: Any, code: Any, expected: tuple[str, str], stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    trouble = scenario.model_copy(update={"recording": RecordingOutcome(status=status, error_code=code)})
    call = twilio.place_call(trouble, to=NUMBER)
    stack.work("request_transcript", "RecordingsQueue")
    twilio.complete_transcripts()
    stack.work("store_insights", "TranscriptsQueue")
    dual, mono = sorted(call.recordings, key=lambda one: -one.channels)
    assert state(stack, dual.sid) == expected
    assert state(stack, mono.sid) == ("stored", None)
    (insights,) = stack.read(call.sid).insights
    assert [(insights.speaker(one), one.text) for one in insights.sentences] == [(Role.UNKNOWN, WORDS)]
    # What was transcribed is not a spare one.
    assert mono.status == "completed"
    twilio.check()
