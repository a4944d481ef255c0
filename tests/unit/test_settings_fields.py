"""Every field of the settings document: what it may hold, and that a wrong one is named without being quoted."""

import json
from dataclasses import MISSING, fields
from typing import Any

import pytest

from callscribe.domain.settings import (
    RANGES,
    NumberSettings,
    Settings,
    SettingsError,
    call_settings_from_json,
    from_json,
)
from callscribe_tools.local_callscribe import settings_document
from harness.stack import NUMBER, SERVICE_SID, account
from harness.template import REPOSITORY

QUOTED = "a-value-that-must-not-be-told"
SECRETS = (account().auth_token, account().api_key_secret, QUOTED)
DOCUMENT = settings_document(account())

OF_ENVIRONMENT: dict[str, list[Any]] = {
    "account_sid": [None, 1, True, ["x"], {}, "", QUOTED, "SK" + "0" * 32, "AC" + "0" * 31, "AC" + "G" * 32],
    "api_key_sid": [None, 1, False, ["x"], {}, "", QUOTED, "AC" + "0" * 32, "SK" + "0" * 33],
    "api_key_secret": [None, 1, ["x"], {}, ""],
    "auth_tokens": [QUOTED, [], [""], ["0" * 31], ["0" * 33], ["G" * 32], [account().auth_token, QUOTED]],
    "daily_minutes": ["1", 1.5, 1.0, True, [], -1, 1_000_001],
    "recording_retention_days": ["1", 0.5, False, {}, -1, 3651],
    "webhook_path_token": [1, True, [], "", QUOTED, "x" * 31, "x" * 129, "x" * 31 + "/", "x" * 31 + " "],
    "twilio_url": [1, True, [], {}],
}
OF_NUMBER: dict[str, list[Any]] = {
    "flow": [None, 1, [], "", "Voicemail", QUOTED],
    "language": [None, 1, True, ["en-US"]],
    "voice": [1, True, {}],
    "notice": [None, 1, False, []],
    "greeting": [None, 1, []],
    "thanks": [None, 1, {}],
    "beep": [None, 0, 1, "true", []],
    "silence_seconds": [None, "5", 5.0, True, -1, 3601],
    "max_seconds": [None, "120", 1.5, True, 1, 0, 28_801],
    "agent": [1, True, ["+12025550123"]],
    "agent_seconds": [None, "20", 20.5, True, 4, 601],
    "unlisted_voice": [None, 1, "true"],
}


def of_number(**settings: Any) -> dict[str, Any]:
    """The document with other settings of its number."""
    return DOCUMENT | {"numbers": {NUMBER: {"service_sid": SERVICE_SID, **settings}}}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in DOCUMENT.items() if key != name}


def refusal(document: Any) -> str:
    """What is said of a document that is refused; never a value of it."""
    with pytest.raises(SettingsError) as refused:
        from_json(json.dumps(document))
    for secret in SECRETS:
        assert secret not in str(refused.value) + repr(refused.value)
    return str(refused.value)


def test_every_field_has_its_wrong_values_here() -> None:
    assert OF_ENVIRONMENT.keys() | {"numbers"} == {one.name for one in fields(Settings)}
    assert OF_NUMBER.keys() | {"service_sid"} == {one.name for one in fields(NumberSettings)}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in OF_ENVIRONMENT.items() for value in values]
)
def test_a_wrong_value_of_the_environment_is_refused_and_its_field_named(field: str, value: Any) -> None:
    assert field in refusal(DOCUMENT | {field: value})


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in OF_NUMBER.items() for value in values]
)
def test_a_wrong_value_of_a_number_is_refused_and_its_field_named(field: str, value: Any) -> None:
    assert field in refusal(of_number(**{field: value}))


@pytest.mark.parametrize("name", sorted(RANGES))
def test_the_borders_of_a_range_are_within_it(name: str) -> None:
    for border in RANGES[name]:
        document = DOCUMENT | {name: border} if name in OF_ENVIRONMENT else of_number(**{name: border})
        settings = from_json(json.dumps(document))
        assert getattr(settings if name in OF_ENVIRONMENT else settings.for_number(NUMBER), name) == border


@pytest.mark.parametrize("name", ["daily_minutes", "recording_retention_days", "webhook_path_token", "twilio_url"])
def test_a_limit_can_be_turned_off(name: str) -> None:
    assert getattr(from_json(json.dumps(DOCUMENT | {name: None})), name) is None


DEFAULTS = {
    one.name: one.default if isinstance(one.default, str) else json.dumps(one.default)
    for one in (*fields(Settings), *fields(NumberSettings))
    # Not for operators.
    if one.default is not MISSING and one.name != "twilio_url"
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_what_is_left_out_is_as_the_documentation_says(name: str) -> None:
    told = (REPOSITORY / "docs" / "settings.md").read_text("utf-8").splitlines()
    (line,) = [line for line in told if line.startswith("|") and f"`{name}`" in line.split("|")[1]]
    assert DEFAULTS[name] in line.split("|")[2]


@pytest.mark.parametrize(
    "agent",
    [None, "", "12025550123", "+0123456789", "+1", "+1202555012345678", "sip:agent@example.com", "+1 202 555 0123"],
)
def test_a_dial_flow_needs_a_number_that_can_be_dialled(agent: str | None) -> None:
    assert "agent" in refusal(of_number(flow="dial", agent=agent))


def test_a_number_with_an_agent_who_would_not_be_rung_is_refused() -> None:
    assert "agent" in refusal(of_number(flow="voicemail", agent="+12025550123"))


def test_a_number_cannot_be_its_own_agent() -> None:
    assert "agent" in refusal(of_number(flow="dial", agent=NUMBER))


@pytest.mark.parametrize("number", ["12025550199", "+1 202 555 0199", " +12025550199", "+0123456789", "", QUOTED, "+1"])
def test_a_number_that_no_call_could_ever_come_to_is_refused(number: str) -> None:
    assert "numbers" in refusal(DOCUMENT | {"numbers": {number: {"service_sid": SERVICE_SID}}})


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (without("account_sid"), "account_sid"),
        (without("api_key_sid"), "api_key_sid"),
        (without("api_key_secret"), "api_key_secret"),
        (DOCUMENT | {"acount_sid": "x"}, "acount_sid"),
        (of_number(greting="x"), "greting"),
        ([QUOTED], "settings document"),
        (QUOTED, "settings document"),
        (None, "settings document"),
        (1, "settings document"),
    ],
)
def test_a_missing_or_unknown_field_is_named(document: Any, named: str) -> None:
    assert named in refusal(document)


# Refused as well, and nothing quoted.
NOT_NAMED = [
    (without("auth_tokens"), "auth_tokens"),
    (DOCUMENT | {"auth_tokens": None}, "auth_tokens"),
    (DOCUMENT | {"auth_tokens": [account().auth_token, 1]}, "auth_tokens"),
    (without("numbers"), "numbers"),
    (DOCUMENT | {"numbers": None}, "numbers"),
    (DOCUMENT | {"numbers": [QUOTED]}, "numbers"),
    (DOCUMENT | {"numbers": {NUMBER: {}}}, "service_sid"),
    (DOCUMENT | {"numbers": {NUMBER: {"service_sid": QUOTED}}}, "service_sid"),
    (DOCUMENT | {"numbers": {NUMBER: {"service_sid": 1}}}, "service_sid"),
    (DOCUMENT | {"numbers": {NUMBER: QUOTED}}, "numbers"),
]


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "a\x0bb"])
@pytest.mark.parametrize("field", ["notice", "greeting", "thanks"])
def test_a_text_that_no_twiml_can_hold_is_refused(field: str, text: str) -> None:
    told = refusal(settings_document(account(), **{field: text}))
    assert [name for name in ("notice", "greeting", "thanks") if name in told] == [field]
    assert "are allowed" in told


@pytest.mark.parametrize(
    ("document", "named", "allowed"),
    [
        (DOCUMENT | {"account_sid": "AC1"}, "account_sid", "AC and 32"),
        (DOCUMENT | {"api_key_sid": "SK1"}, "api_key_sid", "SK and 32"),
        (of_number(flow="voicemail", agent="+12025550123"), "agent", "must be left out"),
        (of_number(flow="dial"), "agent", "+12025550123"),
        (of_number(flow="dial", agent="12025550123"), "agent", "+12025550123"),
        (of_number(flow="dail"), "flow", "voicemail or dial"),
    ],
)
def test_only_the_wrong_field_is_named_with_what_is_allowed(document: Any, named: str, allowed: str) -> None:
    told = refusal(document).partition("write it again: ")[2]
    assert told.startswith(f"{named} ")
    assert allowed in told


def test_a_slip_in_the_json_is_told_by_its_place() -> None:
    with pytest.raises(SettingsError, match="line 2, column 5"):
        from_json('{"a": 1,\n"b" 2}')


def test_brackets_without_end_are_no_settings() -> None:
    with pytest.raises(SettingsError):
        from_json("[" * 100_000)


@pytest.mark.parametrize("document", [document for document, _ in NOT_NAMED])
def test_a_document_of_another_shape_is_refused(document: Any) -> None:
    assert "settings document is wrong" in refusal(document)


@pytest.mark.parametrize(("document", "field"), NOT_NAMED)
def test_a_field_of_another_shape_is_named(document: Any, field: str) -> None:
    assert field in refusal(document)


@pytest.mark.parametrize("file", sorted(one.name for one in (REPOSITORY / "examples").glob("settings*.json")))
def test_a_shipped_example_can_be_used_once_its_blanks_are_filled_in(file: str) -> None:
    settings = call_settings_from_json((REPOSITORY / "examples" / file).read_text("utf-8"))
    assert settings.numbers
    assert all(number.startswith("+1202555") for number in settings.numbers)
