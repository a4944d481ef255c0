"""Compares pages of Twilio's lists with the table, and sends for what the table lacks. A part of `sweep`.

Calls, recordings and transcripts are compared apart: no page waits for another, and nothing is kept from one to the
next. What is missing of a call that the table knows is found by the list of recordings; of a call that the table does
not know, by asking for its recordings.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from operator import itemgetter

from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.items import call_key, insights_key, recording_key, sent_key
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
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
from callscribe.domain.patience import Patience
from callscribe.domain.reconcile import Row, is_erased, is_untold, is_untold_end, missing_recordings
from callscribe.domain.recording import Recording, State
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid
from callscribe.domain.sources import BY_REST
from callscribe.domain.transcript import Transcript

LOOKS = 12
"""How many times `look_again` passes before Twilio's lists are no longer compared: they may be late too."""


MOST_REMEMBERED = 2000
"""Calls, and transcripts, that one sweep looks at again: at 150 ms each, no sweep has time for more."""


class QueueFullError(TransientError):
    """So much waits on a queue already that more messages would not help. The lists of the other queue go on."""


class Kind(StrEnum):
    """What may be lost."""

    CALL = "call"
    RECORDING = "recording"
    TRANSCRIPT = "transcript"


type Send = Callable[[Kind, CallSid, str, str], None]
"""Sends a message for something that was lost, once: its kind, its call, its own SID, the body.

Raises QueueFullError.
"""


@dataclass(slots=True)
class Comparison:
    """Compares what began before `now`. `check_time` raises StopError when nothing more may be begun.

    What is still under way when it is as old as `closing` is remembered, and looked at alone until it has ended: a call
    of a day must not hold up the lists.
    """

    lists: CallLists
    table: CallTable
    twilio: Twilio
    settings: Settings
    patience: Patience
    now: datetime
    send: Send
    check_time: Callable[[], None]
    odd: Callable[[CallscribeError], None]

    @property
    def compared_for(self) -> timedelta:
        """How long after it has ended something is compared."""
        return LOOKS * self.patience.look_again

    @property
    def closing(self) -> datetime:
        """What began before this is in the lists that are compared for the last time in one of the next sweeps."""
        return self.now - self.compared_for + 2 * self.patience.look_again

    @property
    def oldest(self) -> datetime:
        """Nothing is stored of calls that began before this."""
        return self.now - self.table.retention

    # --- calls

    def compare_calls(self, calls: Sequence[Call]) -> None:
        """Compare calls to any number: is the table told that they are over?"""
        calls = [call for call in calls if call.to in self.settings.numbers and call.started >= self.oldest]
        over = [call for call in calls if self._is_over(call)]
        rows = self.lists.look_up(call_key(call.sid) for call in over)
        for call in over:
            row = rows.get(f"CALL#{call.sid}")
            if is_untold(row) and not is_erased(row):
                self._alone(call.sid, partial(self._compare_call, call))
        for call in calls:
            if call.started < self.closing and self._may_change(call):
                self.lists.remember(call.sid, self.now)

    def _is_over(self, call: Call) -> bool:
        return call.ended is not None and self.patience.is_late(call.ended, self.now)

    def _may_change(self, call: Call) -> bool:
        """Whether something new may be to tell of a call that the lists are about to pass."""
        if call.ended is None:
            return self.now - call.started < LONGEST_CALL
        # Of a shorter call, the lists have been compared for long enough.
        outlasts = call.ended - call.started > self.compared_for
        return self.now - call.ended < (self.compared_for if outlasts else 2 * self.patience.look_again)

    def _compare_call(self, call: Call) -> None:
        if not self.lists.was_sent(call.sid) and not self._compare_recordings_of(
            call.sid, self.twilio.recordings_of(call.sid, self.odd)
        ):
            self.send(Kind.CALL, call.sid, call.sid, stand_ins.of_call(call.sid))

    def _compare_recordings_of(self, call_sid: CallSid, recordings: Sequence[Recording]) -> bool:
        """Send for the recordings of a call that the table lacks; whether its call need not be sent for."""
        # Also of what is no longer at Twilio.
        known = self.table.knows(call_sid)
        if any(row["state"] == State.ERASED for row in known.values()):
            return True
        missing = missing_recordings(recordings, known)
        for recording in missing:
            self.send(Kind.RECORDING, call_sid, recording.sid, stand_ins.of_recording(recording))
        if missing:
            # Their messages bring the call.
            self.lists.note_sent(call_sid)
        return bool(missing)

    # --- recordings

    def compare_recordings(self, recordings: Sequence[Recording]) -> None:
        """Compare recordings of any call: does the table lack one of a call that it knows?"""
        of_call: dict[CallSid, list[Recording]] = defaultdict(list)
        for recording in recordings:
            if recording.may_be_ours:
                of_call[recording.call_sid].append(recording)
        rows = self.lists.look_up(recording_key(sid, one.sid) for sid, some in of_call.items() for one in some)
        unclear = {sid: some for sid, some in of_call.items() if missing_recordings(some, _rows_of(some, rows))}
        for call_sid in self._over_and_known(unclear):
            self._alone(call_sid, partial(self._compare_unclear, call_sid, unclear[call_sid]))

    def _over_and_known(self, call_sids: Iterable[CallSid]) -> list[CallSid]:
        """Those of the calls that are over, by the table, or of which it will be told by a message of the sweep."""
        call_sids = [*call_sids]
        calls = self.lists.look_up(map(call_key, call_sids))
        unknown = [sid for sid in call_sids if is_untold(calls.get(f"CALL#{sid}"))]
        sent = self.lists.look_up(map(sent_key, unknown))
        return [
            sid for sid in call_sids if sent_key(sid)["sk"] in sent or self._is_own_and_over(calls.get(f"CALL#{sid}"))
        ]

    def _is_own_and_over(self, row: Row | None) -> bool:
        if row is None or is_erased(row) or is_untold(row) or row.get("to") not in self.settings.numbers:
            return False
        started = datetime.fromisoformat(row["started"])
        return self.patience.is_late(started + timedelta(seconds=int(row["seconds"])), self.now)

    def _compare_unclear(self, call_sid: CallSid, recordings: list[Recording]) -> None:
        missing = missing_recordings(recordings, self.table.knows(call_sid))
        # The other recordings decide whether a mono or a REST recording counts. They may be on another page.
        if any(recording.made_by_record or recording.source == BY_REST for recording in missing):
            recordings = self.twilio.recordings_of(call_sid, self.odd)
        if missing:
            self._compare_recordings_of(call_sid, recordings)

    # --- transcripts

    def compare_transcripts(self, transcripts: Sequence[Transcript]) -> None:
        """Compare transcripts under one of our Services: is the table told that they have ended?"""
        rows = self.lists.look_up(key for one in transcripts if (key := _key_of(one)))
        for transcript in transcripts:
            # Where its recording is not told, an item of its insights says enough: it is stored.
            if f"TRANSCRIPT#{transcript.sid}" not in rows:
                self._compare_transcript(transcript, rows)

    def _compare_transcript(self, transcript: Transcript, rows: Mapping[str, Row]) -> None:
        row = rows.get(f"RECORDING#{transcript.source_sid}") if transcript.call_sid else None
        if row and not is_untold_end(transcript, row):
            return
        self._alone(transcript.sid, partial(self._compare_unclear_transcript, transcript, row))

    def _compare_unclear_transcript(self, transcript: Transcript, row: Row | None) -> None:
        call_sid, sid = recording_of(transcript, {}, self.table, self.twilio)
        if call_sid and sid and row is None:
            row = self.lists.look_up([recording_key(call_sid, sid)]).get(f"RECORDING#{sid}")
        if not transcript.ended or not self.patience.is_late(transcript.updated or self.now, self.now):
            # One that has a row is due by itself.
            began = transcript.created
            if not row and began and self.now - self.patience.give_up < began < self.closing:
                self.lists.remember(transcript.sid, self.now)
        # Where nothing leads to its call, nothing can be stored of it.
        elif call_sid and is_untold_end(transcript, row) and self._may_be_sent(transcript, call_sid):
            body = stand_ins.of_transcript(transcript.sid, call_sid)
            self.send(Kind.TRANSCRIPT, call_sid, transcript.sid, body)

    def _may_be_sent(self, transcript: Transcript, call_sid: CallSid) -> bool:
        return not self.lists.was_sent(transcript.sid) and not is_left_alone(
            call_sid, self.oldest, self.table, self.twilio
        )

    # --- what was under way

    def compare_remembered(self, read_until: datetime) -> None:
        """Look at the calls and transcripts that were under way when the lists had passed them, the longest due first.

        An unreadable call or transcript is skipped: no list tells more about it. If a queue is full, the next sweep
        sends the messages for that queue.

        Args:
            read_until: after this moment no further page of the notes is read.
        """
        full: set[bool] = set()
        for sid in self._due_remembered(read_until):
            is_transcript = sid.startswith("GT")
            if is_transcript in full:
                continue
            again = self._compare_transcript_again if is_transcript else self._compare_call_again
            try:
                self._alone(sid, partial(self._compare_again, sid, again))
            except QueueFullError as error:
                self.odd(error)
                full.add(is_transcript)

    def _due_remembered(self, read_until: datetime) -> Iterator[str]:
        due: list[tuple[str, datetime]] = []
        # Each kind by itself: if one queue is full, what is sent to the other must not wait behind it.
        for kind in ("CA", "GT"):
            found = (note for note in self.lists.remembered(kind, read_until) if note[1] <= self.now)
            due += heapq.nsmallest(MOST_REMEMBERED, found, key=itemgetter(1))
        return (sid for sid, _ in sorted(due, key=itemgetter(1)))

    def _compare_again(self, sid: str, again: Callable[[str], datetime | None]) -> None:
        later = None
        try:
            later = again(sid)
        except (PermanentError, UnreadableError) as error:
            self.odd(error)
        if later:
            self.lists.remember(sid, later)
        else:
            self.lists.forget(sid)

    def _alone(self, sid: str, compare: Callable[[], None]) -> None:
        """Compare one call or transcript. If that fails, the others go on, and it may be looked at again."""
        self.check_time()
        try:
            compare()
        except (OutOfTimeError, QueueFullError):
            raise
        except TransientError as error:
            self.odd(error)
            self.lists.remember(sid, self.now)
        except (PermanentError, UnreadableError) as error:
            self.odd(error)

    def _compare_call_again(self, sid: str) -> datetime | None:
        """Look at a call; when to look again, if Twilio may still tell something new."""
        try:
            call = self.twilio.call(CallSid(sid))
        except NotFoundError:
            return None
        if call.ended is None:
            return self.now if self._may_change(call) else None
        if not self._is_over(call):
            return self.now
        row = self.lists.look_up([call_key(call.sid)]).get(f"CALL#{call.sid}")
        if is_erased(row) or (call.to or (row or {}).get("to")) not in self.settings.numbers:
            return None
        if not self._compare_recordings_of(call.sid, self.twilio.recordings_of(call.sid, self.odd)) and is_untold(row):
            self.send(Kind.CALL, call.sid, call.sid, stand_ins.of_call(call.sid))
        # Twilio may list its recordings late. The older it gets, the less likely that is.
        age = self.now - call.ended
        return self.now + age if age < self.compared_for else None

    def _compare_transcript_again(self, sid: str) -> datetime | None:
        try:
            transcript_sid = TranscriptSid(sid)
            transcript = self.twilio.transcript(
                transcript_sid, lambda key: self.table.service_of(key, transcript_sid) if key else None
            )
        except NotFoundError:
            return None
        self.compare_transcripts([transcript])
        waits = not transcript.ended or not self.patience.is_late(transcript.updated or self.now, self.now)
        began = transcript.created or self.now
        return self.now if waits and self.now - began < self.patience.give_up else None


def _rows_of(recordings: Iterable[Recording], rows: Mapping[str, Row]) -> dict[RecordingSid, Row]:
    return {one.sid: row for one in recordings if (row := rows.get(f"RECORDING#{one.sid}"))}


def _key_of(transcript: Transcript) -> dict[str, str] | None:
    """The item that says most cheaply whether a transcript is told."""
    if not transcript.call_sid:
        return None
    if transcript.source_sid:
        return recording_key(transcript.call_sid, transcript.source_sid)
    return insights_key(transcript.call_sid, transcript.sid)


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
