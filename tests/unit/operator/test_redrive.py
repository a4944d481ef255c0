"""`callscribe redrive`: what has failed is sent again, and nothing is lost wherever it is killed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from typer.testing import Result

from callscribe.adapters.deletions import Deletions, DueDeletion
from callscribe.adapters.queues import Queue
from callscribe.domain.errors import TransientError
from callscribe.domain.recording import MOST_ROUNDS
from callscribe_tools.operator.dead_letters import DeadLetters
from callscribe_tools.simulator import Call, Scenario, Simulator, load_scenario
from harness.answers import endpoint, put_first, recover
from harness.events import load_event
from harness.later import LATE, be_later, work
from harness.stack import NUMBER, Stack
from harness.workers import RESULTS, SENTENCES, row, state

ITSELF = "itself"
"""Stands for the address of the page in which it is."""

CALL_SID, OTHER = "CA" + "1" * 32, "CA" + "2" * 32
BODY = f"CallSid={CALL_SID}&RecordingSid=RE{'1' * 32}&RecordingStatus=completed&Odd=%2B%C3%A4"


@pytest.fixture
def failed(stack: Stack, twilio: Simulator) -> Call:
    """A call whose transcript has failed, and which goes on once that is deleted."""
    twilio.unknowns.failed_transcript_webhook = "available"
    call = twilio.place_call(load_scenario("transcript_fails"), to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    assert state(stack) == ("failed", "transcript_failed")
    return call


def fail_as(stack: Stack, reason: str) -> None:
    """Let the only recording have failed for another reason."""
    stack.table().put_item(Item=row(stack) | {"state": "failed", "reason": reason})


@pytest.fixture
def gave_up(failed: Call, stack: Stack, twilio: Simulator) -> Call:
    """A call that was waited for too long, and which goes on."""
    fail_as(stack, "gave_up")
    twilio.state.transcripts.clear()
    return failed


@pytest.fixture
def stored(stack: Stack, twilio: Simulator, scenario: Scenario) -> Call:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    assert state(stack) == ("stored", None)
    return call


def attributes(message: dict[str, Any]) -> dict[str, str]:
    return {name: one["StringValue"] for name, one in message.get("MessageAttributes", {}).items()}


# --- dead letters


def test_a_letter_goes_back_to_its_queue_as_it_is(
    bury: Callable[..., None], stack: Stack, callscribe: Callable[..., Result]
) -> None:
    bury("Recordings", BODY, reason="KeyError")
    bury("Transcripts", '{"transcript_sid": 1 }', reason="KeyError", redriven="3", correlation_id="JKJaX=")
    result = callscribe("redrive")
    assert result.exit_code == 0
    assert "2 sent." in result.stderr
    (recording,) = stack.messages("RecordingsQueue")
    (transcript,) = stack.messages("TranscriptsQueue")
    assert (recording["Body"], attributes(recording)) == (BODY, {"redriven": "1"})
    kept = {"redriven": "4", "correlation_id": "JKJaX="}
    assert (transcript["Body"], attributes(transcript)) == ('{"transcript_sid": 1 }', kept)
    assert stack.queued() == {}


@pytest.mark.parametrize("path", [SENTENCES, RESULTS])
@pytest.mark.parametrize("link", [ITSELF, "https://example.com/v2/Transcripts?Page=1", 5])
def test_a_transcript_whose_list_had_no_end_is_stored_once_it_has_one(
    path: str,
    link: object,
    stack: Stack,
    twilio: Simulator,
    scenario: Scenario,
    callscribe: Callable[..., Result],
    document: Callable[..., Any],
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    (made,) = twilio.state.made
    lead_on(twilio, path, link)
    work(stack)
    assert [item for item in stack.items() if item["sk"].startswith("TRANSCRIPT#")] == []

    (letter,) = document("failed")["failures"]
    assert made.sid in letter["reason"]
    assert "Once Twilio lists all of it, redrive its message if that is in the dead letters" in letter["reason"]
    assert "Wait until it lists it whole" in letter["what_to_do"]

    recover(twilio)
    assert callscribe("redrive").exit_code == 0
    work(stack)
    assert state(stack) == ("stored", None)
    (insights,) = stack.read(call.sid).insights
    assert insights.sentences
    assert insights.results


def lead_on(twilio: Simulator, path: str, link: object) -> None:
    """Let each page of a list of Twilio's have this link to the next one."""
    own = endpoint(twilio, "GET", path)

    async def led_on(request: Request) -> Response:
        page = json.loads(bytes((await own(request)).body))
        itself = f"https://intelligence.twilio.com{request.url.path}?{request.url.query}"
        page["meta"]["next_page_url"] = itself if link == ITSELF else link
        return Response(json.dumps(page))

    put_first(twilio, "GET", path, led_on)


def test_a_letter_that_was_redriven_five_times_is_left_and_said(
    bury: Callable[..., None], stack: Stack, callscribe: Callable[..., Result], document: Callable[..., Any]
) -> None:
    bury("Recordings", BODY, reason="KeyError", redriven="5")
    result = callscribe("redrive")
    assert result.exit_code == 1
    assert "redriven 5 times" in result.stdout
    (one,) = document("redrive")["redriven"]
    assert (one["outcome"], one["sids"][0]) == ("left", CALL_SID)
    assert stack.queued() == {"RecordingsDeadLetters": [BODY]}


def test_a_letter_that_fails_whenever_it_is_redriven_is_left_at_last(
    bury: Callable[..., None], stack: Stack, callscribe: Callable[..., Result]
) -> None:
    bury("Recordings", "RecordingSid=odd", reason="odd")
    for _ in range(MOST_ROUNDS):
        assert callscribe("redrive").exit_code == 0
        stack.work("request_transcript", "RecordingsQueue")
    assert callscribe("redrive").exit_code == 1
    assert stack.queued() == {"RecordingsDeadLetters": ["RecordingSid=odd"]}


def test_what_workers_bury_while_it_runs_is_left_and_not_counted(
    bury: Callable[..., None],
    stack: Stack,
    callscribe: Callable[..., Result],
    document: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put = Queue.put
    bodies = [f"RecordingSid=odd{number}" for number in range(13)]

    def put_and_bury(queue: Queue, body: str, **told: str) -> None:
        put(queue, body, **told)
        bury("Recordings", body, reason="odd", **told)

    for body in bodies:
        bury("Recordings", body, reason="odd")
    with monkeypatch.context() as patched:
        patched.setattr(Queue, "put", put_and_bury)
        assert len(document("redrive")["redriven"]) == len(bodies)
    letters = stack.messages("RecordingsDeadLetters")
    assert sorted((one["Body"], attributes(one)["redriven"]) for one in letters) == [
        (body, "1") for body in sorted(bodies)
    ]
    for one in letters:
        bury("Recordings", one["Body"], **attributes(one))
    assert "13 sent." in callscribe("redrive").stderr


def test_killed_between_sending_and_deleting_the_letter_is_sent_again_which_workers_bear(
    bury: Callable[..., None],
    stack: Stack,
    twilio: Simulator,
    scenario: Scenario,
    callscribe: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    (message,) = stack.messages("RecordingsQueue")
    bury("Recordings", message["Body"], reason="KeyError")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(DeadLetters, "delete", killed)
        result = callscribe("redrive")
    assert result.exit_code == 130
    assert "Stopped." in result.stderr
    assert callscribe("redrive").exit_code == 0
    sent = stack.messages("RecordingsQueue")
    assert [(one["Body"], attributes(one)) for one in sent] == [(message["Body"], {"redriven": "1"})] * 2
    assert stack.messages("RecordingsDeadLetters") == []
    for one in sent:
        bury("Recordings", one["Body"])
    callscribe("redrive")
    work(stack)
    assert state(stack) == ("transcribing", None)
    assert len(twilio.state.transcripts) == 1


def test_a_letter_that_cannot_be_sent_is_not_deleted(
    bury: Callable[..., None], stack: Stack, callscribe: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        bury("Recordings", BODY, reason="KeyError")

    def refuse(*_: object, **__: object) -> None:
        raise TransientError("putting a message on its queue: AWS answered 503 ServiceUnavailable")

    with monkeypatch.context() as patched:
        patched.setattr(Queue, "put", refuse)
        result = callscribe("redrive")
    assert result.exit_code == 3
    assert "AWS answered 503 ServiceUnavailable. Try again" in result.stderr
    # All of them at once, and not when they would be shown again by themselves.
    assert stack.queued() == {"RecordingsDeadLetters": [BODY] * 3}


def test_only_the_letters_of_one_queue_or_of_one_call(
    bury: Callable[..., None], stack: Stack, callscribe: Callable[..., Result]
) -> None:
    webhook = f'{{"transcript_sid": "GT{"1" * 32}", "customer_key": "{OTHER}"}}'
    bury("Recordings", BODY)
    bury("Recordings", BODY.replace(CALL_SID, OTHER))
    bury("Transcripts", webhook)
    callscribe("redrive", "--call", OTHER, "--queue", "transcripts")
    assert stack.messages("RecordingsQueue") == []
    assert [one["Body"] for one in stack.messages("TranscriptsQueue")] == [webhook]
    callscribe("redrive", "--call", CALL_SID)
    assert [one["Body"] for one in stack.messages("RecordingsQueue")] == [BODY]
    callscribe("redrive", "--queue", "recordings")
    assert stack.queued() == {"RecordingsQueue": [BODY.replace(CALL_SID, OTHER)]}


def test_a_call_that_nobody_knows_is_said_to_be_unknown(
    bury: Callable[..., None], stack: Stack, callscribe: Callable[..., Result], document: Callable[..., Any]
) -> None:
    bury("Recordings", BODY)
    for arguments in ([], ["--dry-run"]):
        result = callscribe("redrive", "--call", OTHER, *arguments)
        assert result.exit_code == 4
        assert "There is no such call in the table and no dead letter of it.\n" in result.stderr
    answer = document("redrive", "--call", OTHER)
    assert (answer["redriven"], answer["error"]["exit_status"]) == ([], 4)
    result = callscribe("redrive", "--call", CALL_SID, "--queue", "transcripts")
    assert result.exit_code == 4
    assert "no dead letter of it on the queue of transcripts." in result.stderr
    assert stack.queued() == {"RecordingsDeadLetters": [BODY]}


def test_a_call_without_a_recording_is_known(
    stack: Stack, twilio: Simulator, callscribe: Callable[..., Result]
) -> None:
    call = twilio.place_call(load_scenario("hang_up_in_greeting"), to=NUMBER)
    work(stack)
    assert stack.recordings() == []
    result = callscribe("redrive", "--call", call.sid)
    assert (result.exit_code, result.stderr) == (0, "Nothing to redrive.\n")


def test_the_sweeps_own_word_of_a_call_is_still_understood(
    bury: Callable[..., None],
    stack: Stack,
    twilio: Simulator,
    callscribe: Callable[..., Result],
) -> None:
    call = twilio.place_call(load_scenario("hang_up_in_greeting"), to=NUMBER)
    stack.empty_calls()
    bury("Recordings", f"CallSid={call.sid}&CallStatus=completed", reason="KeyError")
    callscribe("redrive")
    work(stack)
    assert (stack.read(call.sid).call or {})["seconds"] == call.seconds


# --- recordings


def test_a_recording_that_failed_begins_anew_and_its_message_is_sent(
    gave_up: Call, stack: Stack, callscribe: Callable[..., Result]
) -> None:
    result = callscribe("redrive")
    assert result.exit_code == 0
    assert gave_up.sid in result.stdout
    assert state(stack) == ("received", None)
    work(stack)
    assert state(stack) == ("transcribing", None)
    assert row(stack)["rounds"] == 1


def test_killed_before_its_message_is_sent_the_sweep_sends_it(
    gave_up: Call,
    stack: Stack,
    twilio: Simulator,
    callscribe: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert gave_up.recordings

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Queue, "put", killed)
        assert callscribe("redrive").exit_code == 130
    assert stack.queued() == {}
    be_later(stack, twilio, timedelta(seconds=1))
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    work(stack)
    assert state(stack) == ("transcribing", None)


def test_a_recording_begins_anew_five_times_and_then_is_left_and_said(
    failed: Call, stack: Stack, twilio: Simulator, callscribe: Callable[..., Result]
) -> None:
    for _ in range(MOST_ROUNDS):
        assert callscribe("redrive", "--call", failed.sid).exit_code == 0
        work(stack)
        be_later(stack, twilio, LATE)
        assert state(stack) == ("failed", "transcript_failed")
    fail_as(stack, "gave_up")
    for arguments in ([], ["--dry-run"], ["--call", failed.sid]):
        result = callscribe("redrive", *arguments)
        assert result.exit_code == 1
        assert "begun anew 5 times" in result.stdout
    assert stack.queued() == {}


@pytest.mark.parametrize("status", ["failed", "canceled", "error"])
def test_what_would_end_the_same_is_left_unless_its_call_is_named(
    status: str,
    failed: Call,
    bury: Callable[..., None],
    stack: Stack,
    callscribe: Callable[..., Result],
    document: Callable[..., Any],
) -> None:
    fail_as(stack, f"transcript_{status}")
    before = stack.items()
    bury("Recordings", BODY, reason="KeyError")
    for arguments, sent in ((["--dry-run"], "1 would be sent, 1 left."), ([], "1 sent, 1 left.")):
        result = callscribe("redrive", *arguments)
        assert result.exit_code == 1
        assert sent in result.stderr
        assert "would be found again: 1. To delete it and ask anew: callscribe retranscribe CA…" in result.stderr
    (one,) = document("redrive")["redriven"]
    assert (one["outcome"], one["sids"][0], one["sids"][-1][:2]) == ("left", failed.sid, "GT")
    assert one["what_to_do"].endswith(f"to delete that and ask anew: callscribe retranscribe {failed.sid}")
    assert stack.items() == before
    assert stack.queued() == {"RecordingsQueue": [BODY]}
    (one,) = document("redrive", "--call", failed.sid, "--dry-run")["redriven"]
    assert one["outcome"] == "would be sent"
    assert "ends the same if its transcript is still at Twilio" in one["what_to_do"]
    result = callscribe("redrive", "--call", failed.sid)
    assert (result.exit_code, result.stderr) == (0, "1 sent.\n")
    assert "ends the same if its transcript is still at Twilio" in result.stdout
    assert f"callscribe retranscribe {failed.sid}" in result.stdout
    assert state(stack) == ("received", None)


def test_a_dry_run_changes_nothing(
    gave_up: Call, bury: Callable[..., None], stack: Stack, callscribe: Callable[..., Result]
) -> None:
    bury("Recordings", BODY, reason="KeyError")
    bury("Transcripts", "{}", reason="KeyError")
    before = stack.items()
    for _ in range(2):
        result = callscribe("redrive", "--dry-run")
        assert result.exit_code == 0
        assert "3 would be sent." in result.stderr
        assert gave_up.sid in result.stdout
    assert stack.items() == before
    assert stack.queued() == {"RecordingsDeadLetters": [BODY], "TranscriptsDeadLetters": ["{}"]}


def test_the_recordings_go_with_their_queue(gave_up: Call, stack: Stack, callscribe: Callable[..., Result]) -> None:
    assert gave_up.recordings
    assert "Nothing to redrive." in callscribe("redrive", "--queue", "transcripts").stderr
    assert state(stack)[0] == "failed"
    callscribe("redrive", "--queue", "recordings")
    assert state(stack)[0] == "received"


def test_only_the_recordings_of_one_call(failed: Call, stack: Stack, callscribe: Callable[..., Result]) -> None:
    callscribe("redrive", "--call", OTHER)
    assert state(stack)[0] == "failed"
    callscribe("redrive", "--call", failed.sid)
    assert state(stack)[0] == "received"


def test_a_call_that_is_stored_is_read_anew_where_it_is_named(
    stored: Call, stack: Stack, twilio: Simulator, callscribe: Callable[..., Result]
) -> None:
    assert "Nothing to redrive." in callscribe("redrive").stderr
    (transcript,) = twilio.state.transcripts.values()
    transcript.operators = dict([*transcript.operators.items()][:1])
    callscribe("redrive", "--call", stored.sid)
    work(stack)
    assert state(stack) == ("stored", None)
    assert len(stack.read(stored.sid).insights[0].results) == 1


def test_a_call_stays_stored_whose_recording_was_deleted_since(
    stored: Call, stack: Stack, callscribe: Callable[..., Result]
) -> None:
    for one in stored.recordings:
        one.status = "deleted"
    callscribe("redrive", "--call", stored.sid)
    work(stack)
    assert state(stack) == ("stored", None)
    assert stack.queued() == {}


def test_what_is_on_its_way_or_at_its_end_is_said_and_left(
    stack: Stack, twilio: Simulator, scenario: Scenario, document: Callable[..., Any]
) -> None:
    waiting = twilio.place_call(scenario, to=NUMBER)
    short = twilio.place_call(load_scenario("one_second"), to=NUMBER)
    work(stack)
    (first,) = document("redrive", "--call", waiting.sid)["redriven"]
    assert first["outcome"] == "on its way"
    told = document("redrive", "--call", short.sid)["redriven"]
    assert {one["outcome"] for one in told} == {"nothing to do"}
    assert "skipped as too_short" in told[0]["what_to_do"]
    assert stack.queued() == {}


# --- what Twilio no longer has


def give_date(stack: Stack) -> DueDeletion:
    """Let the recording's date at Twilio have passed."""
    stack.table().put_item(Item=row(stack) | {"deletion": "due", "delete_at": 1})
    (due,) = Deletions(stack.table()).due(datetime.now(UTC))
    return due


@pytest.mark.parametrize("arguments", [("--call",), ()])
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_failed_recording_whose_date_at_twilio_has_passed_is_redriven_no_more_and_says_why(
    arguments: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 (a table)
    gave_up: Call,
    stack: Stack,
    twilio: Simulator,
    callscribe: Callable[..., Result],
    document: Callable[..., Any],
) -> None:
    give_date(stack)
    stack.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))
    assert {one.status for one in twilio.state.recordings.values()} == {"deleted"}
    given = [*arguments, *([gave_up.sid] if arguments else []), *(["--dry-run"] if dry_run else [])]
    before = stack.items()
    # Nobody can do anything for it, so that only who asks for this call is told.
    found = [one for one in document("redrive", *given)["redriven"] if one["reason"] == "gave_up"]
    assert [(one["outcome"], "deleted at Twilio" in one["what_to_do"]) for one in found] == (
        [("left", True)] if arguments else []
    )
    assert callscribe("redrive", *given).exit_code == (1 if arguments else 0)
    assert stack.items() == before
    assert stack.queued() == {}
    assert "Nothing waits for a person" in callscribe("failed").output


def test_a_recording_that_is_being_deleted_is_not_redriven_and_says_when_to_look(
    gave_up: Call, stack: Stack, callscribe: Callable[..., Result], document: Callable[..., Any]
) -> None:
    until = datetime.now(UTC) + timedelta(minutes=5)
    assert Deletions(stack.table()).claim(give_date(stack), until)
    before = stack.items()
    (found,) = document("redrive")["redriven"]
    assert (found["outcome"], found["reason"]) == ("left", "gave_up")
    assert "being deleted there right now" in found["what_to_do"]
    assert f"callscribe show {gave_up.sid}" in found["what_to_do"]
    assert callscribe("redrive").exit_code == 1
    assert stack.items() == before
    assert stack.queued() == {}


def test_a_recording_is_redriven_until_its_date_and_then_is_not_deleted(
    gave_up: Call, stack: Stack, twilio: Simulator, callscribe: Callable[..., Result]
) -> None:
    give_date(stack)
    assert callscribe("redrive").exit_code == 0
    stack.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    # It was transcribed again, and so it is kept.
    assert state(stack) == ("failed", "transcript_failed")
    dual = next(one for one in gave_up.recordings if one.channels == 2)
    assert dual.status == "completed"


def test_what_twilio_refuses_to_delete_is_listed_for_a_person(
    stored: Call,
    stack: Stack,
    callscribe: Callable[..., Result],
    document: Callable[..., Any],
) -> None:
    dual = next(one for one in stored.recordings if one.channels == 2)
    dual.status = "processing"
    give_date(stack)
    stack.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))
    (found,) = document("failed")["failures"]
    assert (found["what"], found["recording_sid"], found["state"]) == ("deletion at Twilio", dual.sid, "refused")
    assert found["reason"].startswith("twilio_")
    assert found["attempts"] == 1
    assert "Delete it in Twilio's console" in found["what_to_do"]
    assert "It is tried again at" in found["what_to_do"]
    # It is not for redrive to do anything about it.
    assert document("redrive")["redriven"] == []
    dual.status = "deleted"
    give_date(stack)
    stack.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))
    assert "Nothing waits for a person" in callscribe("failed").output
