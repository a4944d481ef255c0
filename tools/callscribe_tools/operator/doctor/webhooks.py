"""Checks of the stack's own addresses, asked as Twilio would: what is signed is answered, what is not is refused.

No call is placed, and nothing is stored: what a caller hears is only told, and what is refused goes no farther. Each
that is refused is counted as any forgery is, but under a reason of its own.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from urllib.parse import urldefrag, urlencode

import httpx
from twilio.request_validator import RequestValidator

from callscribe.domain.settings import Settings
from callscribe.edge.signatures import DOCTOR
from callscribe.usecases.incoming_call import static_document
from callscribe_tools import proxies
from callscribe_tools.operator.doctor.finding import Finding, broken, ok
from callscribe_tools.operator.environment import Environment
from callscribe_tools.simulator.connect_to import ConnectTo

TIMEOUT_SECONDS = 15.0
"""As long as Twilio waits (Twilio docs, error 11200)."""

INCOMING_CALL = "/incoming-call"
CI_WEBHOOK = "/ci-webhook"
"""The one to which Twilio sends JSON."""
FALLBACK = "fallback /voice-fallback"
REFUSING = (INCOMING_CALL, "/call-status", "/ci-create-transcript", CI_WEBHOOK)

# As Twilio sends it, with the charset: what is chosen by the type must not trip over it.
_FORM_TYPE = "application/x-www-form-urlencoded; charset=UTF-8"
_NOBODYS_TOKEN = "0" * 32


def base_url(environment: Environment) -> str:
    """Where the stack's addresses are, without a path."""
    return urldefrag(environment.url("IncomingCallUrl")).url.removesuffix(INCOMING_CALL)


def transport_to(environment: Environment) -> httpx.BaseTransport | None:
    """What carries requests to the stack; None: the network."""
    if environment.local is None:
        return None
    hosts = (httpx.URL(url).host for url in (base_url(environment), environment.url("VoiceFallbackUrl")))
    return ConnectTo(dict.fromkeys(hosts, environment.local.aws_url))


def signed(environment: Environment, settings: Settings, transport: httpx.BaseTransport | None) -> Iterator[Finding]:
    """Whether a call would be answered, and by what the settings say."""
    url, form, name = base_url(environment) + INCOMING_CALL, _form(settings), f"signed {INCOMING_CALL}"
    log = f"The log of the function incoming_call in the log group /{environment.stack}/incoming_call says why"
    answer = _post(url, form, settings.auth_tokens[0], transport)
    if isinstance(answer, str):
        yield broken(name, answer, "Check the network, and that the stack's API is there.")
    elif answer.status_code == 403:
        yield broken(
            name,
            "A request signed with the auth token in the settings is refused.",
            f"The functions see new settings within five minutes; if it stays so: {log}.",
        )
    elif answer.status_code != 200 or "<Response" not in answer.text:
        yield broken(name, f"It is answered by {answer.status_code}, and not by TwiML.", f"{log}.")
    elif answer.text == static_document(INCOMING_CALL, form, base_url(environment)):
        yield broken(name, "It is answered by the static TwiML that is kept for errors.", f"{log}.")
    else:
        yield ok(name, "It is answered by TwiML.")


def forged(
    environment: Environment, settings: Settings, path: str, transport: httpx.BaseTransport | None
) -> Iterator[Finding]:
    """Whether what is not signed with an auth token of the account is refused."""
    name = f"forged {path}"
    url = base_url(environment) + path
    if path == CI_WEBHOOK:
        answer = _post_json(url, _NOBODYS_TOKEN, transport)
    else:
        answer = _post(url, _form(settings), _NOBODYS_TOKEN, transport)
    if isinstance(answer, str):
        yield broken(name, answer, "Check the network, and that the stack's API is there.")
    elif answer.status_code == 403:
        yield ok(name, "It is refused.")
    else:
        yield broken(
            name,
            f"It is answered by {answer.status_code}, not refused by 403.",
            "Deploy this version: `sam deploy`. If it stays so, report it: anybody may send the stack webhooks.",
        )


def fallback(environment: Environment, settings: Settings, transport: httpx.BaseTransport | None) -> Iterator[Finding]:
    """Whether the fallback answers a form by TwiML. It is asked what Twilio asks last, which sets off no alarm."""
    url = f"{environment.url('VoiceFallbackUrl')}/recorded"
    answer = _post(url, _form(settings), _NOBODYS_TOKEN, transport)
    remedy = "Deploy this version: `sam deploy`. If it stays so, report it: without a fallback, callers are hung up on."
    if isinstance(answer, str):
        yield broken(FALLBACK, answer, "Check the network, and that the stack's APIs are there.")
    elif answer.status_code != 200 or "<Response" not in answer.text:
        yield broken(FALLBACK, f"It is answered by {answer.status_code}, and not by TwiML.", remedy)
    elif not answer.headers.get("content-type", "").startswith("text/xml"):
        yield broken(FALLBACK, "Its TwiML is not sent as text/xml, so Twilio would not read it.", remedy)
    else:
        yield ok(FALLBACK, "It is answered by TwiML.")


def _form(settings: Settings) -> dict[str, str]:
    return {
        "CallSid": "CA" + "0" * 32,
        "AccountSid": settings.account_sid,
        "From": "+15550100",
        "To": next(iter(settings.numbers), ""),
        "CallStatus": "ringing",
        "Direction": "inbound",
    }


def _post(url: str, form: Mapping[str, str], token: str, transport: httpx.BaseTransport | None) -> httpx.Response | str:
    """Send a form as Twilio does; what answers, or that nobody does."""
    signature = RequestValidator(token).compute_signature(url, dict(form))
    return _send(url, urlencode(form).encode(), _FORM_TYPE, signature, transport)


def _post_json(url: str, token: str, transport: httpx.BaseTransport | None) -> httpx.Response | str:
    """Send an empty JSON object likewise: its digest is in the URL, which alone is signed."""
    body = b"{}"
    url = f"{url}?bodySHA256={sha256(body).hexdigest()}"
    signature = RequestValidator(token).compute_signature(url, {})
    return _send(url, body, "application/json", signature, transport)


def _send(
    url: str, body: bytes, content_type: str, signature: str, transport: httpx.BaseTransport | None
) -> httpx.Response | str:
    headers = {"Content-Type": content_type, "X-Twilio-Signature": signature, "User-Agent": DOCTOR}
    try:
        with httpx.Client(transport=transport, timeout=TIMEOUT_SECONDS) as client:
            return client.post(url, content=body, headers=headers)
    # What is no error of HTTP's comes of a proxy that cannot be one.
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError) as error:
        return f"Nobody answers ({type(error).__name__}).{proxies.advice()}"
