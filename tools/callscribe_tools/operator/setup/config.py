"""What callscribe.toml may say, once the environment's part of it is merged in. `config_file` reads it."""

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from callscribe.domain.call import WITHHELD, phone_number
from callscribe.domain.settings import RANGES, NumberSettings, SettingsError
from callscribe.domain.sids import ServiceSid, Sid
from callscribe_tools.operator.scripts import script_refusal
from callscribe_tools.operator.setup.schema_rules import mistakes

# Twilio docs, onboarding guide, "Supported languages". That of a Service is for ever.
LANGUAGES = (
    *("da-DK", "de-DE", "en-AU", "en-GB", "en-US", "es-ES", "es-MX", "es-US", "fr-FR", "it-IT", "nl-NL"),
    *("no-NO", "pl-PL", "pt-BR", "pt-PT", "sv-SE"),
)
MOST_PROMPT_CHARACTERS, MOST_NAME_CHARACTERS = 4000, 64
UNLIMITED = "unlimited"
SOME_SERVICE = ServiceSid("GA" + "0" * 32)
"""Stands for a Service that is not made yet."""


class OperatorSid(Sid):
    """A language operator."""

    __slots__ = ()
    prefix = "LY"


def _key(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]{0,47}", text):
        raise ValueError("a key is letters, digits, - and _, 48 at most")
    return text


def _json_place(error: ValueError) -> str:
    return f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""


def _no_doubles(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("it names one twice")
    return names


type Key = Annotated[str, AfterValidator(_key)]
type Names = Annotated[list[str], AfterValidator(_no_doubles)]
type Name = Annotated[str, Field(min_length=1, max_length=MOST_NAME_CHARACTERS)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Example(_Strict):
    """What a custom operator should answer; a table is its JSON text, with the keys in their order."""

    input: str
    output: str

    @field_validator("output", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if isinstance(value, dict) else value


class CustomOperator(_Strict):
    """An operator of the account's own. `sid` adopts one that there is."""

    type: Literal["Generative", "GenerativeJSON"]
    prompt: Annotated[str, Field(min_length=1, max_length=MOST_PROMPT_CHARACTERS)]
    result_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    examples: list[Example] = []
    name: Name | None = None
    sid: OperatorSid | None = None

    @field_validator("result_schema", mode="before")
    @classmethod
    def _of_json(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValueError(f"it is neither a table nor JSON{_json_place(error)}") from None

    @field_validator("result_schema")
    @classmethod
    def _by_twilios_rules(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None and (wrong := mistakes(value)):
            raise ValueError("; ".join(wrong))
        return value

    @model_validator(mode="after")
    def _has_a_schema_if_it_answers_json(self) -> Self:
        if self.type == "GenerativeJSON" and self.result_schema is None:
            raise ValueError("schema is missing: an operator of the type GenerativeJSON needs one")
        if self.type != "GenerativeJSON" and self.result_schema is not None:
            raise ValueError(f"schema must be left out: the type {self.type} has none; only GenerativeJSON has one")
        return self

    @property
    def config(self) -> dict[str, Any]:
        """Its configuration as Twilio takes it."""
        told: dict[str, Any] = {"prompt": self.prompt}
        if self.result_schema is not None:
            told["json_result_schema"] = self.result_schema
        if self.examples:
            told["examples"] = [one.model_dump() for one in self.examples]
        return told


class Service(_Strict):
    """An Intelligence Service. `operators` are Twilio's, by their names. `sid` adopts one that there is."""

    language: str = "en-US"
    redaction: bool = False
    media_redaction: bool = False
    operators: Names = []
    custom_operators: Names = []
    friendly_name: Name | None = None
    sid: ServiceSid | None = None

    @field_validator("language")
    @classmethod
    def _can_be_transcribed(cls, value: str) -> str:
        if value not in LANGUAGES:
            raise ValueError(
                f"Twilio cannot transcribe {value}; it can {', '.join(LANGUAGES)}. What callers hear may be in "
                "another: that is the number's language"
            )
        return value

    @model_validator(mode="after")
    def _redacts_what_it_can(self) -> Self:
        if self.media_redaction and not self.redaction:
            raise ValueError("media_redaction needs redaction = true")
        # "PII redaction is only available in en-US" (Twilio docs, onboarding guide).
        if self.redaction and self.language != "en-US":
            raise ValueError("Twilio redacts in en-US alone: leave redaction out")
        return self


class Number(BaseModel):
    """A number that Callscribe answers; all but `service` is as in the settings."""

    model_config = ConfigDict(extra="allow", strict=True)
    known: ClassVar[tuple[str, ...]] = tuple(one.name for one in fields(NumberSettings) if one.name != "service_sid")
    service: str

    @model_validator(mode="after")
    def _by_the_rules_of_the_settings(self) -> Self:
        if unknown := self.settings.keys() - set(self.known):
            raise ValueError(f"{', '.join(sorted(unknown))}: unknown; known are service, {', '.join(self.known)}")
        try:
            number = NumberSettings(service_sid=SOME_SERVICE, **self.settings)
        except SettingsError as error:
            raise ValueError(str(error)) from None
        if refusal := script_refusal(number):
            raise ValueError(refusal)
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """Its settings, but for the Service."""
        return dict(self.model_extra or {})


class Config(_Strict):
    """All of it, for one environment."""

    services: dict[Key, Service] = {}
    custom_operators: dict[Key, CustomOperator] = {}
    numbers: dict[str, Number] = {}
    daily_minutes: int | Literal["unlimited"] = 1000
    recording_retention_days: int | None = None

    @field_validator("daily_minutes", "recording_retention_days")
    @classmethod
    def _in_range(cls, value: Any, info: Any) -> Any:
        least, most = RANGES[info.field_name]
        if isinstance(value, int) and not least <= value <= most:
            raise ValueError(f"it must be between {least} and {most}")
        return value

    @field_validator("numbers")
    @classmethod
    def _are_numbers(cls, value: dict[str, Number]) -> dict[str, Number]:
        for number, its in value.items():
            if word := WITHHELD.get(number):
                raise ValueError(f'"{number}" is no number: Twilio writes it for a caller whose number is {word}')
            if not phone_number(number):
                raise ValueError(f'"{number}" is no number in E.164, without spaces, such as "+12025550199"')
            if its.settings.get("agent") == number:
                raise ValueError(f'"{number}" cannot be its own agent: it would call itself')
        return value

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Self:
        for number, its in self.numbers.items():
            _check_known(f'numbers."{number}".service', its.service, self.services, "services")
        for key, service in self.services.items():
            for operator in service.custom_operators:
                at = f"services.{key}.custom_operators"
                _check_known(at, operator, self.custom_operators, "custom_operators")
        for kind, ones in (("services", self.services), ("custom_operators", self.custom_operators)):
            keys: dict[str, str] = {}
            for key, one in ones.items():
                if one.sid and (other := keys.setdefault(one.sid, key)) != key:
                    raise ValueError(f"{kind}.{key}.sid: {kind}.{other} has the same; each may be adopted once")
        return self

    @property
    def minutes(self) -> int | None:
        """`daily_minutes` as the settings have it."""
        return self.daily_minutes if isinstance(self.daily_minutes, int) else None


def _check_known(at: str, name: str, known: Mapping[str, object], kind: str) -> None:
    if name not in known:
        there = ", ".join(known) or "none"
        raise ValueError(f"{at}: there is no [{kind}.{name}]; there are: {there}")
