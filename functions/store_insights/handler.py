"""Store what Conversational Intelligence made of a call.

Trigger: the queue of transcripts, whose messages are Intelligence webhooks, or the sweep's in their place. Idempotency
key: TranscriptSid.
"""

from callscribe.adapters.event_bus import event_bus
from callscribe.adapters.settings import settings_reader
from callscribe.adapters.table import call_table, unredacted_table
from callscribe.adapters.twilio import twilio
from callscribe.edge.messages import Message, queue_worker
from callscribe.edge.metrics import (
    CALLS_STORED,
    REPAIRED,
    SECONDS_TO_STORED,
    count,
    count_failed,
    left_out,
    tell,
)
from callscribe.edge.payloads import TranscriptWebhook
from callscribe.edge.retries import patience
from callscribe.edge.telemetry import logger
from callscribe.usecases.store_insights import REPAIRS, Report, Stores, store_insights


@queue_worker
def handler(message: Message) -> None:
    """Settle one webhook."""
    webhook = TranscriptWebhook.from_json(message.body)
    logger.append_keys(call_sid=webhook.call_sid, transcript_sid=webhook.transcript_sid)
    settings = settings_reader().current()
    settled = store_insights(
        Report(
            transcript_sid=webhook.transcript_sid,
            call_sid=webhook.call_sid,
            reported_at=message.reported,
            swept=message.swept,
            encrypted=webhook.encrypted,
        ),
        stores=Stores(table=call_table(), unredacted=unredacted_table(), event_bus=event_bus()),
        twilio=twilio(settings, message.deadline),
        settings=settings,
        patience=patience(),
        odd=left_out,
    )
    logger.append_keys(call_sid=settled.call_sid, recording_sid=settled.recording_sid)
    logger.info("transcript settled", outcome=settled.outcome, reason=settled.reason or settled.waits_for)
    if settled.newly_stored:
        count(CALLS_STORED)
    if settled.seconds is not None:
        tell(SECONDS_TO_STORED, settled.seconds)
    if settled.reason:
        count_failed(settled.reason)
    if message.swept and settled.outcome in REPAIRS:
        count(REPAIRED, "transcript")
