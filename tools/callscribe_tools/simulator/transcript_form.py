"""Reads the form of `POST /v2/Transcripts`, and says when a recording cannot be transcribed.

Used by `transcripts`. It knows the documented limits and changes nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from callscribe_tools.simulator.api_errors import bad_request, invalid
from callscribe_tools.simulator.recording import Recording

MAX_CUSTOMER_KEY = 64  # Twilio's OpenAPI description: 64 double-byte characters
MIN_SECONDS = 2
MAX_SECONDS = 8 * 3600
NUMBER_WITHOUT_MEDIA_URL = "The media_participant_id can only be set for transcript with media url"
"""Why a real account refused a create of 2026-09-17 (public code, one account); its error code is *assumed*."""
_FIELDS = frozenset({"ServiceSid", "Channel", "CustomerKey", "MediaStartTime"})


class _Strict(BaseModel):
    # Snake case only: the SDK sends the object as it is, and Twilio knows no other keys.
    model_config = ConfigDict(extra="forbid", strict=True)


class _MediaProperties(_Strict):
    source_sid: Annotated[str, Field(pattern=r"^RE[0-9a-fA-F]{32}$")] | None = None
    media_url: str | None = None


class _Participant(_Strict):
    channel_participant: Annotated[int, Field(ge=1, le=2)]
    user_id: str | None = None
    # Documented by an example in E.164 only: that anything else is refused is assumed.
    media_participant_id: Annotated[str, Field(pattern=r"^\+[0-9]{2,15}$")] | None = None
    email: str | None = None
    full_name: str | None = None
    image_url: str | None = None
    role: str | None = None


class Channel(_Strict):
    """The `Channel` object: what is transcribed, and who speaks on it."""

    media_properties: _MediaProperties
    # "Only two participants can be overridden in the Channel object."
    participants: Annotated[list[_Participant], Field(max_length=2)] = []

    @field_validator("participants")
    @classmethod
    def _once_a_channel(cls, participants: list[_Participant]) -> list[_Participant]:
        channels = [participant.channel_participant for participant in participants]
        if len(set(channels)) != len(channels):  # assumed
            raise ValueError("two participants on one channel")
        return participants


def channel_of(form: Mapping[str, str]) -> Channel:
    """Read the channel.

    Raises
    ------
    ApiError
        It is wrong, or the form has a field that no transcript has.
    """
    unknown = set(form) - _FIELDS
    if unknown:
        raise bad_request(f"not parameters of a Transcript: {', '.join(sorted(unknown))}")
    try:
        channel = Channel.model_validate_json(form.get("Channel", ""))
    except ValidationError as error:
        raise invalid("Channel", error) from error
    names_a_number = any(participant.media_participant_id is not None for participant in channel.participants)
    if names_a_number and channel.media_properties.media_url is None:
        raise bad_request(NUMBER_WITHOUT_MEDIA_URL)
    return channel


def customer_key_of(form: Mapping[str, str]) -> str | None:
    """Read the customer key.

    Raises
    ------
    ApiError
        It is too long.
    """
    key = form.get("CustomerKey")
    if key is not None and len(key) > MAX_CUSTOMER_KEY:
        raise bad_request(f"CustomerKey has {len(key)} characters, more than {MAX_CUSTOMER_KEY}")
    return key


def moment_of(values: Mapping[str, str], name: str) -> datetime | None:
    """Read a moment in ISO 8601 out of a form or a query.

    Raises
    ------
    ApiError
        It is none, or says nothing of its time zone.
    """
    text = values.get(name)
    try:
        moment = None if text is None else datetime.fromisoformat(text)
    except ValueError as error:
        raise bad_request(f"{name} is not ISO 8601: {text!r}") from error
    if moment is not None and moment.tzinfo is None:  # assumed
        raise bad_request(f"{name} has no time zone: {text!r}")
    return moment


def why_it_fails(source_sid: str, recording: Recording | None) -> tuple[str, str] | None:
    """Give the Debugger's code and text for a recording that cannot be transcribed; None when it can."""
    if recording is None or recording.status != "completed":
        status = "unknown" if recording is None else recording.status
        # Error 95102; that it comes for each of these is assumed.
        return "95102", f"media processing error: recording {source_sid} is {status}, not completed"
    if recording.stored_at is not None:
        # Error 95118: "does not support Twilio Recordings with external storage".
        return "95118", f"recording {source_sid} is in external storage"
    if recording.encrypted:
        # Not supported either (error 17533 says so of the newer product); the code is assumed.
        return "95102", f"media processing error: recording {source_sid} is encrypted"
    if recording.seconds < MIN_SECONDS:
        # Error 95109.
        return "95109", f"media content is empty: {source_sid} has less than {MIN_SECONDS} seconds"
    if recording.seconds > MAX_SECONDS:
        # Error 95114.
        return "95114", f"media is too long: {source_sid} has more than 8 hours"
    return None
