"""Delete recordings at Twilio whose time there is over.

Trigger: every hour. Idempotency key: RecordingSid; what one run does not come to, the next does.
"""

from callscribe.adapters.call_lists import call_lists
from callscribe.adapters.settings import settings_reader
from callscribe.adapters.table import call_table
from callscribe.adapters.twilio import twilio
from callscribe.edge.metrics import DELETIONS_REFUSED, count
from callscribe.edge.schedules import Run, scheduled
from callscribe.edge.telemetry import about, logger
from callscribe.usecases.delete_recordings import delete_recordings


@scheduled
def handler(run: Run) -> None:
    """Delete as many as the time allows."""
    credentials = settings_reader().credentials()
    done = delete_recordings(
        lists=call_lists(), table=call_table(), twilio=twilio(credentials, run.until), until=run.until
    )
    for error in done.refused:
        logger.error("recording not deleted at Twilio", **about(error))
        count(DELETIONS_REFUSED)
    for call_sid, recording_sid in done.deleted:
        logger.info("recording deleted at Twilio", call_sid=call_sid, recording_sid=recording_sid)
    logger.info("recordings deleted at Twilio", deleted=len(done.deleted), refused=len(done.refused))
