"""What samconfig.toml says of an environment, read as sam reads it."""

from pathlib import Path

import pytest

from callscribe_tools.local_aws import DeployError, section


@pytest.fixture
def samconfig(tmp_path: Path) -> Path:
    return tmp_path / "samconfig.toml"


def says(samconfig: Path, overrides: str) -> Path:
    samconfig.write_text(f'[dev.deploy.parameters]\nstack_name = "callscribe-dev"\nparameter_overrides = {overrides}\n')
    return samconfig


@pytest.mark.parametrize(
    "overrides",
    [
        '["RetentionDays=30", "LogLevel=DEBUG"]',
        '"RetentionDays=30 LogLevel=DEBUG"',
        '["RetentionDays=30 LogLevel=DEBUG"]',
    ],
)
def test_the_parameters_of_an_environment_are_read_however_they_are_listed(samconfig: Path, overrides: str) -> None:
    told = section("dev", says(samconfig, overrides))
    assert (told.env, told.stack_name) == ("dev", "callscribe-dev")
    assert told.overrides == {"RetentionDays": "30", "LogLevel": "DEBUG"}


def test_a_value_may_be_quoted_and_hold_spaces_and_an_equals_sign(samconfig: Path) -> None:
    told = section("dev", says(samconfig, """['SweepSchedule="rate(5 minutes)"', "Tag=a=b"]"""))
    assert told.overrides == {"SweepSchedule": "rate(5 minutes)", "Tag": "a=b"}


def test_an_environment_without_parameters_has_the_defaults(samconfig: Path) -> None:
    samconfig.write_text('[local.deploy.parameters]\nstack_name = "callscribe-local"\n')
    assert section("local", samconfig).overrides == {}


@pytest.mark.parametrize("word", ["RetentionDays", "ParameterKey=RetentionDays,ParameterValue=30"])
def test_a_parameter_written_otherwise_is_refused_with_what_it_should_be(samconfig: Path, word: str) -> None:
    with pytest.raises(DeployError, match=r"The parameters of dev hold '.*'. Write each as Name=value"):
        section("dev", says(samconfig, f'["{word}"]'))


def test_an_environment_that_is_not_there_is_named(samconfig: Path) -> None:
    with pytest.raises(DeployError, match=r"says nothing of how prod is deployed: 'prod' is missing"):
        section("prod", says(samconfig, "[]"))
