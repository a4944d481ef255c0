"""Creates transcripts, lets them complete, and sends the Service's webhook.

The REST API calls `create`; `Simulator` and the transcription worker call `advance` and `settle`.
"""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.api_errors import ApiError, bad_request, not_found
from callscribe_tools.simulator.state import Recording, State, Transcript, now
from callscribe_tools.simulator.unknowns import Unknowns
from callscribe_tools.simulator.violations import Violation
from callscribe_tools.simulator.webhooks import DeliveryError, Webhooks

MAX_CUSTOMER_KEY = 64  # Twilio's OpenAPI description: 64 double-byte characters
MIN_SECONDS = 2
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


class _Channel(_Strict):
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


class Transcripts:
    """The Conversational Intelligence side of the simulated account."""

    def __init__(self, account: Account, state: State, webhooks: Webhooks, unknowns: Unknowns) -> None:
        self._account = account
        self._state = state
        self._webhooks = webhooks
        self._unknowns = unknowns

    def create(self, form: Mapping[str, str]) -> Transcript:
        """Create a queued transcript.

        Raises
        ------
        ApiError
            A parameter is wrong, the Service does not exist, or the recording has a transcript already.
        """
        service = self._account.services.get(form.get("ServiceSid", ""))
        channel = _channel(form)
        if service is None:
            raise not_found(f"/v2/Services/{form.get('ServiceSid')}")
        source_sid = channel.media_properties.source_sid
        if source_sid is None or channel.media_properties.media_url is not None:
            # Twilio would take the media_url, and prefer it when both are given.
            raise bad_request("not simulated: give media_properties.source_sid alone")
        with self._state.lock:
            self._refuse_second(source_sid)
            transcript = Transcript(
                service_sid=service.sid,
                channel=channel.model_dump(exclude_unset=True) | {"type": "voice"},
                source_sid=source_sid,
                language_code=service.language_code,
                customer_key=_customer_key(form),
                media_start_time=_media_start_time(form),
                born=time.monotonic(),
                failure=_failure(source_sid, self._state.recordings.get(source_sid)),
            )
            self._state.transcripts[transcript.sid] = transcript
            self._state.lock.notify_all()
        return transcript

    def advance(self, transcript: Transcript) -> None:
        """Move a queued transcript to in-progress."""
        self._move(transcript, "in-progress")

    def settle(self, transcript: Transcript) -> None:
        """Complete the transcript and send the webhook, or let it fail, of which no webhook tells."""
        if transcript.failure is not None:
            if self._move(transcript, "failed"):
                code, text = transcript.failure
                self._state.violations.append(Violation(code, text, f"transcript {transcript.sid}"))
        elif self._move(transcript, "completed"):
            self._notify(transcript)

    def _move(self, transcript: Transcript, status: Literal["in-progress", "completed", "failed"]) -> bool:
        with self._state.lock:
            gone = transcript.sid not in self._state.transcripts
            if gone or transcript.settled:
                return False
            transcript.status = status
            transcript.updated = now()
            return True

    def _refuse_second(self, source_sid: str) -> None:
        # Twilio docs, Transcript: "only one ... Transcript resource for a given Recording resource".
        if any(known.source_sid == source_sid for known in self._state.transcripts.values()):
            unknowns = self._unknowns
            raise ApiError(
                unknowns.duplicate_transcript_status,
                unknowns.duplicate_transcript_code,
                f"A transcript of {source_sid} already exists",
                misuse=False,
            )

    def _notify(self, transcript: Transcript) -> None:
        url = self._account.services[transcript.service_sid].webhook_url
        if url is None:
            return
        # Fields of a real run of December 2025 and of independent consumers. There is no status field.
        payload = {
            "account_sid": self._account.account_sid,
            "service_sid": transcript.service_sid,
            "transcript_sid": transcript.sid,
            "customer_key": transcript.customer_key,
            "event_type": "voice_intelligence_transcript_available",
        }
        present = {key: value for key, value in payload.items() if value is not None}
        try:
            self._webhooks.post_json(url, present, signed=self._unknowns.intelligence_webhook_signed)
        except DeliveryError as error:  # warnings 95200 and 95201
            self._state.violations.append(Violation("95200", error.text, url))


def _channel(form: Mapping[str, str]) -> _Channel:
    unknown = set(form) - _FIELDS
    if unknown:
        raise bad_request(f"not parameters of a Transcript: {', '.join(sorted(unknown))}")
    try:
        return _Channel.model_validate_json(form.get("Channel", ""))
    except ValidationError as error:
        mistakes = "; ".join(
            f"{'.'.join(str(part) for part in mistake['loc'])}: {mistake['msg']}" for mistake in error.errors()
        )
        raise bad_request(f"Channel: {mistakes}") from error


def _customer_key(form: Mapping[str, str]) -> str | None:
    key = form.get("CustomerKey")
    if key is not None and len(key) > MAX_CUSTOMER_KEY:
        raise bad_request(f"CustomerKey has {len(key)} characters, more than {MAX_CUSTOMER_KEY}")
    return key


def _media_start_time(form: Mapping[str, str]) -> datetime | None:
    text = form.get("MediaStartTime")
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError as error:
        raise bad_request(f"MediaStartTime is not ISO 8601: {text!r}") from error


def _failure(source_sid: str, recording: Recording | None) -> tuple[str, str] | None:
    if recording is None or recording.status != "completed":
        status = "unknown" if recording is None else recording.status
        # Error 95102; that it comes for each of these is assumed.
        return "95102", f"media processing error: recording {source_sid} is {status}, not completed"
    if recording.seconds < MIN_SECONDS:
        # Error 95109.
        return "95109", f"media content is empty: {source_sid} has less than {MIN_SECONDS} seconds"
    return None
