"""The events Lambda hands to a function: those of an HTTP API, those of a queue. All fields that AWS sends.

The files under `events/` were made by these functions; the suites make the events of their simulated calls by them.
"""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator

from harness.template import REPOSITORY, route

HOST = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
FALLBACK_HOST = "f1e2d3c4b5.execute-api.us-east-1.amazonaws.com"
TWILIO_ADDRESS = "203.0.113.7"


def event_files(function: str) -> list[str]:
    """The cases of a function, by the names of their files."""
    return sorted(file.stem for file in (REPOSITORY / "events" / function).glob("*.json"))


def load_event(function: str, case: str) -> dict[str, Any]:
    """A new copy of one event; the messages of a batch have only just been sent, and are not given up for their age."""
    event: dict[str, Any] = json.loads((REPOSITORY / "events" / function / f"{case}.json").read_text("utf-8"))
    for record in event.get("Records", []):
        record["attributes"] |= {"SentTimestamp": _now(), "ApproximateFirstReceiveTimestamp": _now()}
    return event


def http_event(path: str, headers: Mapping[str, str], body: bytes, query: str = "") -> dict[str, Any]:
    """An HTTP API's event, payload format 2.0, as API Gateway makes it of a POST (API Gateway docs, "AWS Lambda
    integrations"): header names in lower case, a form's body in base64.
    """
    route_path = route("POST", path) or path
    headers = {name.lower(): value for name, value in headers.items()}
    is_text = headers.get("content-type", "").startswith(("application/json", "text/"))
    parameters = {"queryStringParameters": dict(parse_qsl(query, keep_blank_values=True))} if query else {}
    if "{" in route_path:
        parameters["pathParameters"] = _path_parameters(route_path, path)
    return {
        "version": "2.0",
        "routeKey": f"POST {route_path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "accept": "*/*",
            "content-length": str(len(body)),
            "host": HOST,
            "x-amzn-trace-id": "Root=1-6b1f1d2e-0123456789abcdef01234567",
            "x-forwarded-for": TWILIO_ADDRESS,
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            **headers,
        },
        **parameters,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": HOST.partition(".")[0],
            "domainName": HOST,
            "domainPrefix": HOST.partition(".")[0],
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": TWILIO_ADDRESS,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"POST {route_path}",
            "stage": "$default",
            "time": "20/Nov/2026:09:00:30 +0000",
            "timeEpoch": 1795165230000,
        },
        "body": body.decode() if is_text else base64.b64encode(body).decode(),
        "isBase64Encoded": not is_text,
    }


def _path_parameters(route_path: str, path: str) -> dict[str, str]:
    pairs = zip(route_path.split("/"), path.split("/"), strict=True)
    return {name.strip("{}"): value for name, value in pairs if name.startswith("{")}


def sqs_event(*bodies: str) -> dict[str, Any]:
    """A batch of messages as Lambda's event source mapping hands it over (Lambda docs, "Using Lambda with SQS")."""
    return {
        "Records": [
            {
                "messageId": f"00000000-0000-4000-8000-{number:012}",
                "receiptHandle": f"AQEBhandle{number}==",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": _now(),
                    "SenderId": "AROAEXAMPLEROLEID000:callscribe-accept",
                    "ApproximateFirstReceiveTimestamp": _now(),
                },
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:callscribe-queue",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def batch_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """The batch with one message as it was taken off a queue, with all its attributes."""
    event = sqs_event(message["Body"])
    event["Records"][0]["messageAttributes"] = {
        name: {"dataType": one["DataType"], "stringValue": one["StringValue"]}
        for name, one in message.get("MessageAttributes", {}).items()
    }
    return event


def _now() -> str:
    return str(round(time.time() * 1000))


def raw_body(event: Mapping[str, Any]) -> bytes:
    """The body as it came over the wire."""
    body = str(event["body"])
    return base64.b64decode(body) if event["isBase64Encoded"] else body.encode()


def url_of(event: Mapping[str, Any]) -> str:
    """The address that was called, as it is signed."""
    query = event["rawQueryString"]
    return f"https://{event['requestContext']['domainName']}{event['rawPath']}" + (f"?{query}" if query else "")


class _Parameters(dict[str, list[str]]):
    def getlist(self, name: str) -> list[str]:
        return self[name]


def signature_of(event: Mapping[str, Any], token: str) -> str:
    """What Twilio would sign this event with: the parameters of a form, the address alone of anything else."""
    parameters = _Parameters()
    if event["headers"].get("content-type", "").startswith("application/x-www-form-urlencoded"):
        for name, value in parse_qsl(raw_body(event).decode(), keep_blank_values=True):
            parameters.setdefault(name, []).append(value)
    return str(RequestValidator(token).compute_signature(url_of(event), parameters))


def signed(event: Mapping[str, Any], token: str) -> dict[str, Any]:
    """A copy of the event with a genuine signature by `token`."""
    headers = {**event["headers"], "x-twilio-signature": signature_of(event, token)}
    return {**event, "headers": headers}
