"""Recordings that nobody asked Callscribe for are acknowledged, counted by source and left alone; its own never are."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from callscribe.domain.call import Call as DomainCall
from callscribe.domain.sids import CallSid
from callscribe.domain.sources import LEFT_ALONE_SOURCES, OUR_SOURCES, left_alone_as
from callscribe_tools.simulator import Call, Recording, Simulator, load_scenario
from callscribe_tools.simulator.other_recordings import WHAT_IS_RECORDED
from harness.answers import answer
from harness.emf import metrics_in
from harness.events import HOST, load_event, sqs_event
from harness.later import be_later, work
from harness.seeded import CALL_SID, MONO_RECORDING_SID, RECORDING_SID, STARTED, transcript
from harness.stack import NUMBER, SERVICE_SID, Stack
from harness.workers import DONE, Event, changed, comes_back, old, row, state

CALLBACK_URL = f"https://{HOST}/ci-create-transcript"
ELSEWHERE = "+12025550111"
COUNTED = {
    "conference": "conference",
    "conference-api": "conference",
    "outbound": "outbound",
    "outbound-dial": "outbound",
    "outbound-api": "outbound",
    "trunk": "trunk",
}

type Printed = Callable[[], str]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return lambda: capsys.readouterr().out


def left_alone(printed: Printed) -> list[str | None]:
    """What was left alone, by the word that counts it."""
    return [one.by for one in metrics_in(printed(), "RecordingsLeftAlone")]


def without(event: Event, *names: str) -> Event:
    fields = dict(parse_qsl(event["Records"][0]["body"]))
    return sqs_event(urlencode({name: text for name, text in fields.items() if name not in names}))


@pytest.mark.parametrize("status", ["completed", "absent"])
@pytest.mark.parametrize("kind", WHAT_IS_RECORDED)
def test_the_callback_of_a_recording_that_nobody_asked_for_changes_nothing_and_is_counted(
    kind: Any, status: Any, stack: Stack, twilio: Simulator, printed: Printed, logged: Printed
) -> None:
    other = twilio.make_other_recording(kind, callback_url=CALLBACK_URL, status=status)
    assert stack.work("request_transcript", "RecordingsQueue") == [DONE]
    twilio.check()
    assert (stack.items(), stack.queued(), twilio.state.made) == ([], {}, [])
    assert left_alone(printed) == [COUNTED[kind]]
    (line,) = (line for line in logged().splitlines() if '"outcome":"left alone"' in line)
    assert '"level":"INFO"' in line
    assert other.sid in line
    assert (other.call_sid or other.conference_sid or "no SID") in line


@pytest.mark.parametrize("kind", WHAT_IS_RECORDED)
def test_neither_the_sweep_nor_the_ledger_misses_such_a_recording(
    kind: Any, stack: Stack, twilio: Simulator, call: Call
) -> None:
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    twilio.make_other_recording(kind, callback_url=None)
    before = stack.items()
    for _ in range(2):
        be_later(stack, twilio)
        stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
        assert stack.queued() == {}
    assert [item["pk"] for item in stack.items()] == [item["pk"] for item in before]
    assert call.sid


@pytest.mark.parametrize(
    "source", ["Conference", "StartConferenceRecordingAPI", "OutboundAPI", "Trunking", "OfTomorrow"]
)
def test_another_recording_of_our_own_call_is_not_sent_for_again_and_again(
    source: Any, stack: Stack, twilio: Simulator, call: Call, dual: Recording
) -> None:
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    other = Recording(
        call_sid=call.sid,
        source=source,
        channels=2,
        tracks=("inbound", "outbound"),
        started=dual.started,
        status="completed",
        seconds=9,
    )
    twilio.state.recordings[other.sid] = other
    be_later(stack, twilio)
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    assert stack.queued() == {}
    assert state(stack) == ("stored", None)


@pytest.mark.parametrize("source", sorted(OUR_SOURCES))
def test_a_recording_of_a_call_to_our_number_is_taken_whatever_twilio_calls_its_beginning(
    source: Any, seeded: Stack, twilio: Simulator, printed: Printed
) -> None:
    twilio.state.recordings[RECORDING_SID].source = source
    event = changed(load_event("request_transcript", "completed"), RecordingSource=source)
    assert seeded.invoke("request_transcript", event) == DONE
    assert state(seeded)[0] == "transcribing"
    assert left_alone(printed) == []


@pytest.mark.parametrize(
    "event",
    [
        without(load_event("request_transcript", "completed"), "RecordingSource"),
        without(load_event("request_transcript", "completed"), "CallSid"),
        without(load_event("request_transcript", "completed"), "CallSid", "RecordingSource"),
        changed(load_event("request_transcript", "completed"), RecordingSource="OutboundAPI"),
        changed(load_event("request_transcript", "completed"), RecordingSource="OfTomorrow"),
    ],
    ids=["no source", "no call", "neither", "the documented word of the noun's callback", "an unknown word"],
)
def test_a_recording_of_our_own_is_taken_though_its_callback_tells_too_little(
    event: Event, seeded: Stack, printed: Printed
) -> None:
    assert seeded.invoke("request_transcript", event) == DONE
    assert state(seeded)[0] == "transcribing"
    assert left_alone(printed) == []


def test_a_recording_without_a_source_is_taken(seeded: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[RECORDING_SID].source = ""  # type: ignore[assignment]
    event = without(load_event("request_transcript", "completed"), "RecordingSource")
    assert seeded.invoke("request_transcript", event) == DONE
    assert state(seeded)[0] == "transcribing"


@pytest.mark.parametrize("source", ["RecordVerb", "DialVerb", "StartCallRecordingTwiML"])
def test_a_call_that_was_answered_here_waits_until_the_settings_hold_its_number(
    source: Any,
    seeded: Stack,
    twilio: Simulator,
    printed: Printed,
) -> None:
    twilio.state.calls[CALL_SID].to = ELSEWHERE
    twilio.state.recordings[RECORDING_SID].source = source
    event = changed(load_event("request_transcript", "completed"), RecordingSource=source)
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert left_alone(printed) == []
    assert seeded.items() == []


@pytest.mark.parametrize("reported", ["completed", "absent"])
def test_a_rest_recording_of_a_call_to_another_number_is_left_alone(
    reported: str, seeded: Stack, twilio: Simulator, printed: Printed
) -> None:
    twilio.state.calls[CALL_SID].to = ELSEWHERE
    del twilio.state.recordings[MONO_RECORDING_SID]
    event = changed(load_event("request_transcript", "completed"), RecordingStatus=reported)
    assert seeded.invoke("request_transcript", event) == DONE
    assert left_alone(printed) == ["api"]
    assert (seeded.items(), seeded.queued()) == ([], {})


def test_the_static_answer_to_a_number_without_settings_waits_whatever_its_recording_is_called(
    seeded: Stack, twilio: Simulator, printed: Printed
) -> None:
    twilio.state.calls[CALL_SID].to = ELSEWHERE
    event = load_event("request_transcript", "completed")
    assert twilio.state.recordings[RECORDING_SID].source == "StartCallRecordingAPI"
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert left_alone(printed) == []


@pytest.mark.parametrize("source", ["DialVerb", "RecordVerb", "StartCallRecordingAPI", "StartCallRecordingTwiML"])
@pytest.mark.parametrize("to", ["sip:box@acme.sip.twilio.com", "client:alice", "+266696687"])
def test_a_call_to_what_no_settings_can_hold_does_not_wait_for_them(
    to: str, source: Any, seeded: Stack, twilio: Simulator, printed: Printed
) -> None:
    twilio.state.calls[CALL_SID].to = to
    twilio.state.recordings[RECORDING_SID].source = source
    event = changed(load_event("request_transcript", "completed"), RecordingSource=source)
    assert seeded.invoke("request_transcript", event) == DONE
    assert left_alone(printed) == ["api" if source == "StartCallRecordingAPI" else "other"]
    assert (seeded.items(), seeded.queued()) == ([], {})


def rest_recording_beside(ours: Recording, twilio: Simulator) -> Recording:
    """Let somebody else have recorded the call of `ours` by REST."""
    other = Recording(
        call_sid=ours.call_sid,
        source="StartCallRecordingAPI",
        channels=2,
        tracks=("inbound", "outbound"),
        started=ours.started,
        status="completed",
        seconds=9,
    )
    twilio.state.recordings[other.sid] = other
    return other


@pytest.mark.parametrize("source", ["StartCallRecordingTwiML", "DialVerb"])
def test_a_rest_recording_beside_ours_is_left_alone_and_never_paid_for(
    source: Any, seeded: Stack, twilio: Simulator, printed: Printed
) -> None:
    ours = twilio.state.recordings[RECORDING_SID]
    ours.source = source
    other = rest_recording_beside(ours, twilio)
    event = changed(load_event("request_transcript", "completed"), RecordingSid=other.sid)
    assert seeded.invoke("request_transcript", event) == DONE
    assert left_alone(printed) == ["api"]
    assert (seeded.items(), twilio.state.made) == ([], [])


@pytest.mark.parametrize("is_stored", [True, False])
def test_the_sweep_sends_for_our_recording_and_not_for_a_rest_recording_beside_it(
    is_stored: bool,  # noqa: FBT001 (a parameter of the test)
    stack: Stack,
    twilio: Simulator,
    printed: Printed,
) -> None:
    twilio.unknowns.noun_recording_source = "StartCallRecordingTwiML"
    call = twilio.place_call(load_scenario("cannot_log_in"), to=NUMBER)
    (ours,) = (recording for recording in call.recordings if recording.channels == 2)
    if is_stored:
        work(stack)
        twilio.complete_transcripts()
        work(stack)
    else:
        stack.messages("RecordingsQueue")
    rest_recording_beside(ours, twilio)
    for _ in range(2):
        be_later(stack, twilio)
        stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
        work(stack)
    assert [one["sk"] for one in stack.recordings() if one["state"] != "skipped"] == [f"RECORDING#{ours.sid}"]
    assert len(twilio.state.transcripts) == 1
    # The worker would count a recording that the sweep sent for.
    assert left_alone(printed) == []


@pytest.mark.parametrize("status", ["absent", "failed"])
def test_a_message_after_a_dial_that_recorded_nothing_is_ours_whatever_its_source_is_called(
    status: Any, seeded: Stack, twilio: Simulator
) -> None:
    dial = rest_recording_beside(twilio.state.recordings[RECORDING_SID], twilio)
    dial.source, dial.status = "DialVerb", status
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    assert state(seeded)[0] == "transcribing"


@pytest.mark.parametrize("status", [200, 400])
def test_a_rest_recording_is_ours_if_the_recordings_beside_it_cannot_be_read(
    status: int, seeded: Stack, twilio: Simulator
) -> None:
    answer(twilio, "GET", "/2010-04-01/Accounts/{a}/Recordings.json", status, "{}")
    assert seeded.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    assert state(seeded)[0] == "transcribing"


def test_the_words_of_callback_and_rest_differ_and_the_call_waits_all_the_same(
    seeded: Stack, twilio: Simulator
) -> None:
    twilio.state.calls[CALL_SID].to = ELSEWHERE
    event = changed(load_event("request_transcript", "completed"), RecordingSource="StartCallRecordingTwiML")
    assert seeded.invoke("request_transcript", event) == comes_back(event)


def test_a_recording_that_has_a_row_is_never_left_alone(seeded: Stack, twilio: Simulator, printed: Printed) -> None:
    twilio.state.recordings[RECORDING_SID].status = "processing"
    event = load_event("request_transcript", "completed")
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    twilio.state.recordings[RECORDING_SID].status = "completed"
    # Its number has left the settings, and nothing says that TwiML began it.
    del twilio.state.recordings[MONO_RECORDING_SID]
    twilio.state.calls[CALL_SID].to = ELSEWHERE
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert left_alone(printed) == []
    twilio.state.calls[CALL_SID].to = NUMBER
    assert seeded.invoke("request_transcript", event) == DONE
    assert row(seeded)["state"] == "transcribing"


def test_a_callback_without_a_call_of_a_recording_that_twilio_does_not_know_yet_comes_back_as_any(
    seeded: Stack, twilio: Simulator
) -> None:
    event = without(load_event("request_transcript", "completed"), "CallSid")
    recording = twilio.state.recordings.pop(RECORDING_SID)
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert seeded.queued() == {}
    # What nobody knows, of no call, leads nowhere.
    assert seeded.invoke("request_transcript", old(event)) == DONE
    assert (seeded.items(), seeded.queued()) == ([], {})
    twilio.state.recordings[RECORDING_SID] = recording
    assert seeded.invoke("request_transcript", old(event)) == DONE
    assert row(seeded)["state"] == "transcribing"


def test_a_conference_that_somebody_has_transcribed_under_our_service_is_left_alone(
    stack: Stack, twilio: Simulator
) -> None:
    other = twilio.make_other_recording("conference", callback_url=None)
    made = transcript("GT" + "7" * 32, SERVICE_SID, other.sid, customer_key=None)
    twilio.state.transcripts[made.sid] = made
    assert stack.invoke("store_insights", sqs_event(f'{{"transcript_sid": "{made.sid}"}}')) == DONE
    assert (stack.items(), stack.queued()) == ([], {})
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    assert stack.queued() == {}


@pytest.mark.parametrize(
    ("direction", "to", "source", "counts_as"),
    [
        ("inbound", NUMBER, "RecordVerb", None),
        ("", NUMBER, "DialVerb", None),
        ("inbound", NUMBER, "", None),
        ("inbound", NUMBER, "Conference", "conference"),
        ("inbound", NUMBER, "OfTomorrow", "other"),
        ("inbound", ELSEWHERE, "", None),
        ("inbound", ELSEWHERE, "StartCallRecordingAPI", "api"),
        ("inbound", ELSEWHERE, "Conference", "conference"),
        ("inbound", "client:alice", "OfTomorrow", "other"),
        ("inbound", "client:alice", "RecordVerb", "other"),
        ("inbound", "sip:box@acme.sip.twilio.com", "DialVerb", "other"),
        ("inbound", "+266696687", "StartCallRecordingTwiML", "other"),
        ("inbound", "client:alice", "", "other"),
        ("inbound", "", "RecordVerb", None),
        ("outbound-api", NUMBER, "RecordVerb", "outbound"),
        ("outbound-api", ELSEWHERE, "StartCallRecordingTwiML", "outbound"),
        ("outbound-dial", NUMBER, "DialVerb", "outbound"),
        ("outbound-dial", ELSEWHERE, "", "outbound"),
        ("trunking-originating", NUMBER, "Trunking", "trunk"),
        ("trunking-terminating", ELSEWHERE, "RecordVerb", "trunk"),
    ],
)
def test_what_is_ours_is_said_by_direction_number_and_source(
    direction: str, to: str, source: str, counts_as: str | None
) -> None:
    call = DomainCall(sid=CallSid(CALL_SID), from_="", to=to, direction=direction, started=STARTED, seconds=9)
    assert left_alone_as({source}, call, {NUMBER}) == counts_as
    assert counts_as in {None, "other", *LEFT_ALONE_SOURCES}
