"""A text in a script that its language is not written in is found before a caller hears nothing of it."""

import pytest

from callscribe.domain import voices
from callscribe.domain.settings import NumberSettings
from callscribe.domain.sids import ServiceSid
from callscribe_tools.operator.scripts import script_refusal
from harness.stack import SERVICE_SID


def refusal(language: str, notice: str) -> str | None:
    return script_refusal(NumberSettings(service_sid=ServiceSid(SERVICE_SID), language=language, notice=notice))


WRITTEN = {
    "am-ET": "ይህ ጥሪ",
    "ar-AE": "يتم تسجيل",
    "arb": "يتم تسجيل",
    "bg-BG": "Разговорът",
    "bn-IN": "এই কলটি",
    "cmn-CN": "通话录音",
    "de-DE": "für Öl",
    "el-GR": "κλήση",
    "en-IN": "यह कॉल",
    "gu-IN": "આ કૉલ",
    "he-IL": "השיחה מוקלטת",
    "hi-IN": "यह कॉल",
    "ja-JP": "録音",
    "kn-IN": "ಈ ಕರೆ",
    "ko-KR": "통화",
    "ml-IN": "ഈ കോൾ",
    "mr-IN": "हा कॉल",
    "pa-IN": "ਇਹ ਕਾਲ",
    "ru-RU": "Звонок",
    "sr-RS": "Позив",
    "ta-IN": "இந்த அழைப்பு",
    "te-IN": "ఈ కాల్",
    "th-TH": "สายนี้",
    "uk-UA": "Дзвінок",
    "vi-VN": "được ghi âm",
    "yue-HK": "通話錄音",
    "zh-TW": "通話錄音",
}


@pytest.mark.parametrize("language", WRITTEN)
def test_a_text_in_the_script_of_its_language_passes(language: str) -> None:
    assert refusal(language, WRITTEN[language]) is None


@pytest.mark.parametrize("language", sorted(voices.LANGUAGES))
def test_latin_letters_and_digits_pass_in_every_language(language: str) -> None:
    assert [refusal(language, text) for text in ("This call is recorded.", "123", "\uff2f\uff2b", "")] == [None] * 4


@pytest.mark.parametrize("text", ["ひらがな", "カタカナ", "\uff76\uff80", "々", "OK、録音します"])
def test_japanese_passes_in_each_of_its_scripts(text: str) -> None:
    assert refusal("ja-JP", text) is None


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-US", "この通話は録音されます。"),
        ("en-GB", "यह कॉल"),
        ("de-DE", "Звонок"),
        ("ja-JP", "Звонок"),
        ("ko-KR", "ひらがな"),
        ("ru-RU", "κλήση"),
        ("en-US", "ไ"),
    ],
)
def test_a_text_in_a_script_of_another_language_is_refused_and_not_quoted(language: str, text: str) -> None:
    told = refusal(language, text) or ""
    assert f"notice has no letter that {language} is written with" in told
    assert text not in told
