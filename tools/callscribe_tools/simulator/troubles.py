"""Troubles of Twilio's REST API that a test or a demo orders: throttling, and being down.

`rest_api` meets them before it does any work, so a refused request "was never processed" (Twilio docs, error 20429).
"""

from dataclasses import dataclass

from starlette.responses import HTMLResponse, JSONResponse, Response

from callscribe_tools.simulator.api_errors import ApiError

_DOWN = "<html><head><title>503</title></head><body><h1>Service Unavailable</h1></body></html>"


@dataclass
class Troubles:
    """How many of the next authenticated requests are refused, whatever they ask for."""

    throttle_next: int = 0
    retry_after: int | None = 1
    """Seconds told by Retry-After; None: no such header. That Twilio sends one is *assumed*."""
    unavailable_next: int = 0
    """Answered 503 with HTML, as something in front of Twilio's API does (*assumed*)."""

    def meet(self) -> Response | None:
        """Refuse the request, or let it pass."""
        if self.throttle_next:
            self.throttle_next -= 1
            error = ApiError(429, 20429, "Too Many Requests")
            told = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            return JSONResponse(error.body(), error.status, told)
        if self.unavailable_next:
            self.unavailable_next -= 1
            return HTMLResponse(_DOWN, 503)
        return None
