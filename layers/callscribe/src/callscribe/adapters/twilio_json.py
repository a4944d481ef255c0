"""Reads the JSON of Twilio's resources into what the domain knows. Pure; the Twilio adapter's other half.

A resource without what identifies it becomes an UnreadableError that names fields, never values. Any other field that
is missing or odd is unknown.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from callscribe.adapters.twilio_fields import LONGEST_SECONDS, flag, moment, number, text, whole
from callscribe.domain.call import ENDED_STATUSES, Call
from callscribe.domain.errors import NoCallError, UnreadableError
from callscribe.domain.recording import Recording
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, Sid, TranscriptSid
from callscribe.domain.sources import OF_CONFERENCES
from callscribe.domain.transcript import Configuration, Participant, Sentence, Transcript

ENCRYPTION = "encryption_credential_sid"
"""What a Service, and a transcript under it, has if Twilio encrypts the texts."""

LARGEST_CODE = 10**9
MOST_CHANNELS = 100


def call_of(doing: str, fields: Mapping[str, Any]) -> Call:
    """Read a Call resource. Only its SID is needed.

    Raises:
        UnreadableError: it has no SID of a call.
    """
    started = _started(fields)
    return Call(
        sid=_sid(doing, CallSid, fields, "sid"),
        from_=text(fields.get("from")) or "",
        to=text(fields.get("to")) or "",
        direction=text(fields.get("direction")) or "",
        started=started,
        seconds=_call_seconds(fields, started),
    )


def _started(fields: Mapping[str, Any]) -> datetime:
    """When a call began, or what comes next to it: a call without a day could not be stored at all."""
    told = (moment(fields.get(name)) for name in ("start_time", "date_created", "end_time", "date_updated"))
    return next(filter(None, told), None) or datetime.now(UTC)


def _call_seconds(fields: Mapping[str, Any], started: datetime) -> int | None:
    """How long a call has lasted; Twilio gives "0" or nothing while it lasts, and where nobody answered."""
    status = fields.get("status")
    if not isinstance(status, str) or status not in ENDED_STATUSES:
        return None
    seconds = number(fields.get("duration"), LONGEST_SECONDS)
    if seconds is not None:
        return int(seconds)
    if status != "completed":
        return 0
    # While the length is unknown, the call counts as one that lasts, and nobody would look for its recordings.
    ended = moment(fields.get("end_time")) or moment(fields.get("date_updated"))
    return max(int((ended - started).total_seconds()), 0) if ended else None


def lacks_needed_fields(fields: Mapping[str, Any]) -> bool:
    """Whether a Recording resource lacks a field that the callback or the row of the recording may have."""
    return any(fields.get(name) is None or read(fields[name]) is None for name, read in _TOLD_ELSEWHERE.items())


def recording_of(doing: str, fields: Mapping[str, Any], known: Recording | None = None) -> Recording:
    """Read a Recording resource. Only its SIDs and its status are needed.

    Args:
        doing: what is being read, for the messages of errors.
        fields: the resource.
        known: the recording as something else describes it, for the fields that the resource lacks. A conference's
            recording gets no call from it.

    Raises:
        NoCallError: the recording is of no call.
        UnreadableError: one of the needed fields is missing or odd.
    """
    source = text(fields.get("source")) or (known.source if known else "")
    call_sid = _is_sid(CallSid, fields.get("call_sid"))
    if call_sid is None and known and source not in OF_CONFERENCES:
        call_sid = known.call_sid
    if call_sid is None and fields.get("sid") and not fields.get("call_sid"):
        raise NoCallError(f"{doing}: it is of no call", source)
    told = fields.get("duration")
    seconds = number(told, LONGEST_SECONDS)
    return Recording(
        sid=_sid(doing, RecordingSid, fields, "sid"),
        call_sid=call_sid or _sid(doing, CallSid, fields, "call_sid"),
        status=known.status if known and not text(fields.get("status")) else _word(doing, fields, "status"),
        source=source,
        # Without a number of channels, all voices may be mixed.
        channels=2 if (whole(fields.get("channels"), 2) or (known.channels if known else 1)) == 2 else 1,
        started=moment(fields.get("start_time")),
        seconds=None if seconds is None else int(seconds),
        # -1 or nothing until the file is finished.
        length_is_odd=seconds is None and told is not None and text(told) != "-1",
        error_code=whole(fields.get("error_code"), LARGEST_CODE) or None,
    )


def lacks_service(fields: Mapping[str, Any]) -> bool:
    """Whether a Transcript resource does not tell its Service."""
    return _is_sid(ServiceSid, fields.get("service_sid")) is None


def call_of_customer_key(fields: Mapping[str, Any]) -> CallSid | None:
    """Read the call that a Transcript resource has for a customer key; None if it has another key, or none."""
    return _is_sid(CallSid, fields.get("customer_key"))


def transcript_of(doing: str, fields: Mapping[str, Any]) -> Transcript:
    """Read a Transcript resource of Conversational Intelligence. Only its SIDs and its status are needed.

    Raises:
        UnreadableError: one of these is missing or odd.
    """
    channel = fields.get("channel")
    media = channel.get("media_properties") if isinstance(channel, Mapping) else None
    source_sid = media.get("source_sid") if isinstance(media, Mapping) else None
    return Transcript(
        sid=_sid(doing, TranscriptSid, fields, "sid"),
        service_sid=_sid(doing, ServiceSid, fields, "service_sid"),
        status=_word(doing, fields, "status"),
        language_code=text(fields.get("language_code")),
        customer_key=text(fields.get("customer_key")),
        source_sid=_is_sid(RecordingSid, source_sid),
        seconds=number(fields.get("duration"), LONGEST_SECONDS),
        redaction=flag(fields.get("redaction")),
        created=moment(fields.get("date_created")),
        updated=moment(fields.get("date_updated")),
        encrypted=bool(fields.get(ENCRYPTION)),
    )


def has_text(fields: Mapping[str, Any]) -> bool:
    """Whether a Sentence has a text, which may be empty: nobody knows how Twilio transcribes noise."""
    return text(fields.get("transcript")) is not None


def sentence_of(order: int, fields: Mapping[str, Any]) -> Sentence:
    """Read a Sentence of a transcript; `order` is its place among the sentences, from 0. Nothing of it is needed."""
    index = whole(fields.get("sentence_index"), LARGEST_CODE)
    return Sentence(
        index=order if index is None else index,
        channel=whole(fields.get("media_channel"), MOST_CHANNELS) or None,
        start=number(fields.get("start_time"), LONGEST_SECONDS),
        end=number(fields.get("end_time"), LONGEST_SECONDS),
        confidence=number(fields.get("confidence"), 1),
        text=text(fields.get("transcript")) or "",
    )


def configuration_of(fields: Mapping[str, Any]) -> Configuration:
    """The version of a Service or an operator; what is odd about it is taken for unknown, since no call depends on it.

    An operator's type and configuration are what its hash is of.
    """
    sha256 = None
    if "operator_type" in fields:
        # The same for the same configuration, in whatever order its JSON comes.
        written = json.dumps([fields["operator_type"], fields.get("config")], sort_keys=True, default=str)
        sha256 = hashlib.sha256(written.encode()).hexdigest()
    version = fields.get("version")
    attached = fields.get("read_only_attached_operator_sids")
    return Configuration(
        version=version if isinstance(version, int) and not isinstance(version, bool) else None,
        changed=moment(fields.get("date_updated")),
        sha256=sha256,
        operator_sids=tuple(map(str, attached)) if isinstance(attached, list) else (),
        encrypts=bool(fields.get(ENCRYPTION)),
    )


def participant_json(participant: Participant) -> dict[str, Any]:
    """Describe a participant of a recording at Twilio in the words of a Transcript's `Channel`.

    The number is left out: with a `source_sid`, Twilio refuses a whole transcript for a `media_participant_id`.
    """
    return {"channel_participant": participant.channel, "role": participant.role}


def _word(doing: str, fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise UnreadableError(f"{doing}: its {name} is missing or odd")
    return value


def _sid[S: Sid](doing: str, kind: type[S], fields: Mapping[str, Any], name: str) -> S:
    sid = _is_sid(kind, fields.get(name))
    if sid is None:
        raise UnreadableError(f"{doing}: its {name} is missing or odd")
    return sid


def _is_sid[S: Sid](kind: type[S], value: object) -> S | None:
    try:
        return kind(value) if isinstance(value, str) else None
    except ValueError:
        return None


_TOLD_ELSEWHERE: Mapping[str, Callable[[object], object | None]] = MappingProxyType(
    {
        "call_sid": partial(_is_sid, CallSid),
        "status": lambda value: text(value) or None,
        "channels": lambda value: whole(value, MOST_CHANNELS),
    }
)
