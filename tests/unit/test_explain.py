"""What is wrong with a file is said in our words, with its line, and never in a library's."""

import json
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core._pydantic_core import list_all_errors

from callscribe.domain.sids import CallSid
from callscribe_tools.explain import _sentence, mistakes, toml_line, unreadable
from callscribe_tools.operator.environment import Env
from callscribe_tools.operator.errors import RefusedError
from callscribe_tools.operator.setup.config_file import load
from callscribe_tools.simulator import ScenarioError, load_scenario
from harness.library_words import LIBRARY_WORDS, assert_ours


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    text: str = Field(min_length=2, max_length=3)
    number: int = Field(ge=1, le=5)
    amount: Decimal | int | str = 0
    minutes: int | Literal["unlimited"] = 0
    kind: Literal["a", "b"] = "a"
    flag: bool = False
    many: list[str] = []
    call: CallSid | None = None

    @field_validator("flag")
    @classmethod
    def _ours(cls, value: bool) -> bool:  # noqa: FBT001
        if value:
            raise ValueError("it may not be switched on")
        return value


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, {"text: is missing", "number: is missing"}),
        ({"number": "1"}, {"number: must be a whole number"}),
        ({"number": 1.5}, {"number: must be a whole number"}),
        ({"number": 9}, {"number: must be at most 5"}),
        ({"text": 1}, {"text: must be a text, in quotes"}),
        ({"text": "a"}, {"text: must have at least 2 characters"}),
        ({"text": "aaaa"}, {"text: must have at most 3 characters"}),
        ({"minutes": "some"}, {"minutes: must be a whole number, or must be 'unlimited'"}),
        ({"kind": "c"}, {"kind: must be 'a' or 'b'"}),
        ({"flag": 1}, {"flag: must be true or false"}),
        ({"flag": True}, {"flag: it may not be switched on"}),
        ({"many": "a"}, {"many: must be a list"}),
        ({"many": [1]}, {"many.0: must be a text, in quotes"}),
        ({"odd": 1}, {"odd: is unknown"}),
    ],
)
def test_each_mistake_has_its_place_and_what_would_be_right(fields: dict[str, Any], told: set[str]) -> None:
    complete = {} if not fields else {"text": "ab", "number": 1, **fields}
    with pytest.raises(ValidationError) as raised:
        Inner.model_validate(complete)
    assert {f"{'.'.join(place)}: {what}" for place, what in mistakes(raised.value)} == told


@pytest.mark.parametrize("kind", [one["type"] for one in list_all_errors()])
def test_no_words_of_pydantic_are_in_any_of_its_errors(kind: str) -> None:
    (error,) = [one for one in list_all_errors() if one["type"] == kind]
    told = _sentence(kind, error.get("example_context") or {})
    assert told
    assert_ours(told)
    assert told != error["example_message_python"]


TOML = """daily_minutes = 5
[services.english]
language = "en-US"
[custom_operators."my key"]
prompt = "x"
[env.prod.numbers."+12025550199"]
service = "english"
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("daily_minutes",), 1),
        (("services", "english"), 2),
        (("services", "english", "language"), 3),
        (("services", "english", "operators"), 2),
        (("custom_operators", "my key", "prompt"), 5),
        (("env", "prod", "numbers", "+12025550199", "service"), 7),
        (("nothing",), None),
    ],
)
def test_the_line_of_a_key_is_found(place: tuple[str, ...], line: int | None) -> None:
    assert toml_line(TOML, place) == line


def raised(read: Callable[[], object]) -> Exception:
    with pytest.raises((ValueError, OSError, yaml.YAMLError)) as error:
        read()
    return error.value


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (lambda: tomllib.loads("a = 1\nb = [1,"), "is no TOML"),
        (lambda: tomllib.loads("a = 1\nb = = 2\n"), "is no TOML (line 2, column 5)"),
        (lambda: tomllib.loads("a = 1\na = 2\n"), "is no TOML (line 2, column 6)"),
        (lambda: json.loads('{"a": 1,\n "b" 2}'), "is no JSON (line 2, column 6)"),
        (lambda: yaml.safe_load("a: 1\nb: ["), "is no YAML (line 2, column 5)"),
        (b"\xff".decode, "is not in UTF-8"),
        (lambda: Path("/nowhere/at/all").read_text(), "does not exist"),
        (lambda: Path("/").read_text(), "is a folder"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_to_be_so_with_the_place(read: Callable[[], object], told: str) -> None:
    error = raised(read)
    words = unreadable(error)
    assert words.startswith(told)
    assert_ours(words)
    assert str(error) not in words


FILES = {
    "b = = 2": "line 1, column 5",
    "[services.english]\nlanguage = 5": "line 2: services.english.language: must be a text, in quotes",
    '[services.english]\nlanguage = "ja-JP"': "line 2: services.english.language: Twilio cannot transcribe ja-JP",
    "[services.english]\nredaction = 1": "line 2: services.english.redaction: must be true or false",
    '[services.english]\nsid = "GA1"': "line 2: services.english.sid: ",
    "[services]\nenglish = 3": "line 2: services.english: must be a table",
    "daily_minutes = 1.5": "line 1: daily_minutes: must be a whole number, or must be 'unlimited'",
    "daily_minutes = -1": "line 1: daily_minutes: it must be between 0",
    "daily_minute = 1": "line 1: daily_minute: is unknown; known are",
    '[numbers."+12025550199"]\nflow = "dial"': 'line 1: numbers."+12025550199".service: is missing',
    '[numbers."2025550199"]\nservice = "english"': "no number in E.164",
    '[custom_operators.a]\ntype = "Odd"\nprompt = "x"': "line 2: custom_operators.a.type: must be 'Generative' or",
    '[custom_operators.a]\ntype = "GenerativeJSON"\nprompt = "x"\nschema = "{"': "neither a table nor JSON (line 1",
    f'[custom_operators.a]\ntype = "Generative"\nprompt = "{"x" * 4001}"': "line 3: custom_operators.a.prompt: must",
    "env = 3": "env.",
    "[env.test]\na = 1": "env.test is unknown; known are dev",
}


@pytest.mark.parametrize("text", FILES)
def test_a_wrong_callscribe_toml_is_explained_in_our_words(text: str, tmp_path: Path) -> None:
    path = tmp_path / "callscribe.toml"
    path.write_text(text)
    with pytest.raises(RefusedError) as error:
        load(path, None)
    assert FILES[text] in str(error.value)
    assert str(path) in str(error.value)
    assert "Nothing was done." in str(error.value)
    assert_ours(str(error.value))


def test_a_mistake_of_one_environment_has_the_line_that_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "callscribe.toml"
    path.write_text("daily_minutes = 5\n\n[env.prod]\ndaily_minutes = 'many'\n")
    with pytest.raises(RefusedError, match="line 4: daily_minutes"):
        load(path, Env.PROD)
    path.write_text("daily_minutes = 'many'\n\n[env.prod]\nrecording_retention_days = 3\n")
    with pytest.raises(RefusedError, match="line 1: daily_minutes"):
        load(path, Env.PROD)


@pytest.mark.parametrize(
    "text",
    [
        "name: [",
        "name: x\nexpect: stored\ncaller: 3",
        "name: x",
        "- a",
        "name: x\nexpect: stored\ncaller: .inf",
    ],
)
def test_a_wrong_scenario_is_explained_in_our_words(text: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as error:
        load_scenario(path)
    assert str(path) in str(error.value)
    assert_ours(str(error.value))


def test_the_words_that_are_looked_for_are_those_of_the_libraries() -> None:
    """Else the tests that look for them would find nothing whatever is printed."""
    with pytest.raises(ValidationError) as error:
        Inner.model_validate({"text": 1, "flag": True})
    found = {word for word in LIBRARY_WORDS if word.lower() in str(error.value).lower()}
    assert {"Input should be", "validation error", "Value error,", "Field required"} <= found | {"Field required"}
