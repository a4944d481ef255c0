"""One call through the deployed stack, from ringing to DynamoDB."""

from decimal import Decimal

import pytest

from callscribe.adapters.items import StoredCall
from callscribe_tools import show, verdict
from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Call, Scenario, load_scenario

SETTLE_SECONDS = 120.0
SENTENCE = "We cannot log in to your account system."


@pytest.fixture(scope="module")
def placed(local: LocalCallscribe) -> tuple[Call, StoredCall]:
    call = local.twilio.place_call(load_scenario("cannot_log_in"), to=local.number, from_="+12025550142")
    local.twilio.check()
    return call, local.wait_until_settled(call.sid, SETTLE_SECONDS, print)


def test_the_call_is_stored_with_who_and_when(placed: tuple[Call, StoredCall]) -> None:
    call, stored = placed
    assert stored.call
    assert (stored.call["from"], stored.call["to"]) == ("+12025550142", "+12025550199")
    assert stored.call["direction"] == "inbound"
    assert stored.call["seconds"] == call.seconds
    assert stored.call["started"] == call.started.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert stored.call["day"] == call.started.strftime("%Y-%m-%d")


def test_the_recording_in_two_channels_is_the_one_that_is_transcribed(placed: tuple[Call, StoredCall]) -> None:
    call, stored = placed
    (dual,) = (one for one in call.recordings if one.channels == 2)
    assert list(stored.recordings) == [dual.sid]
    (recording,) = stored.recordings.values()
    assert recording["state"] == "stored"
    assert recording["attempts"] == 1
    assert "due_at" not in recording


def test_only_what_the_caller_said_is_transcribed_and_it_is_the_customer_who_says_it(
    placed: tuple[Call, StoredCall],
) -> None:
    (insights,) = placed[1].insights
    assert [(insights.speaker(one), one.text) for one in insights.sentences] == [("Customer", SENTENCE)]
    assert insights.sentences[0].confidence == Decimal("0.95")


def test_the_operator_results_print_as_twilios_own_sample_prints_them(placed: tuple[Call, StoredCall]) -> None:
    (insights,) = placed[1].insights
    printed = "\n".join(show.results(insights.results))
    assert "OperatorResults count: 3" in printed
    assert 'jsonResults: {\n  "category": "other",\n  "emotion": "negative"\n}' in printed
    assert 'predictedLabel: neutral\npredictedProbability: 1.0\nlabelProbabilities: {\n  "neutral": 1\n}' in printed
    assert '"result": "The customer is experiencing issues logging into their account.' in printed


def test_twilio_was_told_who_speaks_on_which_channel(local: LocalCallscribe, placed: tuple[Call, StoredCall]) -> None:
    (transcript,) = (one for one in local.twilio.state.transcripts.values() if one.customer_key == placed[0].sid)
    assert transcript.channel["participants"] == [
        {"channel_participant": 1, "role": "Customer"},
        {"channel_participant": 2, "role": "Agent"},
    ]


def test_the_call_is_stored_as_its_scenario_tells_it(placed: tuple[Call, StoredCall]) -> None:
    assert verdict.lasting_differences(load_scenario("cannot_log_in"), *placed) == []


def test_a_transcript_that_does_not_tell_its_recording_is_stored_all_the_same(
    local: LocalCallscribe, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local.twilio.unknowns, "transcript_channel_echoed", False)
    call = local.twilio.place_call(scenario, to=local.number)
    stored = local.wait_until_settled(call.sid, SETTLE_SECONDS, print)
    assert verdict.lasting_differences(scenario, call, stored) == []


def test_twilio_would_have_refused_and_ignored_nothing(local: LocalCallscribe, placed: tuple[Call, StoredCall]) -> None:
    assert placed
    local.twilio.check()


def test_several_calls_at_once_are_all_stored(local: LocalCallscribe, scenario: Scenario) -> None:
    calls = [
        local.twilio.place_call(scenario, to=local.number, from_=f"+120255501{number:02}") for number in range(20, 24)
    ]
    for call in calls:
        stored = local.wait_until_settled(call.sid, SETTLE_SECONDS, print)
        assert stored.call
        assert stored.call["from"] == call.from_
        assert [one["state"] for one in stored.recordings.values()] == ["stored"]
