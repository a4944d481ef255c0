"""The SAM CLI as a program that may fail, take too long, or be interrupted; nothing of it stays."""

import os
import sys
import time
from pathlib import Path

import pytest

from callscribe_tools import deadline
from callscribe_tools.local_aws import BuildError, sam

SECONDS = 30.0


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a `sam` that does as a script says notes the process that it has started."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sam, "_LOOK_SECONDS", 0.02)
    return tmp_path / "child"


def run(ran: Path, script: str) -> None:
    program = ran.parent / "bin" / "sam"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    log = ran.parent / "build.log"
    environment = {"PATH": os.environ["PATH"], "CHILD": str(ran)}
    sam.run_sam(["build"], environment=environment, log=log, seconds=SECONDS, failure=BuildError)


STARTS_ANOTHER = 'sleep 600 & echo $! > "$CHILD.new"; mv "$CHILD.new" "$CHILD"; wait'


def ends(process: int) -> bool:
    patient_until = time.monotonic() + SECONDS
    while time.monotonic() < patient_until:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{process}/stat")
        if status.exists() and status.read_text().rpartition(") ")[2][0] == "Z":
            return True
        time.sleep(0.02)
    return False


def test_what_takes_too_long_is_ended_with_all_it_has_started(ran: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline.Deadline, "is_over", lambda _: ran.exists())
    with pytest.raises(BuildError, match=r"`sam build` has not ended: see .*build\.log\. Waited"):
        run(ran, STARTS_ANOTHER)
    assert ends(int(ran.read_text()))


def test_ctrl_c_ends_it_with_all_it_has_started(ran: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> bool:
        if ran.exists():
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(deadline.Deadline, "is_over", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(ran, STARTS_ANOTHER)
    assert ends(int(ran.read_text()))


def test_what_fails_shows_the_end_of_its_output(ran: Path) -> None:
    with pytest.raises(BuildError, match=r"failed with exit code 3\. The end of .*build\.log:\nno such layer"):
        run(ran, "echo no such layer; exit 3")


def test_a_missing_sam_is_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(BuildError, match="make setup"):
        sam.run_sam(["build"], environment={}, log=tmp_path / "log", seconds=1.0, failure=BuildError)
