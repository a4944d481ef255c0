"""AWS in process by moto, Twilio by the simulator; both on loopback, both new for every test."""

import io
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import httpx
import pytest
from botocore.loaders import Loader
from hypothesis import HealthCheck, settings
from moto.dynamodb.models import DynamoDBBackend
from moto.server import ThreadedMotoServer
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from callscribe.adapters import aws_config
from callscribe.adapters import settings as settings_adapter
from callscribe.edge.telemetry import logger
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Call, Recording, Scenario, Simulator, load_scenario
from callscribe_tools.simulator.scenario import Speak, Wait, WaitFor
from callscribe_tools.simulator.server import serving
from harness.events import sqs_event
from harness.seeded import KEPT_DAYS, seed, seed_transcripts
from harness.stack import NUMBER, Gateway, Stack, account
from harness.wire import Wire
from harness.world import World

# No test is timed: a busy machine is no defect. And one that fails does so every time.
settings.register_profile("callscribe", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("callscribe")

AWS_MODELS = Loader(extra_search_paths=[str(Path(boto3.__file__).parent / "data")])


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(DynamoDBBackend, "update_item", _one_at_a_time(DynamoDBBackend.update_item))
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


def _one_at_a_time(update: Callable[..., Any]) -> Callable[..., Any]:
    """Let nothing come between the condition of a write and the write, as at DynamoDB; in moto it may."""
    lock = threading.Lock()

    def update_alone(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return update(*args, **kwargs)

    return update_alone


@pytest.fixture(scope="session")
def moto_api(moto_url: str) -> Iterator[httpx.Client]:
    """Moto's own API. One client for all tests: each one made reads the certificates, which takes 30 ms."""
    with httpx.Client(base_url=moto_url, trust_env=False) as client:
        yield client


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How many seconds `delete_recordings` would have let Twilio recover each time: no test waits for them."""
    seconds: list[float] = []
    monkeypatch.setattr("callscribe.usecases.delete_recordings.sleep", seconds.append)
    return seconds


LONGEST_STALL_SECONDS = 120


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the adapters wait for moto as long as a busy machine may stall.

    A conditional write whose answer is late is sent again, and then refused for its own effect.
    """
    # The options are what boto3 merges another configuration into, as for a table.
    config: Any = aws_config.CONFIG
    for name in ("connect_timeout", "read_timeout"):
        monkeypatch.setattr(config, name, LONGEST_STALL_SECONDS)
        monkeypatch.setitem(config._user_provided_options, name, LONGEST_STALL_SECONDS)
    for name in ("TIMEOUT_SECONDS", "QUICK_SECONDS"):
        monkeypatch.setattr(settings_adapter, name, LONGEST_STALL_SECONDS)


@pytest.fixture
def empty_stack(moto_url: str, moto_api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The template's resources, before the operator has written the settings."""
    moto_api.post("/moto-api/reset").raise_for_status()
    for name, value in {
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    # The default session keeps clients' settings of an earlier test. Only the models of the services are kept: they are
    # megabytes of JSON.
    session = botocore.session.get_session()
    session.register_component("data_loader", AWS_MODELS)
    boto3.setup_default_session(botocore_session=session)
    stack = Stack(monkeypatch.setenv)
    stack.create()
    return stack


@pytest.fixture
def gateway(empty_stack: Stack) -> Gateway:
    return Gateway(empty_stack)


@pytest.fixture
def twilio(gateway: Gateway) -> Simulator:
    """Twilio, wired to the stack. Transcripts complete when the test says so."""
    return Simulator(account(), transport=gateway)


class Switchboard(Starlette):
    """Leads to the simulator of the test that runs: a server of its own for each takes a quarter of a second."""

    simulator: Simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.simulator.app(scope, receive, send)


@pytest.fixture(scope="session")
def switchboard() -> Iterator[tuple[Switchboard, str]]:
    switchboard = Switchboard()
    with serving(switchboard) as url:
        yield switchboard, url


@pytest.fixture
def twilio_url(twilio: Simulator, switchboard: tuple[Switchboard, str]) -> str:
    """Where Twilio's REST API is served."""
    board, url = switchboard
    board.simulator = twilio
    return url


@pytest.fixture
def stack(empty_stack: Stack, twilio: Simulator, twilio_url: str) -> Stack:
    """The stack with its settings, which lead to the simulated Twilio."""
    empty_stack.write_settings(settings_document(twilio.account, twilio_url))
    return empty_stack


@pytest.fixture
def world(stack: Stack, twilio: Simulator, twilio_url: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """The stack and its Twilio, whose every request can be hurt, and which can begin again."""
    stack.listen()
    wire = Wire()
    wire.attach(monkeypatch)
    # Its requests are counted, so they must come in the same order each time.
    monkeypatch.setattr("callscribe.adapters.twilio.AT_ONCE", 1)
    # A world that has begun again knows nothing of what was asked before.
    monkeypatch.setattr("callscribe.adapters.held_answers.HELD_FOR", timedelta(0))
    return World(stack, twilio, twilio_url, wire)


@pytest.fixture
def offline_stack(empty_stack: Stack) -> Stack:
    """The stack with its settings, for functions that ask nothing of Twilio."""
    empty_stack.write_settings(settings_document(account()))
    return empty_stack


@pytest.fixture
def scenario() -> Scenario:
    return load_scenario("cannot_log_in")


@pytest.fixture
def call(stack: Stack, twilio: Simulator, scenario: Scenario) -> Call:
    """A call that has ended: its recording waits on the queue."""
    assert stack.items() == []
    return twilio.place_call(scenario, to=NUMBER)


@pytest.fixture
def dual(call: Call) -> Recording:
    """Its recording in two channels."""
    return next(one for one in call.recordings if one.channels == 2)


@pytest.fixture
def seeded(stack: Stack, twilio: Simulator, scenario: Scenario) -> Stack:
    """The stack, and at Twilio the call that the files under `events/` tell of."""
    stack.variables["RETENTION_DAYS"] = str(KEPT_DAYS)
    seed(twilio, scenario)
    return stack


@pytest.fixture
def transcribed(seeded: Stack, twilio: Simulator) -> Stack:
    """The stack, and at Twilio a call whose transcript is completed; nothing has been reported yet."""
    seed_transcripts(twilio)
    seeded.listen()
    return seeded


@pytest.fixture
def callback(call: Call, stack: Stack) -> dict[str, Any]:
    """The batch with the recording's callback; no longer on the queue."""
    (message,) = stack.messages("RecordingsQueue")
    assert call.sid in message["Body"]
    return sqs_event(message["Body"])


@pytest.fixture
def webhook(callback: dict[str, Any], stack: Stack, twilio: Simulator) -> dict[str, Any]:
    """The batch with the webhook of the call's transcript, which is completed; no longer on the queue."""
    stack.invoke("request_transcript", callback)
    twilio.complete_transcripts()
    (message,) = stack.messages("TranscriptsQueue")
    return sqs_event(message["Body"])


@pytest.fixture
def logged() -> Iterator[Callable[[], str]]:
    """All that the functions have logged."""
    stream = io.StringIO()
    handler = logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)
    yield stream.getvalue
    handler.setStream(before)


def speaking(*sentences: str) -> Scenario:
    """A caller who says these sentences after the beep, each for a second."""
    steps = [Speak(say=sentence, seconds=1) for sentence in sentences]
    return Scenario(name="speaking", caller=(WaitFor(wait_for="beep"), Wait(wait=0.5), *steps), expect="stored")
