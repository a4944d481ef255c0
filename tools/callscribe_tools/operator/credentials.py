"""The credentials of an account at Twilio: read from where no shell keeps them, tried, put into the settings document.

Their values are in no error, and in nothing that is printed; SIDs are no secrets.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from callscribe.adapters.twilio_api import INTELLIGENCE, connect
from callscribe.domain.errors import CredentialsError, NotFoundError
from callscribe.domain.settings import ACCOUNT_SHAPE, KEY_SHAPE, TOKEN_SHAPE
from callscribe_tools.operator.console import LIST_TIME, TIMEOUT_SECONDS, console
from callscribe_tools.operator.errors import RefusedError

VARIABLES: Mapping[str, str] = {
    "account_sid": "TWILIO_ACCOUNT_SID",
    "api_key_sid": "TWILIO_API_KEY",
    "api_key_secret": "TWILIO_API_SECRET",
    "auth_token": "TWILIO_AUTH_TOKEN",
}
"""The names that Twilio's own CLI takes, by ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """All that Callscribe needs of an account: an API key to ask with, and the auth token that signs its webhooks."""

    account_sid: str
    api_key_sid: str
    api_key_secret: str = field(repr=False)
    auth_token: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be Twilio's.

        Raises:
            RefusedError: it names the field, and not its value.
        """
        for name, shape, told in (
            ("account_sid", ACCOUNT_SHAPE, "AC and 32 hexadecimal digits"),
            ("api_key_sid", KEY_SHAPE, "SK and 32 hexadecimal digits"),
            ("auth_token", TOKEN_SHAPE, "32 hexadecimal digits"),
        ):
            if not shape.fullmatch(getattr(self, name)):
                raise RefusedError(f"{name} must be {told}, in small letters. Copy it from Twilio's console; {NOTHING}")
        if not self.api_key_secret:
            raise RefusedError(f"api_key_secret is empty. Twilio shows it once, when the key is created; {NOTHING}")


NOTHING = "nothing was stored."
NAMES = tuple(one.name for one in fields(Credentials))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What Twilio says to one of the credentials. `wrong` is what is wrong with it, and what to do; empty: nothing."""

    what: str
    wrong: str = ""

    @property
    def works(self) -> bool:
        """Whether Twilio takes it, and it may do what it must."""
        return not self.wrong


def from_environment() -> Credentials:
    """Read them from environment variables.

    Raises:
        RefusedError: one is not set, or wrong.
    """
    missing = [variable for variable in VARIABLES.values() if not os.environ.get(variable)]
    if missing:
        raise RefusedError(f"The environment has no {', '.join(missing)}; {NOTHING} Export what is missing")
    return Credentials(**{name: os.environ[variable].strip() for name, variable in VARIABLES.items()})


def from_stdin() -> Credentials:
    """Read one JSON object from standard input.

    Raises:
        RefusedError: there is none, or its fields are others.
    """
    try:
        told = json.loads(sys.stdin.read())
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise RefusedError(f"Standard input must be one JSON object of the texts {', '.join(NAMES)}; {NOTHING}")
    if missing := [name for name in NAMES if name not in told]:
        raise RefusedError(f"The JSON object on standard input has no {', '.join(missing)}; {NOTHING}")
    if unknown := sorted(told.keys() - set(NAMES)):
        raise RefusedError(
            f"The JSON object on standard input has unknown fields: {', '.join(unknown)}. "
            f"Known are {', '.join(NAMES)}; {NOTHING}"
        )
    if wrong := [name for name in NAMES if not isinstance(told[name], str)]:
        raise RefusedError(f"{wrong[0]} on standard input must be a text, in quotes; {NOTHING}")
    return Credentials(**{name: told[name].strip() for name in NAMES})


def prompted(ask: Callable[[str], str], ask_hidden: Callable[[str], str]) -> Credentials:
    """Ask a person for each; of secrets nothing is shown.

    Raises:
        EOFError: standard input has ended before all were given.
        RefusedError: one is wrong.
    """
    return Credentials(
        account_sid=_line(ask("Account SID (AC…)")),
        api_key_sid=_line(ask("API key SID (SK…)")),
        api_key_secret=ask_hidden("API key secret").strip(),
        auth_token=ask_hidden("Auth token").strip(),
    )


def _line(answer: str) -> str:
    # A line that a person has ended holds its line end at least.
    if not answer:
        raise EOFError
    return answer.strip()


def try_token(account_sid: str, auth_token: str, twilio_url: str | None) -> Tried:
    """Read the account by its auth token.

    Raises:
        TransientError: Twilio does not answer.
    """
    try:
        status = console(account_sid, auth_token, twilio_url).account().get("status")
    except (CredentialsError, NotFoundError):
        return Tried(
            what="auth token",
            wrong=f"Twilio does not take it for account {account_sid}: one of the two is wrong, or of another account",
        )
    wrong = f"it is right, but the account is {status} and not active: see to that in Twilio's console"
    return Tried(what="auth token", wrong="" if status == "active" else wrong)


def try_key(
    account_sid: str, api_key_sid: str, api_key_secret: str, twilio_url: str | None, *, account: bool = True
) -> Tried:
    """Read calls and Intelligence Services by the API key.

    Parameters:
        account: whether the account SID is known to be right.

    Raises:
        TransientError: Twilio does not answer.
    """
    api = connect(account_sid, api_key_sid, api_key_secret, twilio_url, TIMEOUT_SECONDS, until=LIST_TIME)
    try:
        api.read("reading calls by the API key", f"{api.voice}/Calls.json?PageSize=1")
    except (CredentialsError, NotFoundError):
        suspects = "its SID or its secret is wrong" if account else "its SID, its secret or the account SID is wrong"
        return Tried(what="API key", wrong=f"Twilio does not let it read calls: {suspects}, or it is restricted")
    try:
        api.read("listing Intelligence Services by the API key", f"{INTELLIGENCE}/Services?PageSize=1")
    except (CredentialsError, NotFoundError):
        return Tried(
            what="API key",
            wrong="it reads calls, but may not list Intelligence Services: take a standard key, or let it; "
            "the account must not be restricted to another product",
        )
    return Tried(what="API key")


def try_all(credentials: Credentials, twilio_url: str | None) -> list[Tried]:
    """What Twilio says to the token and to the key; a key is not tried on an account that is not active."""
    token = try_token(credentials.account_sid, credentials.auth_token, twilio_url)
    if "not active" in token.wrong:
        return [token]
    key = try_key(
        credentials.account_sid,
        credentials.api_key_sid,
        credentials.api_key_secret,
        twilio_url,
        account=token.works,
    )
    return [token, key]


def entered(
    document: Mapping[str, Any], credentials: Credentials, twilio_url: str | None, *, keep_old_token: bool
) -> dict[str, Any]:
    """The document in the secret with these credentials; all else stays.

    Parameters:
        keep_old_token: the token that was the first stays as the second, for webhooks that are signed by it still.
    """
    old = document.get("auth_tokens")
    older = [one for one in old if one != credentials.auth_token] if isinstance(old, list) else []
    told = {
        **document,
        "account_sid": credentials.account_sid,
        "api_key_sid": credentials.api_key_sid,
        "api_key_secret": credentials.api_key_secret,
        "auth_tokens": [credentials.auth_token, *(older[:1] if keep_old_token else [])],
        "twilio_url": twilio_url,
    }
    if twilio_url is None:
        del told["twilio_url"]
    return told
