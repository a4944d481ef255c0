"""Takes a ledger: reads Twilio's lists and the table's index page by page, and keeps numbers.

In memory are what is missing, calls that the table is not told of, and 16 bytes for each call of five days: which rows
are counted already. Everything else is forgotten with its page.
"""

import time
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import batched

from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.items import call_key, call_sid_of, insights_key, recording_key
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Page, Twilio
from callscribe.adapters.twilio_api import Odd
from callscribe.domain import stand_ins
from callscribe.domain.call import LONGEST_CALL, Call
from callscribe.domain.errors import OutOfTimeError, PermanentError, TransientError, UnreadableError
from callscribe.domain.patience import Patience
from callscribe.domain.reconcile import Row, is_erased, is_untold, is_untold_end, missing_recordings
from callscribe.domain.recording import UNSETTLED, Recording, State
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe.domain.transcript import Transcript
from callscribe.usecases.comparison import LOOKS, is_left_alone, recording_of
from callscribe.usecases.sweep import MANY_NUMBERS
from callscribe_tools.operator.ledger_entries import Day, Kind, Missing

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

TRIES = 4
"""How often a page is asked for: in months of them Twilio says once that it is busy."""

LONGEST_PAUSE_SECONDS = 60.0

AT_ONCE = 1000
"""Calls whose rows are looked up together."""

type ReadPages[T: (Call, Recording, Transcript)] = Callable[[Odd, str | None], Iterator[Page[T]]]


class Seen:
    """SIDs in 8 bytes each: of millions, no two are alike in these by a chance worth naming."""

    def __init__(self) -> None:
        self._all = array("Q")
        self._sorted = True

    def add(self, sid: str) -> None:
        """Remember a SID."""
        self._all.append(_digest(sid))
        self._sorted = False

    def __contains__(self, sid: str) -> bool:
        """Whether it is remembered."""
        if not self._sorted:
            self._all = array("Q", sorted(self._all))
            self._sorted = True
        at = bisect_left(self._all, _digest(sid))
        return at < len(self._all) and self._all[at] == _digest(sid)


def _digest(sid: str) -> int:
    # The last half of a SID is as random as the whole.
    return int(sid[-16:], 16)


@dataclass(slots=True)
class Book:
    """What is kept while the calls that began from `since` until `until` are compared."""

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
    # Calls that are at Twilio and whose end the table lacks, with their recordings.
    _untold: dict[CallSid, Call] = field(default_factory=dict)
    _recordings: dict[CallSid, list[Recording]] = field(default_factory=lambda: defaultdict(list))
    # The rows that are counted, by the day on which their call began.
    _seen: dict[date, Seen] = field(default_factory=lambda: defaultdict(Seen))
    _next_of_index: date = date.min

    def take(self) -> None:
        """Compare everything. Raises what `take_ledger` does."""
        self._next_of_index = self.since.date() - DAY
        for start, end in _slices(self.since, self.until):
            self.progress(f"Comparing {start.date()}")
            self.days.setdefault(start.date(), Day(start.date()))
            self._compare_calls(start, end)
            self._compare_recordings(start, end)
            # The rows of a day are of calls that began on it or beside it; their recordings a day later at most.
            self._count_index(start.date() - 2 * DAY)
        # A recording may begin long after its call.
        for start, end in _slices(max(self.since, self.until), min(self.now, self.until + LONGEST_CALL)):
            self._compare_recordings(start, end)
        self._count_index(self.until.date() + DAY)
        self._compare_untold()
        last = max(self.since, min(self.now, self.until + self.patience.give_up))
        # Recordings are transcribed later than they are made, at most so much.
        for start, end in _slices(self.since, last):
            self.progress(f"Comparing transcripts that were asked for on {start.date()}")
            self._compare_transcripts(start, end)

    # --- reading

    def _pages[T: (Call, Recording, Transcript)](
        self, read: ReadPages[T], *, may_be_refused: bool = False
    ) -> Iterator[Sequence[T]]:
        """Read a list page by page; a page that did not come is asked for again, and the others are not."""
        link: str | None = None
        tries, came = 0, False
        before: set[str] = set()
        while True:
            try:
                for page in read(self._odd, link):
                    # Pages may repeat what is on their borders.
                    yield [one for one in page.entries if one.sid not in before]
                    before = {one.sid for one in page.entries}
                    link, tries, came = page.next_link, 0, True
            except TransientError as error:
                if isinstance(error, OutOfTimeError) and came:
                    # A list may take so long; what is left of it is another.
                    came = False
                    continue
                tries += 1
                self._pause(error, tries)
                continue
            except (PermanentError, UnreadableError) as error:
                if not may_be_refused:
                    raise
                self.refused[str(error)] = None
            return

    def _odd(self, _: UnreadableError) -> None:
        self.unreadable += 1

    def _ask[T](self, ask: Callable[[], T]) -> T:
        for tries in range(1, TRIES + 1):
            try:
                return ask()
            except TransientError as error:
                self._pause(error, tries)
        raise AssertionError("the last try gives an answer or raises")

    def _pause(self, error: TransientError, tries: int) -> None:
        # Asked for again, what is too long would only take as long again.
        if tries >= TRIES or isinstance(error, OutOfTimeError):
            raise error
        pause = min(error.retry_after or 2.0**tries, LONGEST_PAUSE_SECONDS)
        self.progress(f"{error}: asking again in {pause:g} s")
        time.sleep(pause)

    # --- calls

    def _compare_calls(self, start: datetime, end: datetime) -> None:
        numbers: list[str | None] = [*self.settings.numbers]
        if len(numbers) > MANY_NUMBERS:
            numbers = [None]
        for number in numbers:
            read = partial(self.twilio.call_pages, number, start, end)
            for calls in self._pages(read, may_be_refused=True):
                self._compare_page_of_calls([call for call in calls if call.to in self.settings.numbers])

    def _compare_page_of_calls(self, calls: Sequence[Call]) -> None:
        rows = self.lists.look_up(call_key(call.sid) for call in calls)
        for call in calls:
            day = self._day(call.started)
            day.calls += 1
            row = rows.get(f"CALL#{call.sid}")
            if row is None or is_untold(row):
                self._untold[call.sid] = call
            else:
                self._count(day, call.sid, row)

    # --- recordings

    def _compare_recordings(self, start: datetime, end: datetime) -> None:
        for recordings in self._pages(partial(self.twilio.recording_pages, start, end)):
            self._compare_page_of_recordings(
                [one for one in recordings if one.may_be_ours and (one.started is None or start <= one.started < end)]
            )

    def _compare_page_of_recordings(self, recordings: Sequence[Recording]) -> None:
        of_call: dict[CallSid, list[Recording]] = defaultdict(list)
        for recording in recordings:
            of_call[recording.call_sid].append(recording)
        rows = self.lists.look_up(recording_key(one.call_sid, one.sid) for one in recordings)
        unclear = []
        for call_sid, some in of_call.items():
            known = {one.sid: row for one in some if (row := rows.get(f"RECORDING#{one.sid}"))}
            if call_sid in self._untold:
                self._recordings[call_sid] += some
            elif not known or missing_recordings(some, known):
                unclear.append(call_sid)
            elif self._is_within(began := _started(next(iter(known.values())))):
                self._count_recordings(self._day(began), some, known)
        calls = self.lists.look_up(map(call_key, unclear))
        for call_sid in unclear:
            # Without a row it is none of the calls to our numbers: those are untold.
            if (row := calls.get(f"CALL#{call_sid}")) and row.get("to") in self.settings.numbers:
                self._compare_told(call_sid, row, of_call[call_sid])

    def _compare_told(self, call_sid: CallSid, row: Row, recordings: Sequence[Recording]) -> None:
        """Compare recordings of a call of which one has no row; the others may be on another page."""
        began = _started(row)
        if not self._is_within(began):
            return
        day, known = self._day(began), self.table.knows(call_sid)
        self._count_recordings(day, recordings, known)
        if is_erased(row) or _erased(known):
            return
        missing = missing_recordings(recordings, known)
        if any(one.made_by_record for one in missing):
            every = missing_recordings(self._ask(partial(self.twilio.recordings_of, call_sid, self._odd)), known)
            missing = [one for one in missing if one.sid in {other.sid for other in every}]
        ended = began + timedelta(seconds=int(row["seconds"])) if "seconds" in row else None
        self._lack(day, call_sid, began, ended, missing)

    def _count_recordings(self, day: Day, recordings: Sequence[Recording], known: Mapping[RecordingSid, Row]) -> None:
        day.recordings += len(recordings)
        for recording in recordings:
            if row := known.get(recording.sid):
                day.with_row += 1
                self._count(day, recording.sid, row)

    def _compare_untold(self) -> None:
        """Compare the calls of which the table lacks the end: it may have come, and their recordings may have rows."""
        for some in batched(self._untold.values(), AT_ONCE, strict=False):
            rows = self.lists.look_up(call_key(call.sid) for call in some)
            for call in some:
                self._compare_call(call, self._recordings.pop(call.sid, []), rows.get(f"CALL#{call.sid}"))

    def _compare_call(self, call: Call, recordings: Sequence[Recording], row: Row | None) -> None:
        day, known = self._day(call.started), self.table.knows(call.sid)
        day.recordings += len(recordings)
        day.with_row += sum(one.sid in known for one in recordings)
        for found in filter(None, [row, *known.values()]):
            self._count_row(day, found)
        if is_erased(row) or _erased(known):
            return
        missing = missing_recordings(recordings, known)
        late = self._lack(day, call.sid, call.started, call.ended, missing)
        if is_untold(row) and not missing:
            if late:
                # What is sent of a recording would bring its call.
                self._miss(day, Kind.CALL, call.sid, call.sid, None, call.started, stand_ins.of_call(call.sid))
            else:
                day.in_flight += 1

    def _lack(
        self, day: Day, call_sid: CallSid, began: datetime, ended: datetime | None, missing: Sequence[Recording]
    ) -> bool:
        """Note the recordings that have no row; whether they have had their time."""
        late = ended is not None and self.patience.is_late(ended, self.now)
        if not late:
            day.in_flight += len(missing)
            day.waiting += len(missing)
            return False
        for one in missing:
            self._miss(day, Kind.RECORDING, one.sid, call_sid, one.sid, began, stand_ins.of_recording(one), one)
        return True

    # --- what the table has

    def _count(self, day: Day, sid: str, row: Row) -> None:
        """Count a row of what Twilio has; the index may tell of it as well."""
        self._seen[day.day].add(sid)
        self._count_row(day, row)

    def _count_index(self, last: date) -> None:
        """Count the rows of which Twilio has nothing any more, on the days of the index up to this one."""
        while self._next_of_index <= last:
            for row in self.lists.of_day(self._next_of_index):
                sid = str(row["pk" if row["sk"] == "CALL" else "sk"]).partition("#")[2]
                began = _started(row)
                # The rows of untold calls are counted when those are compared.
                if self._is_within(began) and call_sid_of(row) not in self._untold:
                    day = self._day(began)
                    if sid not in self._seen[day.day]:
                        self._count_row(day, row)
            self._seen.pop(self._next_of_index - DAY, None)
            self._next_of_index += DAY

    def _count_row(self, day: Day, row: Row) -> None:
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

    # --- transcripts

    def _compare_transcripts(self, start: datetime, end: datetime) -> None:
        for service_sid in self.settings.service_sids:
            read = partial(self.twilio.transcript_pages, service_sid, start, end + SECOND)
            for transcripts in self._pages(read, may_be_refused=True):
                # Twilio is asked in whole seconds, and need not keep to them.
                self._compare_page_of_transcripts(
                    [one for one in transcripts if one.created is None or start <= one.created < end], start
                )

    def _compare_page_of_transcripts(self, transcripts: Sequence[Transcript], start: datetime) -> None:
        stored = self.lists.look_up(
            insights_key(one.call_sid, one.sid) for one in transcripts if one.call_sid and not one.source_sid
        )
        located = [
            found for one in transcripts if f"TRANSCRIPT#{one.sid}" not in stored and (found := self._located(one))
        ]
        rows = self.lists.look_up(recording_key(call_sid, sid) for _, call_sid, sid in located if call_sid and sid)
        # Where its recording has no row or is not told, its call says when it began.
        of_stored = [one.call_sid for one in transcripts if f"TRANSCRIPT#{one.sid}" in stored and one.call_sid]
        without_row = [call_sid for _, call_sid, sid in located if call_sid and f"RECORDING#{sid}" not in rows]
        calls = self.lists.look_up(map(call_key, [*of_stored, *without_row]))
        for of_call in of_stored:
            began = self._began(of_call, None, calls)
            if began and self._is_within(began):
                self._day(began).transcripts += 1
        for transcript, call_sid, sid in located:
            row = rows.get(f"RECORDING#{sid}")
            began = self._began(call_sid, row, calls) or transcript.created or start
            if self._is_within(began):
                self._compare_transcript(self._day(began), transcript, call_sid, sid, row, start)

    def _located(self, transcript: Transcript) -> tuple[Transcript, CallSid | None, RecordingSid | None] | None:
        """A transcript with its call and its recording as far as they can be told; None where that cannot be read."""
        try:
            return transcript, *self._ask(partial(recording_of, transcript, {}, self.table, self.twilio))
        except (PermanentError, UnreadableError):
            self.unreadable += 1
            return None

    def _began(self, call_sid: CallSid | None, row: Row | None, calls: Mapping[str, Row]) -> datetime | None:
        """When a call began, as Twilio or the table tells it."""
        if call_sid in self._untold:
            return self._untold[call_sid].started
        told = row if row and "started" in row else calls.get(f"CALL#{call_sid}")
        return _started(told) if told and "started" in told else None

    def _compare_transcript(
        self,
        day: Day,
        transcript: Transcript,
        call_sid: CallSid | None,
        sid: RecordingSid | None,
        row: Row | None,
        start: datetime,
    ) -> None:
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

    def _leaves_alone(self, call_sid: CallSid) -> bool:
        oldest = self.now - self.table.retention
        return self._ask(partial(is_left_alone, call_sid, oldest, self.table, self.twilio))

    # --- what is missing

    def _is_within(self, began: datetime) -> bool:
        return self.since <= began < self.until

    def _day(self, began: datetime) -> Day:
        return self.days.setdefault(began.date(), Day(began.date()))

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


def _slices(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The days of this time; the first and the last may be parts of one."""
    while since < until:
        midnight = datetime(since.year, since.month, since.day, tzinfo=UTC) + DAY
        yield since, min(midnight, until)
        since = midnight


def _erased(known: Mapping[RecordingSid, Row]) -> bool:
    return any(row["state"] == State.ERASED for row in known.values())


def _started(row: Row) -> datetime:
    return datetime.fromisoformat(row["started"])
