"""Erases a call: what there is of it in the tables, and its recordings and transcripts at Twilio.

Called for an operator, and by `sweep` until nothing is left. Its order is what lets it be killed anywhere: the
tombstone comes first, and from then on no worker begins anything of the call; the tables come next, since what was said
shall not wait for Twilio; of what is to be deleted there, the tombstone and the rows keep the SIDs.

What a worker had begun before, it may still write or ask for. So the last look is one that begins when that can no
longer be, and finds nothing left anywhere (docs/decisions/0014).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from callscribe.adapters.erasable import Tombstone
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.domain.call import LONGEST_CALL
from callscribe.domain.erasure import Copy, CopyState, Erasure
from callscribe.domain.errors import CallscribeError, NotFoundError, PermanentError, TransientError
from callscribe.domain.patience import Patience
from callscribe.domain.recording import UNFINISHED, Recording, State
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid

TWILIO = "Twilio"

WORDS = "sentences and operator results"

NEVER = datetime.max.replace(tzinfo=UTC)

type Items = Iterable[Mapping[str, Any]]


class NotOursError(PermanentError):
    """The table does not know the call, and Twilio neither, or not as one to a number in the settings."""


def erase_call(
    call_sid: CallSid,
    *,
    table: CallTable,
    unredacted: CallTable | None,
    twilio: Twilio,
    settings: Settings,
    patience: Patience,
    until: datetime = NEVER,
) -> Erasure:
    """Erase a call, or look again for what was left of it. May be repeated at any time, and killed.

    What cannot be erased now is no error: the tombstone is due until a look is the last, and the next look erases it.

    Parameters:
        until: Twilio is asked for nothing more after that.

    Raises:
        NotOursError: it is no call of ours. Nothing was done.
        TransientError: the table did not answer, or Twilio where the table does not know the call.
        PermanentError: the table refuses.
    """
    began = datetime.now(UTC)
    outline = table.outline(call_sid)
    if not outline:
        _check_ours(call_sid, twilio, settings)
    tombstone = _tombstone(call_sid, outline, began, patience)
    table.put_tombstone(tombstone)
    look = _Look(tombstone, table, unredacted, twilio, until)
    look.erase_items(outline)
    look.erase_unredacted()
    look.erase_at_twilio([_recording_sid(item) for item in outline if _is_recording(item)])
    waits_for = look.waits_for(began, patience)
    if waits_for is None:
        table.finish_erasure(tombstone)
    return Erasure(call_sid=call_sid, erased_at=tombstone.erased_at, copies=tuple(look.copies), waits_for=waits_for)


def _check_ours(call_sid: CallSid, twilio: Twilio, settings: Settings) -> None:
    try:
        call = twilio.call(call_sid)
    except NotFoundError:
        raise NotOursError(f"neither the table nor Twilio has a call {call_sid}") from None
    if call.to not in settings.numbers:
        raise NotOursError(f"the table has no call {call_sid}, and at Twilio it is to no number in the settings")


def _tombstone(call_sid: CallSid, outline: Items, now: datetime, patience: Patience) -> Tombstone:
    """The tombstone that is there, or a new one, with every transcript that the table knows of."""
    # As it is read again from the table.
    erased_at = now.replace(microsecond=0)
    transcripts: dict[str, None] = {}
    for item in outline:
        if item["sk"] == "CALL" and "erased_at" in item:
            erased_at = datetime.fromisoformat(item["erased_at"])
        transcripts |= dict.fromkeys([*item.get("transcripts", ()), *filter(None, [item.get("transcript")])])
        if item["sk"].startswith("TRANSCRIPT#"):
            transcripts[_transcript_sid(item)] = None
    return Tombstone(
        call_sid=call_sid,
        erased_at=erased_at,
        due_at=now + patience.look_again,
        transcripts=tuple(map(TranscriptSid, transcripts)),
    )


def _is_recording(item: Mapping[str, Any]) -> bool:
    return str(item["sk"]).startswith("RECORDING#")


def _recording_sid(item: Mapping[str, Any]) -> RecordingSid:
    return RecordingSid(item["sk"].partition("#")[2])


def _transcript_sid(item: Mapping[str, Any]) -> str:
    return str(item["sk"].split("#")[1])


@dataclass(frozen=True, slots=True)
class _Look:
    """One look for copies of a call; what holds one up holds up no other."""

    tombstone: Tombstone
    table: CallTable
    unredacted: CallTable | None
    twilio: Twilio
    until: datetime
    copies: list[Copy] = field(default_factory=list)

    def erase_items(self, outline: Items) -> None:
        """Leave in the table the tombstone, which has been put, and the rows of recordings without anything."""
        others = []
        for item in outline:
            if item["sk"] == "CALL":
                self._note("call", self.tombstone.call_sid, self.table.name, there="erased_at" not in item)
            elif _is_recording(item):
                erase = partial(self._erase_row, _recording_sid(item), there=item.get("state") != State.ERASED)
                self._erase("what is noted of the recording", _recording_sid(item), self.table.name, erase)
            else:
                others.append(item)
        self._delete_items(self.table, WORDS, others)

    def erase_unredacted(self) -> None:
        """Leave nothing in the table of what Twilio would have redacted."""
        if not self.unredacted:
            return
        call_sid, what = self.tombstone.call_sid, f"unredacted {WORDS}"
        found = self._try(what, call_sid, self.unredacted.name, partial(self.unredacted.outline, call_sid))
        self._delete_items(self.unredacted, what, found or ())

    def erase_at_twilio(self, noted: Iterable[RecordingSid]) -> None:
        """Delete all recordings of the call and all transcripts of them; `noted` are those that have a row."""
        call_sid = self.tombstone.call_sid
        listed = self._try("recordings", call_sid, TWILIO, lambda: self._ask().recordings_of(call_sid)) or ()
        by_sid: dict[RecordingSid, Recording | None] = dict.fromkeys(noted)
        for recording in listed:
            # The SID is kept before the recording is deleted: its transcripts are found by nothing else.
            if recording.sid in by_sid or self._note_sid(recording.sid):
                by_sid[recording.sid] = recording
        for transcript_sid in self._transcripts_of(by_sid):
            self._erase("transcript", transcript_sid, TWILIO, partial(self._delete_transcript, transcript_sid))
        for sid, one in by_sid.items():
            self._erase("recording", sid, TWILIO, partial(self._delete_recording, sid, one))

    def waits_for(self, began: datetime, patience: Patience) -> str | None:
        """What another look has to wait for; None where this was the last."""
        if any(one.state is CopyState.LATER for one in self.copies):
            return "what could not be erased now"
        if any(one.state is CopyState.ERASED for one in self.copies):
            return "a look that finds nothing left"
        erased_at = self.tombstone.erased_at
        try:
            # Asked only where it matters: whatever it says, a call is over after a day.
            ended = self._end() if began - erased_at < LONGEST_CALL + patience.settled else erased_at
        except CallscribeError as error:
            return str(error)
        if ended is None:
            return "the end of the call"
        # A second more, for a moment in the table is of whole ones.
        settled = max(erased_at, ended) + patience.settled + timedelta(seconds=1)
        return None if began >= settled else f"whatever was begun before it was erased: until {settled:%H:%M:%S} UTC"

    # --- in a table

    def _delete_items(self, table: CallTable, what: str, found: Items) -> None:
        """Delete items; those of one transcript are one copy."""
        of_one: dict[str, list[str]] = defaultdict(list)
        for item in found:
            of_one[_transcript_sid(item) if "#" in item["sk"] else self.tombstone.call_sid].append(item["sk"])
        for sid, keys in of_one.items():
            self._erase(what, sid, table.name, partial(self._delete_keys, table, keys))

    def _delete_keys(self, table: CallTable, keys: list[str]) -> bool:
        # What says how many of the others count comes first in its order: a reader never finds the half of it.
        for sk in keys:
            table.delete_item(self.tombstone.call_sid, sk)
        return True

    def _erase_row(self, sid: RecordingSid, *, there: bool) -> bool:
        self.table.erase_recording(self.tombstone, sid)
        return there

    def _note_sid(self, sid: RecordingSid) -> bool:
        return self._try("recording", sid, TWILIO, partial(self._erase_row, sid, there=True)) is not None

    # --- at Twilio

    def _transcripts_of(self, recordings: Iterable[RecordingSid]) -> Iterable[TranscriptSid]:
        """Whatever is noted, and whatever Twilio has made of these recordings, under whatever Service."""
        found = dict.fromkeys(self.tombstone.transcripts)
        for sid in recordings:
            some = self._try("transcripts", sid, TWILIO, partial(self._listed, sid))
            found |= dict.fromkeys(some or ())
        return found

    def _listed(self, sid: RecordingSid) -> list[TranscriptSid]:
        return [transcript.sid for transcript in self._ask().transcripts_of(sid)]

    def _delete_transcript(self, sid: TranscriptSid) -> bool:
        return self._ask().delete_transcript(sid)

    def _delete_recording(self, sid: RecordingSid, listed: Recording | None) -> bool:
        status = listed.status if listed else ""
        if status in UNFINISHED:
            raise TransientError(f"recording {sid} is {status}, and Twilio deletes only what is completed")
        try:
            return self._ask().delete_recording(sid)
        except PermanentError:
            # Of these there is nothing that was said; whether Twilio deletes them is not documented.
            if status in {"absent", "failed"}:
                return False
            raise

    def _end(self) -> datetime | None:
        """When the call was over; None while it lasts."""
        try:
            return self._ask().call(self.tombstone.call_sid).ended
        except NotFoundError:
            # Somebody has deleted Twilio's own record of it, as can be done only of one that is over.
            return self.tombstone.erased_at

    def _ask(self) -> Twilio:
        if datetime.now(UTC) >= self.until:
            raise TransientError("the time of this look was over")
        return self.twilio

    # --- what became of it

    def _erase(self, what: str, sid: str, where: str, erase: Callable[[], bool]) -> None:
        there = self._try(what, sid, where, erase)
        if there is not None:
            self._note(what, sid, where, there=there)

    def _try[T](self, what: str, sid: str, where: str, act: Callable[[], T]) -> T | None:
        try:
            return act()
        except CallscribeError as error:
            later = Copy(what=what, sid=sid, where=where, state=CopyState.LATER, reason=str(error))
            self.copies.append(later)
            return None

    def _note(self, what: str, sid: str, where: str, *, there: bool) -> None:
        state = CopyState.ERASED if there else CopyState.GONE
        self.copies.append(Copy(what=what, sid=sid, where=where, state=state))
