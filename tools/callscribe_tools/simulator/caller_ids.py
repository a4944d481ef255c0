"""What Twilio gives for the number of a caller, and what it takes for a caller ID."""

import re
from collections.abc import Mapping
from typing import Literal

type Withheld = Literal["anonymous", "restricted", "blocked", "unknown", "unavailable"]

WITHHELD_NUMBERS: Mapping[Withheld, str] = {
    "anonymous": "+266696687",
    "restricted": "+7378742833",
    "blocked": "+2562533",
    "unknown": "+8656696",
    "unavailable": "+86282452253",
}
"""What stands in `From` for a caller who withholds the number: the word, typed on a telephone's keys.

Twilio support 223179988, "Why am I getting calls from these strange numbers?". Some networks give the word itself.
"""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def is_caller_id(text: str) -> bool:
    """Say whether somebody can be shown this as the number that calls (error 13214: "must be a valid number")."""
    return bool(_E164.fullmatch(text)) and text not in WITHHELD_NUMBERS.values()
