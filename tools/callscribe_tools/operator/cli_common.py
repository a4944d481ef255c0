"""What the commands of `callscribe` share: options, exit statuses, how errors end them, which stack they are about."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Annotated

import typer
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from callscribe.domain.errors import CallscribeError
from callscribe_tools.entry import trace
from callscribe_tools.operator.environment import Env, Environment, SweepError, deployed, stack_of
from callscribe_tools.operator.errors import OperatorError, RefusedError, sentences_of
from callscribe_tools.operator.local import Local, enter, running
from callscribe_tools.operator.printing import console, printable


class Exit(IntEnum):
    """The exit statuses, apart from 2 for wrong usage, which is Typer's."""

    FINE = 0
    NOT_FINE = 1
    DRIFT = 2
    TROUBLE = 3
    INTERRUPTED = 130


def exits(not_fine: str | None, drift: str | None = None) -> str:
    """The exit statuses of a command, as its help tells them.

    Parameters:
        not_fine: what 1 means; None where the command never ends by it.
        drift: what 2 means beside wrong usage.
    """
    lines = [
        "    0  fine",
        *([f"    1  {not_fine}"] if not_fine else []),
        f"    2  {f'{drift}; or ' if drift else ''}wrong usage",
        "    3  AWS or Twilio could not be asked",
        "  130  Ctrl-C",
    ]
    return "\n".join(["\n\b\nExit status:", *lines])


EnvOption = Annotated[
    Env | None,
    typer.Option(
        "--env",
        help="The environment, whose stack samconfig.toml names; local: of `make demo KEEP=1`.",
        show_default="dev",
    ),
]
StackOption = Annotated[
    str | None, typer.Option("--stack", metavar="NAME", help="The stack itself, in the place of --env.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
PriceOption = Annotated[
    float, typer.Option("--price", min=0, metavar="DOLLARS", help="What you pay for a minute of transcription.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]


@contextmanager
def answering() -> Iterator[None]:
    """Let what goes wrong end the command by a sentence and an exit status."""
    try:
        yield
    except (SweepError, RefusedError) as error:
        print_error(error)
        raise typer.Exit(Exit.NOT_FINE) from None
    except (OperatorError, CallscribeError, BotoCoreError, Boto3Error, ClientError) as error:
        print_error(error)
        raise typer.Exit(Exit.TROUBLE) from None
    except KeyboardInterrupt:
        console.print("Stopped. It may be begun again at any time.")
        raise typer.Exit(Exit.INTERRUPTED) from None


def print_error(error: Exception) -> None:
    """Say what went wrong and what to do, on standard error."""
    console.print(sentences_of(error), style="red")
    trace(error)


def confirmed(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back, or costs money; end the command unless it is wanted.

    Where nobody can be asked, nothing is done: a script says --yes.
    """
    if yes:
        return
    try:
        wanted = typer.confirm(printable(question), err=True)
    except typer.Abort as end:
        if isinstance(end.__context__, KeyboardInterrupt):
            console.print("Stopped. Nothing was done.")
            raise typer.Exit(Exit.INTERRUPTED) from None
        console.print("Nothing was done: nobody answered. Scripts say --yes.")
        raise typer.Exit(Exit.NOT_FINE) from None
    if not wanted:
        console.print("Nothing was done.")
        raise typer.Exit(Exit.NOT_FINE)


def environment_of(env: Env | None, stack: str | None) -> Environment:
    """The environment that a command is about."""
    name, option = named_stack(env, stack)
    return deployed(name, option, local_of(env))


def local_of(env: Env | None) -> Local | None:
    """Where the environment is, if that is this machine."""
    return running() if env is Env.LOCAL else None


def named_stack(env: Env | None, stack: str | None) -> tuple[str, str]:
    """The name of the stack that a command is about, and the option that names it in commands to try next."""
    if stack is not None:
        if env is not None:
            raise typer.BadParameter("it is in the place of --env: give one of them.", param_hint="--stack")
        if not stack:
            raise typer.BadParameter("it is empty.", param_hint="--stack")
        return stack, f"--stack {stack}"
    env = env or Env.DEV
    if env is Env.LOCAL:
        enter(running())
    return stack_of(env), "" if env is Env.DEV else f"--env {env}"
