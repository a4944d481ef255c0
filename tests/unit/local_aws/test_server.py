"""MiniStack comes up on a free loopback port, and nothing of it stays."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest

from callscribe_tools.local_aws import LocalAws, StartError, server

GONE_SECONDS = 60.0

PARENT = """
import pathlib, sys, time
from callscribe_tools.local_aws import LocalAws
with LocalAws.start(pathlib.Path(sys.argv[1])) as aws:
    print(aws.endpoint_url, flush=True)
    time.sleep(3600)
"""


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where MiniStack's temporary files go in these tests."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(server, "_memory_folder", lambda: str(folder))
    return folder


def _answers(endpoint_url: str) -> bool:
    host, port = endpoint_url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {GONE_SECONDS} s: {what}"
        time.sleep(0.02)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_the_deployer_may_do_everything_and_nothing_stays(tmp_path: Path, memory: Path) -> None:
    with LocalAws.start(tmp_path / "work") as aws:
        url = aws.client("sqs").create_queue(QueueName="recordings")["QueueUrl"]
        assert url.endswith("/recordings")
        assert list(memory.iterdir())

    assert not _answers(aws.endpoint_url)
    assert not list(memory.iterdir())


def test_an_error_inside_the_context_also_ends_it(tmp_path: Path, memory: Path) -> None:
    def fail_inside() -> None:
        with LocalAws.start(tmp_path / "work") as aws:
            endpoints.append(aws.endpoint_url)
            raise KeyboardInterrupt

    endpoints: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        fail_inside()

    assert not _answers(endpoints[0])
    assert not list(memory.iterdir())


def test_a_port_that_someone_else_took_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_port: int
) -> None:
    # A port that is free now may be taken by then as well.
    ports = chain([taken_port], iter(server._free_port, None))
    monkeypatch.setattr(server, "_free_port", lambda: next(ports))

    with LocalAws.start(tmp_path / "work") as aws:
        assert aws.endpoint_url != f"http://127.0.0.1:{taken_port}"
        assert _answers(aws.endpoint_url)


def test_a_missing_installation_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MINISTACK", tmp_path / "ministack")

    with pytest.raises(StartError, match="make setup"), LocalAws.start(tmp_path / "work"):
        pass


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_local_aws_dies_with_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with parent:
        assert parent.stdout
        endpoint_url = parent.stdout.readline().strip()
        assert _answers(endpoint_url)
        os.kill(parent.pid, how)

    _wait_until(lambda: not _answers(endpoint_url), "MiniStack gone")
