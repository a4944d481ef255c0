"""What Twilio writes in its webhooks, as far as the workers read it. Fields that are not named here are ignored."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self
from urllib.parse import parse_qsl

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from callscribe.adapters.twilio_fields import LONGEST_SECONDS, moment, whole
from callscribe.domain.call import ENDED_STATUSES, Call
from callscribe.domain.errors import UnknownEventError, UnreadableError
from callscribe.domain.recording import UNKNOWN, Recording
from callscribe.domain.sids import CallSid, ConferenceSid, RecordingSid, TranscriptSid

TRANSCRIPT_AVAILABLE = "voice_intelligence_transcript_available"


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True)

    @classmethod
    def read(cls, fields: object) -> Self:
        """Read the fields of a payload.

        Raises:
            UnreadableError: some are missing or wrong; it names them without their values.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise UnreadableError.of(cls.__name__, error) from None

    @classmethod
    def from_form(cls, body: str) -> Self:
        """Read a form's body; see `read`."""
        return cls.read(dict(parse_qsl(body)))

    @classmethod
    def from_json(cls, body: str) -> Self:
        """Read a JSON body; see `read`."""
        try:
            # No number is needed, and Python refuses to read one of more than 4,300 digits.
            fields = json.loads(body, parse_int=str)
        # Brackets without end are no ValueError.
        except (RecursionError, ValueError) as error:
            raise UnreadableError(f"{cls.__name__}: no JSON") from error
        return cls.read(fields)


def _whole_number(value: object) -> int | None:
    """A number such as Twilio's error codes; None for "0", and for what is none: nothing depends on it."""
    return int(value) or None if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else None


def _seconds(value: object) -> int | None:
    """How long a call was; None if nobody can read it: the sweep then asks Twilio."""
    return whole(value, LONGEST_SECONDS)


def _moment(value: object) -> datetime:
    """When a call ended; now if nobody can read it, since that is when Twilio tells."""
    return moment(value) or datetime.now(UTC)


def _conference_sid(value: object) -> ConferenceSid | None:
    try:
        return ConferenceSid(str(value))
    except ValueError:
        return None


def _call_sid(value: object) -> CallSid | None:
    try:
        return CallSid(str(value))
    except ValueError:
        return None


class EndedCall(_Payload):
    """What the sweep says of a call whose status callback was lost: a part of that callback."""

    call_sid: CallSid = Field(alias="CallSid")

    @staticmethod
    def is_told_by(body: str) -> bool:
        """Whether a form is about a call, and about no recording of it."""
        names = {name for name, _ in parse_qsl(body)}
        return "CallStatus" in names and names.isdisjoint({"RecordingSid", "RecordingStatus"})


class RecordingCallback(_Payload):
    """A recording's status callback (Twilio docs, "recordingStatusCallback")."""

    # The callback of a conference's recording has none. A worker asks Twilio for the call if the SID is odd.
    call_sid: Annotated[CallSid | None, BeforeValidator(_call_sid)] = Field(alias="CallSid", default=None)
    conference_sid: Annotated[ConferenceSid | None, BeforeValidator(_conference_sid)] = Field(
        alias="ConferenceSid", default=None
    )
    recording_sid: RecordingSid = Field(alias="RecordingSid")
    # A worker asks Twilio for the status if the callback has none.
    status: str = Field(alias="RecordingStatus", default=UNKNOWN)
    source: str = Field(alias="RecordingSource", default="")
    channels: Annotated[int | None, BeforeValidator(_whole_number)] = Field(alias="RecordingChannels", default=None)
    error_code: Annotated[int | None, BeforeValidator(_whole_number)] = Field(alias="ErrorCode", default=None)

    @property
    def has_ended(self) -> bool:
        """Whether the recording is over; Twilio may be asked to report its start too."""
        return self.status != "in-progress"

    def recording(self, call_sid: CallSid | None = None) -> Recording:
        """The recording as far as the callback tells of it; `call_sid` is its call, if the callback names none.

        Raises:
            UnreadableError: nobody names its call.
        """
        call_sid = self.call_sid or call_sid
        if call_sid is None:
            raise UnreadableError(f"{type(self).__name__}: CallSid: missing")
        return Recording(
            sid=self.recording_sid,
            call_sid=call_sid,
            status=self.status,
            source=self.source,
            channels=self.channels or 1,
            started=None,
            seconds=None,
            error_code=self.error_code,
        )

    @classmethod
    def from_form(cls, body: str) -> Self:
        """Read a form's body; see `read`.

        Raises:
            UnknownEventError: it is about no recording.
            UnreadableError: it should be, and is not readable.
        """
        if not parse_qsl(body):
            raise UnreadableError(f"{cls.__name__}: no form")
        names = {name for name, _ in parse_qsl(body, keep_blank_values=True)}
        if names.isdisjoint({"RecordingSid", "RecordingStatus"}):
            raise UnknownEventError(names)
        return super().from_form(body)


class TranscriptWebhook(_Payload):
    """A webhook of an Intelligence Service. Whatever its `event_type`, the transcript tells its own status."""

    transcript_sid: TranscriptSid
    # Set by our own requests to the CallSid; whoever else asks for transcripts may write anything.
    call_sid: Annotated[CallSid | None, BeforeValidator(_call_sid)] = Field(alias="customer_key", default=None)
    encryption: Any = Field(alias="encryption_credential_sid", default=None)

    @property
    def encrypted(self) -> bool:
        """Whether Twilio encrypts the texts of the transcript."""
        return bool(self.encryption)

    @classmethod
    def read(cls, fields: object) -> Self:
        """Read the fields of a webhook.

        Raises:
            UnknownEventError: it is about no transcript.
            UnreadableError: it should be, and is not readable.
        """
        if (
            isinstance(fields, dict)
            and "transcript_sid" not in fields
            and fields.get("event_type") != TRANSCRIPT_AVAILABLE
        ):
            raise UnknownEventError(fields)
        return super().read(fields)


class CallStatusCallback(_Payload):
    """The status callback of a phone number: by default sent once, when the call has ended."""

    sid: CallSid = Field(alias="CallSid")
    from_: str = Field(alias="From", default="")
    to: str = Field(alias="To", default="")
    direction: str = Field(alias="Direction", default="")
    status: str = Field(alias="CallStatus")
    # Absent when the call was never answered.
    seconds: Annotated[int | None, BeforeValidator(_seconds)] = Field(alias="CallDuration", default=0)
    # Documented for calls that were made, and only seen for calls that came in.
    ended: Annotated[datetime, BeforeValidator(_moment)] = Field(
        alias="Timestamp", default_factory=lambda: datetime.now(UTC)
    )

    @classmethod
    def from_form(cls, body: str) -> Self:
        """Read a form's body; see `read`.

        Raises:
            UnknownEventError: it is about no call.
            UnreadableError: it should be, and is not readable.
        """
        names = {name for name, _ in parse_qsl(body, keep_blank_values=True)}
        if names.isdisjoint({"CallSid", "CallStatus"}):
            raise UnknownEventError(names)
        return super().from_form(body)

    @property
    def has_ended(self) -> bool:
        """Whether the call is over; a number may be set up to report more than that."""
        return self.status in ENDED_STATUSES

    def call(self) -> Call:
        """The call that has ended."""
        return Call(
            sid=self.sid,
            from_=self.from_,
            to=self.to,
            direction=self.direction,
            started=self.ended - timedelta(seconds=self.seconds or 0),
            seconds=self.seconds,
        )
