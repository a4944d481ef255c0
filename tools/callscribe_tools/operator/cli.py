"""`callscribe`: one deployed Callscribe for whoever operates it, from the command line.

A thin skin; each command is in a module of `commands`. What happens goes to standard error, so that standard output
holds the result alone.
"""

import os
from typing import Annotated

import typer

from callscribe_tools.cli_help import CONTEXT, Group, print_version
from callscribe_tools.operator.cli_common import exits
from callscribe_tools.operator.commands import (
    audio,
    backfill,
    calls,
    doctor,
    dump,
    erase,
    export,
    failed,
    ledger,
    redrive,
    retranscribe,
    secret,
    setup,
    show,
    sweep,
    transcribe,
)

# Plain help: Rich's boxes would cut the examples. No stack trace of a library's shows what it was given.
app = typer.Typer(
    cls=Group, context_settings={**CONTEXT}, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
)

# In the order in which one needs them.
_WIRING = (secret, setup, doctor)
_READING = (calls, show, dump, audio, export)
_MENDING = (failed, redrive, retranscribe, transcribe, backfill, ledger, sweep)
_FORGETTING = (erase,)

for _module in (*_WIRING, *_READING, *_MENDING, *_FORGETTING):
    app.add_typer(_module.commands)


@app.callback(
    epilog=exits(
        "it found something that needs you; the command's own help says what",
        refused="what you asked for cannot be done",
    )
)
def _callscribe(
    *,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="The AWS profile, in the place of AWS_PROFILE.")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", metavar="NAME", help="The AWS region, in the place of AWS_REGION.")
    ] = None,
    version: Annotated[  # noqa: ARG001 (its callback ends the command)
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda wanted: print_version("callscribe", wanted=wanted),
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Wire Twilio to a deployed Callscribe, read its calls, and see what it has failed at or missed.

    AWS is asked with the credentials and in the region that the AWS CLI would take: --profile and --region before the
    command, else AWS_PROFILE, AWS_REGION or AWS_DEFAULT_REGION, else what the profile says.

    Each command except `export` takes --json: then standard output holds one JSON document, also when the command ends
    by an error. `export` writes JSON lines by itself.

    \b
    Example: callscribe doctor --env prod
    Example: callscribe --profile sandbox --region eu-central-1 calls --env dev
    """
    # The AWS CLI reads AWS_REGION first; boto3 knows AWS_DEFAULT_REGION alone.
    if region := region or os.environ.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = region
    if profile:
        os.environ["AWS_PROFILE"] = profile
