"""No text of boto's, pydantic's or the SDK's reaches a person as it is, whatever a service answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from twilio.base.exceptions import TwilioRestException
from typer.testing import Result

from callscribe.adapters.aws_errors import aws_errors
from callscribe.adapters.twilio_errors import twilio_errors
from callscribe.domain.settings import SettingsError, from_json
from callscribe_tools.operator.errors import sentences_of
from callscribe_tools.simulator import Simulator
from harness.answers import answer
from harness.deployed import Deployed
from harness.library_words import assert_ours
from harness.stack import Stack

CODES = (
    *(
        "AccessDeniedException",
        "ResourceNotFoundException",
        "ValidationException",
        "ThrottlingException",
        "ExpiredToken",
    ),
    *("DecryptionFailure", "InternalFailure", "SomethingNew", ""),
)
DENIED = "User: arn:aws:iam::1:user/a is not authorized to perform: dynamodb:Query on resource: arn:aws:dynamodb:x"


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("wrapped", [True, False])
def test_what_aws_answers_is_said_in_our_words(code: str, *, wrapped: bool) -> None:
    error: Exception = ClientError({"Error": {"Code": code, "Message": DENIED}}, "Query")
    if wrapped:
        error = raised(aws_errors("reading the table"), error)
    told = sentences_of(error)
    assert_ours(told)
    assert "is not authorized to perform" not in told
    assert told.endswith(".")
    assert ("lacks the permission dynamodb:Query on arn:aws:dynamodb:x" in told) == code.startswith("AccessDenied")


@pytest.mark.parametrize("kind", [*BotoCoreError.__subclasses__()])
def test_what_the_aws_library_cannot_do_is_said_in_our_words(kind: type[BotoCoreError]) -> None:
    class Odd(kind):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            Exception.__init__(self, "botocore: An error occurred (odd) when calling the Query operation")

    assert_ours(sentences_of(Odd()).replace("the AWS library", ""))


def test_wrong_parameters_are_not_quoted() -> None:
    error = raised(aws_errors("reading the table"), ParamValidationError(report="Input should be +12025550142"))
    assert "+1202" not in sentences_of(error)


def raised(context: Any, error: Exception) -> Exception:
    with pytest.raises(Exception, match=r"\w") as found, context:
        raise error
    return found.value


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 429, 500, 503])
@pytest.mark.parametrize("code", [None, 20001, 60200])
def test_what_twilio_answers_is_said_in_our_words(status: int, code: int | None) -> None:
    error = TwilioRestException(status, "/Calls", msg="Unable to create record: HTTP 400 error", code=code)
    told = sentences_of(raised(twilio_errors("creating a Service"), error))
    assert_ours(told)
    assert told.startswith("Creating a Service: Twilio answered")
    assert "ry again" in told


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
@pytest.mark.parametrize("command", [["setup", "plan"], ["setup", "apply"], ["doctor"], ["ledger", "--since", "1d"]])
def test_no_command_prints_a_librarys_words(
    command: list[str], status: int, reading: Callable[..., Result], stack: Stack, twilio: Simulator, deployed: Deployed
) -> None:
    assert deployed.stack is stack
    for path in ("/v2/Services", "/2010-04-01/Accounts/{account}/Calls.json"):
        answer(twilio, "GET", path, status)
    assert_ours(reading(*command).output)


CREDENTIALS = {
    "account_sid": "AC" + "1" * 32,
    "api_key_sid": "SK" + "1" * 32,
    "api_key_secret": "secret",
    "auth_tokens": ["1" * 32],
    "numbers": {},
}
NUMBER = {"service_sid": "GA" + "1" * 32}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("{", "it is no JSON (line 1, column 2)"),
        ("[]", "it is no JSON object"),
        (json.dumps({**CREDENTIALS, "odd": 1}), "odd"),
        (json.dumps({name: one for name, one in CREDENTIALS.items() if name != "account_sid"}), "account_sid"),
        (json.dumps({**CREDENTIALS, "numbers": {"+12025550199": {**NUMBER, "odd": 1}}}), "the field odd is unknown"),
        (json.dumps({**CREDENTIALS, "numbers": {"+12025550199": {**NUMBER, "beep": 1}}}), "beep must be true or false"),
        (
            json.dumps({**CREDENTIALS, "numbers": {"+12025550199": {**NUMBER, "voice": 1}}}),
            "voice must be a text or null",
        ),
        (json.dumps({**CREDENTIALS, "daily_minutes": "5"}), "daily_minutes must be a whole number or null"),
        (json.dumps({**CREDENTIALS, "account_sid": 5}), "account_sid must be a text"),
    ],
)
def test_wrong_settings_are_explained_in_our_words(document: str, told: str) -> None:
    with pytest.raises(SettingsError) as error:
        from_json(document)
    assert told in str(error.value)
    assert_ours(str(error.value))
    assert_ours(sentences_of(error.value))
    assert "Try again" not in sentences_of(error.value)


@pytest.mark.parametrize("text", ["version = ", "version = 0.1", "\xff"])
def test_a_wrong_samconfig_is_explained_in_our_words(
    text: str, reading: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samconfig.toml").write_bytes(text.encode("latin-1"))
    result = reading("failed")
    assert result.exit_code == 3
    assert_ours(result.output)
