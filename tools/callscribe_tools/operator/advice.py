"""What to do about a failure, by its reason. Complete for what the code can write: a test holds that."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from callscribe.domain.patience import GAVE_UP
from callscribe.domain.recording import OVER_BUDGET

# Twilio makes one transcript of a recording, and a worker finds that one.
_MADE_ONCE = "Look at the transcript there, then retranscribe the call, which deletes it and asks anew"

_BY_REASON: Mapping[str, str] = MappingProxyType(
    {
        OVER_BUDGET: "The day's minutes were spent. Raise daily_minutes in the settings or wait a day, then redrive",
        GAVE_UP: "It did not end in time. Its workers' logs say what was in the way; mend that, then redrive",
        "transcript_gone": "Its transcripts were deleted at Twilio, each time. Find out who deletes them, then redrive",
        "recording_deleted": "It was deleted at Twilio before it was transcribed, and is lost. Find out who deletes it",
        "recording_failed": "Twilio could not record it. If <Record> made another, see the call's other recording",
        "not_found": "Twilio has no such call or recording any more. If it was deleted there, nothing is to be had",
        "transcribed_elsewhere": (
            "Another application has its one transcript, under a Service that is not in the settings. Give a number "
            "that Service, then redrive; or retranscribe the call, which deletes that transcript and pays for another"
        ),
        "error": "The program's own mistake: its worker's log has it. Report it, deploy what mends it, then redrive",
        "transcript_failed": f"Twilio could not transcribe it. {_MADE_ONCE}",
        "transcript_canceled": f"Its transcript was canceled at Twilio. {_MADE_ONCE}",
        "transcript_error": f"Twilio could not transcribe it. {_MADE_ONCE}",
    }
)

# What Twilio may call it some day.
_BY_BEGINNING: Mapping[str, str] = MappingProxyType(
    {
        "transcript_": "Its transcript ended at Twilio without a text. Look at it there, then retranscribe",
        "recording_": "Its recording came to nothing at Twilio. Look at it there; if it is complete by now, redrive",
    }
)

_OF_LETTERS: tuple[tuple[str, str], ...] = (
    ("gave up after", "It did not work for as long as was tried, for the reason given. Mend that, then redrive"),
    (
        "not settled in",
        "Its workers were killed. Their logs and the function's memory may say why; mend that, then redrive",
    ),
    ("Twilio answered 404", "Twilio has it no more. If it was deleted there, let the letter expire; else redrive"),
    ("Twilio answered", "Twilio refuses it, and its error code says why. Mend that, then redrive"),
    ("AWS answered", "AWS refuses it. Mend the stack or its role, then redrive"),
)

_UNFORESEEN = "A shape or a mistake that nobody foresaw. The worker's log has it; deploy what mends it, then redrive"
_UNTOLD = "Each worker that received it died. The log of its worker says when; mend that, then redrive"

_ERROR_CODE = 10_000
"""The least of Twilio's own error codes; what is less is an HTTP status."""


def advice(reason: str | None) -> str:
    """What to do about a recording that has failed, or was skipped and may go on."""
    if reason is None:
        return "The row does not say why. The log of its worker may; then redrive"
    if told := _BY_REASON.get(reason):
        return told
    if refused := re.fullmatch(r"twilio_(\d+)", reason):
        return _of_refusal(int(refused[1]))
    return next((text for start, text in _BY_BEGINNING.items() if reason.startswith(start)), unknown(reason))


def unknown(reason: str) -> str:
    """What is said of a reason that this version does not know."""
    return f"This version of the command does not know the reason {reason}. Look at the log of its worker, then redrive"


def advice_on_letter(reason: str | None) -> str:
    """What to do about a dead letter, by the reason that was put on it in words."""
    if reason is None:
        return _UNTOLD
    return next((text for words, text in _OF_LETTERS if words in reason), _UNFORESEEN)


def _of_refusal(code: int) -> str:
    if code >= _ERROR_CODE:
        return f"Twilio refused it: https://www.twilio.com/docs/api/errors/{code} says why. Mend that, then redrive"
    return f"Twilio refused it with HTTP status {code}; the log of its worker says to what. Mend that, then redrive"
