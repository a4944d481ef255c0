"""Calls of every kind through the deployed stack, all at the same time: each ends as its scenario file says."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from callscribe.adapters.items import StoredCall
from callscribe_tools import demo, verdict
from callscribe_tools.local_callscribe import AGENTS_NUMBER, JAPANESE_NUMBER, LocalCallscribe
from callscribe_tools.simulator import Call, Scenario, load_scenario
from callscribe_tools.simulator.scenario import SCENARIOS

SETTLE_SECONDS = 120.0
CALLS = {**demo.CALLS, "agent_busy": AGENTS_NUMBER, "withheld_number": AGENTS_NUMBER}

type Ended = tuple[Scenario, Call, StoredCall]


@pytest.fixture(scope="module")
def ended(local: LocalCallscribe) -> Mapping[str, Ended]:
    def place(name: str) -> Ended:
        scenario = load_scenario(name)
        call = local.twilio.place_call(scenario, to=CALLS[name])
        return scenario, call, local.wait_until_settled(call.sid, SETTLE_SECONDS, print, recorded=bool(call.recordings))

    with ThreadPoolExecutor(len(CALLS)) as callers:
        return dict(zip(CALLS, callers.map(place, CALLS), strict=True))


def test_every_scenario_is_played() -> None:
    assert {file.stem for file in SCENARIOS.glob("*.yaml")} == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_ends_as_its_scenario_says(name: str, ended: Mapping[str, Ended]) -> None:
    scenario, call, stored = ended[name]
    assert verdict.lasting_differences(scenario, call, stored) == []


def test_twilio_would_have_refused_and_ignored_nothing(local: LocalCallscribe, ended: Mapping[str, Ended]) -> None:
    assert ended
    local.twilio.check()


def test_the_japanese_number_speaks_japanese(ended: Mapping[str, Ended]) -> None:
    assert CALLS["pricing_question"] == JAPANESE_NUMBER
    _, call, _ = ended["pricing_question"]
    assert call.said == ["この通話は録音されます。", "ピーという音のあとに話してください。", "ありがとうございました。"]


def test_both_speakers_of_a_call_that_is_put_through_are_known(ended: Mapping[str, Ended]) -> None:
    _, call, stored = ended["agent_answers"]
    (insights,) = stored.insights
    assert [(one.role, one.number, one.known_from) for one in insights.participants] == [
        ("Customer", call.from_, "call"),
        ("Agent", "+12025550123", "second leg"),
    ]


def test_a_silent_call_is_stored_without_a_sentence(ended: Mapping[str, Ended]) -> None:
    (insights,) = ended["silent_call"][2].insights
    assert insights.sentences == []


def test_a_long_call_is_stored_to_its_last_sentence(ended: Mapping[str, Ended]) -> None:
    (insights,) = ended["long_call"][2].insights
    assert len(insights.sentences) == 2500
    assert insights.sentences[-1].index == 2499
