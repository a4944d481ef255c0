"""Messages that stand in for Twilio's own: the sweep sends them, and an operator who repairs or redrives. Pure.

Each body is what the webhook would have been, as far as a worker reads it.
"""

import json
from urllib.parse import urlencode

from callscribe.domain.recording import Recording
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid

REDRIVEN = "redriven"
"""The attribute of a message that says how often it has been taken out of the dead letters."""


def of_recording(recording: Recording) -> str:
    """For the queue of recordings: one that Twilio has and the table has not."""
    return urlencode(recording.callback())


def of_noted(call_sid: CallSid, recording_sid: RecordingSid) -> str:
    """For the queue of recordings: one that has a row; what it has become the worker reads at Twilio."""
    return urlencode({"CallSid": call_sid, "RecordingSid": recording_sid, "RecordingStatus": "completed"})


def of_call(call_sid: CallSid) -> str:
    """For the queue of recordings: a call that is over. The worker knows it by the attributes of `Swept`."""
    return urlencode({"CallSid": call_sid, "CallStatus": "completed"})


def of_transcript(sid: TranscriptSid, call_sid: CallSid | None) -> str:
    """For the queue of transcripts: one that has ended, with the call that it is of, where that is known."""
    return json.dumps({"transcript_sid": sid} | ({"customer_key": call_sid} if call_sid else {}))
