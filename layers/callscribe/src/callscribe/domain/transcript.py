"""A transcript: its sentences, what the operators made of it, and who is speaking on which channel."""

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from callscribe.domain.call import Call
from callscribe.domain.recording import Recording
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, TranscriptSid

FAILED_STATUSES = frozenset({"failed", "canceled", "error"})
"""Final statuses that bring no text. Others, also unknown ones, may still become `completed`."""


class Role(StrEnum):
    """Who speaks on a channel, in the words Conversational Intelligence uses."""

    CUSTOMER = "Customer"
    AGENT = "Agent"
    UNKNOWN = "unknown"


class Participant(BaseModel):
    """Who speaks on one channel, with the number where it is known. `known_from` says what tells us so."""

    model_config = ConfigDict(frozen=True)

    channel: int
    role: Role
    number: str | None = None
    known_from: str


def participants_of(call: Call, recording: Recording) -> tuple[Participant, ...]:
    """Who speaks on which channel of a recording of a voicemail call.

    An inbound call without a second leg has the caller on channel 1 and what Twilio plays on channel 2. In one channel
    all voices are mixed; there, and in calls we have not answered, nobody is guessed.
    """
    if recording.channels == 1:
        return (Participant(channel=1, role=Role.UNKNOWN, known_from="one channel"),)
    if call.direction != "inbound":
        return tuple(Participant(channel=n, role=Role.UNKNOWN, known_from="outbound call") for n in (1, 2))
    return (
        Participant(channel=1, role=Role.CUSTOMER, number=_dialable(call.from_), known_from="call"),
        Participant(channel=2, role=Role.AGENT, number=_dialable(call.to), known_from="call"),
    )


def _dialable(number: str) -> str | None:
    """The number, unless it is withheld, which Twilio tells as "anonymous" and the like."""
    return number if re.fullmatch(r"\+[0-9]{2,15}", number) else None


class Sentence(BaseModel):
    """One sentence. Times in seconds from the recording's start; Twilio sends numbers as strings, numbers or null."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    index: int = Field(alias="sentence_index")
    channel: int = Field(alias="media_channel")
    start: Decimal | None = Field(alias="start_time", default=None)
    end: Decimal | None = Field(alias="end_time", default=None)
    confidence: Decimal | None = None
    text: str = Field(alias="transcript")


class Transcript(BaseModel):
    """A transcript as Twilio has it, without its sentences.

    `source_sid` is None where Twilio leaves out the channel, as its own example of a fetched transcript does.
    """

    model_config = ConfigDict(frozen=True)

    sid: TranscriptSid
    service_sid: ServiceSid
    status: str
    language_code: str | None = None
    customer_key: str | None = None
    source_sid: RecordingSid | None = None
    seconds: Decimal | None = None

    @property
    def failed(self) -> bool:
        """Whether it has ended without a text."""
        return self.status in FAILED_STATUSES


class Insights(BaseModel):
    """What is stored of one transcript. `results` are the operator results, key for key as Twilio sends them."""

    model_config = ConfigDict(frozen=True)

    call_sid: CallSid
    recording_sid: RecordingSid
    transcript: Transcript
    participants: Sequence[Participant]
    sentences: Sequence[Sentence]
    results: Sequence[dict[str, Any]]

    def speaker(self, sentence: Sentence) -> Role:
        """Who says the sentence."""
        roles = {participant.channel: participant.role for participant in self.participants}
        return roles.get(sentence.channel, Role.UNKNOWN)
