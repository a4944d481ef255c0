"""The voices and languages of <Say> that the simulator knows. A small table: an unknown pair is a violation.

Twilio docs, "Text-to-Speech": an invalid voice and language combination may fail the <Say>.
"""

LANGUAGES = frozenset(
    {"da-DK", "de-DE", "en-AU", "en-CA", "en-GB", "en-IN", "en-US", "es-ES", "es-MX", "es-US", "fi-FI", "fr-CA"}
    | {"fr-FR", "it-IT", "ja-JP", "ko-KR", "nb-NO", "nl-NL", "pl-PL", "pt-BR", "pt-PT", "ru-RU", "sv-SE"}
    | {"zh-CN", "zh-HK", "zh-TW"}
)
# Assumed: no list for the basic voices is documented today. woman + ja-JP in particular is attested nowhere.
_BASIC_LANGUAGES = frozenset(["de-DE", "en-GB", "en-US", "es-ES", "fr-FR", "it-IT"])
_POLLY = {
    "ja-JP": "Mizuki Takumi Takumi-Neural Kazuha-Neural Tomoko-Neural",
    "en-US": "Joanna Joanna-Neural Matthew Matthew-Neural Salli Salli-Neural Danielle-Neural",
    "en-GB": "Amy Amy-Neural Brian Brian-Neural Emma Emma-Neural",
    "en-AU": "Nicole Russell Olivia-Neural",
    "de-DE": "Vicki Vicki-Neural Marlene Hans",
    "fr-FR": "Lea Lea-Neural Celine Mathieu",
    "es-ES": "Lucia Lucia-Neural Conchita Enrique",
}
_LANGUAGE_OF_POLLY = {f"Polly.{name}": language for language, names in _POLLY.items() for name in names.split()}


def refusal(voice: str | None, language: str | None) -> str | None:
    """Say in words why this pair may not be spoken, or None when it may."""
    if language is not None and language not in LANGUAGES:
        return f"language {language!r} is not known for <Say>"
    if voice is None:
        return None
    spoken = _languages_of(voice)
    if not spoken:
        return f"voice {voice!r} is not known"
    if language is not None and language not in spoken:
        return f"voice {voice!r} is not known to speak {language}"
    return None


def _languages_of(voice: str) -> frozenset[str]:
    if voice in {"man", "woman"}:
        return _BASIC_LANGUAGES
    if voice in _LANGUAGE_OF_POLLY:
        return frozenset({_LANGUAGE_OF_POLLY[voice]})
    # Google voices carry their language: Google.ja-JP-Neural2-B.
    language = "-".join(voice.removeprefix("Google.").split("-")[:2])
    return frozenset({language}) & LANGUAGES if voice.startswith("Google.") else frozenset()
