"""The settings document: what it may hold, how it is read and kept, and that nothing tells its secrets."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from callscribe.adapters import settings as adapter
from callscribe.adapters.settings import MAX_AGE_SECONDS, SettingsReader
from callscribe.domain.errors import TransientError
from callscribe.domain.settings import SettingsError, from_json
from callscribe_tools.local_callscribe import settings_document
from harness.loopback import answering, nobody_answers
from harness.stack import NUMBER, SERVICE_SID, Stack, account, aws

SECRETS = (account().auth_token, account().api_key_secret)
DOCUMENT = settings_document(account())


def answered(document: Any) -> tuple[int, str]:
    """What Secrets Manager answers for this document."""
    return 200, json.dumps({"SecretString": json.dumps(document)})


def reader(url: str) -> SettingsReader:
    return SettingsReader("arn:aws:secretsmanager:us-east-1:123456789012:secret:x", url, "us-east-1")


def of_stack(stack: Stack, url: str) -> SettingsReader:
    return SettingsReader(stack.physical_ids["Settings"], url, "us-east-1")


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


def test_the_document_becomes_settings() -> None:
    settings = from_json(json.dumps(DOCUMENT))
    number = settings.for_number(NUMBER)
    assert (number.service_sid, number.language, number.silence_seconds) == (SERVICE_SID, "en-US", 5)
    assert settings.auth_tokens == (account().auth_token,)
    assert settings.service_sids == {SERVICE_SID}


def test_a_number_that_is_not_configured_is_not_named() -> None:
    with pytest.raises(SettingsError) as refusal:
        from_json(json.dumps(DOCUMENT)).for_number("+12025550111")
    assert "+12025550111" not in str(refusal.value)


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:4010"])
def test_twilio_may_be_played_on_loopback(url: str | None) -> None:
    assert from_json(json.dumps(DOCUMENT | {"twilio_url": url})).twilio_url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://twilio.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        # The host of this one is 127.0.0.1 to urllib.parse, and example.com to what sends the request.
        "http://example.com\\@127.0.0.1:80",
        "http://user@127.0.0.1:80",
        "http://example.com#127.0.0.1",
        "http://example.com?127.0.0.1",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "127.0.0.1",
        "",
        "http://[",
    ],
)
def test_twilio_may_be_nowhere_else(url: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        from_json(json.dumps(DOCUMENT | {"twilio_url": url}))
    assert "example.com" not in str(refusal.value)


def test_a_document_that_is_no_json_is_refused_without_being_quoted() -> None:
    with pytest.raises(SettingsError) as refusal:
        from_json(json.dumps(DOCUMENT)[:-1])
    assert not any(secret in str(refusal.value) for secret in SECRETS)
    assert refusal.value.__cause__ is None


def test_settings_can_be_printed_without_telling_a_secret() -> None:
    settings = from_json(json.dumps(DOCUMENT))
    assert not any(secret in f"{settings} {settings!r}" for secret in SECRETS)


def test_the_settings_are_read_with_the_credentials_of_the_function(offline_stack: Stack, moto_url: str) -> None:
    assert of_stack(offline_stack, moto_url).current().account_sid == account().account_sid


def test_the_settings_are_read_once(offline_stack: Stack, moto_url: str) -> None:
    kept = of_stack(offline_stack, moto_url)
    first = kept.current()
    offline_stack.write_settings(DOCUMENT | {"account_sid": "AC" + "1" * 32})
    assert kept.current() is first


def test_a_change_is_seen_after_the_age(offline_stack: Stack, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "MAX_AGE_SECONDS", 0)
    kept = of_stack(offline_stack, moto_url)
    kept.current()
    offline_stack.write_settings(DOCUMENT | {"account_sid": "AC" + "1" * 32})
    assert kept.current().account_sid == "AC" + "1" * 32
    assert MAX_AGE_SECONDS == 300


LATER = {
    "throttled": (400, '{"__type":"ThrottlingException"}'),
    "failing": (500, '{"__type":"InternalServiceError"}'),
    "refused": (400, '{"__type":"AccessDeniedException"}'),
    "gone": (400, '{"__type":"ResourceNotFoundException"}'),
    "emptied": (200, '{"SecretString": ""}'),
    "overwritten by a mistake": (200, '{"SecretString": "{}"}'),
}


@pytest.mark.parametrize("trouble", LATER)
def test_settings_read_before_are_kept_while_they_cannot_be_read_anew(
    trouble: str, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    monkeypatch.setattr(adapter, "MAX_AGE_SECONDS", 0)
    with answering(answered(DOCUMENT), LATER[trouble]) as url:
        kept = reader(url)
        first = kept.current()
        assert kept.current() is first
    assert "keeping the settings read before" in logged()
    assert kept.current() is first


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (LATER["throttled"], TransientError),
        (LATER["failing"], TransientError),
        ((429, "{}"), TransientError),
        (LATER["refused"], SettingsError),
        (LATER["gone"], SettingsError),
        (LATER["emptied"], SettingsError),
        (LATER["overwritten by a mistake"], SettingsError),
    ],
)
def test_settings_that_cannot_be_read_the_first_time_are_an_error(
    answer: tuple[int, str], error: type[Exception]
) -> None:
    with answering(answer) as url, pytest.raises(error):
        reader(url).current()


def test_while_secrets_manager_cannot_be_reached_a_retry_may_help() -> None:
    with pytest.raises(TransientError, match="did not answer"):
        reader(nobody_answers()).current()


def test_settings_that_were_never_written_say_what_to_do(empty_stack: Stack, moto_url: str) -> None:
    with pytest.raises(SettingsError, match="have not been written yet"):
        of_stack(empty_stack, moto_url).current()


def test_a_secret_that_does_not_exist_says_what_to_do(empty_stack: Stack, moto_url: str) -> None:
    aws("secretsmanager").delete_secret(SecretId=empty_stack.physical_ids["Settings"], ForceDeleteWithoutRecovery=True)
    with pytest.raises(SettingsError, match="have not been written yet"):
        of_stack(empty_stack, moto_url).current()


def test_settings_are_kept_when_something_else_answers_for_secrets_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "MAX_AGE_SECONDS", 0)
    with answering(answered(DOCUMENT), (200, "<html>")) as url:
        settings = reader(url)
        first = settings.current()
        assert settings.current() is first
