"""That a soak sees each thing that the product's ledger tells otherwise than Twilio's record. No stack, no product."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from callscribe.domain.sids import CallSid
from callscribe_tools.operator.ledger import Ledger
from callscribe_tools.operator.ledger_entries import Day, Kind, Missing
from callscribe_tools.simulator import Scenario
from callscribe_tools.simulator.scenario import Speak
from callscribe_tools.soak.ledger import differences

TODAY, NOW = date(2026, 11, 20), datetime(2026, 11, 20, tzinfo=UTC)
DAY = Day(TODAY, calls=3, recordings=3, transcripts=2, stored=1, skipped=1, failed=1)
CALL_SID = CallSid("CA" + "1" * 32)


HELLO = Scenario(name="hello", caller=(Speak(say="Hello.", seconds=2),), expect="stored")
EXPECTED = {
    "CA1": HELLO,
    "CA2": HELLO.model_copy(update={"expect": "skipped"}),
    "CA3": HELLO.model_copy(update={"expect": "failed"}),
}


def told(*days: Day, missing: Sequence[Missing] = (), unreadable: int = 0) -> list[str]:
    return list(differences(Ledger(NOW, NOW, days, missing, unreadable), EXPECTED))


def test_a_ledger_that_tells_the_same_has_no_difference() -> None:
    assert told(DAY) == []
    # Over midnight.
    assert told(replace(DAY, calls=2, stored=0, skipped=0), Day(TODAY, calls=1, stored=1, skipped=1)) == []


@pytest.mark.parametrize(
    ("counted", "difference"),
    [
        ({"calls": 2}, "it counts 2 calls, and there should be 3"),
        ({"stored": 0}, "it counts 0 stored, and there should be 1"),
        ({"skipped": 2}, "it counts 2 skipped, and there should be 1"),
        ({"failed": 0}, "it counts 0 failed, and there should be 1"),
        ({"in_flight": 1}, "it counts 1 in flight and 0 that nobody can read, and there should be none"),
    ],
)
def test_each_number_that_differs_is_seen(counted: dict[str, Any], difference: str) -> None:
    assert told(replace(DAY, **counted)) == [difference]


def test_what_could_not_be_read_is_seen() -> None:
    assert told(DAY, unreadable=1) == ["it counts 0 in flight and 1 that nobody can read, and there should be none"]


def test_what_is_missing_is_seen() -> None:
    missing = Missing(
        kind=Kind.CALL,
        sid=CALL_SID,
        call_sid=CALL_SID,
        recording_sid=None,
        day=TODAY,
        began=NOW,
        before_the_stack=False,
        what_to_do="",
        message="",
    )
    assert told(DAY, missing=[missing]) == [f"call {CALL_SID} of call {CALL_SID} is missing"]
