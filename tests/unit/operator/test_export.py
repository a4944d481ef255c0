"""`callscribe export`: all calls of a time, a line each, whole and readable by machines."""

import csv
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from callscribe.adapters.table import CallTable
from callscribe.domain.errors import TransientError
from callscribe_tools.operator.export import COLUMNS
from callscribe_tools.simulator import Call, Scenario, Simulator
from harness.erasing import erase
from harness.later import work
from harness.stack import CALLER, NUMBER, Stack

type Reading = Callable[..., Result]


def another(stack: Stack, twilio: Simulator, scenario: Scenario) -> Call:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    return call


def test_json_lines_hold_all_that_is_stored_of_each_call(
    stored: Call, stack: Stack, twilio: Simulator, scenario: Scenario, reading: Reading
) -> None:
    second = another(stack, twilio, scenario)
    result = reading("export", "--since", "1h")
    documents = [json.loads(line) for line in result.stdout.splitlines()]
    assert {one["call_sid"] for one in documents} == {stored.sid, second.sid}
    shown = json.loads(reading("show", stored.sid, "--json").stdout)
    (document,) = (one for one in documents if one["call_sid"] == stored.sid)
    for recording in shown["recordings"].values():
        # Advice, which is stored nowhere.
        assert (recording.pop("what_to_do"), recording.pop("command")) == (None, None)
    assert document == {name: value for name, value in shown.items() if name in document}
    assert document["insights"][0]["sentences"]
    assert "callscribe erase" in result.stderr


def test_numbers_are_written_as_they_are_stored(stored: Call, reading: Reading) -> None:
    (shown,) = json.loads(reading("show", stored.sid, "--json").stdout, parse_float=str)["insights"]
    (line,) = reading("export", "--since", "1h").stdout.splitlines()
    (exported,) = json.loads(line, parse_float=str)["insights"]
    assert exported == shown


def test_csv_has_a_line_for_each_recording_with_what_analysts_ask_for(
    stored: Call, reading: Reading, tmp_path: Path
) -> None:
    file = tmp_path / "calls.csv"
    assert reading("export", "--since", "1h", "--format", "csv", "--output", str(file)).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert tuple(rows[0]) == COLUMNS
    (row,) = (one for one in rows if one["state"] == "stored")
    assert (row["call_sid"], row["from"], row["to"], row["channels"]) == (stored.sid, CALLER, NUMBER, "2")
    assert row["sentiment"] == "neutral"
    assert row["summary"]
    assert row["text"].startswith("Customer: ")
    assert {one["name"] for one in json.loads(row["results"])} >= {"Conversation Summary", "Sentiment Analysis"}


@pytest.mark.parametrize("words", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_words_that_a_spreadsheet_would_take_for_a_formula_are_none(
    words: str, stored: Call, stack: Stack, reading: Reading
) -> None:
    (item,) = (one for one in stack.items() if one["pk"] == f"CALL#{stored.sid}" and "results" in one)
    for result in item["results"]:
        if result["operator_type"] == "text-generation":
            result["text_generation_results"] = {"format": "text", "result": words}
    stack.table().put_item(Item=item)
    text = reading("export", "--since", "1h", "--format", "csv").stdout
    (row,) = (one for one in csv.DictReader(text.splitlines(keepends=True)) if one["state"] == "stored")
    assert row["summary"] == f"'{words}"


@pytest.mark.parametrize("words", ["a", "\U0001f600", '"', "\x1b"])
def test_a_cell_is_no_longer_than_a_spreadsheet_takes_and_says_where_the_rest_is(
    words: str, stored: Call, stack: Stack, reading: Reading
) -> None:
    items = [one for one in stack.items() if one["pk"] == f"CALL#{stored.sid}"]
    for item in items:
        for result in item.get("results", []):
            if result["operator_type"] == "text-generation":
                result["text_generation_results"] = {"format": "text", "result": words * 40_000}
                stack.table().put_item(Item=item)
    text = reading("export", "--since", "1h", "--format", "csv").stdout
    (row,) = (one for one in csv.DictReader(text.splitlines(keepends=True)) if one["state"] == "stored")
    longest = max(len(one.encode("utf-16-le")) // 2 for one in row.values())
    assert longest <= 32_767
    mark = f"[cut: callscribe show {stored.sid} and --format jsonl have all of it]"
    assert row["summary"].endswith(f" {mark}")
    assert json.loads(row["results"]) == mark


def test_an_erased_call_is_not_in_it(stored: Call, stack: Stack, reading: Reading) -> None:
    erase(stack, stored.sid)
    assert reading("export", "--since", "1h").stdout == ""


def test_a_file_that_is_there_is_replaced_only_if_told_to(stored: Call, reading: Reading, tmp_path: Path) -> None:
    assert stored.sid
    file = tmp_path / "calls.jsonl"
    file.write_text("mine")
    asked = ("export", "--since", "1h", "--output", str(file))
    result = reading(*asked)
    assert (result.exit_code, file.read_text()) == (4, "mine")
    assert "--force" in result.stderr
    assert reading(*asked, "--force").exit_code == 0
    assert json.loads(file.read_text())["call_sid"] == stored.sid


def test_what_is_interrupted_leaves_no_half_file(
    stored: Call, reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stored.sid

    def fail(*_: Any) -> Any:
        raise TransientError("reading the call: DynamoDB answered 500")

    monkeypatch.setattr(CallTable, "read", fail)
    result = reading("export", "--since", "1h", "--output", str(tmp_path / "calls.jsonl"))
    assert result.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_only_calls_of_that_time_are_in_it(stored: Call, reading: Reading) -> None:
    assert stored.sid
    assert reading("export", "--since", "2h", "--until", "1h").stdout == ""
    assert reading("export", "--since", "1h", "--until", "2h").exit_code == 2
