"""Checks of the account at Twilio: what may be asked of it, and what its own settings would do to recordings."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from callscribe.domain.errors import CallscribeError, CredentialsError, NotFoundError
from callscribe.domain.settings import Settings
from callscribe_tools.operator.console import Console, Resource
from callscribe_tools.operator.doctor.finding import Finding, broken, ok, unknown
from callscribe_tools.operator.environment import Environment

API_KEY, AUTH_TOKEN, INTELLIGENCE = "API key", "auth token", "Conversational Intelligence"
DEFAULTS, ENCRYPTION, STORAGE = "default recording configuration", "recording encryption", "recording storage"
PCI, CONFERENCES = "PCI mode", "dual-channel conference recordings"

_VOICE_SETTINGS = "In Twilio's console, Voice, Settings, General"


def api_key(environment: Environment, settings: Settings) -> Iterator[Finding]:
    """Whether Twilio takes the key that the functions have, and lets it read what the sweep reads."""
    twilio, now = environment.twilio(settings), datetime.now(UTC)
    since = now - timedelta(days=1)
    try:
        next(twilio.call_pages(None, since, now, _ignore), None)
    except CredentialsError as error:
        yield broken(
            API_KEY,
            f"Twilio does not take it: {error}.",
            f"Create a key in Twilio's console, and write its SID and secret: {environment.command('secret set')}",
        )
        return
    yield ok(API_KEY, "Twilio takes it.")
    yield from _may_read(environment, "recordings", twilio.recordings_between(since, now, _ignore))
    for service_sid in sorted(settings.service_sids)[:1]:
        yield from _may_read(environment, "transcripts", twilio.transcripts_under(service_sid, since, now, _ignore))


def _may_read(environment: Environment, what: str, rows: Iterator[object]) -> Iterator[Finding]:
    name = f"{API_KEY}: {what}"
    try:
        next(rows, None)
    except CredentialsError as error:
        yield broken(
            name,
            f"It may not read them: {error}.",
            f"Let it read {what}, in Twilio's console, or write another key: {environment.command('secret set')}",
        )
    except NotFoundError:
        # Of the Service, which has a check of its own.
        return
    else:
        yield ok(name, "It may read them.")


def _ignore(_error: CallscribeError) -> None:
    """What cannot be read of a list is for the sweep to tell."""


def auth_token(environment: Environment, console: Console) -> Iterator[Finding]:
    """Whether Twilio takes the first auth token, and the account is active."""
    try:
        account = console.account()
    except CredentialsError as error:
        yield broken(
            AUTH_TOKEN,
            f"Twilio does not take it: {error}.",
            "Webhooks are signed with the account's token: read it in Twilio's console, and write it first in "
            f"auth_tokens: {environment.command('secret set')}",
        )
        return
    status = account.get("status")
    if status == "active":
        yield ok(AUTH_TOKEN, "Twilio takes it, and the account is active.")
    else:
        yield broken(
            AUTH_TOKEN,
            f"Twilio takes it, but the account is {status}: it takes no calls.",
            "Twilio's console says what the account needs to be active again.",
        )


def intelligence(console: Console) -> Iterator[Finding]:
    """Whether the account may use Conversational Intelligence v2."""
    try:
        next(console.services(), None)
    except CredentialsError as error:
        yield broken(
            INTELLIGENCE,
            f"Its v2 is refused to the account: {error}. An account has one of Twilio's two products, and this one "
            "may have the other.",
            "Ask Twilio's support for Conversational Intelligence v2, or use another account.",
        )
    else:
        yield ok(INTELLIGENCE, "The account may use its v2.")


def defaults(console: Console) -> Iterator[Finding]:
    """Whether the account changes recordings that do not say how they are made.

    What it does to ours is documented nowhere, so that it is not broken for certain.
    """
    if console.default_recording_configuration() is None:
        yield ok(DEFAULTS, "There is none.")
        return
    yield unknown(
        DEFAULTS,
        "There is one. It may encrypt recordings, or store them elsewhere; such are not transcribed.",
        "Look at AccountDefaultConfiguration/Recording of Twilio's voice API, then call a number and look at `failed`.",
    )


def recordings(console: Console) -> Iterator[Finding]:
    """Whether the account's latest recording is one that can be transcribed, as far as the account decides it."""
    latest = console.latest_recording()
    if latest is None:
        for name in (ENCRYPTION, STORAGE):
            yield unknown(name, "The account has no recording to tell by.", "Call a number, then look again.")
        return
    yield _encryption(latest)
    yield _storage(latest)


def _encryption(latest: Resource) -> Finding:
    if latest.get("encryption_details"):
        return broken(
            ENCRYPTION,
            f"The latest recording, {latest.get('sid')}, is encrypted: Twilio does not transcribe such.",
            f"{_VOICE_SETTINGS}: disable Voice Recording Encryption.",
        )
    return ok(ENCRYPTION, "The latest recording is not encrypted.")


def _storage(latest: Resource) -> Finding:
    host = urlsplit(str(latest.get("media_url") or "")).hostname or ""
    if not host:
        return unknown(STORAGE, "The latest recording does not say where it is.", "Look again once it is complete.")
    if host.endswith(".twilio.com"):
        return ok(STORAGE, "Twilio stores the latest recording itself.")
    return broken(
        STORAGE,
        f"The latest recording, {latest.get('sid')}, is stored outside Twilio: Twilio does not transcribe such.",
        f"{_VOICE_SETTINGS}: disable External Storage.",
    )


def unseen() -> Iterator[Finding]:
    """What no API tells."""
    yield unknown(
        PCI,
        "Twilio tells it to nobody by its API; recordings of an account in PCI mode are not transcribed.",
        f"{_VOICE_SETTINGS}: PCI mode must be off. It cannot be switched off again by yourself: ask Twilio's support.",
    )
    yield unknown(
        CONFERENCES,
        "Twilio tells it to nobody by its API; it matters only where the account records conferences, as we do not.",
        f"{_VOICE_SETTINGS}: Dual-channel Conference Recordings.",
    )
