"""Every request that the functions send, to AWS and to Twilio, in their order: counted, hurt, or cut off.

It is in front of moto, in process, where botocore has a request ready to be sent: retries, tables of errors and
handlers run for real.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import boto3
import botocore.session
import pytest
import requests.adapters
from boto3.dynamodb.types import TypeDeserializer
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.dynamodb.models import dynamodb_backends

type Send = Callable[[], Any]
type Meddler = Callable[[Step, Send], Any]

MOTO = BotocoreStubber()
ONE_AT_A_TIME = threading.Lock()
"""A conditional write of DynamoDB's is of one piece; moto's would not be, among several threads."""

HOSTS = {"dynamodb": "dynamodb", "sqs": "sqs", "eventbridge": "events", "secrets-manager": "secretsmanager"}
"""By what botocore calls the service of a request, what the service's host is called."""


class Step(str):
    """One request: "dynamodb UpdateItem", "twilio POST /v2/Transcripts"; or one that reads the settings:
    "secretsmanager GetSecretValue", "settings GetItem".
    """

    __slots__ = ()

    @property
    def service(self) -> str:
        """Whom it is sent to."""
        return self.partition(" ")[0]

    @property
    def of_settings(self) -> bool:
        """Whether it only reads the settings, as every invocation begins by."""
        return self.service in {"secretsmanager", "settings"}


class Wire:
    """What the functions send passes here. `sent` is what they have sent, growing; settings are read besides.

    While `meddler` is set, it is given each request with what sends it, and answers in the place of AWS or Twilio.
    """

    def __init__(self) -> None:
        self.sent: list[Step] = []
        self.meddler: Meddler | None = None

    def carry(self, step: Step, send: Send) -> Any:
        """Send one request; its answer."""
        if not step.of_settings:
            self.sent.append(step)
        return self.meddler(step, send) if self.meddler else send()

    @contextmanager
    def meddling(self, meddler: Meddler) -> Iterator[None]:
        """Let `meddler` have its way while the block runs."""
        self.meddler = meddler
        try:
            yield
        finally:
            self.meddler = None

    def attach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the functions' requests pass here until the end of the test."""
        self._attach_aws(monkeypatch)
        self._attach_settings(monkeypatch)
        send = requests.adapters.HTTPAdapter.send

        def carried(adapter: Any, request: requests.PreparedRequest, **kwargs: Any) -> Any:
            path = re.sub(r"\b[A-Z]{2}[0-9a-f]{32}\b", "{sid}", urlsplit(str(request.url)).path)
            return self.carry(Step(f"twilio {request.method} {path}"), lambda: send(adapter, request, **kwargs))

        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", carried)
        # What the suite itself asks moto does not pass here, and need not go the long way either.
        monkeypatch.setattr("harness.stack.aws", _own_client)
        monkeypatch.setattr("harness.stack._table", QuickTable)

    def _attach_aws(self, monkeypatch: pytest.MonkeyPatch) -> None:
        session: Any = boto3.DEFAULT_SESSION
        session._session.register("before-send", self._before_send)
        # A client takes longer to make than an invocation, and holds nothing of one.
        monkeypatch.setattr(boto3, "client", cache(boto3.client))
        monkeypatch.setattr(boto3, "resource", cache(boto3.resource))
        # Between two tries of botocore's.
        monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))

    def _before_send(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> Any:
        service, operation = event_name.split(".")[1:]
        if service not in HOSTS:
            # An operator's question, of what moto does not play: it goes where the endpoint says.
            return None
        step = Step(f"{service} {operation}{_about(operation, request)}")
        return self.carry(step, lambda: _by_moto(service, request))

    def _attach_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wire = self

        class Connection(HTTPConnection):
            step = Step()

            def request(self, method: str, url: str, body: Any = None, headers: Any = (), **kwargs: Any) -> None:
                of_table = dict(headers)["X-Amz-Target"].startswith("DynamoDB")
                self.step = Step("settings GetItem" if of_table else "secretsmanager GetSecretValue")
                super().request(method, url, body, headers, **kwargs)

            def getresponse(self) -> Any:
                return wire.carry(self.step, super().getresponse)

        monkeypatch.setattr("callscribe.adapters.settings.HTTPConnection", Connection)


def _about(operation: str, request: AWSPreparedRequest) -> str:
    """What a write to the table is of: " CALL", or " RECORDING requesting"."""
    if operation != "UpdateItem":
        return ""
    body: Any = request.body
    asked = json.loads(body)
    kind = asked["Key"]["sk"]["S"].partition("#")[0]
    state = asked["ExpressionAttributeValues"].get(":state", {}).get("S")
    return f" {kind} {state}" if state else f" {kind}"


@cache
def _own_session() -> boto3.Session:
    session: Any = botocore.session.get_session()
    session.register("before-send", lambda request, event_name, **_: _by_moto(event_name.split(".")[1], request))
    return boto3.Session(botocore_session=session)


@cache
def _own_client(service: str) -> Any:
    session: Any = _own_session()
    return session.client(service)


@cache
def _own_tables() -> Any:
    return _own_session().resource("dynamodb")


class QuickTable:
    """A table for the suite: as boto3's, but that all its items are read and forgotten where moto holds them.

    To compare the ends of hundreds of runs takes longer than to run them, where each is scanned.
    """

    def __init__(self, name: str) -> None:
        self._items: Any = dynamodb_backends["123456789012"]["us-east-1"].tables[name].items
        self._table = _own_tables().Table(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def scan(self) -> dict[str, Any]:
        """All items, in one page."""
        rows = [one.to_json()["Attributes"] for rows in self._items.values() for one in rows.values()]
        return {"Items": [{k: TypeDeserializer().deserialize(v) for k, v in row.items()} for row in rows]}

    def forget_items(self) -> None:
        """Hold nothing any more."""
        self._items.clear()


def _by_moto(service: str, request: AWSPreparedRequest) -> AWSResponse:
    """What moto answers; asked without its server, which takes three times as long."""
    host = f"{HOSTS[service]}.us-east-1.amazonaws.com"
    request.url = urlunsplit(urlsplit(request.url)._replace(scheme="https", netloc=host))
    with ONE_AT_A_TIME:
        answer = MOTO.process_request(request)
    assert answer
    status, headers, body = answer
    return aws_answer(request.url, status, body, headers)


def aws_answer(url: str, status: int, body: Any, headers: Any = ()) -> AWSResponse:
    """An answer of AWS as botocore reads it off the wire."""
    told = HTTPHeaders()
    for name, value in dict(headers).items():
        told[name] = str(value)
    return AWSResponse(url, status, told, MockRawResponse(body))


class Killed(BaseException):
    """The worker is ended at once: no `except Exception` may see it, and nothing more is sent."""


def kill_after(number: int) -> Meddler:
    """Kill the invocation as soon as the request of that number, from 1, has had its effect."""
    return _kill(number, has_effect=True)


def kill_before(number: int) -> Meddler:
    """Kill it when that request is about to be sent."""
    return _kill(number, has_effect=False)


def _kill(number: int, *, has_effect: bool) -> Meddler:
    left = number

    def meddle(step: Step, send: Send) -> Any:
        nonlocal left
        left -= not step.of_settings
        if left:
            return send()
        if has_effect:
            send()
        raise Killed

    return meddle
