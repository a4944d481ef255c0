"""Calls that are placed from another process: `callscribe-sim place` asks a simulator that is served to play one.

The route is none of Twilio's. As all that is served, it is reached from this machine only.
"""

from typing import Any, Protocol

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.faults import CallFaults, FaultKind
from callscribe_tools.simulator.scenario import Scenario, load_scenario
from callscribe_tools.simulator.state import Call
from callscribe_tools.simulator.violations import SimulationError, UnmappedHostError, Violation

PATH = "/simulator/calls"

CALL_SECONDS = 300.0
"""How long a call is waited for: the application may take its time at each of its webhooks."""


class Order(BaseModel):
    """A call to place: of a shipped scenario by its name, or of one in a file of this machine by its whole path.

    `to` is the account's first number, if it is not said.
    """

    model_config = ConfigDict(extra="forbid")

    scenario: str
    from_: str
    to: str | None = None
    faults: list[FaultKind] = []


class Places(Protocol):
    """What can place a call."""

    account: Account

    @property
    def violations(self) -> list[Violation]:
        """Everything real Twilio would have refused or ignored so far."""

    def place_call(self, scenario: Scenario, *, to: str, from_: str, faults: CallFaults) -> Call:
        """Play a whole call."""


def placing(simulator: Places) -> Route:
    """Make the route by which other processes place calls."""

    async def answer(request: Request) -> Response:
        try:
            order = Order.model_validate_json(await request.body())
        except ValidationError:
            return JSONResponse({"error": "The order is none: the two simulators are of different versions."}, 400)
        try:
            return JSONResponse(await run_in_threadpool(_place, simulator, order))
        except SimulationError as error:
            return JSONResponse({"error": str(error)}, 409)

    return Route(PATH, answer, methods=["POST"])


def _place(simulator: Places, order: Order) -> dict[str, Any]:
    to = order.to or next(iter(simulator.account.numbers), "")
    before = len(simulator.violations)
    scenario = load_scenario(order.scenario)
    call = simulator.place_call(scenario, to=to, from_=order.from_, faults=CallFaults(frozenset(order.faults)))
    return {
        "sid": call.sid,
        "from": call.from_,
        "to": call.to,
        "status": call.status,
        "seconds": call.seconds,
        "violations": [str(one) for one in simulator.violations[before:]],
    }


def place_at(url: str, order: Order) -> dict[str, Any]:
    """Let the simulator that is served at a URL place a call; what came of it.

    Raises
    ------
    UnmappedHostError
        No simulator answers there.
    SimulationError
        It could not place the call, and says why.
    """
    try:
        answer = httpx.post(
            f"{url.rstrip('/')}{PATH}",
            content=order.model_dump_json(),
            headers={"Content-Type": "application/json"},
            timeout=CALL_SECONDS,
            trust_env=False,
        )
        told: dict[str, Any] = answer.json()
        failed = told.get("error")
    except (AttributeError, ValueError, httpx.HTTPError):
        raise UnmappedHostError(
            f"No simulator answers at {url}. Start one, by `callscribe-sim serve` or `make demo KEEP=1`, "
            "and name the address that it prints."
        ) from None
    if failed or "sid" not in told:
        raise SimulationError(str(failed or f"{url} is no simulator's."))
    return told
