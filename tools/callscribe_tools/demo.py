"""The demo: one call, from ringing to DynamoDB, on this machine alone. `make demo` runs it.

It ends all it has started, however it ends, and its exit status tells whether the call came through.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from callscribe_tools import show, verdict
from callscribe_tools.local_aws import LocalAwsError, Progress
from callscribe_tools.local_aws.paths import ROOT
from callscribe_tools.local_callscribe import LocalCallscribe, NotSettledError, running
from callscribe_tools.simulator import SimulationError, load_scenario

SETTLE_SECONDS = 60.0
_FAILURES = (LocalAwsError, NotSettledError, SimulationError)

# What happens goes to standard error, so that standard output holds the call and nothing else.
_console = Console(stderr=True, highlight=False, soft_wrap=True)


def main(
    *,
    keep: Annotated[bool, typer.Option(help="Leave everything running until Ctrl-C, and print the addresses.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the call as JSON.")] = False,
) -> None:
    """Place the call "We cannot log in to your account system." and print what DynamoDB then holds of it.

    Builds the stack with `sam build`, deploys it with `sam deploy` onto a local AWS with IAM enforced, and lets a
    simulated Twilio call it. Needs no Docker, no AWS account and no Twilio account. Exit status: 0 when the call is
    stored as it was spoken, recorded and found, 1 when it is not, 130 after Ctrl-C.

    Example: python -m callscribe_tools.demo --json | jq '.insights[0].sentences'
    """
    signal.signal(signal.SIGTERM, _terminate)
    # A shell that starts a program in the background lets it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()

    def progress(text: str) -> None:
        _console.print(f"[dim]{time.monotonic() - started:5.1f} s[/]  ", end="")
        _console.print(text, markup=False)

    try:
        with running(ROOT / ".local" / f"demo-{os.getpid()}", progress) as local:
            try:
                _demonstrate(local, progress, as_json=as_json)
            except (NotSettledError, SimulationError):
                _console.print("What the functions logged as warnings and errors:")
                _console.print("\n".join(local.troubles()) or "nothing", markup=False)
                raise
            if keep:
                _keep(local)
    except _FAILURES as error:
        _console.print("The demo failed.", style="bold red")
        _console.print(str(error), markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        _console.print("Stopped, and everything with it.")
        raise typer.Exit(130) from None


def _demonstrate(local: LocalCallscribe, progress: Progress, *, as_json: bool) -> None:
    """Place the call, wait for its end, print what is stored of it.

    Raises:
        SimulationError: the call did not end as its scenario says, or Twilio would have refused something.
    """
    scenario = load_scenario("cannot_log_in")
    call = local.twilio.place_call(scenario, to=local.number, progress=progress)
    local.twilio.check()
    stored = local.wait_until_settled(call.sid, SETTLE_SECONDS, progress)
    _console.print()
    print(show.for_machines(stored) if as_json else "\n".join(show.for_people(stored)), flush=True)
    local.twilio.check()
    wrong = list(verdict.differences(scenario, call, stored))
    if wrong:
        raise SimulationError("\n".join(["The call is not stored as its scenario tells it:", *wrong]))


def _keep(local: LocalCallscribe) -> None:
    """Print where everything is, and wait for Ctrl-C."""
    aws = local.stack.aws
    _console.print("\nKept running. Press Ctrl-C to end it all.", style="bold")
    for what, where in {
        "AWS": f"export AWS_ENDPOINT_URL={aws.endpoint_url} AWS_DEFAULT_REGION={aws.region} "
        "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
        "Stack": local.stack.name,
        "Table": local.stack.outputs["CallsTableName"],
        "Webhooks": f"{aws.endpoint_url} with the header 'Host: {local.stack.api_host}'",
        "Twilio's REST API": local.twilio_url,
        "Logs": str(aws.work_dir),
    }.items():
        _console.print(f"  {what}: {where}", markup=False)
    with suppress(KeyboardInterrupt):
        signal.pause()
    _console.print("Ending it all.")


def _terminate(number: int, _frame: FrameType | None) -> None:
    # An exception, so that every context on the way out ends what it has started.
    sys.exit(128 + number)


if __name__ == "__main__":
    typer.run(main)
