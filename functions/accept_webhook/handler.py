"""A transcript is ready: put the Intelligence webhook on the queue of transcripts, as it is.

Trigger: POST /ci-webhook, and /ci-webhook/{token} where the settings open it. A repeated webhook is a second message;
the worker's key is the TranscriptSid.
"""

from callscribe.adapters.queues import queue
from callscribe.edge.signatures import Webhook
from callscribe.edge.telemetry import logger
from callscribe.edge.webhooks import Response, signed_json, text


@signed_json
def handler(webhook: Webhook) -> Response:
    """Answer only once the webhook is durable."""
    queue().put(webhook.body, correlation_id=webhook.request_id)
    logger.info("webhook accepted")
    return text(200, "accepted")
