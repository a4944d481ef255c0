"""Says in our words what is wrong with a file: where, and what would be right. Never in a library's own words.

The one place that translates what pydantic, tomllib, json, yaml and the operating system say of files that a person
has written. `callscribe` and `callscribe-sim` use it.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args

import yaml
from pydantic import ValidationError
from pydantic_core.core_schema import ErrorType

PYDANTICS_OWN = frozenset(get_args(ErrorType))
"""All types of errors that pydantic has words for."""

_NOTHING_FITS = "is no value that fits here"

# By pydantic's types of errors; in braces are fields of the error's context.
_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "missing": "is missing",
        "extra_forbidden": "is unknown",
        "string_too_short": "must have at least {min_length} characters",
        "string_too_long": "must have at most {max_length} characters",
        "too_short": "must have at least {min_length} entries",
        "too_long": "must have at most {max_length} entries",
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be at least {ge}",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be at most {le}",
        "literal_error": "must be {expected}",
        "enum": "must be {expected}",
        "none_required": "must be left out",
        "finite_number": "must be a finite number",
    }
)

# By how the types of errors begin.
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "string_": "must be a text, in quotes",
        "int_": "must be a whole number",
        "float_": "must be a number",
        "decimal_": "must be a number",
        "bool_": "must be true or false",
        "list_": "must be a list",
        "tuple_": "must be a list",
        "set_": "must be a list",
        "dict_": "must be a table",
        "mapping_": "must be a table",
        "model_": "must be a table",
        "dataclass_": "must be a table",
        "union_tag_": "has none of the keys that fit here",
    }
)

# What pydantic puts behind the place of a value that may be of several kinds.
_BRANCH = re.compile(r"(?:int|float|str|bool|decimal|none|literal|function|constrained|list|dict)\b.*")


def mistakes(error: ValidationError) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give each mistake: its place, as the keys that lead there, and what is wrong, as the rest of a sentence."""
    found: dict[tuple[str, ...], list[str]] = {}
    for one in error.errors(include_url=False, include_input=False):
        told = found.setdefault(_place(one["loc"]), [])
        # A type that pydantic does not have is one of our models', and so are its words.
        ours = one["type"] not in PYDANTICS_OWN
        sentence = one["msg"] if ours else _sentence(one["type"], one.get("ctx", {}))
        if sentence not in told:
            told.append(sentence)
    for place, told in found.items():
        yield place, ", or ".join(told)


def _place(loc: Sequence[int | str]) -> tuple[str, ...]:
    """The keys that a person has written; `[key]` and the branch of a union are pydantic's own words."""
    words = [str(one) for one in loc if one != "[key]"]
    return tuple(words[:-1] if len(words) > 1 and _BRANCH.fullmatch(words[-1]) else words)


def _sentence(kind: str, context: Mapping[str, Any]) -> str:
    if kind in {"value_error", "assertion_error"}:
        # Ours: raised by a validator of the model.
        return str(context.get("error", _NOTHING_FITS))
    if told := _SENTENCES.get(kind):
        return told.format_map(context)
    return next((told for start, told in _KINDS.items() if kind.startswith(start)), _NOTHING_FITS)


_OF_THE_SYSTEM: Mapping[type[OSError], str] = MappingProxyType(
    {
        PermissionError: "may not be read by you",
        IsADirectoryError: "is a folder",
        FileNotFoundError: "does not exist",
    }
)


def unreadable(error: Exception) -> str:
    """Say why a file cannot be read, as the rest of a sentence that begins with its name."""
    match error:
        case UnicodeDecodeError():
            return "is not in UTF-8. Save it in that encoding"
        case tomllib.TOMLDecodeError():
            return f"is no TOML{_toml_place(error)}. {_toml_remedy(error)}"
        case json.JSONDecodeError():
            return f"is no JSON (line {error.lineno}, column {error.colno})"
        case yaml.MarkedYAMLError(problem_mark=mark) if mark:
            return f"is no YAML (line {mark.line + 1}, column {mark.column + 1}). Look there for quotes and indentation"
        case yaml.YAMLError():
            return "is no YAML"
    return next((told for kind, told in _OF_THE_SYSTEM.items() if isinstance(error, kind)), "cannot be read")


def _toml_remedy(error: Exception) -> str:
    # tomllib says in its message alone that something is there twice.
    if re.match("Cannot (overwrite|declare|mutate)", str(error)):
        return "A key or a table is there twice: keep one of them"
    return "Look there for a missing quote, bracket, = or comma"


def _toml_place(error: Exception) -> str:
    # tomllib names the place in its message alone.
    if found := re.search(r"at line (\d+), column (\d+)", str(error)):
        return f" (line {found[1]}, column {found[2]})"
    return " (it ends too early)"


_BARE = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_KEYS = rf"{_BARE}(?:\s*\.\s*{_BARE})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_KEYS})\s*\]\]?")
_ASSIGNED = re.compile(rf"\s*({_KEYS})\s*=")


def toml_line(text: str, place: Sequence[str], env: str | None = None) -> int | None:
    """Find the line of a TOML text that a key is on, or else the deepest table or key around it; None if none is.

    Args:
        env: the environment whose part of the text is merged over the rest, under `env`.
    """
    of_env, of_all = _deepest(text, ("env", env, *place)) if env else (0, None), _deepest(text, place)
    return of_env[1] if of_env[0] - 2 >= max(of_all[0], 1) else of_all[1]


def _deepest(text: str, place: Sequence[str]) -> tuple[int, int | None]:
    """How many of the keys a line has, at most, and which line that is."""
    table: tuple[str, ...] = ()
    found: tuple[int, int | None] = (0, None)
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = keys = _keys(header[1])
        elif assigned := _ASSIGNED.match(line):
            keys = (*table, *_keys(assigned[1]))
        else:
            continue
        if tuple(place[: len(keys)]) == keys and len(keys) > found[0]:
            found = len(keys), number
    return found


def _keys(text: str) -> tuple[str, ...]:
    return tuple(one.strip("\"'") for one in re.findall(_BARE, text))
