"""Follows a running simulation for `callscribe-sim`: tells what is new, and ends it at the first violation.

It only reads the simulator's state. Whoever runs a simulation calls `look` at every step and while waiting.
"""

import time
from collections.abc import Callable

from callscribe_tools.simulator.simulator import Simulator

type Tell = Callable[[str], None]

LOOK_SECONDS = 0.1
"""How often to look where nothing tells that there is something new."""


class RefusedError(Exception):
    """Real Twilio would have refused or ignored something, and the watch is strict."""


class Watch:
    """What happens in one simulation, told once.

    Parameters
    ----------
    strict:
        Whether the first violation ends the simulation.
    """

    def __init__(self, simulator: Simulator, tell: Tell, *, strict: bool) -> None:
        self._simulator = simulator
        self._state = simulator.state
        self._tell = tell
        self._strict = strict
        self._exchanges = 0
        self._violations = 0
        self._transcripts: dict[str, str] = {}

    def step(self, text: str) -> None:
        """Tell a step of the call: the progress of `Simulator.place_call`.

        Raises
        ------
        RefusedError
            As `look`.
        """
        self.look()
        self._tell(text)

    def look(self) -> None:
        """Tell what is new.

        Raises
        ------
        RefusedError
            There is a new violation, and the watch is strict.
        """
        with self._state.lock:
            exchanges = self._state.exchanges[self._exchanges :]
            violations = self._state.violations[self._violations :]
            transcripts: dict[str, str] = {sid: one.status for sid, one in self._state.transcripts.items()}
        for exchange in exchanges:
            self._tell(f"POST {exchange.url} is answered {exchange.status or 'not at all'}")
        for sid, status in transcripts.items():
            if self._transcripts.get(sid) != status:
                self._tell(f"transcript {sid} is {status}")
        if self._strict:
            for violation in violations:
                self._tell(f"real Twilio would refuse or ignore this: {violation}")
        self._exchanges += len(exchanges)
        self._violations += len(violations)
        self._transcripts = transcripts
        if violations and self._strict:
            raise RefusedError

    def until_settled(self, seconds: float, *, expected: bool) -> bool:
        """Wait until every transcript that was asked for has ended, and nothing is held back; say whether in time.

        Parameters
        ----------
        seconds:
            How long to wait at most.
        expected:
            Whether to wait for one to be asked for as well.

        Raises
        ------
        RefusedError
            As `look`.
        """
        deadline = time.monotonic() + seconds
        if not self._settled(expected=expected):
            self._tell(f"waiting up to {seconds:g} s for transcripts to be asked for and to end")
        while not self._settled(expected=expected):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with self._state.lock:
                # Notified when one is asked for; nothing tells of the rest.
                self._state.lock.wait(min(LOOK_SECONDS, left))
            self.look()
        return True

    def _settled(self, *, expected: bool) -> bool:
        return not self._simulator.pending and (bool(self._state.made) or not expected)
