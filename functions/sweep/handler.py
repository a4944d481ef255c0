"""Send the messages that were lost, and those for what has not moved on.

Trigger: every few minutes, and whoever invokes it. It moves nothing but what is to be erased, which may be done any
number of times; so it may run at any time and twice at once.
"""

from callscribe.adapters.call_lists import call_lists
from callscribe.adapters.queues import recordings_queue, transcripts_queue
from callscribe.adapters.settings import settings_reader
from callscribe.adapters.table import call_table, unredacted_table
from callscribe.adapters.twilio import twilio
from callscribe.edge.metrics import LISTED_UNREADABLE, count, tell_sweep
from callscribe.edge.retries import patience
from callscribe.edge.schedules import Run, scheduled
from callscribe.edge.telemetry import about, logger
from callscribe.usecases.sweep import Queues, sweep


@scheduled
def handler(run: Run) -> dict[str, int | str | None]:
    """Sweep once, and tell what was found."""
    settings = settings_reader().current()
    found = sweep(
        lists=call_lists(),
        table=call_table(),
        unredacted=unredacted_table(),
        queues=Queues(recordings=recordings_queue(), transcripts=transcripts_queue()),
        twilio=twilio(settings, run.until),
        settings=settings,
        patience=patience(),
        until=run.until,
        correlation_id=run.id,
    )
    for one in found.sent:
        logger.info("message sent", call_sid=one.call_sid, what=one.what, why=one.why)
    for error in found.odd:
        logger.error("not compared, for it cannot be read", **about(error))
        count(LISTED_UNREADABLE)
    for call_sid, reason in found.not_erased:
        logger.warning("call not erased everywhere yet", call_sid=call_sid, reason=reason)
    tell_sweep(
        erasing=found.erasing,
        oldest_seconds=found.oldest_seconds,
        budget_used=found.budget_used,
        behind_seconds=found.behind_seconds,
    )
    logger.info("swept", extra=found.told())
    if found.trouble:
        raise found.trouble
    return found.told()
