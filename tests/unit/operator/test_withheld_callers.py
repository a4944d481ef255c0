"""The command line takes a withheld number for nobody, and says so."""

import csv
import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from callscribe_tools.simulator import Call, Scenario, Simulator
from callscribe_tools.simulator.caller_ids import WITHHELD_NUMBERS
from harness.later import work
from harness.stack import NUMBER, Stack

type Reading = Callable[..., Result]


@pytest.fixture
def withheld(stack: Stack, twilio: Simulator, scenario: Scenario) -> Call:
    """A stored call of somebody who withholds the number."""
    call = twilio.place_call(scenario.model_copy(update={"withheld": "anonymous"}), to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    return call


@pytest.mark.parametrize("number", [*WITHHELD_NUMBERS.values(), "+15", "anonymous", "client:alice", ""])
@pytest.mark.parametrize("command", [("calls",), ("erase", "--yes")])
def test_no_call_is_listed_or_erased_by_what_is_no_number(
    number: str, command: tuple[str, ...], withheld: Call, stack: Stack, twilio: Simulator, reading: Reading
) -> None:
    before = stack.items()
    result = reading(*command, "--number", number)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert stack.items() == before
    assert withheld.sid in twilio.state.calls


@pytest.mark.parametrize("command", [("calls",), ("erase", "--yes")])
def test_who_asks_by_a_withheld_number_learns_what_it_means(
    command: tuple[str, ...], stack: Stack, reading: Reading
) -> None:
    assert stack.items() == []
    told = " ".join(reading(*command, "--number", "+266696687").stderr.replace("│", " ").split())
    assert 'means "anonymous"' in told
    assert "identifies nobody" in told


def test_a_withheld_number_is_shown_as_its_word(withheld: Call, reading: Reading) -> None:
    (listed,) = json.loads(reading("calls", "--json").stdout)["calls"]
    assert (listed["from"], listed["to"]) == ("anonymous", NUMBER)
    assert json.loads(reading("show", withheld.sid, "--json").stdout)["call"]["from"] == "anonymous"
    assert json.loads(reading("export", "--since", "1h").stdout)["call"]["from"] == "anonymous"
    (row,) = csv.DictReader(reading("export", "--since", "1h", "--format", "csv").stdout.splitlines())
    assert row["from"] == "anonymous"
    for command in (("calls",), ("show", withheld.sid)):
        told = reading(*command).stdout
        assert "anonymous" in told
        assert "+266696687" not in told
