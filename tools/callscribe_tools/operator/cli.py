"""`callscribe`: one deployed Callscribe for whoever operates it, from the command line.

A thin skin over `failures`, `redrive` and `ledger`. What happens goes to standard error, so that standard output holds
the result alone.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from enum import IntEnum
from typing import Annotated, Any

import typer
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from callscribe.domain.errors import CallscribeError
from callscribe.domain.sids import CallSid
from callscribe.usecases.sweep import Queues
from callscribe_tools.operator import cli_options as options
from callscribe_tools.operator.environment import Env, Environment, SweepError, deployed, stack_of
from callscribe_tools.operator.errors import OperatorError, sentences_of
from callscribe_tools.operator.failures import failures
from callscribe_tools.operator.ledger import Day, Ledger, repair, take_ledger
from callscribe_tools.operator.printing import age, console, print_json, print_table, telling
from callscribe_tools.operator.redrive import ENDS_THE_SAME, Outcome, Redriven, Which
from callscribe_tools.operator.redrive import redrive as redriven


class Exit(IntEnum):
    """The exit statuses, apart from 2 for wrong usage, which is Typer's."""

    FINE = 0
    NOT_FINE = 1
    TROUBLE = 3
    INTERRUPTED = 130


def _exits(not_fine: str | None) -> str:
    """The exit statuses of a command, as its help tells them."""
    lines = [
        "    0  fine",
        *([f"    1  {not_fine}"] if not_fine else []),
        "    2  wrong usage",
        "    3  AWS or Twilio could not be asked",
        "  130  Ctrl-C",
    ]
    return "\n".join(["\n\b\nExit status:", *lines])


# Plain help: Rich's boxes would cut the examples. No stack trace of a library's shows what it was given.
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

EnvOption = Annotated[
    Env | None, typer.Option("--env", help="The environment, whose stack samconfig.toml names.", show_default="dev")
]
StackOption = Annotated[
    str | None, typer.Option("--stack", metavar="NAME", help="The stack itself, in the place of --env.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_TIME = "30d, 12h, 2026-11-01 (from midnight, UTC) or 2026-11-01T09:00Z"


@app.callback(epilog=_exits("a command found what is not fine; its own help says what"))
def _callscribe() -> None:
    """See what a deployed Callscribe has failed at or missed, and send it again.

    AWS is asked with the credentials and in the region that the AWS CLI would take: AWS_PROFILE, AWS_DEFAULT_REGION.

    \b
    Example: callscribe failed --env prod --since 7d
    """


@app.command("failed", epilog=_exits(None))
def failed(
    *,
    since: Annotated[
        datetime | None, typer.Option(parser=options.moment, metavar="TIME", help=f"Only what failed since: {_TIME}.")
    ] = None,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what waits for a person, and what to do about it.

    Recordings that have failed or were over the day's budget, and messages in the dead letters, which stay there. A
    failure is no error of this command: scripts read --json.

    \b
    Example: callscribe failed --since 30d
    Example: callscribe failed --json | jq -r '.failures[].reason' | sort | uniq -c
    """
    with _answering(), telling() as tell:
        environment = _environment(env, stack)
        found = list(failures(environment, since, tell))
    if as_json:
        print_json({"stack": environment.stack, "failures": [one.told() for one in found]})
        return
    if found:
        print_table(
            ("WHAT", "SIDS", "STATE", "REASON", "AGE", "WHAT TO DO"),
            (
                (one.what, "\n".join(one.sids) or "?", one.state, one.reason or "?", age(one.since), one.what_to_do)
                for one in found
            ),
        )
        console.print(f"{len(found)} in all. Once mended: {environment.command('redrive')}", markup=False)
    else:
        console.print("Nothing waits for a person.")


@app.command("redrive", epilog=_exits("something was left, or there is no such call"))
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

    A recording whose transcript failed would end the same while that transcript exists: delete it at Twilio, then
    redrive with --call. With --call, what is stored is read anew from Twilio as well, operator results and all.

    \b
    Example: callscribe redrive --dry-run
    Example: callscribe redrive --call CA3f9d0c62a1b74e58961c2d7e8f304ab5
    """
    done: list[Redriven] = []
    with _answering(), telling() as tell:
        environment = _environment(env, stack)
        try:
            for one in redriven(environment, which=queue, call_sid=call, dry_run=dry_run, progress=tell):
                done.append(one)  # noqa: PERF402 (what is done before an error must be in it)
        finally:
            # What was done before something went wrong is told too.
            _print_redriven(done, of_call=call is not None, as_json=as_json)
        if call and not done and not environment.knows(call):
            of = f" on the queue of {queue}" if queue else ""
            console.print(f"There is no such call in the table and no dead letter of it{of}.", style="red")
            raise typer.Exit(Exit.NOT_FINE)
    if any(one.outcome is Outcome.LEFT for one in done):
        raise typer.Exit(Exit.NOT_FINE)


def _print_redriven(done: list[Redriven], *, of_call: bool, as_json: bool) -> None:
    if as_json:
        print_json({"redriven": [one.told() for one in done]})
        return
    if done:
        print_table(
            ("WHAT", "SIDS", "REASON", "OUTCOME", "WHAT TO DO"),
            (
                (one.what, "\n".join(one.sids) or "?", one.reason or "?", one.outcome.value, one.what_to_do)
                for one in done
            ),
        )
    counts = Counter(one.outcome.value for one in done)
    told = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
    console.print(f"{told or 'Nothing to redrive'}.", markup=False)
    if same := 0 if of_call else sum(one.reason in ENDS_THE_SAME for one in done):
        told = "The transcript of so many failed, and would be found again"
        console.print(f"{told}: {same}. Delete it at Twilio, then redrive --call.", markup=False)


@app.command(
    "ledger",
    epilog=_exits("something is missing, also where --repair has just sent for it, or could not be read"),
)
def ledger(
    *,
    since: Annotated[
        datetime,
        typer.Option(parser=options.moment, metavar="TIME", help=f"Calls that began since: {_TIME}."),
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
    with _answering(), telling() as tell:
        environment = _environment(env, stack)
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
        stack_created = {"stack_created": environment.created.isoformat(), "warning": warning}
        print_json(_ledger_document(taken, repaired or 0) | stack_created)
    else:
        _print_ledger(taken)
        _print_conclusion(environment, taken, repaired)
    if warning:
        console.print(warning, markup=False, style="yellow")
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
        return f"{told}. {earlier} of what was sent for are from before; they are transcribed and paid for."
    return (
        f"{told}. {earlier} of what is missing are from before, and were not sent for: they would be transcribed and "
        "paid for. --before-the-stack sends for them too."
    )


def _ledger_document(taken: Ledger, repaired: int) -> dict[str, Any]:
    times = {"day", "began"}
    missing = [
        {name: value.isoformat() if name in times else value for name, value in asdict(one).items()}
        for one in taken.missing
    ]
    for one in missing:
        del one["message"]
    return {
        "since": taken.since.isoformat(),
        "until": taken.until.isoformat(),
        "days": [asdict(one) | {"day": one.day.isoformat()} for one in taken.days],
        "missing": missing,
        "unreadable": taken.unreadable,
        "refused": [*taken.refused],
        "sent": repaired,
    }


# All columns fit into 80 characters.
_SHORT = {"recordings": "recs", "transcripts": "trans", "in_flight": "flight"}


def _print_ledger(taken: Ledger) -> None:
    names = [one.name for one in fields(Day) if one.name != "day"]
    rows = [[one.day.isoformat(), *(getattr(one, name) for name in names)] for one in taken.days]
    total = ["in all", *(sum(getattr(one, name) for one in taken.days) for name in names)]
    print_table(["DAY", *(_SHORT.get(name, name).upper() for name in names)], [*rows, total])
    if taken.missing:
        print()
        print_table(
            ("MISSING", "SID", "CALL", "DAY", "WHAT TO DO"),
            ((one.kind.value, one.sid, one.call_sid or "?", one.day, f"{one.what_to_do}.") for one in taken.missing),
        )


def _print_conclusion(environment: Environment, taken: Ledger, repaired: int | None) -> None:
    for told in taken.refused:
        console.print(f"Not compared: {told}.", markup=False)
    if taken.unreadable:
        console.print(
            f"Lists of Twilio's, and entries, that could not be read, and are not compared: {taken.unreadable}."
        )
    if not taken.missing:
        console.print("Nothing else is missing." if taken.unreadable else "Nothing is missing.")
    elif repaired is not None:
        told = f"{repaired} messages were sent for what is missing. In some minutes, look again"
        console.print(f"{told}: {_again(environment, taken)}", markup=False)
    else:
        told = f"{len(taken.missing)} missing. To send for all of it"
        console.print(f"{told}: {_again(environment, taken)} --repair", markup=False)
        if earlier := sum(one.before_the_stack for one in taken.missing):
            told = "of them are from before the stack was created, and are left without --before-the-stack"
            console.print(f"{earlier} {told}.", markup=False)


def _again(environment: Environment, taken: Ledger) -> str:
    return environment.command(f"ledger --since {min(one.day for one in taken.missing)}")


@app.command("sweep", epilog=_exits("the sweep failed"))
def sweep(*, env: EnvOption = None, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Let the stack look now for what was lost and what has not moved on, as it does every few minutes.

    It says what it found: how much is not settled, and for how much of what was due or lost it has sent a message.

    \b
    Example: callscribe sweep --json
    """
    with _answering(), telling() as tell:
        environment = _environment(env, stack)
        tell("The stack sweeps, which may take five minutes")
        found = environment.sweep()
    if as_json:
        print_json(found)
        return
    print_table(("FOUND", "NUMBER"), ((name.replace("_", " "), value) for name, value in found.items()))


@contextmanager
def _answering() -> Iterator[None]:
    """Let what goes wrong end the command by a sentence and an exit status."""
    try:
        yield
    except SweepError as error:
        _print_error(error)
        raise typer.Exit(Exit.NOT_FINE) from None
    except (OperatorError, CallscribeError, BotoCoreError, Boto3Error, ClientError) as error:
        _print_error(error)
        raise typer.Exit(Exit.TROUBLE) from None
    except KeyboardInterrupt:
        console.print("Stopped. It may be begun again at any time.")
        raise typer.Exit(Exit.INTERRUPTED) from None


def _print_error(error: Exception) -> None:
    console.print(sentences_of(error), markup=False, style="red")


def _environment(env: Env | None, stack: str | None) -> Environment:
    if stack is not None:
        if env is not None:
            raise typer.BadParameter("it is in the place of --env: give one of them.", param_hint="--stack")
        if not stack:
            raise typer.BadParameter("it is empty.", param_hint="--stack")
        return deployed(stack, f"--stack {stack}")
    env = env or Env.DEV
    return deployed(stack_of(env), "" if env is Env.DEV else f"--env {env}")
