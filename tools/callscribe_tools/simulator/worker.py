"""Moves transcripts by real time while the simulator is served: waiting, then in-progress, then at their end."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from callscribe_tools.simulator.faults import FaultKind
from callscribe_tools.simulator.state import State, Transcript
from callscribe_tools.simulator.transcripts import Transcripts
from callscribe_tools.simulator.violations import SimulationError, Violation

_END_SECONDS = 20.0
"""Longer than one webhook may take."""

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
        """Run while the block runs; the thread has ended when it is left.

        Raises
        ------
        SimulationError
            The thread did not end in time.
        """
        thread = threading.Thread(target=self._run, name="twilio-intelligence", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self._state.lock:
                self._ended = True
                self._state.lock.notify_all()
            thread.join(_END_SECONDS)
            if thread.is_alive():
                raise SimulationError(f"The transcription worker did not end within {_END_SECONDS:.0f} s.")

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
        try:
            if self._phase(transcript) == _HALF_DONE:
                self._transcripts.advance(transcript)
            else:
                self._transcripts.settle(transcript)
        except SimulationError as error:
            # Raised in a thread nobody would hear it: `Simulator.check` tells it.
            self._state.violations.append(Violation("simulator", str(error), f"transcript {transcript.sid}"))

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
