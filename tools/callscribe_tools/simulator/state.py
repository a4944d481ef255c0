"""What the simulated Twilio holds: calls, recordings, transcripts, the requests it made. One lock for all.

Everything that changes or lists it does so inside `with state.lock`; no request is made while holding it.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from callscribe_tools.simulator.clock import now
from callscribe_tools.simulator.content import Content, heard
from callscribe_tools.simulator.faults import CallFaults, FaultKind, Injected
from callscribe_tools.simulator.language_operators import default_operators
from callscribe_tools.simulator.recording import Recording
from callscribe_tools.simulator.scenario import Scenario, TranscriptOutcome
from callscribe_tools.simulator.sids import new_sid
from callscribe_tools.simulator.violations import Violations

type TranscriptEnd = Literal["completed", "failed", "canceled", "error"]


@dataclass
class Call:
    """One leg: an inbound call, or the child that a <Dial> on it made."""

    from_: str
    to: str
    phone_number_sid: str | None
    scenario: Scenario
    started: datetime = field(default_factory=now)
    status: Literal["ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled"] = "ringing"
    seconds: int = 0
    """From the answer to the hang-up, on the virtual clock."""
    parent_call_sid: str | None = None
    made_by: Literal["outbound-api", "trunking-originating", "trunking-terminating"] | None = None
    """Its direction, unless it came in or was dialled by <Dial>."""
    said: list[str] = field(default_factory=list)
    """What the caller was told, in order."""
    recordings: list[Recording] = field(default_factory=list)
    faults: CallFaults = field(default_factory=CallFaults)
    """What goes wrong on it, other than by its scenario; of a child, see its parent."""
    sid: str = field(default_factory=lambda: new_sid("CA"))

    @property
    def ended(self) -> bool:
        """Say whether the leg is over."""
        return self.status not in {"ringing", "in-progress"}


def _default_attachments() -> dict[str, str]:
    return {operator.friendly_name: operator.sid for operator in default_operators().values()}


@dataclass
class Transcript:
    """One Conversational Intelligence Transcript."""

    service_sid: str
    channel: dict[str, Any]
    source_sid: str
    language_code: str
    customer_key: str | None
    media_start_time: datetime | None
    born: float
    """On the monotonic clock, in seconds."""
    operators: dict[str, str] = field(default_factory=_default_attachments)
    """SIDs by name of the operators attached when it was created: only they run on it."""
    redaction: bool = False
    """Whether its Service redacted texts when it was created."""
    media_redaction: bool = False
    encryption_credential_sid: str | None = None
    """The customer's key that its Service encrypted texts with when it was created."""
    failure: tuple[str, str] | None = None
    """Why it will fail through the application's fault: the Debugger's code and text."""
    outcome: TranscriptOutcome = field(default_factory=TranscriptOutcome)
    """What becomes of it when nothing is wrong with its recording."""
    status: Literal["new", "queued", "in-progress"] | TranscriptEnd = "queued"
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    ending: bool = False
    """Whether it is about to end, or has ended and its webhook is on its way."""
    sid: str = field(default_factory=lambda: new_sid("GT"))
    call: Call | None = field(default=None, repr=False)
    """The call whose recording it is of; None: there is no such recording."""
    results_born: float | None = None
    """When its operators' results are there, on the monotonic clock; None: with its end."""
    content: Content | None = field(default=None, repr=False)
    """What it has heard of its recording so far; None: nothing yet, or it is deleted."""

    @property
    def settled(self) -> bool:
        """Say whether it will not change any more."""
        return self.status in {"completed", "failed", "canceled", "error"}

    @property
    def faults(self) -> CallFaults:
        """What goes wrong on its call."""
        return CallFaults() if self.call is None else self.call.faults

    @property
    def will_end(self) -> bool:
        """Say whether it is still to end, and will."""
        return not self.settled and FaultKind.TRANSCRIPT_ENDLESS not in self.faults

    @property
    def results_missing(self) -> bool:
        """Say whether its operators' results are still to come although it has ended."""
        return self.results_born is not None and time.monotonic() < self.results_born


@dataclass(frozen=True)
class Exchange:
    """One request Twilio made and the answer's status; None when there was no answer."""

    url: str
    params: dict[str, str]
    status: int | None
    idempotency_token: str


@dataclass
class State:
    """Everything the simulated account holds, in the order it came."""

    calls: dict[str, Call] = field(default_factory=dict)
    recordings: dict[str, Recording] = field(default_factory=dict)
    transcripts: dict[str, Transcript] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)
    violations: Violations = field(default_factory=list)
    made: list[Transcript] = field(default_factory=list)
    """Every transcript that was ever created, also those deleted since: what Twilio charges for."""
    asked_again: list[str] = field(default_factory=list)
    """SIDs of recordings, each as often as one more transcript of it was refused since it has one."""
    injected: list[Injected] = field(default_factory=list)
    """What has gone wrong through no fault of the application."""
    under_way: int = 0
    """How many calls are being played, and transcripts being brought to their end."""
    lock: threading.Condition = field(default_factory=threading.Condition)
    """Notified when a transcript is created or moves on."""

    def call_of(self, recording: Recording | None) -> Call | None:
        """Give the call of a recording; None where it has none."""
        return None if recording is None else self.calls.get(recording.call_sid)

    def hear(self, transcript: Transcript) -> None:
        """Let the transcript take its copy of what its recording holds, unless it has one."""
        recording = self.recordings.get(transcript.source_sid)
        if transcript.content is None and recording is not None:
            transcript.content = heard(recording)

    def delete_recording(self, recording: Recording) -> None:
        """Delete its media; transcripts that are completed keep what they have heard."""
        for transcript in self.transcripts.values():
            if transcript.source_sid == recording.sid and transcript.status == "completed":
                self.hear(transcript)
        recording.forget_media()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count what the block does as under way."""
        with self.lock:
            self.under_way += 1
        try:
            yield
        finally:
            with self.lock:
                self.under_way -= 1
