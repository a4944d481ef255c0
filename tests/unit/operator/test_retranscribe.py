"""`callscribe retranscribe` and `transcribe`: transcripts asked for by a person, who has seen the price."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import Result

from callscribe.adapters.deletions import Deletions, DueDeletion
from callscribe.domain import stand_ins
from callscribe.domain.sids import CallSid, TranscriptSid
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.environment import deployed as environment_named
from callscribe_tools.operator.retranscribe import candidates, retranscribe
from callscribe_tools.simulator import Call, Recording, Scenario, Simulator
from harness.deployed import NAME, Deployed
from harness.erasing import erase
from harness.events import load_event, sqs_event
from harness.later import be_later, work
from harness.stack import NUMBER, Stack
from harness.wire import Send, Step, Wire

type Callscribe = Callable[..., Result]


def dual_of(call: Call) -> Recording:
    return next(one for one in call.recordings if one.channels == 2)


def row_of(stack: Stack, call: Call) -> dict[str, Any]:
    return next(item for item in stack.items() if item["sk"] == f"RECORDING#{dual_of(call).sid}")


def finish(stack: Stack, twilio: Simulator) -> None:
    work(stack)
    twilio.complete_transcripts()
    work(stack)


def test_a_stored_call_is_transcribed_anew_and_only_the_new_transcript_is_current(
    stored: Call, stack: Stack, twilio: Simulator, reading: Callscribe
) -> None:
    (old,) = twilio.state.transcripts
    result = reading("retranscribe", stored.sid, "--yes", "--json")
    assert result.exit_code == 0, result.output
    (told,) = json.loads(result.stdout)["retranscribed"]
    assert (told["recording_sid"], told["deleted"]) == (dual_of(stored).sid, [old])
    finish(stack, twilio)
    (new,) = twilio.state.transcripts
    row = row_of(stack, stored)
    assert (row["state"], row["transcript"], row["rounds"]) == ("stored", new, 0)
    shown = json.loads(reading("show", stored.sid, "--json").stdout)
    assert [one["transcript"]["sid"] for one in shown["insights"]] == [new]
    twilio.check()


def test_it_says_minutes_and_price_and_asks_first(
    stored: Call, stack: Stack, twilio: Simulator, callscribe: Callscribe
) -> None:
    before = stack.items()
    result = callscribe("retranscribe", stored.sid, "--price", "2")
    assert result.exit_code == 4
    assert "1 minute; about $2.00 at $2 a minute" in result.stderr
    assert (stack.items(), len(twilio.state.transcripts)) == (before, 1)


def test_a_late_webhook_of_the_deleted_transcript_changes_nothing(
    stored: Call, stack: Stack, twilio: Simulator, callscribe: Callscribe
) -> None:
    (old,) = twilio.state.transcripts
    assert callscribe("retranscribe", stored.sid, "--yes").exit_code == 0
    finish(stack, twilio)
    before = stack.items()
    stack.variables["KNOWN_EVERYWHERE_SECONDS"] = "0"
    stack.invoke("store_insights", sqs_event(stand_ins.of_transcript(TranscriptSid(old), CallSid(stored.sid))))
    assert stack.items() == before


def test_where_the_recording_is_gone_its_transcript_stays(
    stored: Call, stack: Stack, twilio: Simulator, callscribe: Callscribe
) -> None:
    dual_of(stored).status = "deleted"
    before = stack.items()
    result = callscribe("retranscribe", stored.sid, "--yes")
    assert result.exit_code == 4
    assert "Twilio has it no more" in result.stderr
    assert (stack.items(), len(twilio.state.transcripts)) == (before, 1)


def let_be_due(stack: Stack, call: Call) -> DueDeletion:
    """Let the recording's date at Twilio have passed."""
    stack.table().put_item(Item=row_of(stack, call) | {"deletion": "due", "delete_at": 1})
    (due,) = Deletions(stack.table()).due(datetime.now(UTC))
    return due


def delete(stack: Stack) -> None:
    stack.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))


def test_where_the_recording_was_deleted_at_its_date_its_transcript_stays(
    stored: Call, stack: Stack, twilio: Simulator, callscribe: Callscribe
) -> None:
    let_be_due(stack, stored)
    delete(stack)
    before = stack.items()
    result = callscribe("retranscribe", stored.sid, "--yes")
    assert (result.exit_code, "its date had passed: its audio is gone" in result.stderr) == (4, True)
    assert (stack.items(), len(twilio.state.transcripts)) == (before, 1)


def test_the_deletion_that_comes_between_its_steps_takes_nothing_away(
    stored: Call, stack: Stack, twilio: Simulator, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is about to do, the recording is due, and a deletion runs at once."""
    assert deployed.stack is stack
    wire = Wire()
    wire.attach(monkeypatch)
    begin(stored)
    steps = len(wire.sent)
    finish(stack, twilio)
    for number in range(1, steps + 1):
        let_be_due(stack, stored)
        with wire.meddling(deleting_before(number, stack)):
            begin(stored)
        finish(stack, twilio)
        row = row_of(stack, stored)
        # There is one of the two always, and mostly both: the words that were stored, or the audio to have others.
        assert (row["state"], [row["transcript"]]) == ("stored", list(twilio.state.transcripts)), number
        assert ("deleted_at" in row) == (dual_of(stored).status == "deleted"), number
        stack.table().put_item(Item={name: value for name, value in row.items() if name != "deleted_at"})
        dual_of(stored).status = "completed"
    twilio.check()


def deleting_before(number: int, stack: Stack) -> Any:
    """Let the deletion run before a request, as if another process did."""
    count = 0
    ran = False

    def meddle(_: Step, send: Send) -> Any:
        nonlocal count, ran
        count += 1
        if count == number and not ran:
            ran = True
            with pytest.MonkeyPatch.context() as environment:
                run_deletion(stack, environment)
        return send()

    return meddle


def run_deletion(stack: Stack, environment: pytest.MonkeyPatch) -> None:
    setenv, stack.setenv = stack.setenv, environment.setenv
    try:
        delete(stack)
    finally:
        stack.setenv = setenv


def test_what_is_being_deleted_keeps_its_transcript(
    stored: Call, stack: Stack, twilio: Simulator, deployed: Deployed
) -> None:
    assert deployed.stack is stack
    environment = environment_named(NAME)
    twilio_api = environment.twilio(environment.settings())
    some = candidates(environment, twilio_api, CallSid(stored.sid))
    # After it was looked at.
    assert Deletions(stack.table()).claim(let_be_due(stack, stored), datetime.now(UTC) + timedelta(minutes=5))
    before = stack.items()
    (told,) = retranscribe(environment, twilio_api, CallSid(stored.sid), some, lambda _: None)
    assert (told.deleted, told.outcome.startswith("left as it is")) == ((), True)
    assert (stack.items(), len(twilio.state.transcripts)) == (before, 1)


def test_what_is_under_way_or_erased_is_left(stored: Call, stack: Stack, callscribe: Callscribe) -> None:
    assert callscribe("retranscribe", stored.sid, "--yes").exit_code == 0
    result = callscribe("retranscribe", stored.sid, "--yes")
    assert (result.exit_code, "it is received" in result.stderr) == (4, True)
    erase(stack, stored.sid)
    result = callscribe("retranscribe", stored.sid, "--yes")
    assert (result.exit_code, "it is erased" in result.stderr) == (4, True)


def test_a_call_that_the_table_does_not_know_is_said_to_be_one(stack: Stack, callscribe: Callscribe) -> None:
    assert stack.items() == []
    result = callscribe("retranscribe", "CA" + "9" * 32, "--yes")
    assert result.exit_code == 4
    assert "callscribe ledger --since 7d" in result.stderr


class KilledError(BaseException):
    """The command is killed: nothing catches this."""


@pytest.fixture
def environment(stack: Stack, deployed: Deployed) -> Environment:
    assert deployed.stack is stack
    return environment_named(NAME)


def test_killed_at_any_step_and_begun_again_it_comes_to_the_same_end(
    stored: Call, stack: Stack, twilio: Simulator, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployed.stack is stack
    wire = Wire()
    wire.attach(monkeypatch)
    begin(stored)
    steps = len(wire.sent)
    assert steps >= 5
    finish(stack, twilio)
    for kill_at in range(1, steps + 1):
        for answered in (False, True):
            made = len(twilio.state.made)
            with wire.meddling(killing(kill_at, answered=answered)), suppress(KilledError):
                begin(stored)
            begin(stored)
            # The message may never have been sent: then the row is due.
            be_later(stack, twilio)
            stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
            finish(stack, twilio)
            row = row_of(stack, stored)
            assert (row["state"], [row["transcript"]]) == ("stored", list(twilio.state.transcripts)), kill_at
            # However often it was begun, it is paid for once or, where it had begun anew before, twice.
            assert 1 <= len(twilio.state.made) - made <= 2


def begin(call: Call) -> None:
    environment = environment_named(NAME)
    twilio = environment.twilio(environment.settings())
    sid = CallSid(call.sid)
    some = [one for one in candidates(environment, twilio, sid) if one.refused is None]
    list(retranscribe(environment, twilio, sid, some, lambda _: None))


def killing(kill_at: int, *, answered: bool) -> Callable[[Step, Send], Any]:
    count = 0

    def kill(_: Step, send: Send) -> Any:
        nonlocal count
        count += 1
        if count != kill_at:
            return send()
        if answered:
            send()
        raise KilledError

    return kill


# --- transcribe


@pytest.fixture
def unheard_of(stack: Stack, twilio: Simulator, scenario: Scenario) -> Call:
    """A call whose every webhook was lost."""
    call = twilio.place_call(scenario, to=NUMBER)
    stack.empty_calls()
    stack.messages("RecordingsQueue")
    stack.listen()
    assert stack.items() == []
    return call


def test_a_recording_that_nobody_has_told_of_is_transcribed(
    unheard_of: Call, stack: Stack, twilio: Simulator, callscribe: Callscribe
) -> None:
    result = callscribe("transcribe", dual_of(unheard_of).sid, "--yes")
    assert result.exit_code == 0
    assert f"callscribe show {unheard_of.sid}" in result.stderr
    finish(stack, twilio)
    assert row_of(stack, unheard_of)["state"] == "stored"


def test_it_asks_first(unheard_of: Call, stack: Stack, callscribe: Callscribe) -> None:
    assert callscribe("transcribe", dual_of(unheard_of).sid).exit_code == 4
    assert stack.queued() == {}


def test_what_is_known_is_said_to_be_with_what_to_do(stored: Call, stack: Stack, callscribe: Callscribe) -> None:
    result = callscribe("transcribe", dual_of(stored).sid, "--yes")
    assert result.exit_code == 4
    assert f"is known, and stored. Next: callscribe retranscribe {stored.sid}" in result.stderr
    assert stack.queued() == {}


def test_what_cannot_be_transcribed_is_refused_with_the_reason(
    unheard_of: Call, stack: Stack, twilio: Simulator, callscribe: Callscribe
) -> None:
    recording = dual_of(unheard_of)
    recording.status = "processing"
    assert "is processing at Twilio" in callscribe("transcribe", recording.sid, "--yes").stderr
    recording.status, recording.seconds = "completed", 1.0
    assert "is too short" in callscribe("transcribe", recording.sid, "--yes").stderr
    unheard_of.to = "+12025550100"
    assert "a number that the settings do not hold" in callscribe("transcribe", recording.sid, "--yes").stderr
    assert "has no recording" in callscribe("transcribe", "RE" + "9" * 32, "--yes").stderr
    assert (stack.queued(), twilio.state.transcripts) == ({}, {})


def test_a_recording_of_an_erased_call_stays_erased(unheard_of: Call, stack: Stack, callscribe: Callscribe) -> None:
    recording = dual_of(unheard_of)
    erase(stack, unheard_of.sid)
    recording.status = "completed"
    assert "was erased" in callscribe("transcribe", recording.sid, "--yes").stderr
    assert stack.queued() == {}
