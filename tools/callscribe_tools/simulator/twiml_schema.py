"""The TwiML the simulator plays: verbs, their documented attributes and what each may hold.

A table and its checks; `twiml` applies it. Sources: Twilio docs, TwiML <Say>, <Pause>, <Record>, <Recording>,
<Stop>, <Hangup>, <Dial>, <Number>. An attribute that is not here is ignored by Twilio with warning 12200.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Attribute:
    """What one attribute may hold."""

    holds: Callable[[str], bool]
    allowed: str


def _one_of(*values: str) -> Attribute:
    return Attribute(values.__contains__, " or ".join(values))


def _whole_number(least: int) -> Attribute:
    return Attribute(lambda text: text.isdecimal() and int(text) >= least, f"a whole number from {least}")


def _all_of(values: frozenset[str], allowed: str) -> Attribute:
    return Attribute(lambda text: bool(text) and values.issuperset(text.split()), allowed)


def _is_url(text: str) -> bool:
    try:
        address = urlsplit(text)
    except ValueError:  # brackets that hold no IPv6 address
        return False
    # Relative URLs are documented. One of plain http is a violation only when it is requested: see `Webhooks`.
    return address.scheme in {"http", "https"} or not (address.scheme or address.netloc)


_URL = Attribute(_is_url, "a relative or an absolute URL")
_METHOD = _one_of("GET", "POST")
_BOOLEAN = _one_of("true", "false")
_TRIM = _one_of("trim-silence", "do-not-trim")
_TRACK = _one_of("inbound", "outbound", "both")
_ANY = Attribute(lambda _: True, "any text")
# Space separated. `failed`, a status that exists with Voice Recording Encryption, cannot be subscribed to.
_EVENTS = _all_of(frozenset({"in-progress", "completed", "absent"}), "in-progress, completed, absent, by spaces")
_KEYS = Attribute(lambda text: set(text) <= set("0123456789*#"), "keys out of 0-9, * and #")

_CALLBACK = {
    "recordingStatusCallback": _URL,
    "recordingStatusCallbackMethod": _METHOD,
    "recordingStatusCallbackEvent": _EVENTS,
    "recordingConfigurationId": _ANY,
    "trim": _TRIM,
}

VERBS: Mapping[str, Mapping[str, Attribute]] = {
    "Say": {"voice": _ANY, "language": _ANY, "loop": _whole_number(0)},
    "Pause": {"length": _whole_number(1)},
    "Hangup": {},
    "Start": {},
    "Stop": {},
    "Record": {
        **_CALLBACK,
        "action": _URL,
        "method": _METHOD,
        "timeout": _whole_number(0),
        "finishOnKey": _KEYS,
        "maxLength": _whole_number(2),  # "integer greater than 1"
        "playBeep": _BOOLEAN,
        "transcribe": _BOOLEAN,
        "transcribeCallback": _URL,
    },
    "Dial": {
        **_CALLBACK,
        "action": _URL,
        "method": _METHOD,
        "answerOnBridge": _BOOLEAN,
        "callerId": _ANY,  # checked when it is dialled
        "callReason": Attribute(lambda text: len(text) <= 50, "at most 50 characters"),
        "hangupOnStar": _BOOLEAN,
        "record": _one_of(
            *("do-not-record", "record-from-answer", "record-from-ringing"),
            *("record-from-answer-dual", "record-from-ringing-dual"),
            *("true", "false"),  # "for backward compatibility"
        ),
        "recordingTrack": _TRACK,
        "referMethod": _METHOD,
        "referUrl": _URL,
        "ringTone": _ANY,
        "sequential": _BOOLEAN,
        "timeLimit": _whole_number(1),
        "timeout": _whole_number(1),
    },
}

NOT_SIMULATED_NUMBER = (
    *("sendDigits", "url", "method", "byoc", "statusCallback", "statusCallbackEvent", "statusCallbackMethod"),
    *("machineDetection", "machineDetectionTimeout", "machineDetectionSpeechThreshold"),
    *("machineDetectionSpeechEndThreshold", "machineDetectionSilenceTimeout"),
    *("amdStatusCallback", "amdStatusCallbackMethod"),
)

# The nouns inside <Start>, <Stop> and <Dial>.
NOUNS: Mapping[str, Mapping[str, Mapping[str, Attribute]]] = {
    "Start": {
        "Recording": {
            **_CALLBACK,
            "name": _ANY,
            "channels": _one_of("mono", "dual"),
            "track": _TRACK,
        }
    },
    "Stop": {"Recording": {"name": _ANY}},
    # Real attributes, none of which is played: see `NOT_SIMULATED_NUMBER`.
    "Dial": {"Number": dict.fromkeys(NOT_SIMULATED_NUMBER, _ANY)},
}

# Real TwiML that no flow of this project uses yet.
NOT_SIMULATED = frozenset(
    {
        "Application",
        "Client",
        "Connect",
        "Echo",
        "Enqueue",
        "Gather",
        "Leave",
        "Pay",
        "Play",
        "Prompt",
        "Queue",
        "Redirect",
    }
    | {"Refer", "Reject", "Sms", "Message", "Stream", "Siprec", "Transcription", "Conference", "Sip", "Sim"}
)
