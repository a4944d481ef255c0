"""uvicorn's HTTP protocol with a wire: a connection can be reset, and its client be kept waiting. `server` uses it."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

from callscribe_tools.simulator.wire import wired

# On, for 0 seconds: closing sends RST, and the client sees the connection reset and not merely closed.
_NO_LINGERING = struct.pack("ii", 1, 0)


class _SocketWire:
    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    async def reset(self, request: Request) -> None:
        there = self._transport.get_extra_info("socket")
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
        self._transport.abort()
        await _gone(request)

    async def stall(self, request: Request, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _gone(request)


async def _gone(request: Request) -> None:
    """Wait until the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


class ResettableProtocol(H11Protocol):
    """One connection."""

    # As in uvicorn: only TCP is served.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the application the wire of this connection."""
        super().connection_made(transport)
        served: Any = self.app
        app: Any = wired(served, _SocketWire(transport))
        self.app = app
