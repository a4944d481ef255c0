"""Translates what Twilio answers, and the SDK's three families of exceptions, into ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from requests.exceptions import ChunkedEncodingError, RequestException, RetryError, Timeout
from requests.exceptions import ConnectionError as NotReachedError
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException

from callscribe.domain.errors import CallscribeError, NotFoundError, PermanentError, TransientError


def error_of_status(doing: str, status: int, code: int | None) -> CallscribeError:
    """The error for an HTTP status of 400 or more. `code` is Twilio's own error code, where it gave one."""
    told = f"{doing}: Twilio answered {status}" + (f" (error {code})" if code else "")
    if status in {401, 403}:
        # An API key can be mended, and then every message that waits goes through.
        return TransientError(f"{told}: check the API key in the settings")
    if status in {408, 425, 429} or status >= 500:
        return TransientError(told)
    if status == 404:
        return NotFoundError(told, reason="not_found")
    return PermanentError(told, reason=f"twilio_{code or status}")


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
    except (NotReachedError, Timeout, ChunkedEncodingError, RetryError) as error:
        raise TransientError(f"{doing}: Twilio did not answer ({type(error).__name__})") from error
    except (TwilioException, RequestException) as error:
        raise PermanentError(f"{doing}: {type(error).__name__}") from error
    except ValueError as error:
        # A success that is no JSON comes from something between Twilio and us.
        raise TransientError(f"{doing}: the answer is no JSON") from error
