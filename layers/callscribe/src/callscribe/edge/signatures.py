"""Proves that a request comes from Twilio, over the raw body, by the SDK's own validator.

The validator alone is not enough: it raises on what a stranger may send, and hashes a JSON body only when it is given
one. So the shape of the request is checked first and everything doubtful is refused.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from twilio.request_validator import SIGNATURE_HEADER, SIGNATURE_SETTINGS_HEADER, RequestValidator

from callscribe.domain.errors import ForgeryError
from callscribe.edge.http_events import Request

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
HASH = "bodySHA256"

DOCTOR = "callscribe-doctor"
"""The User-Agent of `callscribe doctor`, whose forgeries are refused as all are. They are counted apart from those that
call somebody, because they may be Twilio's own, signed by a token that the settings lack."""


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
    """A request of Twilio's. `body` is verbatim; `base_url` is the address Twilio called, without a path.

    `request_id` is API Gateway's.
    """

    base_url: str
    path: str
    body: str
    form: Form
    request_id: str


def verify(event: Mapping[str, Any], tokens: Callable[[], Iterable[str]], content_type: str) -> Webhook:
    """Check the signature of an HTTP API event (payload 2.0) whose body is of `content_type`.

    Parameters:
        tokens: the auth tokens that may have signed; asked for only once everything else is right.

    Raises:
        ForgeryError: it is not provably Twilio's. The message says why and quotes nothing.
    """
    request = Request.of(event)
    signature = _signature(request)
    check_content_type(request, content_type)
    body = request.body()
    form = _form(body, request.query) if content_type == FORM else Form()
    if content_type == JSON:
        _check_hash(request.query)
    try:
        signed = form if content_type == FORM else body
        genuine = any(RequestValidator(token).validate(request.url, signed, signature) for token in tokens())
    except UnicodeEncodeError:
        raise ForgeryError("the request is no text", "no_text") from None
    if not genuine:
        by_doctor = request.headers.get("user-agent") == DOCTOR
        raise ForgeryError("the signature fits no auth token", "doctor" if by_doctor else "wrong_signature")
    return Webhook(request.base_url, request.path, body, form, request.id)


def claims_a_signature(request: Request) -> bool:
    """Whether the sender says that it has signed: then nothing but a right signature will do."""
    return not request.headers.keys().isdisjoint({SIGNATURE_HEADER.lower(), SIGNATURE_SETTINGS_HEADER.lower()})


def check_content_type(request: Request, content_type: str) -> None:
    """Refuse a body of any other kind.

    Raises:
        ForgeryError: it is of another, or of none.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != content_type:
        raise ForgeryError(f"the content type is not {content_type}", "wrong_content_type")


def _signature(request: Request) -> str:
    signature = request.headers.get(SIGNATURE_HEADER.lower(), "")
    if not signature:
        raise ForgeryError("no signature", "no_signature")
    if SIGNATURE_SETTINGS_HEADER.lower() in request.headers:
        raise ForgeryError("signed with a shared key; only signatures by an auth token are accepted", "shared_key")
    return signature


def _check_hash(query: str) -> None:
    # The signature covers the address only, so the address must carry the body's hash, once.
    hashes = parse_qs(query, keep_blank_values=True).get(HASH, [])
    if len(hashes) != 1 or not hashes[0]:
        raise ForgeryError(f"a JSON body needs one {HASH} in the address", "no_body_hash")


def _form(body: str, query: str) -> Form:
    if query:
        raise ForgeryError("a form needs no query: its parameters are all in the body", "form_with_query")
    try:
        return Form(parse_qs(body, keep_blank_values=True, errors="strict"))
    except ValueError:
        raise ForgeryError("the body is no form", "no_text") from None
