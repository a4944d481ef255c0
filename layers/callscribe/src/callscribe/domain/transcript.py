"""A transcript: its sentences, what the operators made of it, and who is speaking on which channel."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from callscribe.domain.call import Call, phone_number
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
    # Rows of earlier versions may hold what Twilio writes for a withheld number.
    number: Annotated[str | None, AfterValidator(lambda number: number and phone_number(number))] = None
    known_from: str


def participants_of(call: Call, recording: Recording, second_leg: Call | None) -> tuple[Participant, ...]:
    """Who speaks on which channel of a recording.

    An inbound call has the caller on channel 1. On channel 2 is what Twilio plays or, once the call was put through to
    an agent, the agent on the `second_leg`. In one channel all voices are mixed; there, and in calls we have not
    answered, nobody is guessed.
    """
    if recording.channels == 1:
        return (Participant(channel=1, role=Role.UNKNOWN, known_from="one channel"),)
    if call.direction != "inbound":
        return tuple(Participant(channel=n, role=Role.UNKNOWN, known_from="outbound call") for n in (1, 2))
    customer = Participant(channel=1, role=Role.CUSTOMER, number=phone_number(call.from_), known_from="call")
    if second_leg is not None:
        agent = Participant(channel=2, role=Role.AGENT, number=phone_number(second_leg.to), known_from="second leg")
    elif recording.made_by_dial:
        agent = Participant(channel=2, role=Role.UNKNOWN, known_from="no second leg found")
    else:
        agent = Participant(channel=2, role=Role.AGENT, number=phone_number(call.to), known_from="call")
    return customer, agent


def named_participants(recording: Recording, participants: Iterable[Participant]) -> tuple[Participant, ...]:
    """Choose the participants that Twilio is told of when a transcript is created.

    Only the speakers of a recording in two channels can be named (Twilio docs, Transcript, `Channel`).
    """
    if recording.channels != 2:
        return ()
    return tuple(participant for participant in participants if participant.role is not Role.UNKNOWN)


class Sentence(BaseModel):
    """One sentence. Times are in seconds from the recording's start; None is what Twilio did not tell."""

    model_config = ConfigDict(frozen=True)

    index: int
    channel: int | None
    start: Decimal | None = None
    end: Decimal | None = None
    confidence: Decimal | None = None
    text: str


class Transcript(BaseModel):
    """A transcript as Twilio has it, without its sentences.

    `source_sid` is None where Twilio leaves out the channel, as its own example of a fetched transcript does.
    `redaction`: whether the Service redacts. `created`: when it was asked for; operators run as they were then.
    `updated`: when its status was last another. `encrypted`: whether Twilio encrypts its texts.
    """

    model_config = ConfigDict(frozen=True)

    sid: TranscriptSid
    service_sid: ServiceSid
    status: str
    language_code: str | None = None
    customer_key: str | None = None
    source_sid: RecordingSid | None = None
    seconds: Decimal | None = None
    redaction: bool | None = None
    created: datetime | None = None
    updated: datetime | None = None
    encrypted: bool = False

    @property
    def call_sid(self) -> CallSid | None:
        """The call that is the customer key of our own requests."""
        try:
            return CallSid(self.customer_key or "")
        except ValueError:
            return None

    @property
    def failed(self) -> bool:
        """Whether it has ended without a text."""
        return self.status in FAILED_STATUSES

    @property
    def ended(self) -> bool:
        """Whether its status will not change any more."""
        return self.failed or self.status == "completed"


class Configuration(BaseModel):
    """A version of something that is configured at Twilio: an operator, or a Service.

    `sha256` is of an operator's configuration. Of a Service, `operator_sids` are attached to it, and `encrypts` says
    whether it encrypts transcripts.
    """

    model_config = ConfigDict(frozen=True)

    version: int | None
    changed: datetime | None
    sha256: str | None = None
    operator_sids: tuple[str, ...] = ()
    encrypts: bool = False

    def was_in_force(self, transcript: Transcript) -> bool:
        """Whether the transcript was made with it: it has not changed since."""
        return self.changed is not None and transcript.created is not None and self.changed <= transcript.created


def made_by(
    result: Mapping[str, Any],
    transcript: Transcript,
    service: Configuration | None,
    operators: Mapping[str, Configuration],
) -> dict[str, Any]:
    """An operator result with what made it, so that results of different prompts are never taken for the same.

    Null where it cannot be told, because the operator or the Service was changed or deleted after the transcript was
    asked for.
    """
    if service is not None and not service.was_in_force(transcript):
        service = None
    operator = operators.get(str(result.get("operator_sid")))
    if operator is not None and not operator.was_in_force(transcript):
        operator = None
    return {
        **result,
        "made_by": {
            "service_version": service.version if service else None,
            "operator_version": operator.version if operator else None,
            "configuration_sha256": operator.sha256 if operator else None,
        },
    }


def missing_operators(
    results: Iterable[Mapping[str, Any]], transcript: Transcript, service: Configuration | None
) -> tuple[str, ...]:
    """The operators of the Service that have given no result; none where the Service has been changed since."""
    if service is None or not service.was_in_force(transcript):
        return ()
    given = {str(result.get("operator_sid")) for result in results}
    return tuple(sid for sid in service.operator_sids if sid not in given)


class Insights(BaseModel):
    """What is stored of one transcript.

    `results` are the operator results, key for key as Twilio sends them, each with `made_by`. `missing_operators` are
    operators of the Service that had given no result when nobody waited for it any more.
    """

    model_config = ConfigDict(frozen=True)

    call_sid: CallSid
    recording_sid: RecordingSid
    transcript: Transcript
    participants: Sequence[Participant]
    sentences: Sequence[Sentence]
    results: Sequence[dict[str, Any]]
    missing_operators: Sequence[str] = ()

    def speaker(self, sentence: Sentence) -> Role:
        """Who says the sentence."""
        roles: dict[int | None, Role] = {participant.channel: participant.role for participant in self.participants}
        return roles.get(sentence.channel, Role.UNKNOWN)
