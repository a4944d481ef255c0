"""AWS and Twilio in trouble: throttled, failing, cut off, or not heard. Real answers, given where they are read.

Each is a meddler for `Wire.meddling`: retries, tables of errors and handlers run for real.
"""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import requests
from botocore.exceptions import ConnectionClosedError

from harness.wire import Meddler, Send, Step, aws_answer

type Answer = Callable[[Step, Send], Any]

URL = "https://aws.invalid/"

# What the documentation of each service lists (DynamoDB, SQS, EventBridge and Secrets Manager, "Common errors").
THROTTLED = {
    "dynamodb": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    "sqs": "com.amazonaws.sqs#ThrottlingException",
    "eventbridge": "ThrottlingException",
    "secretsmanager": "ThrottlingException",
    "settings": "com.amazonaws.dynamodb.v20120810#ThrottlingException",
}
FAILING = {
    "dynamodb": "com.amazonaws.dynamodb.v20120810#InternalServerError",
    "sqs": "com.amazonaws.sqs#InternalFailure",
    "eventbridge": "InternalException",
    "secretsmanager": "InternalServiceError",
    "settings": "com.amazonaws.dynamodb.v20120810#InternalServerError",
}


def throttled(step: Step, _send: Send) -> Any:
    """400, of Twilio 429, and nothing done: come back later."""
    return _refusal(step, 429 if step.service == "twilio" else 400, THROTTLED.get(step.service, ""))


def failing(step: Step, _send: Send) -> Any:
    """500, and nothing done."""
    return _refusal(step, 500, FAILING.get(step.service, ""))


def unavailable(step: Step, _send: Send) -> Any:
    """503, by a load balancer that knows no JSON."""
    return _answer(step, 503, "<html>503 Service Unavailable</html>")


def cut_off(step: Step, _send: Send) -> Any:
    """The connection is closed, and nothing done."""
    raise _closed(step)


def unheard(step: Step, send: Send) -> Any:
    """It is done, and the connection is closed before the answer comes."""
    send()
    raise _closed(step)


TROUBLES: dict[str, Answer] = {
    "throttled": throttled,
    "failing": failing,
    "unavailable": unavailable,
    "cut off": cut_off,
    "unheard": unheard,
}


def once(number: int, trouble: Answer) -> Meddler:
    """Let the request of that number, from 1, fail; botocore may send it again."""
    count = 0

    def meddle(step: Step, send: Send) -> Any:
        nonlocal count
        count += not step.of_settings
        return trouble(step, send) if count == number else send()

    return meddle


def twice(number: int, trouble: Answer) -> Meddler:
    """Let it fail, and when botocore sends it again; Twilio is asked once."""
    count = 0

    def meddle(step: Step, send: Send) -> Any:
        nonlocal count
        count += not step.of_settings
        last = number if step.service == "twilio" else number + 1
        return trouble(step, send) if number <= count <= last else send()

    return meddle


def all_of(service: str, trouble: Answer) -> Meddler:
    """Let every request to a service fail."""
    return lambda step, send: trouble(step, send) if step.service == service else send()


def _refusal(step: Step, status: int, kind: str) -> Any:
    return _answer(step, status, json.dumps({"__type": kind, "message": "try again later"}))


def _answer(step: Step, status: int, body: str) -> Any:
    if step.service == "twilio":
        told = requests.Response()
        told.status_code, told._content = status, body.encode()
        return told
    if step.of_settings:
        # Read without botocore.
        return SimpleNamespace(status=status, read=body.encode)
    return aws_answer(URL, status, body, {"x-amzn-RequestId": "0"})


def _closed(step: Step) -> Exception:
    if step.service == "twilio":
        return requests.ConnectionError()
    return ConnectionResetError() if step.of_settings else ConnectionClosedError(endpoint_url=URL)
