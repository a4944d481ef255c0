"""A busy machine gets more time, and whoever waited in vain is told what is to blame."""

import pytest

from callscribe_tools.deadline import MOST_TIMES, Deadline, slowness


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is, in the first place of a list."""
    now = [0.0]
    monkeypatch.setattr("callscribe_tools.deadline.monotonic", lambda: now[0])
    return now


def test_on_a_usual_machine_it_is_over_when_it_says(clock: list[float]) -> None:
    one = Deadline(10, lambda: 1.0)
    clock[0] = 9.9
    assert not one.is_over()
    clock[0] = 10.1
    assert one.is_over()
    assert str(one) == "Waited 10 s."


def test_a_busy_machine_gets_more_time_and_is_said_to_be_busy(clock: list[float]) -> None:
    measured = iter([3.0, 2.0])
    one = Deadline(10, lambda: next(measured))
    clock[0] = 29.0
    assert not one.is_over()
    clock[0] = 31.0
    # It does not take back what it has given.
    assert one.is_over()
    assert str(one).startswith(
        "Waited 31 s. This machine is 3.0 times as slow as usual now: it is too busy. End what else"
    )


def test_nobody_waits_for_ever(clock: list[float]) -> None:
    one = Deadline(10, lambda: 1000.0)
    clock[0] = 10 * MOST_TIMES + 0.1
    assert one.is_over()


def test_a_machine_that_runs_two_at_a_time_is_twice_as_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    walls, works = iter([0.0, 0.2]), iter([0.0, 0.1])
    monkeypatch.setattr("callscribe_tools.deadline.monotonic", lambda: next(walls))
    monkeypatch.setattr("callscribe_tools.deadline.thread_time", lambda: next(works))
    assert slowness() == 2.0


def test_a_machine_that_is_slow_itself_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    walls, works = iter([0.0, 0.3]), iter([0.0, 0.3])
    monkeypatch.setattr("callscribe_tools.deadline.monotonic", lambda: next(walls))
    monkeypatch.setattr("callscribe_tools.deadline.thread_time", lambda: next(works))
    assert slowness() == pytest.approx(2.0)


def test_this_machine_can_be_measured() -> None:
    assert slowness() >= 1.0
