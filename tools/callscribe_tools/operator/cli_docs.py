"""Writes docs/cli.md: what `--help` says of `callscribe` and of each of its commands. `make docs` runs it.

A test holds the file against it, so that the page is never another than the help.
"""

from collections.abc import Iterator

from typer.main import get_command
from typer.testing import CliRunner

from callscribe_tools.local_aws.paths import ROOT
from callscribe_tools.operator.cli import app
from callscribe_tools.operator.cli_common import MEANINGS
from callscribe_tools.terminal import print_line

PAGE = ROOT / "docs" / "cli.md"

_INTRODUCTION = """# The command line

Written from `--help` by `make docs`; a test holds the two together. `make setup` puts `callscribe` into `.venv/bin`;
alone it is installed by `uv tool install .` or `pipx install .` in the folder of the repository.
`callscribe --install-completion` lets the shell complete commands and options.

Results are on standard output, what happens and what goes wrong beside it. With `--json` standard output holds one JSON
document and nothing else. If the command ends by an error, the document has an `error` with its `message` and its
`exit_status`; only wrong usage (2) prints no document. Every command except `export` takes it.

A number has the same JSON type whatever its value: seconds of a call, channels, minutes and counts are whole numbers;
times and confidences of sentences, probabilities and dollars are decimals, such as `1.0`. A number of an operator's own
is as DynamoDB has it, `1` or `0.5`; one of more than 38 digits is a text.

A moment is always written in ISO 8601, in UTC, in whole seconds and with a `Z`, such as `2026-11-20T09:30:00Z`; a day
is written as `2026-11-20`. Only `dump` prints what Twilio wrote.

Callers choose some of the words that are printed. Characters that a terminal would act on are escaped, as `\\x1b` in
text and as `\\u001b` in JSON, which is the same document to whatever reads it.

`CALLSCRIBE_DEBUG=1` shows the stack trace of every error. Proxies are taken from `HTTPS_PROXY`, `ALL_PROXY` and
`NO_PROXY`; this machine itself, as with `--env local`, is never asked through one.
"""

_STATUSES = """## Exit statuses

The same in every command; its own help says what 1 and 4 mean there. A command never ends by a stack trace.

| Status | Meaning |
|---|---|
"""


def page() -> str:
    """The whole page."""
    statuses = "".join(f"| {int(status)} | {meaning} |\n" for status, meaning in MEANINGS.items())
    return "\n".join([_INTRODUCTION, _STATUSES + statuses, *_sections()])


def _sections() -> Iterator[str]:
    for command in [[], *commands()]:
        name = " ".join(["callscribe", *command])
        # As wide as the help says it is, whatever terminal this runs in.
        told = CliRunner().invoke(app, [*command, "--help"], prog_name="callscribe", terminal_width=80, color=False)
        if told.exit_code != 0:
            raise RuntimeError(f"{name} --help ended with {told.exit_code}: {told.output}")
        text = "\n".join(line.rstrip() for line in told.stdout.strip().splitlines())
        yield f"## {name}\n\n```\n{text}\n```\n"


def commands() -> Iterator[list[str]]:
    """All commands by their words, those of a group behind it."""
    for name, command in vars(get_command(app))["commands"].items():
        yield [name]
        yield from ([name, below] for below in vars(command).get("commands", {}))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print_line(f"{PAGE.relative_to(ROOT)} is as --help says.")
