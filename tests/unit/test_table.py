"""The table where no worker's own test looks: the day's budget, what is due for deletion, what has expired."""

from datetime import UTC, datetime, timedelta

import pytest

from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.table import CallTable
from callscribe.domain.call import Call
from callscribe.domain.patience import Patience
from callscribe.domain.recording import Event
from callscribe.domain.sids import CallSid, RecordingSid
from harness.stack import CALLER, NUMBER, Stack

# As the table keeps it, in whole seconds.
NOW = datetime.now(UTC).replace(microsecond=0)
TODAY = NOW.date()


@pytest.fixture
def table(offline_stack: Stack) -> CallTable:
    return CallTable(offline_stack.table(), retention_days=30)


@pytest.fixture
def lists(offline_stack: Stack) -> CallLists:
    return CallLists(offline_stack.table())


def a_call(number: int = 1, started: datetime = NOW) -> Call:
    sid = CallSid(f"CA{number:032x}")
    return Call(sid=sid, from_=CALLER, to=NUMBER, direction="inbound", started=started, seconds=9)


def recording_of(call: Call) -> RecordingSid:
    return RecordingSid("RE" + call.sid[2:])


def test_minutes_are_taken_up_to_the_last_one_and_not_beyond(table: CallTable, offline_stack: Stack) -> None:
    assert [table.take_minutes(4, TODAY, 10) for _ in range(3)] == [4, 8, None]
    assert table.take_minutes(2, TODAY, 10) == 10
    assert table.take_minutes(1, TODAY, 10) is None
    assert list(offline_stack.minutes().values()) == [10]


@pytest.mark.parametrize(("minutes", "daily_minutes"), [(1, 0), (11, 10), (480, 479)])
def test_what_no_day_has_room_for_is_refused_on_an_empty_day(
    minutes: int, daily_minutes: int, table: CallTable, offline_stack: Stack
) -> None:
    assert not table.take_minutes(minutes, TODAY, daily_minutes)
    assert offline_stack.minutes() == {}


def test_a_budget_that_was_lowered_below_what_is_spent_allows_nothing_more(table: CallTable) -> None:
    assert table.take_minutes(8, TODAY, 10)
    assert not table.take_minutes(1, TODAY, 5)


def test_minutes_given_back_can_be_taken_again(table: CallTable, offline_stack: Stack) -> None:
    assert table.take_minutes(10, TODAY, 10)
    table.give_back_minutes(3, TODAY)
    assert list(offline_stack.minutes().values()) == [7]
    assert table.take_minutes(3, TODAY, 10)


def test_no_more_is_given_back_than_was_taken(table: CallTable, offline_stack: Stack) -> None:
    table.give_back_minutes(3, TODAY)
    assert offline_stack.minutes() == {}
    assert table.take_minutes(2, TODAY, 10)
    table.give_back_minutes(3, TODAY)
    assert list(offline_stack.minutes().values()) == [2]


def test_each_day_has_its_own_minutes(table: CallTable, offline_stack: Stack) -> None:
    assert table.take_minutes(10, TODAY, 10)
    assert table.take_minutes(4, TODAY + timedelta(days=1), 10)
    # What was taken before midnight is given back to its day.
    table.give_back_minutes(10, TODAY)
    assert list(offline_stack.minutes().values()) == [0, 4]


def test_the_item_of_a_day_expires(table: CallTable, offline_stack: Stack) -> None:
    table.take_minutes(1, TODAY, 10)
    (item,) = offline_stack.table().scan()["Items"]
    assert 6 * 86_400 < int(item["expires_at"]) - NOW.timestamp() < 8 * 86_400


def stored(table: CallTable, number: int, delete_at: datetime | None) -> Call:
    call = a_call(number)
    table.move(Event.TRANSCRIPT_STORED, call, recording_of(call), delete_at=delete_at)
    return call


def test_what_is_due_for_deletion_comes_the_longest_due_first(table: CallTable, lists: CallLists) -> None:
    for number, hours in enumerate([1, 3, 2, -1]):
        stored(table, number, NOW - timedelta(hours=hours))
    stored(table, 9, None)
    unsettled = a_call(8)
    table.move(Event.HEARD_OF, unsettled, recording_of(unsettled), due_at=NOW - timedelta(hours=9))
    assert list(lists.due_for_deletion(NOW)) == [(a_call(n).sid, recording_of(a_call(n))) for n in (1, 2, 0)]


def test_what_is_due_for_deletion_comes_in_pages_without_a_gap(
    table: CallTable, lists: CallLists, offline_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        stored(table, number, NOW - timedelta(hours=number + 1))
    query = offline_stack.table().query
    monkeypatch.setattr(lists._table, "query", lambda **asked: query(**asked, Limit=2), raising=False)
    assert [sid for sid, _ in lists.due_for_deletion(NOW)] == [a_call(n).sid for n in (4, 3, 2, 1, 0)]


def test_a_deleted_recording_is_due_for_nothing_more(table: CallTable, lists: CallLists) -> None:
    call = stored(table, 1, NOW - timedelta(hours=1))
    table.put_deleted(call.sid, recording_of(call))
    (row,) = table.read(call.sid).recordings.values()
    assert row["state"] == "stored"
    assert row.keys().isdisjoint({"due", "due_at"})
    assert row["deleted_at"] >= NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert list(lists.due_for_deletion(NOW)) == []


def test_an_item_that_has_expired_meanwhile_is_not_brought_back(table: CallTable, offline_stack: Stack) -> None:
    call = a_call()
    table.put_deleted(call.sid, recording_of(call))
    assert offline_stack.items() == []


def test_a_recording_redriven_meanwhile_stays_due_for_itself(table: CallTable, offline_stack: Stack) -> None:
    call = stored(table, 1, NOW - timedelta(hours=1))
    table.move(Event.REDRIVEN, call, recording_of(call), due_at=NOW)
    before = offline_stack.items()
    table.put_deleted(call.sid, recording_of(call))
    assert offline_stack.items() == before


def test_what_has_expired_is_not_read_though_dynamodb_still_has_it(table: CallTable, offline_stack: Stack) -> None:
    call = a_call(started=NOW - timedelta(days=30, seconds=2))
    table.put_call(call)
    assert len(offline_stack.items()) == 1
    assert table.read(call.sid).call is None


def test_a_recording_that_is_due_is_not_due_again_while_it_is_looked_at(table: CallTable, lists: CallLists) -> None:
    call = a_call()
    table.move(Event.HEARD_OF, call, recording_of(call), due_at=NOW)
    patience = Patience(
        look_again=timedelta(minutes=4),
        give_up=timedelta(hours=24),
        known_everywhere=timedelta(minutes=5),
        results=timedelta(minutes=5),
    )
    assert table.look_at(call.sid, recording_of(call), NOW, patience) is None
    # Whatever becomes of the worker that looks.
    assert [one.due_at >= NOW + patience.look_again for one in lists.unsettled()] == [True]
