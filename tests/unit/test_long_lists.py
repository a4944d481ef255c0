"""No list in the table keeps a function beyond its time, however many pages it has."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from callscribe.adapters import dynamodb
from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.deletions import Deletions
from callscribe.adapters.items import recording_key
from callscribe.domain.sids import CallSid, RecordingSid
from harness.events import load_event
from harness.seeded import CALL_SID, RECORDING_SID
from harness.stack import Stack

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC)
OVER = NOW - timedelta(seconds=1)
LONG = NOW + timedelta(days=1)


class Endless:
    """A table in which each Query has another page. `asked` counts the pages; `most` of them are a mistake."""

    def __init__(self, item: Mapping[str, Any] | None = None, most: int = 100) -> None:
        self.asked = 0
        self._item = item
        self._most = most

    def query(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        assert self.asked <= self._most
        rows = [] if self._item is None else [self._item]
        return {"Items": rows, "Count": 1, "LastEvaluatedKey": {"pk": str(self.asked)}}


type Read = Callable[[Any, datetime], object]

DUE_ROW = {
    **recording_key(CallSid(CALL_SID), RecordingSid(RECORDING_SID)),
    "state": "received",
    "unsettled_since": 1,
    "due_at": 1,
    "expires_at": 2**33,
}

LISTS: dict[str, tuple[Read, Mapping[str, Any]]] = {
    "unsettled recordings": (
        lambda table, until: [*CallLists(table).unsettled(until)],
        DUE_ROW | {"expires_at": 2**33},
    ),
    # Rows that have expired and that DynamoDB has not removed yet are read and yield nothing.
    "expired unsettled recordings": (
        lambda table, until: [*CallLists(table).unsettled(until)],
        DUE_ROW | {"expires_at": 1},
    ),
    "remembered calls": (
        lambda table, until: [*CallLists(table).remembered("CA", until)],
        {"sk": "AGAIN#CA1", "look_at": 1},
    ),
    "unfinished erasures": (lambda table, until: CallLists(table).count_unfinished_erasures(NOW, until), {}),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_without_an_end_ends_with_the_time(name: str) -> None:
    read, item = LISTS[name]
    table = Endless(item)
    read(table, OVER)
    assert table.asked == 1


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_on_while_there_is_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read, item = LISTS[name]
    clock = iter([NOW] * 4 + [LONG] * 100)

    class Clock(datetime):
        @classmethod
        def now(cls, _: Any = None) -> Any:
            return next(clock)

    monkeypatch.setattr(dynamodb, "datetime", Clock)
    table = Endless(item)
    read(table, LONG - timedelta(hours=1))
    assert table.asked == 5


def test_a_count_stops_after_so_many_pages_and_says_at_least_so_many() -> None:
    table = Endless()
    assert CallLists(cast("Any", table)).count_unfinished_erasures(NOW) == dynamodb.MOST_COUNTED_PAGES
    assert table.asked == dynamodb.MOST_COUNTED_PAGES


def test_a_run_of_the_deletions_whose_time_is_over_counts_one_page_of_each_list() -> None:
    table = Endless({"delete_at": 5, "due_at": 7})
    backlog = Deletions(cast("Any", table)).backlog(NOW, OVER)
    assert (backlog.overdue, backlog.refused) == (2, 1)
    assert backlog.oldest_seconds == NOW.timestamp() - 5
    # Two for the oldest.
    assert table.asked == 5


def test_a_list_of_erased_calls_looks_up_so_many_unfinished_erasures_and_says_that_others_are_left_out(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.adapters.call_lists.MOST_UNFINISHED", 3)
    table, cuts = stack.table(), list[int]()
    call_sids = [f"CA{number:032x}" for number in range(4)]

    def listed() -> Iterator[str]:
        cuts.clear()
        found = CallLists(table).erased(NOW - timedelta(days=1), NOW + timedelta(days=1), lambda: cuts.append(1))
        return (sid for sid, _ in found)

    for number in range(4):
        table.put_item(
            Item={"pk": f"CALL#{call_sids[number]}", "sk": "CALL", "erased_at": dynamodb.iso(NOW), "expires_at": 2**33}
            | {"due": "erasure", "due_at": number}
        )
        if number == 2:
            assert (sorted(listed()), cuts) == (call_sids[:3], [])
    # The latest looks.
    assert (sorted(listed()), cuts) == (call_sids[1:], [1])


def test_every_list_in_the_table_is_read_by_the_functions_that_bound_it() -> None:
    shipped = [*(ROOT / "layers").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    assert len(shipped) > 50
    pages = [file.name for file in shipped if "LastEvaluatedKey" in file.read_text()]
    scans = [file.name for file in shipped if ".scan(" in file.read_text() or "get_paginator" in file.read_text()]
    assert (pages, scans) == (["dynamodb.py"], [])


def test_each_list_of_a_run_has_an_end_within_the_time_of_the_run(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: dict[str, list[datetime]] = {}

    def noted(of: type, name: str) -> None:
        own = getattr(of, name)

        def call(lists: object, *given: Any) -> object:
            ends.setdefault(name, []).append(given[-1])
            return own(lists, *given)

        monkeypatch.setattr(of, name, call)

    for name in ("unsettled", "count_unfinished_erasures", "remembered"):
        noted(CallLists, name)
    noted(Deletions, "backlog")
    latest = datetime.now(UTC) + timedelta(minutes=6)
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    stack.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))
    assert {name: len(some) for name, some in ends.items()} == {
        "unsettled": 1,
        "count_unfinished_erasures": 1,
        "remembered": 2,
        "backlog": 1,
    }
    assert all(NOW < end < latest for some in ends.values() for end in some)


def test_a_sweep_looks_again_at_so_many_of_each_kind_the_longest_due_first(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.usecases.comparison.MOST_REMEMBERED", 1)
    lists = CallLists(stack.table())
    # The order of their SIDs is not the order of their moments.
    for hours, sid in enumerate(["CA" + "c" * 32, "CA" + "a" * 32, "GT" + "c" * 32, "GT" + "a" * 32], start=1):
        lists.remember(sid, NOW - timedelta(hours=hours))
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    assert [sid for sid, _ in lists.remembered()] == ["CA" + "c" * 32, "GT" + "c" * 32]
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    assert [*lists.remembered()] == []
