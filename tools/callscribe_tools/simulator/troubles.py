"""Troubles of Twilio's REST API that a test or a demo orders: throttling, and being down; and how they are answered.

`rest_api` meets them before it does any work, so a refused request "was never processed" (Twilio docs, error 20429).
"""

import math
import time
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
    fail_lists_every: int | None = None
    """Every so many-th list of the whole account is answered 503. Lists of one call are left alone."""
    endless_lists_every: int | None = None
    """Every so many-th list of the whole account has no end: in turns its page leads to itself, or to empty pages."""
    forbid_operators_every: int | None = None
    """Every so many-th list of the operators is answered 403, as to an API key that may not read them."""
    number_without_service: str | None = None
    """A number whose Service seems not to exist: a transcript of a call to it is answered 404."""
    without_service_seconds: float = math.inf
    """How long after the first such answer that Service exists again."""
    service_missing_since: float | None = None
    """When the first such answer was given, in seconds since 1970."""
    missing_service: str | None = None
    """The Service that was named then; reading it is answered 404 as long."""
    endless_lists: int = 0
    """How many lists had no end."""
    operators_forbidden: int = 0
    """How many lists of the operators were forbidden."""
    services_missing: int = 0
    """How many requests for a transcript named a Service that seemed not to exist."""

    @property
    def service_restored(self) -> float:
        """When the Service of that number existed again, in seconds since 1970; 0 if it was never missing."""
        return 0.0 if self.service_missing_since is None else self.service_missing_since + self.without_service_seconds

    def misses_service(self, number: str, service_sid: str) -> bool:
        """Say, to somebody who asks for a transcript of a call to a number, whether its Service is missing now."""
        if number != self.number_without_service:
            return False
        self.missing_service = service_sid
        if self.service_missing_since is None:
            self.service_missing_since = time.time()
        missing = time.time() < self.service_restored
        self.services_missing += missing
        return missing

    def meet(self) -> Response | None:
        """Refuse the request, or let it pass."""
        if self.throttle_next:
            self.throttle_next -= 1
            return throttling(self.retry_after)
        if self.unavailable_next:
            self.unavailable_next -= 1
            return unavailability()
        return None


def throttling(retry_after: int | None) -> Response:
    """Build 429, with the header Retry-After or without."""
    told = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return refusal(ApiError(429, 20429, "Too Many Requests"), told)


def unavailability() -> Response:
    """Build 503."""
    return HTMLResponse(_DOWN, 503)


def refusal(error: ApiError, headers: dict[str, str] | None = None) -> Response:
    """Build the answer that an error is."""
    return JSONResponse(error.body(), error.status, headers)
