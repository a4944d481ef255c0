"""`callscribe sweep`."""

import typer

from callscribe_tools.operator.cli_common import (
    EnvOption,
    JsonOption,
    StackOption,
    answering,
    environment_of,
    exits,
)
from callscribe_tools.operator.printing import print_json, print_table, telling

commands = typer.Typer()


@commands.command("sweep", epilog=exits("the sweep failed"))
def sweep(*, env: EnvOption = None, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Let the stack look now for what was lost and what has not moved on, as it does every few minutes.

    It says what it found: how much is not settled, and for how much of what was due or lost it has sent a message.

    \b
    Example: callscribe sweep --json
    """
    with answering(as_json=as_json), telling() as tell:
        environment = environment_of(env, stack)
        tell("The stack sweeps, which may take five minutes")
        found = environment.sweep()
    if as_json:
        print_json(found)
        return
    print_table(("FOUND", "NUMBER"), ((name.replace("_", " "), value) for name, value in found.items()))
