"""Ask Twilio for the transcript of a recording.

Trigger: the queue of recordings, whose messages are Twilio's recording callbacks. Idempotency key: RecordingSid.
"""

from callscribe.adapters.settings import settings_reader
from callscribe.adapters.table import call_table
from callscribe.adapters.twilio import twilio
from callscribe.edge.messages import Message, queue_worker
from callscribe.edge.payloads import RecordingCallback
from callscribe.edge.telemetry import count, logger
from callscribe.usecases.request_transcript import request_transcript


@queue_worker
def handler(message: Message) -> None:
    """Settle one callback."""
    callback = RecordingCallback.from_form(message.body)
    logger.append_keys(call_sid=callback.call_sid, recording_sid=callback.recording_sid)
    if not callback.has_ended:
        return
    settings = settings_reader().current()
    for settled in request_transcript(
        callback.recording(),
        reported_at=message.sent,
        table=call_table(),
        twilio=twilio(settings),
        settings=settings,
        deadline=message.deadline,
    ):
        logger.info("recording settled", outcome=settled.outcome, reason=settled.reason)
        if settled.kind:
            count("RecordingsNotTranscribed", reason=settled.kind)
