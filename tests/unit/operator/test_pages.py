"""What a page says to run exists, with its options."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from callscribe_tools.operator.cli import app
from harness.template import REPOSITORY

# But docs/cli.md, which is written from --help.
PAGES = [REPOSITORY / "README.md", *sorted({*(REPOSITORY / "docs").rglob("*.md")} - {REPOSITORY / "docs" / "cli.md"})]
INLINE = re.compile(r"`(callscribe [^`]+)`")
BLOCK = re.compile(r"^(?: {3})?```\n(.*?)^(?: {3})?```", re.MULTILINE | re.DOTALL)
ROOT: dict[str, Any] = vars(get_command(app))["commands"]


def commands_of(page: Path) -> list[str]:
    """Each command of ours, without what is left open: `…`, `CA…`."""
    text = page.read_text("utf-8")
    lines = [line.strip() for block in BLOCK.findall(text) for line in block.splitlines()]
    found = [*INLINE.findall(text.replace("\n", " ")), *(line for line in lines if line.startswith("callscribe "))]
    return [re.split(r" [|#(] ?|\*$", one)[0] for one in found]


def refused(line: str) -> str | None:
    """What of a command does not exist."""
    _, name, *words = shlex.split(line.replace("…", ""))
    command = ROOT.get(name)
    if command is None:
        return name
    if below := vars(command).get("commands"):
        if not words or words[0].startswith("-"):
            return None
        command = below.get(words[0].rstrip(",|"))
        if command is None:
            return f"{name} {words[0]}"
    options = {option for one in command.params for option in one.opts} | {"--help"}
    return next((word for word in words if word.startswith("--") and word.partition("=")[0] not in options), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_of_a_page_exists_with_its_options(page: Path) -> None:
    assert {line: wrong for line in commands_of(page) if (wrong := refused(line))} == {}


def test_the_pages_name_many_commands() -> None:
    assert len(commands_of(REPOSITORY / "README.md")) > 20
    assert len(commands_of(REPOSITORY / "docs" / "runbook.md")) > 40


def test_a_command_that_does_not_exist_is_found() -> None:
    assert refused("callscribe failed --env prod") is None
    assert refused("callscribe fails") == "fails"
    assert refused("callscribe secret sets") == "secret sets"
    assert refused("callscribe secret set --keep-old") == "--keep-old"
