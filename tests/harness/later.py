"""Lets time pass, at Twilio and in the table, and lets the workers do what waits for them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from callscribe_tools.simulator import Simulator
from harness.stack import Stack
from harness.workers import DONE

LATE = timedelta(minutes=6)
"""Longer ago than what is looked at again."""


CLOCKS = ("delete_at", "deleting_until", "due_at", "kept_until", "overdue_since", "unsettled_since")
"""Moments of an item in seconds since 1970, except when it expires."""


def since_noon() -> timedelta:
    """How long ago yesterday's noon was: what is moved there (`be_later`) is of one day, whenever the test runs."""
    now = datetime.now(UTC)
    return now - (now - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)


def be_later(stack: Stack, twilio: Simulator, by: timedelta = LATE) -> None:
    """Let everything that is so have been so for longer."""
    for call in twilio.state.calls.values():
        call.started -= by
    for recording in twilio.state.recordings.values():
        recording.started -= by
    for made in twilio.state.transcripts.values():
        made.created -= by
        made.updated -= by
    for item in stack.items():
        stack.table().put_item(Item=item | _earlier(item, by))


def _earlier(item: dict[str, Any], by: timedelta) -> dict[str, Any]:
    changed: dict[str, Any] = {name: item[name] - int(by.total_seconds()) for name in CLOCKS if name in item}
    if "erased_at" in item:
        changed["erased_at"] = _iso(datetime.fromisoformat(item["erased_at"]) - by)
        changed["expires_at"] = item["expires_at"] - int(by.total_seconds())
    if "started" in item:
        started = datetime.fromisoformat(item["started"]) - by
        changed["started"] = _iso(started)
        # The day is the first writer's, and may be another than the start's.
        days = date.fromisoformat(item["day"]) - datetime.fromisoformat(item["started"]).date()
        changed["day"] = (started.date() + days).isoformat()
    return changed


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def work(stack: Stack) -> None:
    """Let the workers do what is on the queues; nothing comes back."""
    for name, queue in (
        ("request_transcript", "RecordingsQueue"),
        ("backfill_recording", "BackfillQueue"),
        ("store_insights", "TranscriptsQueue"),
    ):
        assert all(answer == DONE for answer in stack.work(name, queue))
