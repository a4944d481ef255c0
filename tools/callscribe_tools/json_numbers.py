"""Writes JSON whose numbers keep their type and their digits, whatever their value.

A float may be another number than the Decimal that it was made of, and 1 is another type than 0.5 to many readers. So
a Decimal is written digit for digit; whole numbers have no point, and a `Measure` always has one.
"""

import json
import re
import secrets
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any


class Measure(Decimal):
    """A number that may have a fraction, such as seconds of a sentence or a probability: 1 is written as 1.0."""


def measure(value: Any) -> Any:
    """Take a number, or a text that is one, for a measure; anything else is what it is."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return value
    try:
        number = Measure(value)
    except InvalidOperation:
        return value
    return number if number.is_finite() else None


def with_measured_probabilities(value: Any) -> Any:
    """Take each probability of an operator result for a measure: Twilio sends them as numbers, and also as texts."""
    match value:
        case Mapping():
            return {name: _probability(name, inner) for name, inner in value.items()}
        case list() | tuple():
            return [with_measured_probabilities(inner) for inner in value]
    return value


def _probability(name: str, value: Any) -> Any:
    if name == "label_probabilities" and isinstance(value, Mapping):
        return {label: measure(one) for label, one in value.items()}
    return measure(value) if name.endswith("_probability") else with_measured_probabilities(value)


def json_text(document: Any, *, indent: int | None = 2, exactly: bool = False) -> str:
    """Write a document as JSON.

    Args:
        indent: None for one line.
        exactly: write each Decimal as it is, also a whole one with a fraction of zeros.

    Raises:
        TypeError: something of it is nothing of JSON's.
    """
    # No text of the document's can hold what was drawn just now.
    mark = secrets.token_hex(16)

    def marked(value: Any) -> Any:
        if not isinstance(value, Decimal):
            raise TypeError(f"{type(value).__name__} is nothing of JSON's")
        return f"{mark}{value if exactly else _digits(value)}" if value.is_finite() else None

    separators = None if indent else (",", ":")
    text = json.dumps(document, indent=indent, separators=separators, default=marked, ensure_ascii=False)
    return re.sub(rf'"{mark}([^"]*)"', r"\1", text)


def _digits(value: Decimal) -> str:
    if isinstance(value, Measure):
        text = str(value)
        return text if re.search("[.E]", text) else f"{text}.0"
    return f"{value:.0f}" if value == value.to_integral_value() else str(value)
