"""Lets recordings from before be transcribed: those that the ledger misses go on a queue of their own.

Killed anywhere and begun again it comes to the same end. What has a row by then is not missing any more; what still
waits on the queue is sent twice, which its worker bears.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any

from callscribe.adapters.dynamodb import iso
from callscribe.adapters.queues import MOST_AT_ONCE
from callscribe.adapters.twilio import Twilio
from callscribe.domain.settings import Settings
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.ledger import Ledger, take_ledger
from callscribe_tools.operator.ledger_entries import Kind, Missing
from callscribe_tools.operator.price import minutes_of
from callscribe_tools.operator.printing import Tell
from callscribe_tools.words import quantity


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a backfill would send, from `since` on.

    `recordings` are those that nobody has heard of. Of them `transcribed` have a transcript under a Service of ours
    already, and `worthless` are too short, too long or absent: neither is paid for. `minutes` are of the others.
    `waiting` are messages of an earlier backfill. `unreadable` could not be compared.
    """

    since: datetime
    until: datetime
    recordings: Sequence[Missing]
    transcribed: int
    worthless: int
    minutes: int
    waiting: int
    unreadable: int
    refused: Sequence[str]

    def told(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "since": iso(self.since),
            "until": iso(self.until),
            "recordings": len(self.recordings),
            "calls": len({one.call_sid for one in self.recordings}),
            "transcribed": self.transcribed,
            "worthless": self.worthless,
            "minutes": self.minutes,
            "waiting": self.waiting,
            "unreadable": self.unreadable,
            "refused": [*self.refused],
        }


def plan(
    environment: Environment, twilio: Twilio, settings: Settings, since: datetime, until: datetime, progress: Tell
) -> Backfill:
    """Find out what there is to do. Changes nothing; raises what `take_ledger` does.

    What is older than the table keeps anything is left out, and so is what has just ended: its callback may be coming.
    """
    taken = take_ledger(
        lists=environment.lists,
        table=environment.table,
        twilio=twilio,
        settings=settings,
        patience=environment.patience,
        since=since,
        until=until,
        progress=progress,
        created=environment.created,
    )
    # A message that gives way to live calls is postponed, and is of an earlier backfill all the same.
    depth = environment.backfill.queue.depth()
    return _backfill(taken, depth.waiting + depth.received)


def _backfill(taken: Ledger, waiting: int) -> Backfill:
    found = {one.recording: one for one in taken.missing if one.recording}
    have_one = {one.recording_sid for one in taken.missing if one.kind is Kind.TRANSCRIPT}
    worthless = [one for one in found if one.not_worth_transcribing()]
    transcribed = [one for one in found if one.sid in have_one]
    return Backfill(
        since=taken.since,
        until=taken.until,
        recordings=[*found.values()],
        transcribed=len(transcribed),
        worthless=len(worthless),
        minutes=minutes_of(found.keys() - {*worthless, *transcribed}),
        waiting=waiting,
        unreadable=taken.unreadable,
        refused=taken.refused,
    )


def send(environment: Environment, recordings: Sequence[Missing], progress: Tell) -> Iterator[int]:
    """Send for them, ten by ten; gives how many are sent so far. Raises the errors of `aws_errors`."""
    sent = 0
    for some in batched(recordings, MOST_AT_ONCE, strict=False):
        environment.backfill.queue.put_all([one.message for one in some])
        sent += len(some)
        progress(f"Sent messages for {sent} of {quantity(len(recordings), 'recording')}")
        yield sent
