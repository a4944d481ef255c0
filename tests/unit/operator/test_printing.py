"""Progress and questions share the terminal, and never a line of it."""

import threading
from typing import Any

import pytest

from callscribe_tools.operator import printing


class Timer:
    """A timer that the test lets run out."""

    latest: "Timer"

    def __init__(self, _seconds: float, function: Any) -> None:
        self.function, self.daemon = function, False
        Timer.latest = self

    def start(self) -> None:
        """Run when the test says so."""

    def cancel(self) -> None:
        """Nothing runs by itself."""


@pytest.fixture
def timer(monkeypatch: pytest.MonkeyPatch) -> type[Timer]:
    monkeypatch.setattr(threading, "Timer", Timer)
    return Timer


def test_progress_does_not_overwrite_a_question(timer: type[Timer], capsys: pytest.CaptureFixture[str]) -> None:
    with printing.telling() as tell:
        tell("Looking at Twilio")
        with printing.asking():
            printing.console.prompt("Destroy? [y/N]: ")
            timer.latest.function()
            tell("Still looking")
            assert capsys.readouterr().err == "Destroy? [y/N]: "
        tell("Deleting the Service")
    assert "Deleting the Service" in capsys.readouterr().err


def test_a_line_of_progress_ends_before_a_question_begins(timer: type[Timer], monkeypatch: pytest.MonkeyPatch) -> None:
    """A question waits while another thread prints."""
    printed: list[str] = []
    asked = threading.Event()
    first = True

    def slow_print(_seconds: float, text: str) -> None:
        nonlocal first
        if first:
            first = False
            # The question is asked now, by another thread, in the middle of the line.
            asking.start()
            assert not asked.wait(0.05)
        printed.append(text)

    def ask() -> None:
        with printing.asking():
            asked.set()

    asking = threading.Thread(target=ask)
    monkeypatch.setattr(printing.console, "step", slow_print)
    with printing.telling() as tell:
        tell("Looking")
        timer.latest.function()
    asking.join()
    assert asked.is_set()
    assert printed[-1] == "Looking"
