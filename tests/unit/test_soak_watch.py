"""That nobody waits in vain for a watch that does not look any more."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from callscribe.domain.errors import PermanentError, TransientError
from callscribe_tools.simulator import Call, Scenario
from callscribe_tools.soak.watch import MOST_FAILURES, Watch

SECONDS = 60.0


class Lists:
    """Has one call, which has ended; answers only after these errors."""

    def __init__(self, call: Call, errors: list[Exception]) -> None:
        self._call = call
        self.errors = errors

    def of_day(self, _day: object) -> Iterator[dict[str, Any]]:
        if self.errors:
            raise self.errors.pop(0)
        yield {"pk": f"CALL#{self._call.sid}", "sk": "CALL", "seconds": 1}


def watch_of(call: Call, errors: list[Exception]) -> Watch:
    lists: Any = Lists(call, errors)
    watch = Watch(lists, every=0.001)
    watch.add(call)
    return watch


@pytest.fixture
def ended(scenario: Scenario) -> Call:
    return Call("+12025550142", "+12025550199", None, scenario)


def wait_for_the_end(watch: Watch) -> None:
    deadline = time.monotonic() + SECONDS
    while watch.waiting:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def wait_until_none_is_left(errors: list[Exception]) -> None:
    deadline = time.monotonic() + SECONDS
    while errors:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_look_that_fails_now_and_then_is_tried_again(ended: Call) -> None:
    watch = watch_of(ended, [TransientError("no answer")] * (MOST_FAILURES - 1))
    with watch.looking():
        wait_for_the_end(watch)
    assert list(watch.settled) == [ended.sid]


@pytest.mark.parametrize(
    "errors",
    [[TransientError("gone")] * MOST_FAILURES, [PermanentError("gone")], [KeyError("gone")]],
    ids=["too often", "for good", "a bug"],
)
def test_a_watch_that_has_died_is_told_to_whoever_waits(errors: list[Exception], ended: Call) -> None:
    watch = watch_of(ended, errors)
    with pytest.raises(type(errors[0]), match="gone"), watch.looking():
        wait_for_the_end(watch)
    assert watch.settled == {}


def test_a_watch_that_has_died_is_told_at_the_end_where_nobody_waits(ended: Call) -> None:
    errors: list[Exception] = [PermanentError("gone")]
    watch = watch_of(ended, errors)
    with pytest.raises(PermanentError, match="gone"), watch.looking():
        wait_until_none_is_left(errors)
