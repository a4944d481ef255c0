"""In JSON a number keeps its type and its digits, whatever its value."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.adapters.items import StoredCall
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, TranscriptSid
from callscribe.domain.transcript import Insights, Sentence, Transcript
from callscribe_tools import show
from callscribe_tools.json_numbers import json_text, measure, with_measured_probabilities

FINITE = st.decimals(allow_nan=False, allow_infinity=False)


@given(FINITE)
def test_a_measure_is_always_a_decimal_and_never_another_number(value: Decimal) -> None:
    text = json_text(measure(value))
    assert json.loads(text, parse_float=Decimal, parse_int=lambda _: None) == value


@given(FINITE)
def test_any_other_number_is_never_a_text(value: Decimal) -> None:
    assert json.loads(json_text(value), parse_float=Decimal, parse_int=Decimal) == value


@pytest.mark.parametrize("value", ["1", "0", "0.5", "1.0", 1, 0, Decimal("1"), Decimal("0.1234567890123456789")])
def test_a_probability_is_a_decimal_however_twilio_writes_it(value: Any) -> None:
    result = {"predicted_probability": value, "label_probabilities": {"positive": value}, "name": "1"}
    document = json.loads(json_text(with_measured_probabilities([result])))[0]
    assert type(document["predicted_probability"]) is type(document["label_probabilities"]["positive"]) is float
    assert document["name"] == "1"


@pytest.mark.parametrize("value", [None, "", "n/a", True, float("inf") and "NaN"])
def test_what_is_no_probability_stays_what_it_is(value: Any) -> None:
    (document,) = json.loads(json_text(with_measured_probabilities([{"match_probability": value}])))
    assert document["match_probability"] == (None if value == "NaN" else value)


def test_the_fields_of_a_shown_call_have_one_type_each() -> None:
    call = CallSid("CA" + "1" * 32)
    recording, transcript = RecordingSid("RE" + "1" * 32), TranscriptSid("GT" + "1" * 32)

    def document(number: str) -> Any:
        sentence = Sentence(
            index=0, channel=1, start=Decimal(number), end=Decimal(number), confidence=Decimal(number), text="Hello"
        )
        insights = Insights(
            call_sid=call,
            recording_sid=recording,
            transcript=Transcript(
                sid=transcript,
                service_sid=ServiceSid("GA" + "1" * 32),
                status="completed",
                language_code="en-US",
                customer_key=call,
                source_sid=recording,
                seconds=Decimal(30),
                redaction=False,
            ),
            participants=[],
            sentences=[sentence],
            results=[{"predicted_probability": Decimal(number)}],
        )
        stored = StoredCall(call, {"seconds": Decimal(30)}, {recording: {"channels": Decimal(2)}}, [insights])
        return json.loads(json_text(show.for_machines(stored)))

    def types(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: types(inner) for name, inner in value.items()}
        return [types(inner) for inner in value] if isinstance(value, list) else type(value)

    assert types(document("1")) == types(document("0.3")) == types(document("0.1234567890123456789"))
    shown = document("1")
    assert type(shown["call"]["seconds"]) is type(shown["recordings"][recording]["channels"]) is int
    assert type(shown["insights"][0]["sentences"][0]["start"]) is float


def test_one_line_has_the_same_document() -> None:
    document = {"a": [Decimal("1.5"), measure(1)], "b": "é"}
    assert json_text(document, indent=None) == '{"a":[1.5,1.0],"b":"é"}'
    assert json.loads(json_text(document)) == json.loads(json_text(document, indent=None))


def test_what_is_nothing_of_json_is_refused() -> None:
    with pytest.raises(TypeError, match="object is nothing of JSON's"):
        json_text(object())


def test_a_moment_that_an_item_has_in_seconds_is_a_text() -> None:
    recording = RecordingSid("RE" + "1" * 32)
    row = {"state": "failed", "failed_at": "2026-11-20T09:30:00Z", "due_at": Decimal(0), "expires_at": Decimal(2**33)}
    shown = show.for_machines(StoredCall(CallSid("CA" + "1" * 32), None, {recording: row}, []))
    assert shown["recordings"][recording] == {
        "state": "failed",
        "failed_at": "2026-11-20T09:30:00Z",
        "due_at": "1970-01-01T00:00:00Z",
        "expires_at": "2242-03-16T12:56:32Z",
    }
