"""Asks Twilio for the transcript of a recording, once, however often the recording is reported.

Called by the `request_transcript` worker. Twilio's rule of one transcript for each recording is what makes a repetition
safe: before a second request the worker looks for the transcript of the first.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from callscribe.adapters.table import CallTable, Moved
from callscribe.adapters.twilio import Twilio
from callscribe.adapters.twilio_api import Odd
from callscribe.domain.call import Call
from callscribe.domain.errors import (
    CallscribeError,
    CredentialsError,
    NoCallError,
    NotFoundError,
    PermanentError,
    ServiceRefusedError,
    TransientError,
    UnreadableError,
)
from callscribe.domain.patience import Patience, Swept
from callscribe.domain.reconcile import is_begun_by_rest
from callscribe.domain.recording import MOVES, OVER_BUDGET, TRANSCRIBED_ELSEWHERE, UNKNOWN, Event, Recording, State
from callscribe.domain.retention import days_to_note, deletion_date
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, TranscriptSid
from callscribe.domain.sources import BY_REST, FROM_TWIML, OF_CONFERENCES, left_alone_as, waits_for_settings
from callscribe.domain.transcript import Participant, Transcript, named_participants


class ClaimedElsewhereError(TransientError):
    """Another worker is asking for this transcript right now."""


class Outcome(StrEnum):
    """What came of a reported recording."""

    SKIPPED = "skipped"
    FAILED = "failed"
    SETTLED_BEFORE = "settled before"
    REQUESTED = "requested"
    WAITS = "waits"
    ERASED = "erased"
    LEFT_ALONE = "left alone"


REPAIRS = frozenset({Outcome.SKIPPED, Outcome.FAILED, Outcome.REQUESTED})
"""What is a repair where it came of the sweep."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a recording, and why: for one that there will be no transcript of, as its row says.

    `minutes` were newly asked for. `budget_used` is how much of the day's is used by then, in per cent, where there is
    a budget and it was asked. `participants_refused` is why Twilio refused the participants, if it was asked without
    them after that. `left_alone_as` is the word for what made a recording that nobody asked us for. `service_refused`:
    the recording waits until Twilio takes the Service of its number.
    """

    outcome: Outcome
    reason: str | None = None
    recording_sid: RecordingSid | None = None
    minutes: int | None = None
    budget_used: float | None = None
    participants_refused: str | None = None
    left_alone_as: str | None = None
    service_refused: bool = False

    @property
    def report(self) -> dict[str, Any]:
        """The arguments of `edge.reports.report_recording`."""
        return {
            "sid": self.recording_sid,
            "outcome": self.outcome,
            "reason": self.reason,
            "participants_refused": self.participants_refused,
            "measures": self.measures,
        }

    @property
    def measures(self) -> dict[str, Any]:
        """What metrics tell of it."""
        return {
            "requested": self.outcome is Outcome.REQUESTED,
            "failed": self.outcome is Outcome.FAILED,
            "reason": self.reason if self.outcome in {Outcome.SKIPPED, Outcome.FAILED} else None,
            "minutes": self.minutes,
            "budget_used": self.budget_used,
            "left_alone_as": self.left_alone_as,
            "service_refused": self.service_refused,
        }


def request_transcript(
    reported: Recording,
    *,
    reported_at: datetime,
    table: CallTable,
    twilio: Twilio,
    settings: Settings,
    patience: Patience,
    deadline: datetime,
    odd: Odd,
    swept: Swept | None = None,
    from_before: bool = False,
) -> list[Settled]:
    """Settle what the reported recording is worth, and ask for its transcript.

    A recording that does not exist is stood in for by the one that <Record> made of the same call. Of a call that was
    erased nothing is asked for and nothing written. A recording whose Service Twilio refuses waits in its row, where
    the sweep finds it.

    Parameters:
        reported: the recording as the callback tells of it; only where Twilio has none is that believed.
        reported_at: when the callback came.
        deadline: when this worker stops whether it is done or not; its claim lasts as long.
        odd: is told what a list of Twilio's holds that cannot be read, and that does not cost the call.
        swept: what the sweep says, where it has reported the recording.
        from_before: whether the recording may be older than what the table knows. For such recordings, and for those
            that the sweep reports, the worker looks for a transcript before it requests the first one.

    Raises:
        ClaimedElsewhereError: the message must come back later; it may not be acknowledged.
        TransientError: likewise. Neither is raised of a recording that is due, and still unsettled: the sweep reports
            it again.
    """
    # First of all: the call may be gone at Twilio as well.
    if table.is_erased(reported.call_sid):
        return [Settled(Outcome.ERASED, recording_sid=reported.sid)]
    due_since = swept.unsettled_since if swept else None
    if due_since and (reason := table.look_at(reported.call_sid, reported.sid, due_since, patience, settings)):
        return [Settled(Outcome.FAILED, reason, reported.sid)]
    try:
        return _request(reported, reported_at, table, twilio, settings, patience, deadline, odd, swept, from_before)
    except Exception as error:
        # Messages of one number's wrong Service must not circle: they would slow the recordings of all other numbers.
        if due_since is None and not isinstance(error, ServiceRefusedError):
            raise
        if isinstance(error, ClaimedElsewhereError):
            # Not given up, however old it is: the other worker may be paying for it, and its claim is due by itself.
            return [Settled(Outcome.WAITS, str(error), reported.sid)]
        left = _leave(reported, error, due_since, table, patience, settings)
        if not isinstance(error, CallscribeError):
            raise
        return [left]


def _leave(
    recording: Recording,
    error: Exception,
    due_since: datetime | None,
    table: CallTable,
    patience: Patience,
    settings: Settings,
) -> Settled:
    """Leave an unsettled recording to the sweep, or give it up for its age.

    Raises:
        error: the recording is settled meanwhile.
    """
    # Only the sweep knows the age of a recording: the message of a backfill may be older than its row.
    since = due_since or datetime.now(UTC)
    if reason := table.leave(recording.call_sid, recording.sid, error, since, patience, settings):
        return Settled(Outcome.FAILED, reason, recording.sid)
    refused = isinstance(error, ServiceRefusedError)
    return Settled(Outcome.WAITS, str(error), recording.sid, service_refused=refused)


def call_of_recording(
    sid: RecordingSid, source: str, *, reported_at: datetime, twilio: Twilio, patience: Patience
) -> CallSid | Settled:
    """Find the call of a recording whose callback names none; what has none is left alone.

    Raises:
        TransientError: the message must come back later.
    """
    if source in OF_CONFERENCES:
        return _left_alone(sid, "conference")
    try:
        return twilio.recording(sid).call_sid
    except NoCallError:
        # Only conferences have recordings of no call.
        return _left_alone(sid, "conference")
    except NotFoundError as error:
        if datetime.now(UTC) - reported_at < patience.known_everywhere:
            raise TransientError(f"{error}: it may not be known everywhere at Twilio yet") from error
        return _left_alone(sid, "other")


def _left_alone(sid: RecordingSid, counts_as: str) -> Settled:
    return Settled(Outcome.LEFT_ALONE, f"nobody asked for it: {counts_as}", sid, left_alone_as=counts_as)


def note_ended_call(call_sid: CallSid, *, table: CallTable, twilio: Twilio) -> bool:
    """Write a call whose status callback was lost; whether it was written, and not erased before.

    Raises:
        NotFoundError: Twilio has no such call.
        TransientError: the message must come back later.
    """
    return not table.is_erased(call_sid) and table.put_call(twilio.call(call_sid), repaired=True)


def _request(
    reported: Recording,
    reported_at: datetime,
    table: CallTable,
    twilio: Twilio,
    settings: Settings,
    patience: Patience,
    deadline: datetime,
    odd: Odd,
    swept: Swept | None,
    from_before: bool,  # noqa: FBT001 (as its caller's)
) -> list[Settled]:
    if reported.source in OF_CONFERENCES and not _is_known(reported, table):
        return [_left_alone(reported.sid, "conference")]
    _check_held_refusals(reported, table, twilio, settings, odd)
    recording = _as_twilio_has_it(reported, reported_at, twilio, patience)
    call = table.with_noted_parties(twilio.call(recording.call_sid))
    counts_as = left_alone_as({reported.source, recording.source}, call, settings.numbers.keys())
    # What has a row was ours when it was written, whatever has become of the settings.
    if (
        counts_as
        and not _is_known(recording, table)
        and not _may_be_answered_here(call, counts_as, settings, twilio, odd)
    ):
        return [_left_alone(recording.sid, counts_as)]
    if _is_begun_by_rest(reported, recording, twilio) and not _is_known(recording, table):
        return [_left_alone(recording.sid, "api")]
    # A call that was answered here waits until the settings hold its number.
    service_sid = settings.for_number(call.to).service_sid
    request = _Request(
        table=table,
        twilio=twilio,
        call=call,
        service_sid=service_sid,
        settings=settings,
        patience=patience,
        deadline=deadline,
        odd=odd,
        due_since=swept.unsettled_since if swept else None,
        repaired=swept is not None,
        looks_first=swept is not None or from_before,
    )
    if not table.put_call(call):
        return [Settled(Outcome.ERASED, recording_sid=reported.sid)]
    settled = [request.settle(recording)]
    if recording.status in {"absent", "failed"} and not recording.made_by_dial:
        stand_ins = [one for one in twilio.recordings_of(call.sid, odd) if one.made_by_record]
        if not stand_ins and datetime.now(UTC) - reported_at < patience.known_everywhere:
            raise TransientError(f"call {call.sid} may have a second recording that Twilio does not list yet")
        settled += [request.settle(one) for one in stand_ins]
    return settled


def _check_held_refusals(reported: Recording, table: CallTable, twilio: Twilio, settings: Settings, odd: Odd) -> None:
    """Check, before Twilio is asked for a waiting recording, whether Twilio has just refused the Service of its number.

    Raises:
        ServiceRefusedError: Twilio has, and the recording has no transcript that an earlier try may have paid for.
    """
    refused = {sid for sid in settings.service_sids if twilio.held_refusal(sid)}
    if not refused or reported.status in {"absent", "failed"}:
        return
    row = table.recording_row(reported.call_sid, reported.sid)
    if row.get("state") not in {State.RECEIVED, State.REQUESTING}:
        return
    call = table.noted_call(reported.call_sid)
    if call is None or call.to not in settings.numbers:
        return
    refusal = twilio.held_refusal(settings.for_number(call.to).service_sid)
    if refusal and not (row.get("attempts") and twilio.transcripts_of(reported.sid, odd)):
        raise ServiceRefusedError(refusal)


def _is_known(recording: Recording, table: CallTable) -> bool:
    return bool(table.recording_row(recording.call_sid, recording.sid))


def _is_begun_by_rest(reported: Recording, recording: Recording, twilio: Twilio) -> bool:
    """Whether somebody else began a recording of our call by REST; not if Twilio's list of recordings is unreadable."""
    sources = {reported.source, recording.source}
    # Only such a recording costs a request.
    if BY_REST not in sources or FROM_TWIML & sources:
        return False
    with suppress(PermanentError, UnreadableError):
        return is_begun_by_rest(sources, twilio.recordings_of(recording.call_sid, lambda _: None))
    return False


def _may_be_answered_here(call: Call, counts_as: str, settings: Settings, twilio: Twilio, odd: Odd) -> bool:
    """Whether a recording that counts as begun by REST may be that of our static answer to a number without settings.

    <Start><Recording> may have the same source; our answer has a <Record> beside it.
    """
    if counts_as != "api" or not waits_for_settings(call, settings.numbers.keys()):
        return False
    return any(recording.made_by_record for recording in twilio.recordings_of(call.sid, odd))


def _as_twilio_has_it(reported: Recording, reported_at: datetime, twilio: Twilio, patience: Patience) -> Recording:
    # That Twilio's REST API knows recordings that came to nothing is not documented.
    if reported.status in {"absent", "failed"}:
        return reported
    try:
        recording = twilio.recording(reported.sid, lambda: reported)
    except NotFoundError as error:
        if datetime.now(UTC) - reported_at < patience.known_everywhere:
            raise TransientError(f"{error}: it may not be known everywhere at Twilio yet") from error
        return replace(reported, status="deleted")
    if recording.status == UNKNOWN:
        raise UnreadableError(f"reading recording {reported.sid}: neither Twilio nor the callback has a status")
    return recording


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """Settles the recordings of one call.

    `looks_first`: whether a transcript may exist that the table knows nothing of.
    """

    table: CallTable
    twilio: Twilio
    call: Call
    service_sid: ServiceSid
    settings: Settings
    patience: Patience
    deadline: datetime
    odd: Odd
    due_since: datetime | None
    repaired: bool
    looks_first: bool

    @property
    def daily_minutes(self) -> int | None:
        return self.settings.daily_minutes

    def settle(self, recording: Recording) -> Settled:
        """Settle one recording; one whose Service Twilio refuses is left to the sweep, and the others go on."""
        try:
            return self._settle(recording)
        except ServiceRefusedError as error:
            return _leave(recording, error, self.due_since, self.table, self.patience, self.settings)

    def _settle(self, recording: Recording) -> Settled:
        if reason := recording.not_worth_transcribing():
            return self._settled(Outcome.SKIPPED, Event.NOT_WORTH_IT, recording, reason)
        heard = self._move(Event.HEARD_OF, recording, due_at=self._later(), **recording.about())
        if recording.unfinished:
            raise TransientError(f"recording {recording.sid} of call {self.call.sid} is not finished at Twilio yet")
        if recording.status != "completed" and heard.state is State.TRANSCRIBING:
            # Twilio may have taken what it needs before.
            return Settled(Outcome.SETTLED_BEFORE, recording_sid=recording.sid)
        if recording.status != "completed":
            return self._settled(Outcome.FAILED, Event.GIVEN_UP, recording, f"recording_{recording.status}")
        resumed = heard.state is State.SKIPPED and self._move(Event.RESUMED, recording, due_at=self._later()).happened
        if resumed or (heard.state is State.RECEIVED and not heard.attempts):
            # Before the claim, which notes the day of the budget: a later try counts no minutes again.
            self._check_service()
        return self._claim_and_ask(recording, heard)

    def _claim_and_ask(self, recording: Recording, heard: Moved) -> Settled:
        counted_on = heard.counted_on or (None if self.daily_minutes is None else datetime.now(UTC).date())
        noted = {"counted_on": counted_on.isoformat()} if counted_on else {}
        claim = self._move(Event.CLAIMED, recording, due_at=self.deadline, **noted)
        if not claim.happened:
            if claim.state is State.REQUESTING:
                raise ClaimedElsewhereError(f"recording {recording.sid} of call {self.call.sid} is being requested")
            return Settled(Outcome.SETTLED_BEFORE, recording_sid=recording.sid)
        # A live message of a new recording costs no such request.
        if (claim.attempts > 1 or self.looks_first) and (found := self._transcript_of(recording)):
            return self._adopt(recording, found, heard.counted_on)
        # An earlier try may have been paid for, so its minutes stay counted, and are not counted again.
        if heard.counted_on or counted_on is None or self.daily_minutes is None:
            return self._ask(recording, counted_on)
        counted = self.table.take_minutes(recording.minutes, counted_on, self.daily_minutes)
        if counted is None:
            settled = self._settled(Outcome.SKIPPED, Event.OVER_BUDGET, recording, OVER_BUDGET)
            return replace(settled, budget_used=100)
        return replace(self._ask(recording, counted_on), budget_used=100 * counted / self.daily_minutes)

    def _ask(self, recording: Recording, counted_on: date | None) -> Settled:
        participants = self._participants(recording)
        created = self._create(recording, participants)
        refusal = None
        if participants and isinstance(created, PermanentError | CredentialsError):
            # Whatever the refusal says, it may be about the participants. Our own table keeps the roles: a label never
            # costs a call.
            refusal = created.reason if isinstance(created, PermanentError) else "credentials"
            created = self._create(recording, ())
        if isinstance(created, Transcript):
            return self._adopt(recording, created, counted_on)
        if isinstance(created, CredentialsError):
            if created.forbidden:
                raise self._service_refused(created, recording) from created
            raise created
        if isinstance(created, PermanentError):
            return self._refused(recording, counted_on, created)
        noted = {"transcript": created, "service_sid": self.service_sid}
        self._move(Event.TRANSCRIPT_CREATED, recording, due_at=self._later(), **noted)
        settled = Settled(Outcome.REQUESTED, recording_sid=recording.sid, minutes=recording.minutes)
        return replace(settled, participants_refused=refusal)

    def _participants(self, recording: Recording) -> tuple[Participant, ...]:
        """Find out whom Twilio can be told of; nobody, if Twilio refuses to list the legs of the call."""
        try:
            return named_participants(recording, self.twilio.participants(self.call, recording))
        except PermanentError:
            return ()

    def _create(
        self, recording: Recording, participants: Sequence[Participant]
    ) -> TranscriptSid | Transcript | PermanentError | CredentialsError:
        """Create the transcript; if Twilio refuses, find the one that exists already, or return the refusal."""
        try:
            return self.twilio.create_transcript(recording, self.service_sid, participants)
        except CredentialsError as error:
            return error
        except PermanentError as error:
            # What Twilio answers to a second request is not documented, so any refusal may be that.
            return self._transcript_of(recording) or error

    def _transcript_of(self, recording: Recording) -> Transcript | None:
        """Find the transcript that a recording already has, under any Service; one of ours where there are more."""
        transcripts = self.twilio.transcripts_of(recording.sid, self.odd)
        return max(
            transcripts, key=lambda found: (self._is_under_our_service(found), self._is_ours(found)), default=None
        )

    def _is_under_our_service(self, transcript: Transcript) -> bool:
        return transcript.service_sid in self.settings.service_sids

    def _is_ours(self, transcript: Transcript) -> bool:
        """Whether it is under a Service of the settings, or was when we requested it.

        The number's Service may have been changed since: our own requests have the call for a customer key.
        """
        return self._is_under_our_service(transcript) or transcript.call_sid == self.call.sid

    def _adopt(self, recording: Recording, found: Transcript, counted_on: date | None) -> Settled:
        """Continue with the transcript that an earlier try, or somebody else under a Service of ours, has requested.

        A transcript of somebody else's Service is left alone: nobody knows what that Service redacts. Twilio makes no
        second one, so that a person has to decide.
        """
        if not self._is_ours(found) and not self._is_noted(found, recording):
            return self._given_up(recording, counted_on, TRANSCRIBED_ELSEWHERE)
        noted = {"transcript": found.sid, "service_sid": found.service_sid}
        if found.failed:
            reason = f"transcript_{found.status}"
            return self._settled(Outcome.FAILED, Event.TRANSCRIPT_FAILED, recording, reason, **noted)
        # The webhook of one that has ended may have been sent long ago: the next sweep takes it.
        due_at = datetime.now(UTC) if found.ended else self._later()
        self._move(Event.TRANSCRIPT_CREATED, recording, due_at=due_at, **noted)
        return Settled(Outcome.REQUESTED, recording_sid=recording.sid)

    def _is_noted(self, transcript: Transcript, recording: Recording) -> bool:
        row = self.table.recording_row(self.call.sid, recording.sid)
        return row.get("transcript") == transcript.sid

    def _later(self) -> datetime:
        return datetime.now(UTC) + self.patience.look_again

    def _refused(self, recording: Recording, counted_on: date | None, error: PermanentError) -> Settled:
        if _is_about_the_service(error):
            # The settings can be fixed.
            raise self._service_refused(error, recording) from error
        return self._given_up(recording, counted_on, error.reason)

    def _service_refused(self, error: PermanentError | CredentialsError, recording: Recording) -> ServiceRefusedError:
        """Leave the recording to the sweep; hold the refusal, so that no other recording asks, if it is the Service's.

        It is held until the recording is looked at again.
        """
        kind = error.reason if isinstance(error, PermanentError) else "forbidden"
        if not self._is_refused_to_all(kind):
            return ServiceRefusedError(
                f"Twilio refuses to transcribe recording {recording.sid} ({kind}), although its Intelligence Service "
                f"{self.service_sid} can be read: check the number's service_sid in the settings, and that the API key "
                "may create transcripts. The recording is tried again by itself"
            )
        # Without the error's own words: they name one recording, and this is said of every recording of the number.
        refusal = (
            f"Twilio refuses the Intelligence Service {self.service_sid} ({kind}): check the number's service_sid in "
            "the settings, and that the API key may use the Service. The recording is tried again by itself"
        )
        self.twilio.hold_refusal(self.service_sid, refusal, self.patience.look_again)
        return ServiceRefusedError(refusal)

    def _is_refused_to_all(self, kind: str) -> bool:
        """Whether Twilio refuses the Service itself, and so every recording of every number that has it."""
        if kind == "twilio_1302":
            return True
        try:
            # Twilio documents neither a 403 nor a 404: either may be about this one recording.
            self.twilio.service(self.service_sid, as_of=datetime.now(UTC))
        except (PermanentError, CredentialsError):
            return True
        except CallscribeError:
            return False
        return False

    def _check_service(self) -> None:
        if refusal := self.twilio.held_refusal(self.service_sid):
            raise ServiceRefusedError(refusal)

    def _given_up(self, recording: Recording, counted_on: date | None, reason: str) -> Settled:
        settled = self._settled(Outcome.FAILED, Event.GIVEN_UP, recording, reason)
        # After the move, which happens once: the minutes of other recordings must not be given back with a repetition.
        if settled.outcome is Outcome.FAILED and counted_on:
            self.table.give_back_minutes(recording.minutes, counted_on)
        return settled

    def _settled(self, outcome: Outcome, event: Event, recording: Recording, reason: str, **changes: Any) -> Settled:
        days = self.settings.recording_retention_days
        at = deletion_date(days, recording, MOVES[event].to, reason, datetime.now(UTC))
        move = self._move(event, recording, reason=reason, delete_at=at, **recording.about(), **changes)
        if not move.happened:
            return Settled(Outcome.SETTLED_BEFORE, recording_sid=recording.sid)
        return Settled(outcome, reason, recording.sid)

    def _move(self, event: Event, recording: Recording, **changes: Any) -> Moved:
        # The settings hold the number now, and may not when the recording is settled.
        noted = days_to_note(self.call.to, self.settings)
        return self.table.move(event, self.call, recording.sid, repaired=self.repaired, **noted, **changes)


def _is_about_the_service(error: PermanentError) -> bool:
    """Whether a refusal to create a transcript is about its Service.

    What is created cannot be missing, so a 404 is about the Service; 1302 says that a Service SID is invalid.
    """
    return isinstance(error, NotFoundError) or error.reason == "twilio_1302"
