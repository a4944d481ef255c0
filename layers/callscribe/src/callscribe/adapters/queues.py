"""Puts bodies on SQS queues, as they are, and puts messages off."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from callscribe.adapters.aws_config import CONFIG
from callscribe.adapters.aws_errors import aws_errors
from callscribe.adapters.backoff import tries
from callscribe.domain.errors import PermanentError, TransientError, UnreadableError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


MOST_AT_ONCE = 10
"""Messages of one request to SQS (SQS quotas)."""

LONGEST_BODY_BYTES = 248 * 1024
"""SQS holds 256 KiB for sure, in every region and version (SQS quotas, "Message size"); attributes count as well."""

LONGEST_ATTRIBUTE = 1000
"""Characters. Reasons quote what others answered, which may be of any length."""

_NOT_HELD = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that SQS refuses (SQS docs, SendMessage, "MessageBody")."""

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

        What a queue cannot hold of an attribute is replaced or cut off. A body is never changed.

        Raises:
            UnreadableError: no queue can hold the body, however often it is sent.
            TransientError: SQS did not take it and may take it later.
            PermanentError: SQS refuses it.
        """
        check_holdable(body)
        with aws_errors("putting a message on its queue"):
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": holdable(text)}
                    for name, text in attributes.items()
                    if text
                },
                MessageSystemAttributes=_trace(),
            )

    def put_all(self, bodies: Sequence[str]) -> None:
        """Send at most `MOST_AT_ONCE` messages by one request, and again what SQS left out; may be repeated whole.

        Raises:
            UnreadableError: no queue can hold one of them, and none was sent.
            TransientError: SQS did not take all of them.
            PermanentError: SQS refuses some of them.
        """
        for body in bodies:
            check_holdable(body)
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


def check_holdable(body: str) -> None:
    """Make sure that SQS can hold a body.

    Raises:
        UnreadableError: it is empty or too long, or has a character that SQS refuses. The message quotes nothing else.
    """
    if not body:
        raise UnreadableError("the body is empty, which no queue can hold")
    if found := _NOT_HELD.search(body):
        raise UnreadableError(f"the body has the character U+{ord(found[0]):04X}, which no queue can hold")
    if (length := len(body.encode())) > LONGEST_BODY_BYTES:
        raise UnreadableError(f"the body has {length} bytes, which no queue can hold")


def holdable(text: str) -> str:
    """The text as SQS can hold it in an attribute."""
    told = _NOT_HELD.sub("\ufffd", text)
    return told if len(told) <= LONGEST_ATTRIBUTE else f"{told[: LONGEST_ATTRIBUTE - 1]}…"


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
