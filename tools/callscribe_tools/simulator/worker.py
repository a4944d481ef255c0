"""Moves transcripts by real time while the simulator is served: waiting, then in-progress, then at their end."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from callscribe_tools.simulator.background import in_background, told_by_check
from callscribe_tools.simulator.faults import FaultKind
from callscribe_tools.simulator.state import State, Transcript
from callscribe_tools.simulator.transcripts import Transcripts

# A transcript's time in halves: the first one waiting, the second one in progress.
_HALF_DONE, _DONE = 1, 2


class TranscriptionWorker:
    """A background thread that settles each transcript so many seconds after its creation, or after its own time."""

    def __init__(self, state: State, transcripts: Transcripts, seconds: float) -> None:
        self._state = state
        self._transcripts = transcripts
        self._seconds = seconds
        self._ended = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run while the block runs; raises as `in_background` does."""
        with in_background("transcription", self._run, self._end):
            yield

    def _end(self) -> None:
        with self._state.lock:
            self._ended = True
            self._state.lock.notify_all()

    def _run(self) -> None:
        while True:
            with self._state.lock:
                due = self._due()
                while not due and not self._ended:
                    self._state.lock.wait(self._next_change())
                    due = self._due()
                if self._ended:
                    return
            for transcript in due:
                self._move(transcript)

    def _move(self, transcript: Transcript) -> None:
        with told_by_check(self._state, f"transcript {transcript.sid}"):
            if self._phase(transcript) == _HALF_DONE:
                self._transcripts.advance(transcript)
            else:
                self._transcripts.settle(transcript)

    def _due(self) -> list[Transcript]:
        open_ones = [one for one in self._state.transcripts.values() if not one.settled]
        return [one for one in open_ones if self._phase(one) > _reached(one)]

    def _phase(self, transcript: Transcript) -> int:
        half_done, done = self._changes(transcript)
        age = time.monotonic() - transcript.born
        return _DONE if age >= done else _HALF_DONE if age >= half_done else 0

    def _changes(self, transcript: Transcript) -> tuple[float, float]:
        """Give the ages at which it goes on, and ends."""
        own, faults = transcript.outcome.seconds, transcript.faults
        lasts = self._seconds if own is None else own
        if FaultKind.TRANSCRIPT_ENDLESS in faults:
            return lasts / 2, math.inf
        return lasts / 2, lasts + (faults.pace.stuck_seconds if FaultKind.TRANSCRIPT_STUCK in faults else 0.0)

    def _next_change(self) -> float | None:
        """Seconds until some transcript moves by itself, None when there is none."""
        next_change = min(
            (
                transcript.born + self._changes(transcript)[_reached(transcript)]
                for transcript in self._state.transcripts.values()
                if not transcript.settled
            ),
            default=math.inf,
        )
        return None if next_change == math.inf else max(0.0, next_change - time.monotonic())


def _reached(transcript: Transcript) -> int:
    return _HALF_DONE if transcript.status == "in-progress" else 0
