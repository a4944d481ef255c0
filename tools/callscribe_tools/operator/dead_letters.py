"""The dead letters of a queue: looked at and left, or taken out one by one.

The body of a letter is never shown: it may hold a phone number.
"""

import re
from collections.abc import Generator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

from callscribe.adapters.aws_errors import aws_errors
from callscribe.adapters.queues import CORRELATION_ID, MOST_AT_ONCE
from callscribe.domain.errors import PermanentError, TransientError
from callscribe.domain.sids import CallSid
from callscribe.domain.stand_ins import REDRIVEN

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HIDDEN_SECONDS = 30
"""How long a letter that is looked at is hidden from whoever else looks; it is shown again as soon as all are seen."""

WAIT_SECONDS = 1
"""SQS asks all its machines only where it may wait (SQS docs, "Short and long polling")."""

# Twilio's own form of a callback has some of them in addresses, where %2F comes before.
_SID = re.compile(r"(?<![0-9a-z])(?:CA|RE|GT)[0-9a-f]{32}(?![0-9a-f])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message that nobody could work on. `sent` is when it came here; `redriven` how often it was taken out.

    `reason` is None where no worker has said why: SQS moved it, since each worker that received it died.
    `correlation_id` is in the log of all that was done with it; empty where nobody has given it one.
    """

    message_id: str
    receipt_handle: str = field(repr=False)
    body: str = field(repr=False)
    sent: datetime
    reason: str | None
    redriven: int
    correlation_id: str

    @property
    def sids(self) -> list[str]:
        """The SIDs of calls, recordings and transcripts in its body, each once."""
        return list(dict.fromkeys(_SID.findall(self.body)))

    @property
    def call_sid(self) -> CallSid | None:
        """The call it is about, where it names one."""
        return next((CallSid(one) for one in self.sids if one.startswith("CA")), None)


class DeadLetters:
    """The dead letters of one queue. Every method raises the errors of `aws_errors`."""

    def __init__(self, client: "SQSClient", url: str, of: str) -> None:
        self._client = client
        self._url = url
        self._of = of

    def look(self) -> list[Letter]:
        """See all letters and leave them where they are."""
        seen: list[Letter] = []
        with closing(self.take()) as letters:
            try:
                for one in letters:
                    seen.append(one)  # noqa: PERF402 (what is seen before an error must be in it)
            finally:
                self.put_back(seen)
        return seen

    def take(self, hidden_seconds: int = HIDDEN_SECONDS) -> Generator[Letter]:
        """Receive letter by letter until none is left; each is hidden for so long, and then there again."""
        seen: set[str] = set()
        # Where looking takes longer than letters are hidden, the first ones come again.
        while new := [one for one in self._receive(hidden_seconds) if one.message_id not in seen]:
            seen.update(one.message_id for one in new)
            try:
                while new:
                    yield new.pop(0)
            finally:
                # Whoever takes no more leaves the others for the next.
                self.put_back(new)

    def _receive(self, hidden_seconds: int) -> list[Letter]:
        with aws_errors(f"reading the dead letters of the queue of {self._of}"):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=MOST_AT_ONCE,
                VisibilityTimeout=hidden_seconds,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        return [_letter(one) for one in answer.get("Messages", [])]

    def put_back(self, letters: list[Letter]) -> None:
        """Show letters again at once; where that cannot be done, they are there again when their time is over."""
        doing = f"leaving the dead letters of the queue of {self._of}"
        with suppress(TransientError, PermanentError), aws_errors(doing):
            for some in batched(letters, MOST_AT_ONCE, strict=False):
                self._client.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": one.receipt_handle, "VisibilityTimeout": 0}
                        for number, one in enumerate(some)
                    ],
                )

    def delete(self, letter: Letter) -> None:
        """Delete a letter, once it is on its queue again."""
        with aws_errors(f"deleting a dead letter of the queue of {self._of} that was sent again"):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt_handle)


def _letter(message: Mapping[str, Any]) -> Letter:
    told = {name: one.get("StringValue", "") for name, one in message.get("MessageAttributes", {}).items()}
    times = told.get(REDRIVEN, "")
    return Letter(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        sent=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
        reason=told.get("reason"),
        redriven=int(times) if times.isdecimal() else 0,
        correlation_id=told.get(CORRELATION_ID, ""),
    )
