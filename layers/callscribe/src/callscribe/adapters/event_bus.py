"""Announces on EventBridge what others may act on."""

import json
import os
from functools import cache
from typing import TYPE_CHECKING

import boto3

from callscribe.adapters.aws_config import CONFIG
from callscribe.adapters.aws_errors import aws_errors
from callscribe.domain.errors import TransientError
from callscribe.domain.transcript import Insights

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient


class EventBus:
    """The stack's event bus. Events carry SIDs, never what was said."""

    def __init__(self, client: "EventBridgeClient", name: str) -> None:
        self._client = client
        self._name = name

    def call_stored(self, insights: Insights) -> None:
        """Announce that a call can be read. May come more than once: `id` is the same each time.

        Raises:
            TransientError: the bus did not take it.
        """
        call_sid = insights.call_sid
        detail = {
            "id": insights.transcript.sid,
            "call_sid": call_sid,
            "recording_sid": insights.recording_sid,
            "transcript_sid": insights.transcript.sid,
        }
        with aws_errors(f"announcing that call {call_sid} is stored"):
            answer = self._client.put_events(
                Entries=[
                    {
                        "EventBusName": self._name,
                        "Source": "callscribe",
                        "DetailType": "CallStored",
                        "Detail": json.dumps(detail),
                    }
                ]
            )
        # PutEvents answers 200 also when it took nothing.
        if answer["FailedEntryCount"]:
            code = answer["Entries"][0].get("ErrorCode", "no code")
            raise TransientError(f"announcing that call {call_sid} is stored: the bus answered {code}")


@cache
def event_bus() -> EventBus:
    """This environment's event bus."""
    return EventBus(boto3.client("events", config=CONFIG), os.environ["EVENT_BUS_NAME"])
