"""`callscribe dump`."""

from typing import Annotated

import typer

from callscribe.domain.errors import NotFoundError
from callscribe.domain.sids import TranscriptSid
from callscribe_tools import show
from callscribe_tools.json_numbers import json_text
from callscribe_tools.operator import cli_options as options
from callscribe_tools.operator.cli_common import (
    EnvOption,
    JsonOption,
    StackOption,
    answering,
    environment_of,
    exits,
)
from callscribe_tools.operator.errors import RefusedError
from callscribe_tools.operator.printing import print_json_text, print_line, telling

commands = typer.Typer()

_INFO = {"sid": "sid", "status": "status", "customerKey": "customer_key", "serviceSid": "service_sid", "url": "url"}


@commands.command("dump", epilog=exits(refused="Twilio has no such transcript"))
def dump(
    transcript: Annotated[
        TranscriptSid, typer.Argument(parser=options.transcript_sid, metavar="GT…", help="The transcript.")
    ],
    *,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a transcript and every operator result of it as Twilio has them now, field by field.

    With --json, Twilio's own JSON: what a result is called there, and every number as it is written.

    \b
    Example: callscribe dump GT00000000000000000000000000000001
    Example: callscribe dump GT00000000000000000000000000000001 --json | jq '.operator_results[].name'
    """
    with answering(as_json=as_json), telling() as tell:
        environment = environment_of(env, stack)
        console_of_twilio = environment.console(environment.settings())
        tell(f"Reading transcript {transcript} at Twilio")
        try:
            info = console_of_twilio.transcript(transcript)
            results = list(console_of_twilio.operator_results(transcript))
        except NotFoundError:
            raise RefusedError(
                f"Twilio has no transcript {transcript}: it was deleted, or is another account's (--env). Of a call, "
                f"what is stored is shown by {environment.command('show CA…')}"
            ) from None
    if as_json:
        print_json_text(json_text({"transcript": info, "operator_results": results}, exactly=True))
        return
    print_line("=== Transcript info ===")
    for shown, name in _INFO.items():
        print_line(f"{shown}: {'null' if info.get(name) is None else info[name]}")
    print_line()
    for line in show.results(results):
        print_line(line)
