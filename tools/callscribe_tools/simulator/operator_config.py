"""Checks the configuration of a custom operator by Twilio's documented rules, and completes it as Twilio does.

Twilio docs, "Custom Operators" and "JSON output format". `rest_operators` calls it for what is created and updated.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callscribe_tools.simulator.api_errors import bad_request, invalid

MAX_PROMPT = 4000
MAX_PROPERTIES, MAX_LEVELS, MAX_ENUM_VALUES = 100, 5, 500


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, serialize_by_alias=True)


class _Schema(_Strict):
    # What is documented as not supported (minLength, pattern, minimum, minItems, ...) is refused like all that is not
    # named here; that it is refused and not ignored is assumed.
    type: Literal["string", "number", "boolean", "integer", "object", "array"] | None = None
    title: str | None = None
    description: str | None = None
    enum: list[str | int | float | bool] | None = None
    any_of: list["_Schema"] | None = Field(default=None, alias="anyOf")
    items: "_Schema | None" = None
    properties: dict[str, "_Schema"] | None = None
    # Accepted and overwritten.
    required: list[str] | None = None
    additional_properties: bool | None = Field(default=None, alias="additionalProperties")

    def below(self) -> Iterator["_Schema"]:
        yield from (self.properties or {}).values()
        yield from self.any_of or ()
        if self.items is not None:
            yield self.items


class _Example(_Strict):
    input: str
    output: str


class _Generative(_Strict):
    prompt: Annotated[str, Field(min_length=1, max_length=MAX_PROMPT)]
    examples: list[_Example] | None = None


class _GenerativeJson(_Generative):
    json_result_schema: _Schema


_KINDS: dict[str, type[_Generative]] = {"Generative": _Generative, "GenerativeJSON": _GenerativeJson}


def checked_config(operator_type: str, text: str) -> dict[str, Any]:
    """Read a configuration, and give it as Twilio keeps it.

    Raises
    ------
    ApiError
        The type is none that accounts make operators of, or the configuration breaks a rule.
    """
    kind = _KINDS.get(operator_type)
    if kind is None:
        raise bad_request(f"OperatorType is {operator_type!r}, not one of {', '.join(_KINDS)}")
    try:
        config = kind.model_validate_json(text)
    except ValidationError as error:
        raise invalid("Config", error) from error
    if isinstance(config, _GenerativeJson):
        _check_limits(config.json_result_schema)
        _close(config.json_result_schema)
    return config.model_dump(exclude_unset=True)


def _check_limits(schema: _Schema) -> None:
    if schema.type != "object":
        raise bad_request(f"Config.json_result_schema: the root's type is {schema.type}, not object")
    everything = list(_walk(schema))
    for what, amount, most in (
        ("properties", sum(len(one.properties or {}) for one in everything), MAX_PROPERTIES),
        ("levels of nesting", _levels(schema), MAX_LEVELS),
        ("enum values", sum(len(one.enum or ()) for one in everything), MAX_ENUM_VALUES),
    ):
        if amount > most:
            raise bad_request(f"Config.json_result_schema has {amount} {what}, more than {most}")


def _walk(schema: _Schema) -> Iterator[_Schema]:
    yield schema
    for below in schema.below():
        yield from _walk(below)


def _levels(schema: _Schema) -> int:
    # What counts as a level is assumed: each object within an object.
    deepest = max(map(_levels, schema.below()), default=0)
    return deepest + (schema.type == "object")


def _close(schema: _Schema) -> None:
    """Let every object have all its properties and no others, whatever it said: Twilio overwrites both."""
    for one in _walk(schema):
        if one.type == "object":
            one.additional_properties = False
            one.required = list(one.properties or {})
