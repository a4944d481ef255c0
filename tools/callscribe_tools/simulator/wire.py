"""The connection that a REST request came in on, for answers that are none: a reset, or one that comes too late.

Whoever carries requests to the application puts a wire into their scope: `server` that of the socket, `sdk_client` one
that raises what `requests` raises for it. `rest_faults` finds it there.
"""

from typing import Protocol

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

_EXTENSION = "callscribe.wire"


class Wire(Protocol):
    """One connection."""

    async def reset(self, request: Request) -> None:
        """Break it off at once."""

    async def stall(self, request: Request, seconds: float) -> None:
        """Keep the client waiting for so long, or until it has gone."""


def wired(app: ASGIApp, wire: Wire) -> ASGIApp:
    """Let an application find the wire in every request."""

    async def with_wire(scope: Scope, receive: Receive, send: Send) -> None:
        extensions = {**scope.get("extensions", {}), _EXTENSION: wire}
        await app({**scope, "extensions": extensions}, receive, send)

    return with_wire


def wire_of(request: Request) -> Wire:
    """Give the wire of a request."""
    wire: Wire = request.scope["extensions"][_EXTENSION]
    return wire
