"""Recordings leave Twilio once their date has passed: whatever came of them, one at a time, and none is forgotten."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callscribe.adapters import twilio as twilio_adapter
from callscribe.adapters.deletions import LONGEST_DELAY, TRIES, Deletions
from callscribe.adapters.settings import settings_reader
from callscribe.adapters.table import CallTable
from callscribe.domain.call import Call
from callscribe.domain.errors import TransientError
from callscribe.domain.recording import OVER_BUDGET, Event
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe.usecases.delete_recordings import MOST_TROUBLES, delete_recordings
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Simulator
from harness.answers import answer, lose_answer, recover, watch
from harness.emf import metrics_in
from harness.events import load_event
from harness.loopback import nobody_answers
from harness.seeded import CALL_SID, KEPT_DAYS, STARTED, recorded
from harness.stack import CALLER, NUMBER, Stack
from harness.workers import row
from harness.world import let_be_deleted

ONE = "/2010-04-01/Accounts/{account}/Recordings/{sid}.json"
NOW = datetime.now(UTC).replace(microsecond=1)


WAIT_SECONDS = 60.0


def soon() -> datetime:
    """An hour from now, which nothing here takes. Not of `NOW`: the tests before this one may take as long."""
    return datetime.now(UTC) + timedelta(hours=1)


def sid_of(number: int) -> str:
    return f"RE{number:032x}"


def run(stack: Stack, **context: Any) -> Any:
    return stack.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"), **context)


@pytest.fixture
def table(seeded: Stack) -> CallTable:
    return CallTable(seeded.table(), retention_days=KEPT_DAYS)


def a_call() -> Call:
    return Call(sid=CallSid(CALL_SID), from_=CALLER, to=NUMBER, direction="inbound", started=STARTED, seconds=21)


def store(table: CallTable, twilio: Simulator, *due: int | None) -> None:
    """Have stored recordings that have been due for so many hours (less than none: not yet; None: never)."""
    for number, hours in enumerate(due):
        twilio.state.recordings[sid_of(number)] = recorded(sid_of(number))
        delete_at = None if hours is None else NOW - timedelta(hours=hours)
        table.move(Event.TRANSCRIPT_STORED, a_call(), RecordingSid(sid_of(number)), delete_at=delete_at)


def deleted(twilio: Simulator) -> list[int]:
    """Which of the recordings are no longer at Twilio."""
    return [
        number
        for number in range(10)
        if getattr(twilio.state.recordings.get(sid_of(number)), "status", "") == "deleted"
    ]


@pytest.fixture
def deletions(seeded: Stack) -> Deletions:
    return Deletions(seeded.table())


def due(stack: Stack) -> list[str]:
    """The recordings that have a date."""
    return [one["sk"] for one in stack.recordings() if "delete_at" in one]


def be_due(stack: Stack) -> None:
    """Let every date have passed, and every claim have run out."""
    for one in stack.recordings():
        if "delete_at" in one:
            stack.table().put_item(Item=let_be_deleted(one))


def test_what_is_due_is_deleted_and_nothing_else(seeded: Stack, table: CallTable, twilio: Simulator) -> None:
    before = {sid: one.status for sid, one in twilio.state.recordings.items()}
    store(table, twilio, 1, None, 48, -1)
    assert run(seeded) is None
    assert deleted(twilio) == [0, 2]
    assert {sid: twilio.state.recordings[sid].status for sid in before} == before
    rows = {one["sk"].partition("#")[2]: one for one in seeded.recordings()}
    assert {one["state"] for one in rows.values()} == {"stored"}
    assert [("deleted_at" in rows[sid_of(number)]) for number in range(4)] == [True, False, True, False]
    assert due(seeded) == [f"RECORDING#{sid_of(3)}"]
    twilio.check()


def test_a_second_run_finds_nothing_to_do(seeded: Stack, table: CallTable, twilio: Simulator) -> None:
    store(table, twilio, 1, 2)
    run(seeded)
    before = seeded.items()
    asked = answer(twilio, "DELETE", ONE, 500)
    run(seeded)
    assert (seeded.items(), asked) == (before, [])


def test_what_the_previous_version_has_dated_is_deleted_too(
    seeded: Stack, table: CallTable, twilio: Simulator, printed: Callable[[], str]
) -> None:
    store(table, twilio, 1, 2, -1)
    for one in seeded.recordings():
        old = {name: value for name, value in one.items() if name not in {"deletion", "delete_at"}}
        seeded.table().put_item(Item=old | {"due": "deletion", "due_at": one["delete_at"]})
    # One of them is about to be transcribed again.
    assert Deletions(seeded.table()).keep(CallSid(CALL_SID), RecordingSid(sid_of(1)), soon())
    run(seeded)
    assert deleted(twilio) == [0]
    assert [one.values for one in metrics_in(printed(), "DeletionsOverdue")] == [[1.0]]
    assert [one["sk"] for one in seeded.recordings() if one.get("due") == "deletion"] == [
        f"RECORDING#{sid_of(number)}" for number in (1, 2)
    ]
    be_kept_no_longer(seeded)
    run(seeded)
    assert deleted(twilio) == [0, 1]
    assert "due" not in row(seeded, sid_of(1))


def be_kept_no_longer(stack: Stack) -> None:
    for one in stack.recordings():
        stack.table().put_item(Item={name: value for name, value in one.items() if name != "kept_until"})


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    return lambda: capsys.readouterr().out


def test_what_is_unsettled_is_due_for_something_else(seeded: Stack, table: CallTable, twilio: Simulator) -> None:
    twilio.state.recordings[sid_of(0)] = recorded(sid_of(0))
    table.move(Event.HEARD_OF, a_call(), RecordingSid(sid_of(0)), due_at=NOW - timedelta(hours=1), delete_at=NOW)
    run(seeded)
    assert deleted(twilio) == []
    assert due(seeded) == []


@pytest.mark.parametrize("known", [True, False])
def test_what_twilio_no_longer_has_counts_as_deleted(
    known: bool,  # noqa: FBT001 (a table)
    seeded: Stack,
    table: CallTable,
    twilio: Simulator,
    logged: Callable[[], str],
) -> None:
    store(table, twilio, 1)
    if known:
        twilio.state.recordings[sid_of(0)].status = "deleted"
    else:
        del twilio.state.recordings[sid_of(0)]
    run(seeded)
    assert due(seeded) == []
    assert '"deleted":1,"postponed":0' in logged()


# --- who may delete, and who may transcribe again


@pytest.mark.parametrize("event", [Event.REDRIVEN, Event.RETRANSCRIBED])
def test_a_recording_that_begins_again_between_the_list_and_the_claim_keeps_its_audio(
    event: Event, seeded: Stack, table: CallTable, twilio: Simulator, deletions: Deletions
) -> None:
    store(table, twilio, 1)
    # As an index tells that has not heard of it yet.
    (stale,) = deletions.due(NOW)
    assert table.move(event, CallSid(CALL_SID), RecordingSid(sid_of(0)), due_at=NOW).happened
    before = seeded.items()
    assert deletions.claim(stale, soon()) is None
    run(seeded)
    assert (deleted(twilio), seeded.items()) == ([], before)


@pytest.mark.parametrize("event", [Event.REDRIVEN, Event.RETRANSCRIBED, Event.RESUMED])
def test_a_recording_does_not_begin_again_while_it_is_deleted_or_once_it_is(
    event: Event, table: CallTable, twilio: Simulator, deletions: Deletions
) -> None:
    twilio.state.recordings[sid_of(0)] = recorded(sid_of(0))
    sid = RecordingSid(sid_of(0))
    table.move(Event.NOT_WORTH_IT, a_call(), sid, reason=OVER_BUDGET, delete_at=NOW - timedelta(hours=1))
    (found,) = deletions.due(NOW)
    claim = deletions.claim(found, soon())
    assert claim
    refused = table.move(event, a_call(), sid, due_at=NOW)
    assert (refused.happened, refused.deleted) == (False, False)
    assert refused.deleting_until
    deletions.note_deleted(claim)
    refused = table.move(event, a_call(), sid, due_at=NOW)
    assert (refused.happened, refused.deleted, refused.state) == (False, True, "skipped")


def test_a_claim_of_a_deleter_that_died_runs_out_and_the_recording_begins_again(
    seeded: Stack, table: CallTable, twilio: Simulator, deletions: Deletions
) -> None:
    store(table, twilio, 1)
    (found,) = deletions.due(NOW)
    dead = deletions.claim(found, NOW - timedelta(seconds=2))
    assert dead
    assert table.move(Event.REDRIVEN, CallSid(CALL_SID), RecordingSid(sid_of(0)), due_at=NOW).happened
    before = seeded.items()
    # However late it comes back, it changes nothing.
    deletions.note_deleted(dead)
    deletions.postpone(dead, "no_answer", is_refused=False)
    assert seeded.items() == before


def test_two_runs_at_once_ask_twilio_once_for_each(
    seeded: Stack, table: CallTable, twilio: Simulator, deletions: Deletions
) -> None:
    store(table, twilio, 1, 2)
    found = list(deletions.due(NOW))
    # Another run has claimed the first, and is at it.
    assert deletions.claim(found[0], soon())
    asked = watch(twilio, "DELETE", ONE)
    run(seeded)
    assert [one.rpartition("/")[2] for one in asked] == [f"{found[1].recording_sid}.json"]


def test_what_is_stored_again_while_it_is_deleted_is_deleted_and_says_so(
    seeded: Stack, table: CallTable, twilio: Simulator, deletions: Deletions
) -> None:
    store(table, twilio, 1)
    (found,) = deletions.due(NOW)
    claim = deletions.claim(found, soon())
    assert claim
    table.move(Event.TRANSCRIPT_STORED, a_call(), RecordingSid(sid_of(0)), delete_at=NOW + timedelta(days=1))
    deletions.note_deleted(claim)
    one = row(seeded, sid_of(0))
    assert (one["state"], "deleted_at" in one, "delete_at" in one) == ("stored", True, False)


# --- what Twilio refuses


def test_what_twilio_refuses_is_put_off_seen_and_counted_and_holds_up_nothing_else(
    seeded: Stack,
    table: CallTable,
    twilio: Simulator,
    logged: Callable[[], str],
    printed: Callable[[], str],
) -> None:
    store(table, twilio, 3, 2, 1)
    # Not completed: the simulated Twilio refuses by 400.
    twilio.state.recordings[sid_of(0)].status = "processing"
    twilio.state.recordings[sid_of(1)].status = "processing"
    assert run(seeded) is None
    assert deleted(twilio) == [2]
    assert logged().count("recording not deleted at Twilio") == 2
    assert sid_of(0) in logged()
    assert '"deleted":1,"postponed":2' in logged()
    told = printed()
    assert [one.values for one in metrics_in(told, "DeletionsRefused")] == [[2.0]]
    assert [one.values for one in metrics_in(told, "DeletionsOverdue")] == [[0.0]]
    one = row(seeded, sid_of(0))
    assert one["delete_at"] > NOW.timestamp() + 200
    assert (one["deletion"], one["deletion_error"], one["deletion_tries"]) == ("refused", "twilio_20001", 1)
    assert one["overdue_since"] == int((NOW - timedelta(hours=3)).timestamp()) + 1

    for number in (0, 1):
        twilio.state.recordings[sid_of(number)].status = "completed"
    be_due(seeded)
    run(seeded)
    assert deleted(twilio) == [0, 1, 2]
    assert due(seeded) == []
    assert [one.values for one in metrics_in(printed(), "DeletionsRefused")] == [[0.0]]
    assert row(seeded, sid_of(0)).keys().isdisjoint({"deletion_error", "deletion_tries", "overdue_since"})


def test_each_try_is_twice_as_late_and_the_row_outlives_its_call_until_the_recording_is_gone(
    seeded: Stack, table: CallTable, twilio: Simulator
) -> None:
    # Its row would expire in a minute.
    table = CallTable(seeded.table(), retention_days=30)
    call = Call(
        sid=CallSid(CALL_SID),
        from_=CALLER,
        to=NUMBER,
        direction="inbound",
        started=NOW - timedelta(days=30) + timedelta(minutes=1),
        seconds=9,
    )
    twilio.state.recordings[sid_of(0)] = recorded(sid_of(0), status="processing")
    table.move(Event.TRANSCRIPT_STORED, call, RecordingSid(sid_of(0)), delete_at=NOW)
    waits = []
    for _ in range(40):
        be_due(seeded)
        run(seeded)
        one = row(seeded, sid_of(0))
        waits.append(int(one["delete_at"]) - datetime.now(UTC).timestamp())
        assert one["expires_at"] - one["delete_at"] >= 86_400
    assert waits[:3] == pytest.approx([300, 600, 1200], abs=10)
    assert waits[-1] == pytest.approx(LONGEST_DELAY.total_seconds(), abs=10)
    twilio.state.recordings[sid_of(0)].status = "completed"
    be_due(seeded)
    run(seeded)
    assert deleted(twilio) == [0]


def test_many_that_are_refused_block_no_later_one_in_this_run_or_the_next(
    seeded: Stack, table: CallTable, twilio: Simulator
) -> None:
    store(table, twilio, *[9] * 9, 1)
    for number in range(9):
        twilio.state.recordings[sid_of(number)].status = "processing"
    run(seeded)
    assert deleted(twilio) == [9]
    asked = watch(twilio, "DELETE", ONE)
    run(seeded)
    assert asked == []


@pytest.mark.parametrize("reason", ["absent", "recording_failed"])
def test_what_came_to_nothing_needs_no_deletion_where_twilio_refuses_it(
    reason: str, seeded: Stack, table: CallTable, twilio: Simulator
) -> None:
    sid = RecordingSid(sid_of(0))
    table.move(Event.NOT_WORTH_IT, a_call(), sid, reason=reason, delete_at=NOW - timedelta(hours=1))
    answer(twilio, "DELETE", ONE, 400)
    run(seeded)
    assert "deleted_at" in row(seeded, sid_of(0))
    assert "delete_at" not in row(seeded, sid_of(0))


def test_an_answer_that_nobody_foresaw_holds_up_no_other(
    seeded: Stack, table: CallTable, twilio: Simulator, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    store(table, twilio, 2, 1)
    delete = twilio_adapter.Twilio.delete_recording

    def odd(self: twilio_adapter.Twilio, sid: RecordingSid) -> bool:
        if sid == sid_of(0):
            raise KeyError("a bug of ours")
        return delete(self, sid)

    monkeypatch.setattr(twilio_adapter.Twilio, "delete_recording", odd)
    assert run(seeded) is None
    assert deleted(twilio) == [1]
    assert row(seeded, sid_of(0))["deletion_error"] == "error"
    assert '"reason":"KeyError"' in logged()
    assert "a bug of ours" not in logged()


# --- Twilio and the table in trouble


def test_nothing_more_is_begun_when_the_time_is_almost_over(seeded: Stack, table: CallTable, twilio: Simulator) -> None:
    store(table, twilio, 2, 1)
    run(seeded, milliseconds=15_000)
    assert deleted(twilio) == []
    assert len(due(seeded)) == 2
    run(seeded, milliseconds=60_000)
    assert deleted(twilio) == [0, 1]


def test_a_run_that_comes_to_the_end_of_its_time_leaves_the_rest_for_the_next_and_tells_how_much(
    seeded: Stack,
    table: CallTable,
    twilio: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    printed: Callable[[], str],
) -> None:
    store(table, twilio, 4, 3, 2, 1)
    now = datetime.now(UTC)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            # Two minutes pass between the beginnings of two deletions, and the run has three.
            begun = [one for one in seeded.recordings() if {"deleting_until", "deleted_at"} & one.keys()]
            return (now + timedelta(minutes=2 * len(begun))).astimezone(tz)

    monkeypatch.setattr("callscribe.usecases.delete_recordings.datetime", Clock)
    run(seeded, milliseconds=195_000)
    # The longest due come first, and what is under way comes to its end.
    assert deleted(twilio) == [0, 1]
    assert due(seeded) == [f"RECORDING#{sid_of(2)}", f"RECORDING#{sid_of(3)}"]
    told = printed()
    assert [one.values for one in metrics_in(told, "DeletionsOverdue")] == [[2.0]]
    ((oldest,),) = [one.values for one in metrics_in(told, "OldestDeletion")]
    assert oldest == pytest.approx((now - NOW + timedelta(hours=2, minutes=4)).total_seconds(), abs=60)


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_while_twilio_is_in_trouble_the_run_fails_and_nothing_is_lost(
    status: int,
    seeded: Stack,
    table: CallTable,
    twilio: Simulator,
    logged: Callable[[], str],
    printed: Callable[[], str],
    pauses: list[float],
) -> None:
    store(table, twilio, *range(9, 0, -1))
    answer(twilio, "DELETE", ONE, status)
    with pytest.raises(TransientError, match=f"Twilio answered {status}"):
        run(seeded)
    assert "the run failed" in logged()
    # It does not go through the whole list, and lets Twilio recover in between.
    assert pauses == [1, 2, 4, 8]
    assert [one.get("deletion_tries", 0) for one in seeded.recordings()] == [1] * MOST_TROUBLES + [0] * 4
    assert [one.values for one in metrics_in(printed(), "DeletionsOverdue")] == [[4.0]]
    recover(twilio)
    be_due(seeded)
    run(seeded)
    assert (deleted(twilio), due(seeded)) == (list(range(9)), [])


def test_twilio_says_how_long_nobody_may_ask_and_nobody_does(
    seeded: Stack, table: CallTable, twilio: Simulator, pauses: list[float]
) -> None:
    store(table, twilio, 3, 2, 1)

    async def throttled(_: Request) -> Response:
        twilio.app.router.routes.pop(0)
        return Response("{}", 429, headers={"Retry-After": "7"})

    twilio.app.router.routes.insert(0, Route(ONE, throttled, methods=["DELETE"]))
    assert run(seeded) is None
    assert pauses == [7]
    assert deleted(twilio) == [1, 2]

    twilio.app.router.routes.insert(0, Route(ONE, throttled, methods=["DELETE"]))
    store(table, twilio, 0, 0, 0)
    pauses.clear()
    with pytest.raises(TransientError, match="429"):
        # There is not so much time left.
        run(seeded, milliseconds=18_000)
    assert pauses == []


def test_a_recording_that_twilio_never_answers_for_is_seen_by_a_person_at_last(
    seeded: Stack, table: CallTable, twilio: Simulator, printed: Callable[[], str]
) -> None:
    store(table, twilio, 2)
    answer(twilio, "DELETE", ONE, 500)
    for tries in range(1, TRIES + 1):
        with pytest.raises(TransientError):
            run(seeded)
        one = row(seeded, sid_of(0))
        assert (one["deletion_tries"], one["deletion"]) == (tries, "due" if tries < TRIES else "refused")
        be_due(seeded)
    assert [one.values for one in metrics_in(printed(), "DeletionsRefused")] == [[0.0]] * (TRIES - 1) + [[1.0]]


def test_a_deletion_whose_answer_was_lost_keeps_its_claim_for_it_may_be_under_way(
    seeded: Stack, table: CallTable, twilio: Simulator
) -> None:
    store(table, twilio, 2)
    lose_answer(twilio, "DELETE", ONE)
    with pytest.raises(TransientError):
        run(seeded)
    assert deleted(twilio) == [0]
    refused = table.move(Event.REDRIVEN, CallSid(CALL_SID), RecordingSid(sid_of(0)), due_at=NOW)
    assert (refused.happened, bool(refused.deleting_until)) == (False, True)
    recover(twilio)
    be_due(seeded)
    run(seeded)
    assert "deleted_at" in row(seeded, sid_of(0))


def test_while_twilio_cannot_be_reached_the_run_fails_and_nothing_is_lost(
    seeded: Stack, table: CallTable, twilio: Simulator, twilio_url: str
) -> None:
    store(table, twilio, 1)
    seeded.write_settings(settings_document(twilio.account, nobody_answers()))
    with pytest.raises(TransientError, match="no answer of Twilio's"):
        run(seeded)
    seeded.write_settings(settings_document(twilio.account, twilio_url))
    be_due(seeded)
    run(seeded)
    assert deleted(twilio) == [0]


def test_while_the_table_cannot_be_reached_nothing_is_deleted(
    seeded: Stack, table: CallTable, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(table, twilio, 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", nobody_answers())
    with pytest.raises(TransientError):
        run(seeded)
    assert deleted(twilio) == []


def test_a_deletion_that_was_not_noted_is_noted_by_the_next_run(
    seeded: Stack, table: CallTable, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(table, twilio, 1)

    def killed(*_: object) -> None:
        raise TransientError("the worker was killed here")

    with monkeypatch.context() as patch:
        patch.setattr(Deletions, "note_deleted", killed)
        with pytest.raises(TransientError):
            run(seeded)
    assert (deleted(twilio), len(due(seeded))) == ([0], 1)
    be_due(seeded)
    run(seeded)
    assert due(seeded) == []


def test_settings_that_were_never_written_fail_the_run(empty_stack: Stack, logged: Callable[[], str]) -> None:
    with pytest.raises(TransientError, match="have not been written yet"):
        run(empty_stack)
    assert "the run failed" in logged()


def test_a_recording_stored_again_after_its_deletion_is_due_once_more_and_no_trouble(
    transcribed: Stack, twilio: Simulator, twilio_url: str
) -> None:
    transcribed.write_settings({**settings_document(twilio.account, twilio_url), "recording_retention_days": 0})
    webhook = load_event("store_insights", "transcript_available")
    for _ in range(2):
        assert transcribed.invoke("store_insights", webhook) == {"batchItemFailures": []}
        (one,) = transcribed.recordings()
        assert (one["state"], one["deletion"]) == ("stored", "due")
        be_due(transcribed)
        run(transcribed)
        (one,) = transcribed.recordings()
        assert (one["state"], "delete_at" in one) == ("stored", False)


# --- many


def test_many_are_deleted_at_the_same_time_and_each_hears_its_own_answer(
    seeded: Stack, table: CallTable, twilio: Simulator
) -> None:
    """Half of them are refused: with one client of the SDK for all threads, some would hear another's answer."""
    many = 40
    for number in range(many):
        sid = RecordingSid(sid_of(number))
        twilio.state.recordings[sid] = recorded(sid, status="processing" if number % 2 else "completed")
        table.move(Event.TRANSCRIPT_STORED, a_call(), sid, delete_at=NOW - timedelta(hours=1))
    seeded.prepare("delete_recordings")
    accounts = twilio_adapter.twilios(settings_reader().credentials(), soon())
    assert len({id(one._api._client) for one in accounts}) == 8
    at_once, most = 0, 0
    changed, slow = threading.Condition(), {sid_of(number) for number in range(10, 20)}
    delete = twilio_adapter.Twilio.delete_recording

    def counted(self: twilio_adapter.Twilio, sid: RecordingSid) -> bool:
        nonlocal at_once, most
        with changed:
            at_once += 1
            most = max(most, at_once)
            changed.notify_all()
            if sid in slow:
                # Until another one is under way beside it.
                assert changed.wait_for(lambda: most > 1, timeout=WAIT_SECONDS)
        try:
            return delete(self, sid)
        finally:
            with changed:
                at_once -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twilio_adapter.Twilio, "delete_recording", counted)
        done = delete_recordings(
            deletions=Deletions(seeded.table()),
            table=table,
            accounts=accounts,
            until=soon(),
            deadline=soon(),
            report=lambda _: None,
        )
    assert (done.deleted, done.postponed, done.trouble) == (20, 20, None)
    assert 1 < most <= 8
    for one in seeded.recordings():
        number = int(one["sk"][-32:], 16)
        assert ("deleted_at" in one) == (number % 2 == 0)
        assert (twilio.state.recordings[one["sk"].partition("#")[2]].status == "deleted") == (number % 2 == 0)


def test_the_list_is_read_while_it_is_worked_through_and_not_at_once(
    seeded: Stack, table: CallTable, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(table, twilio, *range(9, 0, -1))
    pages = 0
    query = seeded.table().query

    def in_pages(**asked: Any) -> Any:
        nonlocal pages
        pages += 1
        return query(**({"Limit": 2} | asked))

    seeded.prepare("delete_recordings")
    deletions = Deletions(seeded.table())
    monkeypatch.setattr(deletions._table, "query", in_pages, raising=False)
    when: list[int] = []
    done = delete_recordings(
        deletions=deletions,
        table=table,
        accounts=twilio_adapter.twilios(settings_reader().credentials(), soon())[:1],
        until=soon(),
        deadline=soon(),
        report=lambda _: when.append(pages),
    )
    assert done.deleted == 9
    assert when[0] == 1
    assert len(set(when)) > 3
    assert deletions.backlog(NOW).overdue == 0
