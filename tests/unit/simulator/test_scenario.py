"""Scenario files and what is said about wrong ones."""

from pathlib import Path

import pytest

from callscribe_tools.simulator import ScenarioError, load_scenario
from callscribe_tools.simulator.scenario import SCENARIOS


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_scenario_of_the_project_is_valid_and_named_like_its_file(path: Path) -> None:
    assert load_scenario(path).name == path.stem


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("{say: Hello}", "caller.0.say.seconds: Field required"),
        ("{shout: Hello}", "a step has one of the keys"),
        ("{press: A}", "caller.0.press.press"),
        ("{wait: 1, say: Hello, seconds: 1}", "caller.0.wait.say: Extra inputs"),
        ("{wait_for: godot}", "caller.0.wait_for.wait_for"),
    ],
)
def test_a_wrong_step_is_explained_with_file_and_field(tmp_path: Path, step: str, told: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(f"name: wrong\nexpect: stored\ncaller: [{step}]\n", encoding="utf-8")

    with pytest.raises(ScenarioError) as error:
        load_scenario(path)

    assert str(path) in str(error.value)
    assert told in str(error.value)


def test_an_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(ScenarioError, match="cannot_log_in"):
        load_scenario("no_such_call")


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("name: [", encoding="utf-8")

    with pytest.raises(ScenarioError, match="no YAML"):
        load_scenario(path)
