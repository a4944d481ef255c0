"""What the tests of the two workers share: the answers to a batch, and batches made of odd messages and pages."""

import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode

from harness.events import sqs_event
from harness.seeded import TRANSCRIPT_SID
from harness.stack import Stack

type Event = dict[str, Any]

DONE: dict[str, Any] = {"batchItemFailures": []}
SENTENCES = "/v2/Transcripts/{sid}/Sentences"
RESULTS = "/v2/Transcripts/{sid}/OperatorResults"


def comes_back(event: Event) -> dict[str, Any]:
    """The answer that gives every message of the batch back to its queue."""
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}


def row(stack: Stack, recording_sid: str | None = None) -> dict[str, Any]:
    """The item of a recording, or of the only one."""
    (one,) = [one for one in stack.recordings() if recording_sid in {None, one["sk"].partition("#")[2]}]
    return one


def state(stack: Stack, recording_sid: str | None = None) -> tuple[str, str | None]:
    """Where a recording, or the only one, stands, and why."""
    one = row(stack, recording_sid)
    return one["state"], one.get("reason")


def changed(event: Event, **parameters: str) -> Event:
    """The batch with other parameters in its callback."""
    return sqs_event(urlencode(dict(parse_qsl(event["Records"][0]["body"])) | parameters))


def old(event: Event, seconds: float = 3600) -> Event:
    """The batch as it is when its messages were sent so long ago."""
    for record in event["Records"]:
        record["attributes"]["SentTimestamp"] = str(round((time.time() - seconds) * 1000))
    return event


def webhook_of(sid: str = TRANSCRIPT_SID, **fields: object) -> Event:
    """A batch with the webhook of a transcript."""
    return sqs_event(json.dumps({"transcript_sid": sid, **fields}))


def page(key: str, *rows: str) -> str:
    """A page of Twilio's with these rows, which are JSON."""
    return f'{{"meta": {{"key": "{key}", "next_page_url": null}}, "{key}": [{", ".join(rows)}]}}'
