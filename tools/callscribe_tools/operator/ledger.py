"""The ledger: what Twilio has of our calls beside what the table has of them, day by day, and what is missing.

It decides by the functions that the sweep decides by, so that the two can never disagree on what is missing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.domain.patience import Patience, Swept
from callscribe.domain.settings import Settings
from callscribe.usecases.sweep import Queues
from callscribe_tools.operator.ledger_book import Book
from callscribe_tools.operator.ledger_entries import Day, Kind, Missing

ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How the numbers of all days add up.

    Of `recordings` at Twilio, `with_row` have a row, `missing` should have one, `waiting` still have time, and the rest
    need none: mono recordings beside one in two channels, recordings that Callscribe did not ask for, and those of
    erased calls. Of `rows` in the table, `gone` have no recording at Twilio any more: it was deleted there.
    """

    recordings: int
    with_row: int
    missing: int
    waiting: int
    rows: int

    @property
    def need_none(self) -> int:
        """Recordings at Twilio that need no row."""
        return self.recordings - self.with_row - self.missing - self.waiting

    @property
    def gone(self) -> int:
        """Rows whose recording is not at Twilio."""
        return self.rows - self.with_row


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was compared, from `since` until `until`.

    `unreadable` is how much of what Twilio has could not be read: entries of its lists, and lists. `refused` says of
    each of those lists what happened.
    """

    since: datetime
    until: datetime
    days: Sequence[Day]
    missing: Sequence[Missing]
    unreadable: int
    refused: Sequence[str] = ()

    @property
    def balance(self) -> Balance:
        """How the numbers of all days add up."""
        return Balance(
            recordings=sum(day.recordings for day in self.days),
            with_row=sum(day.with_row for day in self.days),
            missing=sum(one.kind is Kind.RECORDING for one in self.missing),
            waiting=sum(day.waiting for day in self.days),
            rows=sum(day.rows for day in self.days),
        )


def take_ledger(
    *,
    lists: CallLists,
    table: CallTable,
    twilio: Twilio,
    settings: Settings,
    patience: Patience,
    since: datetime,
    until: datetime,
    progress: Callable[[str], None],
    created: datetime = ALWAYS,
) -> Ledger:
    """Compare the calls that began in this time, and all there is of them. Writes nothing.

    What is older than the table keeps anything is left out, and so is what has not begun.

    Parameters:
        progress: told each day that is begun.
        created: when the stack was.

    Raises:
        TransientError: Twilio or AWS did not answer, also when asked again, or may not be asked.
        PermanentError: AWS refuses, or Twilio refuses the list of recordings. Where it refuses the calls of a number or
            the transcripts of a Service, or where that list has another shape, the others are compared all the same.
        UnreadableError: the list of recordings has another shape.
    """
    now = datetime.now(UTC)
    since = max(since, now - table.retention).replace(microsecond=0)
    until = min(until, now)
    book = Book(lists, table, twilio, settings, patience, since, until, now, progress, created)
    book.take()
    unreadable = book.unreadable + len(book.refused)
    return Ledger(since, until, [*book.days.values()], book.missing, unreadable, [*book.refused])


def repair(missing: Iterable[Missing], queues: Queues) -> int:
    """Send for each missing thing the very message that the sweep would send; how many that were. May be repeated.

    Raises:
        TransientError: SQS did not take one. What was sent is on its way.
    """
    sent = 0
    for one in missing:
        queue = queues.transcripts if one.kind is Kind.TRANSCRIPT else queues.recordings
        queue.put(one.message, **Swept().attributes)
        sent += 1
    return sent
