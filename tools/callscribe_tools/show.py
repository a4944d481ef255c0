"""Shows a stored call to people and to machines. Called by the demo; must not read or decide anything itself."""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from callscribe.adapters.items import StoredCall
from callscribe.domain.transcript import Insights, Sentence

# The fields of an operator result in the order, and by the names, in which Twilio's own samples print them.
_RESULT_FIELDS = {
    "operatorType": "operator_type",
    "name": "name",
    "operatorSid": "operator_sid",
    "extractMatch": "extract_match",
    "matchProbability": "match_probability",
    "normalizedResult": "normalized_result",
    "utteranceMatch": "utterance_match",
    "predictedLabel": "predicted_label",
    "predictedProbability": "predicted_probability",
    "labelProbabilities": "label_probabilities",
    "extractResults": "extract_results",
    "utteranceResults": "utterance_results",
    "textGenerationResults": "text_generation_results",
    "jsonResults": "json_results",
    "transcriptSid": "transcript_sid",
    "url": "url",
}


def for_people(stored: StoredCall, longest: int | None = None) -> Iterator[str]:
    """The call, line by line: who, when, each sentence with its speaker, each operator result.

    Parameters:
        longest: of a call with more sentences than that, only so many are shown: half of them its first ones.
    """
    call = stored.call or {}
    yield f"Call {stored.sid}"
    yield f"  from     {call.get('from', '?')}"
    yield f"  to       {call.get('to', '?')}"
    yield f"  started  {call.get('started', '?')}"
    yield f"  lasted   {call.get('seconds', '?')} s"
    for sid, recording in stored.recordings.items():
        channels = f", {recording['channels']} channels" if "channels" in recording else ""
        reason = f" ({recording['reason']})" if "reason" in recording else ""
        yield f"Recording {sid}: {recording['state']}{reason}{channels}"
    for insights in stored.insights:
        count = len(insights.sentences)
        yield f"Transcript {insights.transcript.sid}: {insights.transcript.status}, {count} sentences"
        if longest is None or count <= longest:
            yield from _sentences(insights, insights.sentences)
        else:
            half = longest // 2
            yield from _sentences(insights, insights.sentences[:half])
            yield f"  … {count - 2 * half} more …"
            yield from _sentences(insights, insights.sentences[-half:])
        yield ""
        yield from results(insights.results)


def _sentences(insights: Insights, sentences: Sequence[Sentence]) -> Iterator[str]:
    for sentence in sentences:
        start = "   ?" if sentence.start is None else f"{sentence.start:6.1f}"
        yield f"  {start} s  {insights.speaker(sentence)}: {sentence.text}"


def results(found: Sequence[Mapping[str, Any]], *, unknown: bool = False) -> Iterator[str]:
    """Operator results, field by field.

    Parameters:
        unknown: also those fields that Twilio's samples do not have, behind the others.
    """
    yield f"OperatorResults count: {len(found)}"
    for number, result in enumerate(found):
        yield ""
        yield f"--- OperatorResult[{number}] ---"
        others = {name: name for name in result if name not in _RESULT_FIELDS.values()} if unknown else {}
        for shown, name in {**_RESULT_FIELDS, **others}.items():
            value = result.get(name)
            text = value if isinstance(value, str) else json.dumps(value, indent=2, default=_number, ensure_ascii=False)
            yield f"{shown}: {text}"


def for_machines(stored: StoredCall) -> dict[str, Any]:
    """The call as a document for `as_json`."""
    return {
        "call_sid": stored.sid,
        "call": stored.call,
        "recordings": stored.recordings,
        "insights": [_insights(one) for one in stored.insights],
    }


def as_json(document: Mapping[str, Any]) -> str:
    """A document as JSON. Numbers that JSON's floats cannot hold exactly are strings."""
    return json.dumps(document, indent=2, default=_number, ensure_ascii=False)


def _insights(insights: Insights) -> Mapping[str, Any]:
    return {
        "transcript": insights.transcript.model_dump(exclude={"created"}),
        "participants": [one.model_dump() for one in insights.participants],
        "sentences": [{"speaker": insights.speaker(one)} | one.model_dump() for one in insights.sentences],
        "results": insights.results,
    }


def _number(value: Any) -> int | float | str:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is no number")
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)
