"""Plays the simulator in process behind the official SDK: `Client(..., http_client=sim.http_client())`."""

import asyncio
import logging
from collections.abc import Mapping

import httpx
from requests.exceptions import ConnectionError as NotReachedError
from requests.exceptions import ReadTimeout
from starlette.applications import Starlette
from starlette.requests import Request
from twilio.http import HttpClient
from twilio.http.response import Response

from callscribe_tools.simulator.wire import wired

_logger = logging.getLogger(__name__)


class _NoWire:
    """Where there is no socket: raises at once what the SDK's own client, `requests`, raises for it on one."""

    async def reset(self, request: Request) -> None:
        raise NotReachedError(f"{request.method} {request.url}: the connection was reset")

    async def stall(self, request: Request, seconds: float) -> None:
        raise ReadTimeout(f"{request.method} {request.url}: no answer for {seconds:g} s")


class InProcessHttpClient(HttpClient):
    """Hands the SDK's requests to the application without a socket; hosts are ignored: paths do not collide."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(_logger, is_async=False)
        self._transport = httpx.ASGITransport(wired(app, _NoWire()))

    def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002  there is no network to wait for
        allow_redirects: bool = False,  # noqa: ARG002, FBT001, FBT002  the SDK's signature
    ) -> Response:
        """Answer one request of the SDK."""
        json_wanted = (headers or {}).get("Content-Type") == "application/json"
        request = httpx.Request(
            method,
            uri,
            params=_present(params),
            headers=headers,
            json=data if json_wanted else None,
            data=None if json_wanted else _present(data),
        )
        return asyncio.run(self._send(request, auth))

    async def _send(self, request: httpx.Request, auth: tuple[str, str] | None) -> Response:
        async with httpx.AsyncClient(transport=self._transport) as client:
            answer = await client.send(request, auth=auth)
        return Response(answer.status_code, answer.text, answer.headers)


def _present(values: Mapping[str, object] | None) -> dict[str, str | list[str]] | None:
    # As `requests`, which the SDK normally uses: None is left out, a list repeats its field.
    if not values:
        return None
    return {
        name: [str(item) for item in value] if isinstance(value, list) else str(value)
        for name, value in values.items()
        if value is not None
    }
