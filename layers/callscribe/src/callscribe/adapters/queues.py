"""Puts bodies on SQS queues, as they are, and puts messages off."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from callscribe.adapters.aws_config import CONFIG
from callscribe.adapters.aws_errors import aws_errors
from callscribe.adapters.backoff import tries
from callscribe.domain.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


MOST_AT_ONCE = 10
"""Messages of one request to SQS (SQS quotas)."""

CORRELATION_ID = "correlation_id"
"""The attribute that says which request a message began with; workers log it."""


@dataclass(frozen=True, slots=True)
class Depth:
    """About how many messages are on a queue.

    `waiting` counts the messages that a worker could receive now. `received` counts those that are being worked on and
    those that are postponed: SQS does not distinguish them (SQS docs, "ApproximateNumberOfMessagesNotVisible"). So only
    `waiting` is a measure of load.
    """

    waiting: int
    received: int


class Queue:
    """One SQS queue."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def put(self, body: str, **attributes: str) -> None:
        """Send one message. When this returns, SQS has stored it on several machines.

        Raises:
            TransientError: SQS did not take it and may take it later.
            PermanentError: SQS refuses it.
        """
        with aws_errors("putting a message on its queue"):
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": text} for name, text in attributes.items() if text
                },
                MessageSystemAttributes=_trace(),
            )

    def put_all(self, bodies: Sequence[str]) -> None:
        """Send at most `MOST_AT_ONCE` messages by one request, and again what SQS left out; may be repeated whole.

        Raises:
            TransientError: SQS did not take all of them.
            PermanentError: SQS refuses some of them.
        """
        doing = "putting messages on their queue"
        entries: Any = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        failed: Any = []
        for _ in tries():
            with aws_errors(doing):
                failed = self._client.send_message_batch(QueueUrl=self._url, Entries=entries).get("Failed", [])
            if not failed:
                return
            if refused := [entry for entry in failed if entry["SenderFault"]]:
                raise PermanentError(f"{doing}: SQS refuses {len(refused)} of {len(bodies)}: {refused[0]['Code']}")
            left_out = {entry["Id"] for entry in failed}
            entries = [entry for entry in entries if entry["Id"] in left_out]
        raise TransientError(f"{doing}: SQS did not take {len(failed)} of {len(bodies)}: {failed[0]['Code']}")

    def depth(self) -> Depth:
        """Ask how many messages are on the queue.

        Raises:
            TransientError: SQS may answer later.
        """
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        with aws_errors("asking how much waits on a queue"):
            counted = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        return Depth(*(int(counted[name]) for name in names))

    def put_off(self, receipt_handle: str, seconds: int) -> None:
        """Let a message that is being worked on come back `seconds` from now, whatever the queue's own timeout.

        Raises:
            TransientError: SQS may do it later.
            PermanentError: SQS refuses, as it does for a message that somebody else has received since.
        """
        with aws_errors("putting a message off"):
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )


def _trace() -> Any:
    """X-Ray's header of this invocation, so that the worker's trace goes on from it (Lambda docs, SQS and X-Ray)."""
    header = os.environ.get("_X_AMZN_TRACE_ID")
    return {"AWSTraceHeader": {"DataType": "String", "StringValue": header}} if header else {}


@cache
def queue() -> Queue:
    """The queue of this function: an acceptor puts webhooks on it, a worker takes them off."""
    return _queue("QUEUE_URL")


@cache
def dead_letters() -> Queue:
    """The dead letters of the queue this worker reads."""
    return _queue("DEAD_LETTERS_URL")


@cache
def recordings_queue() -> Queue:
    """The queue that `request_transcript` reads, for a function that is not its acceptor."""
    return _queue("RECORDINGS_QUEUE_URL")


@cache
def transcripts_queue() -> Queue:
    """The queue that `store_insights` reads, likewise."""
    return _queue("TRANSCRIPTS_QUEUE_URL")


def _queue(variable: str) -> Queue:
    return Queue(boto3.client("sqs", config=CONFIG), os.environ[variable])
