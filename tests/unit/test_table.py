"""The table where no worker's own test looks: the day's budget, what has expired."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.table import CallTable
from callscribe.domain.call import Call
from callscribe.domain.patience import Patience
from callscribe.domain.recording import Event
from callscribe.domain.settings import from_json
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe_tools.local_callscribe import settings_document
from harness.stack import CALLER, NUMBER, Stack, account

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
    assert (
        table.look_at(call.sid, recording_of(call), NOW, patience, from_json(json.dumps(settings_document(account()))))
        is None
    )
    # Whatever becomes of the worker that looks.
    assert [one.due_at >= NOW + patience.look_again for one in lists.unsettled()] == [True]
