"""The account the simulator plays: its credentials, its numbers, its Intelligence Services.

Whoever starts a simulation fills it in, as one would in Twilio's console. It holds no state of calls.
"""

from dataclasses import dataclass, field

from callscribe_tools.simulator.sids import new_sid

# The operators of the flow Callscribe replicates: two prebuilt ones and one of the account's own.
_OPERATORS = {
    "test-operator": "LY" + "1" * 32,
    "Conversation Summary": "LY" + "2" * 32,
    "Sentiment Analysis": "LY" + "3" * 32,
}


@dataclass
class PhoneNumber:
    """One number with its webhooks; every one of them is requested by POST."""

    number: str
    voice_url: str
    voice_fallback_url: str | None = None
    status_callback: str | None = None
    sid: str = field(default_factory=lambda: new_sid("PN"))


@dataclass
class IntelligenceService:
    """One Conversational Intelligence Service."""

    webhook_url: str | None = None
    language_code: str = "en-US"
    operators: dict[str, str] = field(default_factory=_OPERATORS.copy)
    """Operator SIDs by the operator's name: only attached operators give results."""
    sid: str = field(default_factory=lambda: new_sid("GA"))


@dataclass
class Account:
    """One fictional Twilio account."""

    account_sid: str = "AC" + "a" * 32
    auth_token: str = "0123456789abcdef0123456789abcdef"  # noqa: S105  nobody's: this account does not exist
    api_key_sid: str = "SK" + "b" * 32
    api_key_secret: str = "nobodys-secret"  # noqa: S105  nobody's: this account does not exist
    numbers: dict[str, PhoneNumber] = field(default_factory=dict)
    """By the number itself, as +12025550142."""
    services: dict[str, IntelligenceService] = field(default_factory=dict)
    """By SID."""

    def add(self, thing: PhoneNumber | IntelligenceService) -> None:
        """Put a number or a Service on the account."""
        if isinstance(thing, PhoneNumber):
            self.numbers[thing.number] = thing
        else:
            self.services[thing.sid] = thing

    def knows(self, username: str, password: str) -> bool:
        """Say whether these are credentials of the account: its SID and token, or its API key and secret."""
        return (username, password) in {
            (self.account_sid, self.auth_token),
            (self.api_key_sid, self.api_key_secret),
        }
