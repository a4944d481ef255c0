"""A call comes in: greet the caller and record in two channels; the recording ends: thank and hang up.

Trigger: POST /incoming-call and POST /incoming-call/recorded, while the caller waits. Stores nothing, so a repeated
request gets the same answer.
"""

from callscribe.adapters.settings import settings_reader
from callscribe.edge.signatures import Webhook
from callscribe.edge.telemetry import logger
from callscribe.edge.webhooks import Response, signed_form, twiml
from callscribe.usecases.incoming_call import greet_and_record, thank_and_hang_up

RECORDED_PATH = "/incoming-call/recorded"
CALLBACK_PATH = "/ci-create-transcript"


@signed_form
def handler(webhook: Webhook) -> Response:
    """Answer with the TwiML of the number that was called."""
    number = settings_reader().current().for_number(webhook.form.first("To"))
    logger.info("call answered", call_sid=webhook.form.first("CallSid"), path=webhook.path)
    if webhook.path == RECORDED_PATH:
        return twiml(thank_and_hang_up(number))
    return twiml(
        greet_and_record(
            number,
            recorded_url=webhook.base_url + RECORDED_PATH,
            callback_url=webhook.base_url + CALLBACK_PATH,
        )
    )
