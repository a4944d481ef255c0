"""`callscribe show`."""

from typing import Annotated

import typer

from callscribe.domain.sids import CallSid
from callscribe_tools.json_numbers import json_text
from callscribe_tools.operator import cli_options as options
from callscribe_tools.operator.cli_common import (
    EnvOption,
    JsonOption,
    StackOption,
    answering,
    environment_of,
    exits,
)
from callscribe_tools.operator.errors import RefusedError
from callscribe_tools.operator.operator_names import operator_names
from callscribe_tools.operator.printing import print_json_text, print_line
from callscribe_tools.operator.stored import current, for_machines, for_people, is_known, next_steps

commands = typer.Typer()


@commands.command("show", epilog=exits(refused="nothing is stored of the call"))
def show(
    call: Annotated[CallSid, typer.Argument(parser=options.call_sid, metavar="CA…", help="The call.")],
    *,
    zone: options.ZoneOption = "UTC",
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show all that is stored of a call: who, when, what became of its recordings, who said what, operator results.

    If a recording failed or was skipped, it says what to do. Numbers are shown in full. Times are those of --tz, with
    --json in UTC. Of a call that was erased it says when.

    \b
    Example: callscribe show CA00000000000000000000000000000001 --tz Europe/Berlin
    Example: callscribe show CA00000000000000000000000000000001 --json | jq -r '.insights[].sentences[].text'
    """
    local = options.zone(zone)
    with answering(as_json=as_json):
        environment = environment_of(env, stack)
        stored = current(environment.table.read(call))
        if not is_known(stored):
            raise RefusedError(
                f"Nothing is stored of call {call} in {environment.stack}. It may be of another environment (--env), "
                "older than anything is kept, or lost. What Twilio has and the table has not: "
                f"{environment.command('ledger --since 7d')}"
            )
    steps = next_steps(environment, stored)
    if as_json:
        print_json_text(json_text(for_machines(stored, steps)))
        return
    names = operator_names(environment, {sid for one in stored.insights for sid in one.missing_operators})
    for line in for_people(stored, local, steps, names):
        print_line(line)
