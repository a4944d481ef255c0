"""`callscribe` as a whole: help that teaches, environments that are found, errors that say what to do."""

import json
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from typer.testing import CliRunner, Result

from callscribe.domain.recording import State
from callscribe_tools.operator.cli import app
from callscribe_tools.operator.cli_common import MEANINGS
from callscribe_tools.operator.cli_docs import commands
from callscribe_tools.simulator.cli import app as simulator
from callscribe_tools.words import quantity
from harness.deployed import Deployed
from harness.loopback import nobody_answers
from harness.stack import Stack, aws
from harness.template import REPOSITORY

COMMANDS = list(commands())


@pytest.mark.parametrize("command", [[], *COMMANDS])
def test_help_teaches_by_an_example_and_tells_the_exit_statuses(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"], prog_name="callscribe")
    assert result.exit_code == 0
    assert re.search(r"^ *Example: callscribe ", result.stdout, re.MULTILINE)
    assert re.search(r"Exit status:\n +0  fine\n", result.stdout)
    assert "130  Ctrl-C" in result.stdout


@pytest.mark.parametrize("app_", [app, simulator], ids=["callscribe", "callscribe-sim"])
def test_the_version_is_told(app_: Any) -> None:
    name = "callscribe" if app_ is app else "callscribe-sim"
    result = CliRunner().invoke(app_, ["--version"], prog_name=name)
    assert (result.exit_code, result.stdout) == (0, f"{name} {version('callscribe-tools')}\n")


@pytest.mark.parametrize("command", [[], *COMMANDS])
def test_h_is_help(command: list[str]) -> None:
    asked = [CliRunner().invoke(app, [*command, option], prog_name="callscribe").stdout for option in ("-h", "--help")]
    assert asked[0] == asked[1]
    assert "-h, --help" in asked[0]


@pytest.mark.parametrize("command", [[], ["call"], ["serve"], ["scenarios"], ["faults"]])
def test_h_is_help_of_the_simulator(command: list[str]) -> None:
    asked = [CliRunner().invoke(simulator, [*command, option]).stdout for option in ("-h", "--help")]
    assert asked[0] == asked[1]
    assert "-h, --help" in asked[0]


def widths() -> Iterator[Any]:
    yield from (pytest.param(app, one, columns) for one in [[], *COMMANDS] for columns in (60, 80))
    yield from (pytest.param(simulator, one, columns) for one in ([], ["call"], ["serve"]) for columns in (60, 80))


@pytest.mark.parametrize(("app_", "command", "columns"), [*widths()])
def test_no_list_of_the_help_is_cut_off(app_: Any, command: list[str], columns: int) -> None:
    told = CliRunner().invoke(app_, [*command, "--help"], terminal_width=columns, color=False).stdout
    # An ellipsis of three points is Click's; ours is one character, as in CA….
    assert "..." not in told.replace("[ARGS]...", "")
    lists = told.partition("Options:")[2].partition("Exit status:")[0]
    assert [line for line in lists.splitlines() if len(line) > columns] == []


def test_the_help_of_calls_names_each_state() -> None:
    told = CliRunner().invoke(app, ["calls", "--help"], terminal_width=60).stdout
    assert all(state in told for state in State)


def test_each_exit_status_has_one_meaning_in_the_docs() -> None:
    page = (REPOSITORY / "docs" / "cli.md").read_text()
    for status, meaning in MEANINGS.items():
        assert f"| {int(status)} | {meaning} |" in page
    for command in COMMANDS:
        told = CliRunner().invoke(app, [*command, "--help"]).stdout.partition("Exit status:")[2]
        assert {int(line.split()[0]) for line in told.splitlines() if line.strip()} <= set(MEANINGS)


# --- which stack


def test_the_stack_is_that_of_the_environment(callscribe: Callable[..., Result]) -> None:
    assert json.loads(callscribe("failed", "--json").stdout)["stack"] == "callscribe-dev"
    result = callscribe("failed", "--env", "prod")
    assert result.exit_code == 3
    assert "There is no stack callscribe-prod in us-east-1. Deploy it" in result.stderr


def test_the_stack_may_be_named_and_is_in_the_commands_to_try_next(
    callscribe: Callable[..., Result], stack: Stack, bury: Callable[..., None], tmp_path: Path, monkeypatch: Any
) -> None:
    assert stack.physical_ids
    monkeypatch.chdir(tmp_path)
    bury("Recordings", "a=b")
    result = callscribe("failed", "--stack", "callscribe-dev")
    assert result.exit_code == 0
    assert "callscribe redrive --stack callscribe-dev" in result.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "There is no samconfig.toml here"),
        ("version = ", "samconfig.toml is no TOML"),
        ("version = 0.1", "samconfig.toml has no stack_name for dev"),
    ],
)
def test_without_its_configuration_the_way_out_is_told(
    text: str | None, told: str, callscribe: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "samconfig.toml").write_text(text)
    result = callscribe("failed")
    assert result.exit_code == 3
    assert told in result.stderr
    assert "--stack callscribe-dev" in result.stderr


@pytest.mark.parametrize("name", ["CallsTableName", "LookAgainSeconds", "SweepFunctionName"])
def test_a_stack_of_another_version_is_said_to_be_one(
    name: str, callscribe: Callable[..., Result], deployed: Deployed
) -> None:
    deployed.changed[name] = None
    result = callscribe("sweep")
    assert result.exit_code == 3
    assert f"The stack callscribe-dev has no {name}" in result.stderr


# --- what AWS refuses


def test_without_credentials_it_is_said_how_to_have_some(
    callscribe: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "nowhere")
    boto3.setup_default_session()
    result = callscribe("failed")
    assert result.exit_code == 3
    assert "There are no AWS credentials. Log in" in result.stderr


def test_without_a_region_it_is_said_to_be_missing(
    callscribe: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "nowhere")
    boto3.setup_default_session()
    result = callscribe("failed")
    assert result.exit_code == 3
    assert "There is no AWS region. Set AWS_DEFAULT_REGION" in result.stderr


def test_an_unknown_profile_is_said_to_be_one(
    callscribe: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    result = callscribe("failed")
    assert result.exit_code == 3
    assert "There is no AWS profile of that name" in result.stderr


def test_what_is_not_allowed_is_said_with_who_and_what(callscribe: Callable[..., Result], deployed: Deployed) -> None:
    deployed.denied = True
    result = callscribe("failed")
    assert result.exit_code == 3
    assert "Looking for the stack callscribe-dev: You may not do that: arn:aws:iam" in result.stderr


def test_where_nothing_answers_the_endpoint_is_named(
    callscribe: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", nobody_answers())
    monkeypatch.setattr(
        "callscribe_tools.operator.environment._CONFIG",
        Config(retries={"total_max_attempts": 1}),
    )
    result = callscribe("failed")
    assert result.exit_code == 3
    assert "AWS is not reached. Check the network and, if you set it, AWS_ENDPOINT_URL" in result.stderr


def test_a_table_that_is_gone_is_said_to_be(callscribe: Callable[..., Result], empty_stack: Stack) -> None:
    aws("dynamodb").delete_table(TableName=empty_stack.physical_ids["CallsTable"])
    result = callscribe("failed")
    assert result.exit_code == 3
    assert (
        "Looking for what has failed: AWS refuses it (ResourceNotFoundException). What the stack says it has is gone"
        in result.stderr
    )


# --- the settings


def test_settings_that_were_not_written_are_said_to_be_missing(callscribe: Callable[..., Result]) -> None:
    result = callscribe("ledger", "--since", "7d")
    assert result.exit_code == 3
    assert (
        "The settings have not been written. Write them: callscribe secret set and callscribe setup apply"
        in result.stderr
    )


def test_settings_that_are_wrong_are_said_to_be(callscribe: Callable[..., Result], empty_stack: Stack) -> None:
    empty_stack.write_settings({"auth_tokens": [], "numbers": {}, "account_sid": "+12025550142"})
    result = callscribe("ledger", "--since", "7d")
    assert result.exit_code == 3
    assert "the settings document is wrong" in result.stderr.lower()


# --- wrong usage


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["failed", "--since", "yesterday"], "write it as 30d, 12h, 2026-11-01"),
        (["failed", "--since", "99999d99"], "is no time"),
        (["ledger", "--since", "0001-01-01T00:00+14:00"], "is no time"),
        (["ledger", "--since", "9999-12-31T23:00-14:00"], "is no time"),
        (["ledger", "--since", "2999-01-01"], "is in the future"),
        (["ledger", "--since", "1d", "--until", "2d"], "must be after --since"),
        (["ledger", "--since", "1d", "--before-the-stack"], "goes with --repair"),
        (["ledger"], "--since"),
        (["redrive", "--call", "RE" + "1" * 32], "no SID of a call"),
        (["redrive", "--queue", "calls"], "recordings"),
        (["failed", "--env", "test"], "staging"),
        (["failed", "--stack", ""], "it is empty"),
        *(
            ([*command, "--stack", "callscribe-dev", "--env", env], "give one of them")
            for command in (["failed"], ["redrive"], ["ledger", "--since", "1d"], ["sweep"])
            for env in ("dev", "prod")
        ),
    ],
)
def test_wrong_usage_is_told_and_nothing_is_asked(
    arguments: list[str], told: str, callscribe: Callable[..., Result], deployed: Deployed
) -> None:
    deployed.denied = True
    result = callscribe(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr


# --- sweep


def test_sweep_lets_the_stack_sweep_and_prints_what_it_found(
    callscribe: Callable[..., Result], document: Callable[..., Any], stack: Stack
) -> None:
    assert stack.items() == []
    found = document("sweep")
    assert (found["unsettled"], found["due"], found["recordings"]) == (0, 0, 0)
    result = callscribe("sweep")
    assert result.exit_code == 0
    assert "recordings under way" in result.stdout
    assert "unsettled" not in result.stdout
    assert "Nothing was due and nothing was lost" in result.stderr


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"due": 1}, "1 message was sent. The workers need a minute or two: callscribe ledger --since 1d"),
        ({"calls": 1, "transcripts": 2}, "3 messages were sent."),
        ({"erasing": 1}, "1 call has copies left. The next sweeps erase them."),
        ({"behind_seconds": 61}, "The comparison with Twilio is 2 minutes behind."),
    ],
)
def test_sweep_says_what_happens_next(
    found: dict[str, int], told: str, callscribe: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe_tools.operator.environment._sweep", lambda *_: found)
    assert told in callscribe("sweep").stderr


@pytest.mark.parametrize(("number", "words"), [(0, "0 calls"), (1, "1 call"), (2, "2 calls")])
def test_one_thing_is_counted_in_the_singular(number: int, words: str) -> None:
    assert quantity(number, "call") == words


def test_a_sweep_that_fails_says_why(callscribe: Callable[..., Result], empty_stack: Stack) -> None:
    assert empty_stack.physical_ids
    result = callscribe("sweep")
    assert result.exit_code == 1
    assert "The sweep failed: the credentials have not been written yet" in result.stderr
    assert "/callscribe-dev/sweep" in result.stderr


# --- how it looks


def test_at_a_terminal_a_table_has_lines(
    bury: Callable[..., None], callscribe: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    bury("Recordings", "CallSid=CA" + "1" * 32, reason="[bold]odd[/]")
    assert "─" not in callscribe("failed").stdout
    monkeypatch.setattr("callscribe_tools.operator.printing.is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    told = callscribe("failed").stdout
    assert "─" in told
    assert "[bold]odd[/]" in told
    # Where there is no room for all columns nothing is cut.
    monkeypatch.setenv("COLUMNS", "80")
    narrow = callscribe("failed").stdout
    assert "WHAT       message on recordings\nSIDS       CA" + "1" * 32 in narrow
    assert "WHAT TO DO A message or a mistake" in narrow


def test_the_ledger_fits_into_80_columns(
    callscribe: Callable[..., Result], stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stack.items() == []
    monkeypatch.setattr("callscribe_tools.operator.printing.is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    header, line, day, *_ = callscribe("ledger", "--since", "3d").stdout.splitlines()
    assert header.split()[-1] == "MISSING"
    assert set(line) == {"─"}
    assert day.split() == [day[:10], *["0"] * 10]


def test_what_is_slow_tells_how_far_it_is(callscribe: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "dead letters" not in callscribe("failed").stderr
    monkeypatch.setattr("callscribe_tools.operator.printing.QUIET_SECONDS", 0.0)
    assert "Looking at the dead letters of the queue of transcripts" in callscribe("failed").stderr
