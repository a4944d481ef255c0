"""What the simulator does by itself while it is served: in threads that end when they are told to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from callscribe_tools.simulator.state import State
from callscribe_tools.simulator.violations import SimulationError, Violation

_END_SECONDS = 60.0
"""Longer than one webhook may take, also on a busy machine."""


@contextmanager
def in_background(what: str, run: Callable[[], None], end: Callable[[], None]) -> Iterator[None]:
    """Run beside the block; `end` makes `run` return, which it has done when the block is left.

    Raises
    ------
    SimulationError
        The thread did not end in time.
    """
    thread = threading.Thread(target=run, name=f"twilio: {what}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end()
        thread.join(_END_SECONDS)
        if thread.is_alive():
            raise SimulationError(f"{what.capitalize()} did not end within {_END_SECONDS:.0f} s.")


@contextmanager
def told_by_check(state: State, about: str) -> Iterator[None]:
    """Keep an error for `Simulator.check`: raised in a thread nobody would hear it."""
    try:
        yield
    except SimulationError as error:
        state.violations.append(Violation("simulator", str(error), about))
