"""Scenario files and what is said about wrong ones."""

from decimal import Decimal
from pathlib import Path

import pytest

from callscribe_tools.simulator import ScenarioError, load_scenario
from callscribe_tools.simulator.dialogue import spoken
from callscribe_tools.simulator.scenario import SCENARIOS, Sentences, WaitFor


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_scenario_of_the_project_is_valid_and_named_like_its_file(path: Path) -> None:
    assert load_scenario(path).name == path.stem


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("{say: Hello}", "caller.0.say.seconds: is missing"),
        ("{shout: Hello}", "a step has one of the keys"),
        ("{press: A}", "caller.0.press.press"),
        ("{wait: 1, say: Hello, seconds: 1}", "caller.0.wait.say: is unknown"),
        ("{wait_for: godot}", "caller.0.wait_for.wait_for"),
        ("{agent: Hello}", "caller.0.agent.seconds: is missing"),
        ("{sentences: 0, seconds: 3}", "caller.0.sentences.sentences"),
        ("{sentences: 20000, seconds: 3}", "caller.0.sentences.sentences"),
    ],
)
def test_a_wrong_step_is_explained_with_file_and_field(tmp_path: Path, step: str, told: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(f"name: wrong\nexpect: stored\ncaller: [{step}]\n", encoding="utf-8")

    with pytest.raises(ScenarioError) as error:
        load_scenario(path)

    assert str(path) in str(error.value)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("caller: [{agent: Hello, seconds: 1}]\nagent: {answers_after: 4}", "no agent is on the line here"),
        (
            "caller: [{wait_for: agent}, {wait_for: beep}, {agent: Hello, seconds: 1}]\nagent: {answers_after: 4}",
            "caller.2: no agent is on the line here",
        ),
        ("caller: [{wait_for: agent}]", "nobody answers"),
        ("caller: [{wait_for: agent}]\nagent: {does: busy}", "nobody answers"),
        ("caller: []\nagent: {is: late}", "an agent has one of the keys answers_after, does"),
        ("caller: []\nagent: {does: sleep}", "agent.does.does"),
        ("caller: []\nagent: {answers_after: 0}", "agent.answers_after.answers_after"),
        ("caller: []\ntranscript: {status: lost}", "transcript.status"),
        ("caller: []\nrecording: {status: failed, error_code: 16102}", "failed with 16104"),
        ("caller: []\nrecording: {status: absent, error_code: 16104}", "absent goes with error_code 16101 or 16102"),
        ("caller: []\nreason: too_short", "expected to be stored has no reason"),
    ],
)
def test_a_scenario_that_contradicts_itself_is_explained(tmp_path: Path, lines: str, told: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(f"name: wrong\nexpect: stored\n{lines}\n", encoding="utf-8")

    with pytest.raises(ScenarioError) as error:
        load_scenario(path)

    assert str(path) in str(error.value)
    assert told in str(error.value)


def test_numbers_of_operator_results_stay_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "numbers.yaml"
    result = "{name: x, operator_type: extract, match_probability: 0.1234567890123456789, predicted_probability: '1.0'}"
    path.write_text(f"name: n\ncaller: []\nexpect: stored\noperator_results: [{result}]\n", encoding="utf-8")

    (read,) = load_scenario(path).operator_results

    assert read.match_probability == Decimal("0.1234567890123456789")
    assert read.predicted_probability == "1.0"


def test_two_thousand_five_hundred_sentences_are_all_different_and_alternate() -> None:
    lines = spoken(load_scenario("long_call").caller)

    assert len({line.text for line in lines}) == len(lines) == 2500
    assert [line.speaker for line in lines[:4]] == ["caller", "agent", "caller", "agent"]


def test_sentences_are_all_the_caller_s_when_no_agent_is_on_the_line() -> None:
    three = Sentences(sentences=3, seconds=1)

    lines = spoken([three, WaitFor(wait_for="beep"), three])

    assert {line.speaker for line in lines} == {"caller"}
    assert len({line.text for line in lines}) == 6


def test_an_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(ScenarioError, match="cannot_log_in"):
        load_scenario("no_such_call")


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("name: [", encoding="utf-8")

    with pytest.raises(ScenarioError, match="no YAML"):
        load_scenario(path)
