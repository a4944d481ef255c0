"""A recording's states and the one table of moves between them.

`MOVES` is all there is: the table adapter turns each row into one conditional write, and nothing else changes a state.
Every pair that is not in it is a no-op, so events may come twice, late and in any order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

from callscribe.domain.sids import CallSid, RecordingSid
from callscribe.domain.sources import may_be_ours

SHORTEST_SECONDS = 2
"""Conversational Intelligence fails media below this length (Twilio error 95109)."""

LONGEST_SECONDS = 8 * 3600
"""Conversational Intelligence fails media above this length (Twilio error 95114)."""

UNFINISHED = frozenset({"in-progress", "paused", "stopped", "processing"})
"""What a recording may be before it is completed (Twilio docs, Recordings, "Recording status values")."""

UNKNOWN = "unknown"
"""The status of a recording that a callback or a row describes without a status."""

OVER_BUDGET = "over_budget"
"""Why a recording is skipped that the day's budget does not allow. Not for ever: hearing of it again resumes it."""

TRANSCRIBED_ELSEWHERE = "transcribed_elsewhere"
"""Why a recording has failed whose one transcript somebody else has requested, under a Service that is not ours."""

TRANSCRIPT_UNREADABLE = "transcript_unreadable"
"""Why a recording has failed whose transcript may have texts that Callscribe cannot read."""

SPARE = "spare"
"""Why a mono recording is skipped that <Record> made beside the recording in two channels."""

MOST_ROUNDS = 5
"""How often a recording may begin anew, redriven or because its transcript is gone: nothing circles for ever."""


class State(StrEnum):
    """Where a recording stands."""

    RECEIVED = "received"
    REQUESTING = "requesting"
    TRANSCRIBING = "transcribing"
    STORED = "stored"
    SKIPPED = "skipped"
    FAILED = "failed"
    ERASED = "erased"


class Event(StrEnum):
    """What happens to a recording."""

    HEARD_OF = "heard of"
    NOT_WORTH_IT = "not worth it"
    OVER_BUDGET = "over budget"
    RESUMED = "resumed"
    CLAIMED = "claimed"
    TRANSCRIPT_CREATED = "transcript created"
    TRANSCRIPT_STORED = "transcript stored"
    TRANSCRIPT_FAILED = "transcript failed"
    TRANSCRIPT_GONE = "transcript gone"
    GIVEN_UP = "given up"
    REDRIVEN = "redriven"
    RETRANSCRIBED = "retranscribed"
    ERASED = "erased"


UNSETTLED = frozenset({State.RECEIVED, State.REQUESTING, State.TRANSCRIBING})
"""States that are not the end; these have a `due_at`, and are in the partition of the index `by_due_at` for them."""

BEGINS = frozenset({Event.HEARD_OF, Event.RESUMED, Event.REDRIVEN, Event.RETRANSCRIBED})
"""Events since which a recording is unsettled."""

NEEDS_AUDIO = frozenset({Event.RESUMED, Event.REDRIVEN, Event.RETRANSCRIBED})
"""Events after which a settled recording is transcribed again, so Twilio must have it, and must keep it."""

SETTLED = frozenset({State.STORED, State.SKIPPED, State.FAILED})
"""States in which a recording may be deleted at Twilio. An unsettled recording is needed there for its transcript."""

ROUNDS = frozenset({Event.REDRIVEN, Event.TRANSCRIPT_GONE})
"""Events that let a recording begin anew, `MOST_ROUNDS` times in all."""

UNHEARD_OF = None
"""The state of a recording that has no row."""


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table: from any of `sources` to `to`."""

    sources: frozenset[State | None]
    to: State


MOVES: Mapping[Event, Move] = MappingProxyType(
    {
        Event.HEARD_OF: Move(frozenset({UNHEARD_OF}), State.RECEIVED),
        Event.NOT_WORTH_IT: Move(frozenset({UNHEARD_OF, State.RECEIVED}), State.SKIPPED),
        # By the worker that holds the claim, and by no other.
        Event.OVER_BUDGET: Move(frozenset({State.REQUESTING}), State.SKIPPED),
        # Only one that was skipped as `OVER_BUDGET`: see `after`.
        Event.RESUMED: Move(frozenset({State.SKIPPED}), State.RECEIVED),
        # A claim may be taken over only once it has run out: see `after`.
        Event.CLAIMED: Move(frozenset({State.RECEIVED, State.REQUESTING}), State.REQUESTING),
        Event.TRANSCRIPT_CREATED: Move(frozenset({State.REQUESTING}), State.TRANSCRIBING),
        # The webhook may overtake everything, even the answer to our own request.
        Event.TRANSCRIPT_STORED: Move(frozenset({UNHEARD_OF, *State}) - {State.ERASED}, State.STORED),
        Event.TRANSCRIPT_FAILED: Move(UNSETTLED, State.FAILED),
        Event.TRANSCRIPT_GONE: Move(frozenset({State.TRANSCRIBING}), State.RECEIVED),
        Event.GIVEN_UP: Move(UNSETTLED, State.FAILED),
        Event.REDRIVEN: Move(frozenset({State.FAILED, State.SKIPPED, State.STORED}), State.RECEIVED),
        # By a person, who has seen the price: it is no round, and those before it count no more.
        Event.RETRANSCRIBED: Move(frozenset({State.FAILED, State.SKIPPED, State.STORED}), State.RECEIVED),
        Event.ERASED: Move(frozenset({UNHEARD_OF, *State}), State.ERASED),
    }
)


def after(
    state: State | None,
    event: Event,
    *,
    claim_is_live: bool = False,
    reason: str | None = None,
    rounds: int = 0,
    audio_is_lost: bool = False,
) -> State | None:
    """The state that `event` leads to from `state`, or None where it changes nothing.

    This is what the table means; the table adapter's conditions are tested against it, pair by pair.

    `claim_is_live`: another worker claimed the recording and its time has not run out. `reason`: why it is skipped.
    `rounds`: how often it has begun anew. `audio_is_lost`: the recording was deleted at Twilio, or is being deleted.
    """
    move = MOVES[event]
    if state not in move.sources:
        return None
    if event is Event.CLAIMED and state is State.REQUESTING and claim_is_live:
        return None
    if event is Event.RESUMED and reason != OVER_BUDGET:
        return None
    if event in ROUNDS and rounds >= MOST_ROUNDS:
        return None
    if event in NEEDS_AUDIO and audio_is_lost:
        return None
    return move.to


def needs_attention(state: State, reason: str | None) -> bool:
    """Whether nothing moves the recording on but a person."""
    return state is State.FAILED or reason == OVER_BUDGET


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording as Twilio has it.

    `seconds` is None until Twilio has finished the file, and if `length_is_odd`: then Twilio tells a length that nobody
    can read. `source` is Twilio's word for what made it, such as
    StartCallRecordingAPI. `error_code` says why it is absent or failed.
    """

    sid: RecordingSid
    call_sid: CallSid
    status: str
    source: str
    channels: int
    started: datetime | None
    seconds: int | None
    error_code: int | None = None
    length_is_odd: bool = False

    @classmethod
    def named(cls, sid: RecordingSid, call_sid: CallSid) -> Self:
        """Describe a recording of which nothing but its call is known."""
        return cls(sid=sid, call_sid=call_sid, status=UNKNOWN, source="", channels=1, started=None, seconds=None)

    def about(self) -> dict[str, Any]:
        """What a row says of the recording beside its state."""
        about = {"source": self.source, "channels": self.channels, "seconds": self.seconds}
        return about | ({"error_code": self.error_code} if self.error_code else {})

    def callback(self) -> dict[str, str]:
        """The fields of the status callback that Twilio would have sent, as far as it takes.

        Of one that Twilio is still at it sends none that says so: a worker waits for it to be completed.
        """
        fields = {
            "CallSid": self.call_sid,
            "RecordingSid": self.sid,
            "RecordingStatus": "completed" if self.unfinished else self.status,
            "RecordingSource": self.source,
            "RecordingChannels": str(self.channels),
        }
        return fields | ({"ErrorCode": str(self.error_code)} if self.error_code else {})

    def not_worth_transcribing(self) -> str | None:
        """Why Conversational Intelligence would refuse it or find nothing, or None."""
        if self.status == "absent":
            return "absent"
        if self.seconds is not None and self.seconds < SHORTEST_SECONDS:
            return "too_short"
        if self.seconds is not None and self.seconds > LONGEST_SECONDS:
            return "too_long"
        return None

    @property
    def unfinished(self) -> bool:
        """Whether Twilio is still at it; a completed one without a length is taken for unfinished as well."""
        lacks_length = self.seconds is None and not self.length_is_odd
        return self.status in UNFINISHED or (self.status == "completed" and lacks_length)

    @property
    def minutes(self) -> int:
        """What it counts against the day's budget: every minute that has begun, and one if the length is odd."""
        return -(-(self.seconds or 0) // 60) or int(self.length_is_odd)

    @property
    def may_be_ours(self) -> bool:
        """Whether its source can be that of a recording that Callscribe began; see `domain.sources`."""
        return may_be_ours(self.source)

    @property
    def of_message(self) -> bool:
        """Whether it is ours, of a message, in two channels: what <Dial> made says nothing of a message left later."""
        return self.may_be_ours and not self.made_by_record and not self.made_by_dial

    @property
    def made_by_record(self) -> bool:
        """Whether it is the one in one channel that <Record> makes."""
        return self.source == "RecordVerb"

    @property
    def made_by_dial(self) -> bool:
        """Whether <Dial> made it: the caller's leg is the first channel, the agent's the second."""
        return self.source == "DialVerb"
