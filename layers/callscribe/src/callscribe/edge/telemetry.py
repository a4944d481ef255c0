"""The one logger. Phone numbers go into it masked, what was said and secrets never.

Each line has the SIDs of what is worked on, and the id of the request that it began with, which goes through the
queues: one search tells a call's whole story.
"""

import re
import traceback
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger

from callscribe.domain.errors import CallscribeError
from callscribe.domain.sids import CallSid, ConferenceSid, RecordingSid, Sid, TranscriptSid

SERVICE = "callscribe"

logger = Logger(service=SERVICE)

# Twilio's names of what is worked on, and ours in a line of the log.
_SIDS: Mapping[str, tuple[str, type[Sid]]] = {
    "CallSid": ("call_sid", CallSid),
    "customer_key": ("call_sid", CallSid),
    "ConferenceSid": ("conference_sid", ConferenceSid),
    "RecordingSid": ("recording_sid", RecordingSid),
    "transcript_sid": ("transcript_sid", TranscriptSid),
}
_PREFIXES: Mapping[str, str] = {"CA": "call_sid", "RE": "recording_sid", "GT": "transcript_sid"}
_SID_IN_TEXT = re.compile(r"\b(?:CA|RE|GT)[0-9a-f]{32}\b")
_OF_EVERY_LINE = ("call_sid", "recording_sid", "transcript_sid", "correlation_id")


def sids(fields: Mapping[str, object]) -> dict[str, str]:
    """The SIDs among the fields of a webhook, under their names in the log; what is no SID is left out."""
    found: dict[str, str] = {}
    for name, (key, kind) in _SIDS.items():
        try:
            found[key] = kind(str(fields[name]))
        except (KeyError, ValueError):
            continue
    return found


def sids_in(text: str) -> dict[str, str]:
    """The SIDs in a text that nobody can read, under their names in the log: the first of each kind."""
    found: dict[str, str] = {}
    for sid in _SID_IN_TEXT.findall(text):
        found.setdefault(_PREFIXES[sid[:2]], sid)
    return found


def sids_of_line() -> dict[str, str]:
    """What each line now tells of what is worked on."""
    keys = logger.get_current_keys()
    return {name: keys[name] for name in _OF_EVERY_LINE if keys.get(name)}


def about(error: Exception) -> dict[str, Any]:
    """What a log line says of an error.

    The text of an exception that is not ours may quote what a library was given, a caller's words among it; so only its
    type is told, and where it was raised.
    """
    if isinstance(error, CallscribeError):
        return {"reason": str(error)}
    frames = traceback.extract_tb(error.__traceback__)
    return {"reason": type(error).__name__, "where": [f"{one.filename}:{one.lineno} {one.name}" for one in frames]}
