"""Lets in Intelligence webhooks that Twilio has not signed, by the token at the end of their path.

Off unless the settings have a `webhook_path_token` (docs/decisions/0002). The token is a secret of the operator's, so
no path of a request may go into a log.
"""

import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from callscribe.domain.errors import ForgeryError
from callscribe.domain.settings import TwilioCredentials
from callscribe.edge.http_events import Request
from callscribe.edge.signatures import JSON, Form, Webhook, check_content_type, claims_a_signature, verify


def verify_json(event: Mapping[str, Any], credentials: Callable[[], TwilioCredentials]) -> Webhook:
    """Check that JSON is Twilio's: by its signature or, on the route that has one, by the token in its path.

    Raises:
        ForgeryError: it is not provably Twilio's. The message says why and quotes nothing.
    """
    request = Request.of(event)
    if request.path_token is None:
        return verify(event, lambda: credentials().auth_tokens, JSON)
    # The credentials come last, so that a stranger is refused for all else without them.
    signed = claims_a_signature(request)
    webhook = verify(event, lambda: credentials().auth_tokens, JSON) if signed else _unsigned(request)
    _check_token(request.path_token, credentials().webhook_path_token)
    return webhook


def _check_token(sent: str, token: str | None) -> None:
    # compare_digest takes no text that is not ASCII, and the token is.
    if token is None or not hmac.compare_digest(sent.encode(errors="replace"), token.encode()):
        raise ForgeryError("the path ends in no token that the settings know", "wrong_path_token")


def _unsigned(request: Request) -> Webhook:
    check_content_type(request, JSON)
    body = request.body()
    try:
        json.loads(body)
    except (RecursionError, ValueError):
        raise ForgeryError("the body is no JSON", "no_json") from None
    return Webhook(request.base_url, request.path, body, Form(), request.id)
