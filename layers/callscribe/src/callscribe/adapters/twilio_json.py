"""Reads the JSON of Twilio's resources into what the domain knows. Pure; the Twilio adapter's other half.

Whatever has another shape than documented becomes an UnreadableError that names fields, never values.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pydantic import ValidationError

from callscribe.domain.call import ENDED_STATUSES, Call
from callscribe.domain.errors import UnreadableError
from callscribe.domain.recording import Recording
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe.domain.transcript import Configuration, Participant, Transcript


def call_of(doing: str, fields: Mapping[str, Any]) -> Call:
    """A Call resource."""
    started = _moment(fields.get("start_time"))
    if started is None:
        raise UnreadableError(f"{doing}: it has no start_time")
    try:
        return Call(
            sid=CallSid(str(fields.get("sid"))),
            from_=str(fields.get("from") or ""),
            to=str(fields.get("to") or ""),
            direction=str(fields.get("direction") or ""),
            started=started,
            seconds=_call_seconds(fields),
        )
    except (TypeError, ValueError):
        # Their texts quote the fields.
        raise UnreadableError(f"{doing}: sid or duration is of another shape") from None


def _call_seconds(fields: Mapping[str, Any]) -> int | None:
    """How long a call has lasted; Twilio gives "0" or nothing while it lasts, and where nobody answered."""
    if fields.get("status") == "completed":
        return int(fields["duration"]) if fields.get("duration") else None
    return int(fields.get("duration") or 0) if fields.get("status") in ENDED_STATUSES else None


def recording_of(doing: str, fields: Mapping[str, Any]) -> Recording:
    """A Recording resource."""
    try:
        # -1 or nothing until the file is finished.
        seconds = -1 if fields.get("duration") is None else int(fields["duration"])
        return Recording(
            sid=RecordingSid(str(fields.get("sid"))),
            call_sid=CallSid(str(fields.get("call_sid"))),
            status=_word(fields.get("status")),
            source=str(fields.get("source") or ""),
            channels=int(fields.get("channels") or 1),
            started=_moment(fields.get("start_time")),
            seconds=seconds if seconds >= 0 else None,
            error_code=int(fields.get("error_code") or 0) or None,
        )
    except (TypeError, ValueError):
        told = "sid, call_sid, status, channels, duration or error_code"
        raise UnreadableError(f"{doing}: {told} is of another shape") from None


def transcript_of(doing: str, fields: Mapping[str, Any]) -> Transcript:
    """A Transcript resource of Conversational Intelligence."""
    channel = fields.get("channel")
    media = channel.get("media_properties") if isinstance(channel, Mapping) else None
    source_sid = media.get("source_sid") if isinstance(media, Mapping) else None
    try:
        return Transcript.model_validate(
            {
                **fields,
                "source_sid": source_sid,
                "seconds": fields.get("duration"),
                "created": _iso_moment(fields.get("date_created")),
                "updated": _iso_moment(fields.get("date_updated")),
            }
        )
    except ValidationError as error:
        raise UnreadableError.of(doing, error) from None


def configuration_of(fields: Mapping[str, Any]) -> Configuration:
    """The version of a Service or an operator; what is odd about it is taken for unknown, since no call depends on it.

    An operator's type and configuration are what its hash is of.
    """
    sha256 = None
    if "operator_type" in fields:
        # The same for the same configuration, in whatever order its JSON comes.
        text = json.dumps([fields["operator_type"], fields.get("config")], sort_keys=True, default=str)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
    version = fields.get("version")
    attached = fields.get("read_only_attached_operator_sids")
    return Configuration(
        version=version if isinstance(version, int) else None,
        changed=_iso_moment(fields.get("date_updated")),
        sha256=sha256,
        operator_sids=tuple(map(str, attached)) if isinstance(attached, list) else (),
    )


def participant_json(participant: Participant) -> dict[str, Any]:
    """Describe a participant of a recording at Twilio in the words of a Transcript's `Channel`.

    The number is left out: with a `source_sid`, Twilio refuses a whole transcript for a `media_participant_id`.
    """
    return {"channel_participant": participant.channel, "role": participant.role}


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a word is expected")
    return value


def _moment(text: object) -> datetime | None:
    """Read a date of api.twilio.com, which are of RFC 2822."""
    try:
        return _with_zone(parsedate_to_datetime(str(text)))
    except ValueError:
        return None


def _iso_moment(text: object) -> datetime | None:
    """Read a date of intelligence.twilio.com, which are of ISO 8601."""
    try:
        return _with_zone(datetime.fromisoformat(str(text)))
    except ValueError:
        return None


def _with_zone(moment: datetime) -> datetime | None:
    # One without a zone cannot be compared with any other.
    return moment if moment.tzinfo else None
