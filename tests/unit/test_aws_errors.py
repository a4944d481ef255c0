"""Every exception of botocore's becomes one of ours."""

import inspect
from typing import Any

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from callscribe.adapters.aws_errors import TRANSIENT_CODES, aws_errors
from callscribe.domain.errors import CallscribeError, PermanentError, TransientError

CLASSES = [
    one
    for _, one in inspect.getmembers(botocore.exceptions, inspect.isclass)
    if issubclass(one, BotoCoreError) and one is not BotoCoreError
]


def raised(kind: type[BotoCoreError]) -> BotoCoreError:
    # Each wants fields of its own for its message, which is not what is tested.
    error = kind.__new__(kind)
    Exception.__init__(error, "made by the test")
    return error


def translated(error: Exception) -> CallscribeError:
    with pytest.raises(CallscribeError) as ours, aws_errors("doing something"):
        raise error
    assert ours.value.__cause__ is error
    assert str(ours.value).startswith("doing something: ")
    return ours.value


def client_error(status: int, code: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "said +12025550142"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "PutItem")


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_exception_of_botocore_is_mapped(kind: type[BotoCoreError]) -> None:
    assert isinstance(translated(raised(kind)), TransientError | PermanentError)


@pytest.mark.parametrize("name", ["ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError", "SSLError"])
def test_what_was_not_reached_may_be_reached_later(name: str) -> None:
    assert isinstance(translated(raised(getattr(botocore.exceptions, name))), TransientError)


@pytest.mark.parametrize(
    "name", ["ConnectionClosedError", "IncompleteReadError", "ReadTimeoutError", "ResponseStreamingError"]
)
def test_an_answer_that_was_lost_may_come_later(name: str) -> None:
    assert isinstance(translated(raised(getattr(botocore.exceptions, name))), TransientError)


@pytest.mark.parametrize("name", ["NoCredentialsError", "NoRegionError", "ParamValidationError", "UnknownServiceError"])
def test_a_mistake_of_the_deployment_stays_one(name: str) -> None:
    assert isinstance(translated(raised(getattr(botocore.exceptions, name))), PermanentError)


@pytest.mark.parametrize("code", sorted(TRANSIENT_CODES))
def test_what_aws_calls_worth_a_retry_is_transient(code: str) -> None:
    assert isinstance(translated(client_error(400, code)), TransientError)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failure_of_the_service_is_transient(status: int) -> None:
    assert isinstance(translated(client_error(status, "Anything")), TransientError)


@pytest.mark.parametrize("code", ["ValidationException", "ResourceNotFoundException", "AWS.SimpleQueueService.X", ""])
def test_a_refusal_is_permanent_and_its_message_is_not_repeated(code: str) -> None:
    error = translated(client_error(400, code))
    assert isinstance(error, PermanentError)
    assert "+12025550142" not in str(error)


def test_an_error_without_a_status_is_permanent() -> None:
    assert isinstance(translated(ClientError({}, "PutItem")), PermanentError)


def test_an_error_that_is_not_of_aws_goes_through() -> None:
    with pytest.raises(KeyError), aws_errors("doing something"):
        raise KeyError
