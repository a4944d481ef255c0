"""A recording is finished: put Twilio's callback on the queue of recordings, as it is.

Trigger: POST /ci-create-transcript. A repeated callback is a second message; the worker's key is the RecordingSid.
"""

from callscribe.adapters.queues import queue
from callscribe.domain.errors import UnreadableError
from callscribe.edge.metrics import RECORDINGS_ACCEPTED, count
from callscribe.edge.signatures import Webhook
from callscribe.edge.telemetry import logger
from callscribe.edge.webhooks import Response, signed_form, text


@signed_form
def handler(webhook: Webhook) -> Response:
    """Answer only once the callback is durable.

    Raises:
        UnreadableError: no parameter has a value, so no worker could ever name the recording.
    """
    if not any(any(values) for values in webhook.form.values()):
        raise UnreadableError("the body has no parameter with a value")
    queue().put(webhook.body, correlation_id=webhook.request_id)
    logger.info("recording accepted")
    count(RECORDINGS_ACCEPTED)
    return text(200, "accepted")
