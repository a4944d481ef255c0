"""A call is erased everywhere, whatever is in the way, and says of each copy what became of it."""

import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from callscribe.adapters.erasable import Tombstone
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.domain.erasure import LONGEST_RETENTION_DAYS, Copy, CopyState, Erasure
from callscribe.domain.errors import TransientError
from callscribe.domain.patience import LONGEST_WORKER
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid
from callscribe.usecases.erase_call import NotOursError
from callscribe_tools.simulator import Call, Scenario, Simulator, load_scenario
from harness.answers import answer, recover
from harness.erasing import erase, is_erased_everywhere, table_of, twilio_of
from harness.later import LATE, be_later, work
from harness.seeded import recorded, transcript
from harness.stack import CALLER, NUMBER, SERVICE_SID, Stack
from harness.template import template
from harness.wire import Killed, kill_after, kill_before
from harness.world import World

ERASED, GONE, LATER = CopyState.ERASED, CopyState.GONE, CopyState.LATER
RECORDING = "/2010-04-01/Accounts/{account}/Recordings/{sid}.json"
UNKNOWN = "CA" + "9" * 32


@pytest.fixture
def stored(stack: Stack, twilio: Simulator, scenario: Scenario) -> Call:
    """A call that is stored, with what Twilio redacts in a table of its own."""
    stack.store_unredacted = True
    twilio.account.services[SERVICE_SID].auto_redaction = True
    return stored_call(stack, twilio, scenario)


def stored_call(stack: Stack, twilio: Simulator, scenario: Scenario) -> Call:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    assert [one["state"] for one in stack.recordings() if one["pk"] == f"CALL#{call.sid}"] == ["stored"]
    return call


def values_of(item: Any) -> Iterable[str]:
    """Every value in an item, unpacked."""
    match item:
        case Mapping():
            for one in item.values():
                yield from values_of(one)
        case list():
            for one in item:
                yield from values_of(one)
        case str():
            yield item
        case _ if hasattr(item, "value"):
            yield zlib.decompress(bytes(item)).decode()
        case _:
            yield str(item)


def holding(items: Iterable[Any], *words: str) -> set[str]:
    """Which of these words are in any value of the items."""
    values = [value for item in items for value in values_of(item)]
    return {word for word in words if any(word in value for value in values)}


def states(erasure: Erasure) -> dict[tuple[str, str], CopyState]:
    """What became of each copy, by what it is and where."""
    return {(one.what, one.where): one.state for one in erasure.copies}


def sweep(stack: Stack, **context: Any) -> dict[str, Any]:
    told: dict[str, Any] = stack.invoke("sweep", {}, **context)
    return told


def finish(stack: Stack, twilio: Simulator) -> dict[str, Any]:
    """Let the sweep look, so long after that nothing is at the call any more."""
    be_later(stack, twilio, timedelta(minutes=10))
    return sweep(stack)


# --- everywhere


def test_no_value_of_an_erased_call_is_left_in_any_table(stored: Call, stack: Stack, twilio: Simulator) -> None:
    said = ("We cannot log in", "experiencing issues logging", "negative", CALLER, NUMBER)
    assert holding([*stack.items(), *stack.unredacted_items()], *said) == set(said)
    assert stack.unredacted_items()
    erase(stack, stored.sid)
    assert holding([*stack.items(), *stack.unredacted_items()], *said) == set()
    assert stack.unredacted_items() == []
    assert {one["sk"].partition("#")[0] for one in stack.items()} == {"CALL", "RECORDING"}
    assert [one.status for one in twilio.state.recordings.values()] == ["deleted", "deleted"]
    assert twilio.state.transcripts == {}


def test_nothing_is_left_of_it_but_the_tombstone(stored: Call, stack: Stack, twilio: Simulator) -> None:
    erase(stack, stored.sid)
    assert not is_erased_everywhere(stack, twilio, stored.sid)
    assert finish(stack, twilio)["erased"] == 1
    assert is_erased_everywhere(stack, twilio, stored.sid)
    call, row = stack.items()
    assert set(call) == {"pk", "sk", "erased_at", "expires_at", "due", "due_at"}
    assert set(row) == {"pk", "sk", "state", "erased_at", "expires_at"}


def test_other_calls_are_left_as_they_are(stored: Call, stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    other = stored_call(stack, twilio, scenario)

    def of_other() -> list[dict[str, Any]]:
        return [one for one in [*stack.items(), *stack.unredacted_items()] if one["pk"] == f"CALL#{other.sid}"]

    before = of_other()
    assert len(before) == 6
    erase(stack, stored.sid)
    assert of_other() == before
    assert [one.call_sid for one in twilio.state.recordings.values() if one.status != "deleted"] == [other.sid]
    assert len(twilio.state.transcripts) == 1


def test_each_copy_is_told_with_what_became_of_it(stored: Call, stack: Stack) -> None:
    (row,) = stack.recordings()
    recording, made = row["sk"].partition("#")[2], row["transcript"]
    (mono,) = (one.sid for one in stored.recordings if one.channels == 1)
    table, other, words = "CallsTable", "UnredactedTable", "sentences and operator results"
    erasure = erase(stack, stored.sid)
    assert {(one.what, one.sid, one.where, one.state, one.reason) for one in erasure.copies} == {
        ("call", stored.sid, table, ERASED, None),
        ("what is noted of the recording", recording, table, ERASED, None),
        (words, made, table, ERASED, None),
        (f"unredacted {words}", made, other, ERASED, None),
        ("transcript", made, "Twilio", ERASED, None),
        ("recording", recording, "Twilio", ERASED, None),
        # Deleted when the call was stored, and so in nobody's list.
    }
    assert mono not in {one.sid for one in erasure.copies}
    assert erasure.waits_for == "a look that finds nothing left"
    assert not erasure.finished


def test_a_call_erased_twice_is_erased_once(stored: Call, stack: Stack, twilio: Simulator) -> None:
    first = erase(stack, stored.sid)
    before = stack.items()
    again = erase(stack, stored.sid)
    clock = {"due_at": 0}
    assert [one | clock for one in stack.items()] == [one | clock for one in before]
    assert {one.state for one in again.copies} == {GONE}
    assert again.erased_at == first.erased_at
    assert "until" in (again.waits_for or "")
    be_later(stack, twilio, timedelta(minutes=10))
    assert erase(stack, stored.sid).finished
    # And once it is finished.
    assert erase(stack, stored.sid).finished
    assert is_erased_everywhere(stack, twilio, stored.sid)


def test_a_reader_is_told_that_it_was_erased(stored: Call, stack: Stack) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    assert stack.read(stored.sid).erased_at is None
    erase(stack, stored.sid)
    read = stack.read(stored.sid)
    assert read.erased_at
    assert before <= read.erased_at <= datetime.now(UTC)
    assert (read.call, read.insights) == (None, [])
    assert {row["state"] for row in read.recordings.values()} == {"erased"}


def test_it_is_in_no_list_of_a_day(stored: Call, stack: Stack) -> None:
    erase(stack, stored.sid)
    assert stack.table().scan(IndexName="by_day")["Items"] == []


def test_all_that_twilio_has_of_a_call_goes_also_what_others_have_asked_for(
    stored: Call, stack: Stack, twilio: Simulator
) -> None:
    other = recorded("RE" + "7" * 32, call_sid=stored.sid)
    twilio.state.recordings[other.sid] = other
    foreign = transcript("GT" + "7" * 32, "GA" + "e" * 32, other.sid)
    twilio.state.transcripts[foreign.sid] = foreign
    erase(stack, stored.sid)
    assert other.status == "deleted"
    assert twilio.state.transcripts == {}


def test_transcripts_that_only_the_table_knows_are_deleted_too(stored: Call, stack: Stack, twilio: Simulator) -> None:
    # Of a recording that is long deleted at Twilio, and under a name that its list does not tell.
    (made,) = twilio.state.transcripts.values()
    made.source_sid = "RE" + "0" * 32
    erase(stack, stored.sid)
    assert twilio.state.transcripts == {}


# --- whose calls


def test_a_call_that_the_table_has_not_heard_of_is_erased_at_twilio(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = stored_call(stack, twilio, scenario)
    stack.empty_calls()
    assert states(erase(stack, call.sid))["recording", "Twilio"] is ERASED
    finish(stack, twilio)
    assert is_erased_everywhere(stack, twilio, call.sid)


def test_a_call_that_nobody_knows_is_refused(stack: Stack) -> None:
    with pytest.raises(NotOursError, match=f"neither the table nor Twilio has a call {UNKNOWN}"):
        erase(stack, UNKNOWN)
    assert stack.items() == []


def test_a_call_to_a_number_of_somebody_elses_is_refused(stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    stack.empty_calls()
    call.to = "+12025550111"
    with pytest.raises(NotOursError, match="no number in the settings") as refused:
        erase(stack, call.sid)
    assert "+1202555" not in str(refused.value)
    assert stack.items() == []
    assert {one.status for one in call.recordings} == {"completed"}


def test_a_call_that_the_table_knows_is_ours_whatever_twilio_says(
    stored: Call, stack: Stack, twilio: Simulator
) -> None:
    stored.to = "+12025550111"
    del twilio.state.calls[stored.sid]
    erase(stack, stored.sid)
    finish(stack, twilio)
    assert is_erased_everywhere(stack, twilio, stored.sid)


# --- what cannot be erased now


@pytest.mark.parametrize("status", ["in-progress", "processing"])
def test_a_recording_that_twilio_is_still_at_is_deleted_when_it_is_completed(
    stack: Stack, twilio: Simulator, scenario: Scenario, status: Literal["in-progress", "processing"]
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    for one in call.recordings:
        one.status = status
    later = [one for one in erase(stack, call.sid).copies if one.state is LATER]
    assert {(one.what, one.sid) for one in later} == {("recording", one.sid) for one in call.recordings}
    assert status in (later[0].reason or "")
    assert finish(stack, twilio)["erasing"] == 1
    for one in call.recordings:
        one.status = "completed"
    finish(stack, twilio)
    assert [one.status for one in call.recordings] == ["deleted", "deleted"]
    assert finish(stack, twilio)["erased"] == 1


def test_while_a_call_lasts_its_erasure_is_not_finished(stored: Call, stack: Stack, twilio: Simulator) -> None:
    stored.status = "in-progress"
    erase(stack, stored.sid)
    be_later(stack, twilio, timedelta(hours=1))
    assert erase(stack, stored.sid).waits_for == "the end of the call"
    # It has only just ended: a recording may be on its way.
    stored.status, stored.seconds = "completed", int((datetime.now(UTC) - stored.started).total_seconds())
    assert "until" in (erase(stack, stored.sid).waits_for or "")
    assert finish(stack, twilio)["erased"] == 1


def test_what_tells_nothing_of_its_end_is_over_after_a_day(stored: Call, stack: Stack, twilio: Simulator) -> None:
    erase(stack, stored.sid)
    answer(twilio, "GET", "/2010-04-01/Accounts/{account}/Calls/{sid}.json", 500)
    be_later(stack, twilio, timedelta(hours=1))
    assert "500" in (erase(stack, stored.sid).waits_for or "")
    be_later(stack, twilio, timedelta(hours=24))
    assert erase(stack, stored.sid).finished


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("DELETE", RECORDING, "recording"),
        ("GET", "/2010-04-01/Accounts/{account}/Recordings.json", "recordings"),
        ("DELETE", "/v2/Transcripts/{sid}", "transcript"),
        ("GET", "/v2/Transcripts", "transcripts"),
    ],
)
@pytest.mark.parametrize("status", [500, 400, 403])
def test_what_twilio_does_not_do_now_holds_nothing_else_up_and_is_done_later(
    stored: Call, stack: Stack, twilio: Simulator, method: str, path: str, what: str, status: int
) -> None:
    answer(twilio, method, path, status)
    erasure = erase(stack, stored.sid)
    later = [one for one in erasure.copies if one.state is LATER]
    assert {one.what for one in later} == {what}
    assert all(str(status) in (one.reason or "") for one in later)
    assert erasure.waits_for == "what could not be erased now"
    assert holding([*stack.items(), *stack.unredacted_items()], "log in", CALLER) == set()
    # What keeps it from listing keeps it from comparing too.
    with suppress(TransientError):
        finish(stack, twilio)
    assert [one["due"] for one in stack.items() if one["sk"] == "CALL"] == ["erasure"]
    recover(twilio)
    finish(stack, twilio)
    finish(stack, twilio)
    assert is_erased_everywhere(stack, twilio, stored.sid)


@pytest.mark.parametrize("status", ["absent", "failed"])
def test_a_recording_that_came_to_nothing_and_that_twilio_keeps_holds_nothing_up(
    stored: Call, stack: Stack, twilio: Simulator, status: Literal["absent", "failed"]
) -> None:
    nothing = recorded("RE" + "7" * 32, call_sid=stored.sid, status=status)
    twilio.state.recordings[nothing.sid] = nothing
    answer(twilio, "DELETE", RECORDING, 400)
    assert Copy(what="recording", sid=nothing.sid, where="Twilio", state=GONE) in erase(stack, stored.sid).copies
    recover(twilio)
    answer(twilio, "DELETE", f"/2010-04-01/Accounts/{{account}}/Recordings/{nothing.sid}.json", 400)
    finish(stack, twilio)
    assert finish(stack, twilio)["erased"] == 1


def test_a_table_that_refuses_holds_nothing_else_up(stored: Call, stack: Stack, twilio: Simulator) -> None:
    delete = CallTable.delete_item

    def refuse(table: CallTable, call_sid: CallSid, sk: str) -> None:
        if table.name == "UnredactedTable":
            raise TransientError("deleting an item: AWS answered 400 AccessDeniedException")
        delete(table, call_sid, sk)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(CallTable, "delete_item", refuse)
        told = states(erase(stack, stored.sid))
    assert told["unredacted sentences and operator results", "UnredactedTable"] is LATER
    assert set(told.values()) == {ERASED, LATER}
    assert twilio.state.transcripts == {}
    finish(stack, twilio)
    assert stack.unredacted_items() == []


# --- what a worker was at


def test_what_is_written_after_the_tombstone_is_found_by_the_second_look(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    stack.store_unredacted = True
    twilio.account.services[SERVICE_SID].auto_redaction = True
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    put = CallTable.put_insights

    def put_too_late(table: CallTable, *args: Any) -> None:
        if table.name == "UnredactedTable":
            erase(stack, call.sid)
        put(table, *args)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(CallTable, "put_insights", put_too_late)
        work(stack)
    assert holding(stack.items(), "log in") == {"log in"}
    assert stack.unredacted_items()
    assert {one["state"] for one in stack.recordings()} == {"erased"}
    # It might still be at it.
    be_later(stack, twilio, timedelta(minutes=5))
    assert sweep(stack)["erasing"] == 1
    assert finish(stack, twilio)["erased"] == 1
    assert is_erased_everywhere(stack, twilio, call.sid)


def put_tombstone(stack: Stack, call: Call) -> None:
    """Let only that the call is erased have been noted."""
    now = datetime.now(UTC).replace(microsecond=0)
    table_of(stack).put_tombstone(Tombstone(call_sid=CallSid(call.sid), erased_at=now, due_at=now, transcripts=()))


def test_a_transcript_that_is_asked_for_in_that_moment_is_deleted_too(
    stack: Stack, twilio: Simulator, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    ask = Twilio.create_transcript

    def ask_too_late(*args: Any) -> Any:
        put_tombstone(stack, call)
        for one in call.recordings:
            stack.table().put_item(Item={"pk": f"CALL#{call.sid}", "sk": f"RECORDING#{one.sid}", "state": "erased"})
        return ask(*args)

    monkeypatch.setattr(Twilio, "create_transcript", ask_too_late)
    work(stack)
    assert len(twilio.state.transcripts) == 1
    finish(stack, twilio)
    assert twilio.state.transcripts == {}
    assert finish(stack, twilio)["erased"] == 1


def test_a_recording_that_is_noted_in_that_moment_is_erased_too(
    stack: Stack, twilio: Simulator, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    put = CallTable.put_call

    def put_too_early(*args: Any, **kwargs: Any) -> bool:
        written = put(*args, **kwargs)
        erase(stack, call.sid)
        stack.empty_calls()
        put_tombstone(stack, call)
        return written

    monkeypatch.setattr(CallTable, "put_call", put_too_early)
    stack.work("request_transcript", "RecordingsQueue")
    assert [one["state"] for one in stack.recordings()] == ["transcribing"]
    finish(stack, twilio)
    assert {one["state"] for one in stack.recordings()} == {"erased"}
    assert finish(stack, twilio)["erased"] == 1
    assert is_erased_everywhere(stack, twilio, call.sid)


def test_an_erasure_that_somebody_else_has_looked_at_since_is_left_to_him(stored: Call, stack: Stack) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    mine = Tombstone(call_sid=CallSid(stored.sid), erased_at=now, due_at=now, transcripts=())
    his = Tombstone(call_sid=CallSid(stored.sid), erased_at=now, due_at=now + timedelta(seconds=1), transcripts=())
    table = table_of(stack)
    table.put_tombstone(mine)
    table.put_tombstone(his)
    table.finish_erasure(mine)
    assert [one["due"] for one in stack.items() if one["sk"] == "CALL"] == ["erasure"]
    table.finish_erasure(his)
    assert [one["due"] for one in stack.items() if one["sk"] == "CALL"] == ["erased"]


# --- killed


def all_there(world: World, scenario: Scenario) -> None:
    """A call that is stored, of which there is all that there can be."""
    world.begin_again(scenario)
    world.stack.store_unredacted = True
    world.twilio.account.services[SERVICE_SID].auto_redaction = True
    for number, source in enumerate(("StartCallRecordingAPI", "StartCallRecordingAPI", "RecordVerb")):
        world.add_recording("RE" + str(number) * 32, source=source)
    world.sweep()
    world.deliver_all()
    world.twilio.complete_transcripts()
    world.deliver_all()
    assert {one["state"] for one in world.stack.recordings()} == {"stored"}
    world.stack.variables["RESULTS_SECONDS"] = "0"
    world.wire.sent.clear()


def test_killed_at_any_step_and_begun_again_it_comes_to_the_same_end(world: World, scenario: Scenario) -> None:
    all_there(world, scenario)
    erase(world.stack, world.call.sid)
    steps = list(world.wire.sent)
    assert len(steps) >= 20
    world.come_to_rest()
    end = world.end()
    assert is_erased_everywhere(world.stack, world.twilio, world.call.sid)
    for number in range(len(steps) + 1):
        all_there(world, scenario)
        kill = kill_after(number) if number else kill_before(1)
        with world.wire.meddling(kill), pytest.raises(Killed):
            erase(world.stack, world.call.sid)
        assert world.wire.sent == steps[: max(number, 1)]
        # From the tombstone on, the sweep goes on with it by itself.
        if not any(one.get("due") == "erasure" for one in world.stack.items()):
            assert number < 2
            erase(world.stack, world.call.sid)
        world.come_to_rest()
        assert (steps[:number], world.end()) == (steps[:number], end)


# --- the sweep


def test_one_that_fails_holds_up_neither_the_others_nor_what_is_due(
    stored: Call, stack: Stack, twilio: Simulator, scenario: Scenario, logged: Callable[[], str], capsys: Any
) -> None:
    other, waiting = (twilio.place_call(scenario, to=NUMBER) for _ in range(2))
    for call in (stored, other):
        put_tombstone(stack, call)
    work(stack)
    assert [one["state"] for one in stack.recordings() if one["pk"] == f"CALL#{waiting.sid}"] == ["transcribing"]
    (dual,) = (one for one in stored.recordings if one.channels == 2)
    answer(twilio, "DELETE", f"/2010-04-01/Accounts/{{account}}/Recordings/{dual.sid}.json", 500)
    be_later(stack, twilio, timedelta(minutes=10))
    told = sweep(stack)
    assert (told["erased"], told["erasing"], told["due"]) == (0, 2, 1)
    assert dual.status == "completed"
    assert {one.status for one in other.recordings} == {"deleted"}
    be_later(stack, twilio)
    assert (told := sweep(stack))["erased"] == 1
    assert told["erasing"] == 1
    warnings = [line for line in logged().splitlines() if "call not erased everywhere yet" in line]
    assert "answered 500" in warnings[-1]
    assert stored.sid in warnings[-1]
    assert CALLER not in logged()
    assert '"ErasuresUnfinished":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_what_is_not_due_is_not_looked_at(stored: Call, stack: Stack) -> None:
    erase(stack, stored.sid)
    before = stack.items()
    assert sweep(stack)["erasing"] == 1
    assert stack.items() == before


def test_a_sweep_looks_at_the_erasures_that_are_due_longest_and_counts_all(
    stored: Call, stack: Stack, twilio: Simulator, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.usecases.sweep.MOST_ERASURES", 1)
    put_tombstone(stack, stored)
    be_later(stack, twilio, timedelta(minutes=10))
    other = twilio.place_call(scenario, to=NUMBER)
    put_tombstone(stack, other)
    be_later(stack, twilio)
    assert sweep(stack)["erasing"] == 2
    assert {one.status for one in stored.recordings} == {"deleted"}
    assert {one.status for one in other.recordings} == {"completed"}
    # The first is looked at again later, so that the other is due longest.
    assert sweep(stack)["erasing"] == 2
    assert {one.status for one in other.recordings} == {"deleted"}


def test_when_the_time_of_a_sweep_is_over_it_leaves_erasures_to_the_next(
    stored: Call, stack: Stack, twilio: Simulator
) -> None:
    put_tombstone(stack, stored)
    be_later(stack, twilio)
    assert sweep(stack, milliseconds=14_000)["erasing"] == 1
    assert {one.status for one in stored.recordings if one.channels == 2} == {"completed"}
    sweep(stack)
    assert {one.status for one in stored.recordings} == {"deleted"}


def test_twilio_is_asked_for_nothing_more_when_the_time_of_a_look_is_over(
    stored: Call, stack: Stack, twilio: Simulator
) -> None:
    erasure = erase(stack, stored.sid, until=datetime.now(UTC))
    assert {one.state for one in erasure.copies if one.where == "Twilio"} == {LATER}
    assert holding([*stack.items(), *stack.unredacted_items()], "log in", CALLER) == set()
    assert len(twilio.state.transcripts) == 1
    finish(stack, twilio)
    assert twilio.state.transcripts == {}


@pytest.mark.parametrize("name", ["cannot_log_in", "hang_up_in_greeting"])
def test_the_sweep_leaves_an_erased_call_alone(stack: Stack, twilio: Simulator, name: str) -> None:
    call = twilio.place_call(load_scenario(name), to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    put_tombstone(stack, call)
    # Twilio lists it, and it would be sent for otherwise.
    answer(twilio, "DELETE", RECORDING, 500)
    be_later(stack, twilio, LATE)
    made = transcript("GT" + "7" * 32, SERVICE_SID, call.recordings[0].sid) if call.recordings else None
    if made:
        answer(twilio, "DELETE", "/v2/Transcripts/{sid}", 500)
        made.created = made.updated = datetime.now(UTC) - LATE
        made.customer_key = call.sid
        twilio.state.transcripts[made.sid] = made
    told = sweep(stack)
    assert [told[what] for what in ("due", "recordings", "transcripts", "calls")] == [0, 0, 0, 0]
    assert stack.queued() == {}


# --- what holds it together


def test_a_tombstone_outlives_whatever_may_be_told_of_the_call(stored: Call, stack: Stack) -> None:
    parameters = template()["Parameters"]
    assert parameters["RetentionDays"]["MaxValue"] == LONGEST_RETENTION_DAYS
    assert parameters["WorkerTimeoutSeconds"]["MaxValue"] == LONGEST_WORKER.total_seconds()
    erasure = erase(stack, stored.sid)
    kept = {int(one["expires_at"]) - erasure.erased_at.timestamp() for one in stack.items()}
    assert kept == {LONGEST_RETENTION_DAYS * 86_400}


def test_a_row_that_was_unsettled_is_no_longer_due(stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    (dual,) = (one for one in call.recordings if one.channels == 2)
    assert stack.recordings()[0]["due"] == "due"
    erase(stack, call.sid)
    assert ["due" in one for one in stack.recordings()] == [False, False]
    assert not table_of(stack).put_off(CallSid(call.sid), RecordingSid(dual.sid), datetime.now(UTC))


def test_a_deletion_at_twilio_tells_whether_there_was_anything(stored: Call, stack: Stack, twilio: Simulator) -> None:
    account = twilio_of(stack)
    (made,) = map(TranscriptSid, twilio.state.transcripts)
    (dual,) = (RecordingSid(one.sid) for one in stored.recordings if one.channels == 2)
    assert [one.sid for one in account.transcripts_of(dual)] == [made]
    assert [account.delete_transcript(made) for _ in range(2)] == [True, False]
    assert [account.delete_recording(dual) for _ in range(2)] == [True, False]
    assert account.transcripts_of(dual) == []
