"""Counts what one call makes the functions ask of AWS: it is driven through all of them once, behind the meter.

The call is the one under `events/`, with as many sentences as asked for.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from callscribe_tools.bench.errors import BenchError
from callscribe_tools.bench.events import event, is_http
from callscribe_tools.bench.meter import Counts, Write
from callscribe_tools.bench.process import run
from callscribe_tools.bench.stand import Stand

# In the order of a call that is put to the voice mail.
_WAY = (
    ("incoming_call", "call"),
    ("incoming_call", "recorded"),
    ("track_call", "completed"),
    ("accept_recording", "completed"),
    ("request_transcript", "completed"),
    ("accept_webhook", "transcript_available"),
    ("store_insights", "transcript_available"),
)


@dataclass(frozen=True)
class CallUnits:
    """What one call takes: DynamoDB's units, requests to AWS, and invocations by function.

    `insights` writes the items of a transcript, `moves` all others: the call's and the recording's, each written anew
    at every step, and the day's budget. `indexes` is what keeps the table's indexes in step with them.
    """

    sentences: int
    insights: int
    moves: int
    indexes: int
    reads_by_functions: float
    read_whole_call: float
    requests: Mapping[str, int]
    invocations: Mapping[str, int]
    http_requests: int


def count_call(stand: Stand, sentences: int) -> CallUnits:
    """Drive a call through the functions.

    Raises:
        BenchError: a function failed, or did what the meter cannot count.
    """
    stand.aws.empty()
    stand.twilio.begin(sentences=sentences)
    counts = stand.aws.meter.counts = Counts()
    try:
        for function, case in _WAY:
            _invoke(stand, function, case)
    finally:
        stand.aws.meter.counts = None
    stand.check()
    if counts.unknown:
        raise BenchError(f"the meter does not know {', '.join(sorted(counts.unknown))} of DynamoDB: teach it")
    insights = [one for one in counts.writes if one.sort_key.startswith("TRANSCRIPT#")]
    return CallUnits(
        sentences=sentences,
        insights=_units(insights),
        moves=_units(counts.writes) - _units(insights),
        indexes=sum(one.index_units for one in counts.writes),
        reads_by_functions=counts.read_units,
        read_whole_call=stand.aws.read_units_of(stand.twilio.call_sid),
        requests=dict(counts.requests),
        invocations=dict(Counter(function for function, _ in _WAY)),
        http_requests=sum(is_http(event(function, case)) for function, case in _WAY),
    )


def _invoke(stand: Stand, function: str, case: str) -> None:
    body = stand.twilio.complete() if function == "store_insights" else None
    # Looking for dead letters would be counted: `count_call` does it at the end.
    run(replace(stand.at_hand(function, case, body), check=lambda: None), stand.api)


def _units(writes: list[Write]) -> int:
    return sum(one.units for one in writes)
