"""What the help of `callscribe` and `callscribe-sim` shares: -h, --version, and lists of commands that nothing cuts."""

from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import typer
from typer.core import TyperGroup

from callscribe_tools.terminal import print_line

DISTRIBUTION = "callscribe-tools"

CONTEXT: Mapping[str, Any] = MappingProxyType({"help_option_names": ["-h", "--help"]})
"""Settings of the outermost command; those below it take them over."""


class Group(TyperGroup):
    """Commands whose help lists each with its whole first paragraph, where Click cuts it to one line."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_paragraph(command.help)) for name, command in commands if command])


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").partition("\n\n")[0].split())


def print_version(name: str, *, wanted: bool) -> None:
    """Print the version and end, if it is wanted."""
    if wanted:
        print_line(f"{name} {version(DISTRIBUTION)}")
        raise typer.Exit
