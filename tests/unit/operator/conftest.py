"""The command line against the stack in process: moto, the simulator, and CloudFormation and Lambda on loopback."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send
from typer.testing import CliRunner, Result

from callscribe_tools.operator import dead_letters, ledger_book
from callscribe_tools.operator.cli import app
from callscribe_tools.simulator import Call, Scenario, Simulator
from callscribe_tools.simulator.server import serving
from harness.deployed import Deployed
from harness.later import work
from harness.stack import NUMBER, Stack, aws
from harness.template import REPOSITORY

type Callscribe = Callable[..., Result]


class Aws(Starlette):
    """Leads to the stack of the test that runs: a server for each takes a quarter of a second."""

    deployed: Deployed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.deployed.app(scope, receive, send)


@pytest.fixture(scope="session")
def other_aws() -> Iterator[tuple[Aws, str]]:
    other = Aws()
    with serving(other) as url:
        yield other, url


@pytest.fixture
def deployed(empty_stack: Stack, other_aws: tuple[Aws, str], monkeypatch: pytest.MonkeyPatch) -> Deployed:
    other, url = other_aws
    other.deployed = Deployed(empty_stack)
    for service in ("CLOUDFORMATION", "LAMBDA"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
    return other.deployed


@pytest.fixture
def reading(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Callscribe:  # noqa: ARG001 (it is asked)
    """The command line, in the folder of the repository; what it ends by is never a stack trace.

    For commands whose result is a call, with its numbers; all others are run by `callscribe`.
    """
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)
    monkeypatch.setattr(ledger_book, "LONGEST_PAUSE_SECONDS", 0.01)

    def run(*args: str) -> Result:
        result = CliRunner().invoke(app, args, prog_name="callscribe")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert "Traceback" not in result.output
        return result

    return run


@pytest.fixture
def callscribe(reading: Callscribe) -> Callscribe:
    """The command line, which tells no phone number."""

    def run(*args: str) -> Result:
        result = reading(*args)
        assert "+1202555" not in result.output
        return result

    return run


@pytest.fixture
def document(callscribe: Callscribe) -> Callable[..., Any]:
    """What a command prints with --json."""
    return lambda *args: json.loads(callscribe(*args, "--json").stdout)


@pytest.fixture
def stored(stack: Stack, twilio: Simulator, scenario: Scenario) -> Call:
    """A call that is stored, with its insights."""
    stack.listen()
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    return call


@pytest.fixture
def bury(stack: Stack) -> Callable[..., None]:
    """Put a letter into the dead letters of a queue."""

    def put(queue: str, body: str, **attributes: str) -> None:
        aws("sqs").send_message(
            QueueUrl=stack.physical_ids[f"{queue}DeadLetters"],
            MessageBody=body,
            MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
        )

    return put
