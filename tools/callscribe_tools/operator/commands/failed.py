"""`callscribe failed`."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer

from callscribe_tools.operator import cli_options as options
from callscribe_tools.operator.advice import Helps
from callscribe_tools.operator.cli_common import (
    EnvOption,
    JsonOption,
    StackOption,
    answering,
    environment_of,
    exits,
)
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.failures import Failure, failures
from callscribe_tools.operator.printing import age, console, print_json, print_table, telling
from callscribe_tools.words import verb

commands = typer.Typer()


@commands.command("failed", epilog=exits())
def failed(
    *,
    since: Annotated[
        datetime | None,
        typer.Option(parser=options.moment, metavar="TIME", help=f"Only what failed since: {options.TIME}."),
    ] = None,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what waits for a person, and what to do about it.

    Recordings that have failed or were over the day's budget, recordings that Twilio refuses to delete, and messages in
    the dead letters, which stay there. A failure is no error of this command: scripts read --json.

    \b
    Example: callscribe failed --since 30d
    Example: callscribe failed --json | jq -r '.failures[].reason' | sort | uniq -c
    """
    with answering(as_json=as_json), telling() as tell:
        environment = environment_of(env, stack)
        found = list(failures(environment, since, tell))
    if as_json:
        print_json({"stack": environment.stack, "failures": [one.told() for one in found]})
        return
    if found:
        print_table(
            ("WHAT", "SIDS", "STATE", "REASON", "AGE", "WHAT TO DO"),
            (
                (one.what, one.sids or "?", one.state, one.reason or "?", age(one.since), one.what_to_do)
                for one in found
            ),
        )
        for line in _conclusion(environment, found):
            console.print(line)
    else:
        console.print("Nothing waits for a person.")


def _conclusion(environment: Environment, found: list[Failure]) -> Iterator[str]:
    """Say how many of them each command helps, and of how many nothing does."""
    counts = Counter(one.remedy.helps for one in found)
    yield f"{len(found)} in all."
    if number := counts[Helps.REDRIVE]:
        once = f"once {verb(number, 'its', 'their')} cause is fixed"
        yield f"{number} to send again {once}; all at once: {environment.command('redrive')}"
    if number := counts[Helps.RETRANSCRIBE]:
        yield f"{number} to transcribe again, call by call: {environment.command('retranscribe CA…')}"
    if number := counts[Helps.NOTHING]:
        yield (
            f"{number} that no command helps. {verb(number, 'It is', 'They are')} listed until the table or the queue "
            f"forgets {verb(number, 'it', 'them')}."
        )
