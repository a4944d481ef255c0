"""Every exception of Twilio's SDK and of requests, and every status, becomes one of ours."""

import importlib
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from requests.exceptions import RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException

from callscribe.adapters.twilio_errors import error_of_status, throttled, twilio_errors
from callscribe.domain.errors import (
    CallscribeError,
    ChangedError,
    CredentialsError,
    NotFoundError,
    PermanentError,
    TransientError,
)
from harness.exceptions import subclasses

# All of the SDK's exceptions, and of what it imports, shall be known.
importlib.import_module("twilio.rest")

# What was not reached, or whose answer was lost, may work later; the rest are mistakes of ours. Whoever takes in a new
# version of a library with a new exception says here what it means.
EXPECTED: dict[str, type[CallscribeError]] = {
    "requests.ChunkedEncodingError": TransientError,
    "requests.ConnectTimeout": TransientError,
    "requests.ConnectionError": TransientError,
    "requests.ContentDecodingError": TransientError,
    "requests.HTTPError": PermanentError,
    "requests.InvalidHeader": PermanentError,
    "requests.InvalidJSONError": PermanentError,
    "requests.InvalidProxyURL": PermanentError,
    "requests.InvalidSchema": PermanentError,
    "requests.InvalidURL": PermanentError,
    "requests.JSONDecodeError": TransientError,
    "requests.MissingSchema": PermanentError,
    "requests.ProxyError": TransientError,
    "requests.ReadTimeout": TransientError,
    "requests.RequestException": PermanentError,
    "requests.RetryError": TransientError,
    "requests.SSLError": TransientError,
    "requests.StreamConsumedError": PermanentError,
    "requests.Timeout": TransientError,
    "requests.TooManyRedirects": PermanentError,
    "requests.URLRequired": PermanentError,
    "requests.UnrewindableBodyError": PermanentError,
    "twilio.TwilioException": PermanentError,
    # By their status; these have 503.
    "twilio.TwilioRestException": TransientError,
    "twilio.TwilioServiceException": TransientError,
}
KINDS = subclasses("requests", RequestException) | subclasses("twilio", TwilioException)
STATUSES = {
    400: PermanentError,
    401: CredentialsError,
    403: CredentialsError,
    404: NotFoundError,
    405: PermanentError,
    408: TransientError,
    409: PermanentError,
    412: ChangedError,
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


def test_every_exception_of_the_libraries_is_mapped_on_purpose() -> None:
    assert {name: type(translated(raised(kind))) for name, kind in KINDS.items()} == EXPECTED


def test_a_success_that_is_no_json_may_be_one_later() -> None:
    assert type(translated(json.JSONDecodeError("no JSON", "<html>", 0))) is TransientError


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


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", None),
        ("1", 1),
        (" 120 ", 120),
        ("3600", 3600),
        ("999999", 3600),
        ("9" * 400, 3600),
        ("9" * 5000, 3600),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("Fri, 31 Dec 9999 23:59:59 -1200", 3600),
        ("Fri, 31 Dec 9999 23:59:59 -0000", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Fri, 99 Dec 2026 23:59:59 GMT", None),
    ],
)
def test_how_long_twilio_wants_to_be_left_alone(header: str | None, seconds: int | None) -> None:
    error = throttled("doing something", 429, header)
    assert (type(error), str(error), error.retry_after) == (
        TransientError,
        "doing something: Twilio answered 429",
        seconds,
    )


def test_twilio_may_say_until_when() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    seconds = throttled("doing something", 503, until).retry_after
    assert seconds is not None
    # The header has whole seconds, and some pass meanwhile.
    assert 0 < seconds <= 100
