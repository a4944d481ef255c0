"""A number of the account, and whether a call to it can be played."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from callscribe_tools.simulator.clock import now
from callscribe_tools.simulator.sids import new_sid
from callscribe_tools.simulator.violations import NotSimulatedError, SimulationError

type Method = Literal["GET", "POST"]

DEMO_VOICE_URL = "https://demo.twilio.com/welcome/voice/"
"""What a number calls that has just been bought in the console (third-party evidence only)."""
_US = re.compile(r"\+1(\d{3})(\d{3})(\d{4})")


@dataclass
class PhoneNumber:
    """One number with its webhooks; without any, it is one that has just been bought.

    Methods "default to POST" (Twilio's OpenAPI description, IncomingPhoneNumber).
    """

    number: str
    voice_url: str = DEMO_VOICE_URL
    """Empty: nothing is called."""
    voice_fallback_url: str | None = None
    status_callback: str | None = None
    sid: str = field(default_factory=lambda: new_sid("PN"))
    voice_method: Method = "POST"
    voice_fallback_method: Method = "POST"
    status_callback_method: Method = "POST"
    friendly_name: str = ""
    """Empty: it is made of the number. "By default, this is a formatted version of the phone number"."""
    voice_application_sid: str | None = None
    """Set, "we ignore all of the voice urls and use those set on the application"."""
    trunk_sid: str | None = None
    """Set, "we ignore all of the voice urls and voice applications and use those set on the Trunk"."""
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)

    def __post_init__(self) -> None:
        self.friendly_name = self.friendly_name or formatted(self.number)


def formatted(number: str) -> str:
    """Write a US number as Twilio does, any other as it is."""
    us = _US.fullmatch(number)
    return number if us is None else "({}) {}-{}".format(*us.groups())


def check_playable(number: PhoneNumber) -> None:
    """Make sure that the number's own webhooks answer a call to it, and by what the simulator plays.

    Raises
    ------
    SimulationError
        Its voice URLs are ignored, or it has none.
    NotSimulatedError
        One of its webhooks is by GET, or it still plays Twilio's own demo.
    """
    ignored_for = number.trunk_sid or number.voice_application_sid
    if ignored_for:
        raise SimulationError(
            f"{number.number} ignores its voice URLs for {ignored_for}: set its TrunkSid and VoiceApplicationSid to "
            "nothing, or call another number."
        )
    if not number.voice_url:
        raise SimulationError(f"{number.number} has no voice URL: give it one.")
    if number.voice_url == DEMO_VOICE_URL:
        raise NotSimulatedError(f"{number.number} still has the voice URL of Twilio's demo: give it yours.")
    _check_methods(number)


def _check_methods(number: PhoneNumber) -> None:
    for what, url, method in (
        ("VoiceUrl", number.voice_url, number.voice_method),
        ("VoiceFallbackUrl", number.voice_fallback_url, number.voice_fallback_method),
        ("StatusCallback", number.status_callback, number.status_callback_method),
    ):
        if url and method != "POST":
            raise NotSimulatedError(f"{number.number} requests its {what} by {method}: only POST is simulated.")
