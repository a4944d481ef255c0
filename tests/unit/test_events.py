"""Every handler with every file of its folder under `events/`: what it answers, and what is so afterwards."""

from collections.abc import Callable
from typing import Any

import pytest

from callscribe_tools.simulator import Simulator
from harness.events import event_files, load_event, raw_body, signature_of
from harness.seeded import (
    ABSENT_RECORDING_SID,
    CALL_SID,
    DIALLED_RECORDING_SID,
    FAILED_RECORDING_SID,
    MONO_RECORDING_SID,
    RECORDING_SID,
    STAND_IN_SID,
    seed_transcripts,
)
from harness.stack import Stack, account
from harness.template import function_names
from harness.workers import old

FILES = [(function, case) for function in function_names() for case in event_files(function)]
ACCEPTORS = {"accept_recording": "RecordingsQueue", "accept_webhook": "TranscriptsQueue"}

SPEAKING = {"incoming_call", "voice_fallback"}

type Check = Callable[[Stack, Simulator], None]


def _settled(*expected: tuple[str, str, str | None]) -> Check:
    """These recordings, each with its state and its reason; those that are transcribing were asked for."""

    def check(stack: Stack, twilio: Simulator) -> None:
        rows = [(row["sk"].partition("#")[2], row["state"], row.get("reason")) for row in stack.recordings()]
        assert rows == sorted(expected)
        made = [one.source_sid for one in twilio.state.transcripts.values() if one.status == "queued"]
        assert made == [sid for sid, state, _ in expected if state == "transcribing"]

    return check


def _call(seconds: int | None, caller: str) -> Check:
    def check(stack: Stack, _twilio: Simulator) -> None:
        (item,) = stack.items()
        assert (item["from"], item["seconds"], item["day"]) == (caller, seconds, "2026-11-20")

    return check


def _stored(stack: Stack, _twilio: Simulator) -> None:
    stored = stack.read(CALL_SID)
    assert [row["state"] for row in stored.recordings.values()] == ["stored"]
    assert [one.text for one in stored.insights[0].sentences] == ["We cannot log in to your account system."]


def _nothing(stack: Stack, _twilio: Simulator) -> None:
    assert stack.items() == []
    assert stack.queued() == {}


def _dead_letter(queue: str) -> Check:
    def check(stack: Stack, _twilio: Simulator) -> None:
        assert stack.items() == []
        (letter,) = stack.messages(queue)
        assert letter["MessageAttributes"]["reason"]["StringValue"]

    return check


EXPECTED: dict[tuple[str, str], Check] = {
    **{("incoming_call", case): _nothing for case in event_files("incoming_call")},
    **{("voice_fallback", case): _nothing for case in event_files("voice_fallback")},
    ("delete_recordings", "every_few_minutes"): _nothing,
    ("sweep", "every_few_minutes"): _nothing,
    ("track_call", "completed"): _call(21, "+12025550142"),
    ("track_call", "completed_withheld_number"): _call(21, "anonymous"),
    ("track_call", "completed_unknown_number"): _nothing,
    ("track_call", "no_answer"): _call(0, "anonymous"),
    ("track_call", "canceled"): _call(0, "+12025550142"),
    ("request_transcript", "completed"): _settled((RECORDING_SID, "transcribing", None)),
    ("request_transcript", "completed_dialled"): _settled((DIALLED_RECORDING_SID, "transcribing", None)),
    ("request_transcript", "completed_of_conference"): _nothing,
    ("request_transcript", "mono_of_record"): _settled((MONO_RECORDING_SID, "transcribing", None)),
    ("request_transcript", "absent"): _settled((ABSENT_RECORDING_SID, "skipped", "absent")),
    ("request_transcript", "failed"): _settled(
        (FAILED_RECORDING_SID, "failed", "recording_failed"), (STAND_IN_SID, "transcribing", None)
    ),
    ("request_transcript", "in_progress"): _nothing,
    ("request_transcript", "unknown_event"): _nothing,
    ("request_transcript", "without_recording_sid"): _dead_letter("RecordingsDeadLetters"),
    ("backfill_recording", "completed"): _settled((RECORDING_SID, "transcribing", None)),
    ("backfill_recording", "absent"): _settled((ABSENT_RECORDING_SID, "skipped", "absent")),
    ("backfill_recording", "without_recording_sid"): _dead_letter("BackfillDeadLetters"),
    ("store_insights", "transcript_available"): _stored,
    ("store_insights", "without_customer_key"): _stored,
    ("store_insights", "unknown_event_type"): _stored,
    ("store_insights", "foreign_service"): _nothing,
    ("store_insights", "unknown_event"): _nothing,
    ("store_insights", "without_transcript_sid"): _dead_letter("TranscriptsDeadLetters"),
}


@pytest.mark.parametrize("function", function_names())
def test_every_function_has_events(function: str) -> None:
    assert event_files(function)


@pytest.mark.parametrize(("function", "case"), FILES)
def test_an_event_is_answered_and_leaves_its_state(function: str, case: str, seeded: Stack, twilio: Simulator) -> None:
    if function == "store_insights":
        seed_transcripts(twilio)
    event = load_event(function, case)
    if "Records" in event and case == "absent":
        # While it is young, another recording of the call is waited for.
        event = old(event)
    answer = seeded.invoke(function, event)

    if "Records" in event:
        assert answer == {"batchItemFailures": []}
    elif "rawPath" in event:
        assert answer["statusCode"] == 200
        assert answer["headers"]["content-type"].startswith("text/xml" if function in SPEAKING else "text/plain")
    elif function == "sweep":
        # What there was before the first one is not its own.
        assert {name for name, found in answer.items() if found} == {"compared_until"}
    else:
        assert answer is None
    if function in ACCEPTORS:
        assert seeded.queued() == {ACCEPTORS[function]: [raw_body(event).decode()]}
        assert seeded.items() == []
    else:
        EXPECTED[function, case](seeded, twilio)
    assert twilio.violations == []


@pytest.mark.parametrize(("function", "case"), FILES)
def test_an_event_over_http_carries_the_signature_of_the_fictional_account(function: str, case: str) -> None:
    event: dict[str, Any] = load_event(function, case)
    if "rawPath" in event:
        assert event["headers"]["x-twilio-signature"] == signature_of(event, account().auth_token)
        assert event["headers"]["content-length"] == str(len(raw_body(event)))
