"""What was lost is found, what does not move on is looked at, and what is not ours is left alone."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Literal

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callscribe.adapters.call_lists import CallLists, Progress, Slice, Unsettled
from callscribe.adapters.items import SWEEP_KEY, recording_key
from callscribe.adapters.table import CallTable
from callscribe.domain.call import Call
from callscribe.domain.recording import Event, State
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe.usecases import sweep as sweep_usecase
from callscribe.usecases.walk import StopError, walk
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Call as PlacedCall
from callscribe_tools.simulator import (
    IntelligenceService,
    PhoneNumber,
    Recording,
    Scenario,
    Simulator,
    Transcript,
    load_scenario,
)
from callscribe_tools.simulator.scenario import TranscriptOutcome
from harness.answers import answer, recover
from harness.clock import stop_clock
from harness.emf import happened_in, metrics_in
from harness.events import HOST, batch_of, load_event
from harness.later import LATE, be_later, work
from harness.seeded import recorded, transcript
from harness.stack import CALLER, NUMBER, SERVICE_SID, Context, Gateway, Stack, aws
from harness.workers import DONE, RESULTS, page, row, state, webhook_of

CALLS = "/2010-04-01/Accounts/{account}/Calls.json"
RECORDINGS = "/2010-04-01/Accounts/{account}/Recordings.json"
NOTHING = {"due": 0, "recordings": 0, "transcripts": 0, "calls": 0}


def sweep(stack: Stack, **context: Any) -> dict[str, Any]:
    """Sweep once; what was sent."""
    found = stack.invoke("sweep", load_event("sweep", "every_few_minutes"), **context)
    return {name: found[name] for name in NOTHING}


def begin(stack: Stack, ago: timedelta = timedelta(hours=1)) -> None:
    """Let everything until then have been compared."""
    stack.table().delete_item(Key=SWEEP_KEY)
    CallLists(stack.table()).put_progress(Progress.at(datetime.now(UTC) - ago))


def look_again_at_all(stack: Stack) -> None:
    """Let the time have come to look at all that is remembered."""
    lists = CallLists(stack.table())
    for sid, _ in [*lists.remembered()]:
        lists.remember(sid, datetime.now(UTC) - timedelta(seconds=1))


def be_transcribing(stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    """Let a call have been made whose transcript has been asked for."""
    begin(stack)
    twilio.place_call(scenario, to=NUMBER)
    work(stack)


@pytest.fixture
def lost(stack: Stack, twilio: Simulator, scenario: Scenario) -> PlacedCall:
    """A call of which the stack has heard nothing."""
    begin(stack)
    call = twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio)
    return call


def test_a_recording_of_which_no_callback_came_is_transcribed(
    lost: PlacedCall, stack: Stack, twilio: Simulator
) -> None:
    assert sweep(stack) == NOTHING | {"recordings": 1}
    work(stack)
    (dual,) = (one for one in lost.recordings if one.channels == 2)
    assert [one.source_sid for one in twilio.state.transcripts.values()] == [dual.sid]
    assert state(stack, dual.sid) == ("transcribing", None)
    assert "repaired_at" in row(stack, dual.sid)
    # And the call with it, whose status was lost as well.
    assert stack.read(lost.sid).call == {
        **(stack.read(lost.sid).call or {}),
        "from": CALLER,
        "seconds": lost.seconds,
    }
    assert sweep(stack) == NOTHING


def test_its_message_is_what_the_callback_would_have_been(lost: PlacedCall, stack: Stack) -> None:
    sweep(stack)
    (message,) = stack.messages("RecordingsQueue")
    (dual,) = (one for one in lost.recordings if one.channels == 2)
    assert message["Body"] == (
        f"CallSid={lost.sid}&RecordingSid={dual.sid}&RecordingStatus=completed"
        "&RecordingSource=StartCallRecordingAPI&RecordingChannels=2"
    )
    told = {name: one["StringValue"] for name, one in message["MessageAttributes"].items()}
    assert told == {"sent_by": "sweep", "correlation_id": Context("sweep").aws_request_id}


def test_what_is_on_its_way_is_left_alone_and_looked_at_again(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    begin(stack, timedelta(minutes=30))
    twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    assert sweep(stack) == NOTHING
    be_later(stack, twilio)
    assert sweep(stack) == NOTHING | {"recordings": 1}


def test_a_call_whose_status_was_lost_is_written(stack: Stack, twilio: Simulator) -> None:
    begin(stack)
    call = twilio.place_call(load_scenario("hang_up_in_greeting"), to=NUMBER)
    stack.empty_calls()
    be_later(stack, twilio)
    assert sweep(stack) == NOTHING | {"calls": 1}
    work(stack)
    stored = stack.read(call.sid).call
    assert stored
    assert (stored["from"], stored["seconds"]) == (CALLER, call.seconds)
    assert "repaired_at" in stored
    assert sweep(stack) == NOTHING


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_a_transcript_of_which_no_webhook_came_ends_as_it_did_at_twilio(
    end: Any, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    begin(stack)
    untold = scenario.model_copy(update={"transcript": TranscriptOutcome(status=end, webhook="none")})
    twilio.place_call(untold, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    stack.messages("TranscriptsQueue")
    assert sweep(stack) == NOTHING
    be_later(stack, twilio)
    # Its row is due by itself: one message is enough.
    stack.listen()
    assert sweep(stack) == NOTHING | {"due": 1}
    work(stack)
    assert len(stack.announced()) == (1 if end == "completed" else 0)
    assert state(stack) == (("stored", None) if end == "completed" else ("failed", "transcript_failed"))
    assert "repaired_at" in row(stack)
    assert sweep(stack) == NOTHING


def test_a_transcript_that_takes_its_time_is_looked_at_now_and_then(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    be_transcribing(stack, twilio, scenario)
    for _ in range(3):
        assert sweep(stack) == NOTHING
        be_later(stack, twilio)
        assert sweep(stack) == NOTHING | {"due": 1}
        work(stack)
        assert state(stack) == ("transcribing", None)
        assert stack.queued() == {}
    twilio.complete_transcripts()
    work(stack)
    assert state(stack) == ("stored", None)


def test_a_transcript_that_never_ends_is_given_up(
    stack: Stack, twilio: Simulator, scenario: Scenario, capsys: Any
) -> None:
    be_transcribing(stack, twilio, scenario)
    be_later(stack, twilio, timedelta(hours=24))
    sweep(stack)
    work(stack)
    assert state(stack) == ("failed", "gave_up")
    assert row(stack)["due"] == "attention"
    told = capsys.readouterr().out
    assert [one.by for one in happened_in(told, "RecordingsFailed")] == ["gave_up"]
    assert happened_in(told, "Repaired") == []
    assert sweep(stack) == NOTHING


def test_a_transcript_that_is_gone_is_asked_for_anew_and_not_for_ever(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    be_transcribing(stack, twilio, scenario)
    for round_ in range(6):
        assert state(stack) == ("transcribing", None), round_
        twilio.state.transcripts.clear()
        be_later(stack, twilio)
        # The first finds it gone, the second asks for another.
        sweep(stack)
        work(stack)
        be_later(stack, twilio, timedelta(seconds=1))
        sweep(stack)
        work(stack)
    assert state(stack) == ("failed", "transcript_gone")


def test_a_transcript_that_was_gone_is_not_reported_again_to_the_dead_letters(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    be_transcribing(stack, twilio, scenario)
    (gone,) = twilio.state.transcripts.values()
    twilio.state.transcripts.clear()
    be_later(stack, twilio)
    sweep(stack)
    work(stack)
    be_later(stack, twilio, timedelta(seconds=1))
    sweep(stack)
    work(stack)
    before = stack.items()
    late = webhook_of(gone.sid, customer_key=gone.customer_key)
    assert stack.invoke("store_insights", late) == DONE
    assert (stack.items(), stack.queued()) == (before, {})


def test_what_a_killed_worker_had_begun_is_gone_on_with(stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    begin(stack)
    call = twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    (dual,) = (one for one in call.recordings if one.channels == 2)
    table = CallTable(stack.table(), retention_days=30)
    own = Call(
        sid=CallSid(call.sid), from_=CALLER, to=NUMBER, direction="inbound", started=call.started, seconds=call.seconds
    )
    now = datetime.now(UTC) - timedelta(seconds=1)
    table.move(Event.HEARD_OF, own, RecordingSid(dual.sid), due_at=now)
    table.move(Event.CLAIMED, own, RecordingSid(dual.sid), due_at=now)
    assert sweep(stack) == NOTHING | {"due": 1}
    work(stack)
    assert state(stack) == ("transcribing", None)


def test_while_twilio_is_in_trouble_what_is_due_is_put_off_and_not_sent_again_and_again(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    be_transcribing(stack, twilio, scenario)
    be_later(stack, twilio)
    answer(twilio, "GET", "/v2/Transcripts/{sid}", 503)
    assert sweep(stack) == NOTHING | {"due": 1}
    work(stack)
    assert sweep(stack) == NOTHING
    recover(twilio)
    be_later(stack, twilio)
    twilio.state.transcripts[next(iter(twilio.state.transcripts))].status = "completed"
    sweep(stack)
    work(stack)
    assert state(stack) == ("stored", None)


def test_a_due_transcript_whose_list_has_no_end_says_why_it_waits_and_is_stored_later(
    stack: Stack, twilio: Simulator, scenario: Scenario, logged: Callable[[], str]
) -> None:
    be_transcribing(stack, twilio, scenario)
    twilio.complete_transcripts()
    stack.messages("TranscriptsQueue")
    be_later(stack, twilio)
    (sid,) = twilio.state.transcripts
    itself = f"https://intelligence.twilio.com/v2/Transcripts/{sid}/Sentences?PageSize=1000&Redacted=true"
    page = {"meta": {"key": "sentences", "next_page_url": itself}, "sentences": [{"transcript": "Hello."}]}
    answer(twilio, "GET", "/v2/Transcripts/{sid}/Sentences", 200, json.dumps(page))
    begin(stack, timedelta(0))
    assert sweep(stack)["due"] == 1
    work(stack)
    assert f"Transcript {sid} was not stored" in logged()
    recover(twilio)
    be_later(stack, twilio)
    sweep(stack)
    work(stack)
    assert state(stack) == ("stored", None)


def test_a_recording_that_cannot_be_asked_for_is_given_up(
    stack: Stack, twilio: Simulator, scenario: Scenario, capsys: Any
) -> None:
    begin(stack)
    twilio.place_call(scenario, to=NUMBER)
    answer(twilio, "POST", "/v2/Transcripts", 503)
    stack.work("request_transcript", "RecordingsQueue")
    be_later(stack, twilio, timedelta(hours=24))
    # The claim of the first try has run out as well. A last try is made, and its claim has to run out too.
    assert sweep(stack)["due"] == 1
    work(stack)
    assert state(stack) == ("requesting", None)
    be_later(stack, twilio, 2 * LATE)
    assert sweep(stack)["due"] == 1
    work(stack)
    assert state(stack) == ("failed", "gave_up")
    assert [one.by for one in happened_in(capsys.readouterr().out, "RecordingsFailed")] == ["gave_up"]


@pytest.mark.parametrize(
    ("status", "body", "reason"), [(400, '{"code": 20001}', "twilio_20001"), (404, "{}", "not_found")]
)
def test_what_can_never_go_on_fails_with_its_reason_and_does_not_circle(
    status: int, body: str, reason: str, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    be_transcribing(stack, twilio, scenario)
    twilio.complete_transcripts()
    stack.messages("TranscriptsQueue")
    be_later(stack, twilio)
    answer(twilio, "GET", "/2010-04-01/Accounts/{account}/Calls/{sid}.json", status, body)
    begin(stack, timedelta(0))
    assert sweep(stack) == NOTHING | {"due": 1}
    work(stack)
    assert state(stack) == ("failed", reason)
    assert stack.queued() == {}


def test_calls_to_other_numbers_and_other_recordings_are_not_touched(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    begin(stack)
    other = "+12025550188"
    twilio.account.add(PhoneNumber(number=other, voice_url=f"https://{HOST}/incoming-call"))
    call = twilio.place_call(scenario, to=other)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio)
    assert any(one.status == "completed" for one in call.recordings)
    asked = answer(twilio, "GET", "/2010-04-01/Accounts/{account}/Calls/{sid}.json", 503)
    assert sweep(stack) == NOTHING
    assert asked == []


def test_transcripts_of_other_services_are_not_touched(stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    begin(stack)
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    foreign = IntelligenceService()
    twilio.account.add(foreign)
    (own,) = twilio.state.transcripts.values()
    (mono,) = (one for one in call.recordings if one.channels == 1)
    own.service_sid, own.source_sid = foreign.sid, mono.sid
    be_later(stack, twilio)
    assert sweep(stack) == NOTHING


def dual_of(call: PlacedCall) -> Recording:
    (dual,) = (one for one in call.recordings if one.channels == 2)
    return dual


def transcribe(twilio: Simulator, recording: Recording, call_sid: str) -> Transcript:
    """Let somebody else have asked for a transcript under our Service, which has ended a while ago."""
    made = transcript("GT" + "7" * 32, SERVICE_SID, recording.sid, customer_key=call_sid)
    made.created = made.updated = datetime.now(UTC) - LATE
    twilio.state.transcripts[made.sid] = made
    return made


@pytest.mark.parametrize("status", ["in-progress", "processing"])
def test_a_recording_that_twilio_is_still_at_is_not_forgotten(
    lost: PlacedCall, stack: Stack, twilio: Simulator, status: Literal["in-progress", "processing"]
) -> None:
    dual = dual_of(lost)
    dual.status = status
    assert sweep(stack) == NOTHING | {"recordings": 1}
    stack.work("request_transcript", "RecordingsQueue")
    assert state(stack, dual.sid) == ("received", None)
    dual.status = "completed"
    be_later(stack, twilio)
    assert sweep(stack)["due"] == 1
    work(stack)
    assert state(stack, dual.sid) == ("transcribing", None)


@pytest.mark.parametrize("echoed", [True, False])
@pytest.mark.parametrize("keyed", [True, False])
def test_a_transcript_that_somebody_else_asked_for_under_our_service_is_stored(
    lost: PlacedCall,
    stack: Stack,
    twilio: Simulator,
    echoed: bool,  # noqa: FBT001 (a table)
    keyed: bool,  # noqa: FBT001
) -> None:
    made = transcribe(twilio, dual_of(lost), lost.sid)
    made.customer_key = lost.sid if keyed else None
    twilio.unknowns.transcript_channel_echoed = echoed
    told = sweep(stack)["transcripts"]
    # Nothing leads to its call where neither is told.
    assert told == (1 if echoed or keyed else 0)
    if echoed:
        work(stack)
        assert state(stack) == ("stored", None)


def test_a_spare_recording_is_no_recording_that_was_lost(stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    begin(stack)
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    be_later(stack, twilio)
    assert {one.source for one in call.recordings} == {"RecordVerb", "StartCallRecordingAPI"}
    assert sweep(stack)["recordings"] == 0


def test_one_that_stands_in_for_an_absent_recording_is_transcribed(
    lost: PlacedCall, stack: Stack, twilio: Simulator
) -> None:
    (dual,) = (one for one in lost.recordings if one.channels == 2)
    dual.status = "absent"
    (mono,) = (one for one in lost.recordings if one.channels == 1)
    assert sweep(stack)["recordings"] == 2
    work(stack)
    assert state(stack, dual.sid) == ("skipped", "absent")
    assert state(stack, mono.sid) == ("transcribing", None)
    assert len(twilio.state.transcripts) == 1


def test_what_the_fallback_recorded_while_the_settings_were_wrong_is_found_once_they_are_right(
    stack: Stack, twilio: Simulator, twilio_url: str, gateway: Gateway, scenario: Scenario
) -> None:
    begin(stack)
    stack.write_settings({"numbers": "wrong"})
    call = twilio.place_call(scenario, to=NUMBER)
    assert ("/twilio/voice-fallback", 200) in gateway.answers
    # Its callback cannot be verified, and Twilio does not try for ever.
    assert ("/ci-create-transcript", 503) in gateway.answers
    assert stack.queued() == {}
    stack.write_settings(settings_document(twilio.account, twilio_url))
    be_later(stack, twilio)
    assert sweep(stack) == NOTHING | {"recordings": 1}
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    (recording,) = call.recordings
    assert state(stack, recording.sid) == ("stored", None)
    assert [one.role for one in stack.read(call.sid).insights[0].participants] == ["unknown"]


@pytest.mark.parametrize("echoed", [True, False])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_was_erased_is_not_brought_back(
    lost: PlacedCall,
    stack: Stack,
    twilio: Simulator,
    channels: int,
    echoed: bool,  # noqa: FBT001 (a table)
) -> None:
    stack.table().put_item(
        Item={
            **recording_key(CallSid(lost.sid), RecordingSid(dual_of(lost).sid)),
            "state": State.ERASED,
            "expires_at": int((datetime.now(UTC) + timedelta(days=9)).timestamp()),
        }
    )
    # Neither by a transcript of it, nor by one of the other recording.
    (recording,) = (one for one in lost.recordings if one.channels == channels)
    transcribe(twilio, recording, lost.sid)
    twilio.unknowns.transcript_channel_echoed = echoed
    assert sweep(stack) == NOTHING


def test_what_is_older_than_the_retention_is_not_touched(stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    stack.variables["RETENTION_DAYS"] = "10"
    begin(stack, timedelta(days=30))
    for days in (11, 9):
        twilio.place_call(scenario, to=NUMBER)
        be_later(stack, twilio, timedelta(days=days))
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    assert sweep(stack)["recordings"] == 1


def test_a_late_transcript_of_what_is_older_than_the_retention_is_not_touched(
    lost: PlacedCall, stack: Stack, twilio: Simulator
) -> None:
    stack.variables["RETENTION_DAYS"] = "10"
    be_later(stack, twilio, timedelta(days=11))
    begin(stack)
    transcribe(twilio, dual_of(lost), lost.sid)
    assert sweep(stack) == NOTHING


def test_the_first_sweep_touches_nothing_that_was_there_before(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    be_later(stack, twilio, timedelta(hours=3))
    stack.empty_calls()
    assert sweep(stack) == NOTHING
    assert sweep(stack) == NOTHING


def test_two_sweeps_at_once_do_no_more_than_one(lost: PlacedCall, stack: Stack, twilio: Simulator) -> None:
    before = stack.table().get_item(Key=SWEEP_KEY)["Item"]
    assert sweep(stack) == NOTHING | {"recordings": 1}
    # The other sweep has read the same progress, and writes what it has come to later.
    stack.table().put_item(Item=before)
    assert sweep(stack) == NOTHING
    work(stack)
    assert [one.customer_key for one in twilio.state.transcripts.values()] == [lost.sid]
    assert state(stack) == ("transcribing", None)


def test_two_sweeps_at_once_do_not_forget_what_the_other_has_sent(lost: PlacedCall, stack: Stack) -> None:
    lists = CallLists(stack.table())
    assert sweep(stack) == NOTHING | {"recordings": 1}
    progress = lists.progress()
    assert progress
    lists.note_sent("RE" + "1" * 32)
    assert lists.put_progress(progress)
    assert all(map(lists.was_sent, ["RE" + "1" * 32, dual_of(lost).sid]))


def test_what_the_version_before_has_sent_for_is_not_sent_for_again(lost: PlacedCall, stack: Stack) -> None:
    an_hour_ago = int((datetime.now(UTC) - timedelta(hours=1)).timestamp())
    stack.table().put_item(Item={**SWEEP_KEY, "swept_until": an_hour_ago, "sent": [dual_of(lost).sid]})
    assert sweep(stack) == NOTHING
    # The version before can read what this one writes.
    assert stack.table().get_item(Key=SWEEP_KEY)["Item"]["sent"] == []
    assert sweep(stack) == NOTHING


def test_days_without_a_sweep_are_made_up_for(stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    begin(stack, timedelta(days=5))
    for hours in (50, 50, 10):
        twilio.place_call(scenario, to=NUMBER)
        be_later(stack, twilio, timedelta(hours=hours))
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    assert sweep(stack)["recordings"] == 3


def test_a_sweep_whose_time_is_over_is_gone_on_with_by_the_next(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    begin(stack, timedelta(days=5))
    twilio.place_call(scenario, to=NUMBER)
    be_later(stack, twilio, timedelta(hours=10))
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    # All its time is the margin.
    assert sweep(stack, milliseconds=15_000) == NOTHING
    assert sweep(stack)["recordings"] == 1


@pytest.mark.parametrize(("hour", "minute"), [(12, 0), (0, 2)])
@pytest.mark.parametrize("filters", ["moment", "day"])
def test_a_sweep_without_time_continues_on_the_page_where_the_last_one_stopped(
    stack: Stack,
    twilio: Simulator,
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    filters: Any,
    hour: int,
    minute: int,
) -> None:
    # The hour decides how much the walk through recent items reads: after midnight it reads two days.
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=hour, minute=minute)
    stop_clock(monkeypatch, tomorrow, sweep_usecase)
    until_then = tomorrow - datetime.now(UTC)
    twilio.unknowns.list_filters = filters
    begin(stack, timedelta(days=3) - until_then)
    for _ in range(4):
        twilio.place_call(scenario, to=NUMBER)
        be_later(stack, twilio, timedelta(hours=12))
    be_later(stack, twilio, -until_then)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    monkeypatch.setattr("callscribe.adapters.twilio_api.PAGE_SIZE", 1)
    # Each share of the time is long enough for a few pages.
    checks: Counter[datetime] = Counter()

    def check_time(until: datetime) -> None:
        checks[until] += 1
        if checks[until] > 6:
            raise StopError

    monkeypatch.setattr(sweep_usecase, "_check_time", check_time)
    answers = [stack.invoke("sweep", load_event("sweep", "every_few_minutes"))]
    assert answers[0]["behind_seconds"] > timedelta(days=2).total_seconds()
    while answers[-1]["behind_seconds"]:
        answers.append(stack.invoke("sweep", load_event("sweep", "every_few_minutes")))
        assert len(answers) < 40
    assert sum(found["recordings"] for found in answers) == 4
    compared = [found["compared_until"] for found in answers]
    assert compared == sorted(compared)


def test_the_sweep_never_goes_back(stack: Stack) -> None:
    lists, now = CallLists(stack.table()), datetime.now(UTC).replace(microsecond=0)
    noted = lists.put_progress(Progress.at(now))
    assert noted
    assert lists.put_progress(replace(noted, until=now - timedelta(minutes=1))) is None
    assert lists.progress() == Progress.at(now)


def test_of_two_sweeps_at_once_the_slower_takes_nothing_back(stack: Stack) -> None:
    lists, now = CallLists(stack.table()), datetime.now(UTC).replace(microsecond=0)
    begun = Slice(now - timedelta(hours=5), now, now, {"calls": "page 2"}, frozenset({"recordings"}))
    lists.put_progress(replace(Progress.at(begun.start), slice=begun))
    read, also_read = lists.progress(), lists.progress()
    assert read == also_read
    assert read
    assert also_read
    faster = lists.put_progress(replace(read, slice=replace(begun, places={"calls": "page 90"})))
    assert faster
    slower = replace(also_read, slice=replace(begun, places={"calls": "page 3"}))
    assert lists.put_progress(slower) is None
    assert lists.progress() == faster
    # The faster sweep continues.
    finished = replace(faster, whole_until=now, slice=None)
    assert lists.put_progress(finished)
    assert lists.progress() == finished


def test_a_sweep_that_another_has_overtaken_leaves_its_progress(
    stack: Stack, twilio: Simulator, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(stack, timedelta(days=5))
    lists, now = CallLists(stack.table()), datetime.now(UTC).replace(microsecond=0)
    own = sweep_usecase._Sweep._catch_up

    def catch_up(self: Any) -> None:
        other = lists.progress()
        assert other
        lists.put_progress(replace(other, whole_until=now))
        own(self)

    monkeypatch.setattr(sweep_usecase._Sweep, "_catch_up", catch_up)
    twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio)
    assert sweep(stack)["recordings"] == 1
    progress = lists.progress()
    assert progress
    assert progress.whole_until == now


@pytest.mark.parametrize(
    ("most", "unfinished"), [(0, f"calls to {NUMBER}"), (20, "calls"), (20, "calls to +12025550199")]
)
def test_a_slice_is_compared_whole_when_its_lists_are_others_than_before(
    stack: Stack,
    twilio: Simulator,
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    unfinished: str,
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    be_later(stack, twilio, timedelta(hours=10))
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    stack.table().delete_item(Key=SWEEP_KEY)
    monkeypatch.setattr(sweep_usecase, "MANY_NUMBERS", most)
    others = frozenset({"recordings", f"transcripts of {SERVICE_SID}"})
    top = datetime.now(UTC) - timedelta(hours=1)
    begun = Slice(top - timedelta(hours=23), top, top, {unfinished: ""}, others)
    CallLists(stack.table()).put_progress(replace(Progress.at(begun.start), slice=begun))
    assert sweep(stack) == NOTHING | {"recordings": 1}


@pytest.mark.parametrize("finished", [frozenset({"recordings", f"calls to {NUMBER}"}), frozenset()])
def test_of_a_slice_only_the_lists_that_were_finished_are_not_compared_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, finished: frozenset[str]
) -> None:
    start = datetime.now(UTC) - timedelta(hours=24)
    begun = Slice(start, start + timedelta(hours=2), start, {"transcripts of GA" + "0" * 32: "link"}, finished)
    CallLists(stack.table()).put_progress(replace(Progress.at(start), slice=begun))
    walked: list[set[str]] = []

    def record_and_walk(lists: Any, places: dict[str, str], *others: Any) -> None:
        walked.append(set(places))
        walk(lists, places, *others)

    monkeypatch.setattr(sweep_usecase, "walk", record_and_walk)
    sweep(stack)
    everything = {"recordings", f"calls to {NUMBER}", f"transcripts of {SERVICE_SID}"}
    # What is new comes first, whole; then the slice.
    assert walked[:2] == [everything, everything - finished]


def test_a_call_that_lasts_is_compared_when_it_is_over(stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    begin(stack, timedelta(days=1))
    call = twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio, timedelta(hours=8))
    call.status = "in-progress"
    assert sweep(stack) == NOTHING
    call.status, call.seconds = "completed", 8 * 3600 - 600
    assert sweep(stack)["recordings"] == 1


def test_a_recording_that_twilio_lists_late_is_found_also_of_a_long_call(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    begin(stack, timedelta(days=1))
    call = twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio, timedelta(hours=8))
    call.seconds = 8 * 3600 - 600
    unlisted = dict(twilio.state.recordings)
    twilio.state.recordings.clear()
    assert sweep(stack) == NOTHING | {"calls": 1}
    twilio.state.recordings.update(unlisted)
    look_again_at_all(stack)
    assert sweep(stack)["recordings"] == 1


@pytest.mark.parametrize(("hours", "waits"), [(8, True), (25, False)])
def test_a_transcript_that_nobody_has_noted_is_waited_for_until_it_would_be_given_up(
    stack: Stack,
    twilio: Simulator,
    scenario: Scenario,
    hours: int,
    waits: bool,  # noqa: FBT001 (a table)
) -> None:
    begin(stack, timedelta(days=2))
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    (mono,) = (one for one in call.recordings if one.channels == 1)
    made = transcribe(twilio, mono, call.sid)
    made.created -= timedelta(hours=hours)
    made.status = "in-progress"
    assert sweep(stack)["transcripts"] == 0
    assert [sid for sid, _ in CallLists(stack.table()).remembered()] == [made.sid] * waits
    made.status = "completed"
    assert sweep(stack)["transcripts"] == int(waits)
    assert [*CallLists(stack.table()).remembered()] == []


def test_lists_come_in_pages(stack: Stack, twilio: Simulator, scenario: Scenario, monkeypatch: Any) -> None:
    monkeypatch.setattr("callscribe.adapters.twilio_api.PAGE_SIZE", 2)
    begin(stack)
    for _ in range(3):
        twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio)
    assert sweep(stack)["recordings"] == 3


def test_what_cannot_be_read_holds_nothing_else_up(
    lost: PlacedCall, stack: Stack, twilio: Simulator, logged: Callable[[], str]
) -> None:
    odd = next(one for one in lost.recordings if one.channels == 2)
    other = recorded("RE" + "7" * 32, call_sid=lost.sid, started=odd.started)
    twilio.state.recordings[other.sid] = other
    odd.status = 7  # type: ignore[assignment]
    sweep(stack)
    (message,) = stack.messages("RecordingsQueue")
    assert other.sid in message["Body"]
    assert "not compared, for it cannot be read" in logged()


@pytest.mark.parametrize("path", [CALLS, RECORDINGS, "/v2/Transcripts"])
def test_while_twilio_lists_nothing_the_sweep_fails_and_the_next_continues(
    path: str, lost: PlacedCall, stack: Stack, twilio: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(stack, timedelta(minutes=20))
    answer(twilio, "GET", path, 503)
    with pytest.raises(Exception, match="503"):
        sweep(stack)
    (behind,) = metrics_in(capsys.readouterr().out, "SweepBehind")
    assert 1200 <= behind.values[0] < 1260
    recover(twilio)
    # The list of transcripts keeps nobody from what the others show.
    assert sweep(stack)["recordings"] == (path != "/v2/Transcripts")
    assert lost.sid in stack.messages("RecordingsQueue")[0]["Body"]
    assert metrics_in(capsys.readouterr().out, "SweepBehind")[0].values == [0]


@pytest.mark.parametrize("status", [400, 404])
def test_a_list_of_recordings_that_twilio_refuses_leaves_the_sweep_its_metrics_and_a_gap(
    status: int, lost: PlacedCall, stack: Stack, twilio: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(stack, timedelta(minutes=20))
    answer(twilio, "GET", RECORDINGS, status, query="DateCreated")
    # The calls are compared all the same.
    assert sweep(stack) == NOTHING | {"recordings": 1}
    told = capsys.readouterr().out
    assert metrics_in(told, "OldestUnsettled")
    assert happened_in(told, "ListedUnreadable")
    assert metrics_in(told, "SweepBehind")[0].values[0] >= 1200
    recover(twilio)
    sweep(stack)
    assert metrics_in(capsys.readouterr().out, "SweepBehind")[0].values == [0]
    assert lost.recordings


@pytest.mark.parametrize("status", [400, 404, 503])
def test_one_number_whose_calls_twilio_does_not_list_holds_up_no_other(
    status: int, lost: PlacedCall, stack: Stack, twilio: Simulator, twilio_url: str
) -> None:
    other = "+12025550100"
    twilio.account.add(PhoneNumber(number=other, voice_url=f"https://{HOST}/incoming-call"))
    stack.write_settings(settings_document(twilio.account, twilio_url))
    answer(twilio, "GET", CALLS, status, query="0100")
    if status == 503:
        with pytest.raises(Exception, match="503"):
            sweep(stack)
    else:
        sweep(stack)
    (message,) = stack.messages("RecordingsQueue")
    assert lost.sid in message["Body"]


def test_one_call_whose_recordings_twilio_does_not_list_holds_up_no_other_and_is_looked_at_again(
    lost: PlacedCall, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    other = twilio.place_call(scenario, to=NUMBER)
    be_later(stack, twilio)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    answer(twilio, "GET", RECORDINGS, 503, query=lost.sid)
    with pytest.raises(Exception, match="503"):
        sweep(stack)
    (message,) = stack.messages("RecordingsQueue")
    assert other.sid in message["Body"]
    recover(twilio)
    assert sweep(stack) == NOTHING | {"recordings": 1}


@pytest.mark.parametrize("hours", [2, 23])
def test_a_long_call_does_not_let_everything_since_it_began_be_compared_again(
    stack: Stack, twilio: Simulator, scenario: Scenario, hours: int
) -> None:
    begin(stack, timedelta(days=1))
    call = twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio, timedelta(hours=hours))
    call.status = "in-progress"
    assert sweep(stack) == NOTHING
    lists = CallLists(stack.table())
    progress = lists.progress()
    assert progress
    assert datetime.now(UTC) - progress.until < timedelta(minutes=50)
    assert datetime.now(UTC) - progress.whole_until < timedelta(minutes=1)
    asked = answer(twilio, "GET", CALLS, 200, json.dumps({"calls": []}))
    assert sweep(stack) == NOTHING
    assert len(asked) == len(set(twilio.account.numbers))
    recover(twilio)
    call.status, call.seconds = "completed", hours * 3600 - 600
    assert sweep(stack)["recordings"] == 1
    assert [sid for sid, _ in lists.remembered()] == [call.sid]
    be_later(stack, twilio, timedelta(hours=1))
    look_again_at_all(stack)
    sweep(stack)
    assert [*lists.remembered()] == []


def test_a_list_that_does_not_begin_with_the_newest_is_read_to_its_end(
    lost: PlacedCall, stack: Stack, twilio: Simulator, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    twilio.unknowns.list_filters = "day"
    monkeypatch.setattr("callscribe.adapters.twilio_api.PAGE_SIZE", 2)
    be_later(stack, twilio, timedelta(minutes=20))
    old = [twilio.place_call(scenario, to=NUMBER) for _ in range(4)]
    stack.queued()
    for call in old:
        call.started = lost.started - timedelta(hours=1)
    # The oldest first.
    twilio.state.calls = dict(sorted(twilio.state.calls.items(), key=lambda item: item[1].started, reverse=True))
    begin(stack, timedelta(minutes=45))
    sweep(stack)
    assert any(lost.sid in message["Body"] for message in stack.messages("RecordingsQueue"))


@pytest.mark.parametrize("empty", [True, False])
def test_a_list_without_an_end_is_counted_and_holds_up_no_other(
    lost: PlacedCall, stack: Stack, twilio: Simulator, logged: Callable[[], str], *, empty: bool
) -> None:
    number = count(1)

    async def endless(_: Request) -> Response:
        again = f"https://intelligence.twilio.com/v2/Transcripts?Page={next(number) if empty else 1}"
        return JSONResponse({"transcripts": [], "meta": {"key": "transcripts", "next_page_url": again}})

    twilio.app.router.routes.insert(0, Route("/v2/Transcripts", endless))
    assert sweep(stack) == NOTHING | {"recordings": 1}
    assert lost.sid in stack.messages("RecordingsQueue")[0]["Body"]
    assert "listing the transcripts of Service" in logged()
    assert "the list has no end" in logged()


def test_a_list_longer_than_the_time_is_left_to_the_next_sweep(
    lost: PlacedCall, stack: Stack, twilio: Simulator, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    monkeypatch.setattr("callscribe.adapters.twilio_api.PAGE_SIZE", 1)
    before = CallLists(stack.table()).progress()
    # Less is left after the margin than one answer of Twilio's may take.
    assert sweep(stack, milliseconds=19_000) == NOTHING
    progress = CallLists(stack.table()).progress()
    assert before
    assert progress
    assert progress == replace(before, slice=progress.slice)
    assert progress.slice
    assert sweep(stack)["recordings"] == 1
    assert lost.sid in stack.messages("RecordingsQueue")[0]["Body"]


def test_a_queue_that_is_full_is_left_alone(lost: PlacedCall, stack: Stack, monkeypatch: Any) -> None:
    monkeypatch.setattr("callscribe.usecases.sweep.MOST_WAITING", 0)
    with pytest.raises(Exception, match="wait on a queue"):
        sweep(stack)
    assert stack.queued() == {}
    assert stack.items() == []
    assert lost.recordings


@pytest.mark.parametrize("is_remembered", [True, False])
def test_a_full_queue_holds_up_what_is_remembered_for_that_queue_only(
    lost: PlacedCall,
    stack: Stack,
    twilio: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    is_remembered: bool,  # noqa: FBT001 (a table)
) -> None:
    made = transcribe(twilio, dual_of(lost), lost.sid)
    made.created = made.updated = datetime.now(UTC) - timedelta(hours=10)
    lists = CallLists(stack.table())
    lists.remember(lost.sid, datetime.now(UTC) - timedelta(minutes=2))
    if is_remembered:
        lists.remember(made.sid, datetime.now(UTC) - timedelta(minutes=1))
    else:
        # The lists of that time are compared after what is remembered.
        begin(stack, timedelta(days=1))
    monkeypatch.setattr(sweep_usecase, "MOST_WAITING", 1)
    aws("sqs").send_message(QueueUrl=stack.physical_ids["RecordingsQueue"], MessageBody="waits")
    with pytest.raises(Exception, match="wait on a queue"):
        sweep(stack)
    (message,) = stack.messages("TranscriptsQueue")
    assert made.sid in message["Body"]
    assert [one["Body"] for one in stack.messages("RecordingsQueue")] == ["waits"]
    assert [sid for sid, _ in lists.remembered()] == [lost.sid]


def test_postponed_messages_of_one_number_are_no_load(
    stack: Stack, twilio: Simulator, scenario: Scenario, lost: PlacedCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_usecase, "MOST_WAITING", 4)
    monkeypatch.setattr(sweep_usecase, "MOST_DUE", 2)
    twilio.place_call(scenario, to=NUMBER)
    work(stack)
    be_later(stack, twilio)
    for queue in ("RecordingsQueue", "TranscriptsQueue"):
        stack.postponed(queue, ["of a number with a wrong Service"] * 8)
    assert sweep(stack) == NOTHING | {"due": 1, "recordings": 1}
    assert lost.recordings


def test_recordings_that_are_due_leave_room_for_lost_messages(
    lost: PlacedCall, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_usecase, "MOST_WAITING", 4)
    monkeypatch.setattr(sweep_usecase, "MOST_DUE", 2)
    for number in range(9):
        due = recording_key(CallSid(f"CA{number:032}"), RecordingSid(f"RE{number:032}"))
        times = {"due_at": 1, "unsettled_since": 1, "expires_at": 2**40}
        stack.table().put_item(Item={**due, "state": "received", "due": "due", **times})
    assert sweep(stack) == NOTHING | {"due": 2, "recordings": 1}
    assert lost.recordings


def test_a_sweep_whose_time_is_over_reads_no_more_recordings(
    lost: PlacedCall, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    due_at = datetime.now(UTC) - LATE
    row = Unsettled(CallSid(lost.sid), RecordingSid(dual_of(lost).sid), State.RECEIVED, None, due_at, due_at)

    def unsettled(_: CallLists, _until: datetime) -> Iterator[Unsettled]:
        for number in range(50):
            read.append(number)
            yield row

    monkeypatch.setattr(CallLists, "unsettled", unsettled)
    # All its time is the margin.
    assert sweep(stack, milliseconds=15_000) == NOTHING
    assert read == [0]
    assert sweep(stack)["due"] == 50


def test_how_old_the_oldest_is_and_what_was_repaired_is_told(
    stack: Stack, twilio: Simulator, scenario: Scenario, logged: Callable[[], str], capsys: Any
) -> None:
    begin(stack)
    twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    be_later(stack, twilio)
    sweep(stack)
    work(stack)
    be_later(stack, twilio)
    sweep(stack)
    told = capsys.readouterr().out
    assert [(one.values, one.by) for one in happened_in(told, "Repaired")] == [([1.0], "recording")]
    ages = [one.values[0] for one in metrics_in(told, "OldestUnsettled")]
    assert ages[0] == 0
    assert LATE.total_seconds() <= ages[1] < LATE.total_seconds() + 60
    assert '"unsettled":1' in logged()


def test_what_was_sent_for_is_not_sent_for_again(lost: PlacedCall, stack: Stack) -> None:
    assert sweep(stack) == NOTHING | {"recordings": 1}
    # It has not been worked on yet, or is in the dead letters.
    assert sweep(stack) == NOTHING
    assert len(stack.messages("RecordingsQueue")) == 1
    assert lost.recordings


def test_a_call_of_which_nothing_can_be_read_does_not_circle_through_the_dead_letters(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    be_transcribing(stack, twilio, scenario)
    twilio.complete_transcripts()
    answer(twilio, "GET", "/v2/Transcripts/{sid}/Sentences", 200, "[]")
    work(stack)
    letters = len(stack.messages("TranscriptsDeadLetters"))
    for _ in range(6):
        be_later(stack, twilio)
        sweep(stack)
        work(stack)
        letters += len(stack.messages("TranscriptsDeadLetters"))
    assert letters == 1
    assert state(stack) == ("transcribing", None)
    be_later(stack, twilio, timedelta(hours=24))
    sweep(stack)
    work(stack)
    assert state(stack) == ("failed", "gave_up")


def test_a_recording_that_its_workers_die_of_is_not_sent_for_ever(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    be_transcribing(stack, twilio, scenario)
    be_later(stack, twilio, timedelta(hours=25))
    sweep(stack)
    (message,) = stack.messages("TranscriptsQueue")
    # Nothing is asked of Twilio any more: whatever killed the others would kill this one.
    asked = answer(twilio, "GET", "/v2/Transcripts/{sid}", 503)
    assert stack.invoke("store_insights", batch_of(message)) == DONE
    assert (state(stack), asked) == (("failed", "gave_up"), [])


def test_a_message_of_what_is_due_that_comes_back_again_and_again_is_left_to_the_next_sweep(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    be_transcribing(stack, twilio, scenario)
    be_later(stack, twilio)
    sweep(stack)
    (message,) = stack.messages("TranscriptsQueue")
    event = batch_of(message)
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "11"
    before = stack.items()
    asked = answer(twilio, "GET", "/v2/Transcripts/{sid}", 503)
    assert stack.invoke("store_insights", event) == DONE
    assert (stack.items(), asked, stack.queued()) == (before, [], {})


def test_a_service_that_twilio_refuses_holds_no_call_up(
    lost: PlacedCall, stack: Stack, twilio: Simulator, logged: Callable[[], str]
) -> None:
    answer(twilio, "GET", "/v2/Transcripts", 404)
    assert sweep(stack) == NOTHING | {"recordings": 1}
    assert "not compared, for it cannot be read" in logged()
    assert lost.recordings


def test_a_foreign_transcript_whose_recording_is_of_no_call_holds_nothing_up(
    lost: PlacedCall, stack: Stack, twilio: Simulator
) -> None:
    foreign = recorded("RE" + "8" * 32)
    twilio.state.recordings[foreign.sid] = foreign
    made = transcript("GT" + "8" * 32, SERVICE_SID, foreign.sid, customer_key=None)
    made.created = made.updated = datetime.now(UTC) - LATE
    twilio.state.transcripts[made.sid] = made
    told = json.dumps({"sid": foreign.sid, "call_sid": None, "status": "completed"})
    answer(twilio, "GET", "/2010-04-01/Accounts/{account}/Recordings/{sid}.json", 200, told)
    assert sweep(stack) == NOTHING | {"recordings": 1}
    assert lost.recordings


def test_a_recording_with_two_transcripts_holds_nothing_up(stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    begin(stack)
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    (own,) = twilio.state.transcripts.values()
    other = transcript("GT" + "9" * 32, SERVICE_SID, own.source_sid, customer_key=call.sid)
    other.created = other.updated = own.created
    twilio.state.transcripts[other.sid] = other
    assert sweep(stack) == NOTHING


def test_what_is_new_is_compared_first_and_what_is_old_while_there_is_time(
    stack: Stack, twilio: Simulator, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(stack, timedelta(days=5))
    asked: list[str] = []
    own = sweep_usecase._Sweep._walk

    def walk(self: Any, part: Slice, until: datetime) -> Any:
        asked.append(f"{(part.end - part.start).total_seconds() / 3600:.1f}")
        return own(self, part, until)

    monkeypatch.setattr(sweep_usecase._Sweep, "_walk", walk)
    twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio)
    assert sweep(stack)["recordings"] == 1
    # 48 minutes, then the days.
    assert asked[0] == "0.8"
    assert "24.0" in asked
    assert len(asked) in {6, 7}


def test_many_numbers_are_listed_at_once(
    lost: PlacedCall, stack: Stack, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_usecase, "MANY_NUMBERS", 0)
    other = "+12025550188"
    twilio.account.add(PhoneNumber(number=other, voice_url=f"https://{HOST}/incoming-call"))
    foreign = twilio.place_call(load_scenario("hang_up_in_greeting"), to=other)
    be_later(stack, twilio)
    asked = answer(twilio, "GET", CALLS, 503, query="To=")
    assert sweep(stack) == NOTHING | {"recordings": 1}
    assert asked == []
    assert foreign.sid not in stack.messages("RecordingsQueue")[0]["Body"]
    assert lost.recordings


def test_the_results_of_a_transcript_that_is_due_are_waited_for_too(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    stack.variables["RESULTS_SECONDS"] = "60"
    be_transcribing(stack, twilio, scenario)
    be_later(stack, twilio)
    for service in twilio.account.services.values():
        service.updated -= LATE
    # It has ended just now, and the webhook is lost.
    twilio.complete_transcripts()
    stack.messages("TranscriptsQueue")
    answer(twilio, "GET", RESULTS, 200, page("operator_results"))
    assert sweep(stack) == NOTHING | {"due": 1}
    work(stack)
    assert state(stack) == ("transcribing", None)
    recover(twilio)
    be_later(stack, twilio)
    sweep(stack)
    work(stack)
    assert state(stack) == ("stored", None)
    (insights,) = stack.read(next(iter(twilio.state.calls))).insights
    assert len(insights.results) == 3
    assert insights.missing_operators == ()


def test_what_the_webhook_has_told_meanwhile_is_no_repair(
    stack: Stack, twilio: Simulator, scenario: Scenario, capsys: Any
) -> None:
    be_transcribing(stack, twilio, scenario)
    be_later(stack, twilio)
    sweep(stack)
    (swept,) = stack.messages("TranscriptsQueue")
    twilio.complete_transcripts()
    work(stack)
    assert state(stack) == ("stored", None)
    assert stack.invoke("store_insights", batch_of(swept)) == DONE
    assert "repaired_at" not in row(stack)
    assert happened_in(capsys.readouterr().out, "Repaired") == []


def test_an_expired_row_is_not_swept(stack: Stack) -> None:
    stack.table().put_item(
        Item={
            **recording_key(CallSid("CA" + "1" * 32), RecordingSid("RE" + "1" * 32)),
            "state": "received",
            "due": "due",
            "due_at": 1,
            "unsettled_since": 1,
            "expires_at": 1,
        }
    )
    assert sweep(stack) == NOTHING
