"""What becomes of the copies of a call that is erased. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from callscribe.domain.sids import CallSid

LONGEST_RETENTION_DAYS = 3650
"""What `RetentionDays` may be at most: a tombstone is kept for so long, and nothing that is older than the retention
is ever written, so that no call comes back once its tombstone has expired."""


class CopyState(StrEnum):
    """What became of a copy."""

    ERASED = "erased"
    GONE = "was already gone"
    LATER = "will be retried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One copy of a call, or of a part of it. `sid` is its own or that of what it is of.

    `where` is Twilio or the name of a table. `reason` says why it is not erased yet.
    """

    what: str
    sid: str
    where: str
    state: CopyState
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What one look has done to the copies of a call that is erased since `erased_at`.

    `waits_for` says what another look has to wait for; None where this one has found nothing left anywhere.
    """

    call_sid: CallSid
    erased_at: datetime
    copies: tuple[Copy, ...]
    waits_for: str | None

    @property
    def finished(self) -> bool:
        """Whether no copy is left where one can be reached, and none can come any more."""
        return self.waits_for is None
