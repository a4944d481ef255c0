"""What to do about a failure, by its reason. Complete for what the code can write: a test holds that."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from callscribe.domain.patience import GAVE_UP
from callscribe.domain.recording import MOST_ROUNDS, OVER_BUDGET, SPARE


class Helps(StrEnum):
    """The command that brings a failed thing on its way again, once its cause is fixed."""

    REDRIVE = "redrive"
    RETRANSCRIBE = "retranscribe"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do: `text` is about the cause, as sentences without the last full stop.

    `{apply}`, `{secret}` and `{doctor}` in it stand for the commands `setup apply`, `secret set` and `doctor` of the
    environment.
    """

    text: str
    helps: Helps


# Twilio makes one transcript of a recording, and a redriven worker would find that one again.
_MADE_ONCE = (
    "Look at the transcript in Twilio's console. `retranscribe` deletes it and asks for a new one, which you pay"
)
_LOST = "Nothing brings it back"
_TOO_LATE = (
    "Only if the credentials were of another account does it help to set the right ones ({secret}) and redrive it"
)

_BY_REASON: Mapping[str, Remedy] = MappingProxyType(
    {
        OVER_BUDGET: Remedy(
            "The minutes of that day were spent. Wait until midnight UTC, or raise daily_minutes in callscribe.toml "
            "and apply it ({apply})",
            Helps.REDRIVE,
        ),
        GAVE_UP: Remedy(
            "It was not done within the time that the stack gives it. The logs of its workers say what was in the way: "
            "fix that first",
            Helps.REDRIVE,
        ),
        # It has begun again as often as it may; only `retranscribe` sets that count back.
        "transcript_gone": Remedy(
            "Somebody deleted its transcripts at Twilio, each time. Find out who does that first", Helps.RETRANSCRIBE
        ),
        "no_call": Remedy(
            f"Twilio no longer says which call the recording is of. {_LOST}; look at the recording in Twilio's console",
            Helps.NOTHING,
        ),
        "recording_deleted": Remedy(
            f"It was deleted at Twilio before it was transcribed. {_LOST}; find out who deletes recordings",
            Helps.NOTHING,
        ),
        "recording_failed": Remedy(
            f"Twilio could not record it. {_LOST}; the call may have another recording, which `show` lists",
            Helps.NOTHING,
        ),
        "not_found": Remedy(
            f"Twilio has no such call or recording. If it was deleted there, nothing brings it back. {_TOO_LATE}",
            Helps.NOTHING,
        ),
        "transcribed_elsewhere": Remedy(
            "Another application has its one transcript, under a Service that is not in the settings. To use that one, "
            "give a number its Service in callscribe.toml, apply it ({apply}) and redrive the call. Or `retranscribe` "
            "deletes it and asks for a new one, which costs",
            Helps.RETRANSCRIBE,
        ),
        "transcript_encrypted": Remedy(
            "Its Service encrypts transcripts, and Callscribe cannot read them. Give the number a Service without an "
            "encryption credential ({apply}), which no Service loses again. Then `retranscribe` deletes the transcript "
            "and asks for a new one, which you pay",
            Helps.RETRANSCRIBE,
        ),
        "transcript_unreadable": Remedy(
            "Twilio has its transcript, but no sentence has a text that Callscribe can read, and nothing says that "
            "nobody spoke. Look at the transcript in Twilio's console, and run `doctor`: the API key must be able to "
            "read the transcript's Service. Redriving reads the same transcript again, which costs nothing",
            Helps.REDRIVE,
        ),
        "error": Remedy(
            "A mistake in Callscribe itself: the log of its worker has it. Report it, and deploy the version that "
            "fixes it first",
            Helps.REDRIVE,
        ),
        "transcript_failed": Remedy(f"Twilio could not transcribe it. {_MADE_ONCE}", Helps.RETRANSCRIBE),
        "transcript_canceled": Remedy(f"Its transcript was canceled at Twilio. {_MADE_ONCE}", Helps.RETRANSCRIBE),
        "transcript_error": Remedy(f"Twilio could not transcribe it. {_MADE_ONCE}", Helps.RETRANSCRIBE),
        # Twilio docs, "Error and Warning Dictionary", 951xx.
        "twilio_95103": Remedy(f"Its audio is larger than the 3 GiB that Twilio transcribes. {_LOST}", Helps.NOTHING),
        "twilio_95109": Remedy(f"It is shorter than the 2 seconds that Twilio transcribes. {_LOST}", Helps.NOTHING),
        "twilio_95114": Remedy(f"It is longer than the 8 hours that Twilio transcribes. {_LOST}", Helps.NOTHING),
        "twilio_95116": Remedy(
            "The account is in PCI mode, and Twilio does not transcribe its recordings. Ask Twilio's support to switch "
            "that off first",
            Helps.REDRIVE,
        ),
    }
)

AUDIO_IS_GONE = Remedy(
    "The recording was deleted at Twilio, because its date had passed (recording_retention_days in the settings), or "
    "the call was deleted there. Without its audio nothing can transcribe it any more",
    Helps.NOTHING,
)
"""What to do about a failed recording that Twilio no longer has."""

REDRIVEN_TOO_OFTEN = Remedy(
    f"It has begun again {MOST_ROUNDS} times, and `redrive` takes it no more. Find the cause in the log of its worker "
    "and fix it first. `retranscribe` deletes its transcript, if it has one, and asks for a new one, which you pay",
    Helps.RETRANSCRIBE,
)
"""What to do about a recording that would have to be redriven, but was redriven as often as it may."""

_BY_SKIPPING: Mapping[str, str] = MappingProxyType(
    {
        "absent": "Twilio recorded no audio, usually because the caller hung up before the recording began. You need "
        "do nothing. If all calls end like this, look at how the number is wired: {doctor}",
        "too_short": "It is shorter than the 2 seconds that Twilio transcribes. You need do nothing",
        "too_long": "It is longer than the 8 hours that Twilio transcribes, so there is no transcript. To listen to "
        "it, look at the recording in Twilio's console",
        SPARE: "It is the mono recording of the same call. The recording in two channels is transcribed instead. You "
        "need do nothing",
    }
)

# What Twilio may call it some day.
_BY_BEGINNING: Mapping[str, Remedy] = MappingProxyType(
    {
        "transcript_": Remedy(f"Its transcript ended at Twilio without a text. {_MADE_ONCE}", Helps.RETRANSCRIBE),
        "recording_": Remedy(
            "Its recording was not completed at Twilio. Look at it in Twilio's console: unless it is completed there, "
            "nothing helps",
            Helps.REDRIVE,
        ),
    }
)

_OF_LETTERS: tuple[tuple[str, Remedy], ...] = (
    (
        "gave up after",
        Remedy(
            "It was tried for as long as the stack tries, and failed for that reason. Fix that first", Helps.REDRIVE
        ),
    ),
    (
        "not settled in",
        Remedy(
            "Its workers were killed. Their logs and the function's memory may say why: fix that first", Helps.REDRIVE
        ),
    ),
    (
        "Twilio answered 404",
        Remedy(
            f"Twilio has no such call or recording. If it was deleted there, let the message expire. {_TOO_LATE}",
            Helps.NOTHING,
        ),
    ),
    *(
        (
            words,
            Remedy(
                "Twilio listed something without an end, or with a wrong link. Wait until it lists it whole",
                Helps.REDRIVE,
            ),
        )
        for words in ("the list has no end", "the link to the next page")
    ),
    ("Twilio answered", Remedy("Twilio refuses it, and its error code says why. Fix that first", Helps.REDRIVE)),
    ("AWS answered", Remedy("AWS refuses it. Fix the stack or the role of its function first", Helps.REDRIVE)),
)

_UNFORESEEN = Remedy(
    "A message or a mistake that nobody foresaw. The worker's log has it: deploy the version that fixes it first",
    Helps.REDRIVE,
)
_UNREPORTED = Remedy(
    "Each worker that received it died. The log of its worker says when: fix the cause first", Helps.REDRIVE
)
_NO_REASON = Remedy("The row does not say why. The log of its worker may: fix the cause first", Helps.REDRIVE)

_UNKNOWN_SKIPPING = (
    "This version of the command does not know why it was skipped. Look at the recording in Twilio's console"
)

_ERROR_CODE = 10_000
"""The least of Twilio's own error codes; a smaller number is an HTTP status."""


def advice(reason: str | None) -> Remedy:
    """Say what to do about a recording that has failed, or that was skipped and may go on."""
    if reason is None:
        return _NO_REASON
    if remedy := _BY_REASON.get(reason):
        return remedy
    if refused := re.fullmatch(r"twilio_(\d+)", reason):
        return _of_refusal(int(refused[1]))
    return next((remedy for start, remedy in _BY_BEGINNING.items() if reason.startswith(start)), unknown(reason))


def unknown(reason: str) -> Remedy:
    """Say what to do about a reason that this version does not know."""
    return Remedy(
        f"This version of the command does not know the reason {reason}. Look at the log of its worker first",
        Helps.REDRIVE,
    )


def advice_on_skipping(reason: str | None) -> Remedy:
    """Say what to do about a recording that was skipped for good."""
    known = _BY_SKIPPING.get(reason or "")
    return Remedy(known, Helps.NOTHING) if known else Remedy(_UNKNOWN_SKIPPING, Helps.NOTHING)


def advice_on_letter(reason: str | None, redriven: int = 0) -> Remedy:
    """Say what to do about a dead letter.

    Args:
        reason: the words that a worker has put on it; None if each worker died.
        redriven: how often it was redriven.
    """
    if redriven >= MOST_ROUNDS:
        return Remedy(
            f"It was redriven {redriven} times, and no command takes it again. Fix the cause, then send its body to "
            "its queue yourself (aws sqs receive-message, aws sqs send-message)",
            Helps.NOTHING,
        )
    if reason is None:
        return _UNREPORTED
    return next((remedy for words, remedy in _OF_LETTERS if words in reason), _UNFORESEEN)


def advice_on_deletion(reason: str) -> Remedy:
    """Say what to do about a recording that Twilio does not delete, by the reason of the latest try."""
    if reason == "no_answer":
        told = "Twilio has not answered so far. The log of delete_recordings says what it did instead"
    elif reason == "error":
        told = "The program's own mistake: the log of delete_recordings has it. Report it"
    else:
        told = "Twilio refuses to delete it, and the log of delete_recordings says why. Delete it in Twilio's console"
    return Remedy(told, Helps.NOTHING)


def _of_refusal(code: int) -> Remedy:
    if code >= _ERROR_CODE:
        told = f"Twilio refused it: https://www.twilio.com/docs/api/errors/{code} says why. Fix that first"
    else:
        told = f"Twilio refused it with HTTP status {code}. The log of its worker says what was refused: fix that first"
    return Remedy(told, Helps.REDRIVE)
