"""Turns a handler of one message into a Lambda handler of SQS batches.

The one place where errors decide what becomes of a message: it is done, it comes back, or it goes to the dead letters
with its reason.
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

from callscribe.adapters.queues import dead_letters
from callscribe.domain.errors import TransientError
from callscribe.edge.telemetry import about, logger


@dataclass(frozen=True, slots=True)
class Message:
    """One message. At `deadline` the Lambda service ends this worker, done or not."""

    body: str
    deadline: datetime


def queue_worker(
    work: Callable[[Message], None],
) -> Callable[[dict[str, Any], LambdaContext], PartialItemFailureResponse]:
    """Call `work` with each message of a batch. A message fails alone: its visibility timeout brings it back."""
    # A batch whose every message failed is no error of the function: its messages come back all the same.
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

    @functools.wraps(work)
    @logger.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
        deadline = datetime.now(UTC) + timedelta(milliseconds=context.get_remaining_time_in_millis())

        def settle(record: SQSRecord) -> None:
            try:
                work(Message(record.body, deadline))
            except TransientError as error:
                logger.warning("message comes back", message_id=record.message_id, **about(error))
                raise
            except Exception as error:  # noqa: BLE001 (also for a bug of ours, no retry helps)
                told = about(error)
                logger.error("message to the dead letters", message_id=record.message_id, **told)
                dead_letters().put(record.body, reason=told["reason"])

        return process_partial_response(event, settle, processor, context)

    return handler
