"""Numbers as they are written: YAML whose decimals stay decimals, and JSON that writes them out again.

Scenario files are read by it, and answers written. Twilio sends numbers of any length, which a float would round, so
nothing here makes one.
"""

import json
import re
from decimal import Decimal, DecimalException
from typing import Any

import yaml
from starlette.responses import JSONResponse
from yaml.constructor import ConstructorError


class _ExactLoader(yaml.SafeLoader):
    """Reads every number with a fraction or an exponent as a Decimal."""


def _decimal(loader: _ExactLoader, node: yaml.ScalarNode) -> Decimal:
    text = str(loader.construct_scalar(node))
    try:
        return Decimal(text)
    except DecimalException:
        # Also .inf and .nan.
        raise ConstructorError(None, None, f"{text} is no number that JSON can carry", node.start_mark) from None


_ExactLoader.add_constructor("tag:yaml.org,2002:float", _decimal)
# YAML 1.1 takes 1e-7 for text, as it has no point; YAML 1.2 does not.
_ExactLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_yaml(text: str) -> Any:
    """Read one YAML document.

    Raises
    ------
    yaml.YAMLError
        It is no YAML, or a number is none that JSON can carry.
    """
    # The loader is a safe one.
    return yaml.load(text, Loader=_ExactLoader)  # noqa: S506


def exact_json(value: object) -> str:
    """Write JSON with every Decimal as the number it is."""
    match value:
        case dict():
            return "{" + ",".join(f"{json.dumps(str(key))}:{exact_json(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(exact_json, value)) + "]"
        case Decimal():
            return str(value).lower()
        case _:
            return json.dumps(value, allow_nan=False)


class ExactJsonResponse(JSONResponse):
    """A JSON answer with exact numbers."""

    def render(self, content: Any) -> bytes:
        """Write the body."""
        return exact_json(content).encode()
