"""The runtime settings: all that one environment knows about Twilio, one JSON document in Secrets Manager.

Plain dataclasses, because `incoming_call` reads them while the caller waits. The command that writes the document
validates it with pydantic against these same classes; the functions only build them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from callscribe.domain.errors import PermanentError
from callscribe.domain.sids import ServiceSid


class SettingsError(PermanentError):
    """The settings are missing or wrong. The message names fields, never values."""


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
        # Whoever can change this one field must not be able to send callers' words somewhere else.
        if self.twilio_url is not None and urlsplit(self.twilio_url).hostname not in {
            "127.0.0.1",
            "localhost",
        }:
            raise SettingsError("twilio_url may only be a loopback address; leave it out to use Twilio")

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
