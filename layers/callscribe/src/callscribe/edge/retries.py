"""When a message that could not be settled comes back, when it is given up, and how patient the environment is.

Used by `messages` and by handlers. Twilio's trouble lasts seconds or hours: the first tries come soon, the later ones
spare it.
"""

import math
import os
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from callscribe.domain.patience import Patience

LONGEST_DELAY_SECONDS = 900.0
"""Between two tries, however long the trouble lasts: how late a call may be once Twilio is well again."""

OVERDUE_SECONDS = 2 * 3600
"""More than the last try before a message is given up is ever put off for."""

LONGEST_VISIBILITY_SECONDS = 12 * 3600 - 900
"""SQS puts a message off for 12 h since it was received; no invocation is older than 15 min."""


def patience() -> Patience:
    """How long this environment waits, as the stack's parameters say."""
    return Patience(
        look_again=timedelta(seconds=float(os.environ["LOOK_AGAIN_SECONDS"])),
        give_up=timedelta(hours=float(os.environ["GIVE_UP_HOURS"])),
        known_everywhere=timedelta(seconds=float(os.environ["KNOWN_EVERYWHERE_SECONDS"])),
        results=timedelta(seconds=float(os.environ["RESULTS_SECONDS"])),
        worker=timedelta(seconds=float(os.environ["WORKER_TIMEOUT_SECONDS"])),
    )


@dataclass(frozen=True, slots=True)
class Retries:
    """How an environment tries again."""

    first_delay_seconds: float
    give_up_hours: float

    @classmethod
    def of_environment(cls) -> Self:
        """What the stack's parameters say."""
        return cls(float(os.environ["BACKOFF_FIRST_SECONDS"]), float(os.environ["GIVE_UP_HOURS"]))

    def delay(self, tries: int, retry_after: float | None) -> int:
        """Seconds until the next try, after `tries` of them; not less than Twilio asks for.

        Half of it is by chance, so that what failed together does not come back together.
        """
        whole = min(self.first_delay_seconds * 2 ** (tries - 1), LONGEST_DELAY_SECONDS)
        delay = max(random.uniform(whole / 2, whole), retry_after or 0)  # noqa: S311 (nobody gains by guessing it)
        return math.ceil(min(delay, LONGEST_VISIBILITY_SECONDS))

    def exhausted(self, age_seconds: float) -> bool:
        """Whether a message of this age, that has failed again, is given up."""
        return age_seconds >= self.give_up_hours * 3600

    def overdue(self, age_seconds: float, tries: int) -> bool:
        """Whether a message should have been given up by a worker before, which so must have died of it."""
        return tries > 2 and self.exhausted(age_seconds - OVERDUE_SECONDS)
