"""Checks of the Intelligence Services in the settings."""

from collections.abc import Iterator

from callscribe.domain.errors import NotFoundError
from callscribe.domain.settings import Settings
from callscribe.domain.sids import ServiceSid
from callscribe_tools.operator.console import Console, Resource
from callscribe_tools.operator.doctor.finding import Finding, broken, ok
from callscribe_tools.operator.environment import Environment

# Twilio docs, onboarding guide, "Supported languages".
LANGUAGES = frozenset(
    {"da-DK", "nl-NL", "en-AU", "en-GB", "en-US", "fr-FR", "de-DE", "it-IT"}
    | {"no-NO", "pl-PL", "pt-BR", "pt-PT", "es-MX", "es-ES", "es-US", "sv-SE"}
)


def name_of(sid: ServiceSid) -> str:
    """What a Service is called in findings."""
    return f"Service {sid}"


def service(environment: Environment, settings: Settings, console: Console, sid: ServiceSid) -> Iterator[Finding]:
    """Whether a Service is there, and does with transcripts what they need."""
    name, apply = name_of(sid), environment.command("setup apply")
    try:
        found = console.service(sid)
    except NotFoundError:
        yield broken(
            name,
            "The account has none such: no transcript can be asked for.",
            f"Create one, and write its SID to the numbers: {apply}",
        )
        return
    yield ok(name, "The account has it.")
    yield _auto_transcribe(f"{name}: auto-transcribe", found, apply)
    yield _webhook(f"{name}: webhook", found, webhook_url(environment, settings), apply)
    yield _language(f"{name}: language", found)
    yield _encryption(f"{name}: encryption", found)
    yield _operators(f"{name}: operators", found, apply)


def webhook_url(environment: Environment, settings: Settings) -> str:
    """Where a Service shall report its transcripts. It may hold the path token: it is not to be printed."""
    token = settings.webhook_path_token
    return environment.url("TranscriptWebhookUrl") + (f"/{token}" if token else "")


def _auto_transcribe(name: str, found: Resource, apply: str) -> Finding:
    if found.get("auto_transcribe"):
        told = "It is on: Twilio transcribes every recording of the account, and ours without their speakers' names."
        return broken(name, told, f"Switch it off: {apply}")
    return ok(name, "It is off.")


def _webhook(name: str, found: Resource, url: str, apply: str) -> Finding:
    if found.get("webhook_url") != url:
        there = "has none" if not found.get("webhook_url") else "has another than this stack's"
        told = f"It {there}: transcripts are stored only when the sweep finds them."
        return broken(name, told, f"Set it: {apply}")
    if found.get("webhook_http_method") != "POST":
        return broken(name, f"It is sent by {found.get('webhook_http_method')}, not by POST.", f"Set it: {apply}")
    return ok(name, "It is this stack's.")


def _language(name: str, found: Resource) -> Finding:
    language = found.get("language_code")
    if language not in LANGUAGES:
        told = f"It is {language}, which Twilio does not transcribe."
        return broken(name, told, "No Service's language can be changed: create another, and write it to the numbers.")
    return ok(name, f"It is {language}.")


def _encryption(name: str, found: Resource) -> Finding:
    if found.get("encryption_credential_sid"):
        told = (
            "It encrypts transcripts, which Callscribe cannot read: each call under it fails as transcript_encrypted."
        )
        return broken(name, told, "Create a Service without an encryption credential, and write it to the numbers.")
    return ok(name, "It does not encrypt transcripts.")


def _operators(name: str, found: Resource, apply: str) -> Finding:
    attached = found.get("read_only_attached_operator_sids") or []
    if not attached:
        return broken(name, "None is attached: transcripts have no results.", f"Attach at least one: {apply}")
    return ok(name, f"{len(attached)} attached.")
