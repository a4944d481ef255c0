"""`callscribe setup plan`, `setup apply` and `setup destroy`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

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
from callscribe_tools.operator.printing import console, print_json, print_table, telling
from callscribe_tools.operator.setup.applying import carry_out, plan_setup
from callscribe_tools.operator.setup.changes import Change
from callscribe_tools.operator.setup.config import Config
from callscribe_tools.operator.setup.config_file import FILE, env_of, load
from callscribe_tools.operator.setup.destroying import plan_destruction

commands = typer.Typer()
_group = typer.Typer(
    no_args_is_help=True,
    help="Make everything at Twilio and in the settings as callscribe.toml says.\n\n\b\n"
    "Example: callscribe setup plan --env prod",
)
commands.add_typer(_group, name="setup", epilog=exits("the file is wrong, or something of it cannot be"))

LONGEST_CELL = 60
"""What a cell shows of a text, such as a prompt; --json has all of it."""

FileOption = Annotated[Path, typer.Option("--file", metavar="PATH", help="The file, in the place of callscribe.toml.")]


@_group.command("plan", epilog=exits("the file is wrong, or something of it cannot be", drift="something differs"))
def plan(
    *,
    check: Annotated[bool, typer.Option("--check", help="End with 2 where something differs; for scripts.")] = False,
    file: FileOption = FILE,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what differs from callscribe.toml, field by field, and what would be created. Nothing is changed.

    \b
    Example: callscribe setup plan --env prod
    Example: callscribe setup plan --env prod --check --json | jq .changes
    """
    with answering(), telling() as tell:
        environment, config = _asked(file, env, stack)
        _, found = plan_setup(environment, config, tell)
    if as_json:
        changes = [one.told() for one in found.changes]
        print_json({"stack": environment.stack, "changes": changes, "notes": found.notes})
    else:
        _print_changes(found.changes, "Nothing differs.")
        _print_notes(found.notes)
        if found.changes:
            console.print(f"To make it so: {environment.command('setup apply')}", markup=False)
    if check and found.changes:
        raise typer.Exit(Exit.DRIFT)


@_group.command("apply", epilog=exits("the file is wrong, or something of it cannot be, and nothing was done"))
def apply(
    *, file: FileOption = FILE, env: EnvOption = None, stack: StackOption = None, as_json: JsonOption = False
) -> None:
    """Make everything as callscribe.toml says: operators, Intelligence Services, numbers, and the settings last.

    It changes what `plan` shows and nothing else. It may be repeated and interrupted at any time: what is made is
    written down in the stack's table. What was there before it, a number's addresses too, is written down before it is
    changed, and `setup destroy` puts it back.

    \b
    Example: callscribe setup apply --env prod
    """
    done: list[Change] = []
    notes: list[str] = []
    with answering(), telling() as tell:
        environment, config = _asked(file, env, stack)
        found, planned = plan_setup(environment, config, tell)
        notes = planned.notes
        try:
            for changes in carry_out(found, planned, tell):
                done += changes
        finally:
            # What was done before something went wrong is told too.
            _print_done(environment, done, notes, as_json=as_json)


@_group.command("destroy", epilog=exits("it was not agreed to, or cannot be"))
def destroy(
    *, env: EnvOption = None, stack: StackOption = None, yes: YesOption = False, as_json: JsonOption = False
) -> None:
    """Take away what setup has made, and put back what it has changed.

    Numbers and adopted Services get back what they had, where it still is as setup has left it. Operators and Services
    that setup has created are deleted: transcripts at Twilio are under their Service. The numbers leave the settings;
    the credentials, and all calls in the table, stay. It may be repeated and interrupted at any time.

    \b
    Example: callscribe setup destroy --env staging
    """
    done: list[Change] = []
    with answering(), telling() as tell:
        environment = environment_of(env, stack)
        asked = plan_destruction(environment, tell)
        if asked is None:
            _print_done(environment, done, [], as_json=as_json)
            return
        found, planned = asked
        if not yes:
            _print_changes(planned.changes, "")
        confirmed(
            f"This ends Callscribe on {environment.stack} at Twilio. A Service that is deleted takes leave of its "
            "transcripts there; what is in DynamoDB stays. Destroy?",
            yes=yes,
        )
        try:
            for changes in carry_out(found, planned, tell):
                done += changes
        finally:
            _print_done(environment, done, [], as_json=as_json)


def _asked(file: Path, env: Env | None, stack: str | None) -> tuple[Environment, Config]:
    """The environment, and what the file says for it."""
    name, _ = named_stack(env, stack)
    config = load(file, env_of(name) if stack else env or Env.DEV)
    return environment_of(env, stack), config


def _print_done(environment: Environment, done: list[Change], notes: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"stack": environment.stack, "done": [one.told() for one in done], "notes": notes})
        return
    _print_changes(done, "Nothing to do.")
    _print_notes(notes)


def _print_changes(changes: Iterable[Change], nothing: str) -> None:
    rows = [(one.what, one.field, _short(one.is_), _short(one.should_be)) for one in changes]
    if rows:
        print_table(("WHAT", "FIELD", "IS", "SHOULD BE"), rows)
    elif nothing:
        console.print(nothing)


def _print_notes(notes: Iterable[str]) -> None:
    for one in notes:
        console.print(f"{one}.", markup=False)


def _short(text: str) -> str:
    text = text.replace("\n", " ")
    return text if len(text) <= LONGEST_CELL or text.startswith("http") else f"{text[: LONGEST_CELL - 1]}…"
