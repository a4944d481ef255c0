"""Reads the settings from Secrets Manager and DynamoDB, also while a caller waits.

boto3 takes longer to import than everything else `incoming_call` needs together, so these two requests are signed with
AWS's own signer package and sent with the standard library (docs/decisions/0004). The secret holds the credentials and
the table what the numbers say and do (docs/decisions/0022); who only checks signatures reads only the secret.
"""

import base64
import json
import logging
import os
import ssl
import time
from collections.abc import Callable, Mapping
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from io import BytesIO
from typing import Any
from urllib.parse import SplitResult, urlsplit

from aws_sdk_signers import URI, AWSCredentialIdentity, AWSRequest, Field, Fields, SigV4Signer

from callscribe.adapters.aws_endpoints import endpoint_url
from callscribe.adapters.settings_item import DOCUMENT, SETTINGS_KEY, unpack
from callscribe.domain.call import masked
from callscribe.domain.errors import CallscribeError, TransientError
from callscribe.domain.settings import Settings, SettingsError, TwilioCredentials, credentials_from_json, from_json

MAX_AGE_SECONDS = 300
"""How long a change of the settings may take to be seen."""

MISS_AGE_SECONDS = 5
"""How old the settings must be to be read again because they lack a number. Bounds what calls to a number that is
nowhere in the settings can cost."""

TIMEOUT_SECONDS = 3
"""Twilio waits 15 s for our answer; a caller notices 2 or 3."""

QUICK_SECONDS = 1
"""A request that fails in less time is sent once more: AWS throttles and drops single requests, and a caller whom that
reaches hears another greeting. A caller does not wait for two timeouts."""

PAUSE_SECONDS = 0.1
"""Before the second request."""

# Takes 20 ms, which belong to the start of the environment and not to the first call.
_TLS = ssl.create_default_context()
_log = logging.getLogger(__name__)

_NAMES = {"secretsmanager": "Secrets Manager", "dynamodb": "DynamoDB"}
_CONTENT_TYPES = {"secretsmanager": "application/x-amz-json-1.1", "dynamodb": "application/x-amz-json-1.0"}
_THROTTLED = (b"ThrottlingException", b"ProvisionedThroughputExceededException", b"RequestLimitExceeded")


class _Held[T]:
    """Holds what was read for `MAX_AGE_SECONDS`, and beyond while it cannot be read again."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._value: T | None = None
        self._read_at = 0.0

    def current(self, max_age_seconds: float) -> T:
        if self._value is None or time.monotonic() >= self._read_at + max_age_seconds:
            try:
                self._value = self._read()
            except CallscribeError as error:
                if self._value is None:
                    raise
                _log.error("keeping the settings read before: %s", error)
            self._read_at = time.monotonic()
        return self._value


class SettingsReader:
    """The settings of one environment, held for `MAX_AGE_SECONDS`, and beyond while they cannot be read again.

    `table` is empty for a function that needs the credentials alone. Every method raises:
        TransientError: AWS does not answer, and nothing older is held.
        SettingsError: AWS refuses, or a document is wrong or missing, and nothing older is held.
    """

    def __init__(self, secret_arn: str, table: str, endpoints: Callable[[str], str], region: str) -> None:
        self._secret_arn = secret_arn
        self._table = table
        self._endpoints = endpoints
        self._region = region
        self._secret = _Held(self._read_secret)
        self._settings = _Held(self._read_settings)

    def credentials(self) -> TwilioCredentials:
        """The credentials in force."""
        credentials, _ = self._secret.current(MAX_AGE_SECONDS)
        return credentials

    def current(self, number: str | None = None) -> Settings:
        """The settings in force.

        Args:
            number: the number that a call has come to. If the settings lack it, they are read again: `setup apply`
                writes a number into them just before it leads calls here, and the first call must find it.
        """
        settings = self._settings.current(MAX_AGE_SECONDS)
        if number is not None and number not in settings.numbers:
            settings = self._settings.current(min(MISS_AGE_SECONDS, MAX_AGE_SECONDS))
        return settings

    def _read_secret(self) -> tuple[TwilioCredentials, str]:
        answer = self._ask("secretsmanager", "secretsmanager.GetSecretValue", {"SecretId": self._secret_arn})
        # A secret that has never had a value is refused, as one that is not there.
        if not (document := str((answer or {}).get("SecretString", ""))):
            raise SettingsError("the credentials have not been written yet: run `callscribe secret set`")
        return credentials_from_json(document), document

    def _read_settings(self) -> Settings:
        _, secret = self._secret.current(MAX_AGE_SECONDS)
        document = self._read_document()
        if document is None and "numbers" not in json.loads(secret):
            raise SettingsError("the numbers have not been written yet: run `callscribe setup apply`")
        return from_json(secret, document, on_problem=_log_problem)

    def _read_document(self) -> str | None:
        """The document of numbers; None if nobody has written one."""
        key = {"pk": {"S": SETTINGS_KEY}}
        # Consistent: a call may come in as soon as its number is written.
        asked = {"TableName": self._table, "Key": key, "ConsistentRead": True}
        answer = self._ask("dynamodb", "DynamoDB_20120810.GetItem", asked)
        if answer is None:
            raise SettingsError("the table of settings does not exist: deploy the stack again")
        try:
            return unpack(base64.b64decode(answer["Item"][DOCUMENT]["B"])) if "Item" in answer else None
        except (KeyError, TypeError, ValueError):
            raise SettingsError("the item in the table of settings is none that setup has written") from None

    def _ask(self, service: str, target: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        """Send a request of AWS's JSON protocol, twice if it fails quickly; None if its object does not exist."""
        started = time.monotonic()
        try:
            return self._ask_once(service, target, asked)
        except TransientError:
            if time.monotonic() - started >= QUICK_SECONDS:
                raise
        time.sleep(PAUSE_SECONDS)
        return self._ask_once(service, target, asked)

    def _ask_once(self, service: str, target: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        status, answer = self._post(service, target, json.dumps(asked).encode())
        name = _NAMES[service]
        if status == 200:
            return _object(answer, name)
        if b"ResourceNotFoundException" in answer:
            return None
        if status == 429 or status >= 500 or any(error in answer for error in _THROTTLED):
            raise TransientError(f"{name} answered {status} to reading the settings; it may work later")
        # The answer to a refusal names the secret or the table and the role, never a value of it.
        raise SettingsError(
            f"the settings could not be read from {name} ({status}: {answer.decode(errors='replace')}): "
            "let the function's role read them"
        )

    def _post(self, service: str, target: str, body: bytes) -> tuple[int, bytes]:
        endpoint = urlsplit(self._endpoints(service))
        connection: HTTPConnection = (
            HTTPSConnection(endpoint.netloc, timeout=TIMEOUT_SECONDS, context=_TLS)
            if endpoint.scheme == "https"
            else HTTPConnection(endpoint.netloc, timeout=TIMEOUT_SECONDS)
        )
        try:
            connection.request("POST", "/", body, self._signed_headers(service, target, endpoint, body))
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException) as error:
            raise TransientError(
                f"{_NAMES[service]} did not answer ({type(error).__name__}); it may work later"
            ) from error
        finally:
            connection.close()

    def _signed_headers(self, service: str, target: str, endpoint: SplitResult, body: bytes) -> dict[str, str]:
        request = AWSRequest(
            destination=URI(scheme=endpoint.scheme, host=endpoint.hostname or "", port=endpoint.port, path="/"),
            method="POST",
            body=BytesIO(body),
            fields=Fields(
                [
                    Field(name="Content-Type", values=[_CONTENT_TYPES[service]]),
                    Field(name="X-Amz-Target", values=[target]),
                ]
            ),
        )
        identity = AWSCredentialIdentity(
            access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
            secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            session_token=os.environ.get("AWS_SESSION_TOKEN"),
        )
        signed = SigV4Signer().sign(
            request=request,
            identity=identity,
            properties={"region": self._region, "service": service},
        )
        return {field.name: field.as_string() for field in signed.fields}


def _log_problem(number: str, problem: str) -> None:
    _log.error("number %s: %s", masked(number), problem)


def _object(answer: bytes, name: str) -> dict[str, Any]:
    try:
        told = json.loads(answer)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise TransientError(f"{name} answered something that is no JSON object; it may work later")
    return told


@cache
def settings_reader() -> SettingsReader:
    """The reader of this environment's settings."""
    return SettingsReader(
        os.environ["SETTINGS_SECRET_ARN"],
        os.environ.get("SETTINGS_TABLE_NAME", ""),
        endpoint_url,
        os.environ["AWS_REGION"],
    )
