"""Finds texts in a script that their language is not written in: a voice says nothing of such a text.

`setup` and `doctor` ask this. The functions do not: a caller never waits for it.
"""

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from callscribe.domain.settings import TEXTS, NumberSettings

# Names as Unicode has them at the beginning of a letter's name. Every language may have Latin letters besides.
_CHINESE = ("CJK", "BOPOMOFO", "IDEOGRAPHIC")
_SCRIPTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "am": ("ETHIOPIC",),
        "ar": ("ARABIC",),
        "arb": ("ARABIC",),
        "bg": ("CYRILLIC",),
        "bn": ("BENGALI",),
        "cmn": _CHINESE,
        "el": ("GREEK",),
        # Voices of Indian English such as Polly.Aditi speak Hindi too.
        "en-IN": ("DEVANAGARI",),
        "gu": ("GUJARATI",),
        "he": ("HEBREW",),
        "hi": ("DEVANAGARI",),
        "ja": ("HIRAGANA", "KATAKANA", "CJK", "IDEOGRAPHIC"),
        "kn": ("KANNADA",),
        "ko": ("HANGUL", "CJK"),
        "ml": ("MALAYALAM",),
        "mr": ("DEVANAGARI",),
        "pa": ("GURMUKHI",),
        "ru": ("CYRILLIC",),
        "sr": ("CYRILLIC",),
        "ta": ("TAMIL",),
        "te": ("TELUGU",),
        "th": ("THAI",),
        "uk": ("CYRILLIC",),
        "yue": _CHINESE,
        "zh": _CHINESE,
    }
)


def script_refusal(number: NumberSettings) -> str | None:
    """Say in words which text has no letter in a script of the number's language, or None. It quotes no text.

    A text without letters passes: digits are spoken in every language.
    """
    for name in TEXTS:
        letters = [letter for letter in getattr(number, name) if letter.isalpha()]
        if letters and not any(_is_of(letter, number.language) for letter in letters):
            return (
                f"{name} has no letter that {number.language} is written with, so Twilio would not speak it: give the "
                "number the language of its texts, and a voice of that language"
            )
    return None


def _is_of(letter: str, language: str) -> bool:
    scripts = _SCRIPTS.get(language) or _SCRIPTS.get(language.partition("-")[0], ())
    name = unicodedata.name(letter, "").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    return name.startswith(("LATIN", *scripts))
