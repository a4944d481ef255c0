"""What there is: at Twilio, in the settings, and written down by setup. All is read before anything is written."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from callscribe.domain.settings import SettingsError, TwilioCredentials, credentials_from_json
from callscribe_tools.operator.console import Console, Resource
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.errors import OperatorError, RefusedError
from callscribe_tools.operator.printing import Tell
from callscribe_tools.operator.settings_store import Stored
from callscribe_tools.operator.setup.config import Config
from callscribe_tools.operator.setup.ownership import Ownership, ownership_of

WIRING = {"voice_url": "IncomingCallUrl", "voice_fallback_url": "VoiceFallbackUrl", "status_callback": "CallStatusUrl"}
"""The addresses of a number, and the outputs that they are."""


@dataclass(slots=True, kw_only=True)
class Found:
    """All of it. Services and custom operators by SID, Twilio's own operators' SIDs by name, numbers by themselves."""

    environment: Environment
    console: Console
    credentials: TwilioCredentials
    stored: Stored
    ownership: Ownership
    services: dict[str, Resource] = field(default_factory=dict)
    operators: dict[str, Resource] = field(default_factory=dict)
    prebuilt: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, Resource] = field(default_factory=dict)

    @property
    def webhook_url(self) -> str:
        """Where a Service tells of its transcripts; it ends in the token, where the settings have one."""
        return "/".join(
            filter(None, [self.environment.url("TranscriptWebhookUrl"), self.credentials.webhook_path_token])
        )

    def operator(self, sid: str) -> str:
        """Name an operator for people: its name with its SID, or the SID alone if Twilio lists no such operator."""
        prebuilt = next((name for name, its in self.prebuilt.items() if its == sid), None)
        name = prebuilt or self.operators.get(sid, {}).get("friendly_name")
        return f"{name} ({sid})" if name else sid

    @property
    def number_fields(self) -> dict[str, str]:
        """What every number of ours has at Twilio."""
        told: dict[str, str] = {}
        for name, output in WIRING.items():
            told |= {name: self.environment.url(output), method_of(name): "POST"}
        return told


def method_of(url_field: str) -> str:
    """The field of the method by which an address of a number is called."""
    return f"{url_field.removesuffix('_url')}_method"


def look(environment: Environment, tell: Tell, numbers: Iterable[str], config: Config | None = None) -> Found:
    """Read all that is needed to say what differs.

    Raises:
        RefusedError: there are no credentials, or they are of another account than what setup has made.
        TransientError: AWS or Twilio does not answer, or may not be asked.
    """
    tell("Reading the settings")
    credentials, stored = _settings(environment)
    found = Found(
        environment=environment,
        console=environment.console(credentials),
        credentials=credentials,
        stored=stored,
        ownership=ownership_of(environment),
    )
    if found.ownership.account_sid not in {"", credentials.account_sid}:
        raise RefusedError(
            f"What setup has made is in account {found.ownership.account_sid}, and the credentials are of "
            f"{credentials.account_sid}. Set those of the first, or of the other anew: "
            f"{environment.command('secret set')}"
        )
    tell("Looking at the Intelligence Services and operators at Twilio")
    found.services = {str(one["sid"]): one for one in found.console.services()}
    found.operators = {str(one["sid"]): one for one in found.console.custom_operators()}
    attached = {sid for one in found.services.values() for sid in one.get("read_only_attached_operator_sids") or []}
    # Also for their names: what is taken off a Service is shown by name.
    if attached - found.operators.keys() or (config and any(one.operators for one in config.services.values())):
        found.prebuilt = {str(one["friendly_name"]): str(one["sid"]) for one in found.console.prebuilt_operators()}
    tell("Looking at the numbers at Twilio")
    found.numbers = found.console.numbers(set(numbers))
    return found


def _settings(environment: Environment) -> tuple[TwilioCredentials, Stored]:
    write = f"Write them: {environment.command('secret set')}"
    try:
        stored = environment.settings_store.read()
    except OperatorError:
        raise RefusedError(f"The settings are no JSON object. {write}") from None
    if stored.secret is None:
        raise RefusedError(f"The settings have no credentials yet. {write}")
    try:
        # Numbers are what this writes: wrong ones are no reason not to.
        return credentials_from_json(json.dumps(stored.secret)), stored
    except SettingsError as error:
        raise RefusedError(f"{str(error)[:1].upper()}{str(error)[1:]}. {write}") from None
