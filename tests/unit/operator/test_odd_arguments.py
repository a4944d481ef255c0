"""Whatever is said on the command line is meant or refused; nothing of it is a mistake of the program's."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from typer.testing import Result

from callscribe_tools.simulator import Call
from callscribe_tools.simulator.server import serving
from harness.stack import Stack

type Reading = Callable[..., Result]

CALL = "CA" + "1" * 32


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """What --profile and --region say is said to the whole process."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize(
    "arguments",
    [
        ["calls", "--limit", "9" * 30],
        ["calls", "--limit", "-1"],
        ["calls", "--limit", "\u0661"],
        ["calls", "--day", "0001-01-01", "--tz", "Asia/Tokyo"],
        ["calls", "--day", "9999-12-31", "--tz", "America/New_York"],
        ["calls", "--day", "2026-02-30"],
        ["calls", "--since", "99999d"],
        ["calls", "--since", "\u0663d"],
        ["calls", "--since", "0001-01-01"],
        ["calls", "--since", "2026-11-01T00:00+99:99"],
        ["calls", "--since", "1d", "--tz", "../../etc/passwd"],
        ["calls", "--tz", ""],
        ["calls", "--tz", "/etc/passwd"],
        ["calls", "--tz", "a\x00b"],
        ["calls", "--number", "+1\n"],
        ["calls", "--number", "\x1b[2J"],
        ["calls", "--continue", "\ud800"],
        ["calls", "--continue", "e30"],
        ["calls", "--state", "\x1b"],
        ["calls", "--stack", "\x1b[2J" * 100],
        ["calls", "--stack", "a b/c"],
        ["calls", "--nonsense", "\x1b[31m"],
        ["show", "\u202e"],
        ["show", CALL + "\n"],
        ["dump", "GT\x00"],
        ["backfill", "--since", "1d", "--dry-run", "--price", "nan"],
        ["backfill", "--since", "1d", "--dry-run", "--price", "inf"],
        ["backfill", "--since", "1d", "--dry-run", "--price", "1e400"],
        ["ledger", "--since", "99999d"],
        ["ledger", "--since", "1d", "--until", "0001-01-01"],
        ["export", "--since", "99999d"],
        ["export", "--since", "1d", "--output", ""],
        ["export", "--since", "1d", "--output", "."],
        ["export", "--since", "1d", "--output", "/", "--force"],
        ["export", "--since", "1d", "--output", "/nowhere/at/all"],
        ["export", "--since", "1d", "--output", "a\x00b"],
        ["export", "--since", "1d", "--output", "x" * 300],
        ["export", "--since", "1d", "--output", "/dev/null/x"],
        ["audio", "{call}", "--channels", "3"],
        ["audio", "{call}", "--output", "/"],
        ["audio", "{call}", "--output", "a\x00b"],
        ["setup", "plan", "--file", "/"],
        ["setup", "plan", "--file", "a\x00b"],
        ["setup", "plan", "--file", "/dev/null"],
        ["erase", "--number", "\x1b[2J", "--yes"],
        ["erase", "--number", "", "--yes"],
        ["redrive", "--call", "\ud800"],
        ["\x1b[2J"],
        ["--profile", "\x1b[2J", "failed"],
        ["--region", "\x1b[2J", "failed"],
    ],
    ids=lambda arguments: ascii(" ".join(arguments))[:60],
)
def test_no_argument_is_a_mistake_of_the_program(arguments: list[str], stored: Call, reading: Reading) -> None:
    assert reading(*(one.format(call=stored.sid) for one in arguments)).exit_code in {0, 1, 2, 3, 4}


def test_what_the_operating_system_refuses_is_said(stored: Call, reading: Reading, tmp_path: Path) -> None:
    assert stored.sid
    (tmp_path / "file").touch()
    result = reading("export", "--since", "1d", "--output", str(tmp_path / "file" / "below"))
    assert result.exit_code == 4
    assert "cannot be written" in result.stderr


def test_an_answer_that_is_none_of_awss_is_said_to_be(
    empty_stack: Stack, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert empty_stack.physical_ids
    page = Route("/", lambda _: PlainTextResponse("<html>Sign in to this network"), methods=["POST"])
    with serving(Starlette(routes=[page])) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", url)
        result = reading("failed")
        found = json.loads(reading("doctor", "--json").stdout)["findings"]
    assert result.exit_code == 3
    assert "The answer cannot be read, and may be none of AWS's." in result.stderr
    assert "may be none of AWS's" in next(one["told"] for one in found if one["name"] == "stack")
