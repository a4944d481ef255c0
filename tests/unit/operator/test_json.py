"""`--json`: standard output holds one JSON document and nothing else, whatever happens, in every command."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from callscribe_tools.operator.cli import app
from callscribe_tools.operator.cli_docs import commands
from callscribe_tools.operator.environment import Environment
from callscribe_tools.simulator import Account, Call, Simulator
from harness.deployed import Deployed
from harness.stack import NUMBER, Stack
from harness.template import REPOSITORY

GROUPS = {("secret",), ("setup",)}
WITHOUT = {("export",)}
"""Commands that have no --json, as the help says."""

NOBODY = "CA" + "9" * 32
FILE = f'[services.english]\noperators = ["Conversation Summary"]\n\n[numbers."{NUMBER}"]\nservice = "english"\n'

type Run = Callable[..., Result]


@pytest.fixture
def run(
    stored: Call,
    deployed: Deployed,
    twilio: Simulator,
    twilio_url: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """A command with --json, on a stack with a call, while each step is slow enough to be told."""
    assert deployed.stack.physical_ids
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setattr(Environment, "twilio_url", property(lambda _: twilio_url))
    monkeypatch.setattr("callscribe_tools.operator.printing.QUIET_SECONDS", 0.0)
    file = tmp_path / "callscribe.toml"
    file.write_text(FILE)
    transcript = next(iter(twilio.state.transcripts))
    (recording,) = [one.sid for one in stored.recordings if one.channels == 2]
    credentials = credentials_of(twilio.account)
    asked: dict[tuple[str, ...], tuple[list[str], str]] = {
        ("secret", "set"): (["--from-stdin"], json.dumps(credentials)),
        ("secret", "check"): ([], ""),
        ("setup", "plan"): (["--file", str(file)], ""),
        ("setup", "apply"): (["--file", str(file)], ""),
        ("setup", "destroy"): (["--yes"], ""),
        ("doctor",): ([], ""),
        ("calls",): ([], ""),
        ("show",): ([stored.sid], ""),
        ("dump",): ([transcript], ""),
        ("audio",): ([stored.sid, "--output", str(tmp_path / "heard.wav")], ""),
        ("failed",): ([], ""),
        ("redrive",): ([], ""),
        ("retranscribe",): ([stored.sid, "--yes"], ""),
        ("transcribe",): ([recording, "--yes"], ""),
        ("backfill",): (["--since", "1d", "--yes"], ""),
        ("ledger",): (["--since", "1d"], ""),
        ("sweep",): ([], ""),
        ("erase",): ([stored.sid, "--yes"], ""),
    }
    assert set(map(tuple, commands())) - GROUPS - WITHOUT == set(asked)

    def ran(command: tuple[str, ...]) -> Result:
        arguments, stdin = asked[command]
        result = CliRunner().invoke(app, [*command, *arguments, "--json"], input=stdin, prog_name="callscribe")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return ran


def credentials_of(account: Account) -> dict[str, str]:
    return {
        "account_sid": account.account_sid,
        "api_key_sid": account.api_key_sid,
        "api_key_secret": account.api_key_secret,
        "auth_token": account.auth_token,
    }


WITH_JSON = [tuple(one) for one in commands() if tuple(one) not in GROUPS | WITHOUT]


@pytest.mark.parametrize("command", WITH_JSON, ids=" ".join)
def test_json_is_alone_on_standard_output(command: tuple[str, ...], run: Run, stored: Call) -> None:
    result = run(command)
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    # Of the two that are refused here: nothing was done for this stack, and the recording is known.
    assert ("error" in document) == (command == ("transcribe",)), result.stderr
    assert stored.sid


MOMENTS = re.compile(r".*_(at|until|since)|since|until|began|started|changed|stack_created|date_\w+")
"""Fields that hold moments, of every command."""


def moments(value: Any, name: str = "") -> Iterator[object]:
    """All values that look like a moment, or that stand in a field of one."""
    match value:
        case dict():
            for inner_name, inner in value.items():
                yield from moments(inner, inner_name)
        case list():
            for inner in value:
                yield from moments(inner)
        case str() if re.match(r"\d{4}-\d\d-\d\d[T ]", value):
            yield value
        case _ if MOMENTS.fullmatch(name) and not isinstance(value, bool | None):
            yield value


WITHOUT_MOMENTS = {
    *{("secret", "set"), ("setup", "plan"), ("setup", "apply"), ("setup", "destroy"), ("doctor",), ("audio",)},
    *{("failed",), ("redrive",), ("retranscribe",), ("transcribe",)},
}
"""Commands whose document for this call has no moment."""


@pytest.mark.parametrize("command", WITH_JSON, ids=" ".join)
def test_every_moment_is_of_one_form(command: tuple[str, ...], run: Run) -> None:
    found = list(moments(json.loads(run(command).stdout)))
    assert bool(found) == (command not in WITHOUT_MOMENTS), found
    assert [one for one in found if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(one))] == []


@pytest.mark.parametrize("command", WITH_JSON, ids=" ".join)
def test_an_error_is_a_part_of_the_document(command: tuple[str, ...], run: Run, deployed: Deployed) -> None:
    deployed.denied = True
    result = run(command)
    document = json.loads(result.stdout)
    if command == ("doctor",):
        # What AWS does not tell is a finding.
        assert result.exit_code == 1
        return
    assert result.exit_code == document["error"]["exit_status"] == 3
    assert document["error"]["message"] in result.stderr


def test_ctrl_c_is_a_part_of_the_document(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("callscribe_tools.operator.commands.calls.environment_of", interrupted)
    result = run(("calls",))
    assert (result.exit_code, json.loads(result.stdout)["error"]["exit_status"]) == (130, 130)


def test_what_was_done_before_an_error_is_told_with_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("callscribe_tools.operator.console.Console.attach", refused)
    document = json.loads(run(("setup", "apply")).stdout)
    assert [one["what"] for one in document["done"]] == ["Service english"]
    assert document["error"]["exit_status"] == 130


def test_a_question_is_not_on_standard_output(
    stored: Call, deployed: Deployed, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployed.stack.physical_ids
    monkeypatch.chdir(REPOSITORY)
    capfd.readouterr()
    with (REPOSITORY / "LICENSE").open() as no:
        monkeypatch.setattr(sys, "stdin", no)
        with pytest.raises(SystemExit) as ended:
            app(["retranscribe", stored.sid, "--json"])
    out, err = capfd.readouterr()
    assert ended.value.code == 4
    document = json.loads(out)
    assert out.startswith("{")
    assert "Delete the transcripts of 1 recording," in err
    assert document["error"]["message"] == "Nothing was done."


def test_the_help_names_the_commands_without_json() -> None:
    told = " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())
    for command in WITHOUT:
        assert f"Each command except `{' '.join(command)}` takes --json" in told
        assert "--json" not in CliRunner().invoke(app, [*command, "--help"]).stdout.partition("Options:")[2]


def test_a_call_that_is_not_there_is_said_in_the_document(stack: Stack, deployed: Deployed, reading: Run) -> None:
    assert deployed.stack is stack
    document = json.loads(reading("show", NOBODY, "--json").stdout)
    assert NOBODY in document["error"]["message"]
