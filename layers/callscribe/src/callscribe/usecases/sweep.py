"""Finds what has not moved on, and what nobody has told of, and sends the messages that were lost. Called by `sweep`.

It moves nothing itself: its messages go to the queues that the webhooks go to, and to the same code. Only what is to be
erased it erases. So two sweeps at once do no harm, and neither does one that was not needed.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from callscribe.adapters.call_lists import CallLists, Progress, Unsettled
from callscribe.adapters.items import call_key, recording_key
from callscribe.adapters.queues import Queue
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.adapters.twilio_api import Odd
from callscribe.domain import stand_ins
from callscribe.domain.call import LONGEST_CALL, Call
from callscribe.domain.errors import (
    CallscribeError,
    NoCallError,
    NotFoundError,
    OutOfTimeError,
    PermanentError,
    TransientError,
    UnreadableError,
)
from callscribe.domain.patience import Patience, Swept
from callscribe.domain.reconcile import Row, is_erased, is_untold, is_untold_end, missing_recordings
from callscribe.domain.recording import Recording, State
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe.domain.transcript import Transcript
from callscribe.usecases.erase_call import erase_call

SECOND = timedelta(seconds=1)

MANY_NUMBERS = 20
"""More than that, and one list of all the account's calls is cheaper than a list for each number."""

LOOKS = 12
"""How many times `look_again` goes by before what is over is no longer compared: lists may be late too."""

MOST_WAITING = 1000
"""Messages waiting on a queue that make the sweep leave it alone: the queue is late, and more messages would not help.

Postponed messages do not count: those of one number with a wrong Service would stop the repair of all numbers.
"""

MOST_DUE = MOST_WAITING // 2
"""Messages for due recordings in one sweep and queue: the rest is left for lost messages, whatever is due."""


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

    `due`, `recordings`, `transcripts` and `calls` are numbers of messages: for what was due, and for what the table had
    not heard of. `budget_used` is how much of the day's minutes is, in per cent; 0 where there is no budget.
    `compared_until` is how far it has come, None where it has not come to it. `trouble` is what kept it from going
    farther. `sent` are the same messages, one by one. `erased` are calls of which this sweep has found nothing left,
    `erasing` those of which something may be; `not_erased` says why, of those that it has looked at.
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
    sent: list[Sent] = field(default_factory=list)
    odd: list[CallscribeError] = field(default_factory=list)
    trouble: TransientError | None = None

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
            "compared_until": self.compared_until.isoformat() if self.compared_until else None,
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
    try:
        run.look_at_budget()
        run.erase()
        run.send_due()
        run.compare()
    except TransientError as error:
        run.found.trouble = error
    return run.found


class _QueueFullError(TransientError):
    """So much waits on a queue already that more would not help."""


class _TimeIsOverError(Exception):
    """The next sweep goes on."""


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
    _sent: dict[str, None] = field(default_factory=dict)

    def look_at_budget(self) -> None:
        """See what is used of the day's minutes, so that an alarm on it is over with the day, and not with a call."""
        if self.settings.daily_minutes:
            self.found.budget_used = 100 * self.lists.minutes_of(self.now.date()) / self.settings.daily_minutes

    def erase(self) -> None:
        """Look again at each call that is to be erased; while half of the time is left: the rest is for the others."""
        half = self.now + (self.until - self.now) / 2
        # Whole, because each that is looked at changes its place in the list that is read.
        for call_sid, due_at in list(self.lists.unfinished_erasures()):
            if due_at > self.now or datetime.now(UTC) >= half or not self._is_erased(call_sid, half):
                self.found.erasing += 1
            else:
                self.found.erased += 1

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
        """Send a message for each recording that should have moved on by now."""
        for one in self.lists.unsettled():
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

    def compare(self) -> None:
        """Compare what Twilio has with the table: what is new, then from where the last sweep has come to."""
        progress = self.lists.progress()
        if progress is None:
            # What there was before the stack is not its own. Noted at once: a Twilio in trouble must not put it off.
            progress = Progress(self.now - 2 * self.patience.look_again)
            self.lists.put_progress(progress)
        self._sent = dict.fromkeys(progress.sent)
        start = reached = max(progress.until, self._oldest)
        # What is new comes first, so that what is old never keeps anybody from it.
        recent = max(start, self.now - self._compared_for)
        try:
            holds = self._compare(recent, self.now)
            while True:
                reached = max(reached, min(start, *holds, recent))
                self._note(reached)
                if start >= recent:
                    return
                end = min(_midnight_after(start), recent)
                holds += self._compare(start, end)
                start = end
        except (_TimeIsOverError, OutOfTimeError):
            self._note(reached)
        except TransientError:
            self._note(reached)
            raise

    def _note(self, until: datetime) -> None:
        self.found.compared_until = until
        self.lists.put_progress(Progress(until, tuple(self._sent)))

    @property
    def _oldest(self) -> datetime:
        return self.now - self.table.retention

    @property
    def _compared_for(self) -> timedelta:
        return LOOKS * self.patience.look_again

    def _compare(self, start: datetime, end: datetime) -> list[datetime]:
        """Compare the calls and transcripts that began in this time; from when on they must be compared again."""
        odd = self.found.odd.append
        calls = {call.sid: call for call in self._calls(start, end)}.values()
        transcripts = [
            one
            for service_sid in self.settings.service_sids
            for one in self._listed(self.twilio.transcripts_under(service_sid, start, end + SECOND, odd))
        ]
        self._check_time()
        recordings = recordings_of(calls, start, self.now, self.twilio, odd)
        return [*self._compare_calls(calls, recordings), *self._compare_transcripts(transcripts, recordings)]

    def _calls(self, start: datetime, end: datetime) -> list[Call]:
        numbers, odd = self.settings.numbers, self.found.odd.append
        if len(numbers) > MANY_NUMBERS:
            found = self._listed(self.twilio.calls_between(start, end, odd))
            return [call for call in found if call.to in numbers]
        return [call for to in numbers for call in self._listed(self.twilio.calls_to(to, start, end, odd))]

    def _listed[T](self, rows: Iterable[T]) -> list[T]:
        """A list of Twilio's; one that Twilio refuses, or that nobody can read, is told and holds up no other."""
        self._check_time()
        found: list[T] = []
        try:
            found.extend(rows)
        except (PermanentError, UnreadableError) as error:
            self.found.odd.append(error)
        return found

    def _check_time(self) -> None:
        if datetime.now(UTC) >= self.until:
            raise _TimeIsOverError

    def _compare_calls(self, calls: Collection[Call], recordings: Mapping[CallSid, list[Recording]]) -> list[datetime]:
        over = [call for call in calls if call.ended and self.patience.is_late(call.ended, self.now)]
        keys = [call_key(call.sid) for call in over]
        keys += [recording_key(call.sid, one.sid) for call in over for one in recordings[call.sid]]
        rows = self.lists.look_up(keys)
        for call in over:
            self._compare_call(call, recordings[call.sid], rows)
        return [call.started for call in calls if self._may_change(call)]

    def _may_change(self, call: Call) -> bool:
        """Whether Twilio may still tell something new of a call."""
        if call.ended is None:
            return self.now - call.started < LONGEST_CALL
        return self.now - call.ended < self._compared_for

    def _compare_call(self, call: Call, recordings: Iterable[Recording], rows: Mapping[str, Row]) -> None:
        if is_erased(rows.get(f"CALL#{call.sid}")):
            return
        own = {one.sid: row for one in recordings if (row := rows.get(f"RECORDING#{one.sid}"))}
        missing = missing_recordings(recordings, own)
        untold = is_untold(rows.get(f"CALL#{call.sid}"))
        if not missing and not untold:
            return
        # Rarely come to: also of what is no longer at Twilio.
        known = self.table.knows(call.sid)
        if any(row["state"] == State.ERASED for row in known.values()):
            return
        for recording in missing_recordings(recordings, known):
            self.found.recordings += self._send_lost(
                self.queues.recordings, call.sid, recording.sid, stand_ins.of_recording(recording)
            )
            untold = False
        if untold:
            self.found.calls += self._send_lost(self.queues.recordings, call.sid, call.sid, stand_ins.of_call(call.sid))

    def _compare_transcripts(
        self, transcripts: Iterable[Transcript], recordings: Mapping[CallSid, list[Recording]]
    ) -> list[datetime]:
        call_sids = {one.sid: call_sid for call_sid, some in recordings.items() for one in some}
        located = [(one, *self._recording_of(one, call_sids)) for one in transcripts]
        rows = self.lists.look_up(recording_key(call_sid, sid) for _, call_sid, sid in located if call_sid and sid)
        again = []
        for transcript, call_sid, sid in located:
            row = rows.get(f"RECORDING#{sid}")
            ended = transcript.updated or self.now
            if not transcript.ended or not self.patience.is_late(ended, self.now):
                # One that is noted is due by itself.
                again += [transcript.created] if transcript.created and not row else []
            # Where nothing leads to its call, nothing can be stored of it.
            elif call_sid and is_untold_end(transcript, row) and not self._leaves_alone(call_sid):
                body = stand_ins.of_transcript(transcript.sid, call_sid)
                self.found.transcripts += self._send_lost(self.queues.transcripts, call_sid, transcript.sid, body)
        return [moment for moment in again if self.now - moment < self.patience.give_up]

    def _recording_of(
        self, transcript: Transcript, call_sids: Mapping[RecordingSid, CallSid]
    ) -> tuple[CallSid | None, RecordingSid | None]:
        try:
            return recording_of(transcript, call_sids, self.table, self.twilio)
        except (PermanentError, UnreadableError) as error:
            self.found.odd.append(error)
            return None, None

    def _leaves_alone(self, call_sid: CallSid) -> bool:
        return is_left_alone(call_sid, self._oldest, self.table, self.twilio)

    def _send_lost(self, queue: Queue, call_sid: CallSid, sid: str, body: str) -> bool:
        """Send for something that was lost, once; whether this was the time."""
        if sid in self._sent:
            return False
        if self._room(queue) <= 0:
            raise _QueueFullError(
                f"over {MOST_WAITING} messages wait on a queue: the sweep goes on when they are fewer"
            )
        self._send(queue, body, Swept(), Sent(call_sid, sid, "never told"))
        self._sent[sid] = None
        return True

    def _send(self, queue: Queue, body: str, swept: Swept, sent: Sent) -> None:
        queue.put(body, correlation_id=self.correlation_id, **swept.attributes)
        self.found.sent.append(sent)
        self._rooms[id(queue)] -= 1

    def _room(self, queue: Queue) -> int:
        if id(queue) not in self._rooms:
            self._rooms[id(queue)] = MOST_WAITING - queue.depth().waiting
        return self._rooms[id(queue)]


def _midnight_after(moment: datetime) -> datetime:
    """The end of a slice: Twilio's lists end with a day, whatever one asks for."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


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


def recording_of(
    transcript: Transcript, call_sids: Mapping[RecordingSid, CallSid], table: CallTable, twilio: Twilio
) -> tuple[CallSid | None, RecordingSid | None]:
    """The call and the recording of a transcript, as far as they can be told; `call_sids` need not be asked for."""
    call_sid, sid = transcript.call_sid, transcript.source_sid
    if call_sid and not sid:
        known = table.knows(call_sid)
        sid = next((one for one, row in known.items() if row.get("transcript") == transcript.sid), None)
    elif sid and not call_sid:
        call_sid = call_sids.get(sid) or _call_of(sid, twilio)
    return call_sid, sid


def is_left_alone(call_sid: CallSid, oldest: datetime, table: CallTable, twilio: Twilio) -> bool:
    """Whether a call was erased, or began before `oldest`: whatever is told of it late, nothing is stored of it."""
    erased = table.is_erased(call_sid) or any(row["state"] == State.ERASED for row in table.knows(call_sid).values())
    if erased:
        return True
    try:
        return twilio.call(call_sid).started < oldest
    except (PermanentError, UnreadableError):
        # The worker says what is wrong with it.
        return False


def _call_of(sid: RecordingSid, twilio: Twilio) -> CallSid | None:
    try:
        return twilio.recording(sid).call_sid
    except (NoCallError, NotFoundError):
        return None
