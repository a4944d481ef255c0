"""What can go wrong between Twilio and an application, and what of it goes wrong on one call.

`fault_plan` deals it out over many calls; `deliveries` does it to webhooks, `rest_faults` to REST answers, and the
recorder and the transcripts to what they hold. None of it is the application's doing. That Twilio fails in just these
ways is *assumed*: its documentation promises that webhooks come, not that each comes once, in time and in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """One way in which things go wrong on a call."""

    LOST_RECORDING_CALLBACK = "lost_recording_callback"
    LOST_TRANSCRIPT_WEBHOOK = "lost_transcript_webhook"
    LOST_CALL_STATUS = "lost_call_status"
    DOUBLED_WEBHOOKS = "doubled_webhooks"
    LATE_WEBHOOKS = "late_webhooks"
    REORDERED_WEBHOOKS = "reordered_webhooks"
    DEAD_URL = "dead_url"
    THROTTLED = "throttled"
    THROTTLED_SILENTLY = "throttled_silently"
    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"
    CONNECTION_RESET = "connection_reset"
    TIMEOUT_AFTER_EFFECT = "timeout_after_effect"
    RECORDING_DELETED = "recording_deleted"
    PARTICIPANTS_REFUSED = "participants_refused"
    TRANSCRIPT_STUCK = "transcript_stuck"
    TRANSCRIPT_ENDLESS = "transcript_endless"
    TRANSCRIPT_FAILS = "transcript_fails"
    TRANSCRIPT_STARTS_AS_NEW = "transcript_starts_as_new"
    LATE_OPERATOR_RESULTS = "late_operator_results"


WEBHOOK_FAULTS = (
    FaultKind.LOST_RECORDING_CALLBACK,
    FaultKind.LOST_TRANSCRIPT_WEBHOOK,
    FaultKind.LOST_CALL_STATUS,
    FaultKind.DOUBLED_WEBHOOKS,
    FaultKind.LATE_WEBHOOKS,
    FaultKind.REORDERED_WEBHOOKS,
    FaultKind.DEAD_URL,
)
REST_FAULTS = (
    FaultKind.THROTTLED,
    FaultKind.THROTTLED_SILENTLY,
    FaultKind.SERVER_ERROR,
    FaultKind.UNAVAILABLE,
    FaultKind.CONNECTION_RESET,
    FaultKind.TIMEOUT_AFTER_EFFECT,
)
LIFE_FAULTS = (
    FaultKind.RECORDING_DELETED,
    FaultKind.PARTICIPANTS_REFUSED,
    FaultKind.TRANSCRIPT_STUCK,
    FaultKind.TRANSCRIPT_ENDLESS,
    FaultKind.TRANSCRIPT_FAILS,
    FaultKind.TRANSCRIPT_STARTS_AS_NEW,
    FaultKind.LATE_OPERATOR_RESULTS,
)
GROUPS = (WEBHOOK_FAULTS, REST_FAULTS, LIFE_FAULTS)
"""Every kind, in the group of what it happens to."""

WHAT_HAPPENS: Mapping[FaultKind, str] = {
    FaultKind.LOST_RECORDING_CALLBACK: "No recording callback is ever sent.",
    FaultKind.LOST_TRANSCRIPT_WEBHOOK: "The transcript's webhook is never sent.",
    FaultKind.LOST_CALL_STATUS: "The call status is never sent.",
    FaultKind.DOUBLED_WEBHOOKS: "Every webhook is sent twice, both at the same time.",
    FaultKind.LATE_WEBHOOKS: "Every webhook is held back for some seconds.",
    FaultKind.REORDERED_WEBHOOKS: "Call status, and a copy of the recording callback, follow the transcript's webhook.",
    FaultKind.DEAD_URL: "Recording callback and transcript's webhook are sent to where nobody listens, and given up.",
    FaultKind.THROTTLED: "REST requests are answered 429, with Retry-After.",
    FaultKind.THROTTLED_SILENTLY: "REST requests are answered 429, without Retry-After.",
    FaultKind.SERVER_ERROR: "REST requests are answered 500, with an error in JSON.",
    FaultKind.UNAVAILABLE: "REST requests are answered 503, with HTML.",
    FaultKind.CONNECTION_RESET: "REST requests end in a reset of the connection, and nothing is done.",
    FaultKind.TIMEOUT_AFTER_EFFECT: "REST requests are done, and answered only after the client has given up.",
    FaultKind.RECORDING_DELETED: "The recordings are deleted when the call is over, before their callbacks.",
    FaultKind.PARTICIPANTS_REFUSED: "Every request for a transcript that names participants is refused.",
    FaultKind.TRANSCRIPT_STUCK: "The transcript is in progress for too long, and its end is not told.",
    FaultKind.TRANSCRIPT_ENDLESS: "The transcript is in progress for ever.",
    FaultKind.TRANSCRIPT_FAILS: "The transcript fails, and nobody is told.",
    FaultKind.TRANSCRIPT_STARTS_AS_NEW: "The transcript starts as new, not as queued.",
    FaultKind.LATE_OPERATOR_RESULTS: "The operators' results are there only some seconds after the transcript's end.",
}


class Target(StrEnum):
    """Which of the REST requests about a call a fault meets."""

    READ_CALL = "read call"
    READ_RECORDING = "read recording"
    CREATE_TRANSCRIPT = "create transcript"
    READ_TRANSCRIPT = "read transcript"
    READ_SENTENCES = "read sentences"
    READ_OPERATOR_RESULTS = "read operator results"


@dataclass(frozen=True)
class Pace:
    """How long things go wrong, in real seconds; the defaults suit applications that work within seconds."""

    late_seconds: float = 3.0
    """How long a webhook is held back."""
    timeout_seconds: float = 15.0
    """How long an answer takes whose client shall not wait for it: longer than the client does."""
    stuck_seconds: float = 5.0
    """How much longer than usual a stuck transcript is in progress."""
    results_seconds: float = 3.0
    """How long after its transcript's end the operators' results come."""


@dataclass(frozen=True)
class CallFaults:
    """What goes wrong on one call: by default nothing."""

    kinds: frozenset[FaultKind] = frozenset()
    target: Target = Target.CREATE_TRANSCRIPT
    """Which requests its REST faults meet: creating a transcript is the one that costs money."""
    times: int = 1
    """How many of those requests each REST fault meets."""
    pace: Pace = field(default_factory=Pace)

    def __contains__(self, kind: FaultKind) -> bool:
        return kind in self.kinds


@dataclass
class Injected:
    """One fault that has really happened to a call: it has met a webhook, a request, a recording or a transcript."""

    kind: FaultKind
    call_sid: str | None
    """None: it met the list of a whole account."""
    began: float
    """Seconds since 1970, as `time.time` gives them."""
    ended: float | None = None
    """From when on nothing is wrong any more, as far as this fault goes; None: it still is."""
    going_on: int = 0
    """How much of it is under way, as webhooks that are held."""
