"""Sentences and large operator results are packed and read again without a change, in slices that DynamoDB takes."""

import random
import string
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.adapters.items import CHUNK_BYTES, PLAIN_BYTES, insights_items, pack, stored_call, unpack
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, TranscriptSid
from callscribe.domain.transcript import Insights, Participant, Role, Sentence, Transcript

CALL_SID, RECORDING_SID = CallSid("CA" + "0" * 32), RecordingSid("RE" + "0" * 32)
TRANSCRIPT_SID, SERVICE_SID = TranscriptSid("GT" + "0" * 32), ServiceSid("GA" + "0" * 32)

NUMBERS = st.none() | st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=100_000)
SENTENCES = st.builds(
    Sentence,
    index=st.integers(min_value=0, max_value=100_000),
    channel=st.integers(min_value=1, max_value=2),
    start=NUMBERS,
    end=NUMBERS,
    confidence=NUMBERS,
    text=st.text(max_size=200),
)


def sentence(index: int, text: str) -> Sentence:
    return Sentence(index=index, channel=1, start=Decimal(index), end=Decimal(index + 1), text=text)


def digits_of(one: Sentence) -> list[str]:
    return [str(number) for number in (one.start, one.end, one.confidence)]


@settings(max_examples=60)
@given(st.lists(SENTENCES, max_size=30))
def test_what_is_packed_is_unpacked_the_same_to_the_last_digit(sentences: list[Sentence]) -> None:
    unpacked = unpack(pack(sentences))
    assert unpacked == sentences
    assert [digits_of(one) for one in unpacked] == [digits_of(one) for one in sentences]


def test_no_sentences_are_no_chunks() -> None:
    assert list(pack([])) == []
    assert unpack([]) == []


def incompressible(length: int) -> str:
    letters = string.ascii_letters + string.digits + "äöüß日本語中文字"
    draw = random.Random(1)  # noqa: S311 (text, no secret)
    return "".join(draw.choices(letters, k=length))


def test_a_long_day_of_talk_fits_in_one_chunk() -> None:
    # Eight hours, the longest that is transcribed, a sentence every two seconds.
    sentences = [sentence(number, f"This is what was said as number {number} of the day.") for number in range(14_400)]
    chunks = list(pack(sentences))
    assert len(chunks) == 1
    assert unpack(chunks) == sentences


def test_chunks_are_small_enough_also_for_text_that_cannot_be_compressed() -> None:
    text = incompressible(1_800_000)
    sentences = [sentence(number, text[number * 300 : number * 300 + 300]) for number in range(6_000)]
    chunks = list(pack(sentences))
    # Cut anywhere, all but the last are full: sentences may lie across the border.
    assert [len(chunk) for chunk in chunks[:-1]] == [CHUNK_BYTES] * (len(chunks) - 1)
    assert 0 < len(chunks[-1]) <= CHUNK_BYTES
    assert len(chunks) > 2
    assert unpack(chunks) == sentences


def insights(results: list[dict[str, Any]], sentences: list[Sentence]) -> Insights:
    return Insights(
        call_sid=CALL_SID,
        recording_sid=RECORDING_SID,
        transcript=Transcript(
            sid=TRANSCRIPT_SID,
            service_sid=SERVICE_SID,
            status="completed",
            language_code="en-US",
            customer_key=CALL_SID,
            source_sid=RECORDING_SID,
            seconds=Decimal(4),
            redaction=False,
        ),
        participants=[Participant(channel=1, role=Role.CUSTOMER, known_from="call")],
        sentences=sentences,
        results=results,
    )


def through_the_table(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items as DynamoDB gives them back: in the order of their keys, numbers as decimals, bytes as its binaries."""
    there, back = TypeSerializer(), TypeDeserializer()
    stored = [{name: back.deserialize(there.serialize(value)) for name, value in item.items()} for item in items]
    return sorted(stored, key=lambda item: str(item["sk"]))


def of_size(size: int) -> dict[str, Any]:
    """A result that takes so many bytes in DynamoDB's JSON."""
    bare = len('{"L":[{"M":{"text":{"S":""}}}]}')
    return {"text": incompressible(4 * size).encode("ascii", "ignore").decode()[: size - bare]}


@pytest.mark.parametrize(
    ("size", "packed"), [(PLAIN_BYTES - 1, 0), (PLAIN_BYTES, 0), (PLAIN_BYTES + 1, 1), (1_500_000, 4)]
)
def test_operator_results_are_packed_only_where_they_are_large(size: int, packed: int) -> None:
    written = insights([of_size(size)], [sentence(0, "Hello.")])
    items = list(insights_items(written, expires_at=1))
    assert [item["sk"].partition("#results#")[2] for item in items if "#results#" in item["sk"]] == [
        f"{number:04}" for number in range(1, packed + 1)
    ]
    assert items[-1]["results"] == ([] if packed else written.results)
    assert stored_call(CALL_SID, through_the_table(items)).insights == [written]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**37), 10**37)
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False, places=20, min_value=-1000, max_value=1000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("filling", [0, PLAIN_BYTES], ids=["plain", "packed"])
@settings(max_examples=40)
@given(values=VALUES)
def test_any_result_reads_back_as_it_was_written(filling: int, values: Any) -> None:
    written = insights([{"filling": "x" * filling, "json_results": {"values": values}}], [])
    items = through_the_table(list(insights_items(written, expires_at=1)))
    assert ("#results#" in items[-1]["sk"]) == bool(filling)
    assert stored_call(CALL_SID, items).insights[0].results == written.results


def test_the_item_that_counts_the_others_is_written_last() -> None:
    # A worker may be killed after any of them; until this one is written nothing of a transcript can be read.
    written = insights([of_size(1_000_000)], [sentence(0, incompressible(1_000_000))])
    items = list(insights_items(written, expires_at=1))
    assert len(items) > 4
    for killed_after in range(len(items)):
        assert stored_call(CALL_SID, through_the_table(items[:killed_after])).insights == []
    assert items[-1]["chunks"] == {"sentences": 3, "results": 3}


@pytest.mark.parametrize("said", [["Short."], []])
def test_what_an_earlier_and_longer_transcript_has_left_is_not_read(said: list[str]) -> None:
    longer = insights([of_size(800_000)], [sentence(0, incompressible(800_000))])
    shorter = insights([{"name": "a"}], [sentence(0, text) for text in said])
    left = {item["sk"]: item for item in insights_items(longer, expires_at=1)}
    left |= {item["sk"]: item for item in insights_items(shorter, expires_at=1)}
    assert len(left) > 4
    assert stored_call(CALL_SID, through_the_table(list(left.values()))).insights == [shorter]


def test_every_item_expires_and_belongs_to_its_call() -> None:
    moment = int(datetime(2027, 11, 20, tzinfo=UTC).timestamp())
    items = list(insights_items(insights([of_size(200_000)], [sentence(0, "Hello.")]), expires_at=moment))
    assert {(item["pk"], item["expires_at"]) for item in items} == {(f"CALL#{CALL_SID}", moment)}
    assert all(item["sk"].startswith(f"TRANSCRIPT#{TRANSCRIPT_SID}") for item in items)
