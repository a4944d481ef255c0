"""Holds some answers of Twilio's for a few minutes, across the messages of one warm function."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

HELD_FOR = timedelta(minutes=5)

MOST_HELD = 100
"""Answers. An account has a few Services, and one list of operators."""


@dataclass(frozen=True, slots=True)
class _Held:
    asked_at: datetime
    longest: timedelta
    answer: Any


class HeldAnswers:
    """The answers of one account, by what was asked.

    An error is not held, and the next message asks again, unless a caller of `hold` decides otherwise.
    """

    def __init__(self) -> None:
        self._answers: dict[str, _Held] = {}

    def answer[T](self, key: str, as_of: datetime | None, ask: Callable[[], T]) -> T:
        """Return the held answer, or ask.

        Args:
            key: what is asked for.
            as_of: the moment that the answer must be right for. An older answer is of no use: what is configured at
                Twilio may have changed in between. None: any answer will do.
            ask: asks Twilio.
        """
        now = datetime.now(UTC)
        held = self._current(key, now)
        if held and (as_of is None or as_of <= held.asked_at):
            answer: T = held.answer
            return answer
        answer = ask()
        self._put(key, _Held(now, HELD_FOR, answer))
        return answer

    def hold(self, key: str, answer: object, longest: timedelta) -> None:
        """Hold what Twilio has just answered.

        Args:
            key: what was asked for.
            answer: what `held` returns from now on.
            longest: how long the answer is held at most. No answer is held longer than `HELD_FOR`.
        """
        self._put(key, _Held(datetime.now(UTC), longest, answer))

    def held(self, key: str) -> Any | None:
        """Return the held answer, or None if there is none; asks nobody."""
        held = self._current(key, datetime.now(UTC))
        return held.answer if held else None

    def _current(self, key: str, now: datetime) -> _Held | None:
        held = self._answers.get(key)
        return held if held and now - held.asked_at < min(held.longest, HELD_FOR) else None

    def _put(self, key: str, held: _Held) -> None:
        # The latest is the last, so that the first is the one to forget.
        self._answers.pop(key, None)
        self._answers[key] = held
        while len(self._answers) > MOST_HELD:
            del self._answers[next(iter(self._answers))]
