"""`callscribe retranscribe`."""

from typing import Annotated

import typer

from callscribe.domain.sids import CallSid
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
from callscribe_tools.operator.errors import RefusedError
from callscribe_tools.operator.price import DOLLARS_PER_MINUTE, minutes_of, priced
from callscribe_tools.operator.printing import console, print_table, telling
from callscribe_tools.operator.retranscribe import Candidate, Retranscribed, candidates
from callscribe_tools.operator.retranscribe import retranscribe as retranscribed
from callscribe_tools.words import quantity

commands = typer.Typer()


@commands.command("retranscribe", epilog=exits(refused="there is nothing to transcribe anew, or you answered no"))
def retranscribe(
    call: Annotated[CallSid, typer.Argument(parser=options.call_sid, metavar="CA…", help="The call.")],
    *,
    price: PriceOption = DOLLARS_PER_MINUTE,
    yes: YesOption = False,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Transcribe a call's recordings anew: with the operators of now, or after the transcript has failed.

    Twilio makes one transcript of a recording, so the one there is is deleted first, with its operator results. What is
    stored stays until the new one is. It is paid for, and counts against the day's budget. A recording that Twilio has
    no more is left, and so is its transcript. It may be interrupted and repeated at any time.

    \b
    Example: callscribe retranscribe CA3f9d0c62a1b74e58961c2d7e8f304ab5
    """
    done: list[Retranscribed] = []
    with answering(as_json=as_json) as answer, telling() as tell:
        environment = environment_of(env, stack)
        twilio = environment.twilio(environment.settings())
        tell("Looking at the recordings at Twilio")
        found = candidates(environment, twilio, call)
        some = [one for one in found if one.refused is None]
        _tell_refused(found)
        if not some:
            told = f" The table has no recording of it: {environment.command('ledger --since 7d')}"
            raise RefusedError(f"Nothing of call {call} is transcribed anew.{'' if found else told}")
        minutes = minutes_of(one.recording for one in some if one.recording)
        of = quantity(len(some), "recording")
        confirmed(f"Delete the transcripts of {of}, and pay {priced(minutes, price)}?", yes=yes)
        try:
            for one in retranscribed(environment, twilio, call, some, tell):
                done.append(one)  # noqa: PERF402 (what is done before an error must be in it)
        finally:
            # What was done before something went wrong is told too.
            answer.document = {"retranscribed": [one.told() for one in done]}
            if not as_json:
                _print(done)
    console.print(f"In a minute or two: {environment.command(f'show {call}')}")


def _tell_refused(found: list[Candidate]) -> None:
    for one in found:
        if one.refused:
            console.print(f"Recording {one.sid} is left: {one.refused}.")


def _print(done: list[Retranscribed]) -> None:
    if done:
        rows = ((one.recording_sid, tuple(one.deleted) or "none", one.outcome) for one in done)
        print_table(("RECORDING", "DELETED AT TWILIO", "OUTCOME"), rows)
