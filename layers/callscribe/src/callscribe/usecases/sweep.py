"""Finds what has not moved on, and what nobody has told of, and sends the messages that were lost. Called by `sweep`.

It moves nothing itself: its messages go to the queues that the webhooks go to, and to the same code. Only what is to be
erased it erases. So two sweeps at once do no harm, and neither does one that was not needed.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from callscribe.adapters.call_lists import CallLists, Progress, Slice, Unsettled
from callscribe.adapters.dynamodb import iso
from callscribe.adapters.queues import Queue
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.domain import stand_ins
from callscribe.domain.errors import CallscribeError, TransientError
from callscribe.domain.patience import Patience, Swept
from callscribe.domain.recording import State
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid
from callscribe.usecases.comparison import LOOKS, Comparison, Kind, QueueFullError
from callscribe.usecases.erase_call import erase_call
from callscribe.usecases.walk import FIRST_PAGE, Listed, Places, StopError, walk

SECOND = timedelta(seconds=1)

MANY_NUMBERS = 20
"""More than that, and one list of all the account's calls is cheaper than a list for each number."""

MOST_WAITING = 1000
"""Messages waiting on a queue that make the sweep leave it alone: the queue is late, and more messages would not help.

Postponed messages do not count: those of one number with a wrong Service would stop the repair of all numbers.
"""

MOST_DUE = MOST_WAITING // 2
"""Messages for due recordings in one sweep and queue: the rest is left for lost messages, whatever is due."""


MOST_ERASURES = 300
"""Calls that one sweep looks at to erase them: at half a second each, they take half of its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """Where messages go."""

    recordings: Queue
    transcripts: Queue


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was sent: of which call (None of a transcript whose call is not known), for `what`, and why."""

    call_sid: CallSid | None
    what: str
    why: str


@dataclass(slots=True)
class Found:
    """What a sweep has found, and sent.

    `due`, `recordings`, `transcripts` and `calls` count messages: for what was due, and for what the table had not
    heard of. `sent` are the same messages, one by one. `unsettled` is how many unsettled recordings were read before
    the time for them was over. `budget_used` is how much of the day's minutes is used, in per cent; 0 without a budget.
    `compared_until`: all that began before has been compared, without a gap; None if unknown.
    `behind_seconds` is how long ago that is. `erased` are calls of which this sweep has found nothing left, `erasing`
    those of which something may be left, or at least so many if there are too many to count; `not_erased` says why.
    `odd` is what could not be compared and `trouble` the first thing that may work in the next sweep.
    """

    erased: int = 0
    erasing: int = 0
    not_erased: list[tuple[CallSid, str]] = field(default_factory=list)

    budget_used: float = 0
    unsettled: int = 0
    oldest_seconds: float = 0
    due: int = 0
    recordings: int = 0
    transcripts: int = 0
    calls: int = 0
    compared_until: datetime | None = None
    behind_seconds: float | None = None
    sent: list[Sent] = field(default_factory=list)
    odd: list[CallscribeError] = field(default_factory=list)
    trouble: CallscribeError | None = None

    def told(self) -> dict[str, int | str | None]:
        """The same for whoever has asked for it."""
        return {
            "erased": self.erased,
            "erasing": self.erasing,
            "unsettled": self.unsettled,
            "oldest_unsettled_seconds": round(self.oldest_seconds),
            "due": self.due,
            "recordings": self.recordings,
            "transcripts": self.transcripts,
            "calls": self.calls,
            "behind_seconds": None if self.behind_seconds is None else round(self.behind_seconds),
            "compared_until": iso(self.compared_until) if self.compared_until else None,
        }


def sweep(
    *,
    lists: CallLists,
    table: CallTable,
    unredacted: CallTable | None,
    queues: Queues,
    twilio: Twilio,
    settings: Settings,
    patience: Patience,
    until: datetime,
    correlation_id: str,
) -> Found:
    """Erase what is to be erased, send what is due and what was lost; begin nothing after `until`: the next sweep goes
    on from there.

    Each message tells `correlation_id`. Nothing is sent of other numbers' calls and other Services' transcripts, of
    what is older than the retention, or of what was erased.
    """
    run = _Sweep(lists, table, unredacted, queues, twilio, settings, patience, until, correlation_id)
    # What one of them cannot do is no reason to leave the others.
    for step in (run.look_at_budget, run.erase, run.send_due, run.compare):
        try:
            step()
        except CallscribeError as error:
            run.refused(error)
    return run.found


@dataclass(slots=True)
class _Sweep:
    lists: CallLists
    table: CallTable
    unredacted: CallTable | None
    queues: Queues
    twilio: Twilio
    settings: Settings
    patience: Patience
    until: datetime
    correlation_id: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    found: Found = field(default_factory=Found)
    _rooms: dict[int, int] = field(default_factory=dict)
    _progress: Progress = field(init=False)
    _recent_since: datetime = field(init=False)

    def refused(self, error: CallscribeError) -> None:
        """Note what kept the sweep from something: what may work later fails this sweep, the rest is logged."""
        if isinstance(error, TransientError):
            self.found.trouble = self.found.trouble or error
        else:
            self.found.odd.append(error)

    def look_at_budget(self) -> None:
        """See what is used of the day's minutes, so that an alarm on it is over with the day, and not with a call."""
        if self.settings.daily_minutes:
            self.found.budget_used = 100 * self.lists.minutes_of(self.now.date()) / self.settings.daily_minutes

    def erase(self) -> None:
        """Look again at the calls that are to be erased, while half of the time is left: the rest is for the others."""
        half = self._share_of_time(2)
        due = self.lists.due_erasures(self.now, MOST_ERASURES)
        unfinished = self.lists.count_unfinished_erasures(self.now, half)
        for call_sid in due:
            if datetime.now(UTC) >= half:
                break
            self.found.erased += self._is_erased(call_sid, half)
        self.found.erasing = max(0, unfinished - self.found.erased)

    def _is_erased(self, call_sid: CallSid, until: datetime) -> bool:
        try:
            erasure = erase_call(
                call_sid,
                table=self.table,
                unredacted=self.unredacted,
                twilio=self.twilio,
                settings=self.settings,
                patience=self.patience,
                until=until,
            )
        except CallscribeError as error:
            self.found.not_erased.append((call_sid, str(error)))
            return False
        if erasure.waits_for:
            reasons = dict.fromkeys(one.reason for one in erasure.copies if one.reason)
            self.found.not_erased.append((call_sid, "; ".join(reasons) or erasure.waits_for))
        return erasure.finished

    def send_due(self) -> None:
        """Send a message for each recording that should have moved on by now, while half of the time is left.

        Rows are read also when both queues are full: the oldest unsettled recording may have been postponed.
        """
        half = self._share_of_time(2)
        for one in self.lists.unsettled(half):
            if datetime.now(UTC) >= half:
                return
            self.found.unsettled += 1
            age = (self.now - one.unsettled_since).total_seconds()
            self.found.oldest_seconds = max(self.found.oldest_seconds, age)
            if one.due_at <= self.now:
                self._send_due(one)

    def _send_due(self, one: Unsettled) -> None:
        swept = Swept(one.unsettled_since)
        if one.state is State.TRANSCRIBING and one.transcript:
            queue, body = self.queues.transcripts, stand_ins.of_transcript(one.transcript, one.call_sid)
        else:
            queue, body = self.queues.recordings, stand_ins.of_noted(one.call_sid, one.recording_sid)
        if self._room(queue) > MOST_WAITING - MOST_DUE:
            self._send(queue, body, swept, Sent(one.call_sid, one.recording_sid, f"due, {one.state}"))
            self.found.due += 1

    # --- what Twilio has

    def compare(self) -> None:
        """Compare Twilio with the table: recent items first, then on from the last checkpoint."""
        self._begin()
        try:
            is_older_left = self._compare_recent()
            # Even if a list of recent items waits for its queue: what is remembered may be sent to the other queue.
            self._compare_remembered()
            if is_older_left:
                self._catch_up()
        except CallscribeError as error:
            self.refused(error)
        self.found.compared_until = self._progress.whole_until
        self.found.behind_seconds = (self.now - self._progress.whole_until).total_seconds()
        self.lists.put_progress(self._progress)

    def _begin(self) -> None:
        progress = self.lists.progress()
        if progress is None:
            # What was there before the stack is not its own. Noted at once: a Twilio in trouble must not postpone it.
            progress = Progress.at(self.now - 2 * self.patience.look_again)
            progress = self.lists.put_progress(progress) or progress
        for sid in progress.sent:
            self.lists.note_sent(sid)
        oldest = self.now - self.table.retention
        until, whole_until = max(progress.until, oldest), max(progress.whole_until, oldest)
        self._progress = replace(progress, until=until, whole_until=whole_until, sent=())

    @property
    def _compared_for(self) -> timedelta:
        return LOOKS * self.patience.look_again

    def _compare_recent(self) -> bool:
        """Compare what is new; whether older items are left that this walk has not begun.

        If it reaches back to the checkpoint, there is no gap.
        """
        progress, since = self._progress, self.now - self._compared_for
        # A checkpoint that is a little older costs less in the same walk than in another.
        reaches = progress.until >= since - 4 * self.patience.look_again
        recent = Slice(progress.until if reaches else since, self.now, self.now)
        alone = reaches and progress.slice is None
        rest = self._walk(recent, self._share_of_time(1 if alone else 2))
        self._recent_since = self.now if rest else recent.start
        if reaches and not rest:
            until = max(progress.until, self.now - self._compared_for)
            self._progress = replace(progress, until=until, whole_until=self.now, slice=None)
        elif alone:
            self._progress = replace(progress, slice=rest)
        return not (alone and rest)

    def _compare_remembered(self) -> None:
        with suppress(StopError):
            comparison = self._comparison(self._share_of_time(2))
            comparison.compare_remembered(self._share_of_time(4))

    def _catch_up(self) -> None:
        """Compare what the recent walk did not reach, slice by slice, the oldest first, while there is time."""
        start = self._progress.until
        while self._progress.whole_until < self.now:
            progress = self._progress
            current = progress.slice or self._next_slice(start)
            if rest := self._walk(current, self.until):
                self._progress = replace(progress, slice=rest)
                return
            # The checkpoint stays behind what is recent: after midnight the slice from there would be this one again.
            start = current.end
            until = max(progress.until, min(current.end, current.top - self._compared_for))
            whole_until = self.now if current.end >= self._recent_since else current.end
            self._progress = replace(progress, until=until, whole_until=whole_until, slice=None)
            noted = self.lists.put_progress(self._progress)
            if noted is None:
                # Another sweep compares the same slices.
                return
            self._progress = noted

    def _next_slice(self, start: datetime) -> Slice:
        """A day at most: Twilio's lists end with a day, whatever time of day is asked for."""
        return Slice(start, min(_midnight_after(start), max(self._recent_since, start + SECOND)), self.now)

    def _walk(self, part: Slice, until: datetime) -> Slice | None:
        """Compare a slice from where it has come to.

        Returns:
            The slice with the lists that are not finished by `until`; None if all lists are finished.
        """
        comparison = self._comparison(until)
        lists = [*self._lists(part.start, part.end, comparison)]
        # The settings may have changed since the last sweep. A list that is new in them starts at its first page, and
        # a list that is no longer in them is not compared.
        places: Places = {
            listed.name: part.places.get(listed.name, FIRST_PAGE)
            for listed in lists
            if listed.name not in part.finished
        }
        with suppress(StopError):
            walk(lists, places, comparison.check_time, self.refused)
        finished = part.finished | {listed.name for listed in lists} - places.keys()
        return replace(part, places=places, finished=finished) if places else None

    def _lists(self, start: datetime, end: datetime, comparison: Comparison) -> Iterator[Listed[Any]]:
        """The lists of what began in this time."""
        twilio, odd = self.twilio, self.found.odd.append
        if len(self.settings.numbers) > MANY_NUMBERS:
            read = partial(twilio.call_pages, None, start, end, odd)
            yield Listed("calls", read, comparison.compare_calls, whole=True)
        else:
            for number in self.settings.numbers:
                read = partial(twilio.call_pages, number, start, end, odd)
                yield Listed(f"calls to {number}", read, comparison.compare_calls)
        yield Listed(
            "recordings", partial(twilio.recording_pages, start, end, odd), comparison.compare_recordings, whole=True
        )
        for service_sid in self.settings.service_sids:
            read_transcripts = partial(twilio.transcript_pages, service_sid, start, end + SECOND, odd)
            yield Listed(f"transcripts of {service_sid}", read_transcripts, comparison.compare_transcripts)

    def _comparison(self, until: datetime) -> Comparison:
        return Comparison(
            lists=self.lists,
            table=self.table,
            twilio=self.twilio,
            settings=self.settings,
            patience=self.patience,
            now=self.now,
            send=self._send_lost,
            check_time=partial(_check_time, until),
            odd=self.refused,
        )

    def _share_of_time(self, parts: int) -> datetime:
        now = datetime.now(UTC)
        return now + (self.until - now) / parts

    # --- messages

    def _send_lost(self, kind: Kind, call_sid: CallSid, sid: str, body: str) -> None:
        """Send for something that was lost, once."""
        if self.lists.was_sent(sid):
            return
        queue = self.queues.transcripts if kind is Kind.TRANSCRIPT else self.queues.recordings
        if self._room(queue) <= 0:
            raise QueueFullError(f"over {MOST_WAITING} messages wait on a queue: the sweep continues when fewer wait")
        self._send(queue, body, Swept(), Sent(call_sid, sid, "never told"))
        # After it was sent: a message that is sent twice does no harm, one that is never sent does.
        self.lists.note_sent(sid)
        self.found.calls += kind is Kind.CALL
        self.found.recordings += kind is Kind.RECORDING
        self.found.transcripts += kind is Kind.TRANSCRIPT

    def _send(self, queue: Queue, body: str, swept: Swept, sent: Sent) -> None:
        queue.put(body, correlation_id=self.correlation_id, **swept.attributes)
        self.found.sent.append(sent)
        self._rooms[id(queue)] -= 1

    def _room(self, queue: Queue) -> int:
        if id(queue) not in self._rooms:
            self._rooms[id(queue)] = MOST_WAITING - queue.depth().waiting
        return self._rooms[id(queue)]


def _check_time(until: datetime) -> None:
    if datetime.now(UTC) >= until:
        raise StopError


def _midnight_after(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
