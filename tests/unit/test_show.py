"""What people are shown of a call, to the letter; and that a call stored otherwise than it was is noticed."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from callscribe.adapters.items import StoredCall
from callscribe.domain.transcript import Insights, Role
from callscribe_tools import show, verdict
from callscribe_tools.json_numbers import json_text
from callscribe_tools.simulator import Call, Scenario, Simulator
from harness.stack import NUMBER, Stack

SHOWN = """\
OperatorResults count: 3

--- OperatorResult[0] ---
operatorType: json
name: product-feedback
operatorSid: LY11111111111111111111111111111111
extractMatch: null
matchProbability: null
normalizedResult: null
utteranceMatch: null
predictedLabel: null
predictedProbability: null
labelProbabilities: {}
extractResults: {}
utteranceResults: []
textGenerationResults: null
jsonResults: {
  "category": "other",
  "emotion": "negative"
}
transcriptSid: GT
url: https://intelligence.twilio.com/v2/Transcripts/GT/OperatorResults/LY11111111111111111111111111111111

--- OperatorResult[1] ---
operatorType: text-generation
name: Conversation Summary
operatorSid: LY22222222222222222222222222222222
extractMatch: null
matchProbability: null
normalizedResult: null
utteranceMatch: null
predictedLabel: null
predictedProbability: null
labelProbabilities: {}
extractResults: {}
utteranceResults: []
textGenerationResults: {
  "format": "text",
  "result": "The customer is experiencing issues logging into their account. The call center agent informs the \
customer that they are unable to access the account system. The conversation revolves around troubleshooting the login \
problem."
}
jsonResults: null
transcriptSid: GT
url: https://intelligence.twilio.com/v2/Transcripts/GT/OperatorResults/LY22222222222222222222222222222222

--- OperatorResult[2] ---
operatorType: conversation-classify
name: Sentiment Analysis
operatorSid: LY33333333333333333333333333333333
extractMatch: null
matchProbability: null
normalizedResult: null
utteranceMatch: null
predictedLabel: neutral
predictedProbability: 1.0
labelProbabilities: {
  "neutral": 1
}
extractResults: {}
utteranceResults: []
textGenerationResults: null
jsonResults: null
transcriptSid: GT
url: https://intelligence.twilio.com/v2/Transcripts/GT/OperatorResults/LY33333333333333333333333333333333"""


@pytest.fixture
def placed(stack: Stack, twilio: Simulator, scenario: Scenario) -> tuple[Call, StoredCall]:
    call = twilio.place_call(scenario, to=NUMBER)
    stack.work("request_transcript", "RecordingsQueue")
    twilio.complete_transcripts()
    stack.work("store_insights", "TranscriptsQueue")
    return call, stack.read(call.sid)


def test_operator_results_are_printed_as_twilios_sample_prints_them(placed: tuple[Call, StoredCall]) -> None:
    _, stored = placed
    (insights,) = stored.insights
    as_twilio_has_them = [
        {name: one for name, one in result.items() if name != "made_by"} for result in insights.results
    ]
    printed = "\n".join(show.results(as_twilio_has_them)).replace(insights.transcript.sid, "GT")
    assert printed == SHOWN


def test_people_are_told_summary_sentiment_and_own_fields(placed: tuple[Call, StoredCall]) -> None:
    lines = list(show.for_people(placed[1]))
    assert lines[lines.index("Operator results: 3") :] == [
        "Operator results: 3",
        "  Conversation Summary",
        "    The customer is experiencing issues logging into their account. The call center agent informs the "
        "customer that they are unable to access the account system. The conversation revolves around troubleshooting "
        "the login problem.",
        "  Sentiment Analysis",
        "    neutral (100%)",
        "  product-feedback",
        "    category: other",
        "    emotion: negative",
    ]


def test_people_are_shown_who_called_when_and_who_said_what(placed: tuple[Call, StoredCall]) -> None:
    call, stored = placed
    lines = list(show.for_people(stored))
    assert lines[:5] == [
        f"Call {call.sid}",
        f"  from     {call.from_}",
        f"  to       {call.to}",
        f"  started  {call.started:%Y-%m-%dT%H:%M:%SZ}",
        f"  lasted   {call.seconds} s",
    ]
    assert "     1.0 s  Customer: We cannot log in to your account system." in lines
    (sid,) = (one.transcript.sid for one in stored.insights)
    assert f"Transcript {sid}: completed, 1 sentence" in lines


@pytest.mark.parametrize(
    ("longest", "numbers"), [(None, range(7)), (7, range(7)), (6, [0, 1, 2, None, 4, 5, 6]), (2, [0, None, 6])]
)
def test_of_a_long_call_people_are_shown_the_beginning_and_the_end(
    longest: int | None, numbers: Sequence[int | None], placed: tuple[Call, StoredCall]
) -> None:
    stored = placed[1]
    (one,) = stored.insights
    said = [one.sentences[0].model_copy(update={"index": n, "text": f"This is number {n}."}) for n in range(7)]
    long = replace(stored, insights=[one.model_copy(update={"sentences": said})])
    shown = [line for line in show.for_people(long, longest) if " s  Customer: " in line or "more …" in line]
    left_out = 7 - sum(number is not None for number in numbers)
    assert shown == [
        f"  … {left_out} more …" if number is None else f"     1.0 s  Customer: This is number {number}."
        for number in numbers
    ]


def test_machines_are_given_json(placed: tuple[Call, StoredCall]) -> None:
    document = json.loads(json_text(show.for_machines(placed[1])))
    assert document["insights"][0]["sentences"][0]["speaker"] == "Customer"
    assert document["call"]["seconds"] == placed[0].seconds
    assert document["insights"][0]["results"][0]["made_by"]["configuration_sha256"]


def test_a_call_stored_as_it_was_differs_in_nothing(placed: tuple[Call, StoredCall], scenario: Scenario) -> None:
    assert list(verdict.differences(scenario, *placed)) == []


def _nobody_known(insights: Insights) -> Insights:
    unknown = [one.model_copy(update={"role": Role.UNKNOWN}) for one in insights.participants]
    return insights.model_copy(update={"participants": unknown})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda one: one.model_copy(update={"sentences": []}), "sentences"),
        (lambda one: one.model_copy(update={"sentences": [*one.sentences, one.sentences[0]]}), "sentences"),
        (_nobody_known, "sentences"),
        (lambda one: one.model_copy(update={"results": one.results[1:]}), "operator results"),
        (lambda one: one.model_copy(update={"results": [{}, *one.results[1:]]}), "product-feedback"),
    ],
)
def test_what_is_stored_otherwise_is_named(
    change: Callable[[Insights], Insights], named: str, placed: tuple[Call, StoredCall], scenario: Scenario
) -> None:
    call, stored = placed
    wrong = replace(stored, insights=[change(stored.insights[0])])
    assert named in " ".join(verdict.differences(scenario, call, wrong))


def test_a_call_that_was_recorded_in_one_channel_only_is_named(
    placed: tuple[Call, StoredCall], scenario: Scenario
) -> None:
    call, stored = placed
    mono = replace(call, recordings=[one for one in call.recordings if one.channels == 1])
    assert list(verdict.differences(scenario, mono, stored)) == [
        "there should be one recording in two channels at Twilio, and there are 0"
    ]


@pytest.mark.parametrize(("field", "value"), [("state", "failed"), ("channels", 1)])
def test_a_recording_that_ended_otherwise_is_named(
    field: str, value: object, placed: tuple[Call, StoredCall], scenario: Scenario
) -> None:
    call, stored = placed
    recordings = {sid: {**one, field: value} for sid, one in stored.recordings.items()}
    assert list(verdict.differences(scenario, call, replace(stored, recordings=recordings)))
