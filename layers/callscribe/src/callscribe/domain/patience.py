"""How long is waited before something is done about what has not moved on by itself.

One environment's patience is in its stack's parameters; `edge.patience` reads it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from callscribe.domain.errors import CallscribeError, PermanentError

GAVE_UP = "gave_up"
"""Why a recording has failed that was unsettled for too long: what was in the way is in the logs."""


LONGEST_WORKER = timedelta(seconds=60)
"""What `WorkerTimeoutSeconds` may be at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long each thing may take.

    `look_again`: what has not moved on for so long is looked at again. `give_up`: what is unsettled for so long is
    given up. `known_everywhere`: so long after Twilio has told of a resource it may still answer, somewhere, that it
    has none such. `results`: so long after a transcript is told to be ready its operator results may still be missing.
    `worker`: so long a worker may be at a message that it has begun.
    """

    look_again: timedelta
    give_up: timedelta
    known_everywhere: timedelta
    results: timedelta
    worker: timedelta = LONGEST_WORKER

    @property
    def settled(self) -> timedelta:
        """How long after nothing more is begun of a call whatever was begun has come to its end, and can be seen."""
        return self.worker + max(self.look_again, self.known_everywhere)

    def is_late(self, since: datetime, now: datetime) -> bool:
        """Whether what should have followed `since` has had its time."""
        return now - since >= self.look_again


def reason_to_give_up(error: Exception, unsettled_for: timedelta, patience: Patience) -> str | None:
    """Why a recording that is due has failed, when it could not be moved on; None where it may be, later.

    What no retry helps is not looked at again and again: not even a bug of ours, which ends in the dead letters too.
    """
    if isinstance(error, PermanentError):
        return error.reason
    if not isinstance(error, CallscribeError):
        return "error"
    return GAVE_UP if unsettled_for >= patience.give_up else None


SENT_BY = "sent_by"
"""The attribute that every message of the sweep has."""

UNSETTLED_SINCE = "unsettled_since"
"""The attribute, in seconds since 1970, that a message of the sweep has where it is about a recording that is due."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What the sweep says with a message that it has sent, in the place of Twilio.

    `unsettled_since` is of a recording that is due: the sweep comes again, so that nothing else need bring the message
    back. It is None for what the table had not heard of: such a message is what the lost webhook would have been.
    """

    unsettled_since: datetime | None = None

    @property
    def attributes(self) -> dict[str, str]:
        """What stands beside the body of the message."""
        if self.unsettled_since is None:
            return {SENT_BY: "sweep"}
        return {SENT_BY: "sweep", UNSETTLED_SINCE: str(int(self.unsettled_since.timestamp()))}
