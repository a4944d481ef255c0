"""Twilio's own JSON, printed with every number as Twilio has written it."""

import json
import re
import secrets
from decimal import Decimal
from typing import Any


def as_twilio_writes(document: Any) -> str:
    """A document as JSON, decimals digit for digit: `json` itself writes none, and a float may be another number."""
    # No text of Twilio's can hold what was drawn just now.
    mark = secrets.token_hex(16)

    def marked(value: Any) -> str:
        if not isinstance(value, Decimal):
            raise TypeError(f"{type(value).__name__} is nothing of JSON's")
        return f"{mark}{value}"

    text = json.dumps(document, indent=2, default=marked, ensure_ascii=False)
    return re.sub(rf'"{mark}([^"]*)"', r"\1", text)
