"""What Twilio writes in its webhooks, as far as the workers read it. Fields that are not named here are ignored."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Self
from urllib.parse import parse_qsl

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from callscribe.domain.call import Call
from callscribe.domain.errors import UnreadableError
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid

# Twilio docs, "Call status values".
ENDED_STATUSES = frozenset({"busy", "canceled", "completed", "failed", "no-answer"})


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
            return cls.read(json.loads(body))
        except ValueError as error:
            raise UnreadableError(f"{cls.__name__}: no JSON") from error


class RecordingCallback(_Payload):
    """A recording's status callback (Twilio docs, "recordingStatusCallback")."""

    call_sid: CallSid = Field(alias="CallSid")
    recording_sid: RecordingSid = Field(alias="RecordingSid")
    status: str = Field(alias="RecordingStatus")


class TranscriptWebhook(_Payload):
    """A webhook of an Intelligence Service. Whatever its `event_type`, the transcript tells its own status."""

    transcript_sid: TranscriptSid


class CallStatusCallback(_Payload):
    """The status callback of a phone number: by default sent once, when the call has ended."""

    sid: CallSid = Field(alias="CallSid")
    from_: str = Field(alias="From", default="")
    to: str = Field(alias="To", default="")
    direction: str = Field(alias="Direction", default="")
    status: str = Field(alias="CallStatus")
    # Absent when the call was never answered.
    seconds: int = Field(alias="CallDuration", ge=0, default=0)
    # Documented for calls that were made, and only seen for calls that came in.
    ended: Annotated[datetime, BeforeValidator(parsedate_to_datetime)] = Field(
        alias="Timestamp", default_factory=lambda: datetime.now(UTC)
    )

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
            started=self.ended - timedelta(seconds=self.seconds),
            seconds=self.seconds,
        )
