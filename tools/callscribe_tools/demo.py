"""The demo: calls of every kind, from ringing to DynamoDB, on this machine alone. `make demo` runs it.

It ends all it has started, however it ends, and its exit status tells whether the calls came through.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Annotated

import typer

from callscribe.adapters.items import StoredCall
from callscribe_tools import show, verdict
from callscribe_tools.deadline import MOST_TIMES, blame, slowness
from callscribe_tools.entry import INTERRUPTED, MISTAKE, begin
from callscribe_tools.json_numbers import json_text
from callscribe_tools.local_aws import LocalAwsError, Progress
from callscribe_tools.local_aws.paths import ROOT
from callscribe_tools.local_callscribe import (
    AGENTS_NUMBER,
    JAPANESE_NUMBER,
    NUMBER,
    LocalCallscribe,
    NotSettledError,
    running,
)
from callscribe_tools.operator.errors import OperatorError
from callscribe_tools.operator.local import kept_alone, noted, program
from callscribe_tools.simulator import Call, Scenario, SimulationError, load_scenario
from callscribe_tools.terminal import console, print_json_text, print_line

SETTLE_SECONDS = 120.0
LONGEST_LISTING = 12
"""Sentences of a call that are printed; of a longer call, the first and the last ones."""

CALLS: Mapping[str, str] = {
    "cannot_log_in": NUMBER,
    "pricing_question": JAPANESE_NUMBER,
    "agent_answers": AGENTS_NUMBER,
    "hang_up_in_greeting": NUMBER,
    "silent_call": NUMBER,
    "one_second": NUMBER,
    "transcript_fails": NUMBER,
    "long_call": AGENTS_NUMBER,
}
"""The scenarios that are placed, at the same time, and the number that each one calls."""


NEXT: Mapping[str, str] = {
    "Leave it running, to look at the calls and place others": "make demo KEEP=1",
    "Use it in your AWS account, with your numbers at Twilio": 'README.md, "Deploy it"',
    "Play Twilio for an application of your own": "docs/simulator.md",
}
"""What is printed at the end."""


@dataclass(frozen=True)
class Outcome:
    """A call that has come to its end. `differences` is what is not as its scenario tells it."""

    name: str
    scenario: Scenario
    call: Call
    stored: StoredCall
    differences: Sequence[str]

    @property
    def ending(self) -> str:
        """What became of the call's recording."""
        ends = [
            f"{one['state']} ({one['reason']})" if "reason" in one else str(one["state"])
            for one in self.stored.recordings.values()
        ]
        return ", ".join(ends) or "nothing recorded"


@dataclass
class Result:
    """What the demo prints on standard output with --json: one document, also if it fails."""

    as_json: bool
    outcomes: Sequence[Outcome] = ()
    is_printed: bool = False

    def print_document(self, error: str | None = None, exit_status: int = 0) -> None:
        """Print the calls, and the error that ended the demo. Print nothing without --json, or for a second time."""
        if not self.as_json or self.is_printed:
            return
        self.is_printed = True
        calls = [{"scenario": outcome.name, **show.for_machines(outcome.stored)} for outcome in self.outcomes]
        failed = {"error": {"message": error, "exit_status": exit_status}} if error else {}
        print_json_text(json_text({"calls": calls, **failed}))


STOPPED = "Stopped, and everything with it."

_FAILURES = (LocalAwsError, NotSettledError, OperatorError, SimulationError)


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def main(
    *,
    keep: Annotated[bool, typer.Option(help="Leave everything running until Ctrl-C, and print the addresses.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the calls as one JSON document.")] = False,
) -> None:
    """Place eight calls at the same time and print what DynamoDB then holds of each, or why it holds nothing.

    A message, a message on a number that speaks Japanese, a call that is put through to an agent, a caller who hangs up
    in the greeting, a silent one, a recording of one second, a transcript that fails at Twilio, and a call of 2,500
    sentences. Builds the stack with `sam build`, deploys it with `sam deploy` onto a local AWS with IAM enforced, and
    lets a simulated Twilio call it. Needs no Docker, no AWS account and no Twilio account. Exit status: 0 when every
    call has ended as its file in tools/scenarios says, and is stored as it was spoken, 1 when one has not, 130 after
    Ctrl-C. With --json an error is in the document, as `error`.

    Example: make demo JSON=1 | jq '.calls[] | {scenario, state: [.recordings[].state]}'
    """
    signal.signal(signal.SIGTERM, _terminate)
    # A shell that starts a program in the background lets it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()

    def progress(text: str) -> None:
        console.step(time.monotonic() - started, text)

    result = Result(as_json)
    try:
        with (
            kept_alone(ROOT) if keep else nullcontext(),
            running(ROOT / ".local" / f"demo-{os.getpid()}", progress) as local,
        ):
            try:
                _demonstrate(local, progress, result)
            except (NotSettledError, SimulationError):
                console.print("What the functions logged as warnings and errors:")
                console.print("\n".join(local.troubles()) or "nothing")
                raise
            result.print_document()
            if keep:
                with noted(local.here, ROOT):
                    _keep(local, result.outcomes)
            else:
                _print_next(NEXT)
    except _FAILURES as error:
        console.print("The demo failed.", style="bold red")
        console.print(str(error))
        if isinstance(error, SimulationError) and (busy := blame(slowness())):
            console.print(busy)
        result.print_document(f"The demo failed. {error}", 1)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        result.print_document(STOPPED, INTERRUPTED)
        console.print(STOPPED)
        raise typer.Exit(INTERRUPTED) from None
    except Exception:
        result.print_document("The demo failed by a mistake of its own.", MISTAKE)
        raise


def _demonstrate(local: LocalCallscribe, progress: Progress, result: Result) -> None:
    """Place the calls, wait for their ends, and print what is stored of them; with --json that is left to the end.

    Raises:
        NotSettledError: one has not come to its end in time.
        SimulationError: one did not end as its scenario says, or Twilio would have refused something.
    """
    times = min(slowness(), MOST_TIMES)
    local.twilio.wait_longer(times)
    if blame(times):
        progress(f"This machine is {times:.1f} times as slow as usual now: the simulated Twilio waits longer for it")
    progress(f"Placing {len(CALLS)} calls at the same time")
    callers = ThreadPoolExecutor(len(CALLS))
    try:
        outcomes = list(callers.map(lambda name: _place(local, name, progress), CALLS))
    except BaseException:
        # Calls must end before what they talk to does: else they would ask it again and again.
        local.stopped.set()
        raise
    finally:
        callers.shutdown(cancel_futures=True)
    result.outcomes = outcomes
    if not result.as_json:
        _print(outcomes)
    local.twilio.check()
    wrong = [f"{one.name}: {difference}" for one in outcomes for difference in one.differences]
    if wrong:
        raise SimulationError("\n".join(["These calls are not stored as their scenarios tell them:", *wrong]))
    progress(f"All {len(CALLS)} calls ended as their scenarios say")


def _place(local: LocalCallscribe, name: str, progress: Progress) -> Outcome:
    scenario = load_scenario(name)

    def told(text: str) -> None:
        if local.stopped.is_set():
            raise SimulationError("The call is played no further.")
        progress(f"{name:20} {text}")

    call = local.twilio.place_call(scenario, to=CALLS[name], progress=told)
    stored = local.wait_until_settled(call.sid, SETTLE_SECONDS, told, recorded=scenario.expect != "nothing")
    return Outcome(name, scenario, call, stored, verdict.lasting_differences(scenario, call, stored))


def _print(outcomes: Sequence[Outcome]) -> None:
    for one in outcomes:
        print_line()
        print_line(f"── {one.name}: {one.ending} ──")
        for line in show.for_people(one.stored, longest=LONGEST_LISTING):
            print_line(line)


def _keep(local: LocalCallscribe, outcomes: Sequence[Outcome]) -> None:
    """Print where everything is, and wait for Ctrl-C."""
    aws = local.stack.aws
    end = f"Press Ctrl-C to end it all; from another terminal: kill {os.getpid()}"
    console.print(f"\nKept running. {end}.", style="bold")
    call = f"{program('callscribe-sim')} place cannot_log_in --at {local.twilio_url} --to {local.number}"
    _print_next(
        {
            "List the calls": f"{program('callscribe')} calls --env local",
            "Show one": f"{program('callscribe')} show {outcomes[0].call.sid} --env local",
            "Place another": call,
            "Others to place": f"{program('callscribe-sim')} scenarios",
            "All commands": f"{program('callscribe')} --help",
        }
    )
    console.print("\nWhere everything is:", style="bold")
    for what, where in {
        "AWS": f"export AWS_ENDPOINT_URL={aws.endpoint_url} AWS_DEFAULT_REGION={aws.region} "
        "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
        "Stack": local.stack.name,
        "Table": local.stack.outputs["CallsTableName"],
        "Webhooks": f"{aws.endpoint_url} with the header 'Host: {local.stack.api_host}'",
        "Twilio's REST API": local.twilio_url,
        "Logs": str(aws.work_dir),
    }.items():
        console.print(f"  {what}: {where}")
    with suppress(KeyboardInterrupt):
        signal.pause()
    console.print("Ending it all.")


def _print_next(steps: Mapping[str, str]) -> None:
    width = max(map(len, steps))
    console.print("\nWhat to do next, in this folder:", style="bold")
    for what, command in steps.items():
        console.print(f"  {what:<{width}}  {command}")


def _terminate(number: int, _frame: FrameType | None) -> None:
    # An exception, so that every context on the way out ends what it has started.
    sys.exit(128 + number)


if __name__ == "__main__":
    begin("demo", sys.argv[1:])
