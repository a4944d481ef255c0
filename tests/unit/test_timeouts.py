"""Whoever does not answer is not waited for: every call to AWS and to Twilio has an end, and may be made again."""

import ast
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any

import boto3
import pytest
import requests.adapters

from callscribe.adapters import aws_config, queues, settings, table, twilio, twilio_api
from callscribe.adapters.aws_errors import aws_errors
from callscribe.domain.errors import TransientError
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, TranscriptSid
from harness.loopback import silent
from harness.template import REPOSITORY, function

CALL = CallSid("CA" + "0" * 32)
TRANSCRIPT = TranscriptSid("GT" + "0" * 32)
ADAPTERS = REPOSITORY / "layers/callscribe/src/callscribe/adapters"
# Between two tries botocore's standard mode waits for up to a second.
AWS_SECONDS = aws_config.TRIES * aws_config.READ_TIMEOUT_SECONDS + 1


@pytest.fixture(autouse=True)
def patient() -> None:
    """Leave the timeouts as they are shipped: they are what is tested here."""


@pytest.fixture
def silent_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with silent() as url:
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "SETTINGS_SECRET_ARN": "arn",
            "SETTINGS_TABLE_NAME": "settings",
            "QUEUE_URL": f"{url}/queue",
            "DEAD_LETTERS_URL": f"{url}/dead-letters",
            "TABLE_NAME": "calls",
            "RETENTION_DAYS": "1",
        }.items():
            monkeypatch.setenv(name, value)
        yield url


def gives_up_after(ask: Callable[[], object]) -> float:
    """How long `ask` waits for an answer before it says that it may be asked again."""
    began = time.monotonic()
    with pytest.raises(TransientError):
        ask()
    return time.monotonic() - began


def test_an_aws_service_that_does_not_answer_is_waited_for_as_long_as_the_config_says(silent_url: str) -> None:
    assert silent_url
    boto3.setup_default_session()
    for cached in (queues.queue, queues.dead_letters, table.call_table):
        cached.cache_clear()
    queue, dead_letters, calls = queues.queue(), queues.dead_letters(), table.call_table()

    events = boto3.client("events", config=aws_config.CONFIG)

    def announce() -> None:
        with aws_errors("announcing"):
            events.put_events(Entries=[{"Source": "x", "DetailType": "x", "Detail": "{}"}])

    asked: list[Callable[[], object]] = [
        lambda: queue.put("x"),
        lambda: queue.put_off("handle", 1),
        lambda: dead_letters.put("x", reason="x"),
        lambda: calls.read(CALL),
        announce,
    ]
    with ThreadPoolExecutor(len(asked)) as at_once:
        waited = list(at_once.map(gives_up_after, asked))
    # botocore's own would be minutes.
    assert all(AWS_SECONDS - 1 <= seconds < AWS_SECONDS + 45 for seconds in waited), waited


def test_every_client_of_aws_is_made_with_that_config() -> None:
    calls = [
        call
        for file in ADAPTERS.glob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in {"boto3.client", "boto3.resource"}
    ]
    assert calls
    for call in calls:
        assert "config=CONFIG" in ast.unparse(call)


@pytest.mark.parametrize("name", ["accept_recording", "accept_webhook"])
def test_an_acceptor_answers_in_its_time_when_neither_settings_nor_queue_answer(name: str) -> None:
    # The first request for the credentials may fail just before it counts as slow, and the second is slow.
    credentials_seconds = settings.QUICK_SECONDS + settings.PAUSE_SECONDS + settings.TIMEOUT_SECONDS
    assert function(name)["Timeout"] > credentials_seconds + AWS_SECONDS


def test_settings_that_do_not_come_are_waited_for_as_long_as_the_reader_says(
    silent_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(settings, "QUICK_SECONDS", 0.2)
    timeouts: list[float] = []

    def connect_and_note(host: str, *, timeout: float) -> HTTPConnection:
        timeouts.append(timeout)
        return HTTPConnection(host, timeout=timeout)

    monkeypatch.setattr(settings, "HTTPConnection", connect_and_note)
    reader = settings.SettingsReader("arn", "settings", lambda _: silent_url, "us-east-1")
    assert gives_up_after(reader.current) >= 0.3
    # A caller does not wait for two timeouts.
    assert timeouts == [0.3]


@pytest.mark.parametrize("name", ["call", "transcript"])
def test_a_twilio_that_does_not_answer_is_waited_for_as_long_as_the_stack_says(
    name: str, silent_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_TIMEOUT_SECONDS", "0.3")
    twilio_api.connection.cache_clear()
    account = twilio.twilio(
        Settings(
            account_sid="AC" + "0" * 32,
            api_key_sid="SK" + "0" * 32,
            api_key_secret="secret",
            auth_tokens=("0" * 32,),
            twilio_url=silent_url,
        ),
        datetime.now(UTC) + timedelta(minutes=1),
    )
    ask: Callable[[], object] = (
        (lambda: account.call(CALL)) if name == "call" else lambda: account.transcript(TRANSCRIPT)
    )
    timeouts: list[object] = []
    send = requests.adapters.HTTPAdapter.send

    def send_and_note(adapter: Any, request: requests.PreparedRequest, **kwargs: Any) -> Any:
        timeouts.append(kwargs["timeout"])
        return send(adapter, request, **kwargs)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send_and_note)
    assert gives_up_after(ask) >= 0.3
    # The stack's default is 10. What the machine does besides is not Twilio's time.
    assert timeouts == [0.3]
    twilio_api.connection.cache_clear()
