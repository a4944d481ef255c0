"""What the simulated Twilio makes of personal data when a Service redacts.

The form of the marks is *assumed* after the documented "[Redacted: Name]" of generative results. Names are not found:
only numbers of four digits and more, and e-mail addresses.
"""

import re
from typing import Any

_MARKS = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[Redacted: Email]"),
    # Also in groups, as a telephone number or a card's is written.
    (re.compile(r"\+?\(?\d(?:[ ().-]{0,2}\d){3,}"), "[Redacted: Number]"),
)


def redact(value: Any) -> Any:
    """Mark what is personal in a text, or in every text of a JSON value; keys and numbers stay."""
    match value:
        case str():
            for pattern, mark in _MARKS:
                value = pattern.sub(mark, value)
            return value
        case dict():
            return {key: redact(item) for key, item in value.items()}
        case list() | tuple():
            return [redact(item) for item in value]
        case _:
            return value
