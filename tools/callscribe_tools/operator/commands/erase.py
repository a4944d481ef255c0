"""`callscribe erase`."""

from typing import Annotated, Any

import typer

from callscribe.domain.erasure import CopyState
from callscribe.domain.sids import CallSid
from callscribe_tools.operator import cli_options as options
from callscribe_tools.operator.cli_common import (
    EnvOption,
    Exit,
    JsonOption,
    StackOption,
    YesOption,
    answering,
    confirmed,
    environment_of,
    exits,
)
from callscribe_tools.operator.erase import Receipt, calls_of_number
from callscribe_tools.operator.erase import erase as erased
from callscribe_tools.operator.out_of_reach import OutOfReach
from callscribe_tools.operator.printing import console, print_line, print_table, telling
from callscribe_tools.words import quantity

commands = typer.Typer()


@commands.command("erase", epilog=exits("a copy is left for now; the sweep erases it later", refused="you answered no"))
def erase(
    call: Annotated[
        CallSid | None, typer.Argument(parser=options.call_sid, metavar="[CA…]", help="The call.", show_default=False)
    ] = None,
    *,
    number: Annotated[
        str | None,
        typer.Option(parser=options.number, metavar="+1…", help="In the place of a call: all calls from this number."),
    ] = None,
    yes: YesOption = False,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase a call, or all calls from a number: at Twilio and in the table, for good.

    The command deletes the call's recordings and transcripts at Twilio, and its items in the table. The table keeps
    that the call was erased, so that a late webhook cannot bring it back. With --number it looks for calls in the table
    and at Twilio, to the numbers in the settings.

    The receipt lists each copy and what became of it, and the copies that no command reaches. If a copy cannot be
    erased now, for example because the call is under way, the sweep erases it later: you need do nothing. The sweep
    looks once more after some minutes in any case. You may interrupt this command and repeat it at any time.

    \b
    Example: callscribe erase CA3f9d0c62a1b74e58961c2d7e8f304ab5
    Example: callscribe erase --number +12025550142 --yes --json > receipt.json
    """
    if (call is None) == (number is None):
        raise typer.BadParameter("give a call's SID, or --number.", param_hint="CA…")
    receipts: list[Receipt] = []
    with answering(as_json=as_json) as answer, telling() as tell:
        environment = environment_of(env, stack)
        settings = environment.settings()
        calls = [call] if call else calls_of_number(environment, number or "", settings, tell)
        if not calls:
            answer.document = _document(receipts)
            console.print(
                f"Nothing was erased: there is no call from that number in {environment.stack}, and none at Twilio to "
                "a number in the settings. If a number has left the settings, write it back first to erase calls to it "
                "that only Twilio has."
            )
            raise typer.Exit(Exit.FINE)
        what = f"call {call}" if call else f"{quantity(len(calls), 'call')} from that number"
        confirmed(
            f"Erase {what}: recordings and transcripts at Twilio, and all items in {environment.stack}? Nothing brings "
            "them back.",
            yes=yes,
        )
        try:
            for receipt in erased(environment, calls, settings, tell):
                receipts.append(receipt)  # noqa: PERF402 (what is done before an error must be in it)
        finally:
            # What was erased before something went wrong is told too.
            answer.document = _document(receipts)
            if not as_json:
                _print(receipts)
    if receipts and not as_json:
        console.print(_conclusion(receipts))
    # That the sweep looks once more is as it should be, and no failure.
    if any(copy.state is CopyState.LATER for receipt in receipts for copy in receipt.erasure.copies):
        raise typer.Exit(Exit.NOT_FINE)


def _document(receipts: list[Receipt]) -> dict[str, Any]:
    return {"receipts": [one.told() for one in receipts]}


def _print(receipts: list[Receipt]) -> None:
    for one in receipts:
        print_line(f"Call {one.erasure.call_sid}, erased {one.erasure.erased_at:%Y-%m-%dT%H:%M:%SZ}")
        print_table(
            ("WHAT", "SID", "WHERE", "STATE", "REASON"),
            ((copy.what, copy.sid, copy.where, copy.state.value, copy.reason or "") for copy in one.erasure.copies),
        )
        if one.goes_on:
            print_line(one.goes_on)
        print_line()
    if receipts:
        print_line("Copies that this command does not reach, and what to do about them:")
        for kind in _kinds(receipts):
            print_line(f"- {kind.copy}. {kind.what_to_do}.")


def _conclusion(receipts: list[Receipt]) -> str:
    """Say whether all is erased, and what happens next."""
    left = sum(not receipt.erasure.finished for receipt in receipts)
    told = f"{quantity(len(receipts), 'call')} erased"
    if not left:
        return f"{told}. No copy is left where Callscribe reaches it."
    return (
        f"{told}. In some minutes the sweep looks again at {quantity(left, 'call')} and erases what is left: you need "
        "do nothing."
    )


def _kinds(receipts: list[Receipt]) -> list[OutOfReach]:
    """Each once: most are the same of every call."""
    return list(dict.fromkeys(kind for receipt in receipts for kind in receipt.out_of_reach))
