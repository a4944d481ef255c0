"""Stores what Conversational Intelligence made of a call. Called by the `store_insights` worker.

The webhook is a hint: everything is read from Twilio. Sentences are written first, operator results next, the move to
`stored` last: a recording that is `stored` has all its insights, whenever a worker was killed before.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from callscribe.adapters.event_bus import EventBus
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.adapters.twilio_api import Odd
from callscribe.domain.call import Call
from callscribe.domain.errors import (
    CallscribeError,
    CredentialsError,
    NoCallError,
    NotFoundError,
    PermanentError,
    TransientError,
    UnreadableError,
)
from callscribe.domain.patience import GAVE_UP, Patience, Swept
from callscribe.domain.recording import SPARE, TRANSCRIPT_UNREADABLE, Event, Recording, State
from callscribe.domain.retention import days_at_twilio, days_to_note, deletion_date, is_of_our_number
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, TranscriptSid
from callscribe.domain.transcript import Configuration, Insights, Sentence, Transcript, made_by, missing_operators


class Outcome(StrEnum):
    """What came of a reported transcript."""

    NOT_OURS = "not ours"
    FAILED = "failed"
    STORED = "stored"
    REPAIRED = "repaired"
    GONE = "gone"
    GAVE_UP = "gave up"
    WAITS = "waits"
    ERASED = "erased"


REPAIRS = frozenset({Outcome.FAILED, Outcome.REPAIRED, Outcome.GONE})
"""What is a repair where it came of the sweep."""

ENCRYPTED = "transcript_encrypted"
"""Why a recording has failed whose transcript Twilio encrypts."""

FROM_BEFORE = timedelta(days=1)
"""How long after it was over a call is no longer one of today: it tells nothing of how soon those are stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of a transcript, and of which recording, as far as that is known.

    `reason` is why a recording has failed, `waits_for` why it waits for the next sweep. `newly_stored`: it had not been
    stored before. `seconds` have passed since the call was over; None of a call from before.
    """

    outcome: Outcome
    call_sid: CallSid | None = None
    recording_sid: RecordingSid | None = None
    reason: str | None = None
    waits_for: str | None = None
    newly_stored: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where insights go. `unredacted` is None where what Twilio redacts is not kept."""

    table: CallTable
    unredacted: CallTable | None
    event_bus: EventBus


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What tells that a transcript is ready.

    `call_sid` is the call that it is of, where that is told. `reported_at` is since when it is known. `swept` is what
    the sweep says, where it has sent the report. `encrypted`: the webhook tells that Twilio encrypts the texts.
    """

    transcript_sid: TranscriptSid
    call_sid: CallSid | None
    reported_at: datetime
    swept: Swept | None = None
    encrypted: bool = False


def store_insights(
    report: Report, *, stores: Stores, twilio: Twilio, settings: Settings, patience: Patience, odd: Odd
) -> Settled:
    """Store the transcript if it is completed and under one of our Services, or the reason why there is none.

    Of a call that was erased nothing is stored, and nothing announced. A sentence or a result that is no object is left
    out and told to `odd`.

    Raises:
        NotFoundError: Twilio no longer has the transcript, and no row waits for it; or not its call.
        UnreadableError: nothing tells which recording the transcript is of, or an answer is of another shape.
        TransientError: the message must come back later. None of them is raised of a recording that is due, and still
            unsettled: the sweep reports it again.
    """
    # First of all: the transcript is most likely gone.
    if report.call_sid and stores.table.is_erased(report.call_sid):
        return Settled(outcome=Outcome.ERASED, call_sid=report.call_sid)
    due_since = report.swept.unsettled_since if report.swept else None
    noted = _noted(report.transcript_sid, report.call_sid, stores.table) if due_since else None
    if not noted or not due_since:
        return _settle(report, stores, twilio, settings, patience, odd)
    if reason := stores.table.look_at(noted.call_sid, noted.sid, due_since, patience, settings):
        return _settled(Outcome.GAVE_UP, noted, reason)
    try:
        return _settle(report, stores, twilio, settings, patience, odd)
    except Exception as error:
        reason = stores.table.leave(noted.call_sid, noted.sid, error, due_since, patience, settings)
        if not isinstance(error, CallscribeError):
            raise
        if reason == GAVE_UP:
            return _settled(Outcome.GAVE_UP, noted, reason)
        if reason is None:
            return replace(_settled(Outcome.WAITS, noted), waits_for=str(error))
        return _settled(Outcome.FAILED, noted, reason)


def _settled(outcome: Outcome, recording: Recording, reason: str | None = None) -> Settled:
    return Settled(outcome=outcome, call_sid=recording.call_sid, recording_sid=recording.sid, reason=reason)


def _settle(
    report: Report, stores: Stores, twilio: Twilio, settings: Settings, patience: Patience, odd: Odd
) -> Settled:
    try:
        return _settle_call(report, stores, twilio, settings, patience, odd)
    except NoCallError:
        # Somebody has a conference transcribed under a Service of ours.
        return Settled(outcome=Outcome.NOT_OURS)


def _settle_call(
    report: Report, stores: Stores, twilio: Twilio, settings: Settings, patience: Patience, odd: Odd
) -> Settled:
    try:
        transcript = twilio.transcript(report.transcript_sid, lambda key: _noted_service(report, key, stores.table))
    except NotFoundError as error:
        return _gone(report, error, stores.table, settings, patience)
    if not _is_ours(transcript, report, stores.table, settings):
        return Settled(outcome=Outcome.NOT_OURS, call_sid=transcript.call_sid)
    if not transcript.ended:
        # Nothing else may ever tell that it has: no retry of this webhook is documented.
        raise TransientError(f"transcript {transcript.sid} is {transcript.status}, and not completed yet")
    recording = _recording_of(transcript, report, stores.table, twilio)
    call = stores.table.with_noted_parties(twilio.call(recording.call_sid))
    if not stores.table.put_call(call):
        return _settled(Outcome.ERASED, recording)
    # Read only if it is needed: the settings decide if they hold the number.
    row = {} if call.to in settings.numbers else stores.table.recording_row(call.sid, recording.sid)
    may_come = datetime.now(UTC) - (transcript.updated or report.reported_at) < patience.results
    insights = _insights(transcript, recording, call, twilio, odd, may_come=may_come, encrypted=report.encrypted)
    if not isinstance(insights, Insights):
        # An encrypted or unreadable transcript that is stored would look like a call without a word.
        repaired = report.swept is not None
        return _fail(transcript, recording, call, stores.table, settings, row, patience, insights, repaired=repaired)
    if insights.missing_operators and may_come:
        raise TransientError(
            f"transcript {transcript.sid} has no result yet of {', '.join(insights.missing_operators)}"
        )
    # Recordings belong to the whole account: those of other numbers' calls are not ours to delete.
    deletes = is_of_our_number(call.to, settings, row) and recording.may_be_ours
    repaired = report.swept is not None and not _is_stored(transcript, recording, stores.table)
    stored_before = _store(insights, recording, call, stores, twilio, settings, row, odd, repaired=repaired)
    # Only now: until the recording in two channels is stored, this one may have to stand in for it.
    # <Dial>'s recording has none: what <Record> made beside it is a message left later.
    if deletes and recording.of_message:
        _delete_spare_recordings(call, stores.table, twilio, odd)
    settled = _settled(Outcome.REPAIRED if repaired else Outcome.STORED, recording)
    return settled if stored_before else replace(settled, newly_stored=True, seconds=_seconds_since(call))


def _seconds_since(call: Call) -> float | None:
    passed = datetime.now(UTC) - call.ended if call.ended else None
    # Twilio's clock may be ahead of ours.
    return max(passed.total_seconds(), 0) if passed is not None and passed < FROM_BEFORE else None


def _is_stored(transcript: Transcript, recording: Recording, table: CallTable) -> bool:
    """Whether it is so already: somebody else may have told meanwhile."""
    row = table.knows(recording.call_sid).get(recording.sid, {})
    return (row.get("state"), row.get("transcript")) == (State.STORED, transcript.sid)


def _gone(report: Report, error: NotFoundError, table: CallTable, settings: Settings, patience: Patience) -> Settled:
    """Let the recording that waits for the transcript be transcribed anew, a few times."""
    noted = _noted(report.transcript_sid, report.call_sid, table)
    if noted is None:
        if report.call_sid and table.knows(report.call_sid):
            # The call's recordings wait for another transcript by now, or for none.
            return Settled(outcome=Outcome.GONE, call_sid=report.call_sid)
        raise error
    now = datetime.now(UTC)
    if now - report.reported_at < patience.known_everywhere:
        raise TransientError(f"{error}: it may not be known everywhere at Twilio yet") from error
    # Due at once: the next sweep asks for another.
    move = table.move(Event.TRANSCRIPT_GONE, noted.call_sid, noted.sid, due_at=now)
    reason = None
    if not move.happened and move.state is State.TRANSCRIBING:
        given_up = table.give_up(noted.call_sid, noted.sid, "transcript_gone", settings)
        reason = "transcript_gone" if given_up.happened else None
    return _settled(Outcome.GONE, noted, reason)


def _is_ours(transcript: Transcript, report: Report, table: CallTable, settings: Settings) -> bool:
    """Whether it is under one of our Services, or was when we requested or adopted it."""
    if transcript.service_sid in settings.service_sids:
        return True
    return _noted_anywhere(transcript, report, table) is not None


def _fail(
    transcript: Transcript,
    recording: Recording,
    call: Call,
    table: CallTable,
    settings: Settings,
    row: Mapping[str, Any],
    patience: Patience,
    reason: str,
    *,
    repaired: bool,
) -> Settled:
    # The webhook may have overtaken the callback, and a recording nobody has heard of cannot fail.
    now = datetime.now(UTC)
    table.move(Event.HEARD_OF, call, recording.sid, due_at=now + patience.look_again, **recording.about())
    move = table.move(
        Event.TRANSCRIPT_FAILED,
        call,
        recording.sid,
        reason=reason,
        transcript=transcript.sid,
        service_sid=transcript.service_sid,
        delete_at=deletion_date(days_at_twilio(call.to, settings, row), recording, State.FAILED, reason, now),
        repaired=repaired,
        **days_to_note(call.to, settings),
    )
    return _settled(Outcome.FAILED, recording, reason if move.happened else None)


def _store(
    insights: Insights,
    recording: Recording,
    call: Call,
    stores: Stores,
    twilio: Twilio,
    settings: Settings,
    row: Mapping[str, Any],
    odd: Odd,
    *,
    repaired: bool,
) -> bool:
    """Store all of it; whether it was stored before."""
    transcript = insights.transcript
    if transcript.redaction and stores.unredacted:
        stores.unredacted.put_insights(_unredacted(insights, twilio, odd), call)
    stores.table.put_insights(insights, call)
    # Before the move: a worker killed between the two announces the call twice, never not at all.
    stores.event_bus.call_stored(insights)
    days = days_at_twilio(call.to, settings, row)
    move = stores.table.move(
        Event.TRANSCRIPT_STORED,
        call,
        recording.sid,
        transcript=transcript.sid,
        service_sid=transcript.service_sid,
        delete_at=deletion_date(days, recording, State.STORED, None, datetime.now(UTC)),
        repaired=repaired,
        **days_to_note(call.to, settings),
        **recording.about(),
    )
    return move.stored_before


def _insights(
    transcript: Transcript,
    recording: Recording,
    call: Call,
    twilio: Twilio,
    odd: Odd,
    *,
    may_come: bool,
    encrypted: bool,
) -> Insights | str:
    """Read all of a transcript, or return the reason why the recording fails.

    Args:
        may_come: what is not there yet may still come.
        encrypted: the webhook tells that the texts are encrypted. The transcript or its Service may tell it as well.

    Raises:
        TransientError: no sentence has a text yet, and Twilio may still explain why.
    """
    if transcript.failed:
        return f"transcript_{transcript.status}"
    if encrypted or transcript.encrypted:
        return ENCRYPTED
    as_of = transcript.created
    service = _worth_no_call(lambda: twilio.service(transcript.service_sid, as_of), may_come=may_come)
    if service and service.encrypts and service.was_in_force(transcript):
        return ENCRYPTED
    texts = _texts(transcript, service, twilio, odd, may_come=may_come)
    if isinstance(texts, str):
        return texts
    results, sentences = texts
    operators = _worth_no_call(lambda: twilio.operators(as_of), may_come=may_come) if results else None
    return Insights(
        call_sid=call.sid,
        recording_sid=recording.sid,
        transcript=transcript,
        participants=twilio.participants(call, recording),
        sentences=sentences,
        results=[made_by(result, transcript, service, operators or {}) for result in results],
        missing_operators=missing_operators(results, transcript, service),
    )


def _texts(
    transcript: Transcript, service: Configuration | None, twilio: Twilio, odd: Odd, *, may_come: bool
) -> tuple[list[dict[str, Any]], list[Sentence]] | str:
    """Read the operator results and the sentences, or return the reason why nobody can read them."""
    try:
        with _whole_lists(transcript):
            results = twilio.operator_results(transcript.sid, odd, redacted=True)
            sentences = twilio.sentences(transcript.sid, odd, redacted=True)
    except PermanentError as error:
        if service and service.encrypts:
            return ENCRYPTED
        if error.reason != TRANSCRIPT_UNREADABLE:
            raise
        reason = TRANSCRIPT_UNREADABLE
    else:
        has_text = any(sentence.text for sentence in sentences)
        unless_silent = None if has_text else _unless_silent(transcript, service, twilio)
        if unless_silent is None:
            return results, sentences
        reason = unless_silent
    if reason == TRANSCRIPT_UNREADABLE and may_come:
        raise TransientError(f"transcript {transcript.sid} has no text yet that can be read")
    return reason


@contextmanager
def _whole_lists(transcript: Transcript) -> Iterator[None]:
    """Say what to do if a list of a transcript cannot be read to its end.

    Raises:
        UnreadableError: a list inside is odd. A part of it is never stored as the whole.
    """
    try:
        yield
    except UnreadableError as error:
        raise UnreadableError(
            f"{error}. Transcript {transcript.sid} was not stored. Once Twilio lists all of it, "
            "redrive its message if that is in the dead letters; the sweep sends the message of a recording that is due"
        ) from error


def _unless_silent(transcript: Transcript, service: Configuration | None, twilio: Twilio) -> str | None:
    """Return the reason why a transcript without a text may be of no silent call; None if the call was silent.

    Raises:
        TransientError: Twilio is in trouble. The call must not fail for that, so the message waits.
    """
    try:
        service = service or twilio.service(transcript.service_sid, transcript.created)
    except (CredentialsError, PermanentError, UnreadableError):
        return TRANSCRIPT_UNREADABLE
    # The Service may have been changed since the transcript was made.
    return ENCRYPTED if service.encrypts else None


def _worth_no_call[T](ask: Callable[[], T], *, may_come: bool) -> T | None:
    """Ask for what the operator results were made with; None where Twilio does not tell: no call depends on it.

    While results may still come, the message waits for an answer as it does for them: a Service that is not known
    cannot say which results are missing. That is a minute, unless the stack says otherwise.
    """
    try:
        return ask()
    except (CredentialsError, PermanentError, UnreadableError):
        return None
    except TransientError:
        if may_come:
            raise
        return None


def _unredacted(insights: Insights, twilio: Twilio, odd: Odd) -> Insights:
    sid = insights.transcript.sid
    origins = {str(result.get("operator_sid")): result["made_by"] for result in insights.results}
    with _whole_lists(insights.transcript):
        results = twilio.operator_results(sid, odd, redacted=False)
        sentences = twilio.sentences(sid, odd, redacted=False)
    return insights.model_copy(
        update={
            "sentences": sentences,
            "results": [{**result, "made_by": origins.get(str(result.get("operator_sid")))} for result in results],
        }
    )


def _delete_spare_recordings(call: Call, table: CallTable, twilio: Twilio, odd: Odd) -> None:
    """Delete what <Record> has recorded in one channel beside the recording in two.

    What Twilio does not delete now, `delete_recordings` goes on trying to: the call is stored, and need not wait.
    """
    spares = [
        one
        for one in twilio.recordings_of(call.sid, odd)
        if one.made_by_record and (one.unfinished or one.status == "completed")
    ]
    # One that has a row was reported by itself, and is transcribed.
    known = table.knows(call.sid) if spares else {}
    for spare in spares:
        if spare.sid not in known and not _is_deleted(spare, twilio):
            now = datetime.now(UTC)
            table.move(Event.NOT_WORTH_IT, call, spare.sid, reason=SPARE, delete_at=now, **spare.about())


def _is_deleted(recording: Recording, twilio: Twilio) -> bool:
    if recording.unfinished:
        # Only completed recordings can be deleted (Twilio docs, Recordings).
        return False
    try:
        twilio.delete_recording(recording.sid)
    except (PermanentError, TransientError):
        return False
    return True


def _recording_of(transcript: Transcript, report: Report, table: CallTable, twilio: Twilio) -> Recording:
    """Find the recording of a transcript at Twilio; use its row if Twilio has deleted it.

    Whatever Twilio's answer lacks comes from the row. Without a row, the customer key or the report names the call.
    """
    noted = None if transcript.source_sid else _noted_anywhere(transcript, report, table)
    sid = transcript.source_sid or (noted.sid if noted else None)
    if sid is None:
        if transcript.call_sid is None:
            raise UnreadableError(f"transcript {transcript.sid} has neither a source nor a call for a customer key")
        raise TransientError(f"transcript {transcript.sid} came before its creation was noted")

    def known() -> Recording | None:
        if row := noted or _noted_anywhere(transcript, report, table):
            return row
        call_sid = transcript.call_sid or report.call_sid
        return Recording.named(sid, call_sid) if call_sid else None

    try:
        return twilio.recording(sid, known)
    except NotFoundError:
        if noted := noted or _noted_anywhere(transcript, report, table):
            return noted
        raise


def _noted(transcript_sid: TranscriptSid, call_sid: CallSid | None, table: CallTable) -> Recording | None:
    """The recording of a transcript, from the row that noted its creation."""
    return table.recording_of(call_sid, transcript_sid) if call_sid else None


def _noted_service(report: Report, key: CallSid | None, table: CallTable) -> ServiceSid | None:
    """Find the Service of a transcript by the call that the report names, or by the customer key."""
    call_sids = filter(None, dict.fromkeys((report.call_sid, key)))
    return next((found for sid in call_sids if (found := table.service_of(sid, report.transcript_sid))), None)


def _noted_anywhere(transcript: Transcript, report: Report, table: CallTable) -> Recording | None:
    """Find the recording by the call that the report names, or by the customer key: an adopted one may have another."""
    call_sids = dict.fromkeys((report.call_sid, transcript.call_sid))
    return next((noted for sid in call_sids if (noted := _noted(transcript.sid, sid, table))), None)
