"""The soak's command line: see the package. `make soak` runs it."""

import os
import signal
import sys
import time
from types import FrameType
from typing import Annotated, NoReturn

import typer

from callscribe_tools.local_aws import LocalAwsError
from callscribe_tools.local_aws.paths import ROOT
from callscribe_tools.soak import report
from callscribe_tools.soak.plan import planned
from callscribe_tools.soak.plants import Plant, plant
from callscribe_tools.soak.run import play, soak_stack
from callscribe_tools.soak.verdict import judge
from callscribe_tools.terminal import console, print_json, print_json_error, print_line

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def main(
    *,
    calls: Annotated[int, typer.Option(min=1, help="How many calls are placed.")] = 1000,
    seed: Annotated[
        int, typer.Option(help="Which calls, and what goes wrong on which: the same for the same seed.")
    ] = 1,
    broken: Annotated[
        Plant | None, typer.Option("--plant", help="Break one call afterwards: the verdict must see it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Place many calls through the deployed local stack while things go wrong, and judge what became of each.

    \b
    Webhooks are lost, doubled, late, out of order, or sent where nobody listens; Twilio's REST API throttles, fails,
    breaks connections, and does what it is asked without an answer; recordings are deleted, transcripts get stuck, fail
    or never end, and their results come late. The verdict comes from the simulated Twilio's own record.

    \b
    Exit status:
      0    every call came to its end once, in time, and paid for once, and the ledger agrees
      1    one did not, or the soak could not be run
      2    an option is wrong
      130  Ctrl-C

    \b
    Example: make soak CALLS=100 JSON=1 | jq .heal_seconds
    """
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()

    def progress(text: str) -> None:
        console.step(time.monotonic() - started, text)

    try:
        with soak_stack(ROOT / ".local" / f"soak-{os.getpid()}", progress) as local:
            run = play(local, list(planned(calls, seed)), progress)
            if broken:
                progress(f"Planting a {broken}: {plant(broken, local, run).sid}")
            progress("Comparing what is stored with what should be")
            verdict = judge(local, run)
    except LocalAwsError as error:
        _end(str(error), 1, as_json=as_json)
    except KeyboardInterrupt:
        _end("Stopped, and everything with it.", 130, as_json=as_json)
    if as_json:
        print_json(report.for_machines(run, verdict))
    else:
        for line in report.for_people(run, verdict):
            print_line(line)
    raise typer.Exit(1 if any(verdict.faults()) else 0)


def _end(message: str, exit_status: int, *, as_json: bool) -> NoReturn:
    console.print(message)
    if as_json:
        print_json_error(message, exit_status)
    raise typer.Exit(exit_status) from None


def _terminate(number: int, _frame: FrameType | None) -> None:
    # An exception, so that every context on the way out ends what it has started.
    sys.exit(128 + number)
