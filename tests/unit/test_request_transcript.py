"""A recording is transcribed once, however often and in whatever trouble it is reported."""

import json
import math
import time
from collections.abc import Callable
from typing import Any

import pytest

from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Call, IntelligenceService, Recording, Simulator
from harness.answers import answer, lose_answer, recover
from harness.events import load_event, sqs_event
from harness.seeded import CALL_SID, RECORDING_SID, TRANSCRIPT_SID, WITHHELD_CALL_SID, seed_transcripts
from harness.stack import CALLER, NUMBER, SERVICE_SID, Stack
from harness.workers import DONE, Event, changed, comes_back, old, row
from unit.conftest import speaking

RECORDING_PATH = "/2010-04-01/Accounts/{account}/Recordings/{sid}.json"
CLOCK = {"received_at", "requesting_at", "transcribing_at", "started", "day", "expires_at", "due_at", "unsettled_since"}


def test_a_reported_recording_is_written_whole(
    stack: Stack, call: Call, dual: Recording, twilio: Simulator, callback: Event
) -> None:
    assert stack.invoke("request_transcript", callback) == DONE
    (transcript,) = twilio.state.transcripts.values()
    item = row(stack)
    assert {name: value for name, value in item.items() if name not in CLOCK} == {
        "pk": f"CALL#{call.sid}",
        "sk": f"RECORDING#{dual.sid}",
        "state": "transcribing",
        "attempts": 1,
        "source": "StartCallRecordingAPI",
        "channels": 2,
        "seconds": dual.duration,
        "transcript": transcript.sid,
        "service_sid": SERVICE_SID,
        "recording_retention_days": None,
        "due": "due",
    }
    assert item.keys() >= CLOCK
    caller = next(one for one in stack.items() if one["sk"] == "CALL")
    assert (caller["from"], caller["to"], caller["direction"]) == (CALLER, NUMBER, "inbound")
    assert (caller["seconds"], caller["expires_at"]) == (call.seconds, item["expires_at"])


def test_twilio_is_told_who_speaks_on_which_channel(
    stack: Stack, call: Call, dual: Recording, twilio: Simulator, callback: Event
) -> None:
    stack.invoke("request_transcript", callback)
    (transcript,) = twilio.state.transcripts.values()
    assert transcript.channel["participants"] == [
        {"channel_participant": 1, "role": "Customer"},
        {"channel_participant": 2, "role": "Agent"},
    ]
    assert transcript.source_sid == dual.sid
    assert (transcript.service_sid, transcript.customer_key) == (SERVICE_SID, call.sid)
    assert transcript.media_start_time == dual.started
    twilio.check()


def test_in_a_recording_of_one_channel_nobody_is_named(seeded: Stack, twilio: Simulator) -> None:
    assert seeded.invoke("request_transcript", load_event("request_transcript", "mono_of_record")) == DONE
    (transcript,) = twilio.state.transcripts.values()
    assert "participants" not in transcript.channel


def test_a_callback_delivered_twice_creates_one_transcript(stack: Stack, twilio: Simulator, callback: Event) -> None:
    stack.invoke("request_transcript", callback)
    before = stack.items()
    assert stack.invoke("request_transcript", callback) == DONE
    assert stack.items() == before
    assert len(twilio.state.transcripts) == 1


def test_two_callbacks_in_one_batch_create_one_transcript(stack: Stack, twilio: Simulator, callback: Event) -> None:
    body = callback["Records"][0]["body"]
    assert stack.invoke("request_transcript", sqs_event(body, body)) == DONE
    assert len(twilio.state.transcripts) == 1


def test_while_another_worker_claims_the_recording_its_message_comes_back(
    stack: Stack, twilio: Simulator, callback: Event
) -> None:
    asked = answer(twilio, "POST", "/v2/Transcripts", 503)
    stack.invoke("request_transcript", callback)
    recover(twilio)
    before = stack.items()
    assert stack.invoke("request_transcript", callback) == comes_back(callback)
    assert stack.items() == before
    assert (len(asked), twilio.state.transcripts) == (1, {})


def test_a_claim_that_ran_out_is_taken_over(stack: Stack, twilio: Simulator, callback: Event) -> None:
    answer(twilio, "POST", "/v2/Transcripts", 503)
    assert stack.invoke("request_transcript", callback) == comes_back(callback)
    recover(twilio)
    stack.let_claims_run_out()
    assert stack.invoke("request_transcript", callback) == DONE
    assert (row(stack)["state"], row(stack)["attempts"]) == ("transcribing", 2)
    assert len(twilio.state.transcripts) == 1


def test_the_transcript_that_a_dead_worker_has_created_is_adopted_and_not_paid_twice(
    stack: Stack, twilio: Simulator, callback: Event
) -> None:
    lose_answer(twilio, "POST", "/v2/Transcripts")
    assert stack.invoke("request_transcript", callback) == comes_back(callback)
    recover(twilio)
    (created,) = twilio.state.transcripts
    stack.let_claims_run_out()

    asked = answer(twilio, "POST", "/v2/Transcripts", 500)
    assert stack.invoke("request_transcript", callback) == DONE
    assert asked == []
    assert (row(stack)["state"], row(stack)["transcript"]) == ("transcribing", created)


@pytest.mark.parametrize("ended", [True, False])
def test_an_adopted_transcript_that_has_ended_is_looked_at_by_the_next_sweep(
    stack: Stack,
    twilio: Simulator,
    callback: Event,
    ended: bool,  # noqa: FBT001 (a table)
) -> None:
    lose_answer(twilio, "POST", "/v2/Transcripts")
    assert stack.invoke("request_transcript", callback) == comes_back(callback)
    recover(twilio)
    # Its webhook comes to a row that names no transcript yet.
    if ended:
        twilio.complete_transcripts()
    stack.let_claims_run_out()
    assert stack.invoke("request_transcript", callback) == DONE
    assert (row(stack)["due_at"] <= math.ceil(time.time())) == ended


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_whatever_twilio_answers_to_a_second_request_the_first_transcript_is_adopted(
    status: int, stack: Stack, twilio: Simulator, callback: Event
) -> None:
    twilio.unknowns.duplicate_transcript_status = status
    stack.invoke("request_transcript", callback)
    (created,) = twilio.state.transcripts
    stack.empty_table()

    assert stack.invoke("request_transcript", callback) == DONE
    assert list(twilio.state.transcripts) == [created]
    assert (row(stack)["state"], row(stack)["transcript"]) == ("transcribing", created)


def test_an_absent_recording_is_skipped_with_its_reason(seeded: Stack, twilio: Simulator) -> None:
    assert seeded.invoke("request_transcript", old(load_event("request_transcript", "absent"))) == DONE
    assert (row(seeded)["state"], row(seeded)["reason"]) == ("skipped", "absent")
    assert "due_at" not in row(seeded)
    assert twilio.state.transcripts == {}


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_recording_too_short_is_skipped_with_its_reason(seconds: float, seeded: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[RECORDING_SID].seconds = seconds
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    assert (row(seeded)["state"], row(seeded)["reason"]) == ("skipped", "too_short")
    assert "due_at" not in row(seeded)
    assert twilio.state.transcripts == {}


def test_a_recording_of_two_seconds_is_transcribed(seeded: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[RECORDING_SID].seconds = 2.0
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    assert len(twilio.state.transcripts) == 1


@pytest.mark.parametrize(("seconds", "reason"), [(28_801.0, "too_long"), (28_800.0, None)])
def test_a_recording_over_eight_hours_is_skipped_with_its_reason(
    seconds: float, reason: str | None, seeded: Stack, twilio: Simulator
) -> None:
    twilio.state.recordings[RECORDING_SID].seconds = seconds
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    assert (row(seeded)["state"], row(seeded).get("reason")) == ("skipped" if reason else "transcribing", reason)
    assert len(twilio.state.transcripts) == (0 if reason else 1)
    assert list(seeded.minutes().values()) == ([] if reason else [480])


def test_a_recording_of_a_number_that_the_settings_lack_waits_until_they_hold_it(
    seeded: Stack, twilio: Simulator, logged: Callable[[], str]
) -> None:
    twilio.state.calls[CALL_SID].to = "+12025550188"
    event = load_event("request_transcript", "completed")
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert (seeded.items(), seeded.minutes(), seeded.queued()) == ([], {}, {})
    assert twilio.state.transcripts == {}
    assert "the settings do not hold" in logged()
    assert "+12025550188" not in logged()


def test_a_recording_deleted_at_twilio_before_it_was_transcribed_has_failed(seeded: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[RECORDING_SID].status = "deleted"
    event = load_event("request_transcript", "completed")
    assert seeded.invoke("request_transcript", old(event)) == DONE
    assert (row(seeded)["state"], row(seeded)["reason"]) == ("failed", "recording_deleted")
    assert (row(seeded)["source"], row(seeded)["channels"]) == ("StartCallRecordingAPI", 2)
    assert row(seeded)["due"] == "attention"
    assert (twilio.state.transcripts, seeded.minutes()) == ({}, {})


def test_what_is_settled_stays_so_when_its_recording_is_deleted_later(seeded: Stack, twilio: Simulator) -> None:
    event = load_event("request_transcript", "completed")
    seed_transcripts(twilio)
    seeded.invoke("store_insights", load_event("store_insights", "transcript_available"))
    before = seeded.items()
    twilio.state.recordings[RECORDING_SID].status = "deleted"
    assert seeded.invoke("request_transcript", old(event)) == DONE
    assert seeded.items() == before


def test_a_recording_deleted_while_it_is_transcribed_is_still_transcribing(seeded: Stack, twilio: Simulator) -> None:
    event = load_event("request_transcript", "completed")
    seeded.invoke("request_transcript", event)
    twilio.state.recordings[RECORDING_SID].status = "deleted"
    assert seeded.invoke("request_transcript", old(event)) == DONE
    assert row(seeded)["state"] == "transcribing"


@pytest.mark.parametrize("status", ["in-progress", "paused", "stopped", "processing"])
def test_a_completed_callback_of_a_recording_that_is_unfinished_at_twilio_comes_back(
    status: Any, seeded: Stack, twilio: Simulator
) -> None:
    twilio.state.recordings[RECORDING_SID].status = status
    event = load_event("request_transcript", "completed")
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert (row(seeded)["state"], row(seeded)["due"]) == ("received", "due")
    assert (seeded.minutes(), twilio.state.transcripts) == ({}, {})
    twilio.state.recordings[RECORDING_SID].status = "completed"
    assert seeded.invoke("request_transcript", event) == DONE
    assert row(seeded)["state"] == "transcribing"


def test_the_start_of_a_recording_is_acknowledged_and_asks_twilio_nothing(seeded: Stack, twilio: Simulator) -> None:
    asked = answer(twilio, "GET", "/2010-04-01/{anything:path}", 200)
    assert seeded.invoke("request_transcript", load_event("request_transcript", "in_progress")) == DONE
    assert (seeded.items(), seeded.queued(), asked) == ([], {}, [])


@pytest.mark.parametrize("status", ["of tomorrow", "deleted"])
def test_a_recording_of_a_status_nobody_knows_has_failed_and_says_which(
    status: Any, seeded: Stack, twilio: Simulator
) -> None:
    told = {"sid": RECORDING_SID, "call_sid": CALL_SID, "status": status, "channels": 2, "duration": "4"}
    answer(twilio, "GET", RECORDING_PATH, 200, json.dumps(told))
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    assert (row(seeded)["state"], row(seeded)["reason"]) == ("failed", f"recording_{status}")


def test_the_call_is_the_recordings_own_whatever_the_callback_says(seeded: Stack) -> None:
    event = load_event("request_transcript", "completed")
    elsewhere = sqs_event(event["Records"][0]["body"].replace(CALL_SID, WITHHELD_CALL_SID))
    assert seeded.invoke("request_transcript", elsewhere) == DONE
    assert {item["pk"] for item in seeded.items()} == {f"CALL#{CALL_SID}"}


def test_a_recording_that_twilio_does_not_have_has_failed(seeded: Stack) -> None:
    event = changed(load_event("request_transcript", "completed"), RecordingSid="RE" + "0" * 32)
    assert seeded.invoke("request_transcript", old(event)) == DONE
    assert (row(seeded)["state"], row(seeded)["reason"]) == ("failed", "recording_deleted")


@pytest.mark.parametrize(("seconds", "gone"), [(0, False), (290, False), (310, True)])
def test_a_recording_that_twilio_does_not_have_yet_comes_back_for_five_minutes(
    seconds: int,
    gone: bool,  # noqa: FBT001 (a table)
    seeded: Stack,
    twilio: Simulator,
) -> None:
    recording = twilio.state.recordings.pop(RECORDING_SID)
    event = old(load_event("request_transcript", "completed"), seconds)
    assert seeded.invoke("request_transcript", event) == (DONE if gone else comes_back(event))
    assert [one["state"] for one in seeded.recordings()] == (["failed"] if gone else [])
    twilio.state.recordings[RECORDING_SID] = recording
    assert seeded.invoke("request_transcript", event) == DONE
    assert row(seeded)["state"] == ("failed" if gone else "transcribing")


@pytest.mark.parametrize("status", ["failed", "canceled", "error"])
def test_a_transcript_found_at_twilio_that_has_failed_fails_the_recording(
    status: Any, seeded: Stack, twilio: Simulator
) -> None:
    seed_transcripts(twilio)
    twilio.state.transcripts[TRANSCRIPT_SID].status = status
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    assert (row(seeded)["state"], row(seeded)["reason"]) == ("failed", f"transcript_{status}")
    assert row(seeded)["transcript"] == TRANSCRIPT_SID
    # Somebody has paid for it.
    assert list(seeded.minutes().values()) == [1]


def test_a_completed_recording_that_does_not_tell_its_length_comes_back(seeded: Stack, twilio: Simulator) -> None:
    told = {"sid": RECORDING_SID, "call_sid": CALL_SID, "status": "completed", "channels": 2, "duration": None}
    answer(twilio, "GET", RECORDING_PATH, 200, json.dumps(told))
    event = load_event("request_transcript", "completed")
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert row(seeded)["state"] == "received"


def test_in_a_batch_only_the_message_that_failed_comes_back(seeded: Stack, twilio: Simulator) -> None:
    good = load_event("request_transcript", "completed")["Records"][0]["body"]
    twilio.state.recordings[RECORDING_SID].status = "processing"
    absent = load_event("request_transcript", "absent")["Records"][0]["body"]
    event = old(sqs_event(good, absent))
    assert seeded.invoke("request_transcript", event) == {
        "batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]
    }
    assert sorted(one["state"] for one in seeded.recordings()) == ["received", "skipped"]


def test_each_number_has_its_own_service(stack: Stack, twilio: Simulator, twilio_url: str) -> None:
    other = IntelligenceService()
    twilio.account.add(other)
    stack.write_settings(
        settings_document(twilio.account, twilio_url) | {"numbers": {NUMBER: {"service_sid": other.sid}}}
    )
    twilio.place_call(speaking("Hello there.", "Goodbye."), to=NUMBER)
    stack.work("request_transcript", "RecordingsQueue")
    assert [one.service_sid for one in twilio.state.transcripts.values()] == [other.sid]
