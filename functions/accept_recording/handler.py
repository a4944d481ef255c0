"""A recording is finished: put Twilio's callback on the queue of recordings, as it is.

Trigger: POST /ci-create-transcript. A repeated callback is a second message; the worker's key is the RecordingSid.
"""

from callscribe.adapters.queues import queue
from callscribe.edge.metrics import RECORDINGS_ACCEPTED, count
from callscribe.edge.signatures import Webhook
from callscribe.edge.telemetry import logger
from callscribe.edge.webhooks import Response, signed_form, text


@signed_form
def handler(webhook: Webhook) -> Response:
    """Answer only once the callback is durable."""
    queue().put(webhook.body, correlation_id=webhook.request_id)
    logger.info("recording accepted")
    count(RECORDINGS_ACCEPTED)
    return text(200, "accepted")
