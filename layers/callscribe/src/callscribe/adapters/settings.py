"""Reads the settings document from Secrets Manager, also while a caller waits.

boto3 takes longer to import than everything else `incoming_call` needs together, so this one request is signed with
AWS's own signer package and sent with the standard library (docs/decisions/0004).
"""

import json
import logging
import os
import ssl
import time
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from io import BytesIO
from urllib.parse import urlsplit

from aws_sdk_signers import URI, AWSCredentialIdentity, AWSRequest, Field, Fields, SigV4Signer

from callscribe.adapters.aws_endpoints import endpoint_url
from callscribe.domain.errors import CallscribeError, TransientError
from callscribe.domain.settings import Settings, SettingsError, from_json

MAX_AGE_SECONDS = 300
"""How long a change of the settings may take to be seen."""

TIMEOUT_SECONDS = 3
"""Twilio waits 15 s for our answer; a caller notices 2 or 3."""

# Takes 20 ms, which belong to the start of the environment and not to the first call.
_TLS = ssl.create_default_context()
_log = logging.getLogger(__name__)


class SettingsReader:
    """Holds the settings for `MAX_AGE_SECONDS`, and beyond while they cannot be read anew."""

    def __init__(self, secret_arn: str, endpoint_url: str, region: str) -> None:
        self._secret_arn = secret_arn
        self._endpoint = urlsplit(endpoint_url)
        self._region = region
        self._settings: Settings | None = None
        self._read_again_at = 0.0

    def current(self) -> Settings:
        """The settings in force.

        Raises:
            TransientError: Secrets Manager does not answer, and there are no older settings.
            SettingsError: it refuses, or the document is wrong, likewise.
        """
        if self._settings is None or time.monotonic() >= self._read_again_at:
            try:
                self._settings = from_json(self._read())
            except CallscribeError as error:
                if self._settings is None:
                    raise
                _log.error("keeping the settings read before: %s", error)
            self._read_again_at = time.monotonic() + MAX_AGE_SECONDS
        return self._settings

    def _read(self) -> str:
        status, answer = self._post(json.dumps({"SecretId": self._secret_arn}).encode())
        if status == 200:
            return _document(answer)
        # A secret that has never had a value is refused with this name.
        if b"ResourceNotFoundException" in answer:
            raise _not_written()
        if status == 429 or status >= 500 or b"ThrottlingException" in answer:
            raise TransientError(f"Secrets Manager answered {status} to reading the settings; it may work later")
        # The answer to a refusal names the secret and the role, never a value of it.
        raise SettingsError(
            f"the settings could not be read ({status}: {answer.decode(errors='replace')}): "
            "write them, and let the function's role read them"
        )

    def _post(self, body: bytes) -> tuple[int, bytes]:
        connection: HTTPConnection = (
            HTTPSConnection(self._endpoint.netloc, timeout=TIMEOUT_SECONDS, context=_TLS)
            if self._endpoint.scheme == "https"
            else HTTPConnection(self._endpoint.netloc, timeout=TIMEOUT_SECONDS)
        )
        try:
            connection.request("POST", "/", body, self._signed_headers(body))
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException) as error:
            raise TransientError(
                f"Secrets Manager did not answer ({type(error).__name__}); it may work later"
            ) from error
        finally:
            connection.close()

    def _signed_headers(self, body: bytes) -> dict[str, str]:
        request = AWSRequest(
            destination=URI(
                scheme=self._endpoint.scheme,
                host=self._endpoint.hostname or "",
                port=self._endpoint.port,
                path="/",
            ),
            method="POST",
            body=BytesIO(body),
            fields=Fields(
                [
                    Field(name="Content-Type", values=["application/x-amz-json-1.1"]),
                    Field(name="X-Amz-Target", values=["secretsmanager.GetSecretValue"]),
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
            properties={"region": self._region, "service": "secretsmanager"},
        )
        return {field.name: field.as_string() for field in signed.fields}


def _document(answer: bytes) -> str:
    try:
        document = str(json.loads(answer).get("SecretString", ""))
    except ValueError:
        raise TransientError("Secrets Manager answered something that is no JSON; it may work later") from None
    if not document:
        raise _not_written()
    return document


def _not_written() -> SettingsError:
    return SettingsError("the settings have not been written yet: put the document into the stack's secret")


@cache
def settings_reader() -> SettingsReader:
    """The reader of this environment's settings."""
    return SettingsReader(os.environ["SETTINGS_SECRET_ARN"], endpoint_url("secretsmanager"), os.environ["AWS_REGION"])
