"""One simulated account for `callscribe-sim`: how it is wired, how it tells what happens, and how signals end it."""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from callscribe_tools.simulator.account import Account, IntelligenceService
from callscribe_tools.simulator.cli_options import hosts
from callscribe_tools.simulator.cli_orders import orders
from callscribe_tools.simulator.cli_watch import Watch
from callscribe_tools.simulator.connect_to import ConnectTo
from callscribe_tools.simulator.faults import CallFaults
from callscribe_tools.simulator.other_recordings import Kind
from callscribe_tools.simulator.phone_number import PhoneNumber
from callscribe_tools.simulator.scenario import Scenario, load_scenario
from callscribe_tools.simulator.simulator import Simulator
from callscribe_tools.simulator.violations import SimulationError
from callscribe_tools.terminal import console

# Always the same, so that an application can be told of it before the simulator runs.
_SERVICE_SID = "GA" + "c" * 32


def wired(
    number: PhoneNumber | None,
    intelligence_webhook: str | None,
    *,
    auth_token: str | None,
    connect_to: Mapping[str, str],
    transcript_seconds: float,
    callback_url: str | None = None,
) -> Simulator:
    """Make a simulator of one account, with at most one number, and with one Service.

    `callback_url` is told of recordings that no number leads to.
    """
    account = Account() if auth_token is None else Account(auth_token=auth_token)
    account.add(IntelligenceService(intelligence_webhook, sid=_SERVICE_SID))
    named = hosts(intelligence_webhook, callback_url)
    if number is not None:
        account.add(number)
        named |= hosts(number.voice_url, number.voice_fallback_url, number.status_callback)
    return Simulator(account, ConnectTo(connect_to, named), transcript_seconds=transcript_seconds)


def introduce(simulator: Simulator, base_url: str) -> None:
    """Print what the application must be told."""
    account = simulator.account
    # One that was given may be a real one: it does not belong on a screen or in a log.
    token = account.auth_token if account.auth_token == Account().auth_token else "the one you have given"
    console.print("The simulated Twilio. Tell your application:", style="bold")
    for what, value in {
        "REST API": base_url,
        "Account SID": account.account_sid,
        "Auth token": token,
        "API key": f"{account.api_key_sid} with the secret {account.api_key_secret}",
        "Service SID": next(iter(account.services)),
    }.items():
        console.print(f"  {what:<12} {value}")


def telling() -> Callable[[str], None]:
    """Make what prints a step with the seconds since now."""
    started = time.monotonic()

    def tell(text: str) -> None:
        console.step(time.monotonic() - started, text)

    return tell


def place_and_wait(
    simulator: Simulator, scenario: Scenario, watch: Watch, *, faults: CallFaults, from_: str, port: int, wait: float
) -> None:
    """Place a call to the account's number, and wait for its transcripts and their webhooks.

    Raises
    ------
    RefusedError
        There was a violation, and the watch is strict.
    SimulationError
        The simulation cannot go on.
    """
    (number,) = simulator.account.numbers
    (service,) = simulator.account.services.values()
    with simulator.serve(port) as base_url:
        introduce(simulator, base_url)
        simulator.place_call(scenario, to=number, from_=from_, progress=watch.step, faults=faults)
        watch.look()
        recorded = any(one.status == "completed" for one in simulator.state.recordings.values())
        watch.until_settled(wait, expected=recorded and service.webhook_url is not None)
    # The server ends only after the answer to the last webhook.
    watch.look()


def record_and_wait(
    simulator: Simulator, kind: Kind, watch: Watch, *, callback_url: str, port: int, wait: float
) -> None:
    """Tell the application of a recording that it did not ask for, and wait whether it wants a transcript of it.

    Raises
    ------
    RefusedError
        There was a violation, and the watch is strict.
    SimulationError
        The simulation cannot go on.
    """
    with simulator.serve(port) as base_url:
        introduce(simulator, base_url)
        simulator.make_other_recording(kind, callback_url=callback_url)
        watch.look()
        watch.until_settled(wait, expected=True)
    watch.look()


def serve_orders(simulator: Simulator, watch: Watch, *, from_: str, to: str, port: int) -> None:
    """Serve, and place a call for each scenario that is typed, until something is raised.

    Raises
    ------
    RefusedError
        There was a violation, and the watch is strict.
    SimulationError
        The simulation cannot go on.
    """
    with simulator.serve(port) as base_url:
        introduce(simulator, base_url)
        console.print("Type the name of a scenario to place a call, Ctrl-C to end.")
        for name in orders(watch.look):
            if not simulator.account.numbers:
                console.print("The number has no webhook: start with --voice-url to place calls.")
                continue
            try:
                simulator.place_call(load_scenario(name), to=to, from_=from_, progress=watch.step)
            except SimulationError as error:
                # What was typed, or that one call: the next may do.
                console.print(str(error))


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the block by an exception, so that every context on the way out ends its own."""

    def terminate(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminate),
        # A shell that starts a program in the background lets it ignore Ctrl-C.
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
