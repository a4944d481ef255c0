"""`callscribe setup plan`, `setup apply` and `setup destroy`."""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from callscribe_tools.cli_help import Group
from callscribe_tools.operator import cli_options as options
from callscribe_tools.operator.cli_common import (
    EnvOption,
    Exit,
    JsonOption,
    StackOption,
    YesOption,
    answering,
    confirmed,
    environment_of,
    exits,
    named_stack,
)
from callscribe_tools.operator.environment import Env, Environment
from callscribe_tools.operator.printing import console, print_line, telling
from callscribe_tools.operator.setup.applying import carry_out, plan_setup
from callscribe_tools.operator.setup.changes import Change
from callscribe_tools.operator.setup.config import Config
from callscribe_tools.operator.setup.config_file import DEMO_FILE, FILE, default_file, env_of, load
from callscribe_tools.operator.setup.destroying import plan_destruction, plan_release
from callscribe_tools.operator.setup.report import after_destroying, counted, effects, grouped

commands = typer.Typer()
_group = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Make everything at Twilio and in the settings as callscribe.toml says.\n\n\b\n"
    "Example: callscribe setup plan --env prod",
)
commands.add_typer(
    _group,
    name="setup",
    epilog=exits("something differs", refused="the file is wrong, or something in it cannot be done"),
)

FileOption = Annotated[
    Path | None,
    typer.Option("--file", metavar="PATH", help=f"The file; else {FILE}, and for --env local {DEMO_FILE}."),
]


@_group.command(
    "plan",
    epilog=exits("with --check: something differs", refused="the file is wrong, or something in it cannot be done"),
)
def plan(
    *,
    check: Annotated[bool, typer.Option("--check", help="End with 1 if something differs; for scripts.")] = False,
    file: FileOption = None,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what differs from callscribe.toml, field by field, and what would be created. Nothing is changed.

    \b
    Example: callscribe setup plan --env prod
    Example: callscribe setup plan --env prod --check --json | jq .changes
    """
    with answering(as_json=as_json) as answer, telling() as tell:
        environment, config = _asked(file, env, stack)
        _, found = plan_setup(environment, config, tell)
        changes = [change.told() for change in found.changes]
        answer.document = {"stack": environment.stack, "changes": changes, "notes": found.notes}
    if not as_json:
        _print_changes(found.changes)
        if found.changes:
            print_line()
            print_line(f"{counted(found.changes, done=False)}.")
        else:
            console.print("Nothing in the file differs.")
        _print_notes(found.notes)
        if found.changes:
            option = f" --file {shlex.quote(str(file))}" if file else ""
            console.print(f"To make it so: {environment.command('setup apply')}{option}")
    if check and found.changes:
        raise typer.Exit(Exit.NOT_FINE)


@_group.command("apply", epilog=exits(refused="the file is wrong, or something in it cannot be done"))
def apply(
    *, file: FileOption = None, env: EnvOption = None, stack: StackOption = None, as_json: JsonOption = False
) -> None:
    """Make everything as callscribe.toml says: operators, Intelligence Services, the settings, and the numbers last.

    It changes what `plan` shows and nothing else. It may be repeated and interrupted at any time: what is made is
    written down in the stack's table. What was there before it, a number's addresses too, is written down before it is
    changed, and `setup destroy` puts it back.

    \b
    Example: callscribe setup apply --env prod
    """
    done: list[Change] = []
    with answering(as_json=as_json) as answer, telling() as tell:
        environment, config = _asked(file, env, stack)
        found, planned = plan_setup(environment, config, tell)
        try:
            for changes in carry_out(found, planned, tell):
                done += changes
        finally:
            # What was done before something went wrong is told too.
            answer.document = _document(environment, done, planned.notes)
            if not as_json:
                _print_done(done)
    if as_json:
        return
    _print_notes(planned.notes)
    if not done:
        console.print(f"Nothing to do: everything is as {file or default_file(env)} says.")
        return
    _print_lines(effects(done))
    console.print(f"To check it all: {environment.command('doctor')}")


@_group.command("destroy", epilog=exits(refused="you answered no, or it cannot be done"))
def destroy(
    *,
    number: Annotated[
        str | None,
        typer.Option(
            "--number", parser=options.number, metavar="+1…", help="Release this number alone, and keep all else."
        ),
    ] = None,
    env: EnvOption = None,
    stack: StackOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take away what setup has made, and put back what it has changed.

    Numbers and adopted Services get back what they had, where it still is as setup has left it. Operators and Services
    that setup has created are deleted: transcripts at Twilio are under their Service. The numbers leave the settings;
    the credentials, and all calls in the table, stay. It may be repeated and interrupted at any time.

    With --number it puts one number back, and takes it out of the settings. Remove it from callscribe.toml too, or the
    next `setup apply` wires it again. Let its last calls be stored first: without its settings a recording that is
    under way is not transcribed.

    \b
    Example: callscribe setup destroy --env staging
    Example: callscribe setup destroy --env prod --number +12025550142
    """
    done: list[Change] = []
    with answering(as_json=as_json) as answer, telling() as tell:
        environment = environment_of(env, stack)
        answer.document = _document(environment, done, [])
        asked = plan_release(environment, number, tell) if number else plan_destruction(environment, tell)
        if asked:
            found, planned = asked
            if not yes:
                _print_lines(grouped(planned.changes))
            whole = (
                f"This ends Callscribe on {environment.stack} at Twilio. Transcripts at Twilio are deleted with their "
                "Service; what is in DynamoDB stays. Destroy?"
            )
            confirmed(f"Callscribe answers {number} no more. Release it?" if number else whole, yes=yes)
            try:
                for changes in carry_out(found, planned, tell):
                    done += changes
            finally:
                answer.document = _document(environment, done, [])
                if not as_json:
                    _print_done(done)
    if as_json:
        return
    if not done:
        console.print("Nothing to do: setup has made nothing for this stack.")
        return
    if number:
        console.print(f"Remove {number} from callscribe.toml, or the next `setup apply` wires it again.")
        return
    _print_lines(after_destroying())


def _asked(file: Path | None, env: Env | None, stack: str | None) -> tuple[Environment, Config]:
    """The environment, and what the file says for it."""
    name, _ = named_stack(env, stack)
    of = env_of(name) if stack else env or Env.DEV
    config = load(file or default_file(of), of)
    return environment_of(env, stack), config


def _document(environment: Environment, done: list[Change], notes: list[str]) -> dict[str, Any]:
    return {"stack": environment.stack, "done": [change.told() for change in done], "notes": notes}


def _print_done(done: list[Change]) -> None:
    if done:
        _print_changes(done)
        print_line()
        print_line(f"Done: {counted(done, done=True)}.")


def _print_changes(changes: Iterable[Change]) -> None:
    for line in grouped(changes):
        print_line(line)


def _print_notes(notes: Iterable[str]) -> None:
    _print_lines(f"{note}." for note in notes)


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line)
