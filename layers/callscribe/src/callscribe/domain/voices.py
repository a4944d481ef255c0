"""What <Say> can speak: Twilio's voices with their languages, and how long a text may be. The one home of these tables.

The settings, `setup`, `doctor` and the simulated Twilio use it. `incoming_call` imports it, so it only looks things up.
Sources: twilio-node 45d3d65 of July 2026, `SayVoice` and `SayLanguage`; Amazon Polly docs, "Available voices", for the
language of each name; Twilio docs, error 13521, for the lengths.
"""

from functools import cache, lru_cache
from urllib.parse import quote

LANGUAGES = frozenset(
    {"af-ZA", "am-ET", "ar-AE", "ar-XA", "arb", "bg-BG", "bn-IN", "ca-ES", "cmn-CN", "cmn-TW", "cs-CZ", "cy-GB"}
    | {"da-DK", "de-AT", "de-DE", "el-GR", "en-AU", "en-CA", "en-GB", "en-GB-WLS", "en-IE", "en-IN", "en-NZ", "en-US"}
    | {"en-ZA", "es-ES", "es-MX", "es-US", "eu-ES", "fi-FI", "fil-PH", "fr-BE", "fr-CA", "fr-FR", "gl-ES", "gu-IN"}
    | {"he-IL", "hi-IN", "hu-HU", "id-ID", "is-IS", "it-IT", "ja-JP", "kn-IN", "ko-KR", "lt-LT", "lv-LV", "ml-IN"}
    | {"mr-IN", "ms-MY", "nb-NO", "nl-BE", "nl-NL", "pa-IN", "pl-PL", "pt-BR", "pt-PT", "ro-RO", "ru-RU", "sk-SK"}
    | {"sr-RS", "sv-SE", "ta-IN", "te-IN", "th-TH", "tr-TR", "uk-UA", "vi-VN", "yue-CN", "yue-HK", "zh-CN", "zh-HK"}
    | {"zh-TW"}
)
"""What the attribute `language` may be."""

# Assumed: Twilio no longer documents the languages of these three. `woman` with ja-JP is attested nowhere.
_BASIC = frozenset({"de-DE", "en-GB", "en-US", "es-ES", "fr-FR", "it-IT"})
_ALICE = frozenset(
    {
        "ca-ES",
        "da-DK",
        "de-DE",
        "en-AU",
        "en-CA",
        "en-GB",
        "en-IN",
        "en-US",
        "es-ES",
        "es-MX",
        "fi-FI",
        "fr-CA",
        "fr-FR",
    }
    | {"it-IT", "ja-JP", "ko-KR", "nb-NO", "nl-NL", "pl-PL", "pt-BR", "pt-PT", "ru-RU", "sv-SE", "zh-CN", "zh-HK"}
    | {"zh-TW"}
)
_OLD = {"man": _BASIC, "woman": _BASIC, "alice": _ALICE}

# Several codes of one language.
_ALIASES = (frozenset({"cmn-CN", "zh-CN"}), frozenset({"cmn-TW", "zh-TW"}), frozenset({"yue-CN", "yue-HK", "zh-HK"}))

# By language: each name with its kinds, S standard (`Polly.Amy`), N `-Neural`, G `-Generative`.
_POLLY = {
    "ar-AE": "Hala:N Zayd:N",
    "arb": "Zeina:S",
    "ca-ES": "Arlet:N",
    "cmn-CN": "Zhiyu:SN",
    "cy-GB": "Gwyneth:S",
    "da-DK": "Mads:S Naja:S Sofie:N",
    "de-AT": "Hannah:N",
    "de-DE": "Daniel:NG Hans:S Marlene:S Vicki:SNG",
    "en-AU": "Nicole:S Olivia:NG Russell:S",
    "en-GB": "Amy:SNG Arthur:N Brian:SN Emma:SN",
    "en-GB-WLS": "Geraint:S",
    "en-IE": "Niamh:N",
    "en-IN": "Aditi:S Kajal:NG Raveena:S",
    "en-NZ": "Aria:N",
    "en-US": "Danielle:NG Gregory:N Ivy:SN Joanna:SNG Joey:SN Justin:SN "
    "Kendra:SN Kevin:SN Kimberly:SN Matthew:SNG Ruth:NG Salli:SN Stephen:NG",
    "en-ZA": "Ayanda:NG",
    "es-ES": "Conchita:S Enrique:S Lucia:SNG Sergio:NG",
    "es-MX": "Andres:NG Mia:SN Mía:G",
    "es-US": "Lupe:SNG Miguel:S Pedro:NG Penelope:S",
    "fi-FI": "Suvi:N",
    "fr-BE": "Isabelle:N",
    "fr-CA": "Chantal:S Gabrielle:N Liam:N",
    "fr-FR": "Celine:S Lea:SNG Mathieu:S Remi:N Rémi:G",
    "hi-IN": "Aditi:S Kajal:NG",
    "is-IS": "Dora:S Karl:S",
    "it-IT": "Adriano:N Bianca:SNG Carla:S Giorgio:S",
    "ja-JP": "Kazuha:N Mizuki:S Takumi:SN Tomoko:N",
    "ko-KR": "Seoyeon:SN",
    "nb-NO": "Ida:N Liv:S",
    "nl-BE": "Lisa:N",
    "nl-NL": "Laura:N Lotte:S Ruben:S",
    "pl-PL": "Ewa:S Jacek:S Jan:S Maja:S Ola:N",
    "pt-BR": "Camila:SN Ricardo:S Thiago:N Vitoria:SN",
    "pt-PT": "Cristiano:S Ines:SN",
    "ro-RO": "Carmen:S",
    "ru-RU": "Maxim:S Tatyana:S",
    "sv-SE": "Astrid:S Elin:N",
    "tr-TR": "Burcu:N Filiz:S",
    "yue-HK": "Hiujin:N",
}

# By language: each family with its letters (`Google.en-US-Wavenet-A`). * stands for the names of Chirp3-HD.
_GOOGLE = {
    "af-ZA": "Standard:A",
    "am-ET": "Standard:AB Wavenet:AB",
    "ar-XA": "Chirp3-HD:* Standard:ABCD Wavenet:ABCD",
    "bg-BG": "Standard:AB",
    "bn-IN": "Chirp3-HD:* Standard:ABCD Wavenet:ABCD",
    "ca-ES": "Standard:AB",
    "cmn-CN": "Chirp3-HD:* Standard:ABCD Wavenet:ABCD",
    "cmn-TW": "Standard:ABC Wavenet:ABC",
    "cs-CZ": "Standard:AB Wavenet:AB",
    "da-DK": "Neural2:DF Standard:ACDEFG Wavenet:ACDEFG",
    "de-DE": "Chirp3-HD:* Neural2:ABCDFGH Standard:ABCDEFGH Wavenet:ABCDEFGH",
    "el-GR": "Standard:AB Wavenet:AB",
    "en-AU": "Chirp3-HD:* Neural2:ABCD Standard:ABCD Wavenet:ABCD",
    "en-GB": "Chirp3-HD:* Neural2:ABCDFNO Standard:ABCDFNO Wavenet:ABCDFNO",
    "en-IN": "Chirp3-HD:* Neural2:ABCD Standard:ABCDEF Wavenet:ABCDEF",
    "en-US": "Chirp3-HD:* Neural2:ACDEFGHIJ Standard:ABCDEFGHIJ Wavenet:ABCDEFGHIJ",
    "es-ES": "Chirp3-HD:* Neural2:ABCDEFGH Standard:ABCDEFGH Wavenet:BCDEFGH",
    "es-US": "Chirp3-HD:* Neural2:ABC Standard:ABC Wavenet:ABC",
    "eu-ES": "Standard:AB",
    "fi-FI": "Standard:AB Wavenet:AB",
    "fil-PH": "Neural2:AD Standard:ABCD Wavenet:ABCD",
    "fr-CA": "Chirp3-HD:* Neural2:ABCD Standard:ABCD Wavenet:ABCD",
    "fr-FR": "Chirp3-HD:* Neural2:ABCDEFG Standard:ABCDEFG Wavenet:ABCDEFG",
    "gl-ES": "Standard:AB",
    "gu-IN": "Chirp3-HD:* Standard:ABCD Wavenet:ABCD",
    "he-IL": "Standard:ABCD Wavenet:ABCD",
    "hi-IN": "Chirp3-HD:* Neural2:ABCD Standard:ABCDEF Wavenet:ABCDEF",
    "hu-HU": "Standard:AB Wavenet:A",
    "id-ID": "Chirp3-HD:* Standard:ABCD Wavenet:ABCD",
    "is-IS": "Standard:AB",
    "it-IT": "Chirp3-HD:* Neural2:ACF Standard:ABCDEF Wavenet:ABCDEF",
    "ja-JP": "Chirp3-HD:* Neural2:BCD Standard:ABCD Wavenet:ABCD",
    "kn-IN": "Chirp3-HD:* Standard:ABCD Wavenet:ABCD",
    "ko-KR": "Chirp3-HD:* Neural2:ABC Standard:ABCD Wavenet:ABCD",
    "lt-LT": "Standard:AB",
    "lv-LV": "Standard:AB",
    "ml-IN": "Chirp3-HD:* Standard:ABCD Wavenet:ABCD",
    "mr-IN": "Chirp3-HD:* Standard:ABC Wavenet:ABC",
    "ms-MY": "Standard:ABCD Wavenet:ABCD",
    "nb-NO": "Standard:ABCDEFG Wavenet:ABCDEFG",
    "nl-BE": "Standard:ABCD Wavenet:ABCD",
    "nl-NL": "Chirp3-HD:* Standard:ABCDEFG Wavenet:ABCDEFG",
    "pa-IN": "Standard:ABCD Wavenet:ABCD",
    "pl-PL": "Chirp3-HD:* Standard:ABCDEFG Wavenet:ABCDEFG",
    "pt-BR": "Chirp3-HD:* Neural2:ABC Standard:ABCDE Wavenet:ABCDE",
    "pt-PT": "Standard:ABCDEF Wavenet:ABCDEF",
    "ro-RO": "Standard:AB Wavenet:AB",
    "ru-RU": "Chirp3-HD:* Standard:ABCDE Wavenet:ABCDE",
    "sk-SK": "Standard:AB Wavenet:AB",
    "sr-RS": "Standard:A",
    "sv-SE": "Standard:ABCDEFG Wavenet:ABCDEFG",
    "ta-IN": "Chirp3-HD:* Standard:ABCD Wavenet:ABCD",
    "te-IN": "Chirp3-HD:* Standard:ABCD",
    "th-TH": "Chirp3-HD:* Neural2:C Standard:A",
    "tr-TR": "Chirp3-HD:* Standard:ABCDE Wavenet:ABCDE",
    "uk-UA": "Standard:A Wavenet:A",
    "vi-VN": "Chirp3-HD:* Neural2:AD Standard:ABCD Wavenet:ABCD",
    "yue-HK": "Standard:ABCD",
}

_CHIRP = frozenset({"Aoede", "Charon", "Fenrir", "Kore", "Leda", "Orus", "Puck", "Zephyr"})
_KINDS = {"": "S", "Neural": "N", "Generative": "G"}

MOST_POLLY, MOST_BASIC, MOST_GOOGLE, MOST_ENCODED = 3000, 4096, 5000, 4500
"""Twilio counts UTF-8 single byte characters, and in `MOST_ENCODED` those of the URL-encoded text, for all voices."""


@cache
def _polly() -> dict[str, tuple[str, frozenset[str]]]:
    """The kinds and the languages of each name."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for language, names in _POLLY.items():
        for name, _, kinds in (one.partition(":") for one in names.split()):
            found[name] = kinds, found.get(name, ("", frozenset()))[1] | _with_aliases(language)
    return found


def _with_aliases(language: str) -> frozenset[str]:
    return next((codes for codes in _ALIASES if language in codes), frozenset([language]))


@lru_cache(maxsize=1024)
def languages_of(voice: str) -> frozenset[str]:
    """The languages that a voice speaks; none if it is no voice that Twilio lists."""
    provider, _, rest = voice.partition(".")
    if provider == "Polly":
        name, hyphen, kind = rest.partition("-")
        kinds, languages = _polly().get(name, ("", frozenset()))
        listed = bool(kind) == bool(hyphen) and kind in _KINDS and _KINDS[kind] in kinds
        return languages if listed else frozenset()
    if provider == "Google":
        language, family, last = _google_parts(rest)
        letters = dict(one.split(":") for one in _GOOGLE.get(language, "").split()).get(family, "")
        listed = last in _CHIRP if letters == "*" else len(last) == 1 and last in letters
        return _with_aliases(language) if listed else frozenset()
    return _OLD.get(voice, frozenset())


def _google_parts(voice: str) -> tuple[str, str, str]:
    """Language, family and the rest of the name: ja-JP, Chirp3-HD, Kore."""
    words = voice.split("-")
    language = "-".join(words[:2])
    # The list has some voices as fil-ph.
    return "fil-PH" if language == "fil-ph" else language, "-".join(words[2:-1]), words[-1]


def may_be_new(voice: str, language: str) -> bool:
    """Whether a voice that is not listed has the shape of one of `language`: Twilio may have added it since."""
    provider, _, rest = voice.partition(".")
    if provider == "Polly":
        name, hyphen, kind = rest.partition("-")
        _, languages = _polly().get(name, ("", frozenset({language})))
        return name.isalpha() and (not hyphen or kind.isalpha()) and language in languages
    spoken, family, last = _google_parts(rest)
    return provider == "Google" and bool(family and last) and language in _with_aliases(spoken)


def refusal(voice: str | None, language: str | None) -> str | None:
    """Say in words why this pair is not spoken, or None if it is. It quotes both."""
    if language is not None and language not in LANGUAGES:
        return f"language {language!r} is not known for <Say>"
    if voice is None:
        return None
    spoken = languages_of(voice)
    if not spoken:
        return f"voice {voice!r} is not known"
    if language is not None and language not in spoken:
        return f"voice {voice!r} is not known to speak {language}; it speaks {', '.join(sorted(spoken))}"
    return None


# Unicode calls these fillers of Korean syllables letters. They are invisible, and nothing of them is spoken.
_FILLERS = "\u115f\u1160\u3164\uffa0"


def is_blank(text: str) -> bool:
    """Whether a text holds nothing that can be spoken: no letter and no digit of any script."""
    return not any(character.isalnum() and character not in _FILLERS for character in text)


def most_characters(voice: str | None) -> int:
    """How many bytes of UTF-8 a voice speaks. Without a voice the account's default does, which may be Polly's."""
    if voice is not None and voice.startswith("Google."):
        return MOST_GOOGLE
    return MOST_BASIC if voice in _OLD else MOST_POLLY


def length_refusal(text: str, voice: str | None) -> str | None:
    """Say in words that a text is longer than the voice speaks, or None. It quotes nothing."""
    size, most = len(text.encode(errors="replace")), most_characters(voice)
    if size > most:
        return f"it is {size:,} bytes, and the voice speaks at most {most:,}; an accented letter has 2 bytes, a kanji 3"
    # That a blank is %20 and not + is assumed, which is the stricter reading. Nothing is longer than thrice its bytes.
    encoded = len(quote(text, safe="", errors="replace")) if 3 * size > MOST_ENCODED else 0
    if encoded > MOST_ENCODED:
        return (
            f"it is {encoded:,} characters once URL-encoded, and Twilio speaks at most {MOST_ENCODED:,}; a blank is 3 "
            "of them, a kanji 9"
        )
    return None
