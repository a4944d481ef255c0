"""What AWS takes for a call, by its list prices.

Storage, logs, traces, traffic, cold starts and what a stack costs without any call are not in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from callscribe_tools.bench.units import CallUnits

DATE = "2026-11-20"
"""When the prices were looked up: in public guides to AWS's prices, not on AWS's own pages."""

REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million of something, without any free tier."""

    dollars: float
    of: str


PRICES = {
    "write units": Price(0.625, "DynamoDB, on-demand write request units"),
    "read units": Price(0.125, "DynamoDB, on-demand read request units"),
    "invocations": Price(0.20, "Lambda, requests"),
    "GB-seconds": Price(13.3334, "Lambda, arm64"),
    "HTTP requests": Price(1.00, "API Gateway, HTTP API"),
    "queue requests": Price(0.40, "SQS, standard queues"),
    "events": Price(1.00, "EventBridge, custom events"),
}

# Memory that comes with one whole CPU (Lambda docs, "Configure Lambda function memory").
_MB_OF_A_CPU = 1769
# A message is sent by a function, then received and deleted by Lambda.
_REQUESTS_OF_A_MESSAGE = 3


def quantities(call: CallUnits, cpu: Mapping[str, float], memory_mb: Mapping[str, int]) -> dict[str, float]:
    """How much of everything that has a price one call takes.

    Parameters:
        cpu: seconds of CPU that an invocation of each function takes, warm. Lambda gives a function less than one CPU,
            so that it runs for longer; what it waits for Twilio and AWS is not in it.
    """
    gb_seconds = sum(
        times * max(cpu[name], cpu[name] * _MB_OF_A_CPU / memory_mb[name]) * memory_mb[name] / 1024
        for name, times in call.invocations.items()
    )
    return {
        "write units": call.insights + call.moves + call.indexes,
        "read units": call.reads_by_functions,
        "invocations": sum(call.invocations.values()),
        "GB-seconds": gb_seconds,
        "HTTP requests": call.http_requests,
        "queue requests": call.requests.get("sqs:SendMessage", 0) * _REQUESTS_OF_A_MESSAGE,
        "events": call.requests.get("events:PutEvents", 0),
    }


def dollars_per_million(taken: Mapping[str, float]) -> dict[str, float]:
    """What a million such calls cost."""
    return {name: amount * PRICES[name].dollars for name, amount in taken.items()}
