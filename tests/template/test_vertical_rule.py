"""One set of names from top to bottom: folder = logical id = use case = events = tests."""

from pathlib import Path

import pytest

from harness.template import REPOSITORY, function, function_names, logical_id, resources

FUNCTIONS = function_names()
MOST_LINES = 60


def test_every_folder_is_a_function_and_every_function_a_folder() -> None:
    assert {logical_id(name) for name in FUNCTIONS} == set(resources("AWS::Serverless::Function"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_built_from_the_folder_of_its_name(name: str) -> None:
    assert function(name)["CodeUri"] == f"functions/{name}"
    assert function(name)["Handler"] == "handler.handler"
    assert [file.name for file in (REPOSITORY / "functions" / name).glob("*.py")] == ["handler.py"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_is_thin(name: str) -> None:
    assert len((REPOSITORY / "functions" / name / "handler.py").read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_events_and_unit_tests_of_its_name(name: str) -> None:
    assert list((REPOSITORY / "events" / name).glob("*.json"))
    assert (REPOSITORY / "tests" / "unit" / f"test_{name}.py").is_file()


# An operator erases a call by a command; the sweep goes on with what it could not finish. It has no trigger of its own.
AN_OPERATORS = {"erase_call"}
# What the sweep does is too much for one module.
PARTS_OF_SWEEP = {"comparison", "walk"}


def test_nothing_is_named_after_a_function_that_does_not_exist() -> None:
    use_cases = {file.stem for file in (REPOSITORY / "layers/callscribe/src/callscribe/usecases").glob("[a-z]*.py")}
    events = {folder.name for folder in (REPOSITORY / "events").iterdir() if folder.is_dir()}
    apart = AN_OPERATORS | PARTS_OF_SWEEP
    assert use_cases >= apart
    assert (use_cases - apart) | events <= set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_uses_no_use_case_but_its_own(name: str) -> None:
    assert use_cases_imported_by(REPOSITORY / "functions" / name / "handler.py") <= {name}


def use_cases_imported_by(path: Path) -> set[str]:
    return {
        line.split()[1].removeprefix("callscribe.usecases.")
        for line in path.read_text().splitlines()
        if line.startswith(("from callscribe.usecases.", "import callscribe.usecases."))
    }
