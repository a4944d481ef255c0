"""The runtime settings: all that one environment knows about Twilio, one JSON document in Secrets Manager.

Plain dataclasses and not pydantic's, because `incoming_call` reads them while the caller waits: fields that are missing
or unknown are refused, types are not checked.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from callscribe.domain.errors import TransientError
from callscribe.domain.sids import ServiceSid

TOKEN_SHAPE = re.compile("[0-9a-f]{32}")
LOOPBACK_SHAPE = re.compile(r"http://127\.0\.0\.1:\d{1,5}")


class SettingsError(TransientError):
    """The settings are missing or wrong. They can be mended, and then all that waits goes through.

    The message names fields, never values.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSettings:
    """How calls to one number are answered.

    `silence_seconds` of silence or `max_seconds` in all end the recording. An empty `notice` says nothing.
    """

    service_sid: ServiceSid
    flow: Literal["voicemail"] = "voicemail"
    language: str = "en-US"
    voice: str = "Polly.Joanna-Neural"
    notice: str = "This call is recorded."
    greeting: str = "Please speak after the beep."
    thanks: str = "Thank you. Goodbye."
    silence_seconds: int = 5
    max_seconds: int = 120

    def __post_init__(self) -> None:
        """Refuse a flow that would be played as another.

        Raises:
            SettingsError: it is not `voicemail`.
        """
        if self.flow != "voicemail":
            raise SettingsError("a number's flow may only be voicemail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One environment's settings.

    `auth_tokens` are all that may sign webhooks: two while a token is being rotated. `numbers` maps E.164 numbers.
    `twilio_url` replaces Twilio's own hosts and must be a loopback address: the simulator's.
    """

    account_sid: str
    api_key_sid: str
    api_key_secret: str = field(repr=False)
    auth_tokens: tuple[str, ...] = field(repr=False)
    numbers: Mapping[str, NumberSettings] = field(default_factory=dict)
    twilio_url: str | None = None

    def __post_init__(self) -> None:
        """Refuse what would open the stack to strangers.

        Raises:
            SettingsError: a token that anybody could guess, or a `twilio_url` that is not on this machine.
        """
        # A single string in the place of the list has become tokens of one character each.
        if not self.auth_tokens or not all(TOKEN_SHAPE.fullmatch(token) for token in self.auth_tokens):
            raise SettingsError("auth_tokens must be a list of Twilio auth tokens: 32 hexadecimal digits each")
        # Whoever can change this one field must not be able to send callers' words somewhere else. The whole address
        # is matched: parsers differ in what they take for the host of a strange one.
        if self.twilio_url is not None and not LOOPBACK_SHAPE.fullmatch(self.twilio_url):
            raise SettingsError("twilio_url may only be http://127.0.0.1:<port>; leave it out to use Twilio")

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


def from_json(document: str) -> Settings:
    """Build the settings from their document.

    Raises:
        SettingsError: it is no JSON object of the expected fields.
    """
    try:
        fields: dict[str, Any] = json.loads(document)
        numbers = {
            number: NumberSettings(**{**settings, "service_sid": ServiceSid(settings["service_sid"])})
            for number, settings in fields.pop("numbers").items()
        }
        return Settings(**{**fields, "auth_tokens": tuple(fields["auth_tokens"])}, numbers=numbers)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # A TypeError of a dataclass names the field; the others may quote the document, and are named by type alone.
        detail = str(error) if isinstance(error, TypeError) else type(error).__name__
        raise SettingsError(f"the settings document is wrong ({detail}): write it again") from None
