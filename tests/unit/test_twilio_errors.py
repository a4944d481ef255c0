"""Every exception of Twilio's SDK and of requests, and every status, becomes one of ours."""

import inspect

import pytest
import requests.exceptions
import twilio.base.exceptions
from requests.exceptions import RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException

from callscribe.adapters.twilio_errors import error_of_status, twilio_errors
from callscribe.domain.errors import CallscribeError, NotFoundError, PermanentError, TransientError

CLASSES: list[type[Exception]] = [
    one
    for module in (twilio.base.exceptions, requests.exceptions)
    for _, one in inspect.getmembers(module, inspect.isclass)
    if issubclass(one, TwilioException | RequestException)
]
STATUSES = {
    400: PermanentError,
    401: TransientError,
    403: TransientError,
    404: NotFoundError,
    405: PermanentError,
    408: TransientError,
    409: PermanentError,
    412: PermanentError,
    422: PermanentError,
    425: TransientError,
    429: TransientError,
    500: TransientError,
    502: TransientError,
    503: TransientError,
    504: TransientError,
}


def raised(kind: type[Exception]) -> Exception:
    # Each wants arguments of its own, which are not what is tested.
    error = kind.__new__(kind)
    if isinstance(error, TwilioRestException | TwilioServiceException):
        error.status, error.code = 503, 20503
    return error


def translated(error: Exception) -> CallscribeError:
    with pytest.raises(CallscribeError) as ours, twilio_errors("doing something"):
        raise error
    assert ours.value.__cause__ is error
    assert str(ours.value).startswith("doing something: ")
    return ours.value


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_exception_is_mapped(kind: type[Exception]) -> None:
    assert isinstance(translated(raised(kind)), TransientError | PermanentError)


@pytest.mark.parametrize("name", ["ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError"])
def test_what_was_not_reached_may_be_reached_later(name: str) -> None:
    assert isinstance(translated(raised(getattr(requests.exceptions, name))), TransientError)


@pytest.mark.parametrize(("status", "family"), STATUSES.items())
def test_every_status_has_its_family(status: int, family: type[CallscribeError]) -> None:
    assert type(error_of_status("x", status, 20001)) is family
    assert type(translated(TwilioRestException(status, "/v2/Transcripts", code=20001))) is family
    assert type(translated(TwilioServiceException("about:blank", "Refused", status, 20001))) is family


def test_no_status_is_left_out() -> None:
    for status in range(400, 600):
        assert isinstance(error_of_status("x", status, None), TransientError | PermanentError)


@pytest.mark.parametrize(("code", "reason"), [(95118, "twilio_95118"), (None, "twilio_400")])
def test_the_reason_of_a_refusal_is_twilios_code(code: int | None, reason: str) -> None:
    error = error_of_status("x", 400, code)
    assert isinstance(error, PermanentError)
    assert error.reason == reason


def test_what_twilio_says_in_a_refusal_is_not_repeated() -> None:
    error = translated(TwilioRestException(400, "/v2/Transcripts", "said +12025550142", 20001))
    assert "+12025550142" not in str(error)


def test_an_error_that_is_not_of_twilio_goes_through() -> None:
    with pytest.raises(KeyError), twilio_errors("doing something"):
        raise KeyError
