"""What a ledger consists of: the numbers of a day, and what is missing."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from callscribe.domain.recording import Recording
from callscribe.domain.sids import CallSid, RecordingSid


class Kind(StrEnum):
    """What may be missing."""

    CALL = "call"
    RECORDING = "recording"
    TRANSCRIPT = "transcript"


@dataclass(slots=True)
class Day:
    """A UTC day's numbers, each thing on the day on which its call began.

    `calls`, `recordings` and `transcripts` are at Twilio. `stored`, `skipped`, `failed` and `erased` are rows of
    recordings in the table. `in_flight` are its unsettled ones, and what it still lacks and has time for. `repaired`
    are rows, and calls, that there are because of the sweep. `missing` is what Twilio has and the table should have.

    By the others the numbers add up: `rows` are all rows of recordings, `with_row` the recordings at Twilio that have
    one, and `waiting` those that have none and still time for it.
    """

    day: date
    calls: int = 0
    recordings: int = 0
    transcripts: int = 0
    stored: int = 0
    skipped: int = 0
    failed: int = 0
    in_flight: int = 0
    repaired: int = 0
    erased: int = 0
    missing: int = 0
    rows: int = 0
    with_row: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One thing that Twilio has and the table has not.

    `sid` is its own. `call_sid` and `recording_sid` are known as far as Twilio tells them. `began` is when the call
    began, or the transcript was asked for; `before_the_stack`, that there was no stack then to hear of it. `message` is
    the body that brings it, for its queue. `recording` is what Twilio has, where it is one.
    """

    kind: Kind
    sid: str
    call_sid: CallSid | None
    recording_sid: RecordingSid | None
    day: date
    began: datetime
    before_the_stack: bool
    what_to_do: str
    message: str = field(repr=False)
    recording: Recording | None = field(default=None, repr=False)
