"""`callscribe ledger`."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from callscribe.adapters.dynamodb import iso
from callscribe.usecases.sweep import Queues
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
from callscribe_tools.operator.ledger import Balance, Ledger, repair, take_ledger
from callscribe_tools.operator.ledger_entries import Day
from callscribe_tools.operator.printing import console, print_json, print_line, print_table, telling
from callscribe_tools.words import quantity, verb

commands = typer.Typer()


@commands.command(
    "ledger",
    epilog=exits("something is missing, also where --repair has just sent for it, or could not be read"),
)
def ledger(
    *,
    since: Annotated[
        datetime,
        typer.Option(parser=options.moment, metavar="TIME", help=f"Calls that began since: {options.TIME}."),
    ],
    until: Annotated[
        datetime | None, typer.Option(parser=options.moment, metavar="TIME", help="Calls that began before; else now.")
    ] = None,
    mend: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Send for what is missing, as the sweep does. What is sent for is transcribed, and paid for.",
        ),
    ] = False,
    before_the_stack: Annotated[
        bool,
        typer.Option("--before-the-stack", help="With --repair, also for calls from before the stack was created."),
    ] = False,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what Twilio has of the calls with what is stored, day by day, and say what is missing.

    Each thing counts on the UTC day on which its call began. CALLS, RECS and TRANS are the calls, recordings and
    transcripts that Twilio has. The others are the table's recordings; FLIGHT is also what has not had its time yet.
    Below the table it says how these numbers add up.
    What is older than the table keeps anything is left out. What cannot be read is counted and not compared.

    Calls from before the stack was created are missing too, since nobody heard of them. --repair leaves them: they
    would be transcribed, and paid for.

    \b
    Example: callscribe ledger --since 7d
    Example: callscribe ledger --env prod --since 2026-11-01 --until 2026-11-08 --json
    """
    if until is not None and until <= since:
        raise typer.BadParameter("it must be after --since.", param_hint="--until")
    if before_the_stack and not mend:
        raise typer.BadParameter("it goes with --repair.", param_hint="--before-the-stack")
    with answering(as_json=as_json), telling() as tell:
        environment = environment_of(env, stack)
        settings = environment.settings()
        taken = take_ledger(
            lists=environment.lists,
            table=environment.table,
            twilio=environment.twilio(settings),
            settings=settings,
            patience=environment.patience,
            since=since,
            until=until or datetime.now(UTC),
            progress=tell,
            created=environment.created,
        )
        queues = Queues(recordings=environment.recordings.queue, transcripts=environment.transcripts.queue)
        to_send = [one for one in taken.missing if before_the_stack or not one.before_the_stack]
        repaired = repair(to_send, queues) if mend else None
    warning = _warning(environment, taken, sent=before_the_stack) if mend else None
    if as_json:
        stack_created = {"stack_created": iso(environment.created), "warning": warning}
        print_json(_ledger_document(taken, repaired or 0) | stack_created)
    else:
        _print_ledger(taken)
        _print_conclusion(environment, taken, repaired)
    if warning:
        console.print(warning, style="yellow")
    if taken.missing or taken.unreadable:
        raise typer.Exit(Exit.NOT_FINE)


def _warning(environment: Environment, taken: Ledger, *, sent: bool) -> str | None:
    """What is said to whoever repairs a time when there was no stack yet."""
    if taken.since >= environment.created:
        return None
    told = f"--since is earlier than the stack, which was created at {environment.created:%Y-%m-%dT%H:%MZ}"
    earlier = sum(one.before_the_stack for one in taken.missing)
    if not earlier:
        return f"{told}. Nothing that is missing is from before."
    if sent:
        return (
            f"{told}. {earlier} of the things that messages were sent for {verb(earlier, 'is', 'are')} from before; "
            f"{verb(earlier, 'it is', 'they are')} transcribed, and you pay for that."
        )
    return (
        f"{told}. {earlier} of the missing things {verb(earlier, 'is', 'are')} from before, and no message was sent "
        f"for {verb(earlier, 'it', 'them')}: you would pay for the transcription. --before-the-stack sends messages "
        f"for {verb(earlier, 'it', 'them')} too."
    )


def _ledger_document(taken: Ledger, repaired: int) -> dict[str, Any]:
    missing = [asdict(one) | {"day": one.day.isoformat(), "began": iso(one.began)} for one in taken.missing]
    for one in missing:
        del one["message"], one["recording"]
    return {
        "since": iso(taken.since),
        "until": iso(taken.until),
        "days": [asdict(one) | {"day": one.day.isoformat()} for one in taken.days],
        "missing": missing,
        "balance": asdict(taken.balance) | {"need_none": taken.balance.need_none, "gone": taken.balance.gone},
        "unreadable": taken.unreadable,
        "refused": [*taken.refused],
        "sent": repaired,
    }


# All columns fit into 80 characters.
_SHORT = {"recordings": "recs", "transcripts": "trans", "in_flight": "flight"}


_NO_COLUMNS = {"day", "rows", "with_row", "waiting"}


def _print_ledger(taken: Ledger) -> None:
    names = [one.name for one in fields(Day) if one.name not in _NO_COLUMNS]
    rows = [[one.day.isoformat(), *(getattr(one, name) for name in names)] for one in taken.days]
    total = ["in all", *(sum(getattr(one, name) for one in taken.days) for name in names)]
    print_table(["DAY", *(_SHORT.get(name, name).upper() for name in names)], [*rows, total])
    if taken.missing:
        print_line()
        print_table(
            ("MISSING", "SID", "CALL", "DAY", "WHAT TO DO"),
            ((one.kind.value, one.sid, one.call_sid or "?", one.day, f"{one.what_to_do}.") for one in taken.missing),
        )


def _additions(balance: Balance) -> Iterator[str]:
    """Say how RECS and the rows of the table add up, or why one is more than the other."""
    if not (balance.recordings or balance.rows):
        return
    none = ": mono ones beside one in two channels, ones that Callscribe did not ask for, or of erased calls"
    yield (
        f"RECS {balance.recordings} = {balance.with_row} with a row in the table + {balance.missing} missing "
        f"+ {balance.waiting} that have still time + {balance.need_none} that need no row"
        f"{none if balance.need_none else ''}."
    )
    gone = " at Twilio, where it was deleted" if balance.gone else " at Twilio"
    yield (
        f"STORED, SKIPPED, FAILED, ERASED and those under way are {balance.rows} rows = {balance.with_row} with a "
        f"recording at Twilio + {balance.gone} without one{gone}."
    )


def _print_conclusion(environment: Environment, taken: Ledger, repaired: int | None) -> None:
    for line in _additions(taken.balance):
        console.print(line)
    for told in taken.refused:
        console.print(f"Not compared: {told}.")
    if taken.unreadable:
        console.print(
            f"Lists of Twilio's, and entries, that could not be read, and are not compared: {taken.unreadable}."
        )
    if not taken.missing:
        console.print("Nothing else is missing." if taken.unreadable else "Nothing is missing.")
    elif repaired is not None:
        told = f"{quantity(repaired, 'message')} {verb(repaired, 'was', 'were')} sent for what is missing."
        console.print(f"{told} In some minutes, look again: {_again(environment, taken)}")
    else:
        told = f"{len(taken.missing)} missing. To send for all of it"
        console.print(f"{told}: {_again(environment, taken)} --repair")
        if earlier := sum(one.before_the_stack for one in taken.missing):
            told = f"{earlier} of them {verb(earlier, 'is', 'are')} from before the stack was created"
            console.print(f"{told}: --repair leaves such calls out, unless you add --before-the-stack.")


def _again(environment: Environment, taken: Ledger) -> str:
    return environment.command(f"ledger --since {min(one.day for one in taken.missing)}")
