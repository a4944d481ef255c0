"""`callscribe export`."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from callscribe_tools.operator import cli_options as options
from callscribe_tools.operator.calls import Wanted, listed
from callscribe_tools.operator.cli_common import (
    EnvOption,
    StackOption,
    answering,
    environment_of,
    exits,
)
from callscribe_tools.operator.export import Format, lines
from callscribe_tools.operator.files import NOT_REACHED, private
from callscribe_tools.operator.printing import console, telling

commands = typer.Typer()


@commands.command("export", epilog=exits(refused="the file is there already, or cannot be written"))
def export(
    *,
    since: Annotated[
        datetime,
        typer.Option(parser=options.moment, metavar="TIME", help=f"Calls that began since: {options.TIME}."),
    ],
    until: Annotated[
        datetime | None, typer.Option(parser=options.moment, metavar="TIME", help="Calls that began before; else now.")
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="A JSON document a line, or CSV with a line for each recording.")
    ] = Format.JSONL,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="A file, in the place of standard output.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
    env: EnvOption = None,
    stack: StackOption = None,
) -> None:
    """Write all calls of a time with what was said and what was made of it, the latest first, one a line.

    JSON lines hold what `callscribe show --json` prints, except what to do. CSV has columns for summary, sentiment, the
    whole text and all operator results as JSON. Times are in UTC. A file appears once it is whole, and only its owner
    may read it. Each call is read by one Query.

    In CSV, an apostrophe precedes what a spreadsheet would take for a formula, and control characters are escaped. A
    phone number is written as it is, +12025550142: no spreadsheet can run it, but one that opens the file as it is
    shows it without its plus. To keep the plus, import the file and choose Text for the columns from and to.

    Spreadsheets hold 32,767 characters in a cell. A longer text is cut there, and ends with a mark that names the
    call; longer results are replaced by that mark. JSON lines always hold everything.

    \b
    Example: callscribe export --since 7d | jq -r '.insights[].results[].predicted_label'
    Example: callscribe export --since 2026-11-01 --until 2026-12-01 --format csv --output november.csv
    """
    until = until or datetime.now(UTC) + timedelta(seconds=1)
    if until <= since:
        raise typer.BadParameter("it must be after --since.", param_hint="--until")
    with answering(), telling() as tell:
        environment = environment_of(env, stack)
        wanted = Wanted(since=since, until=until, retention=environment.table.retention)
        found = lines(listed(environment.lists, wanted, tell), environment.table, format_, tell)
        _write(found, output, force=force)
    console.print(NOT_REACHED)


def _write(found: Iterator[str], output: Path | None, *, force: bool) -> None:
    if output is None:
        for line in found:
            sys.stdout.write(line)
        sys.stdout.flush()
        return
    with private(output, force=force) as file:
        for line in found:
            file.write(line.encode())
