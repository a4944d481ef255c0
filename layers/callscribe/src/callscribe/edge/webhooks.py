"""Turns a handler of verified webhooks into a Lambda handler of an HTTP API (payload 2.0).

The one place where errors become HTTP statuses. Twilio retries a 5xx where the callback URL asks it to.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callscribe.adapters.settings import settings_reader
from callscribe.domain.errors import CallscribeError, InvalidError, TransientError, UnreadableError
from callscribe.edge.signatures import FORM, JSON, Webhook, verify
from callscribe.edge.telemetry import about, logger

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
    return _signed(answer, FORM)


def signed_json(answer: Callable[[Webhook], Response]) -> LambdaHandler:
    """Call `answer` with JSON that Twilio has signed, and with nothing else."""
    return _signed(answer, JSON)


def _signed(answer: Callable[[Webhook], Response], content_type: str) -> LambdaHandler:
    @functools.wraps(answer)
    @logger.inject_lambda_context(clear_state=True)
    def handler(event: Mapping[str, Any], _context: LambdaContext) -> Response:
        try:
            return answer(verify(event, settings_reader().current().auth_tokens, content_type))
        except Exception as error:  # noqa: BLE001 (Twilio gets an answer whatever happens)
            return _refusal(error)

    return handler


def _refusal(error: Exception) -> Response:
    status = next((status for family, status in STATUSES if isinstance(error, family)), 500)
    if status < 500:
        logger.warning("webhook refused", status=status, **about(error))
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
