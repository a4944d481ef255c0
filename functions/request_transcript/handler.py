"""Ask Twilio for the transcript of a recording.

Trigger: the queue of recordings, whose messages are Twilio's recording callbacks. Idempotency key: RecordingSid.
"""

from callscribe.adapters.settings import settings_reader
from callscribe.adapters.table import call_table
from callscribe.adapters.twilio import twilio
from callscribe.edge.messages import Message, queue_worker
from callscribe.edge.payloads import RecordingCallback
from callscribe.edge.telemetry import logger
from callscribe.usecases.request_transcript import request_transcript


@queue_worker
def handler(message: Message) -> None:
    """Settle one callback."""
    callback = RecordingCallback.from_form(message.body)
    logger.append_keys(call_sid=callback.call_sid, recording_sid=callback.recording_sid)
    settings = settings_reader().current()
    outcome = request_transcript(
        callback.recording_sid,
        callback.call_sid,
        callback.status,
        table=call_table(),
        twilio=twilio(settings),
        settings=settings,
        deadline=message.deadline,
    )
    logger.info("recording settled", outcome=outcome)
