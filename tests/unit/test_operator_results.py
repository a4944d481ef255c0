"""Operator results of every type are stored key for key, with their numbers, however odd and however large."""

import json
import random
import string
from decimal import Decimal
from typing import Any

import httpx
import pytest

from callscribe_tools.simulator import Call, Operator, Simulator
from callscribe_tools.simulator.dialogue import spoken
from callscribe_tools.simulator.scenario import OperatorResult, Sentences
from callscribe_tools.simulator.timeline import Sound
from harness.answers import answer
from harness.seeded import CALL_SID, RECORDING_SID, TRANSCRIPT_SID
from harness.stack import Stack
from harness.workers import DONE, RESULTS, SENTENCES, Event, page, row, state, webhook_of

type Result = dict[str, Any]

EXACT = {
    "n": Decimal("0.30000000000000004"),
    "whole": 1234567890123456789,
    "small": Decimal("1E-7"),
    "long": Decimal("0.1234567890123456789"),
    "none": None,
    "true": True,
    "nested": {"list": [1, "two", None, {"three": [Decimal("3.3")]}], "empty": {}},
}
BY_TYPE: dict[str, dict[str, Any]] = {
    "conversation-classify": {
        "predicted_label": "neutral",
        "predicted_probability": Decimal("0.87"),
        "label_probabilities": {"neutral": Decimal("0.87"), "positive": Decimal("0.12999999999999998")},
    },
    "utterance-classify": {
        "match_probability": "0.05",
        "utterance_match": True,
        "utterance_results": [
            {"utterance_index": 0, "match_probability": Decimal("0.91"), "label_probabilities": {"greeting": 1}}
        ],
    },
    "extract": {"extract_match": True, "extract_results": {"phones": ["one", "two"], "count": 2}},
    "extract-normalize": {
        "extract_match": True,
        "normalized_result": "2026-11-20",
        "extract_results": {"day": "today"},
    },
    "pii-extract": {"extract_match": False, "extract_results": {}},
    "text-generation": {"text_generation_results": {"format": "text", "result": "They spoke.\n„Über“ 日本 \U0001f600"}},
    "json": {"json_results": EXACT},
}


def sent(twilio: Simulator, twilio_url: str, sid: str) -> list[Result]:
    """What Twilio itself answers."""
    key = (twilio.account.api_key_sid, twilio.account.api_key_secret)
    said = httpx.get(f"{twilio_url}/v2/Transcripts/{sid}/OperatorResults", auth=key, trust_env=False)
    results: list[Result] = json.loads(said.text, parse_float=Decimal)["operator_results"]
    return results


def stored(stack: Stack, call_sid: str = CALL_SID) -> list[Result]:
    """What is stored, without what made it."""
    (insights,) = stack.read(call_sid).insights
    return [{name: value for name, value in one.items() if name != "made_by"} for one in insights.results]


def answer_with(twilio: Simulator, *results: str) -> None:
    answer(twilio, "GET", RESULTS, 200, page("operator_results", *results))


def test_the_results_of_a_call_are_stored_key_for_key_with_what_made_them(
    stack: Stack, call: Call, twilio: Simulator, twilio_url: str, webhook: Event
) -> None:
    assert stack.invoke("store_insights", webhook) == DONE
    (sid,) = twilio.state.transcripts
    assert stored(stack, call.sid) == sent(twilio, twilio_url, sid)
    results = stack.read(call.sid).insights[0].results
    assert [one["name"] for one in results] == ["product-feedback", "Conversation Summary", "Sentiment Analysis"]
    assert results[0]["json_results"] == {"category": "other", "emotion": "negative"}
    assert (results[0]["match_probability"], results[0]["utterance_results"]) == (None, [])
    assert all(
        one["made_by"].keys() == {"service_version", "operator_version", "configuration_sha256"} for one in results
    )


@pytest.mark.parametrize("operator_type", BY_TYPE)
def test_a_result_of_every_type_reads_back_as_twilio_sent_it(
    operator_type: Any, stack: Stack, call: Call, twilio: Simulator, twilio_url: str, webhook: Event
) -> None:
    (sid,) = twilio.state.transcripts
    one = OperatorResult(name="product-feedback", operator_type=operator_type, **BY_TYPE[operator_type])
    twilio.state.calls[call.sid].scenario = call.scenario.model_copy(update={"operator_results": (one,)})
    assert stack.invoke("store_insights", webhook) == DONE
    (result,) = stored(stack, call.sid)
    assert [result] == sent(twilio, twilio_url, sid)
    assert result["operator_type"] == operator_type
    assert {name: result[name] for name in BY_TYPE[operator_type]} == BY_TYPE[operator_type]


def test_no_result_at_all_is_stored_as_none(transcribed: Stack, twilio: Simulator) -> None:
    answer_with(twilio)
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert (stored(transcribed), state(transcribed)) == ([], ("stored", None))


def test_numbers_are_stored_exactly(transcribed: Stack, twilio: Simulator) -> None:
    answer_with(
        twilio,
        '{"name": "a", "predicted_probability": 0.87, "match_probability": "0.05", "p": {"x": 0.1, "zero": 0.0}}',
        '{"name": "b", "json_results": {"n": 0.30000000000000004, "i": 1234567890123456789, "e": 1e-7, "f": 1.50}}',
        '{"name": "c", "json_results": {"long": 0.12345678901234567890123456789012345678, "minus": -1.5, "big": 1e30}}',
    )
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    first, second, third = stored(transcribed)
    assert first["predicted_probability"] == Decimal("0.87")
    assert (first["match_probability"], first["p"]) == ("0.05", {"x": Decimal("0.1"), "zero": 0})
    assert second["json_results"] == {
        "n": Decimal("0.30000000000000004"),
        "i": 1234567890123456789,
        "e": Decimal("1E-7"),
        "f": Decimal("1.5"),
    }
    assert third["json_results"] == {
        "long": Decimal("0.12345678901234567890123456789012345678"),
        "minus": Decimal("-1.5"),
        "big": Decimal("1E+30"),
    }


@pytest.mark.parametrize("number", ["0.1234567890123456789012345678901234567890", "NaN", "1e-200", "-1e200"])
@pytest.mark.parametrize("filling", [0, 200_000], ids=["plain", "packed"])
def test_a_number_that_dynamodb_does_not_have_is_stored_as_text(
    number: str, filling: int, transcribed: Stack, twilio: Simulator
) -> None:
    answer_with(twilio, f'{{"predicted_probability": {number}, "filling": "{"x" * filling}"}}')
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    (result,) = stored(transcribed)
    text = result["predicted_probability"]
    assert isinstance(text, str)
    assert text == number if number == "NaN" else Decimal(text) == Decimal(number)


@pytest.mark.parametrize(
    "result",
    [
        '{"name": "a", "json_results": null, "refusal": "I cannot help with that.", "extract_results": {}}',
        '{"name": "a", "operator_type": "text-generation", "text_generation_results": null}',
        '{"name": null, "operator_sid": null, "operator_type": null}',
        '{"name": "a", "a field of tomorrow": [{"x": [[]]}], "label_probabilities": null}',
        "{}",
    ],
    ids=["refused", "null", "all null", "a new field", "empty"],
)
def test_a_null_refused_or_unknown_result_is_stored_as_it_is(
    result: str, transcribed: Stack, twilio: Simulator
) -> None:
    answer_with(twilio, result)
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert stored(transcribed) == [json.loads(result)]
    assert state(transcribed) == ("stored", None)


def test_a_refusal_reaches_the_table_through_the_simulated_api(
    stack: Stack, call: Call, twilio: Simulator, webhook: Event
) -> None:
    one = OperatorResult(name="product-feedback", operator_type="json", refusal="I cannot help with that.")
    twilio.state.calls[call.sid].scenario = call.scenario.model_copy(update={"operator_results": (one,)})
    assert stack.invoke("store_insights", webhook) == DONE
    (result,) = stored(stack, call.sid)
    assert (result["refusal"], result["json_results"]) == ("I cannot help with that.", None)


def test_results_come_in_several_pages(stack: Stack, call: Call, twilio: Simulator, webhook: Event) -> None:
    (transcript,) = twilio.state.transcripts.values()
    results = []
    for number in range(1_203):
        # As old as the transcript, however long this loop takes: a younger one has not made it.
        operator = Operator(f"operator {number}", "Generative", {"prompt": "x"}, updated=transcript.created)
        twilio.account.add(operator)
        transcript.operators[operator.friendly_name] = operator.sid
        results.append(OperatorResult(name=operator.friendly_name, operator_type="json", json_results={"n": number}))
    twilio.state.calls[call.sid].scenario = call.scenario.model_copy(update={"operator_results": tuple(results)})
    assert stack.invoke("store_insights", webhook) == DONE
    found = stack.read(call.sid).insights[0].results
    assert [one["json_results"]["n"] for one in found] == list(range(1_203))
    # The operators come in pages too: the last one is known by its configuration.
    assert found[-1]["made_by"]["configuration_sha256"]


def incompressible(length: int) -> str:
    draw = random.Random(1)  # noqa: S311 (text, no secret)
    return "".join(draw.choices(string.ascii_letters + string.digits, k=length))


@pytest.mark.parametrize(
    ("size", "items"), [(90_000, 0), (110_000, 1), (1_100_000, 3)], ids=["90 KB", "110 KB", "1.1 MB"]
)
def test_large_results_are_packed_and_read_back_the_same(
    size: int, items: int, transcribed: Stack, twilio: Simulator
) -> None:
    result = {
        "name": "a",
        "json_results": {"said": incompressible(size), "n": 0.87, "none": None},
        "label_probabilities": {"x": "0.05"},
    }
    answer_with(twilio, json.dumps(result))
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert stored(transcribed) == [json.loads(json.dumps(result), parse_float=Decimal)]
    assert len([one for one in transcribed.items() if "#results#" in one["sk"]]) == items
    assert len(transcribed.announced()) == 1


@pytest.mark.parametrize("count", [2_500, 7_200])
def test_thousands_of_sentences_come_in_pages_and_are_stored_in_their_order(
    count: int, transcribed: Stack, twilio: Simulator
) -> None:
    said = [line.text for line in spoken([Sentences(sentences=count, seconds=3)])]
    twilio.state.recordings[RECORDING_SID].sounds = tuple(
        Sound("outbound" if number % 3 == 0 else "inbound", number * 3.37, number * 3.37 + 3.01, text)
        for number, text in enumerate(said)
    )
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    (insights,) = transcribed.read(CALL_SID).insights
    assert [one.text for one in insights.sentences] == said
    assert [one.index for one in insights.sentences] == list(range(count))
    assert [insights.speaker(one) for one in insights.sentences[:4]] == ["Agent", "Customer", "Customer", "Agent"]
    last = insights.sentences[-1]
    assert (last.start, last.end) == (Decimal(f"{(count - 1) * 3.37:.2f}"), Decimal(f"{(count - 1) * 3.37 + 3.01:.2f}"))
    assert (row(transcribed)["state"], insights.transcript.sid) == ("stored", TRANSCRIPT_SID)


@pytest.mark.parametrize(
    ("path", "one"),
    [
        (SENTENCES, r'{"sentence_index": 0, "media_channel": 1, "transcript": "cut \ud83d"}'),
        (RESULTS, r'{"name": "a", "text_generation_results": {"result": "cut \ud83d"}}'),
    ],
)
def test_a_text_that_was_cut_in_the_middle_of_a_character_is_stored(
    path: str, one: str, transcribed: Stack, twilio: Simulator
) -> None:
    answer(twilio, "GET", path, 200, page("rows", one))
    transcribed.invoke("store_insights", webhook_of())
    assert state(transcribed) == ("stored", None)
