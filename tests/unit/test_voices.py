"""What <Say> can speak: no text reaches a caller that Twilio would not speak, least of all the notice."""

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from callscribe.domain import voices
from callscribe.domain.settings import CallSettings, SettingsError, call_settings_from_json, from_json
from callscribe.usecases.incoming_call import STILL_HANG_UP, STILL_RECORD
from callscribe_tools.local_callscribe import settings_document
from harness.mock_api import API
from harness.stack import NUMBER, SERVICE_SID, account

OTHER_NUMBER = "+12025550188"
TEXTS = ("notice", "greeting", "thanks")


def document(**number: Any) -> str:
    return json.dumps(settings_document(account(), **number))


def accepted(**number: Any) -> None:
    its = from_json(document(**number)).for_number(NUMBER)
    assert {name: getattr(its, name) for name in number} == number


def refused(**number: Any) -> str:
    with pytest.raises(SettingsError) as raised:
        from_json(document(**number))
    return str(raised.value)


@pytest.mark.parametrize(
    "text", [" ", "\t\n", "\u3000", "\u00a0", "\u200b", "...", "—", "\u2028 ¿?", "\u3164", "\u115f\u1160 \uffa0"]
)
@pytest.mark.parametrize("field", TEXTS)
def test_a_text_that_says_nothing_is_refused_unless_it_is_empty(field: str, text: str) -> None:
    assert f"{field} has no letter and no digit" in refused(**{field: text})
    accepted(**{field: ""})


LIMITS = [
    ("Polly.Joanna-Neural", "en-US", "a", 3000),
    ("Polly.Joanna-Generative", "en-US", "a", 3000),
    ("man", "en-US", "a", 4096),
    ("woman", "en-GB", "a", 4096),
    ("alice", "en-US", "a", 4096),
    # Whatever the account has for the language, and so the least of all.
    (None, "en-US", "a", 3000),
    # Nothing needs less than one character once it is URL-encoded.
    ("Google.en-US-Neural2-A", "en-US", "a", 4500),
    ("Google.fr-FR-Neural2-A", "fr-FR", "é", 750),
    ("Google.en-US-Neural2-A", "en-US", "a ", 1125),
    ("Polly.Kazuha-Neural", "ja-JP", "録", 500),
    (None, "ja-JP", "音", 500),
]


@pytest.mark.parametrize(("voice", "language", "letter", "most"), LIMITS)
@pytest.mark.parametrize("field", TEXTS)
def test_a_text_that_is_longer_than_its_voice_speaks_is_refused(
    field: str, voice: str | None, language: str, letter: str, most: int
) -> None:
    accepted(voice=voice, language=language, **{field: letter * most})
    told = refused(voice=voice, language=language, **{field: letter * (most + 1)})
    assert f"{field} is too long for Twilio to speak" in told
    assert letter * 20 not in told


@pytest.mark.parametrize("language", ["", "en", "en-us", "EN-US", "xx-XX", "en_US", "english"])
def test_a_language_that_twilio_does_not_speak_is_refused(language: str) -> None:
    assert "language must be one that Twilio speaks" in refused(language=language)


@pytest.mark.parametrize(
    "voice",
    [
        *("", "nobody", "Polly", "Polly.", "Polly.Nobody", "polly.joanna", "Joanna", "Polly.Joanna-"),
        *("Polly.Joanna-Loud", "Polly.Hans-Neural", "Azure.en-US-Jenny", "Google.en-US", "Google.en-US-Wavenet"),
        *("Google.en-US-Wavenet-Z", "Google.en-US-Neural2-B", "Google.en-US-Chirp3-HD-Nobody"),
    ],
)
def test_a_voice_that_twilio_does_not_list_is_refused(voice: str) -> None:
    language = "de-DE" if "Hans" in voice else "en-US"
    assert "voice must be one of Twilio's" in refused(voice=voice, language=language)


@pytest.mark.parametrize(
    ("voice", "language"),
    [
        ("Polly.Joanna-Neural", "ja-JP"),
        ("Polly.Amy", "en-US"),
        ("Polly.Kazuha-Neural", "en-US"),
        ("Google.ja-JP-Neural2-B", "en-US"),
        ("Google.en-GB-Wavenet-A", "en-US"),
        ("woman", "ja-JP"),
        ("man", "da-DK"),
        ("alice", "ar-AE"),
        ("Polly.Lupe", "es-MX"),
    ],
)
def test_a_voice_of_another_language_is_refused(voice: str, language: str) -> None:
    assert "choose one that speaks it" in refused(voice=voice, language=language)


@pytest.mark.parametrize(
    ("voice", "language"),
    [
        ("Polly.Aditi", "hi-IN"),
        ("Polly.Kajal-Generative", "en-IN"),
        ("Polly.Zhiyu-Neural", "zh-CN"),
        ("Google.yue-HK-Standard-A", "zh-HK"),
        ("Google.fil-ph-Neural2-A", "fil-PH"),
        ("Polly.Mía-Generative", "es-MX"),
        ("alice", "ja-JP"),
    ],
)
def test_a_voice_speaks_every_language_and_spelling_that_it_has(voice: str, language: str) -> None:
    accepted(voice=voice, language=language)


@pytest.mark.parametrize(
    ("voice", "language", "may_be"),
    [
        ("Polly.Jasmine-Neural", "en-SG", False),
        ("Polly.Tiffany-Neural", "en-US", True),
        ("Polly.Hans-Neural", "de-DE", True),
        ("Polly.Hans-Neural", "en-US", False),
        ("Google.en-US-Chirp4-Nova", "en-US", True),
        ("Google.en-US-Chirp4-Nova", "ja-JP", False),
        ("Tiffany", "en-US", False),
    ],
)
def test_a_voice_that_twilio_has_added_lately_may_be_used_if_one_says_so(
    voice: str,
    language: str,
    may_be: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    refused(voice=voice, language=language)
    if may_be:
        accepted(voice=voice, language=language, unlisted_voice=True)
    else:
        refused(voice=voice, language=language, unlisted_voice=True)


def read_leniently(numbers: dict[str, Any]) -> tuple[CallSettings, dict[str, str]]:
    """Read numbers as the functions do; return them with what was reported of each."""
    secret = {name: value for name, value in json.loads(document()).items() if name != "numbers"}
    problems: dict[str, str] = {}
    settings = from_json(
        json.dumps(secret), json.dumps({"numbers": numbers}), on_problem=lambda *args: problems.update([args])
    )
    return settings, problems


def test_a_number_that_an_earlier_version_has_stored_is_answered_by_texts_that_are_spoken() -> None:
    number = {"service_sid": SERVICE_SID, "silence_seconds": 9}
    wrong = {**number, "language": "ja-JP", "voice": "Polly.Kazuha-Neural", "notice": "録" * 501, "greeting": ""}
    settings, told = read_leniently({NUMBER: wrong, OTHER_NUMBER: {**number, "notice": "Hello, you are recorded."}})
    assert told.keys() == {NUMBER}
    assert "callers hear the default texts in English: notice is too long" in told[NUMBER]
    mended, other = settings.numbers[NUMBER], settings.numbers[OTHER_NUMBER]
    assert (mended.notice, mended.greeting) == ("This call is recorded.", "")
    assert (mended.language, mended.voice, mended.silence_seconds) == ("en-US", None, 9)
    assert other.notice == "Hello, you are recorded."


@pytest.mark.parametrize(
    "voice",
    ["Polly.Joana", "Polly.Tiffany-Neural", "nobody", "Polly.Joanna", "Google.ja-JP-Wavenett-Q"],
)
def test_a_stored_voice_that_may_not_exist_costs_the_voice_and_no_text(voice: str) -> None:
    number = {"service_sid": SERVICE_SID, "language": "ja-JP", "voice": voice, "notice": "録音します。"}
    settings, problems = read_leniently({NUMBER: number})
    its = settings.numbers[NUMBER]
    assert (its.voice, its.language, its.notice) == (None, "ja-JP", "録音します。")
    assert "callers hear the texts in the account's default voice: voice " in problems[NUMBER]


def test_a_stored_voice_that_is_said_to_be_new_is_used() -> None:
    number = {"service_sid": SERVICE_SID, "voice": "Polly.Tiffany-Neural", "unlisted_voice": True}
    settings, problems = read_leniently({NUMBER: number})
    assert (settings.numbers[NUMBER].voice, problems) == ("Polly.Tiffany-Neural", {})


@pytest.mark.parametrize("odd", ["+1555123", "+15", "+266696687", "+17378742833", "", "sip:alice@example.com"])
def test_a_stored_number_that_cannot_be_called_stops_no_other_number(odd: str) -> None:
    number = {"service_sid": SERVICE_SID}
    settings, problems = read_leniently({odd: number, NUMBER: number})
    assert settings.numbers.keys() == {NUMBER}
    assert problems.keys() == {odd}
    assert "the number is left out" in problems[odd]


@pytest.mark.parametrize("agent", ["+12345678", "+266696687", "alice"])
def test_a_stored_agent_that_cannot_be_called_leaves_a_voicemail_and_stops_no_other_number(agent: str) -> None:
    number = {"service_sid": SERVICE_SID, "greeting": "Leave a message."}
    settings, problems = read_leniently({NUMBER: {**number, "flow": "dial", "agent": agent}, OTHER_NUMBER: number})
    its = settings.numbers[NUMBER]
    assert (its.flow, its.agent, its.greeting) == ("voicemail", None, "Leave a message.")
    assert problems == {NUMBER: "callers leave a message and no agent is called: its agent is no phone number"}
    assert OTHER_NUMBER in settings.numbers


def test_the_script_of_a_stored_text_is_no_matter_while_a_caller_waits() -> None:
    settings, problems = read_leniently({NUMBER: {"service_sid": SERVICE_SID, "notice": "録音します。"}})
    assert (settings.numbers[NUMBER].notice, problems) == ("録音します。", {})


def test_settings_that_cannot_be_spoken_are_never_written() -> None:
    with pytest.raises(SettingsError, match="notice has no letter"):
        call_settings_from_json(json.dumps({"numbers": {NUMBER: {"service_sid": SERVICE_SID, "notice": " "}}}))


def static_documents() -> list[str]:
    """All that is said when nothing else can be: by `incoming_call`, and by the fallback's own API."""
    mocks = re.findall(r"<Response>.*?</Response>", json.dumps(API), re.DOTALL)
    return [STILL_RECORD.format(base_url="https://example.com"), STILL_HANG_UP, *mocks]


def test_what_is_said_when_nothing_else_can_be_is_spoken_by_every_account() -> None:
    documents = static_documents()
    said = [say for text in documents for say in re.findall(r"<Say([^>]*)>([^<]*)</Say>", text)]
    assert len(said) >= len(documents) >= 4
    for attributes, text in said:
        # Without a voice and a language Twilio speaks English by the account's own default.
        assert attributes == ""
        assert not voices.is_blank(text)
        assert voices.length_refusal(text, None) is None
    assert ET.fromstring(documents[1]).find("Say") is not None  # noqa: S314 (our own document)
