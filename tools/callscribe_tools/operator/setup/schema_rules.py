"""Twilio's rules for the schema of a custom operator (Twilio docs, "Custom Operators", "JSON output format").

They are checked before anything is sent: what Twilio says of a schema that it refuses names no place in it.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

MOST_PROPERTIES, MOST_LEVELS, MOST_ENUM_VALUES = 100, 5, 500
TYPES = ("string", "number", "boolean", "integer", "object", "array")
KEYWORDS = frozenset(
    {"type", "title", "description", "enum", "anyOf", "items", "properties", "required", "additionalProperties"}
)
UNSUPPORTED = frozenset(
    {"minLength", "maxLength", "pattern", "format", "minimum", "maximum", "multipleOf", "patternProperties"}
    | {"unevaluatedProperties", "propertyNames", "minProperties", "maxProperties", "unevaluatedItems", "contains"}
    | {"minContains", "maxContains", "minItems", "maxItems", "uniqueItems"}
)
"""Keywords that Twilio names as not supported."""


def mistakes(schema: object) -> list[str]:
    """What Twilio would refuse, each with the path in the schema; none where it is right."""
    if not isinstance(schema, dict):
        return ["the schema must be an object"]
    found = [] if schema.get("type") == "object" else ['type: must be "object" at the root']
    found += list(_mistakes(schema, ""))
    return found or list(_limits(schema))


def _mistakes(node: object, path: str) -> Iterator[str]:
    if not isinstance(node, dict):
        yield f"{path.rstrip('.')}: must be a schema, an object"
        return
    for name in node.keys() - KEYWORDS:
        told = (
            "Twilio does not support it" if name in UNSUPPORTED else f"unknown; known are {', '.join(sorted(KEYWORDS))}"
        )
        yield f"{path}{name}: {told}"
    for name, right, told in _SHAPES:
        if name in node and not right(node[name]):
            yield f"{path}{name}: must be {told}"
    if "type" not in node and "anyOf" not in node and "enum" not in node:
        yield f"{path}type: missing; one of {', '.join(TYPES)}"
    for step, below in _below(node):
        yield from _mistakes(below, f"{path}{step}.")


def _are_scalars(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str | int | float) for one in value)


_SHAPES = (
    ("type", lambda value: isinstance(value, str) and value in TYPES, f"one of {', '.join(TYPES)}"),
    ("title", lambda value: isinstance(value, str), "a text"),
    ("description", lambda value: isinstance(value, str), "a text"),
    ("enum", _are_scalars, "a list of texts, numbers or booleans"),
    ("anyOf", lambda value: isinstance(value, list) and bool(value), "a list of schemas"),
    ("properties", lambda value: isinstance(value, dict), "an object of schemas by name"),
    ("required", lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value), "names"),
    ("additionalProperties", lambda value: isinstance(value, bool), "true or false; Twilio makes it false"),
)


def _below(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The schemas directly within one, with the step that leads there."""
    if isinstance(properties := node.get("properties"), dict):
        yield from ((f"properties.{name}", one) for name, one in properties.items())
    if isinstance(any_of := node.get("anyOf"), list):
        yield from ((f"anyOf.{number}", one) for number, one in enumerate(any_of))
    if "items" in node:
        yield "items", node["items"]


def _limits(schema: dict[str, Any]) -> Iterator[str]:
    everything = list(_walk(schema))
    for what, amount, most in (
        ("properties", sum(len(one.get("properties", {})) for one in everything), MOST_PROPERTIES),
        ("levels of objects", _levels(schema), MOST_LEVELS),
        ("enum values", sum(len(one.get("enum", [])) for one in everything), MOST_ENUM_VALUES),
    ):
        if amount > most:
            yield f"it has {amount} {what}, and Twilio takes {most}"


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for _, below in _below(node):
        yield from _walk(below)


def _levels(node: Mapping[str, Any]) -> int:
    # Twilio does not say what counts as a level; an object within an object is the plain meaning.
    deepest = max((_levels(below) for _, below in _below(node)), default=0)
    return deepest + (node.get("type") == "object")


def plain(value: Any) -> Any:
    """A configuration of an operator as it compares: without what is null, numbers as Python's."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return float(value) if isinstance(value, Decimal) else value


def completed(schema: Any) -> Any:
    """A schema as Twilio keeps it: of each object all properties are required, and no others allowed."""
    if isinstance(schema, list):
        return [completed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: one for name, one in schema.items() if name != "properties"}
    for name in ("anyOf", "items"):
        if name in told:
            told[name] = completed(told[name])
    if isinstance(properties := schema.get("properties"), dict):
        told["properties"] = {name: completed(one) for name, one in properties.items()}
    if schema.get("type") == "object":
        told |= {"additionalProperties": False, "required": sorted(schema.get("properties", {}))}
    return told
