"""What the commands of `callscribe` share: options, exit statuses, how errors end them, which stack they are about."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from getpass import getpass
from types import MappingProxyType
from typing import Annotated, Any, NoReturn

import typer
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from callscribe.domain.errors import CallscribeError
from callscribe_tools.entry import INTERRUPTED, MISTAKE, NOT_WRITTEN, READER_GONE, trace
from callscribe_tools.operator.environment import Env, Environment, deployed, stack_of
from callscribe_tools.operator.errors import BrokenError, OperatorError, RefusedError, sentences_of
from callscribe_tools.operator.local import Local, enter, running
from callscribe_tools.operator.printing import asking, console, print_json, printable


class Exit(IntEnum):
    """The exit statuses. Each has one meaning in every command: see `MEANINGS`."""

    FINE = 0
    NOT_FINE = 1
    USAGE = 2
    TROUBLE = 3
    REFUSED = 4
    MISTAKE = MISTAKE
    NOT_WRITTEN = NOT_WRITTEN
    INTERRUPTED = INTERRUPTED
    READER_GONE = READER_GONE


MEANINGS: Mapping[Exit, str] = MappingProxyType(
    {
        Exit.FINE: "The command did what you asked for, and found nothing wrong.",
        Exit.NOT_FINE: "The command ran to its end, and found something that needs a person.",
        Exit.USAGE: "The command line is wrong. Nothing was done.",
        Exit.TROUBLE: "AWS or Twilio did not answer or refused, or the environment is not set up. What was done stays "
        "done, and the command may be repeated.",
        Exit.REFUSED: "What you asked for does not exist, cannot be done as you asked for it, or you answered no. "
        "Nothing was done.",
        Exit.MISTAKE: "The command failed by a mistake of its own. The last line names a file that has the details.",
        Exit.NOT_WRITTEN: "The operating system refused to read or write a file, or the output.",
        Exit.INTERRUPTED: "Ctrl-C. What was done stays done, and the command may be repeated.",
        Exit.READER_GONE: "Whoever read the output wanted no more of it, as `head` does. Nothing is printed.",
    }
)
"""What each status means, for the page of the command line."""


STACK_SHAPE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}|arn:[A-Za-z0-9:/-]{1,1000}")
"""A stack's name or ARN (CloudFormation's API reference, CreateStack). Commands to try next repeat it, for a shell."""


def exits(not_fine: str | None = None, refused: str | None = None) -> str:
    """Say in a command's help what its exit statuses mean.

    Args:
        not_fine: what the command has found when it ends with 1; None if it never does.
        refused: what is refused when it ends with 4; None if it never does.
    """
    lines = [
        "    0  fine",
        *([f"    1  {not_fine}"] if not_fine else []),
        "    2  wrong usage",
        "    3  AWS or Twilio could not be asked, or the environment is not set up",
        *([f"    4  {refused}"] if refused else []),
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


@dataclass(slots=True)
class Answer:
    """What a command answers with --json: one document, printed when the command ends, also by an error."""

    as_json: bool
    document: dict[str, Any] | None = None

    def print(self, error: Mapping[str, Any] | None = None) -> None:
        """Print the document on standard output, and the error within it."""
        if self.as_json and (self.document is not None or error):
            print_json({**(self.document or {}), **({"error": error} if error else {})})


@contextmanager
def answering(*, as_json: bool = False) -> Iterator[Answer]:
    """Let an error end the command by a sentence on standard error and an exit status.

    Args:
        as_json: whether standard output holds one JSON document, of which an error is a part.
    """
    answer = Answer(as_json)
    try:
        yield answer
    except typer.Exit:
        answer.print()
        raise
    except (OperatorError, CallscribeError, BotoCoreError, Boto3Error, ClientError, ResponseParserError) as error:
        _end(answer, _status_of(error), error, sentences_of(error))
    except KeyboardInterrupt as error:
        told = str(error) or "Stopped. What was done stays done, and the same command goes on from there."
        _end(answer, Exit.INTERRUPTED, error, told)
    except OSError:
        # Standard output itself may be what is gone.
        raise
    except Exception:
        answer.print({"message": "The command failed by a mistake of its own.", "exit_status": int(Exit.MISTAKE)})
        raise
    else:
        answer.print()


def _status_of(error: Exception) -> Exit:
    if isinstance(error, BrokenError):
        return Exit.NOT_FINE
    return Exit.REFUSED if isinstance(error, RefusedError) else Exit.TROUBLE


def _end(answer: Answer, status: Exit, error: BaseException, message: str) -> NoReturn:
    console.print(message, style="red")
    trace(error)
    answer.print({"message": message, "exit_status": int(status)})
    raise typer.Exit(status) from None


def confirmed(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back, or costs money.

    Raises:
        RefusedError: the person does not agree, or nobody can be asked; a script says --yes.
    """
    if yes:
        return
    try:
        answer = asked(f"{question} [y/N]")
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Stopped. Nothing was done.") from None
    if not answer:
        raise RefusedError("Nothing was done: nobody answered. Scripts say --yes.")
    if answer.strip().lower() not in {"y", "yes"}:
        raise RefusedError("Nothing was done.")


def asked(question: str) -> str:
    """Ask a person for a line, on standard error; empty if standard input has ended.

    Click's own prompt writes a space to standard output, which is for the result alone.
    """
    with asking():
        console.prompt(f"{question}: ")
        return sys.stdin.readline()


def asked_secretly(question: str) -> str:
    """Ask a person for a line that the terminal does not show.

    Raises:
        EOFError: standard input has ended.
    """
    with asking():
        return getpass(f"{printable(question)}: ", stream=sys.stderr)


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
        if not STACK_SHAPE.fullmatch(stack):
            told = (
                "it is no name of a stack: a letter, then letters, digits and hyphens, as callscribe-prod; or its ARN."
            )
            raise typer.BadParameter(told, param_hint="--stack")
        return stack, f"--stack {stack}"
    env = env or Env.DEV
    if env is Env.LOCAL:
        enter(running())
    return stack_of(env), "" if env is Env.DEV else f"--env {env}"
