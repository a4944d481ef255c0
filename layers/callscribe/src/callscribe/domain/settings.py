"""The runtime settings of one environment: Twilio's credentials, and what its numbers say and do.

The credentials are one JSON document in Secrets Manager, the rest is another one in DynamoDB (docs/decisions/0022).
Plain dataclasses and not pydantic's, because `incoming_call` reads them while the caller waits. What is missing,
unknown or of the wrong kind is refused when it is read, not when a caller first hears it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args

from callscribe.domain import voices
from callscribe.domain.call import WITHHELD, phone_number
from callscribe.domain.errors import TransientError
from callscribe.domain.sids import ServiceSid

TOKEN_SHAPE = re.compile("[0-9a-f]{32}")
PATH_TOKEN_SHAPE = re.compile("[A-Za-z0-9_-]{32,128}")
# XML 1.0, "Char": Twilio refuses a whole document for one of them (error 12100).
NOT_IN_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
ACCOUNT_SHAPE = re.compile("AC[0-9a-f]{32}")
KEY_SHAPE = re.compile("SK[0-9a-f]{32}")
LOOPBACK_SHAPE = re.compile(r"http://127\.0\.0\.1:\d{1,5}")

FLOWS = ("voicemail", "dial")

# The least and the most of each number in the document.
RANGES = {
    # 0 lets no silence end a recording (Twilio docs, TwiML <Record>, `timeout`).
    "silence_seconds": (0, 3600),
    # "Greater than 1"; Conversational Intelligence takes no more than 8 hours (error 95114).
    "max_seconds": (2, 8 * 3600),
    # Twilio docs, TwiML <Dial>, `timeout`.
    "agent_seconds": (5, 600),
    "daily_minutes": (0, 1_000_000),
    "recording_retention_days": (0, 3650),
}


class SettingsError(TransientError):
    """The settings are missing or wrong. They can be mended, and then all that waits goes through.

    The message names fields, never values.
    """


class UnspeakableError(SettingsError):
    """Twilio would not speak a number's texts: the caller would hear nothing, and not learn of the recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSettings:
    """How calls to one number are answered.

    `flow`: `voicemail` records what the caller says; `dial` rings `agent` for `agent_seconds` first, and records both.
    `service_sid` is an Intelligence Service in the language that is spoken on this number. `language` and `voice` are
    what our own texts are spoken in, without a voice in the account's for that language; an empty text says nothing.
    `unlisted_voice`: Twilio has added the voice since `domain.voices` was written, so that it is not looked up there.
    `silence_seconds` of silence or `max_seconds` in all end a voicemail's recording.
    """

    service_sid: ServiceSid
    flow: str = "voicemail"
    language: str = "en-US"
    voice: str | None = None
    notice: str = "This call is recorded."
    greeting: str = "Please speak after the beep."
    thanks: str = "Thank you. Goodbye."
    beep: bool = True
    silence_seconds: int = 5
    max_seconds: int = 120
    agent: str | None = None
    agent_seconds: int = 20
    unlisted_voice: bool = False

    def __post_init__(self) -> None:
        """Refuse what Twilio would refuse, or play otherwise, while a caller listens.

        Raises:
            SettingsError: it names the field.
        """
        _check_kinds(self)
        for name in TEXTS:
            if NOT_IN_XML.search(getattr(self, name)):
                raise SettingsError(
                    f"{name} holds a control character or half a character, which TwiML cannot have: remove it; "
                    "letters, digits, signs, spaces, tabs and line ends are allowed"
                )
        if self.flow not in FLOWS:
            raise SettingsError(f"flow must be {' or '.join(FLOWS)}")
        if self.flow == "dial" and self.agent is None:
            raise SettingsError("agent is missing: the flow dial calls one, a phone number such as +12025550123")
        if self.flow == "dial" and not phone_number(self.agent or ""):
            raise SettingsError("agent must be a phone number such as +12025550123, without spaces")
        if self.flow != "dial" and self.agent is not None:
            raise SettingsError(f"agent must be left out: the flow {self.flow} calls none; only the flow dial does")
        _check_voice(self)
        _check_texts(self)


TEXTS = ("notice", "greeting", "thanks")


def _check_voice(number: NumberSettings) -> None:
    if number.language not in voices.LANGUAGES:
        raise UnspeakableError("language must be one that Twilio speaks, such as en-US or ja-JP, in this spelling")
    if number.voice is None:
        return
    spoken = voices.languages_of(number.voice)
    if spoken and number.language not in spoken:
        raise UnspeakableError(
            f"voice speaks {' or '.join(sorted(spoken))}, and language is {number.language}: choose one that speaks it"
        )
    if not spoken and not (number.unlisted_voice and voices.may_be_new(number.voice, number.language)):
        raise UnspeakableError(
            f"voice must be one of Twilio's for {number.language}, such as Polly.Joanna-Neural for en-US; if it is one "
            "that Twilio has added lately, set unlisted_voice = true beside it"
        )


def _check_texts(number: NumberSettings) -> None:
    for name in TEXTS:
        text = getattr(number, name)
        if not text:
            continue
        if voices.is_blank(text):
            raise UnspeakableError(
                f"{name} has no letter and no digit, so that nothing is spoken; leave it empty to say nothing"
            )
        if refusal := voices.length_refusal(text, number.voice):
            raise UnspeakableError(f"{name} is too long for Twilio to speak: {refusal}")


@dataclass(frozen=True, kw_only=True)
class TwilioCredentials:
    """All that decides who is trusted: the account at Twilio, and who may send webhooks.

    `auth_tokens` are all that may sign webhooks: two while a token is being rotated.
    `webhook_path_token` lets Intelligence webhooks in unsigned, under a path that ends in it; None lets none in.
    `twilio_url` replaces Twilio's own hosts and must be a loopback address: the simulator's.
    """

    account_sid: str
    api_key_sid: str
    api_key_secret: str = field(repr=False)
    auth_tokens: tuple[str, ...] = field(repr=False)
    webhook_path_token: str | None = field(default=None, repr=False)
    twilio_url: str | None = None

    def __post_init__(self) -> None:
        """Refuse what would open the stack to strangers, and what is of the wrong kind.

        Raises:
            SettingsError: it names the field.
        """
        _check_kinds(self)
        # A single string in the place of the list has become tokens of one character each.
        if not self.auth_tokens or not all(TOKEN_SHAPE.fullmatch(token) for token in self.auth_tokens):
            raise SettingsError("auth_tokens must be a list of Twilio auth tokens: 32 hexadecimal digits each")
        if not ACCOUNT_SHAPE.fullmatch(self.account_sid):
            raise SettingsError("account_sid must be AC and 32 hexadecimal digits")
        if not KEY_SHAPE.fullmatch(self.api_key_sid):
            raise SettingsError("api_key_sid must be SK and 32 hexadecimal digits")
        if not self.api_key_secret:
            raise SettingsError("api_key_secret must not be empty")
        if self.webhook_path_token is not None and not PATH_TOKEN_SHAPE.fullmatch(self.webhook_path_token):
            raise SettingsError("webhook_path_token must be 32 to 128 letters, digits, - and _, chosen at random")
        # Whoever can change this one field must not be able to send callers' words somewhere else. The whole address
        # is matched: parsers differ in what they take for the host of a strange one.
        if self.twilio_url is not None and not LOOPBACK_SHAPE.fullmatch(self.twilio_url):
            raise SettingsError("twilio_url may only be http://127.0.0.1:<port>; leave it out to use Twilio")


@dataclass(frozen=True, kw_only=True)
class CallSettings:
    """What the numbers say and do.

    `numbers` maps E.164 numbers. `daily_minutes` of recordings, each counted in whole minutes, are transcribed at most
    from midnight to midnight UTC; None is no limit.
    `recording_retention_days` after a recording is settled it is deleted at Twilio; None keeps it there.
    """

    numbers: Mapping[str, NumberSettings] = field(default_factory=dict)
    daily_minutes: int | None = 1000
    recording_retention_days: int | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that are none, and what is of the wrong kind.

        Raises:
            SettingsError: it names the field.
        """
        _check_kinds(self)
        _check_numbers(self.numbers)

    def for_number(self, number: str) -> NumberSettings:
        """How calls to `number` are answered.

        Raises:
            SettingsError: the number is not configured.
        """
        try:
            return self.numbers[number]
        except KeyError:
            raise SettingsError("a call came to a number that the settings do not hold: add it") from None

    @property
    def service_sids(self) -> frozenset[ServiceSid]:
        """The Intelligence Services whose transcripts are ours."""
        return frozenset(number.service_sid for number in self.numbers.values())


@dataclass(frozen=True, kw_only=True)
class Settings(TwilioCredentials, CallSettings):
    """All settings of one environment."""

    def __post_init__(self) -> None:
        """Refuse what either part refuses.

        Raises:
            SettingsError: it names the field.
        """
        TwilioCredentials.__post_init__(self)
        CallSettings.__post_init__(self)


def _check_numbers(numbers: Mapping[str, NumberSettings]) -> None:
    for number, its in numbers.items():
        if refusal := _number_refusal(number):
            raise SettingsError(refusal)
        if number == its.agent:
            raise SettingsError("a number cannot be its own agent: it would call itself")


def _number_refusal(number: str) -> str | None:
    if number in WITHHELD:
        return "numbers may not hold what Twilio writes for a withheld number, such as +266696687"
    return None if phone_number(number) else "numbers must be in E.164, without spaces, such as +12025550199"


_KINDS: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false", NoneType: "null"}
"""How each kind of value is called in an error."""


@cache
def _kinds_of(settings: Any) -> tuple[tuple[str, tuple[type, ...], bool, int | None, int | None], ...]:
    """List the fields of a class: name, kinds, whether it may be a boolean, range. Done once, not for each number."""
    told = []
    for one in fields(settings):
        declared = get_args(one.type) if isinstance(one.type, UnionType) else (one.type,)
        kinds = tuple(kind for kind in declared if isinstance(kind, type))
        least, most = RANGES.get(one.name, (None, None))
        told.append((one.name, kinds, bool in kinds, least, most))
    return tuple(told)


def _check_kinds(settings: NumberSettings | TwilioCredentials | CallSettings) -> None:
    """Refuse fields of another kind than they are declared, and numbers out of their range."""
    # mypy takes no class whose instances compare for a key.
    of: Any = type(settings)
    for name, kinds, may_be_bool, least, most in _kinds_of(of):
        value = getattr(settings, name)
        # JSON's true is one of Python's integers.
        is_kind = isinstance(value, kinds) and (may_be_bool or not isinstance(value, bool))
        if kinds and not is_kind:
            names = [_KINDS.get(kind, kind.__name__) for kind in kinds]
            raise SettingsError(f"{name} must be {' or '.join(names)}")
        if value is not None and least is not None and most is not None and not least <= value <= most:
            raise SettingsError(f"{name} must be between {least} and {most}")


type OnProblem = Callable[[str, str], None]
"""Called with a number, and with what its callers get in place of what is stored, and why."""

NUMBER_FIELDS = tuple(one.name for one in fields(CallSettings))
"""The fields that are no credentials. Callscribe 0.1.0 kept them in the secret too, and there they are still read."""


def from_json(credentials: str, numbers: str | None = None, *, on_problem: OnProblem | None = None) -> Settings:
    """Build the settings from their documents.

    Args:
        credentials: the document in the secret.
        numbers: the document in the table. None: there is none, and the secret has everything, as in 0.1.0.
        on_problem: called for each part of a number's settings that an earlier version accepted and this one refuses.
            The other numbers and parts stay in force. None: the document is refused.

    Raises:
        SettingsError: a document is no JSON object of the expected fields.
    """
    with _document_errors():
        secret = _object(credentials)
        told = {name: value for name, value in secret.items() if name not in NUMBER_FIELDS}
        if numbers is None:
            told |= {name: secret[name] for name in NUMBER_FIELDS if name in secret}
        else:
            told |= _number_fields(numbers)
        return Settings(**{**told, "auth_tokens": _tokens(told), "numbers": _numbers(told, on_problem)})


def credentials_from_json(document: str) -> TwilioCredentials:
    """Build the credentials from the document in the secret.

    Raises:
        SettingsError: it is no JSON object of the expected fields.
    """
    with _document_errors():
        told = {name: value for name, value in _object(document).items() if name not in NUMBER_FIELDS}
        return TwilioCredentials(**{**told, "auth_tokens": _tokens(told)})


def call_settings_from_json(document: str) -> CallSettings:
    """Build what the numbers say and do from the document in the table.

    Raises:
        SettingsError: it is no JSON object of the expected fields.
    """
    with _document_errors():
        told = _number_fields(document)
        return CallSettings(**{**told, "numbers": _numbers(told, None)})


@contextmanager
def _document_errors() -> Iterator[None]:
    """Turn what is wrong with a document into an error that quotes none of it."""
    try:
        yield
    except SettingsError as error:
        raise SettingsError(f"the settings document is wrong, write it again: {error}") from None
    except TypeError as error:
        raise SettingsError(f"the settings document is wrong, write it again: {_of_fields(error)}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SettingsError(f"the settings document is wrong, write it again: it is no JSON ({where})") from None
    except (RecursionError, ValueError):
        raise SettingsError("the settings document is wrong, write it again: it is no JSON") from None


def _of_fields(error: TypeError) -> str:
    """Say of a dataclass's error which field is unknown or missing, in our words."""
    if unknown := re.search("unexpected keyword argument '([^']*)'", str(error)):
        return f"the field {unknown[1]} is unknown"
    if missing := re.search(r"missing \d+ required \S+ arguments?: (.*)", str(error)):
        return f"a field is missing: {', '.join(re.findall("'([^']*)'", missing[1]))}"
    return "a field has a value of the wrong kind"


def _object(document: str) -> dict[str, Any]:
    told = json.loads(document)
    if not isinstance(told, dict):
        raise SettingsError("it is no JSON object")
    return told


def _number_fields(document: str) -> dict[str, Any]:
    told = _object(document)
    # Whoever may write numbers must not be able to replace the credentials.
    if unknown := sorted(told.keys() - set(NUMBER_FIELDS)):
        raise SettingsError(f"{', '.join(unknown)}: unknown; known are {', '.join(NUMBER_FIELDS)}")
    return told


def _tokens(told: Mapping[str, Any]) -> tuple[str, ...]:
    tokens = told.get("auth_tokens")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise SettingsError("auth_tokens must be a list of Twilio auth tokens")
    return tuple(tokens)


def _numbers(told: Mapping[str, Any], on_problem: OnProblem | None) -> dict[str, NumberSettings]:
    numbers = told.get("numbers")
    if not isinstance(numbers, dict) or not all(isinstance(its, dict) for its in numbers.values()):
        raise SettingsError("numbers must be an object with an object for each number")
    if on_problem is None:
        return {number: _number(its) for number, its in numbers.items()}
    for number in numbers:
        if refusal := _number_refusal(number):
            on_problem(number, f"the number is left out: {refusal}")
    return {
        number: _lenient_number(number, its, on_problem)
        for number, its in numbers.items()
        if not _number_refusal(number)
    }


def _number(its: Mapping[str, Any]) -> NumberSettings:
    return NumberSettings(**{**its, "service_sid": _service_sid(its)})


def _lenient_number(number: str, its: Mapping[str, Any], on_problem: OnProblem) -> NumberSettings:
    """Build the settings of a number without the parts that an earlier version accepted and this one refuses."""
    agent = its.get("agent")
    if its.get("flow") == "dial" and isinstance(agent, str) and not phone_number(agent):
        on_problem(number, "callers leave a message and no agent is called: its agent is no phone number")
        its = {name: value for name, value in its.items() if name not in {"flow", "agent"}}
    try:
        return _number(its)
    except UnspeakableError as error:
        reason = str(error)
    # Twilio skips all texts of a voice that it lacks, the notice too. The account's own voice speaks the language.
    voiceless = {name: value for name, value in its.items() if name not in {"voice", "unlisted_voice"}}
    with suppress(UnspeakableError):
        without_voice = _number(voiceless)
        on_problem(number, f"callers hear the texts in the account's default voice: {reason}")
        return without_voice
    on_problem(number, f"callers hear the default texts in English: {reason}")
    silent = {name: "" for name in TEXTS if its.get(name) == ""}
    own = {name: value for name, value in voiceless.items() if name not in {*TEXTS, "language"}}
    return _number({**own, **silent})


def _service_sid(number: Mapping[str, Any]) -> ServiceSid:
    try:
        return ServiceSid(number.get("service_sid", ""))
    except (TypeError, ValueError):
        raise SettingsError("service_sid must be GA and 32 hexadecimal digits") from None
