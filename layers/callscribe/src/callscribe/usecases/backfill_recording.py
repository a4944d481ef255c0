"""Lets a recording from before be transcribed, behind the calls of today. Called by the `backfill_recording` worker."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from callscribe.adapters.queues import Queue
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.adapters.twilio_api import Odd
from callscribe.domain.errors import GivesWayError
from callscribe.domain.patience import Patience
from callscribe.domain.recording import Recording
from callscribe.domain.settings import Settings
from callscribe.usecases.request_transcript import Settled, request_transcript

MOST_WAITING = 20
"""Messages about live calls that wait on both of their queues: with more, a live call would wait behind a backfill.

Postponed messages do not count: those of one number with a wrong Service would stop the backfill of all numbers.
"""


def backfill_recording(
    reported: Recording,
    *,
    reported_at: datetime,
    live: Iterable[Queue],
    table: CallTable,
    twilio: Twilio,
    settings: Settings,
    patience: Patience,
    deadline: datetime,
    odd: Odd,
) -> list[Settled]:
    """Settle a recording as `request_transcript` does, apart from the day's budget; raises what that raises.

    Parameters:
        live: the queues that live calls are on; what is asked for here comes back by one of them.
        odd: is told what a list of Twilio's holds that cannot be read.

    Raises:
        GivesWayError: too much waits there, so the message must come back later.
    """
    waiting = sum(queue.depth().waiting for queue in live)
    if waiting > MOST_WAITING:
        raise GivesWayError(
            f"recording {reported.sid} of call {reported.call_sid}: {waiting} messages of live calls wait, and go first"
        )
    return request_transcript(
        reported,
        reported_at=reported_at,
        table=table,
        twilio=twilio,
        # Somebody has seen minutes and price, and agreed; the budget is there for what nobody looks at.
        settings=replace(settings, daily_minutes=None),
        patience=patience,
        deadline=deadline,
        odd=odd,
        from_before=True,
    )
