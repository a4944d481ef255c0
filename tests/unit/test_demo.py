"""`make demo JSON=1`: one JSON document on standard output, also if the demo fails."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from callscribe.adapters.items import StoredCall
from callscribe.domain.sids import CallSid
from callscribe_tools import demo
from callscribe_tools.bench import cli as bench
from callscribe_tools.local_aws import LocalAwsError
from callscribe_tools.simulator import SimulationError, load_scenario
from callscribe_tools.soak import cli as soak

CALL = CallSid("CA" + "1" * 32)

PROGRAMS = {
    "demo": (demo.app, "callscribe_tools.demo.running"),
    "soak": (soak.app, "callscribe_tools.soak.cli.soak_stack"),
    "bench": (bench.app, "callscribe_tools.bench.cli.build"),
}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A program with --json, whose signals stay those of the tests."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return lambda name, *options: CliRunner().invoke(PROGRAMS[name][0], [*options, "--json"])


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A set-up that works, in which each call is stored as it was spoken."""
    twilio = SimpleNamespace(wait_longer=lambda _: None, check=lambda: None)
    here = SimpleNamespace(twilio=twilio, stopped=threading.Event(), troubles=list)

    @contextmanager
    def running(*_: object) -> Iterator[Any]:
        yield here

    def place(_local: object, name: str, _progress: object) -> demo.Outcome:
        return demo.Outcome(name, load_scenario(name), SimpleNamespace(sid=CALL), StoredCall(CALL, None, {}, []), [])  # type: ignore[arg-type]

    monkeypatch.setattr(demo, "running", running)
    monkeypatch.setattr(demo, "_place", place)
    return here


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    ("error", "told", "status"),
    [(LocalAwsError("sam build failed"), "sam build failed", 1), (KeyboardInterrupt(), "Stopped", 130)],
    ids=["failed", "interrupted"],
)
def test_a_set_up_that_fails_is_said_in_one_document(
    name: str,
    error: BaseException,
    told: str,
    status: int,
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(PROGRAMS[name][1], failing)
    result = run(name)
    assert result.exit_code == status
    document = json.loads(result.stdout)
    assert told in document["error"]["message"]
    assert document["error"]["exit_status"] == status


def test_a_mistake_of_the_demos_own_is_said_in_the_document(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(demo, "running", failing)
    result = run("demo")
    assert isinstance(result.exception, ZeroDivisionError)
    assert json.loads(result.stdout)["error"]["exit_status"] == 70


def test_a_demo_that_went_well_has_its_calls_in_one_document(
    run: Callable[..., Result], local: SimpleNamespace
) -> None:
    assert not local.stopped.is_set()
    result = run("demo")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert [call["scenario"] for call in document["calls"]] == [*demo.CALLS]
    assert "error" not in document


def test_calls_that_twilio_would_have_refused_are_in_the_document_with_the_error(
    run: Callable[..., Result], local: SimpleNamespace
) -> None:
    def refused() -> None:
        raise SimulationError("Twilio would have refused <Say>")

    local.twilio.check = refused
    result = run("demo")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert len(document["calls"]) == len(demo.CALLS)
    assert "would have refused <Say>" in document["error"]["message"]
