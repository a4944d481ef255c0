"""Shows a stored call to people and to machines. Called by the demo; must not read or decide anything itself.

It gives lines, and a line may hold whatever somebody has said: `terminal.print_line` makes it harmless.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from callscribe.adapters.dynamodb import iso, moment_of
from callscribe.adapters.items import StoredCall
from callscribe.domain.call import shown_party
from callscribe.domain.transcript import Insights, Sentence
from callscribe_tools.json_numbers import json_text, measure, with_measured_probabilities
from callscribe_tools.words import quantity

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
    yield f"  from     {shown(call.get('from', '?'))}"
    yield f"  to       {shown(call.get('to', '?'))}"
    yield f"  started  {call.get('started', '?')}"
    yield f"  lasted   {call.get('seconds', '?')} s"
    for sid, recording in stored.recordings.items():
        channels = f", {quantity(int(recording['channels']), 'channel')}" if "channels" in recording else ""
        reason = f" ({recording['reason']})" if "reason" in recording else ""
        yield f"Recording {sid}: {recording['state']}{reason}{channels}"
    for insights in stored.insights:
        count = len(insights.sentences)
        yield f"Transcript {insights.transcript.sid}: {insights.transcript.status}, {quantity(count, 'sentence')}"
        if longest is None or count <= longest:
            yield from _sentences(insights, insights.sentences)
        else:
            half = longest // 2
            yield from _sentences(insights, insights.sentences[:half])
            yield f"  … {count - 2 * half} more …"
            yield from _sentences(insights, insights.sentences[-half:])
        yield ""
        yield from results_for_people(insights.results)


def _sentences(insights: Insights, sentences: Sequence[Sentence]) -> Iterator[str]:
    for sentence in sentences:
        start = "   ?" if sentence.start is None else f"{sentence.start:6.1f}"
        yield f"  {start} s  {insights.speaker(sentence)}: {sentence.text}"


_SHOWN_FIRST = ("text-generation", "conversation-classify")
"""Types of operators whose results people look for first: the summary, then the sentiment."""

_NO_RESULT = frozenset(
    {
        *("operator_type", "name", "operator_sid", "transcript_sid", "url", "made_by"),
        # The label and the text of these are shown in words.
        *("predicted_label", "predicted_probability", "label_probabilities", "text_generation_results"),
    }
)
"""Fields of an operator result that say where it is from, or that have words of their own."""


def results_for_people(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """List operator results: the name of each, and below it what it says. An empty field is not shown."""
    yield f"Operator results: {len(found)}"
    ranks = {kind: rank for rank, kind in enumerate(_SHOWN_FIRST)}
    for result in sorted(found, key=lambda one: ranks.get(str(one.get("operator_type")), len(ranks))):
        yield f"  {result.get('name') or result.get('operator_sid') or '(without a name)'}"
        yield from (f"    {line}" for line in list(_said(result)) or ["no result"])


def _said(result: Mapping[str, Any]) -> Iterator[str]:
    written = result.get("text_generation_results")
    text = written.get("result") if isinstance(written, Mapping) else written
    yield from _listed(text)
    if label := result.get("predicted_label"):
        yield f"{label}{_probability(result.get('predicted_probability'))}"
    else:
        yield from _listed(result.get("label_probabilities"))
    fields = {name: value for name, value in result.items() if name not in _NO_RESULT}
    # Own fields are what the operator's schema names; that they are the JSON result needs no saying.
    yield from _listed(fields.pop("json_results", None))
    yield from _listed(fields)


def _probability(value: object) -> str:
    if value in (None, ""):
        return ""
    try:
        return f" ({Decimal(str(value)):.0%})"
    except (InvalidOperation, ValueError):
        return f" ({value})"


def _listed(value: object) -> Iterator[str]:
    """List a value of JSON's, a line for each text or number; what is empty gives none."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _named(str(name), list(_listed(inner)), one_line=not isinstance(inner, Mapping | list))
    elif isinstance(value, list):
        for inner in value:
            first, *others = list(_listed(inner)) or [""]
            yield from [f"- {first}", *(f"  {line}" for line in others)] if first else []
    elif isinstance(value, bool):
        yield "yes" if value else "no"
    elif value not in (None, ""):
        yield from str(value).replace("\r\n", "\n").split("\n")


def _named(name: str, lines: Sequence[str], *, one_line: bool) -> Iterator[str]:
    if one_line and len(lines) == 1:
        yield f"{name}: {lines[0]}"
    elif lines:
        yield from [f"{name}:", *(f"  {line}" for line in lines)]


def results(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Operator results as Twilio has them, field by field; fields that its samples do not have come last."""
    yield f"OperatorResults count: {len(found)}"
    for number, result in enumerate(found):
        yield ""
        yield f"--- OperatorResult[{number}] ---"
        others = {name: name for name in result if name not in _RESULT_FIELDS.values()}
        for shown, name in {**_RESULT_FIELDS, **others}.items():
            value = result.get(name)
            lines = [value] if isinstance(value, str) else json_text(value).split("\n")
            yield from [f"{shown}: {lines[0]}", *lines[1:]]


def for_machines(stored: StoredCall) -> dict[str, Any]:
    """The call as a document for `json_text`."""
    return {
        "call_sid": stored.sid,
        "call": {**_with_moments(stored.call), **_parties(stored.call)} if stored.call else stored.call,
        "recordings": {sid: _with_moments(row) for sid, row in stored.recordings.items()},
        "insights": [_insights(one) for one in stored.insights],
    }


_MOMENTS = frozenset(
    {"delete_at", "deleting_until", "due_at", "expires_at", "kept_until", "overdue_since", "unsettled_since"}
)
"""Attributes of an item that are seconds since 1970. Every other moment of an item is a text already."""


def _with_moments(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: iso(moment_of(value)) if name in _MOMENTS else value for name, value in item.items()}


def _parties(call: Mapping[str, Any]) -> dict[str, Any]:
    return {name: shown(call[name]) for name in ("from", "to") if name in call}


def shown(party: Any) -> Any:
    """Show a caller whose number is withheld as such, and not by the digits that Twilio writes for it."""
    return shown_party(party) if isinstance(party, str) else party


def _insights(insights: Insights) -> Mapping[str, Any]:
    return {
        "transcript": insights.transcript.model_dump(exclude={"created"}),
        "participants": [one.model_dump() for one in insights.participants],
        "sentences": [{"speaker": insights.speaker(one)} | _measured(one) for one in insights.sentences],
        "results": with_measured_probabilities(insights.results),
    }


def _measured(sentence: Sentence) -> dict[str, Any]:
    fields = sentence.model_dump()
    return fields | {name: measure(fields[name]) for name in ("start", "end", "confidence")}
