"""Deletes recordings at Twilio whose date has passed. Called by `delete_recordings` every five minutes.

Each recording is claimed before Twilio is asked, so that runs may overlap, and so that nobody lets it be transcribed
again meanwhile. A recording that Twilio does not delete is postponed: it holds up no other.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import sleep

from callscribe.adapters.deletions import Backlog, DeletionClaim, Deletions, DueDeletion
from callscribe.adapters.items import call_of_row, recording_of_row
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.domain.errors import PermanentError, TransientError
from callscribe.domain.reconcile import CAME_TO_NOTHING
from callscribe.domain.recording import SPARE, Event, Recording, State
from callscribe.domain.sids import CallSid, RecordingSid

MOST_TROUBLES = 5
"""Requests that fail one after the other until the run ends: then the trouble is Twilio's, and not the recordings'."""

LEFT_FOR_METRICS = timedelta(seconds=2)
"""What is left of the time when a run stops to count what it leaves."""

LONGEST_PAUSE_SECONDS = 30.0
"""Unless Twilio asks for more (its header Retry-After)."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What came of a recording whose date has passed; `error` is why it was postponed, None where it was deleted."""

    call_sid: CallSid
    recording_sid: RecordingSid
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a run has done and left. `trouble` is Twilio's, where it ended the run; what is left stays due."""

    backlog: Backlog
    deleted: int = 0
    postponed: int = 0
    trouble: TransientError | None = None


def delete_recordings(
    *,
    deletions: Deletions,
    table: CallTable,
    accounts: Sequence[Twilio],
    until: datetime,
    deadline: datetime,
    report: Callable[[Deleted], None],
) -> Done:
    """Delete recordings whose date has passed, the oldest date first.

    Parameters:
        accounts: the account at Twilio, once for each request that may be under way at the same time.
        until: nothing is begun after that.
        deadline: when this worker stops whether it is done or not; its claims last as long.
        report: is called with each recording, whatever came of it.

    Raises:
        TransientError: the table does not answer; what is left stays due.
    """
    run = _Run(deletions, table, list(accounts), until, deadline, report)
    with ThreadPoolExecutor(max_workers=len(accounts)) as pool:
        run.work(pool)
    backlog = deletions.backlog(datetime.now(UTC), deadline - LEFT_FOR_METRICS)
    return Done(backlog=backlog, deleted=run.deleted, postponed=run.postponed, trouble=run.trouble)


@dataclass(slots=True)
class _Run:
    """One run. Only this thread talks to the table: boto3's resources are not for several."""

    deletions: Deletions
    table: CallTable
    free: list[Twilio]
    until: datetime
    deadline: datetime
    report: Callable[[Deleted], None]
    deleted: int = 0
    postponed: int = 0
    trouble: TransientError | None = None
    # Twilio answers 429 to too many requests at once, and says nowhere how many that is. So the run begins with one
    # request at a time, sends one more at a time with each that is done, and half as many after a trouble.
    allowed: int = 1
    _most: int = 0
    _has_time: bool = True
    _troubles: int = 0
    _pause: float = 0
    _under_way: dict[Future[list[Recording]], tuple[DeletionClaim, Twilio]] = field(default_factory=dict)
    _found: deque[DueDeletion] = field(default_factory=deque)

    def work(self, pool: ThreadPoolExecutor) -> None:
        self._most = len(self.free)
        for due in self._due():
            self._rest()
            if self._is_over():
                # What was found has its row, and the next run comes to it.
                break
            if claim := self.deletions.claim(due, self.deadline):
                account = self.free.pop()
                self._under_way[pool.submit(_delete, claim, account)] = claim, account
            while len(self._under_way) >= self.allowed:
                self._settle_next()
        while self._under_way:
            self._settle_next()

    def _due(self) -> Iterator[DueDeletion]:
        for due in self.deletions.due(datetime.now(UTC)):
            yield due
            yield from self._take_found()
        # What is still under way may find more.
        while self._under_way:
            self._settle_next()
            yield from self._take_found()

    def _take_found(self) -> Iterator[DueDeletion]:
        while self._found:
            yield self._found.popleft()

    def _is_over(self) -> bool:
        return self._troubles >= MOST_TROUBLES or not self._has_time or datetime.now(UTC) > self.until

    def _rest(self) -> None:
        """Let Twilio recover, if there was trouble: no request at all, not only none for the same recording."""
        pause, self._pause = self._pause, 0
        if not pause or self._is_over():
            return
        if datetime.now(UTC) + timedelta(seconds=pause) < self.until:
            sleep(pause)
        else:
            self._has_time = False

    def _settle_next(self) -> None:
        """Wait for what is under way, and note what came of it."""
        done, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
        for future in done:
            claim, account = self._under_way.pop(future)
            self.free.append(account)
            self._settle(claim, future)

    def _settle(self, claim: DeletionClaim, future: Future[list[Recording]]) -> None:
        try:
            monos = future.result()
        except Exception as error:  # noqa: BLE001 (an odd answer or a bug of ours holds up no other recording either)
            self._postpone(claim, error)
            self.postponed += 1
            self.report(Deleted(claim.call_sid, claim.recording_sid, error))
        else:
            self._speed_up()
            for mono in monos:
                self._adopt(claim, mono)
            # Last: until then the next run does all of it again.
            self.deletions.note_deleted(claim)
            self.deleted += 1
            self.report(Deleted(claim.call_sid, claim.recording_sid))

    def _postpone(self, claim: DeletionClaim, error: Exception) -> None:
        if isinstance(error, PermanentError):
            self._speed_up()
            self.deletions.postpone(claim, error.reason, is_refused=True)
        elif isinstance(error, TransientError):
            self._slow_down(error)
            self.deletions.postpone(claim, "no_answer", is_refused=False)
        else:
            self.deletions.postpone(claim, "error", is_refused=False)

    def _speed_up(self) -> None:
        self._troubles, self.trouble = 0, None
        self.allowed = min(self.allowed + 1, self._most)

    def _slow_down(self, trouble: TransientError) -> None:
        self.trouble = trouble
        self._pause = trouble.retry_after or min(2.0**self._troubles, LONGEST_PAUSE_SECONDS)
        self._troubles += 1
        self.allowed = max(1, self.allowed // 2)

    def _adopt(self, claim: DeletionClaim, mono: Recording) -> None:
        """Give a mono recording that nobody has asked about a row, and with it a date: now."""
        # A whole second that has begun, so that it is due at once.
        now = datetime.now(UTC).replace(microsecond=0)
        call = call_of_row(claim.row)
        moved = self.table.move(
            Event.NOT_WORTH_IT, call, mono.sid, reason=SPARE, delete_at=now, is_new=True, **mono.about()
        )
        if moved.happened:
            self._found.append(DueDeletion(call.sid, mono.sid, int(now.timestamp())))


def _delete(claim: DeletionClaim, twilio: Twilio) -> list[Recording]:
    """Delete a recording; the mono recordings beside it that go with it. Runs in a thread of its own."""
    recording = recording_of_row(claim.row)
    monos: list[Recording] = []
    # Where it was stored, `store_insights` has deleted them.
    if claim.state is not State.STORED and recording.of_message:
        monos = [one for one in twilio.recordings_of(claim.call_sid) if _is_mono_left(one)]
    try:
        twilio.delete_recording(claim.recording_sid)
    except PermanentError:
        # Of these there is nothing that was said; whether Twilio deletes them is not documented.
        if claim.row.get("reason") not in CAME_TO_NOTHING:
            raise
    return monos


def _is_mono_left(recording: Recording) -> bool:
    return recording.made_by_record and (recording.unfinished or recording.status == "completed")
