"""`callscribe transcribe`."""

from typing import Annotated

import typer

from callscribe.domain.sids import RecordingSid
from callscribe_tools.operator import cli_options as options
from callscribe_tools.operator.cli_common import (
    EnvOption,
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
from callscribe_tools.operator.printing import console, print_json, telling
from callscribe_tools.operator.transcribe import find
from callscribe_tools.operator.transcribe import transcribe as transcribed

commands = typer.Typer()


@commands.command(
    "transcribe", epilog=exits(refused="the recording cannot or need not be transcribed, or you answered no")
)
def transcribe(
    recording: Annotated[
        RecordingSid, typer.Argument(parser=options.recording_sid, metavar="RE…", help="The recording.")
    ],
    *,
    price: PriceOption = DOLLARS_PER_MINUTE,
    yes: YesOption = False,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Transcribe one recording that Callscribe has not heard of, of a call to one of its numbers.

    One from before the stack, or of another application; for many there is `backfill`. It is paid for, and counts
    against the day's budget. For one that is known there are `redrive` and `retranscribe`.

    \b
    Example: callscribe transcribe RE3f9d0c62a1b74e58961c2d7e8f304ab5
    """
    with answering(as_json=as_json), telling() as tell:
        environment = environment_of(env, stack)
        settings = environment.settings()
        tell(f"Looking at recording {recording} at Twilio")
        found, call = find(environment, environment.twilio(settings), settings, recording)
        confirmed(f"Transcribe recording {recording} of call {call.sid}: {priced(found.minutes, price)}?", yes=yes)
        transcribed(environment, found)
    if as_json:
        print_json({"recording_sid": recording, "call_sid": call.sid, "minutes": found.minutes})
    console.print(f"It is sent for. In a minute or two: {environment.command(f'show {call.sid}')}")
