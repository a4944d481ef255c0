"""Turns a handler of one message into a Lambda handler of SQS batches.

The one place where errors decide what becomes of a message: it is done, it comes back, it goes to the dead letters with
its reason, or it is left to the next sweep.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from callscribe.adapters.queues import CORRELATION_ID, dead_letters, queue
from callscribe.domain.errors import CallscribeError, GivesWayError, TransientError, UnknownEventError
from callscribe.domain.patience import SENT_BY, UNSETTLED_SINCE, Swept
from callscribe.domain.stand_ins import REDRIVEN
from callscribe.edge import metrics
from callscribe.edge.metrics import count, tell
from callscribe.edge.retries import Retries
from callscribe.edge.telemetry import about, logger
from callscribe.edge.twilio_requests import telling_twilio_requests

TRIES_OF_DUE = 10
"""Of a message about a recording that is due: the next one is on its way, and they must not pile up."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. It was `sent` to its queue; at `deadline` the Lambda service ends this worker, done or not.

    `swept`: what the sweep says, where it has sent the message and not Twilio.
    """

    body: str
    sent: datetime
    deadline: datetime
    swept: Swept | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is about a recording that the sweep comes back to by itself."""
        return self.swept is not None and self.swept.unsettled_since is not None

    @property
    def reported(self) -> datetime:
        """Since when it is known, at the latest, what the message tells."""
        return (self.swept and self.swept.unsettled_since) or self.sent


def queue_worker(
    work: Callable[[Message], None],
) -> Callable[[dict[str, Any], LambdaContext], PartialItemFailureResponse]:
    """Call `work` with each message of a batch. A message fails alone, and comes back after a delay of its own."""
    # A batch whose every message failed is no error of the function: its messages come back all the same.
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

    @functools.wraps(work)
    @logger.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
        deadline = datetime.now(UTC) + timedelta(milliseconds=context.get_remaining_time_in_millis())

        def settle(record: SQSRecord) -> None:
            logger.set_correlation_id(_attribute(record, CORRELATION_ID) or record.message_id)
            try:
                message = Message(record.body, _sent(record), deadline, _swept(record))
            except (ValueError, OverflowError):
                _bury(record, reason=f"its attribute {UNSETTLED_SINCE} is no time")
                return
            if not _is_over(record, message):
                with telling_twilio_requests():
                    _try(work, message, record)

        return process_partial_response(event, settle, processor, context)

    return handler


def _is_over(record: SQSRecord, message: Message) -> bool:
    """Put an end to a message whose workers have died of it, or that the next sweep comes after."""
    tries = _tries(record)
    if message.is_due and tries > TRIES_OF_DUE:
        logger.warning("message left to the next sweep", message_id=record.message_id, tries=tries)
        return True
    if Retries.of_environment().overdue(_age_seconds(record), tries):
        _bury(record, reason=f"not settled in {tries} tries, and none said why: killed, or kept from starting")
        return True
    return False


def _try(work: Callable[[Message], None], message: Message, record: SQSRecord) -> None:
    try:
        work(message)
    except UnknownEventError as error:
        logger.warning("unknown event", message_id=record.message_id, **about(error))
        count(metrics.UNKNOWN_EVENTS)
    except TransientError as error:
        if not _given_up(record, error):
            raise
    except Exception as error:  # noqa: BLE001 (also for a bug of ours, no retry helps)
        _bury(record, **about(error))


def _given_up(record: SQSRecord, error: TransientError) -> bool:
    """Put the message off, or give it up for its age."""
    retries = Retries.of_environment()
    if retries.exhausted(_age_seconds(record)):
        _bury(record, reason=f"gave up after {retries.give_up_hours:g} h: {error}")
        return True
    tries = _tries(record)
    seconds = retries.delay(tries, error.retry_after)
    told = {"message_id": record.message_id, "tries": tries, "seconds": seconds, **about(error)}
    if isinstance(error, GivesWayError):
        logger.info("message gives way", **told)
        tell(metrics.BACKFILL_WAIT, _age_seconds(record))
    else:
        logger.warning("message comes back", **told)
        tell(metrics.RETRIED_MESSAGE_AGE, _tried_seconds(record))
    try:
        queue().put_off(record.receipt_handle, seconds)
    except CallscribeError as trouble:
        # The queue's own timeout brings it back as well, only later.
        logger.warning("message not put off", message_id=record.message_id, **about(trouble))
    return False


def _swept(record: SQSRecord) -> Swept | None:
    """Read what the sweep has written beside the body; see `Swept.attributes`."""
    if not _attribute(record, SENT_BY):
        return None
    since = _attribute(record, UNSETTLED_SINCE) or ""
    return Swept(datetime.fromtimestamp(int(since), UTC) if since.isdecimal() else None)


def _sent(record: SQSRecord) -> datetime:
    return datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)


def _age_seconds(record: SQSRecord) -> float:
    return (datetime.now(UTC) - _sent(record)).total_seconds()


def _tried_seconds(record: SQSRecord) -> float:
    """How long ago it was first received: what has only waited has not failed."""
    first = int(record.attributes.approximate_first_receive_timestamp) / 1000
    return datetime.now(UTC).timestamp() - first


def _tries(record: SQSRecord) -> int:
    return int(record.attributes.approximate_receive_count)


def _bury(record: SQSRecord, reason: str, **told: Any) -> None:
    """Put the message into the dead letters; where they take nothing, it comes back."""
    logger.error("message to the dead letters", message_id=record.message_id, reason=reason, **told)
    dead_letters().put(record.body, reason=reason, **_kept(record))
    count(metrics.DEAD_LETTERS)


def _kept(record: SQSRecord) -> dict[str, str]:
    """How often it has been here before: without that, one that can never be settled would be redriven for ever. And
    what it began with.
    """
    kept = {name: _attribute(record, name) for name in (REDRIVEN, CORRELATION_ID)}
    return {name: text for name, text in kept.items() if text}


def _attribute(record: SQSRecord, name: str) -> str | None:
    """What stands beside the body under that name."""
    attributes = record.raw_event.get("messageAttributes") or {}
    text: str | None = attributes.get(name, {}).get("stringValue")
    return text
