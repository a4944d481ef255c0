"""`callscribe secret`: credentials are tried before they are stored, and are in nothing that is printed."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from callscribe_tools.operator import credentials
from callscribe_tools.operator.cli import app
from callscribe_tools.operator.commands import secret as secret_commands
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.errors import RefusedError
from callscribe_tools.simulator import Account, Simulator
from harness.deployed import Deployed
from harness.stack import Stack, aws
from harness.template import REPOSITORY

NEW_TOKEN = "fedcba9876543210fedcba9876543210"


@pytest.fixture
def secret(
    empty_stack: Stack, deployed: Deployed, twilio: Simulator, twilio_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """`callscribe secret`, at the simulated Twilio."""
    assert deployed.stack is empty_stack
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setattr(Environment, "twilio_url", property(lambda _: twilio_url))

    def run(*args: str, stdin: str = "") -> Result:
        result = CliRunner().invoke(app, ["secret", *args], input=stdin, prog_name="callscribe")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        for value in (twilio.account.api_key_secret, twilio.account.auth_token, NEW_TOKEN, "wrong-secret"):
            assert value not in result.output
        return result

    return run


def credentials_of(account: Account, **changed: str) -> str:
    told = {
        "account_sid": account.account_sid,
        "api_key_sid": account.api_key_sid,
        "api_key_secret": account.api_key_secret,
        "auth_token": account.auth_token,
    }
    return json.dumps(told | changed)


def stored(stack: Stack) -> dict[str, Any] | None:
    """The document in the secret."""
    client = aws("secretsmanager")
    try:
        text = client.get_secret_value(SecretId=stack.physical_ids["Settings"]).get("SecretString")
    except client.exceptions.ResourceNotFoundException:
        return None
    document: dict[str, Any] | None = json.loads(text) if text else None
    return document


def _numbers(stack: Stack) -> Any:
    return stack.settings_document()["numbers"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"auth_token": None}, "has no auth_token;"),
        ({"api_key": "x"}, "has unknown fields: api_key. Known are account_sid"),
        ({"api_key_sid": 5}, "api_key_sid on standard input must be a text"),
    ],
)
def test_the_field_on_standard_input_that_is_wrong_is_named(
    change: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = dict.fromkeys(("account_sid", "api_key_sid", "api_key_secret", "auth_token"), "x") | change
    given = {name: value for name, value in fields.items() if value is not None}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(given)))
    with pytest.raises(RefusedError) as refused:
        credentials.from_stdin()
    assert told in str(refused.value)
    assert "nothing was stored" in str(refused.value)


def test_credentials_from_standard_input_are_tried_and_stored(
    secret: Callable[..., Result], empty_stack: Stack, twilio: Simulator
) -> None:
    result = secret("set", "--from-stdin", stdin=credentials_of(twilio.account))
    assert result.exit_code == 0, result.output
    document = stored(empty_stack)
    assert document
    assert document["api_key_secret"] == twilio.account.api_key_secret
    assert document["auth_tokens"] == [twilio.account.auth_token]
    assert secret("check").exit_code == 0


def test_credentials_from_the_environment_are_stored(
    secret: Callable[..., Result], empty_stack: Stack, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = twilio.account
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", account.account_sid)
    monkeypatch.setenv("TWILIO_API_KEY", account.api_key_sid)
    monkeypatch.setenv("TWILIO_API_SECRET", account.api_key_secret)
    assert "TWILIO_AUTH_TOKEN" in secret("set", "--from-env").stderr
    assert stored(empty_stack) is None
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", account.auth_token)
    assert secret("set", "--from-env").exit_code == 0
    assert stored(empty_stack)


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"api_key_secret": "wrong-secret"}, "The API key"), ({"auth_token": NEW_TOKEN}, "The auth token")],
)
def test_what_twilio_refuses_is_named_and_not_stored(
    changed: dict[str, str], told: str, secret: Callable[..., Result], empty_stack: Stack, twilio: Simulator
) -> None:
    result = secret("set", "--from-stdin", stdin=credentials_of(twilio.account, **changed))
    assert result.exit_code == 4
    assert told in result.stderr
    assert stored(empty_stack) is None


def test_an_account_that_is_suspended_is_refused(
    secret: Callable[..., Result], empty_stack: Stack, twilio: Simulator
) -> None:
    twilio.account.status = "suspended"
    result = secret("set", "--from-stdin", stdin=credentials_of(twilio.account))
    assert result.exit_code == 4
    assert "the account is suspended" in result.stderr
    assert stored(empty_stack) is None


def test_what_else_the_settings_hold_stays_and_a_token_that_rotates_may(
    secret: Callable[..., Result], stack: Stack, twilio: Simulator
) -> None:
    before, old = stored(stack), twilio.account.auth_token
    assert before
    twilio.account.auth_token = NEW_TOKEN
    result = secret("set", "--from-stdin", "--keep-old-token", stdin=credentials_of(twilio.account))
    assert result.exit_code == 0, result.output
    after = stored(stack)
    assert after == before | {"auth_tokens": [NEW_TOKEN, old]}


def test_numbers_of_another_account_leave_the_settings_once_it_is_agreed_to(
    secret: Callable[..., Result], stack: Stack, twilio: Simulator
) -> None:
    stack.write_numbers({"numbers": _numbers(stack), "daily_minutes": 7})
    twilio.account.account_sid = "AC" + "9" * 32
    given = credentials_of(twilio.account)
    refused = secret("set", "--from-stdin", stdin=given)
    assert refused.exit_code == 4
    assert _numbers(stack)
    assert secret("set", "--from-stdin", "--yes", stdin=given).exit_code == 0
    assert (_numbers(stack), stack.settings_document()["daily_minutes"]) == ({}, 7)
    assert stack.settings_document()["account_sid"] == "AC" + "9" * 32


def test_check_names_what_twilio_no_longer_takes(
    secret: Callable[..., Result], stack: Stack, twilio: Simulator
) -> None:
    assert stored(stack)
    twilio.account.api_key_secret = "wrong-secret"
    result = secret("check")
    assert result.exit_code == 1
    assert "callscribe secret set" in result.stderr


def test_check_says_that_nothing_is_stored(secret: Callable[..., Result]) -> None:
    result = secret("check")
    assert result.exit_code == 1
    assert "The settings have not been written" in result.stderr


@pytest.mark.parametrize("answered", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("end", "status", "told"),
    [
        (EOFError, 4, "Standard input has ended before all were given; nothing was stored."),
        (KeyboardInterrupt, 130, "Stopped; nothing was stored."),
    ],
)
def test_whoever_ends_a_prompt_stores_nothing_and_is_told_so(
    end: type[BaseException],
    status: int,
    told: str,
    answered: int,
    secret: Callable[..., Result],
    empty_stack: Stack,
    twilio: Simulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = twilio.account
    answers = [account.account_sid, account.api_key_sid, account.api_key_secret, account.auth_token][:answered]

    def answer(question: str) -> str:
        if answers:
            return answers.pop(0) + "\n"
        # A terminal's end of input is an empty line to `readline`, and an error to `getpass`.
        if end is EOFError and "SID" in question:
            return ""
        raise end

    for name in ("asked", "asked_secretly"):
        monkeypatch.setattr(secret_commands, name, answer)
    monkeypatch.setattr(secret_commands, "_at_a_terminal", lambda: True)
    before = stored(empty_stack)
    result = secret("set")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (status, told)
    assert stored(empty_stack) == before
