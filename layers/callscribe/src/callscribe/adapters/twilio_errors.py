"""Translates what Twilio answers, and the SDK's families of exceptions, into ours, by one table."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType

from requests.exceptions import (
    ChunkedEncodingError,
    ContentDecodingError,
    JSONDecodeError,
    RequestException,
    RetryError,
    Timeout,
)
from requests.exceptions import ConnectionError as NotReachedError
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException

from callscribe.domain.errors import (
    CallscribeError,
    ChangedError,
    CredentialsError,
    NotFoundError,
    PermanentError,
    TransientError,
)

LONGEST_RETRY_AFTER_SECONDS = 3600.0
"""Twilio asks for seconds. Whatever asks for more than this must not stop a queue for days."""

# What never reached Twilio or lost its answer may be tried again; any other exception is a mistake of ours. The first
# kind that fits decides.
FAMILIES: Mapping[type[Exception], type[CallscribeError]] = MappingProxyType(
    {
        NotReachedError: TransientError,
        Timeout: TransientError,
        ChunkedEncodingError: TransientError,
        ContentDecodingError: TransientError,
        JSONDecodeError: TransientError,
        RetryError: TransientError,
        RequestException: PermanentError,
        TwilioException: PermanentError,
        # A success that is no JSON comes from something between Twilio and us.
        ValueError: TransientError,
    }
)


def error_of_status(doing: str, status: int, code: int | None) -> CallscribeError:
    """The error for an HTTP status of 400 or more. `code` is Twilio's own error code, where it gave one."""
    told = f"{doing}: Twilio answered {status}" + (f" (error {code})" if code else "")
    if status in {401, 403}:
        # An API key can be mended, and then every message that waits goes through.
        return CredentialsError(f"{told}: check the credentials in the settings", forbidden=status == 403)
    if status in {408, 425, 429} or status >= 500:
        return TransientError(told)
    if status == 404:
        return NotFoundError(told, reason="not_found")
    if status == 412:
        return ChangedError(told, reason=f"twilio_{code or status}")
    return PermanentError(told, reason=f"twilio_{code or status}")


def throttled(doing: str, status: int, retry_after: str | None) -> TransientError:
    """The error for an answer that asks to come back later. `retry_after` is its Retry-After header, verbatim."""
    return TransientError(f"{doing}: Twilio answered {status}", retry_after=_seconds(retry_after or ""))


def _seconds(retry_after: str) -> float | None:
    """Read a Retry-After header, seconds or a date (RFC 9110, 10.2.3); None where it says nothing that helps."""
    try:
        if retry_after.isascii() and retry_after.strip().isdecimal():
            seconds = float(retry_after)
        else:
            seconds = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    # A TypeError is of a date without a zone.
    except (TypeError, ValueError):
        return None
    return math.ceil(min(seconds, LONGEST_RETRY_AFTER_SECONDS)) if seconds > 0 else None


@contextmanager
def twilio_errors(doing: str) -> Iterator[None]:
    """Turn any exception of the SDK inside into one of ours that says what was being done.

    Raises:
        TransientError: not reached, no whole answer in time, 5xx, throttled, or the credentials are refused.
        NotFoundError: 404.
        PermanentError: any other refusal, or the SDK cannot even ask.
    """
    try:
        yield
    except (TwilioRestException, TwilioServiceException) as error:
        raise error_of_status(doing, error.status, error.code) from error
    except tuple(FAMILIES) as error:
        family = next(family for kind, family in FAMILIES.items() if isinstance(error, kind))
        raise family(f"{doing}: no answer of Twilio's that can be read ({type(error).__name__})") from error
