"""Turns a handler of verified webhooks into a Lambda handler of an HTTP API (payload 2.0).

The one place where errors become HTTP statuses. Twilio retries a 5xx where the callback URL asks it to.
"""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callscribe.adapters.settings import settings_reader
from callscribe.domain.errors import (
    CallscribeError,
    ForgeryError,
    InvalidError,
    TransientError,
    UnknownEventError,
    UnreadableError,
)
from callscribe.domain.settings import TwilioCredentials
from callscribe.edge import metrics
from callscribe.edge.http_events import request_id
from callscribe.edge.metrics import count
from callscribe.edge.path_tokens import verify_json
from callscribe.edge.signatures import FORM, Webhook, verify
from callscribe.edge.telemetry import about, logger, sids, sids_in

type Response = dict[str, Any]
type LambdaHandler = Callable[[Mapping[str, Any], LambdaContext], Response]

# The first family that fits decides.
STATUSES: tuple[tuple[type[CallscribeError], int], ...] = (
    (InvalidError, 403),
    (UnreadableError, 400),
    (TransientError, 503),
)


def signed_form(answer: Callable[[Webhook], Response]) -> LambdaHandler:
    """Call `answer` with forms that Twilio has signed, and with nothing else."""
    return _checked(answer, lambda event: verify(event, lambda: _credentials().auth_tokens, FORM))


def signed_json(answer: Callable[[Webhook], Response]) -> LambdaHandler:
    """Call `answer` with JSON that Twilio has signed, or that came by the secret path; and with nothing else."""
    return _checked(answer, lambda event: verify_json(event, _credentials))


def _credentials() -> TwilioCredentials:
    return settings_reader().credentials()


def _checked(answer: Callable[[Webhook], Response], check: Callable[[Mapping[str, Any]], Webhook]) -> LambdaHandler:
    @functools.wraps(answer)
    @logger.inject_lambda_context(clear_state=True)
    def handler(event: Mapping[str, Any], _context: LambdaContext) -> Response:
        logger.set_correlation_id(request_id(event))
        try:
            webhook = check(event)
            logger.append_keys(**_sids(webhook))
            return answer(webhook)
        except Exception as error:  # noqa: BLE001 (Twilio gets an answer whatever happens)
            return _refusal(error)

    return handler


def _sids(webhook: Webhook) -> dict[str, str]:
    """What it is about, for the log: read before anything of it is understood, and also if nothing can be."""
    if webhook.form:
        return sids({name: values[0] for name, values in webhook.form.items()})
    try:
        fields = json.loads(webhook.body)
    except (RecursionError, ValueError):
        return sids_in(webhook.body)
    return sids(fields) if isinstance(fields, dict) else {}


def _refusal(error: Exception) -> Response:
    if isinstance(error, UnknownEventError):
        logger.warning("unknown event", **about(error))
        count(metrics.UNKNOWN_EVENTS)
        return text(200, "not known here")
    status = next((status for family, status in STATUSES if isinstance(error, family)), 500)
    if status < 500:
        logger.warning("webhook refused", status=status, **about(error))
        if isinstance(error, ForgeryError):
            count(metrics.WEBHOOKS_REFUSED, error.kind)
        else:
            # Twilio's own, and not understood.
            count(metrics.WEBHOOKS_UNREADABLE)
    else:
        logger.error("webhook not accepted", status=status, **about(error))
    return text(status, "refused" if status < 500 else "not accepted, please retry")


def text(status: int, body: str) -> Response:
    """A plain answer."""
    # Twilio counts an answer without a content type as a failure (error 11200).
    return {"statusCode": status, "headers": {"content-type": "text/plain"}, "body": body}


def twiml(document: str) -> Response:
    """Instructions for a call."""
    return {"statusCode": 200, "headers": {"content-type": "text/xml; charset=utf-8"}, "body": document}
