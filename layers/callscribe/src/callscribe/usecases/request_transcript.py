"""Asks Twilio for the transcript of a recording, once, however often the recording is reported.

Called by the `request_transcript` worker. Twilio's rule of one transcript for each recording is what makes a repetition
safe: before a second request the worker looks for the transcript of the first.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from callscribe.adapters.table import CallTable, Moved
from callscribe.adapters.twilio import Twilio
from callscribe.domain.call import Call
from callscribe.domain.errors import CallscribeError, NotFoundError, PermanentError, TransientError
from callscribe.domain.recording import LOOK_AGAIN, OVER_BUDGET, Event, Recording, State
from callscribe.domain.settings import Settings
from callscribe.domain.sids import ServiceSid, TranscriptSid

KNOWN_EVERYWHERE = timedelta(minutes=5)
"""How long after its callback a recording that Twilio does not have is not yet taken for deleted."""


class ClaimedElsewhereError(TransientError):
    """Another worker is asking for this transcript right now."""


class Outcome(StrEnum):
    """What came of a reported recording."""

    SKIPPED = "skipped"
    FAILED = "failed"
    SETTLED_BEFORE = "settled before"
    REQUESTED = "requested"


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a recording, and the reason that its row gives where there will be no transcript."""

    outcome: Outcome
    reason: str | None = None

    @property
    def kind(self) -> str | None:
        """The reason in a few fixed words, for a metric: Twilio has hundreds of error codes."""
        return "twilio_refused" if self.reason and self.reason.startswith("twilio_") else self.reason


def request_transcript(
    reported: Recording,
    *,
    reported_at: datetime,
    table: CallTable,
    twilio: Twilio,
    settings: Settings,
    deadline: datetime,
) -> list[Settled]:
    """Settle what the reported recording is worth, and ask for its transcript.

    A recording that does not exist is stood in for by the one that <Record> made of the same call.

    Parameters:
        reported: the recording as the callback tells of it; only where Twilio has none is that believed.
        reported_at: when the callback came.
        deadline: when this worker stops whether it is done or not; its claim lasts as long.

    Raises:
        ClaimedElsewhereError: the message must come back later; it may not be acknowledged.
        TransientError: likewise.
    """
    recording = _as_twilio_has_it(reported, reported_at, twilio)
    call = twilio.call(recording.call_sid)
    # Whose callback comes here was answered here: where the settings lack the number, the call waits until they do not.
    service_sid = settings.for_number(call.to).service_sid
    request = _Request(table, twilio, call, service_sid, settings.daily_minutes, deadline)
    table.put_call(call)
    settled = [request.settle(recording)]
    if recording.status in {"absent", "failed"}:
        settled += [request.settle(one) for one in twilio.recordings_of(call.sid) if one.made_by_record]
    return settled


def _as_twilio_has_it(reported: Recording, reported_at: datetime, twilio: Twilio) -> Recording:
    # That Twilio's REST API knows recordings that came to nothing is not documented.
    if reported.status in {"absent", "failed"}:
        return reported
    try:
        return twilio.recording(reported.sid)
    except NotFoundError as error:
        if datetime.now(UTC) - reported_at < KNOWN_EVERYWHERE:
            raise TransientError(f"{error}: it may not be known everywhere at Twilio yet") from error
        return replace(reported, status="deleted")


@dataclass(frozen=True, slots=True)
class _Request:
    """Settles the recordings of one call."""

    table: CallTable
    twilio: Twilio
    call: Call
    service_sid: ServiceSid
    daily_minutes: int | None
    deadline: datetime

    def settle(self, recording: Recording) -> Settled:
        if recording.unfinished:
            raise TransientError(f"recording {recording.sid} of call {self.call.sid} is not finished at Twilio yet")
        if reason := recording.not_worth_transcribing():
            return self._settled(Outcome.SKIPPED, Event.NOT_WORTH_IT, recording, reason)
        heard = self._move(Event.HEARD_OF, recording, due_at=datetime.now(UTC) + LOOK_AGAIN, **recording.about())
        if recording.status != "completed" and heard.state is State.TRANSCRIBING:
            # Twilio may have taken what it needs before.
            return Settled(Outcome.SETTLED_BEFORE)
        if recording.status != "completed":
            return self._settled(Outcome.FAILED, Event.GIVEN_UP, recording, f"recording_{recording.status}")
        if heard.state is State.SKIPPED:
            self._move(Event.RESUMED, recording, due_at=datetime.now(UTC) + LOOK_AGAIN)
        claim = self._move(Event.CLAIMED, recording, due_at=self.deadline)
        if not claim.happened:
            if claim.state is State.REQUESTING:
                raise ClaimedElsewhereError(f"recording {recording.sid} of call {self.call.sid} is being requested")
            return Settled(Outcome.SETTLED_BEFORE)
        return self._ask(recording, first_try=claim.attempts == 1)

    def _ask(self, recording: Recording, *, first_try: bool) -> Settled:
        """Ask for the transcript of a claimed recording, if the day's budget allows."""
        today = datetime.now(UTC).date()
        limit = self.daily_minutes
        # A worker killed after this leaves the minutes counted: too few may be spent, never too many.
        if limit is not None and not self.table.take_minutes(recording.minutes, today, limit):
            return self._settled(Outcome.SKIPPED, Event.OVER_BUDGET, recording, OVER_BUDGET)
        try:
            transcript_sid = self._transcript(recording, first_try=first_try)
        except CallscribeError as error:
            # Also what is tried again: that try counts them anew.
            if limit is not None:
                self.table.give_back_minutes(recording.minutes, today)
            if isinstance(error, PermanentError):
                return self._settled(Outcome.FAILED, Event.GIVEN_UP, recording, error.reason)
            raise
        self._move(
            Event.TRANSCRIPT_CREATED, recording, due_at=datetime.now(UTC) + LOOK_AGAIN, transcript=transcript_sid
        )
        return Settled(Outcome.REQUESTED)

    def _transcript(self, recording: Recording, *, first_try: bool) -> TranscriptSid:
        """Ask for the transcript, or adopt the one that an earlier try or somebody else has asked for."""
        if not first_try and (found := self._existing_transcript(recording)):
            return found
        participants = self.twilio.participants(self.call, recording)
        try:
            return self.twilio.create_transcript(recording, self.service_sid, participants)
        except PermanentError as error:
            # What Twilio answers to a second request is not documented, so any refusal may be that.
            if found := self._existing_transcript(recording):
                return found
            if isinstance(error, NotFoundError):
                # What is created cannot be missing, so it is the Service; the settings can be mended.
                raise TransientError(f"{error}: check the number's service_sid in the settings") from error
            raise

    def _existing_transcript(self, recording: Recording) -> TranscriptSid | None:
        found = self.twilio.transcript_of(recording.sid, self.service_sid)
        if found and found.failed:
            raise PermanentError(f"transcript {found.sid} has failed already", reason=f"transcript_{found.status}")
        return found.sid if found else None

    def _settled(self, outcome: Outcome, event: Event, recording: Recording, reason: str) -> Settled:
        move = self._move(event, recording, reason=reason, **recording.about())
        return Settled(outcome, reason) if move.happened else Settled(Outcome.SETTLED_BEFORE)

    def _move(self, event: Event, recording: Recording, **changes: Any) -> Moved:
        return self.table.move(event, self.call, recording.sid, **changes)
