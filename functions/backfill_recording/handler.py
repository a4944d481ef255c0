"""Ask Twilio for the transcript of a recording from before.

Trigger: the queue of the backfill, which `callscribe backfill` fills with what recording callbacks would have told.
Idempotency key: RecordingSid.
"""

from callscribe.adapters.queues import recordings_queue, transcripts_queue
from callscribe.adapters.settings import settings_reader
from callscribe.adapters.table import call_table
from callscribe.adapters.twilio import twilio
from callscribe.edge.messages import Message, queue_worker
from callscribe.edge.metrics import left_out
from callscribe.edge.payloads import RecordingCallback
from callscribe.edge.reports import report_recording
from callscribe.edge.retries import patience
from callscribe.edge.telemetry import logger
from callscribe.usecases.backfill_recording import backfill_recording


@queue_worker
def handler(message: Message) -> None:
    """Settle one recording, once live calls leave room."""
    callback = RecordingCallback.from_form(message.body)
    logger.append_keys(call_sid=callback.call_sid, recording_sid=callback.recording_sid)
    settings = settings_reader().current()
    for settled in backfill_recording(
        callback.recording(),
        reported_at=message.reported,
        live=(recordings_queue(), transcripts_queue()),
        table=call_table(),
        twilio=twilio(settings, message.deadline),
        settings=settings,
        patience=patience(),
        deadline=message.deadline,
        odd=left_out,
    ):
        report_recording(**settled.report)
