"""`callscribe doctor`."""

from collections import Counter
from typing import Annotated

import typer

from callscribe_tools.operator.cli_common import (
    EnvOption,
    Exit,
    JsonOption,
    StackOption,
    answering,
    exits,
    local_of,
    named_stack,
)
from callscribe_tools.operator.doctor.examine import examine
from callscribe_tools.operator.doctor.finding import Finding, State
from callscribe_tools.operator.printing import can_show, console, print_json, print_line, telling

commands = typer.Typer()

SIGNS = {State.OK: "✓", State.BROKEN: "✗", State.UNKNOWN: "?"}
PLAIN_SIGNS = {State.OK: "ok", State.BROKEN: "BROKEN", State.UNKNOWN: "?"}
"""For a terminal that has no others."""


@commands.command("doctor", epilog=exits("something is broken"))
def doctor(
    *,
    wiring: Annotated[
        bool,
        typer.Option("--wiring", help="Only how it is wired, and not what waits or has failed: after a deployment."),
    ] = False,
    env: EnvOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look whether everything is wired as it must be, at AWS and at Twilio, and say what to do where it is not.

    Nothing is changed, no call is placed, and nothing costs money. Five webhooks are sent to the stack; the four that
    it must refuse are counted as forged ones, by the reason `doctor`. What AWS or Twilio would not tell is broken, too.

    ✓ is fine, ✗ is broken, ? is what cannot be seen from here, or may be meant: it does not change the exit status.

    \b
    Example: callscribe doctor --env prod
    Example: callscribe doctor --env prod --wiring
    Example: callscribe doctor --json | jq -r '.findings[] | select(.state == "broken") | .remedy'
    """
    found: list[Finding] = []
    with answering(as_json=as_json), telling() as tell:
        name, option = named_stack(env, stack)
        for finding in examine(name, option, tell, local=local_of(env), wiring_only=wiring):
            found.append(finding)
            if not as_json:
                _print(finding)
    counts = Counter(one.state for one in found)
    if as_json:
        print_json({"stack": name, "findings": [one.as_json() for one in found]})
    else:
        console.print(f"{counts[State.OK]} fine, {counts[State.BROKEN]} broken, {counts[State.UNKNOWN]} unknown.")
    if counts[State.BROKEN]:
        raise typer.Exit(Exit.NOT_FINE)


def _print(finding: Finding) -> None:
    signs = SIGNS if can_show("✓✗") else PLAIN_SIGNS
    print_line(f"{signs[finding.state]} {finding.name}: {finding.told}")
    if finding.remedy:
        print_line(f"    {finding.remedy}")
