"""Turns a handler of a schedule into a Lambda handler.

A run that fails is an error of the function; the next one comes anyhow.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callscribe.edge.telemetry import about, logger
from callscribe.edge.twilio_requests import telling_twilio_requests

MARGIN = timedelta(seconds=15)
"""What is left for the last step that a run has begun: longer than Twilio is waited for."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run. It shall begin nothing more after `until`. `id` goes with the messages that it sends."""

    until: datetime
    id: str


def scheduled[T](work: Callable[[Run], T]) -> Callable[[dict[str, Any], LambdaContext], T]:
    """Call `work` with each run; what it returns is told to whoever invokes the function by hand."""

    @functools.wraps(work)
    @logger.inject_lambda_context(clear_state=True)
    def handler(_event: dict[str, Any], context: LambdaContext) -> T:
        logger.set_correlation_id(context.aws_request_id)
        left = timedelta(milliseconds=context.get_remaining_time_in_millis())
        try:
            with telling_twilio_requests():
                return work(Run(datetime.now(UTC) + left - MARGIN, context.aws_request_id))
        except Exception as error:
            logger.error("the run failed", **about(error))
            raise

    return handler
