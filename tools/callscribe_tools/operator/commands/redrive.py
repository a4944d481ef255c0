"""`callscribe redrive`."""

from collections import Counter
from typing import Annotated

import typer

from callscribe.domain.sids import CallSid
from callscribe_tools.operator import cli_options as options
from callscribe_tools.operator.cli_common import (
    EnvOption,
    Exit,
    JsonOption,
    StackOption,
    answering,
    environment_of,
    exits,
)
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.errors import RefusedError
from callscribe_tools.operator.printing import console, print_table, telling
from callscribe_tools.operator.redrive import ENDS_THE_SAME, Outcome, Redriven, Which
from callscribe_tools.operator.redrive import redrive as redriven

commands = typer.Typer()


@commands.command("redrive", epilog=exits("something was left", refused="there is no such call"))
def redrive(
    *,
    queue: Annotated[
        Which | None,
        typer.Option(help="Only this queue's dead letters; recordings themselves go with the queue of recordings."),
    ] = None,
    call: Annotated[
        CallSid | None,
        typer.Option(parser=options.call_sid, metavar="CA…", help="Only of this call, also where it is stored."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing, and say what would be sent.")] = False,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send again what has failed, once its cause is mended.

    Messages in the dead letters go back to their queues, and recordings that `callscribe failed` lists begin anew; each
    does five times at most. What workers bury meanwhile is left to the next redrive. It may be interrupted and
    repeated at any time.

    A recording whose transcript failed would end the same while that transcript exists: `retranscribe` deletes it, and
    asks anew. With --call, what is stored is read anew from Twilio as well, operator results and all.

    \b
    Example: callscribe redrive --dry-run
    Example: callscribe redrive --call CA3f9d0c62a1b74e58961c2d7e8f304ab5
    """
    done: list[Redriven] = []
    with answering(as_json=as_json) as answer, telling() as tell:
        environment = environment_of(env, stack)
        try:
            for one in redriven(environment, which=queue, call_sid=call, dry_run=dry_run, progress=tell):
                done.append(one)  # noqa: PERF402 (what is done before an error must be in it)
        finally:
            # What was done before something went wrong is told too.
            answer.document = {"redriven": [one.told() for one in done]}
            if not as_json:
                _print_redriven(environment, done, of_call=call is not None)
        if call and not done and not environment.knows(call):
            of = f" on the queue of {queue}" if queue else ""
            raise RefusedError(f"There is no such call in the table and no dead letter of it{of}.")
    if any(one.outcome is Outcome.LEFT for one in done):
        raise typer.Exit(Exit.NOT_FINE)


def _print_redriven(environment: Environment, done: list[Redriven], *, of_call: bool) -> None:
    if done:
        print_table(
            ("WHAT", "SIDS", "REASON", "OUTCOME", "WHAT TO DO"),
            ((one.what, tuple(one.sids) or "?", one.reason or "?", one.outcome.value, one.what_to_do) for one in done),
        )
    counts = Counter(one.outcome.value for one in done)
    told = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
    console.print(f"{told or 'Nothing to redrive'}.")
    if same := 0 if of_call else sum(one.reason in ENDS_THE_SAME for one in done):
        told = "The transcript of so many failed, and would be found again"
        anew = environment.command("retranscribe CA…")
        console.print(f"{told}: {same}. To delete it and ask anew: {anew}")
