"""The Callscribe that `make demo KEEP=1` keeps running on this machine: one at a time, found by `--env local`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from callscribe_tools import demo
from callscribe_tools.operator.errors import OperatorError
from callscribe_tools.operator.local import NOTE, Local, kept_alone, noted, program, running
from callscribe_tools.simulator import SimulationError

HERE = Local(aws_url="http://127.0.0.1:1", region="us-east-1", twilio_url="http://127.0.0.1:2", process=os.getpid())
KEEPER = """
import sys, pathlib
from callscribe_tools.operator.local import kept_alone
with kept_alone(pathlib.Path(sys.argv[1])):
    print("kept", flush=True)
    sys.stdin.read()
"""


def test_a_second_one_is_refused_and_the_first_is_still_found(tmp_path: Path) -> None:
    with kept_alone(tmp_path), noted(HERE, tmp_path):
        with pytest.raises(OperatorError) as refused, kept_alone(tmp_path):
            pass
        assert running(tmp_path / NOTE) == HERE
    told = str(refused.value)
    assert f"process {os.getpid()}" in told
    assert f"kill {os.getpid()}" in told
    assert f"{program('callscribe')} calls --env local" in told


def test_one_that_is_starting_is_not_overtaken(tmp_path: Path) -> None:
    with kept_alone(tmp_path), pytest.raises(OperatorError, match=r"or is starting\. End it by"), kept_alone(tmp_path):
        pass


def test_one_that_was_killed_is_in_nobodys_way(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout
        assert first.stdout.readline() == "kept\n"
        with pytest.raises(OperatorError), kept_alone(tmp_path):
            pass
        first.kill()
    with kept_alone(tmp_path), noted(HERE, tmp_path):
        assert running(tmp_path / NOTE) == HERE


def test_a_kept_demo_beside_another_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    monkeypatch.setattr(demo, "running", lambda *_: pytest.fail("it has started something"))
    with kept_alone(tmp_path), noted(HERE, tmp_path), pytest.raises(typer.Exit) as ended:
        demo.main(keep=True)
    assert ended.value.exit_code == 1
    assert f"kill {os.getpid()}" in capsys.readouterr().err


def test_programs_are_named_as_they_can_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(sys.prefix)
    monkeypatch.chdir(folder.parent)
    assert program("callscribe") == f"{folder.name}/bin/callscribe"
    monkeypatch.chdir("/")
    assert Path("/", program("callscribe")) == folder / "bin" / "callscribe"


def test_a_demo_that_fails_on_a_busy_machine_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise SimulationError("Real Twilio would have refused or ignored: [11200] no answer in time")

    monkeypatch.setattr(demo, "running", fails)
    monkeypatch.setattr(demo, "slowness", lambda: 4.0)
    with pytest.raises(typer.Exit):
        demo.main()
    assert "This machine is 4.0 times as slow as usual now: it is too busy. End what else" in capsys.readouterr().err
