"""`callscribe sweep`."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import typer

from callscribe_tools.operator.cli_common import (
    EnvOption,
    JsonOption,
    StackOption,
    answering,
    environment_of,
    exits,
)
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.printing import console, print_json, print_table, telling
from callscribe_tools.words import quantity, verb

commands = typer.Typer()

_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "unsettled": "recordings under way",
        "oldest_unsettled_seconds": "age of the oldest of them, seconds",
        "due": "messages sent for due recordings",
        "recordings": "messages sent for lost recordings",
        "transcripts": "messages sent for lost transcripts",
        "calls": "messages sent for lost calls",
        "erased": "calls whose erasure has ended",
        "erasing": "calls with copies left to erase",
        "behind_seconds": "comparison is behind, seconds",
        "compared_until": "all compared that began before",
    }
)
"""What each field of the sweep's answer means. A field of another version is shown by its name."""

_MESSAGES = ("due", "recordings", "transcripts", "calls")


@commands.command("sweep", epilog=exits("the sweep failed"))
def sweep(*, env: EnvOption = None, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Run the stack's sweep now. The stack runs it every few minutes by itself.

    The sweep looks at the recordings in the table that are due, and compares Twilio's calls, recordings and transcripts
    with the table. It sends a message for each that is due or whose webhook was lost; the workers then do the work. It
    also continues erasures. It may be repeated at any time, and transcribes nothing twice.

    It prints what it found and how many messages it sent, and what happens next.

    \b
    Example: callscribe sweep --env prod
    Example: callscribe sweep --json
    """
    with answering(as_json=as_json), telling() as tell:
        environment = environment_of(env, stack)
        tell("The stack sweeps, which may take five minutes")
        found = environment.sweep()
    if as_json:
        print_json(found)
        return
    rows = (
        (_LABELS.get(name, name.replace("_", " ")), "?" if value is None else value) for name, value in found.items()
    )
    print_table(("FOUND", "NUMBER"), rows)
    for line in _conclusion(environment, found):
        console.print(line)


def _conclusion(environment: Environment, found: Mapping[str, Any]) -> Iterator[str]:
    """Say what happens next."""
    if sent := sum(int(found.get(name) or 0) for name in _MESSAGES):
        again = environment.command("ledger --since 1d")
        yield f"{quantity(sent, 'message')} {verb(sent, 'was', 'were')} sent. The workers need a minute or two: {again}"
    else:
        yield "Nothing was due and nothing was lost, as far as the sweep compared. You need do nothing."
    if erasing := int(found.get("erasing") or 0):
        yield f"{quantity(erasing, 'call')} {verb(erasing, 'has', 'have')} copies left. The next sweeps erase them."
    if found.get("behind_seconds"):
        minutes = quantity(-(-int(found["behind_seconds"]) // 60), "minute")
        yield f"The comparison with Twilio is {minutes} behind. The next sweeps continue it."
