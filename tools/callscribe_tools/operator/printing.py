"""What the operator's commands print by: tables, progress, ages. All of it goes through `terminal`."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from callscribe_tools.terminal import can_show, console, print_json, print_json_text, print_line, printable

__all__ = [
    "age",
    "asking",
    "can_show",
    "console",
    "is_terminal",
    "print_json",
    "print_json_text",
    "print_line",
    "print_table",
    "printable",
    "telling",
]

type Tell = Callable[[str], None]

QUIET_SECONDS = 2.0
"""What takes no longer need not tell how far it is."""

PROSE = frozenset({"WHAT", "STATE", "REASON", "OUTCOME", "WHAT TO DO"})
"""Columns whose words may be on several lines."""

PROSE_WIDTH = 24
"""What they need to be read at all."""

_line = threading.Lock()
_question = threading.Event()


@contextmanager
def asking() -> Iterator[None]:
    """Keep progress off the screen while a person reads a question and answers it."""
    # A progress line that is being printed ends before the question begins.
    with _line:
        _question.set()
    try:
        yield
    finally:
        _question.clear()


@contextmanager
def telling() -> Iterator[Tell]:
    """Give what tells each step with the seconds since now, from the first one that is slow."""
    started = time.monotonic()
    lock = threading.Lock()
    step, slow = "", False

    def tell(text: str) -> None:
        nonlocal step
        with lock:
            step = text
            if slow:
                show()

    def show() -> None:
        with _line:
            if not _question.is_set():
                console.step(time.monotonic() - started, step)

    def now_slow() -> None:
        nonlocal slow
        with lock:
            slow = True
            if step:
                show()

    timer = threading.Timer(QUIET_SECONDS, now_slow)
    timer.daemon = True
    timer.start()
    try:
        yield tell
    finally:
        timer.cancel()


def tell_pages(text: str) -> None:
    """Tell how far a long list of Twilio's is."""
    console.print(text, style="dim")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: with lines for a person at a terminal, and for a pipe as text that nothing cuts.

    A cell may be a tuple of texts: at a terminal each has a line of its own, in a pipe they are one after the other.
    """
    cells = [[_cell(cell) for cell in row] for row in rows]
    if is_terminal():
        _print_for_people(columns, cells)
        return
    lines = [list(columns), *([cell.replace("\n", " ") for cell in row] for row in cells)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(columns))]
    for line in lines:
        print_line("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(cell: object) -> str:
    return "\n".join(map(printable, cell)) if isinstance(cell, tuple) else printable(str(cell))


def _print_for_people(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    filled = [number for number in range(len(columns)) if not cells or any(row[number] for row in cells)]
    columns, cells = [columns[number] for number in filled], [[row[number] for number in filled] for row in cells]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    narrowest = len(columns) - 1
    for number, name in enumerate(columns):
        longest = max((len(line) for row in cells for line in row[number].splitlines()), default=0)
        # A SID or a number that is cut is none; only prose may take more lines than it has.
        least = max(min(longest, PROSE_WIDTH) if name in PROSE else longest, len(name))
        table.add_column(name, overflow="fold", min_width=least)
        narrowest += least
    for row in cells:
        table.add_row(*map(Text, row))
    people = Console(highlight=False, emoji=False)
    if narrowest <= people.width:
        people.print(table)
        return
    # Too narrow for that: one below the other.
    width = max(map(len, columns))
    for row in cells:
        for name, cell in zip(columns, row, strict=True):
            print_line(f"{name.ljust(width)} {cell.replace('\n', ' ')}".rstrip())
        print_line()


def is_terminal() -> bool:
    """Whether a person looks at standard output."""
    return sys.stdout.isatty()


def age(since: datetime) -> str:
    """How long ago that was, in the largest unit that says enough."""
    passed = max(datetime.now(UTC) - since, timedelta(0))
    if passed >= timedelta(days=2):
        return f"{passed.days} d"
    if passed >= timedelta(hours=2):
        return f"{passed // timedelta(hours=1)} h"
    return f"{passed // timedelta(minutes=1)} min"
