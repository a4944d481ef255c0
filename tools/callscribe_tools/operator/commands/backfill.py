"""`callscribe backfill`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from callscribe_tools.operator import cli_options as options
from callscribe_tools.operator.backfill import Backfill, plan, send
from callscribe_tools.operator.cli_common import (
    EnvOption,
    Exit,
    JsonOption,
    PriceOption,
    StackOption,
    YesOption,
    answering,
    confirmed,
    environment_of,
    exits,
)
from callscribe_tools.operator.price import DOLLARS_PER_MINUTE, priced
from callscribe_tools.operator.printing import console, telling
from callscribe_tools.words import quantity

commands = typer.Typer()


@commands.command(
    "backfill",
    epilog=exits("something could not be read, and is left out", refused="you answered no"),
)
def backfill(
    *,
    since: Annotated[
        datetime,
        typer.Option(parser=options.moment, metavar="TIME", help=f"Calls that began since: {options.TIME}."),
    ],
    until: Annotated[
        datetime | None, typer.Option(parser=options.moment, metavar="TIME", help="Calls that began before; else now.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing: count, minutes and price.")] = False,
    price: PriceOption = DOLLARS_PER_MINUTE,
    yes: YesOption = False,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Transcribe the recordings from before: of calls to the numbers of the settings, that nobody has told of.

    It says how many there are, how many minutes and about what they cost, and asks. They go on a queue of their own,
    whose worker stands back while messages of live calls wait, and count against no day's budget. What is stored,
    failed, under way or erased is left as it is, and so is what is older than the table keeps anything. It may be
    interrupted and repeated at any time.

    A transcript that a recording already has under a Service of the settings is stored, and nothing is paid. One under
    another Service ends as failed: `callscribe failed` has it, and `retranscribe` deletes that transcript first.

    \b
    Example: callscribe backfill --since 2026-01-01 --dry-run
    Example: callscribe backfill --env prod --since 30d --until 7d --yes --json
    """
    until = until or datetime.now(UTC)
    if until <= since:
        raise typer.BadParameter("it must be after --since.", param_hint="--until")
    sent = 0
    with answering(as_json=as_json) as answer, telling() as tell:
        environment = environment_of(env, stack)
        settings = environment.settings()
        found = plan(environment, environment.twilio(settings), settings, since, until, tell)
        _print_plan(found, price)
        try:
            if found.recordings and not dry_run:
                confirmed("Send for them?", yes=yes)
                for sent in send(environment, found.recordings, tell):  # noqa: B007 (it is told below)
                    pass
        finally:
            # What was sent before something went wrong is told too.
            dollars = round(found.minutes * price, 2)
            answer.document = {**found.told(), "dollars": dollars, "dry_run": dry_run, "sent": sent}
    if sent:
        again = environment.command(f"ledger --since {found.since:%Y-%m-%d}")
        console.print(
            f"Messages were sent for {quantity(sent, 'recording')}. What is still missing, in some minutes: {again}"
        )
    if found.unreadable:
        raise typer.Exit(Exit.NOT_FINE)


def _print_plan(found: Backfill, price: float) -> None:
    for refusal in found.refused:
        console.print(f"Not compared: {refusal}.")
    if found.unreadable:
        console.print(f"Lists of Twilio's, and entries, that could not be read, and are left out: {found.unreadable}.")
    if not found.recordings:
        console.print("There is no recording that nobody has told of.")
        return
    told = found.told()
    console.print(
        f"{quantity(told['recordings'], 'recording')} of {quantity(told['calls'], 'call')} since "
        f"{found.since:%Y-%m-%dT%H:%MZ}. Transcribed already, at no cost: {found.transcribed}. "
        f"Absent, too short or too long to transcribe: {found.worthless}. "
        f"To pay: {priced(found.minutes, price)}.",
    )
    if found.waiting:
        console.print(
            f"Some of them may wait already: an earlier backfill has {quantity(found.waiting, 'message')} on its queue."
        )
