"""Recordings leave Twilio once their days there are over: those that are stored, and none is forgotten."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.table import CallTable
from callscribe.domain.call import Call
from callscribe.domain.errors import TransientError
from callscribe.domain.recording import Event
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Simulator
from harness.answers import answer, recover
from harness.events import load_event
from harness.loopback import nobody_answers
from harness.seeded import CALL_SID, KEPT_DAYS, STARTED, recorded
from harness.stack import CALLER, NUMBER, Stack

ONE = "/2010-04-01/Accounts/{account}/Recordings/{sid}.json"
NOW = datetime.now(UTC)


def sid_of(number: int) -> str:
    return f"RE{number:032x}"


def run(stack: Stack, **context: Any) -> Any:
    return stack.invoke("delete_recordings", load_event("delete_recordings", "every_hour"), **context)


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


def due(stack: Stack) -> list[str]:
    return [one["sk"] for one in stack.recordings() if "due_at" in one]


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


def test_what_is_unsettled_is_due_for_something_else(seeded: Stack, table: CallTable, twilio: Simulator) -> None:
    twilio.state.recordings[sid_of(0)] = recorded(sid_of(0))
    table.move(Event.HEARD_OF, a_call(), RecordingSid(sid_of(0)), due_at=NOW - timedelta(hours=1))
    run(seeded)
    assert deleted(twilio) == []
    assert due(seeded) == [f"RECORDING#{sid_of(0)}"]


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
    assert '"deleted":1,"refused":0' in logged()


def test_what_twilio_refuses_stays_due_is_logged_and_counted_and_keeps_nothing_else(
    seeded: Stack,
    table: CallTable,
    twilio: Simulator,
    logged: Callable[[], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    store(table, twilio, 3, 2, 1)
    # Not completed: the simulated Twilio refuses by 400.
    twilio.state.recordings[sid_of(0)].status = "processing"
    twilio.state.recordings[sid_of(1)].status = "processing"
    run(seeded)
    assert deleted(twilio) == [2]
    assert due(seeded) == [f"RECORDING#{sid_of(0)}", f"RECORDING#{sid_of(1)}"]
    assert logged().count("recording not deleted at Twilio") == 2
    assert sid_of(0) in logged()
    assert '"deleted":1,"refused":2' in logged()
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"DeletionsRefused"' in line]
    assert [one["DeletionsRefused"] for one in counted] == [[1.0], [1.0]]

    for number in (0, 1):
        twilio.state.recordings[sid_of(number)].status = "completed"
    run(seeded)
    assert deleted(twilio) == [0, 1, 2]
    assert due(seeded) == []


def test_nothing_more_is_begun_when_the_time_is_almost_over(seeded: Stack, table: CallTable, twilio: Simulator) -> None:
    store(table, twilio, 2, 1)
    run(seeded, milliseconds=15_000)
    assert deleted(twilio) == []
    assert len(due(seeded)) == 2
    run(seeded, milliseconds=60_000)
    assert deleted(twilio) == [0, 1]


def test_a_run_that_comes_to_the_end_of_its_time_leaves_the_rest_for_the_next(
    seeded: Stack, table: CallTable, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(table, twilio, 4, 3, 2, 1)
    times = iter(NOW + timedelta(seconds=second) for second in (0, 1, 2, 3600, 3601))

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return next(times).astimezone(tz)

    monkeypatch.setattr("callscribe.usecases.delete_recordings.datetime", Clock)
    run(seeded)
    # The longest due come first.
    assert deleted(twilio) == [0, 1]
    assert due(seeded) == [f"RECORDING#{sid_of(2)}", f"RECORDING#{sid_of(3)}"]


def test_one_that_was_redriven_meanwhile_is_left_alone(seeded: Stack, table: CallTable, twilio: Simulator) -> None:
    store(table, twilio, 1)
    found = list(CallLists(seeded.table()).due_for_deletion(datetime.now(UTC)))
    table.move(Event.REDRIVEN, a_call(), RecordingSid(sid_of(0)), due_at=NOW)
    before = seeded.items()
    table.put_deleted(*found[0])
    assert seeded.items() == before
    run(seeded)
    assert (deleted(twilio), seeded.items()) == ([], before)


@pytest.mark.parametrize("status", [401, 503])
def test_while_twilio_is_in_trouble_the_run_fails_and_nothing_is_lost(
    status: int, seeded: Stack, table: CallTable, twilio: Simulator, logged: Callable[[], str]
) -> None:
    store(table, twilio, 2, 1)
    before = seeded.items()
    answer(twilio, "DELETE", ONE, status)
    with pytest.raises(TransientError, match=f"Twilio answered {status}"):
        run(seeded)
    assert "the run failed" in logged()
    assert seeded.items() == before
    recover(twilio)
    run(seeded)
    assert (deleted(twilio), due(seeded)) == ([0, 1], [])


def test_while_twilio_cannot_be_reached_the_run_fails_and_nothing_is_lost(
    seeded: Stack, table: CallTable, twilio: Simulator
) -> None:
    store(table, twilio, 1)
    before = seeded.items()
    seeded.write_settings(settings_document(twilio.account, nobody_answers()))
    with pytest.raises(TransientError, match="no answer of Twilio's"):
        run(seeded)
    assert seeded.items() == before


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
        patch.setattr(CallTable, "put_deleted", killed)
        with pytest.raises(TransientError):
            run(seeded)
    assert (deleted(twilio), len(due(seeded))) == ([0], 1)
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
        (row,) = transcribed.recordings()
        assert (row["state"], row["due"]) == ("stored", "deletion")
        let_it_be_due(transcribed, row)
        run(transcribed)
        (row,) = transcribed.recordings()
        assert (row["state"], "due" in row) == ("stored", False)


def let_it_be_due(stack: Stack, row: dict[str, Any]) -> None:
    stack.table().update_item(
        Key={"pk": row["pk"], "sk": row["sk"]},
        UpdateExpression="SET due_at = :past",
        ExpressionAttributeValues={":past": 1},
    )
