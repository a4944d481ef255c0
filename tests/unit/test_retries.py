"""When a message that failed comes back, and when it is given up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.edge.retries import Retries

RETRIES = Retries(first_delay_seconds=15, give_up_hours=24)
TWELVE_HOURS = 12 * 3600


@given(tries=st.integers(1, 1000))
def test_the_delay_doubles_up_to_15_minutes_and_half_of_it_is_chance(tries: int) -> None:
    whole = min(15 * 2 ** (tries - 1), 900)
    assert whole / 2 <= RETRIES.delay(tries, None) <= whole


def test_what_failed_together_does_not_come_back_together() -> None:
    assert len({RETRIES.delay(7, None) for _ in range(100)}) > 10


@given(tries=st.integers(1, 1000), retry_after=st.floats(0, TWELVE_HOURS * 10))
def test_the_delay_is_what_twilio_asks_for_or_more_but_no_more_than_sqs_allows(tries: int, retry_after: float) -> None:
    delay = RETRIES.delay(tries, retry_after)
    # An invocation may have taken up to 15 minutes of SQS's 12 hours.
    assert min(retry_after, TWELVE_HOURS - 900) <= delay <= TWELVE_HOURS - 900


def test_a_message_never_comes_back_at_once() -> None:
    assert Retries(first_delay_seconds=0.01, give_up_hours=24).delay(1, 0) == 1


@pytest.mark.parametrize(("hours", "exhausted"), [(0, False), (23.99, False), (24, True), (1000, True)])
def test_a_message_is_given_up_for_its_age(hours: float, *, exhausted: bool) -> None:
    assert RETRIES.exhausted(hours * 3600) is exhausted


@pytest.mark.parametrize(
    ("hours", "tries", "overdue"), [(25.9, 100, False), (26, 100, True), (26, 3, True), (1000, 2, False)]
)
def test_a_message_is_overdue_only_once_no_living_worker_would_still_have_it(
    hours: float, tries: int, *, overdue: bool
) -> None:
    assert RETRIES.overdue(hours * 3600, tries) is overdue


def test_the_environment_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKOFF_FIRST_SECONDS", "2")
    monkeypatch.setenv("GIVE_UP_HOURS", "0.5")
    assert Retries.of_environment() == Retries(first_delay_seconds=2, give_up_hours=0.5)
