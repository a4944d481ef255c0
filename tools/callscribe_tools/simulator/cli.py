"""`callscribe-sim`: the simulated Twilio for the developer of any voice application, from the command line.

A thin skin over `Simulator`. What happens goes to standard error, so that standard output holds the result alone.
"""

from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from callscribe_tools.cli_help import CONTEXT, Group, print_version
from callscribe_tools.simulator import cli_options as options
from callscribe_tools.simulator.cli_faults import listed as listed_faults
from callscribe_tools.simulator.cli_report import Exit, document, exit_of, lines, violation_lines
from callscribe_tools.simulator.cli_scenarios import listed
from callscribe_tools.simulator.cli_session import (
    ended_by_signals,
    place_and_wait,
    record_and_wait,
    serve_orders,
    telling,
    wired,
)
from callscribe_tools.simulator.cli_watch import RefusedError, Watch
from callscribe_tools.simulator.faults import CallFaults, FaultKind
from callscribe_tools.simulator.other_recordings import WHAT_IS_RECORDED, Kind
from callscribe_tools.simulator.phone_number import PhoneNumber
from callscribe_tools.simulator.placing import Order, place_at
from callscribe_tools.simulator.scenario import Scenario
from callscribe_tools.simulator.simulator import Simulator
from callscribe_tools.simulator.violations import PortTakenError, SimulationError, UnmappedHostError
from callscribe_tools.terminal import console, print_json, print_line

_EXITS = """
\b
Exit status:
    0  fine
    1  real Twilio would have refused or ignored something, or the simulator cannot play it
    2  wrong usage
    3  the application could not be reached
  130  Ctrl-C
"""

# Plain help: Rich's boxes would cut the examples.
app = typer.Typer(
    cls=Group, context_settings={**CONTEXT}, no_args_is_help=True, add_completion=False, rich_markup_mode=None
)

_KINDS = WHAT_IS_RECORDED.items()
_VOICE_URL = typer.Option(callback=options.url, metavar="URL", help="Asked for TwiML when a call comes in.")
FallbackUrl = Annotated[
    str | None, typer.Option(callback=options.url, metavar="URL", help="Asked for TwiML when that went wrong.")
]
StatusCallback = Annotated[
    str | None, typer.Option(callback=options.url, metavar="URL", help="Told when the call has ended.")
]
IntelligenceWebhook = Annotated[
    str | None, typer.Option(callback=options.url, metavar="URL", help="Told when a transcript is there.")
]
From = Annotated[
    str,
    typer.Option(
        "--from",
        callback=options.caller,
        metavar="NUMBER",
        help="Who calls, or anonymous, restricted, blocked, unknown, unavailable.",
    ),
]
To = Annotated[str, typer.Option("--to", callback=options.phone_number, metavar="NUMBER", help="The account's number.")]
AuthToken = Annotated[
    str | None,
    typer.Option(envvar="TWILIO_AUTH_TOKEN", metavar="TOKEN", help="Signs the webhooks; else a fictional one does."),
]
TranscriptSeconds = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", help="How long a transcript takes, unless its scenario says.")
]
Port = Annotated[
    int, typer.Option(min=0, max=65535, metavar="PORT", help="Of the REST API on 127.0.0.1; 0: a free one.")
]
Places = Annotated[
    list[str] | None,
    typer.Option(
        "--connect-to",
        metavar="HOST=URL",
        help="Where on this machine a host is, as hooks.example.com=http://127.0.0.1:8000. May be repeated.",
    ),
]
Lenient = Annotated[
    bool, typer.Option("--lenient", help="Go on after what real Twilio would refuse, and tell all of it at the end.")
]
Faults = Annotated[
    list[FaultKind] | None,
    typer.Option(
        "--fault",
        metavar="KIND",
        help="What goes wrong at Twilio: a name that `callscribe-sim faults` lists. May be repeated.",
    ),
]
_FROM, _TO = "+12025550142", "+12025550199"


@app.callback(epilog=_EXITS)
def _callscribe_sim(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda wanted: print_version("callscribe-sim", wanted=wanted),
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Play Twilio for a voice application, on this machine, without an account.

    Only this machine is asked, and hosts that a URL option names.

    \b
    Example: callscribe-sim call cannot_log_in --voice-url http://127.0.0.1:8000/voice
    """


@app.command()
def scenarios() -> None:
    """List the scenarios that are shipped.

    Each in a line: its name, how it ends for an application that stores calls, and what happens.

    \b
    Example: callscribe-sim scenarios | grep skipped
    """
    for line in listed():
        print_line(line)


@app.command()
def faults() -> None:
    """List what may go wrong at Twilio, for --fault.

    Each in a line: its name, and what happens. REST requests fail once, and it is the one to create a transcript.

    \b
    Example: callscribe-sim faults | grep webhook
    """
    for line in listed_faults():
        print_line(line)


@app.command(epilog=_EXITS)
def call(
    *,
    scenario: Annotated[
        Scenario,
        typer.Argument(parser=options.scenario, metavar="SCENARIO", help="The name of a shipped one, or a YAML file."),
    ],
    voice_url: Annotated[str, _VOICE_URL],
    fallback_url: FallbackUrl = None,
    status_callback: StatusCallback = None,
    intelligence_webhook: IntelligenceWebhook = None,
    from_: From = _FROM,
    to: To = _TO,
    auth_token: AuthToken = None,
    transcript_seconds: TranscriptSeconds = 1.0,
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for transcripts after the call.")
    ] = 30.0,
    fault: Faults = None,
    port: Port = 0,
    connect_to: Places = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    lenient: Lenient = False,
) -> None:
    """Place one call, and print what came of it.

    The REST API is served until the transcripts have ended and their webhooks are answered. Whether there will be one
    cannot be known: where --intelligence-webhook is given and something was recorded, one is waited for.

    \b
    Example: callscribe-sim call cannot_log_in --voice-url http://127.0.0.1:8000/voice
    """
    simulator = wired(
        PhoneNumber(to, voice_url, fallback_url, status_callback),
        intelligence_webhook,
        auth_token=auth_token,
        connect_to=options.places(connect_to or ()),
        transcript_seconds=transcript_seconds,
    )

    def work(watch: Watch) -> None:
        wrong = CallFaults(frozenset(fault or ()))
        place_and_wait(simulator, scenario, watch, faults=wrong, from_=from_, port=port, wait=wait)

    error = _run(simulator, work, lenient=lenient)
    exit_status = exit_of(simulator, error, strict=not lenient)
    told = document(simulator, error, exit_status)
    if as_json:
        print_json(told)
    else:
        for line in [*lines(told), *violation_lines(simulator.violations)]:
            print_line(line)
    _end(error, exit_status)


@app.command(epilog=_EXITS)
def place(
    *,
    scenario: Annotated[
        str,
        typer.Argument(callback=options.scenario_name, metavar="SCENARIO", help="As for `call`."),
    ],
    at: Annotated[str, typer.Option(callback=options.url, metavar="URL", help="Where the simulator is served.")],
    to: Annotated[
        str | None,
        typer.Option(callback=options.phone_number, metavar="NUMBER", help="One of its numbers; else its first."),
    ] = None,
    from_: From = _FROM,
    fault: Faults = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Place a call at a simulator that is served already, by `serve` or by `make demo KEEP=1`.

    It ends when the call has ended. The simulator that is served makes the transcripts afterwards.

    \b
    Example: callscribe-sim place cannot_log_in --at http://127.0.0.1:8787
    """
    order = Order(scenario=scenario, from_=from_, to=to, faults=fault or [])
    try:
        told = place_at(at, order)
    except SimulationError as error:
        exit_status = Exit.UNREACHABLE if isinstance(error, UnmappedHostError) else Exit.REFUSED
        if as_json:
            print_json({"error": str(error), "exit_status": int(exit_status)})
        _end(error, exit_status)
    if as_json:
        print_json(told)
    else:
        print_line(f"Call {told['sid']}: {told['from']} to {told['to']}, {told['status']}, {told['seconds']} s")
    for violation in told["violations"]:
        console.print(f"Real Twilio would have refused or ignored: {violation}")
    _end(None, Exit.REFUSED if told["violations"] else Exit.FINE)


@app.command(epilog=_EXITS)
def record(
    *,
    kind: Annotated[
        Kind,
        typer.Argument(
            parser=options.recording_kind, metavar="KIND", help="; ".join(f"{k}: {w}" for k, w in _KINDS) + "."
        ),
    ],
    callback_url: Annotated[
        str, typer.Option(callback=options.url, metavar="URL", help="Told of the recording, as if asked for elsewhere.")
    ],
    auth_token: AuthToken = None,
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait whether a transcript is asked for.")
    ] = 5.0,
    port: Port = 0,
    connect_to: Places = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    lenient: Lenient = False,
) -> None:
    """Tell the application of a recording that it did not ask for, and print what came of it.

    The account has conferences, outbound calls and trunks beside the application's calls, and their callbacks may lead
    to it. That of a conference names no call.

    \b
    Example: callscribe-sim record conference --callback-url http://127.0.0.1:8000/recording
    """
    simulator = wired(
        None,
        None,
        auth_token=auth_token,
        connect_to=options.places(connect_to or ()),
        transcript_seconds=1.0,
        callback_url=callback_url,
    )

    def work(watch: Watch) -> None:
        record_and_wait(simulator, kind, watch, callback_url=callback_url, port=port, wait=wait)

    error = _run(simulator, work, lenient=lenient)
    exit_status = exit_of(simulator, error, strict=not lenient)
    told = document(simulator, error, exit_status)
    if as_json:
        print_json(told)
    else:
        for line in [*lines(told), *violation_lines(simulator.violations)]:
            print_line(line)
    _end(error, exit_status)


@app.command(epilog=_EXITS)
def serve(
    *,
    voice_url: Annotated[str | None, _VOICE_URL] = None,
    fallback_url: FallbackUrl = None,
    status_callback: StatusCallback = None,
    intelligence_webhook: IntelligenceWebhook = None,
    from_: From = _FROM,
    to: To = _TO,
    auth_token: AuthToken = None,
    transcript_seconds: TranscriptSeconds = 1.0,
    port: Port = 0,
    connect_to: Places = None,
    lenient: Lenient = False,
) -> None:
    """Serve the REST API until Ctrl-C.

    The account has one number and one Intelligence Service. Each line typed meanwhile is the scenario of a call to
    place; that needs --voice-url.

    \b
    Example: callscribe-sim serve --port 8787 --voice-url http://127.0.0.1:8000/voice
    """
    number = None if voice_url is None else PhoneNumber(to, voice_url, fallback_url, status_callback)
    simulator = wired(
        number,
        intelligence_webhook,
        auth_token=auth_token,
        connect_to=options.places(connect_to or ()),
        transcript_seconds=transcript_seconds,
    )

    def work(watch: Watch) -> None:
        serve_orders(simulator, watch, from_=from_, to=to, port=port)

    error = _run(simulator, work, lenient=lenient)
    console.print("\n".join(violation_lines(simulator.violations)))
    _end(error, exit_of(simulator, error, strict=True))


def _run(simulator: Simulator, work: Callable[[Watch], None], *, lenient: bool) -> SimulationError | None:
    """Do the work, and give what stopped it other than a violation."""
    try:
        with ended_by_signals():
            work(Watch(simulator, telling(), strict=not lenient))
    except RefusedError:
        console.print("Ended by the first of these; --lenient goes on and tells all of them.")
    except PortTakenError as error:
        raise typer.BadParameter(str(error), param_hint="--port") from None
    except SimulationError as error:
        return error
    except KeyboardInterrupt:
        console.print("\n".join(["Stopped.", *violation_lines(simulator.violations)]))
        raise typer.Exit(Exit.INTERRUPTED) from None
    return None


def _end(error: SimulationError | None, exit_status: Exit) -> NoReturn:
    if error is not None:
        console.print(f"The simulation cannot go on: {error}", style="red")
    raise typer.Exit(exit_status)
