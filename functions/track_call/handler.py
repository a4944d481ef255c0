"""A call has ended: store who called, when, and for how long.

Trigger: POST /call-status, the number's status callback. Idempotency key: CallSid.
"""

from callscribe.adapters.settings import settings_reader
from callscribe.adapters.table import call_table
from callscribe.domain.call import masked
from callscribe.edge.payloads import CallStatusCallback
from callscribe.edge.signatures import Webhook
from callscribe.edge.telemetry import logger
from callscribe.edge.webhooks import Response, signed_form, text


@signed_form
def handler(webhook: Webhook) -> Response:
    """Answer only once the call is in the table."""
    callback = CallStatusCallback.from_form(webhook.body)
    call = callback.call()
    if not callback.has_ended:
        return text(200, "not ended yet")
    if call.to not in settings_reader().current(call.to).numbers:
        logger.warning("call of a number that the settings do not hold", call_sid=call.sid, number=masked(call.to))
        return text(200, "not ours")
    if not call_table().put_ended_call(call):
        logger.info("call was erased", call_sid=call.sid)
        return text(200, "erased")
    logger.info("call ended", call_sid=call.sid, caller=masked(call.from_), seconds=call.seconds)
    return text(200, "accepted")
