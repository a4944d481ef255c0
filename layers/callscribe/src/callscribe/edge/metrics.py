"""The metrics, all that there are: written as lines of the log (CloudWatch embedded metric format).

`docs/metrics.md` says what each means, and a test holds the two together. Every metric has the dimensions `service` and
`environment`, which is the stack's name: two environments in one account never add up. Some have one more.
"""

import os
from dataclasses import dataclass
from itertools import batched

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from callscribe.domain.errors import UnreadableError
from callscribe.domain.patience import GAVE_UP
from callscribe.domain.recording import OVER_BUDGET, TRANSCRIBED_ELSEWHERE, TRANSCRIPT_UNREADABLE
from callscribe.domain.sources import LEFT_ALONE_SOURCES
from callscribe.edge.telemetry import SERVICE, about, logger, sids_of_line

NAMESPACE = "Callscribe"

_VALUES_OF_A_LINE = 99
"""One fewer than the most that the format takes (AWS docs, "Embedded metric format", MetricDefinition)."""


OTHER = "other"
"""The value of a dimension for whatever its metric does not declare."""

_REFUSED = "twilio_refused"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `by` is its further dimension.

    `values` are all values of that dimension, except `OTHER`. They are fixed, because AWS charges for each value, and
    what Twilio answers has any number of values.
    """

    name: str
    unit: MetricUnit = MetricUnit.Count
    by: str | None = None
    values: frozenset[str] = frozenset()


CALLS_ANSWERED = Metric("CallsAnswered")
STATIC_ANSWERS = Metric("StaticAnswers")
RECORDINGS_ACCEPTED = Metric("RecordingsAccepted")
TRANSCRIPTS_REQUESTED = Metric("TranscriptsRequested")
CALLS_STORED = Metric("CallsStored")
RECORDINGS_SKIPPED = Metric(
    "RecordingsSkipped", by="reason", values=frozenset({"absent", "too_short", "too_long", OVER_BUDGET})
)
RECORDINGS_FAILED = Metric(
    "RecordingsFailed",
    by="reason",
    values=frozenset(
        {
            "error",
            GAVE_UP,
            "not_found",
            "recording_deleted",
            "recording_failed",
            TRANSCRIBED_ELSEWHERE,
            "transcript_canceled",
            "transcript_encrypted",
            "transcript_error",
            "transcript_failed",
            "transcript_gone",
            TRANSCRIPT_UNREADABLE,
            _REFUSED,
        }
    ),
)
RECORDINGS_LEFT_ALONE = Metric("RecordingsLeftAlone", by="source", values=LEFT_ALONE_SOURCES)
SERVICE_REFUSED = Metric("ServiceRefused")
SECONDS_TO_STORED = Metric("SecondsToStored", MetricUnit.Seconds)

WEBHOOKS_REFUSED = Metric(
    "WebhooksRefused",
    by="reason",
    values=frozenset(
        {
            "doctor",
            "form_with_query",
            "no_body_hash",
            "no_json",
            "no_signature",
            "no_text",
            "odd_event",
            "shared_key",
            "too_long",
            "wrong_content_type",
            "wrong_path_token",
            "wrong_signature",
        }
    ),
)
WEBHOOKS_UNREADABLE = Metric("WebhooksUnreadable")
UNKNOWN_EVENTS = Metric("UnknownEvents")

RETRIED_MESSAGE_AGE = Metric("RetriedMessageAge", MetricUnit.Seconds)
BACKFILL_WAIT = Metric("BackfillWait", MetricUnit.Seconds)
DEAD_LETTERS = Metric("DeadLetters")

OLDEST_UNSETTLED = Metric("OldestUnsettled", MetricUnit.Seconds)
SWEEP_BEHIND = Metric("SweepBehind", MetricUnit.Seconds)
REPAIRED = Metric("Repaired", by="what", values=frozenset({"call", "recording", "transcript"}))
LISTED_UNREADABLE = Metric("ListedUnreadable")
ERASURES_UNFINISHED = Metric("ErasuresUnfinished")
DELETIONS_REFUSED = Metric("DeletionsRefused")
DELETIONS_OVERDUE = Metric("DeletionsOverdue")
OLDEST_DELETION = Metric("OldestDeletion", MetricUnit.Seconds)

TWILIO_LATENCY = Metric("TwilioLatency", MetricUnit.Milliseconds)
TWILIO_ERRORS = Metric(
    "TwilioErrors", by="kind", values=frozenset({"credentials", "throttled", "4xx", "5xx", "unreachable"})
)
MINUTES_REQUESTED = Metric("MinutesRequested")
BUDGET_USED = Metric("BudgetUsed", MetricUnit.Percent)


def tell(metric: Metric, *values: float, by: str | None = None) -> None:
    """Write values of a metric; with `by` they count both by that value and in all.

    A value that the metric does not declare counts as `OTHER`.

    The line has the SIDs of what is worked on, so that a metric leads to its calls.
    """
    for some in batched(values, _VALUES_OF_A_LINE, strict=False):
        line = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        line.set_default_dimensions(service=SERVICE, environment=os.environ.get("ENVIRONMENT") or "none")
        if metric.by and by:
            line.add_dimensions(**{metric.by: by if by in metric.values else OTHER})
        for value in some:
            line.add_metric(metric.name, metric.unit, value)
        for key, sid in sids_of_line().items():
            line.add_metadata(key, sid)
        line.flush_metrics()


def count(metric: Metric, by: str | None = None) -> None:
    """Count one event."""
    tell(metric, 1, by=by)


def count_failed(reason: str) -> None:
    """Count a recording that has failed; of all Twilio's error codes as one reason."""
    count(RECORDINGS_FAILED, _REFUSED if reason.startswith("twilio_") else reason)


def left_out(error: UnreadableError) -> None:
    """Log and count a part of a list of Twilio's that cannot be read, and that costs no call."""
    logger.error("left out, for it cannot be read", **about(error))
    count(LISTED_UNREADABLE)


def tell_recording(
    *,
    requested: bool,
    failed: bool,
    reason: str | None,
    minutes: int | None,
    budget_used: float | None,
    left_alone_as: str | None,
    service_refused: bool,
) -> None:
    """Tell what came of a recording.

    Parameters:
        reason: why there will be no transcript of it.
        minutes: what was asked for and will be paid for.
        budget_used: of the day, in per cent.
        left_alone_as: what made a recording that nobody asked us for.
        service_refused: it waits, because Twilio refuses the Service of its number.
    """
    if service_refused:
        count(SERVICE_REFUSED)
    if left_alone_as:
        count(RECORDINGS_LEFT_ALONE, left_alone_as)
    if requested:
        count(TRANSCRIPTS_REQUESTED)
    if reason and failed:
        count_failed(reason)
    elif reason:
        count(RECORDINGS_SKIPPED, reason)
    if minutes:
        tell(MINUTES_REQUESTED, minutes)
    if budget_used is not None:
        tell(BUDGET_USED, budget_used)


def tell_sweep(*, erasing: int, oldest_seconds: float, budget_used: float, behind_seconds: float | None) -> None:
    """Tell what a sweep has seen, and zeros of what others count: whoever compares those, an alarm or a graph, has a
    number at any time, and an alarm is over in time.
    """
    tell(ERASURES_UNFINISHED, erasing)
    tell(OLDEST_UNSETTLED, oldest_seconds)
    tell(BUDGET_USED, budget_used)
    if behind_seconds is not None:
        tell(SWEEP_BEHIND, behind_seconds)
    for metric in (RECORDINGS_ACCEPTED, RECORDINGS_SKIPPED, RECORDINGS_FAILED, CALLS_STORED, REPAIRED):
        tell(metric, 0)


def tell_deletions(*, overdue: int, oldest_seconds: float, refused: int) -> None:
    """Emit what a run of the deletions has left: also zeros, so that an alarm knows that the runs go on."""
    tell(DELETIONS_OVERDUE, overdue)
    tell(OLDEST_DELETION, oldest_seconds)
    tell(DELETIONS_REFUSED, refused)
