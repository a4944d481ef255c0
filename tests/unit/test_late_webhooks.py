"""Whatever is told late of a call that was erased changes nothing: not in the tables, not at Twilio, not on the bus."""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from callscribe.adapters.erasable import Tombstone
from callscribe.adapters.twilio import Twilio
from callscribe.domain import stand_ins
from callscribe.domain.patience import Swept
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid
from callscribe_tools.simulator import Scenario, Simulator
from harness.erasing import erase, table_of
from harness.events import batch_of
from harness.later import be_later, work
from harness.stack import NUMBER, SERVICE_SID, Gateway, Stack
from harness.workers import DONE

HOUR = timedelta(hours=1)
UNHEARD_OF = "RE" + "7" * 32


@dataclass
class Past:
    """A call that is stored, and what Twilio has told of it."""

    call: CallSid
    dual: RecordingSid
    mono: RecordingSid
    transcript: TranscriptSid
    events: Mapping[str, Any]
    """By the path they came to."""


@pytest.fixture
def past(stack: Stack, twilio: Simulator, gateway: Gateway, scenario: Scenario) -> Past:
    stack.store_unredacted = True
    stack.listen()
    twilio.account.services[SERVICE_SID].auto_redaction = True
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    assert len(stack.announced()) == 1
    (row,) = stack.recordings()
    sids = {one.channels: RecordingSid(one.sid) for one in call.recordings}
    events = {event["rawPath"]: event for event in gateway.events}
    return Past(CallSid(call.sid), sids[2], sids[1], TranscriptSid(row["transcript"]), events)


type Late = Callable[[Stack, Past], None]


def message(worker: str, body: str, attributes: Mapping[str, str] | None = None) -> Callable[[Stack], None]:
    """What gives a worker a message, which it acknowledges."""
    told = {name: {"DataType": "String", "StringValue": text} for name, text in (attributes or {}).items()}

    def deliver(stack: Stack) -> None:
        assert stack.invoke(worker, batch_of({"Body": body, "MessageAttributes": told})) == DONE

    return deliver


def callback(past: Past, sid: str, status: str) -> str:
    return urlencode(
        {
            "CallSid": past.call,
            "RecordingSid": sid,
            "RecordingStatus": status,
            "RecordingSource": "StartCallRecordingAPI",
            "RecordingChannels": "2",
        }
    )


def told_again(path: str) -> Late:
    """The webhook itself, and what then is on its queue."""

    def tell(stack: Stack, past: Past) -> None:
        assert stack.invoke(FUNCTIONS[path], past.events[path])["statusCode"] == 200
        work(stack)

    return tell


FUNCTIONS = {
    "/call-status": "track_call",
    "/ci-create-transcript": "accept_recording",
    "/ci-webhook": "accept_webhook",
}
SWEPT, DUE = Swept().attributes, Swept(datetime.now(UTC) - HOUR).attributes
GIVEN_UP = Swept(datetime.now(UTC) - 48 * HOUR).attributes
RECORDINGS, TRANSCRIPTS = "request_transcript", "store_insights"

LATE: Mapping[str, Late] = {
    **{path: told_again(path) for path in FUNCTIONS},
    "an absent recording": lambda stack, past: message(RECORDINGS, callback(past, past.dual, "absent"))(stack),
    "a failed recording": lambda stack, past: message(RECORDINGS, callback(past, past.dual, "failed"))(stack),
    "a recording that is unheard of": lambda stack, past: message(RECORDINGS, callback(past, UNHEARD_OF, "completed"))(
        stack
    ),
    "an absent one that is unheard of": lambda stack, past: message(RECORDINGS, callback(past, UNHEARD_OF, "absent"))(
        stack
    ),
    "a recording that was lost, by the sweep": lambda stack, past: message(
        RECORDINGS, callback(past, past.mono, "completed"), SWEPT
    )(stack),
    "a recording that is due, by the sweep": lambda stack, past: message(
        RECORDINGS, stand_ins.of_noted(past.call, past.dual), DUE
    )(stack),
    "a recording to give up, by the sweep": lambda stack, past: message(
        RECORDINGS, stand_ins.of_noted(past.call, past.dual), GIVEN_UP
    )(stack),
    "the call's end, by the sweep": lambda stack, past: message(RECORDINGS, stand_ins.of_call(past.call), SWEPT)(stack),
    "a transcript, by the sweep": lambda stack, past: message(
        TRANSCRIPTS, stand_ins.of_transcript(past.transcript, past.call), SWEPT
    )(stack),
    "a transcript that is due, by the sweep": lambda stack, past: message(
        TRANSCRIPTS, stand_ins.of_transcript(past.transcript, past.call), DUE
    )(stack),
    "a dead letter of a recording, redriven": lambda stack, past: message(
        RECORDINGS, callback(past, past.dual, "completed"), {stand_ins.REDRIVEN: "1"}
    )(stack),
    "a dead letter of a transcript, redriven": lambda stack, past: message(
        TRANSCRIPTS, json.dumps({"transcript_sid": past.transcript, "customer_key": past.call}), {"redriven": "1"}
    )(stack),
    "recordings to delete": lambda stack, _: stack.invoke("delete_recordings", {}),
}


def everything(stack: Stack, twilio: Simulator) -> dict[str, Any]:
    """All that is so, to the last attribute."""
    state = twilio.state
    return copy.deepcopy(
        {
            "items": stack.items(),
            "unredacted": stack.unredacted_items(),
            "minutes": stack.minutes(),
            "recordings": {sid: one.status for sid, one in state.recordings.items()},
            "transcripts": {sid: one.status for sid, one in state.transcripts.items()},
            "made": len(state.made),
            "asked again": list(state.asked_again),
        }
    )


def late(name: str, stack: Stack, past: Past, twilio: Simulator) -> None:
    """Let it come, and hold that it changes nothing and is not kept."""
    before = everything(stack, twilio)
    LATE[name](stack, past)
    assert everything(stack, twilio) == before
    assert stack.queued() == {}
    assert stack.announced() == []


@pytest.mark.parametrize("name", LATE)
def test_what_comes_when_it_is_erased_everywhere_changes_nothing(
    name: str, past: Past, stack: Stack, twilio: Simulator
) -> None:
    erase(stack, past.call)
    be_later(stack, twilio, timedelta(minutes=10))
    assert erase(stack, past.call).finished
    late(name, stack, past, twilio)


@pytest.mark.parametrize("name", LATE)
def test_what_comes_when_twilio_has_no_record_of_the_call_either_changes_nothing(
    name: str, past: Past, stack: Stack, twilio: Simulator
) -> None:
    erase(stack, past.call)
    del twilio.state.calls[past.call]
    late(name, stack, past, twilio)


@pytest.mark.parametrize("name", LATE)
def test_what_comes_when_twilio_still_has_all_of_it_changes_nothing(
    name: str, past: Past, stack: Stack, twilio: Simulator
) -> None:
    now = datetime.now(UTC)
    table_of(stack).put_tombstone(Tombstone(call_sid=past.call, erased_at=now, due_at=now + HOUR, transcripts=()))
    late(name, stack, past, twilio)


def test_without_an_erasure_they_would_change_something(past: Past, stack: Stack, twilio: Simulator) -> None:
    """Or nothing that is held above would mean anything."""
    stack.empty_calls()
    before = everything(stack, twilio)
    for name in FUNCTIONS:
        LATE[name](stack, past)
    assert [one["sk"].partition("#")[0] for one in stack.items()].count("TRANSCRIPT") == 2
    assert everything(stack, twilio) != before
    assert len(stack.announced()) == 1


def test_a_transcript_that_does_not_tell_its_call_is_not_stored_either(
    past: Past, stack: Stack, twilio: Simulator
) -> None:
    now = datetime.now(UTC)
    table_of(stack).put_tombstone(Tombstone(call_sid=past.call, erased_at=now, due_at=now + HOUR, transcripts=()))
    before = everything(stack, twilio)
    message(TRANSCRIPTS, json.dumps({"transcript_sid": past.transcript}))(stack)
    assert everything(stack, twilio) == before
    assert stack.announced() == []


@pytest.mark.parametrize(
    "name", ["/ci-create-transcript", "/ci-webhook", "the call's end, by the sweep", "an absent recording"]
)
def test_an_erasure_while_a_worker_asks_twilio_is_noticed_before_anything_is_written(
    name: str, past: Past, stack: Stack, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.empty_calls()
    ask = Twilio.call

    def ask_too_long(account: Twilio, sid: CallSid) -> Any:
        now = datetime.now(UTC)
        table_of(stack).put_tombstone(Tombstone(call_sid=sid, erased_at=now, due_at=now + HOUR, transcripts=()))
        return ask(account, sid)

    monkeypatch.setattr(Twilio, "call", ask_too_long)
    made = list(twilio.state.made)
    LATE[name](stack, past)
    assert [set(one) - {"due", "due_at"} for one in stack.items()] == [{"pk", "sk", "erased_at", "expires_at"}]
    assert (stack.queued(), stack.announced(), twilio.state.made) == ({}, [], made)


def test_what_is_told_is_that_it_was_erased(past: Past, stack: Stack, logged: Callable[[], str]) -> None:
    erase(stack, past.call)
    answer = stack.invoke("track_call", past.events["/call-status"])
    assert (answer["statusCode"], answer["body"]) == (200, "erased")
    for path in ("/ci-create-transcript", "/ci-webhook"):
        LATE[path](stack, past)
    outcomes = [line.get("outcome") for line in map(json.loads, logged().splitlines()) if "outcome" in line]
    assert outcomes[-2:] == ["erased", "erased"]
