"""The settings document: what it may hold, how it is read and kept, and that nothing tells its secrets."""

import base64
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from callscribe.adapters import settings as adapter
from callscribe.adapters.settings import MAX_AGE_SECONDS, SettingsReader
from callscribe.adapters.settings_item import MOST_TEXT_BYTES, pack, unpack
from callscribe.domain.errors import TransientError
from callscribe.domain.settings import NUMBER_FIELDS, SettingsError, from_json
from callscribe_tools.local_callscribe import settings_document
from harness.loopback import answering, nobody_answers
from harness.stack import NUMBER, SERVICE_SID, Stack, account, aws

SECRETS = (account().auth_token, account().api_key_secret)
DOCUMENT = settings_document(account())


SECRET = {name: value for name, value in DOCUMENT.items() if name not in NUMBER_FIELDS}
NUMBERS = {"numbers": DOCUMENT["numbers"]}
NEW_NUMBER = "+12025550111"


def secret_of(document: Any) -> tuple[int, str]:
    """What Secrets Manager answers for this document."""
    return 200, json.dumps({"SecretString": json.dumps(document)})


def item_of(document: Any) -> tuple[int, str]:
    """What DynamoDB answers for this document."""
    return 200, item_holding(base64.b64encode(pack(json.dumps(document))).decode())


def item_holding(packed: str) -> str:
    return json.dumps({"Item": {"pk": {"S": "SETTINGS"}, "document": {"B": packed}, "version": {"S": "1"}}})


def reader(secrets_url: str, table_url: str) -> SettingsReader:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"
    urls = {"secretsmanager": secrets_url, "dynamodb": table_url}
    return SettingsReader(arn, "settings", urls.__getitem__, "us-east-1")


def of_stack(stack: Stack, url: str) -> SettingsReader:
    return SettingsReader(
        stack.physical_ids["Settings"], stack.physical_ids["SettingsTable"], lambda _: url, "us-east-1"
    )


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
    offline_stack.write_numbers({"numbers": {}})
    assert kept.current() is first
    assert kept.credentials().account_sid == first.account_sid


def test_a_change_is_seen_after_the_age(offline_stack: Stack, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "MAX_AGE_SECONDS", 0)
    kept = of_stack(offline_stack, moto_url)
    kept.current()
    offline_stack.write_settings(DOCUMENT | {"account_sid": "AC" + "1" * 32})
    assert kept.current().account_sid == kept.credentials().account_sid == "AC" + "1" * 32
    offline_stack.write_numbers({"numbers": {}, "daily_minutes": 7})
    assert (kept.current().numbers, kept.current().daily_minutes) == ({}, 7)
    assert MAX_AGE_SECONDS == 300


DOWN = {
    "throttled": (400, '{"__type":"ThrottlingException"}'),
    "failing": (500, '{"__type":"InternalServiceError"}'),
    "too many requests": (429, "{}"),
    "something else": (200, "<html>"),
    "no object": (200, "[]"),
}
WRONG = {
    "refused": (400, '{"__type":"AccessDeniedException"}'),
    "gone": (400, '{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}'),
}
WRONG_SECRET = WRONG | {"emptied": secret_of(""), "overwritten by a mistake": secret_of({})}
WRONG_ITEM = WRONG | {
    "emptied": (200, "{}"),
    "overwritten by a mistake": item_of({}),
    "no item of ours": (200, '{"Item": {"pk": {"S": "SETTINGS"}}}'),
    "no base64": (200, item_holding("%")),
    "not compressed": (200, item_holding(base64.b64encode(b"{}").decode())),
    "cut off": (200, item_holding(base64.b64encode(pack(json.dumps(NUMBERS))[:-5]).decode())),
    "with credentials": item_of(NUMBERS | {"auth_tokens": ["f" * 32]}),
    "unpacked without an end": (
        200,
        item_holding(base64.b64encode(zlib.compress(b" " * (MOST_TEXT_BYTES + 1))).decode()),
    ),
}


@pytest.mark.parametrize("trouble", DOWN | WRONG_SECRET)
def test_credentials_read_before_are_kept_while_they_cannot_be_read_again(
    trouble: str, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    monkeypatch.setattr(adapter, "MAX_AGE_SECONDS", 0)
    with answering(secret_of(SECRET), (DOWN | WRONG_SECRET)[trouble]) as url:
        kept = reader(url, nobody_answers())
        first = kept.credentials()
        assert kept.credentials() is first
    assert "keeping the settings read before" in logged()
    assert kept.credentials() is first


@pytest.mark.parametrize("trouble", DOWN | WRONG_ITEM)
def test_settings_read_before_are_kept_while_they_cannot_be_read_again(
    trouble: str, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    monkeypatch.setattr(adapter, "MAX_AGE_SECONDS", 0)
    with answering(secret_of(SECRET)) as secrets, answering(item_of(NUMBERS), (DOWN | WRONG_ITEM)[trouble]) as table:
        kept = reader(secrets, table)
        first = kept.current()
        assert kept.current() is first
    assert "keeping the settings read before" in logged()
    assert not any(secret in logged() for secret in SECRETS)
    assert kept.current() is first


@pytest.mark.parametrize("trouble", DOWN)
def test_while_aws_does_not_answer_the_first_time_a_retry_may_help(trouble: str) -> None:
    with answering(secret_of(SECRET)) as secrets, answering(DOWN[trouble]) as down:
        for kept in (reader(down, down), reader(secrets, down), reader(secrets, nobody_answers())):
            with pytest.raises(TransientError) as raised:
                kept.current()
            assert not isinstance(raised.value, SettingsError)


@pytest.mark.parametrize("trouble", DOWN)
def test_one_request_that_fails_quickly_is_sent_again_at_once(trouble: str) -> None:
    with (
        answering(DOWN[trouble], secret_of(SECRET)) as secrets,
        answering(DOWN[trouble], item_of(NUMBERS)) as table,
    ):
        assert reader(secrets, table).current().numbers.keys() == DOCUMENT["numbers"].keys()


@pytest.mark.parametrize("trouble", WRONG_SECRET)
def test_credentials_that_cannot_be_read_the_first_time_are_an_error(trouble: str) -> None:
    with answering(WRONG_SECRET[trouble]) as url, pytest.raises(SettingsError):
        reader(url, url).credentials()


@pytest.mark.parametrize("trouble", WRONG_ITEM)
def test_settings_that_cannot_be_read_the_first_time_are_an_error_and_credentials_are_not(trouble: str) -> None:
    with answering(secret_of(SECRET)) as secrets, answering(WRONG_ITEM[trouble]) as table:
        kept = reader(secrets, table)
        with pytest.raises(SettingsError):
            kept.current()
        assert kept.credentials().account_sid == account().account_sid


def test_while_secrets_manager_cannot_be_reached_a_retry_may_help() -> None:
    with pytest.raises(TransientError, match="did not answer"):
        reader(nobody_answers(), nobody_answers()).credentials()


def test_settings_that_were_never_written_say_what_to_do(empty_stack: Stack, moto_url: str) -> None:
    with pytest.raises(SettingsError, match="run `callscribe secret set`"):
        of_stack(empty_stack, moto_url).current()
    empty_stack.write_secret(SECRET)
    with pytest.raises(SettingsError, match="run `callscribe setup apply`"):
        of_stack(empty_stack, moto_url).current()


def test_a_secret_or_a_table_that_does_not_exist_says_what_to_do(offline_stack: Stack, moto_url: str) -> None:
    aws("dynamodb").delete_table(TableName=offline_stack.physical_ids["SettingsTable"])
    with pytest.raises(SettingsError, match="deploy the stack again"):
        of_stack(offline_stack, moto_url).current()
    aws("secretsmanager").delete_secret(
        SecretId=offline_stack.physical_ids["Settings"], ForceDeleteWithoutRecovery=True
    )
    with pytest.raises(SettingsError, match="have not been written yet"):
        of_stack(offline_stack, moto_url).current()


def test_a_number_that_is_added_while_a_function_is_warm_is_known_to_its_first_call(
    offline_stack: Stack, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MISS_AGE_SECONDS", 0)
    kept = of_stack(offline_stack, moto_url)
    before = kept.current(NUMBER)
    offline_stack.write_numbers({"numbers": {**DOCUMENT["numbers"], NEW_NUMBER: {"service_sid": SERVICE_SID}}})
    assert kept.current(NUMBER) is before
    assert kept.current(NEW_NUMBER).for_number(NEW_NUMBER).service_sid == SERVICE_SID


def test_calls_to_a_number_that_is_nowhere_do_not_read_the_settings_each_time(
    offline_stack: Stack, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MISS_AGE_SECONDS", 10_000)
    kept = of_stack(offline_stack, moto_url)
    assert {id(kept.current(NEW_NUMBER)) for _ in range(3)} == {id(kept.current())}
    assert adapter.MAX_AGE_SECONDS == 300


def test_settings_of_the_version_before_are_read_from_the_secret_until_there_is_an_item(
    empty_stack: Stack, moto_url: str
) -> None:
    empty_stack.write_secret(DOCUMENT | {"daily_minutes": 5})
    settings = of_stack(empty_stack, moto_url).current()
    assert (settings.numbers.keys(), settings.daily_minutes) == (DOCUMENT["numbers"].keys(), 5)
    empty_stack.write_numbers({"numbers": {}})
    settings = of_stack(empty_stack, moto_url).current()
    # All of it is the item's: what it leaves out is a default.
    assert (settings.numbers, settings.daily_minutes) == ({}, 1000)


def five_hundred_numbers() -> dict[str, Any]:
    """Numbers that each say something else, about 300 characters."""
    return {
        f"+1202555{index:04}": {
            "service_sid": SERVICE_SID,
            **{
                name: f"{name} of branch {index}: " + " ".join(f"word{index * 31 + word}" for word in range(8))
                for name in ("notice", "greeting", "thanks")
            },
        }
        for index in range(500)
    }


def test_five_hundred_numbers_with_texts_of_their_own_are_read(empty_stack: Stack, moto_url: str) -> None:
    numbers = five_hundred_numbers()
    document = json.dumps({"numbers": numbers})
    assert len(document) > 2 * 65536
    empty_stack.write_secret(SECRET)
    empty_stack.write_numbers({"numbers": numbers})
    settings = of_stack(empty_stack, moto_url).current()
    assert {number: its.greeting for number, its in settings.numbers.items()} == {
        number: its["greeting"] for number, its in numbers.items()
    }


def test_a_document_is_packed_and_unpacked_and_one_that_is_too_large_is_refused() -> None:
    document = json.dumps({"numbers": five_hundred_numbers()})
    packed = pack(document)
    assert unpack(packed) == document
    assert len(packed) < 400 * 1024 / 4
    with pytest.raises(SettingsError, match=r"too large: 4,[0-9,]+ bytes as text, and 4,194,304 can be stored"):
        pack(" " * (MOST_TEXT_BYTES + 1))
    noise = "".join(f"{(index * 2654435761) % 2**32:08x}" for index in range(120_000))
    with pytest.raises(SettingsError, match="bytes compressed, and 399,360 can be stored"):
        pack(noise)
