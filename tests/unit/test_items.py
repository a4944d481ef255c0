"""Sentences are packed and read again without a change, in chunks that DynamoDB takes."""

import random
import string
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.adapters.items import CHUNK_BYTES, SENTENCES_PER_CHUNK, pack, unpack
from callscribe.domain.transcript import Sentence

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


@settings(deadline=None, max_examples=60)
@given(st.lists(SENTENCES, max_size=30))
def test_what_is_packed_is_unpacked_the_same_to_the_last_digit(sentences: list[Sentence]) -> None:
    unpacked = unpack(pack(sentences))
    assert unpacked == sentences
    assert [digits_of(one) for one in unpacked] == [digits_of(one) for one in sentences]


def test_no_sentences_are_no_chunks() -> None:
    assert list(pack([])) == []
    assert unpack([]) == []


def test_a_long_day_of_talk_fits_in_two_chunks() -> None:
    # Eight hours, the longest that is transcribed, a sentence every two seconds.
    sentences = [sentence(number, f"This is what was said as number {number} of the day.") for number in range(14_400)]
    chunks = list(pack(sentences))
    assert len(chunks) == 2
    assert unpack(chunks) == sentences


def test_chunks_are_small_enough_also_for_text_that_cannot_be_compressed() -> None:
    letters = string.ascii_letters + string.digits + "äöüß日本語中文字"
    draw = random.Random(1)  # noqa: S311 (text, no secret)
    sentences = [sentence(number, "".join(draw.choices(letters, k=300))) for number in range(6_000)]
    chunks = list(pack(sentences))
    assert len(chunks) > 2
    assert max(len(chunk) for chunk in chunks) <= CHUNK_BYTES
    assert unpack(chunks) == sentences


def test_the_border_between_two_chunks_loses_no_sentence() -> None:
    for length in (SENTENCES_PER_CHUNK - 1, SENTENCES_PER_CHUNK, SENTENCES_PER_CHUNK + 1):
        sentences = [sentence(number, "x") for number in range(length)]
        chunks = list(pack(sentences))
        assert len(chunks) == -(-length // SENTENCES_PER_CHUNK)
        assert [one.index for one in unpack(chunks)] == list(range(length))
