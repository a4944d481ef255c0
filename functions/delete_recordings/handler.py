"""Delete recordings at Twilio whose date has passed.

Trigger: every five minutes. Idempotency key: RecordingSid; what one run does not come to, the next does.
"""

from callscribe.adapters.deletions import deletions
from callscribe.adapters.settings import settings_reader
from callscribe.adapters.table import call_table
from callscribe.adapters.twilio import twilios
from callscribe.edge.metrics import tell_deletions
from callscribe.edge.schedules import MARGIN, Run, scheduled
from callscribe.edge.telemetry import about, logger
from callscribe.usecases.delete_recordings import Deleted, delete_recordings


@scheduled
def handler(run: Run) -> None:
    """Delete as many as the time allows."""
    credentials = settings_reader().credentials()
    deadline = run.until + MARGIN
    done = delete_recordings(
        deletions=deletions(),
        table=call_table(),
        accounts=twilios(credentials, deadline),
        until=run.until,
        deadline=deadline,
        report=_log,
    )
    backlog = done.backlog
    tell_deletions(overdue=backlog.overdue, oldest_seconds=backlog.oldest_seconds, refused=backlog.refused)
    logger.info(
        "recordings deleted at Twilio",
        deleted=done.deleted,
        postponed=done.postponed,
        overdue=backlog.overdue,
        refused=backlog.refused,
    )
    if done.trouble:
        raise done.trouble


def _log(one: Deleted) -> None:
    call_sid, recording_sid = one.call_sid, one.recording_sid
    if one.error:
        logger.error(
            "recording not deleted at Twilio", call_sid=call_sid, recording_sid=recording_sid, **about(one.error)
        )
    else:
        logger.info("recording deleted at Twilio", call_sid=call_sid, recording_sid=recording_sid)
