"""Makes the simulated Twilio answer otherwise than it would: down, throttled, odd, or too late to be heard."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from callscribe_tools.simulator import Simulator

type Endpoint = Callable[[Request], Awaitable[Response]]


def answer(twilio: Simulator, method: str, path: str, status: int, body: str = "{}", *, query: str = "") -> list[str]:
    """Give this answer from now on in the place of Twilio's own.

    Parameters:
        path: may hold parameters, as in /v2/Transcripts/{sid}.
        query: where it is given, only to requests whose query holds it.

    Returns:
        The addresses that were asked for, growing.
    """
    asked: list[str] = []
    own = endpoint(twilio, method, path) if query else None

    async def canned(request: Request) -> Response:
        if own and query not in request.url.query:
            return await own(request)
        asked.append(str(request.url))
        return Response(body, status, media_type="application/json")

    put_first(twilio, method, path, canned)
    return asked


def lose_answer(twilio: Simulator, method: str, path: str) -> None:
    """Do what is asked, but let nobody hear of it: 503, as when the connection breaks afterwards."""
    own = endpoint(twilio, method, path)

    async def lost(request: Request) -> Response:
        await own(request)
        return Response("upstream connect error", 503)

    put_first(twilio, method, path, lost)


def watch(twilio: Simulator, method: str, path: str) -> list[str]:
    """Let Twilio answer as ever; the addresses that are asked for from now on, growing."""
    asked: list[str] = []
    own = endpoint(twilio, method, path)

    async def watched(request: Request) -> Response:
        asked.append(request.url.path)
        return await own(request)

    put_first(twilio, method, path, watched)
    return asked


def recover(twilio: Simulator) -> None:
    """Forget the last `answer`, `lose_answer` or `watch`."""
    twilio.app.router.routes.pop(0)


def put_first(twilio: Simulator, method: str, path: str, endpoint: Endpoint) -> None:
    """Let this endpoint answer in the place of the one that does now."""
    twilio.app.router.routes.insert(0, Route(path, endpoint, methods=[method]))


def endpoint(twilio: Simulator, method: str, path: str) -> Endpoint:
    """Find the endpoint that answers such a request."""
    scope = {"type": "http", "method": method, "path": path, "headers": []}
    for route in twilio.app.router.routes:
        if isinstance(route, Route) and route.matches(scope)[0] is Match.FULL:
            found: Endpoint = route.endpoint
            return found
    raise LookupError(f"the simulator has no {method} {path}")
