"""Ask Twilio for the transcript of a recording.

Trigger: the queue of recordings, whose messages are Twilio's recording callbacks, or the sweep's in their place.
Idempotency key: RecordingSid.
"""

from callscribe.adapters.settings import settings_reader
from callscribe.adapters.table import call_table
from callscribe.adapters.twilio import twilio
from callscribe.edge.messages import Message, queue_worker
from callscribe.edge.metrics import REPAIRED, count, left_out
from callscribe.edge.payloads import EndedCall, RecordingCallback
from callscribe.edge.reports import report_recording
from callscribe.edge.retries import patience
from callscribe.edge.telemetry import logger
from callscribe.usecases.request_transcript import REPAIRS, call_of_recording, note_ended_call, request_transcript


@queue_worker
def handler(message: Message) -> None:
    """Settle one callback."""
    if message.swept and EndedCall.is_told_by(message.body):
        call = EndedCall.from_form(message.body)
        logger.append_keys(call_sid=call.call_sid)
        asked = twilio(settings_reader().credentials(), message.deadline)
        if note_ended_call(call.call_sid, table=call_table(), twilio=asked):
            count(REPAIRED, "call")
        return
    callback = RecordingCallback.from_form(message.body)
    known = {"call_sid": callback.call_sid, "conference_sid": callback.conference_sid}
    logger.append_keys(recording_sid=callback.recording_sid, **{name: sid for name, sid in known.items() if sid})
    if not callback.has_ended:
        return
    settings = settings_reader().current()
    account = twilio(settings, message.deadline)
    call_sid = callback.call_sid or call_of_recording(
        callback.recording_sid,
        callback.source,
        reported_at=message.reported,
        twilio=account,
        patience=patience(),
    )
    if not isinstance(call_sid, str):
        report_recording(**call_sid.report)
        return
    for settled in request_transcript(
        callback.recording(call_sid),
        reported_at=message.reported,
        table=call_table(),
        twilio=account,
        settings=settings,
        patience=patience(),
        deadline=message.deadline,
        odd=left_out,
        swept=message.swept,
    ):
        report_recording(**settled.report)
        if message.swept and settled.outcome in REPAIRS:
            count(REPAIRED, "recording")
