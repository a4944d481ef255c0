"""The account the simulator plays: its credentials, numbers, Intelligence Services and Language Operators.

Whoever starts a simulation fills it in, as one would in Twilio's console; the REST API changes it too. It holds no
state of calls.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

from callscribe_tools.simulator.clock import now
from callscribe_tools.simulator.language_operators import Operator, default_operators, prebuilt_operators
from callscribe_tools.simulator.phone_number import PhoneNumber
from callscribe_tools.simulator.sids import new_sid


@dataclass
class IntelligenceService:
    """One Conversational Intelligence Service; made here, it has the default operators attached."""

    webhook_url: str | None = None
    language_code: str = "en-US"
    operator_sids: list[str] = field(default_factory=lambda: list(default_operators()))
    """Only operators attached when a transcript is created give results of it."""
    sid: str = field(default_factory=lambda: new_sid("GA"))
    friendly_name: str = ""
    unique_name: str = field(default_factory=lambda: new_sid("service-"))
    auto_transcribe: bool = False
    """Set here, it is shown, and can be switched off; no calls are placed before: the simulator makes no transcript by
    itself."""
    data_logging: bool = False
    auto_redaction: bool = False
    media_redaction: bool = False
    # The default is assumed.
    webhook_http_method: Literal["POST", "GET", "NULL"] = "POST"
    """NULL: no webhook. GET can be set here alone, and is only shown: a webhook that should be sent is a violation."""
    encryption_credential_sid: str | None = None
    """Set here, transcripts under it are encrypted from then on; the REST API does not set it."""
    version: int = 1
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)

    def touch(self) -> None:
        """Note that it has been changed: "the version number of this Service"."""
        self.version += 1
        self.updated = now()


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
    operators: dict[str, Operator] = field(default_factory=default_operators)
    """By SID, attached or not."""
    friendly_name: str = "Simulated"
    type: Literal["Trial", "Full"] = "Full"
    owner_account_sid: str | None = None
    """The parent's; None: it is no subaccount, and "the OwnerAccountSid of a parent account is its own sid"."""
    created: datetime = field(default_factory=now)
    status: Literal["active", "suspended", "closed"] = "active"
    """Unless active, it makes and takes no calls, and only its own resource can be read."""
    other_product: bool = False
    """Whether it is restricted to another product than Conversational Intelligence's v2, which then refuses it."""
    recording_encryption: bool = False
    """Whether new recordings are encrypted with a key of the customer's; no transcripts are made of those."""
    external_storage: str | None = None
    """The customer's bucket for new recordings, as "https://bucket.s3.amazonaws.com"; no transcripts are made of those.
    None: Twilio stores them."""
    default_recording_configuration: dict[str, Any] | None = None
    """As the Account Default Configuration of recordings shows it in `configuration`; None: there is none. Only shown:
    what becomes of recordings that name no configuration is documented nowhere we could find."""

    @classmethod
    def bare(cls) -> Self:
        """Make the account of a new customer: every pre-built operator, none of the account's own, and no Service."""
        return cls(operators=prebuilt_operators())

    def add(self, thing: PhoneNumber | IntelligenceService | Operator) -> None:
        """Put a number, a Service or an operator on the account; an operator is attached to no Service by this."""
        match thing:
            case PhoneNumber():
                self.numbers[thing.number] = thing
            case IntelligenceService():
                self.services[thing.sid] = thing
            case Operator():
                self.operators[thing.sid] = thing

    def attached(self, service: IntelligenceService) -> dict[str, str]:
        """Give the SIDs of the Service's operators by their names."""
        attached = (self.operators[sid] for sid in service.operator_sids if sid in self.operators)
        return {operator.friendly_name: operator.sid for operator in attached}

    def knows(self, username: str, password: str) -> bool:
        """Say whether these are credentials of the account: its SID and token, or its API key and secret."""
        return (username, password) in {
            (self.account_sid, self.auth_token),
            (self.api_key_sid, self.api_key_secret),
        }
