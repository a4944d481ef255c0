"""Tells, after each message or run, how long Twilio took for what it was asked, and what it refused."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from callscribe.adapters.twilio_api import take_requests
from callscribe.edge import metrics
from callscribe.edge.metrics import count, tell

KINDS: Mapping[int, str | None] = MappingProxyType(
    {401: "credentials", 403: "credentials", 404: None, 429: "throttled"}
)
"""Statuses that each mean something to do. That something does not exist is an answer like any other."""


@contextmanager
def telling_twilio_requests() -> Iterator[None]:
    """Tell of the requests that are made inside, also when it fails."""
    take_requests()
    try:
        yield
    finally:
        requests = take_requests()
        tell(metrics.TWILIO_LATENCY, *(one.milliseconds for one in requests))
        for one in requests:
            if kind := _kind(one.status):
                count(metrics.TWILIO_ERRORS, kind)


def _kind(status: int | None) -> str | None:
    """A word for an error, None for none."""
    if status is None:
        return "unreachable"
    if status in KINDS:
        return KINDS[status]
    return f"{status // 100}xx" if status >= 400 else None
