"""The ledger: what Twilio has of our calls beside what the table has of them, day by day, and what is missing.

It decides by the functions that the sweep decides by, so that the two can never disagree on what is missing. A month is
as cheap in memory as a day: only numbers are kept of what is over.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.items import call_key, recording_key
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.adapters.twilio_api import Odd
from callscribe.domain import stand_ins
from callscribe.domain.call import Call
from callscribe.domain.errors import OutOfTimeError, PermanentError, TransientError, UnreadableError
from callscribe.domain.patience import Patience, Swept
from callscribe.domain.reconcile import Row, is_erased, is_untold, is_untold_end, missing_recordings
from callscribe.domain.recording import UNSETTLED, Recording, State
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe.domain.transcript import Transcript
from callscribe.usecases.comparison import LOOKS, is_left_alone, recording_of
from callscribe.usecases.sweep import Queues

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

ALWAYS = datetime.min.replace(tzinfo=UTC)

TRIES = 4
"""How often a list is asked for: in months of them Twilio says once that it is busy."""

LONGEST_PAUSE_SECONDS = 60.0


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
    book = _Book(lists, table, twilio, settings, patience, since, until, now, progress, created)
    for start, end in _slices(since, until):
        book.take(start, end)
    # Recordings are transcribed later than they are made, at most so much.
    for start, end in _slices(max(since, until), min(now, until + patience.give_up)):
        book.take_late(start, end)
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


def _slices(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The days of this time; the first and the last may be parts of one."""
    while since < until:
        midnight = datetime(since.year, since.month, since.day, tzinfo=UTC) + DAY
        yield since, min(midnight, until)
        since = midnight


@dataclass(slots=True)
class _Unread:
    """What of one answer could not be read."""

    entries: int = 0
    refused: list[str] = field(default_factory=list)

    def odd(self, _: UnreadableError) -> None:
        self.entries += 1

    @contextmanager
    def an_entry(self) -> Iterator[None]:
        """Let what leads nowhere be an entry that could not be read."""
        try:
            yield
        except (PermanentError, UnreadableError):
            self.entries += 1

    @contextmanager
    def a_list(self) -> Iterator[None]:
        """Let what refuses, or has another shape, be a list that could not be read."""
        try:
            yield
        except (PermanentError, UnreadableError) as error:
            self.refused.append(str(error))


@dataclass(slots=True)
class _Book:
    """What is kept from one day to the next."""

    lists: CallLists
    table: CallTable
    twilio: Twilio
    settings: Settings
    patience: Patience
    since: datetime
    until: datetime
    now: datetime
    progress: Callable[[str], None]
    created: datetime
    days: dict[date, Day] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)
    unreadable: int = 0
    # In their order, and each once: a Service is asked for on each day.
    refused: dict[str, None] = field(default_factory=dict)
    # Of this day and of those beside it: a transcript may be asked for after midnight, and a row have another day.
    _rows: dict[date, list[dict[str, Any]]] = field(default_factory=dict)
    _counted: deque[set[tuple[str, str]]] = field(default_factory=lambda: deque(maxlen=3))
    _calls: deque[dict[CallSid, datetime]] = field(default_factory=lambda: deque(maxlen=3))
    _call_sids: deque[dict[RecordingSid, CallSid]] = field(default_factory=lambda: deque(maxlen=3))

    def take(self, start: datetime, end: datetime) -> None:
        """Compare what began in this time, which is of one day."""
        self.progress(f"Comparing {start.date()}")
        day = self.days.setdefault(start.date(), Day(start.date()))
        calls = self._read(lambda unread: self._calls_between(start, end, unread))
        recordings = self._read(lambda unread: recordings_of(calls, start, self.now, self.twilio, unread.odd))
        self._calls.append({call.sid: call.started for call in calls})
        self._call_sids.append({one.sid: call_sid for call_sid, some in recordings.items() for one in some})
        day.calls += len(calls)
        day.recordings += len(self._call_sids[-1])
        rows = self._rows_around(start.date())
        self._counted.append(set())
        self._count_rows(day, rows.values(), start, end)
        self._compare_calls(day, calls, recordings, rows)
        self._compare_transcripts(start, end, rows)

    def take_late(self, start: datetime, end: datetime) -> None:
        """Compare the transcripts of earlier calls that were asked for in this time."""
        self.progress(f"Comparing transcripts that were asked for on {start.date()}")
        self._compare_transcripts(start, end, self._rows_around(start.date()))

    def _read[T](self, ask: Callable[[_Unread], T]) -> T:
        """Ask for whole lists, again where they did not come, and count what of them cannot be read."""
        for tries in range(1, TRIES + 1):
            unread = _Unread()
            try:
                answer = ask(unread)
            except TransientError as error:
                # Asked for again, a list that is too long would only take as long again.
                if tries == TRIES or isinstance(error, OutOfTimeError):
                    raise
                pause = min(error.retry_after or 2.0**tries, LONGEST_PAUSE_SECONDS)
                self.progress(f"{error}: asking again in {pause:g} s")
                time.sleep(pause)
            else:
                self.unreadable += unread.entries
                self.refused |= dict.fromkeys(unread.refused)
                return answer
        raise AssertionError("the last try gives an answer or raises")

    def _calls_between(self, start: datetime, end: datetime, unread: _Unread) -> list[Call]:
        calls: list[Call] = []
        for number in self.settings.numbers:
            with unread.a_list():
                calls += self.twilio.calls_to(number, start, end, unread.odd)
        return calls

    def _transcripts_between(self, start: datetime, end: datetime, unread: _Unread) -> list[Transcript]:
        transcripts: list[Transcript] = []
        for service_sid in self.settings.service_sids:
            with unread.a_list():
                transcripts += self.twilio.transcripts_under(service_sid, start, end + SECOND, unread.odd)
        # Twilio is asked in whole seconds, and need not keep to them.
        return [one for one in transcripts if one.created is None or start <= one.created < end]

    # --- what the table has

    def _rows_around(self, day: date) -> dict[str, dict[str, Any]]:
        """The rows of a day and of those beside it, by the keys of `CallLists.look_up`."""
        around = [day - DAY, day, day + DAY]
        self._rows = {one: self._rows.get(one) or list(self.lists.of_day(one)) for one in around}
        return {_key(row): row for rows in self._rows.values() for row in rows}

    def _count_rows(self, day: Day, rows: Iterable[Row], start: datetime, end: datetime) -> None:
        for row in rows:
            if CallSid(row["pk"].removeprefix("CALL#")) in self._calls[-1] or start <= _started(row) < end:
                self._count(day, row)

    def _count(self, day: Day, row: Row) -> None:
        key = (row["pk"], row["sk"])
        if any(key in counted for counted in self._counted):
            return
        self._counted[-1].add(key)
        day.repaired += "repaired_at" in row
        if "state" not in row:
            return
        state = State(row["state"])
        day.rows += 1
        day.stored += state is State.STORED
        day.skipped += state is State.SKIPPED
        day.failed += state is State.FAILED
        day.erased += state is State.ERASED
        day.in_flight += state in UNSETTLED

    # --- what Twilio has

    def _compare_calls(
        self,
        day: Day,
        calls: Sequence[Call],
        recordings: Mapping[CallSid, list[Recording]],
        rows: Mapping[str, Row],
    ) -> None:
        # What has a row is not missing, whatever it says. The index is behind, and tells too little to say more.
        unclear = [
            call
            for call in calls
            if is_untold(rows.get(f"CALL#{call.sid}"))
            or any(f"RECORDING#{one.sid}" not in rows for one in recordings[call.sid])
        ]
        clear = {call.sid for call in calls} - {call.sid for call in unclear}
        day.with_row += sum(len(recordings[sid]) for sid in clear)
        own = self.lists.look_up(call_key(call.sid) for call in unclear)
        for call in unclear:
            self._compare_call(day, call, recordings[call.sid], own.get(f"CALL#{call.sid}"))

    def _compare_call(self, day: Day, call: Call, recordings: Sequence[Recording], row: Row | None) -> None:
        known = self.table.knows(call.sid)
        for found in filter(None, [row, *known.values()]):
            self._count(day, found)
        day.with_row += sum(one.sid in known for one in recordings)
        if is_erased(row) or any(one["state"] == State.ERASED for one in known.values()):
            return
        late = call.ended is not None and self.patience.is_late(call.ended, self.now)
        missing = missing_recordings(recordings, known)
        if not late:
            day.in_flight += len(missing) or is_untold(row)
            day.waiting += len(missing)
            return
        for one in missing:
            body = stand_ins.of_recording(one)
            self._miss(day, Kind.RECORDING, one.sid, call.sid, one.sid, call.started, body, one)
        # What is sent of a recording brings its call.
        if is_untold(row) and not missing:
            self._miss(day, Kind.CALL, call.sid, call.sid, None, call.started, stand_ins.of_call(call.sid))

    def _compare_transcripts(self, start: datetime, end: datetime, rows: Mapping[str, Row]) -> None:
        transcripts = self._read(lambda unread: self._transcripts_between(start, end, unread))
        call_sids = {sid: call_sid for some in self._call_sids for sid, call_sid in some.items()}
        located = [found for one in transcripts if (found := self._located(one, call_sids))]
        stored = {sk for sk, row in rows.items() if row.get("state") == State.STORED}
        keys = [
            recording_key(call_sid, sid)
            for _, call_sid, sid in located
            if call_sid and sid and f"RECORDING#{sid}" not in stored
        ]
        rows = {**rows, **self.lists.look_up(keys)}
        for transcript, call_sid, sid in located:
            self._compare_transcript(transcript, call_sid, sid, rows.get(f"RECORDING#{sid}"), start)

    def _located(
        self, transcript: Transcript, call_sids: Mapping[RecordingSid, CallSid]
    ) -> tuple[Transcript, CallSid | None, RecordingSid | None] | None:
        """A transcript with its call and its recording as far as they can be told; None where that cannot be read."""

        def ask(unread: _Unread) -> tuple[Transcript, CallSid | None, RecordingSid | None] | None:
            with unread.an_entry():
                return transcript, *recording_of(transcript, call_sids, self.table, self.twilio)
            return None

        return self._read(ask)

    def _compare_transcript(
        self,
        transcript: Transcript,
        call_sid: CallSid | None,
        sid: RecordingSid | None,
        row: Row | None,
        start: datetime,
    ) -> None:
        began = self._began(call_sid, row) or transcript.created or start
        if not self.since <= began < self.until:
            return
        day = self.days.setdefault(began.date(), Day(began.date()))
        day.transcripts += 1
        # Where nothing leads to its call, nothing can be stored of it. What is unsettled is counted by its row.
        if not call_sid or (row and row["state"] in UNSETTLED):
            return
        untold = is_untold_end(transcript, row) if transcript.ended else row is None
        if not untold or self._leaves_alone(call_sid):
            return
        if not transcript.ended or not self.patience.is_late(transcript.updated or self.now, self.now):
            day.in_flight += 1
            return
        body = stand_ins.of_transcript(transcript.sid, call_sid)
        self._miss(day, Kind.TRANSCRIPT, transcript.sid, call_sid, sid, transcript.created or start, body)

    def _began(self, call_sid: CallSid | None, row: Row | None) -> datetime | None:
        """When a call began, as Twilio or the table tells it."""
        told = next((calls[call_sid] for calls in self._calls if call_sid and call_sid in calls), None)
        return told or (_started(row) if row and "started" in row else None)

    def _leaves_alone(self, call_sid: CallSid) -> bool:
        oldest = self.now - self.table.retention
        return self._read(lambda _: is_left_alone(call_sid, oldest, self.table, self.twilio))

    def _miss(
        self,
        day: Day,
        kind: Kind,
        sid: str,
        call_sid: CallSid | None,
        recording_sid: RecordingSid | None,
        began: datetime,
        message: str,
        recording: Recording | None = None,
    ) -> None:
        day.missing += 1
        self.missing.append(
            Missing(
                kind=kind,
                sid=sid,
                call_sid=call_sid,
                recording_sid=recording_sid,
                day=day.day,
                began=began,
                before_the_stack=began < self.created,
                what_to_do=self._what_to_do(began),
                message=message,
                recording=recording,
            )
        )

    def _what_to_do(self, began: datetime) -> str:
        if began < self.created:
            return "It is from before the stack: `callscribe backfill` says what it would cost, and sends it"
        if self.now - began < LOOKS * self.patience.look_again:
            # Two intervals, of which `look_again` is a little less than one.
            minutes = -(-5 * self.patience.look_again // timedelta(minutes=2))
            return f"Wait: the sweep sends it within {minutes} minutes"
        return "The sweep looks no longer so far back: --repair sends it"


def recordings_of(
    calls: Iterable[Call], start: datetime, now: datetime, twilio: Twilio, odd: Odd
) -> dict[CallSid, list[Recording]]:
    """What Twilio has recorded of these calls, none of which began before `start`, and may be ours."""
    of_call: dict[CallSid, list[Recording]] = {call.sid: [] for call in calls}
    if of_call:
        ends = [call.ended or now for call in calls]
        for one in twilio.recordings_between(start, max(ends), odd):
            if one.may_be_ours and one.call_sid in of_call:
                of_call[one.call_sid].append(one)
    return of_call


def _key(row: Row) -> str:
    return str(row["pk"] if row["sk"] == "CALL" else row["sk"])


def _started(row: Row) -> datetime:
    return datetime.fromisoformat(row["started"])
