"""Proves that a request comes from Twilio, over the raw body, by the SDK's own validator.

The validator alone is not enough: it raises on what a stranger may send, and hashes a JSON body only when it is given
one. So the shape of the request is checked first and everything doubtful is refused.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from twilio.request_validator import SIGNATURE_HEADER, SIGNATURE_SETTINGS_HEADER, RequestValidator

from callscribe.domain.errors import ForgeryError

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
HASH = "bodySHA256"
LONGEST_BODY = 64 * 1024
"""Characters, far more than Twilio sends: a stranger shall not make us hash megabytes."""


class Form(dict[str, list[str]]):
    """The parameters of a form, blank and repeated ones included. `getlist` is how the validator reads them."""

    def getlist(self, name: str) -> list[str]:
        """All values of a parameter."""
        return self[name]

    def first(self, name: str) -> str:
        """The first value of a parameter; empty where it is absent."""
        return self.get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request that Twilio has signed. `body` is verbatim; `base_url` is the address Twilio called, without a path."""

    base_url: str
    path: str
    body: str
    form: Form


def verify(event: Mapping[str, Any], tokens: Iterable[str], content_type: str) -> Webhook:
    """Check the signature of an HTTP API event (payload 2.0) whose body is of `content_type`.

    The address comes from the request context, which API Gateway fills; nothing the sender writes is trusted for it.

    Raises:
        ForgeryError: it is not provably Twilio's. The message says why and quotes nothing.
    """
    signature = _signature(event.get("headers") or {}, content_type)
    body = _body(event)
    query = event.get("rawQueryString") or ""
    base_url = f"https://{event['requestContext']['domainName']}"
    url = f"{base_url}{event['rawPath']}" + (f"?{query}" if query else "")
    form = _form(body, query) if content_type == FORM else Form()
    if content_type == JSON:
        _check_hash(query)
    try:
        signed = form if content_type == FORM else body
        genuine = any(RequestValidator(token).validate(url, signed, signature) for token in tokens)
    except UnicodeEncodeError:
        raise ForgeryError("the request is no text") from None
    if not genuine:
        raise ForgeryError("the signature fits no auth token")
    return Webhook(base_url, event["rawPath"], body, form)


def _signature(headers: Mapping[str, str], content_type: str) -> str:
    signature = headers.get(SIGNATURE_HEADER.lower(), "")
    if not signature:
        raise ForgeryError("no signature")
    if SIGNATURE_SETTINGS_HEADER.lower() in headers:
        raise ForgeryError("signed with a shared key; only signatures by an auth token are accepted")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != content_type:
        raise ForgeryError(f"the content type is not {content_type}")
    return signature


def _check_hash(query: str) -> None:
    # The signature covers the address only, so the address must carry the body's hash, once.
    hashes = parse_qs(query, keep_blank_values=True).get(HASH, [])
    if len(hashes) != 1 or not hashes[0]:
        raise ForgeryError(f"a JSON body needs one {HASH} in the address")


def _body(event: Mapping[str, Any]) -> str:
    body = event.get("body") or ""
    if len(body) > LONGEST_BODY:
        raise ForgeryError("the body is longer than any of Twilio's")
    try:
        # API Gateway encodes the bodies of forms.
        return base64.b64decode(body, validate=True).decode() if event.get("isBase64Encoded") else body
    except ValueError:
        raise ForgeryError("the body is no text") from None


def _form(body: str, query: str) -> Form:
    if query:
        raise ForgeryError("a form needs no query: its parameters are all in the body")
    try:
        return Form(parse_qs(body, keep_blank_values=True, errors="strict"))
    except ValueError:
        raise ForgeryError("the body is no form") from None
