"""Store what Conversational Intelligence made of a call.

Trigger: the queue of transcripts, whose messages are Intelligence webhooks, or the sweep's in their place. Idempotency
key: TranscriptSid.
"""

from callscribe.adapters.event_bus import event_bus
from callscribe.adapters.settings import settings_reader
from callscribe.adapters.table import call_table, unredacted_table
from callscribe.adapters.twilio import twilio
from callscribe.edge.messages import Message, queue_worker
from callscribe.edge.payloads import TranscriptWebhook
from callscribe.edge.retries import patience
from callscribe.edge.telemetry import count, logger
from callscribe.usecases.store_insights import REPAIRS, Outcome, Report, Stores, store_insights


@queue_worker
def handler(message: Message) -> None:
    """Settle one webhook."""
    webhook = TranscriptWebhook.from_json(message.body)
    logger.append_keys(transcript_sid=webhook.transcript_sid)
    settings = settings_reader().current()
    outcome = store_insights(
        Report(
            transcript_sid=webhook.transcript_sid,
            call_sid=webhook.call_sid,
            reported_at=message.reported,
            swept=message.swept,
        ),
        stores=Stores(table=call_table(), unredacted=unredacted_table(), event_bus=event_bus()),
        twilio=twilio(settings),
        settings=settings,
        patience=patience(),
    )
    logger.info("transcript settled", outcome=outcome)
    count("TranscriptsSettled", outcome=outcome)
    if outcome is Outcome.GAVE_UP:
        count("GivenUp")
    if message.swept and outcome in REPAIRS:
        count("Repaired", what="transcript")
