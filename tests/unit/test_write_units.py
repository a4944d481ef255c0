"""What a call costs in DynamoDB: the write units of its transcript's items, and the one Query that reads it."""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from itertools import cycle
from pydoc_data.topics import topics
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from callscribe.adapters.items import insights_items
from callscribe.adapters.table import CallTable
from callscribe.domain.call import Call
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, TranscriptSid
from callscribe.domain.transcript import Insights, Participant, Role, Sentence, Transcript
from callscribe_tools.bench.capacity import item_size, write_units
from harness.seeded import CALL_SID, KEPT_DAYS, RECORDING_SID, STARTED, TRANSCRIPT_SID
from harness.stack import CALLER, NUMBER, SERVICE_SID, Stack

MADE_BY = {"service_version": 3, "operator_version": 2, "configuration_sha256": "0123456789abcdef" * 4}


@cache
def prose() -> list[str]:
    """Half a million characters of English that somebody has written: the documentation of Python itself."""
    text = " ".join(topics[name] for name in sorted(topics))
    return [word for word in re.findall(r"[A-Za-z][a-z']*", text) if word.islower() or word.istitle()]


def natural_sentences(count: int, seconds: int) -> Iterator[Sentence]:
    """So many sentences of 7 to 13 words, one after the other, with times and confidences of two digits."""
    words, lengths, start = cycle(prose()), cycle([9, 12, 7, 13, 10, 8, 11]), Decimal(0)
    for index, length in zip(range(count), lengths, strict=False):
        said = [next(words) for _ in range(length)]
        yield Sentence(
            index=index,
            channel=1 + index % 2,
            start=start,
            end=start + Decimal("0.37") * length,
            confidence=Decimal(70 + (index * 37 + length) % 30) / 100,
            text=" ".join(said).capitalize() + ".",
        )
        start += Decimal(seconds) / count


def result(**said: Any) -> dict[str, Any]:
    """An operator result with every key that Twilio sends."""
    empty: dict[str, Any] = {
        "extract_match": None,
        "match_probability": None,
        "normalized_result": None,
        "utterance_results": [],
        "utterance_match": None,
        "predicted_label": None,
        "predicted_probability": None,
        "label_probabilities": {},
        "extract_results": {},
        "text_generation_results": None,
        "json_results": None,
    }
    operator_sid = "LY" + "1" * 32
    url = f"https://intelligence.twilio.com/v2/Transcripts/{TRANSCRIPT_SID}/OperatorResults/{operator_sid}"
    address = {"operator_sid": operator_sid, "transcript_sid": TRANSCRIPT_SID, "url": url, "made_by": MADE_BY}
    return empty | address | said


def natural_insights(count: int, seconds: int) -> Insights:
    summary = " ".join(prose()[1000:1090])
    return Insights(
        call_sid=CallSid(CALL_SID),
        recording_sid=RecordingSid(RECORDING_SID),
        transcript=Transcript(
            sid=TranscriptSid(TRANSCRIPT_SID),
            service_sid=ServiceSid(SERVICE_SID),
            status="completed",
            language_code="en-US",
            customer_key=CALL_SID,
            source_sid=RecordingSid(RECORDING_SID),
            seconds=Decimal(seconds),
            redaction=False,
        ),
        participants=[
            Participant(channel=1, role=Role.CUSTOMER, number=CALLER, known_from="call"),
            Participant(channel=2, role=Role.AGENT, number=NUMBER, known_from="second leg"),
        ],
        sentences=list(natural_sentences(count, seconds)),
        results=[
            result(
                name="product-feedback",
                operator_type="json",
                json_results={"category": "pricing", "emotion": "negative"},
            ),
            result(
                name="Conversation Summary",
                operator_type="text-generation",
                text_generation_results={"format": "text", "result": summary},
            ),
            result(
                name="Sentiment Analysis",
                operator_type="conversation-classify",
                predicted_label="neutral",
                predicted_probability=Decimal("0.8734"),
                label_probabilities={"neutral": Decimal("0.8734"), "positive": Decimal("0.1266")},
            ),
        ],
    )


def units(insights: Insights) -> int:
    there = TypeSerializer()
    items = insights_items(insights, expires_at=1_826_701_200)
    return sum(write_units(item_size({name: there.serialize(value) for name, value in item.items()})) for item in items)


LENGTHS = [(150, 600, 12), (900, 3600, 50), (7200, 28_800, 370)]


@pytest.mark.parametrize(("count", "seconds", "most"), LENGTHS, ids=["10 min", "1 h", "8 h"])
def test_a_transcript_takes_few_write_units(count: int, seconds: int, most: int) -> None:
    insights = natural_insights(count, seconds)
    texts = [one.text for one in insights.sentences]
    # Not the cheap kind: nobody says the same again and again.
    assert len(set(texts)) > 0.99 * count
    assert units(insights) <= most


@pytest.mark.parametrize(("count", "seconds"), [(0, 2), (150, 600), (7200, 28_800)])
def test_one_query_reads_a_call(count: int, seconds: int, offline_stack: Stack) -> None:
    asked: list[str] = []
    table = CallTable(offline_stack.table(), retention_days=KEPT_DAYS)
    written = natural_insights(count, seconds)
    call = Call(sid=CallSid(CALL_SID), from_=CALLER, to=NUMBER, direction="inbound", started=STARTED, seconds=seconds)
    table.put_call(call)
    table.put_insights(written, call)

    def note(model: Any, **_: Any) -> None:
        asked.append(model.name)

    events = offline_stack.table().meta.client.meta.events
    events.register("before-call.dynamodb", note, unique_id="note")
    try:
        stored = table.read(CallSid(CALL_SID))
    finally:
        events.unregister("before-call.dynamodb", unique_id="note")
    assert asked == ["Query"]
    assert stored.insights == [written]
