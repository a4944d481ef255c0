"""A call comes in, a <Dial> is over, a <Record> is over: answer with what Twilio shall do next.

Trigger: POST /incoming-call, /incoming-call/dialled and /incoming-call/recorded, while the caller waits. Stores
nothing, so a repeated request gets the same answer.
"""

from callscribe.adapters.settings import settings_reader
from callscribe.edge.metrics import CALLS_ANSWERED, STATIC_ANSWERS, count
from callscribe.edge.signatures import Webhook
from callscribe.edge.telemetry import about, logger
from callscribe.edge.webhooks import Response, signed_form, twiml
from callscribe.usecases.incoming_call import ANSWER_PATH, next_document, static_document


@signed_form
def handler(webhook: Webhook) -> Response:
    """Answer with TwiML, whatever happens: a caller is on the line."""
    form = {name: values[0] for name, values in webhook.form.items()}
    logger.append_keys(path=webhook.path)
    try:
        number = settings_reader().current(form.get("To", "")).for_number(form.get("To", ""))
        document = next_document(webhook.path, form, number, webhook.base_url)
        logger.info("call answered")
    except Exception as error:  # noqa: BLE001 (a bug must not cost the call)
        logger.error("call answered with static TwiML", **about(error))
        count(STATIC_ANSWERS)
        document = static_document(webhook.path, form, webhook.base_url)
    if webhook.path == ANSWER_PATH:
        count(CALLS_ANSWERED)
    return twiml(document)
