"""The one place that prints: every tool writes to standard output and standard error through this module.

Callers, Twilio and AWS choose many of the words that are printed. A control character among them could clear the
screen, forge a line, or turn the text around, so everything is escaped here, where no command can forget it.
ruff (T20) forbids `print` everywhere else. Results go to standard output, and everything else to standard error.
"""

import json
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.text import Text

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of controls, invisible signs (bidi overrides, zero width), surrogates and line ends."""

_JOINERS = frozenset({"\u200c", "\u200d"})
"""Persian, Hindi and emoji need these two to be spelled at all."""


def is_harmful(character: str) -> bool:
    """Whether a terminal acts on a character instead of showing it."""
    return unicodedata.category(character) in _HARMFUL and character not in _JOINERS


def printable(text: str) -> str:
    r"""Escape what a terminal acts on, as Python would in a literal: ESC becomes `\x1b`, a line end `\n`."""
    if text.isprintable():
        return text
    return "".join(_escaped(one) if is_harmful(one) else one for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def harmless_json(text: str) -> str:
    r"""Escape in a JSON text what a terminal acts on as `\uXXXX`. To a reader of JSON it is the same document."""
    if all(line.isprintable() for line in text.split("\n")):
        return text
    # JSON's own line ends are between values; within a text they are escaped already.
    return "".join(_escaped_json(one) if one != "\n" and is_harmful(one) else one for one in text)


def _escaped_json(character: str) -> str:
    return json.dumps(character)[1:-1]


def print_line(text: str = "") -> None:
    """Print one line of a result. A line end within it is escaped: it is somebody's words, and no line of ours."""
    if not can_show("…"):
        text = text.replace("…", "...")
    print(printable(text), flush=True)


def print_json(document: Any, default: Callable[[Any], Any] | None = None) -> None:
    """Print one JSON document."""
    print_json_text(json.dumps(document, indent=2, ensure_ascii=False, default=default))


def print_json_error(message: str, exit_status: int) -> None:
    """Print the one JSON document of a program that has failed and has no result."""
    print_json({"error": {"message": message, "exit_status": exit_status}})


def print_json_text(text: str) -> None:
    """Print what is JSON already. Where standard output is not Unicode, everything beyond ASCII is escaped."""
    text = harmless_json(text)
    if not _is_unicode(sys.stdout.encoding):
        text = "".join(one if one.isascii() else _escaped_json(one) for one in text)
    print(text, flush=True)


def can_show(text: str) -> bool:
    """Whether standard output has the characters of a text."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _is_unicode(encoding: str | None) -> bool:
    return (encoding or "").lower().replace("-", "").startswith("utf")


class Notices:
    """Standard error: what happens, and what goes wrong. Markup in a text is text."""

    def __init__(self) -> None:
        self.last = ""
        """The text that was printed last."""
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)

    def print(self, text: str = "", *, style: str = "") -> None:
        """Print lines; their ends and tabs are those of the text."""
        self.last = text
        shown = "".join(one if one in "\n\t" else printable(one) for one in text)
        self._console.print(Text(shown, style=style, tab_size=8))

    def prompt(self, text: str) -> None:
        """Print a question; what a person answers stands behind it."""
        self._console.print(Text(printable(text)), end="")

    def step(self, seconds: float, text: str) -> None:
        """Print what happens now, so many seconds after the beginning."""
        self._console.print(Text.assemble((f"{seconds:5.1f} s", "dim"), f"  {printable(text)}"))


console = Notices()
