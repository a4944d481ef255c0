"""Sends the requests Twilio makes: signed, with connection overrides obeyed, and retried only as documented.

Used by calls and transcripts. It knows nothing of what the requests say.
"""

import hashlib
import json
import ssl
import time
import uuid
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import httpx
from twilio.request_validator import RequestValidator

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.connect_to import is_loopback
from callscribe_tools.simulator.dead_end import DeadEnd
from callscribe_tools.simulator.overrides import ConnectionOverrides, split_overrides
from callscribe_tools.simulator.state import Exchange, State
from callscribe_tools.simulator.violations import Violation

_FORM = "application/x-www-form-urlencoded; charset=UTF-8"


class DeliveryError(Exception):
    """No 2xx answer, after every retry; `code` is Twilio's."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class Webhooks:
    """The outgoing side of the simulated Twilio."""

    def __init__(self, account: Account, state: State, transport: httpx.BaseTransport) -> None:
        self._account = account
        self._state = state
        self._client = httpx.Client(transport=transport, trust_env=False)
        self._nowhere = httpx.Client(transport=DeadEnd(), trust_env=False)
        self.patience = 1.0
        """How many times as long as Twilio it waits for an answer: a machine may be too busy to answer in time."""

    def signed_form(self, url: str, params: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
        """Build headers and body of a signed form post to a configured URL; its fragment is not signed."""
        address, _ = split_overrides(url)
        return self._headers(_FORM, self._signature(address, params)), urlencode(params).encode()

    def signed_json(
        self, url: str, payload: Mapping[str, object], *, signed: bool = True
    ) -> tuple[str, dict[str, str], bytes]:
        """Build the URL with the body's hash, headers and body of a signed JSON post.

        Twilio docs, "Webhooks security": for application/json the query parameter bodySHA256 is added, and
        the signature covers the URL alone.
        """
        address, _ = split_overrides(url)
        body = json.dumps(payload, separators=(",", ":")).encode()
        joint = "&" if urlsplit(address).query else "?"
        address = f"{address}{joint}bodySHA256={hashlib.sha256(body).hexdigest()}"
        headers = self._headers("application/json", self._signature(address, {}))
        if not signed:
            del headers["X-Twilio-Signature"]
        return address, headers, body

    def post_form(self, url: str, params: Mapping[str, str], *, nowhere: bool = False) -> httpx.Response:
        """Post a signed form, retried as the URL's overrides say; `nowhere` is where nobody listens.

        Raises
        ------
        DeliveryError
            There was no 2xx answer.
        """
        self._check_address(url, params)
        address, overrides = split_overrides(url)
        headers, body = self.signed_form(url, params)
        self._state.violations += [Violation("overrides", text, url) for text in overrides.ignored]
        return self._deliver(self._to(nowhere=nowhere), address, headers, body, dict(params), overrides)

    def post_json(
        self, url: str, payload: Mapping[str, object], *, signed: bool, nowhere: bool = False
    ) -> httpx.Response:
        """Post signed JSON once: no retry of the Intelligence webhook is documented (none *assumed*).

        Raises
        ------
        DeliveryError
            There was no 2xx answer.
        """
        params = {key: str(value) for key, value in payload.items()}
        self._check_address(url, params)
        address, headers, body = self.signed_json(url, payload, signed=signed)
        overrides = ConnectionOverrides(retries=0)
        return self._deliver(self._to(nowhere=nowhere), address, headers, body, params, overrides)

    def _signature(self, address: str, params: Mapping[str, str]) -> str:
        # Always the primary Auth Token: API keys never sign webhooks.
        return str(RequestValidator(self._account.auth_token).compute_signature(address, params))

    def _headers(self, content_type: str, signature: str) -> dict[str, str]:
        return {
            "Content-Type": content_type,
            "X-Twilio-Signature": signature,
            # The same for all attempts of one request: Twilio's Agent Connect docs deduplicate retries by it.
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
            "User-Agent": "TwilioProxy/1.1",
        }

    def _check_address(self, url: str, params: Mapping[str, str]) -> None:
        try:
            address, _ = httpx.URL(url), urlsplit(url).port
        except (httpx.InvalidURL, ValueError) as error:  # error 11100
            with self._state.lock:
                self._state.exchanges.append(Exchange(url, dict(params), None, ""))
            raise DeliveryError("11100", f"invalid URL format: {error}") from error
        if address.scheme != "https" and not is_loopback(address.host):
            # Twilio would request it; who it is signed for, everybody on the way can read. An application that is
            # being developed is asked on this machine: there is no way.
            self._state.violations.append(Violation("http", "a webhook URL that is not https", url))

    def _to(self, *, nowhere: bool) -> httpx.Client:
        return self._nowhere if nowhere else self._client

    def _deliver(
        self,
        client: httpx.Client,
        address: str,
        headers: dict[str, str],
        body: bytes,
        params: dict[str, str],
        overrides: ConnectionOverrides,
    ) -> httpx.Response:
        overrides = overrides.times(self.patience)
        deadline = time.monotonic() + overrides.total_time
        for attempts_left in range(overrides.retries, -1, -1):
            outcome = _attempt(client, address, headers, body, overrides)
            status = outcome.status_code if isinstance(outcome, httpx.Response) else None
            with self._state.lock:
                token = headers["I-Twilio-Idempotency-Token"]
                self._state.exchanges.append(Exchange(address, params, status, token))
            if isinstance(outcome, httpx.Response) and outcome.is_success:
                return outcome
            reason, error = _failure(outcome)
            if not (attempts_left and overrides.retries_after(reason) and time.monotonic() < deadline):
                break
        raise error


def _attempt(
    client: httpx.Client, address: str, headers: dict[str, str], body: bytes, overrides: ConnectionOverrides
) -> httpx.Response | httpx.TransportError:
    timeout = httpx.Timeout(overrides.read_timeout, connect=overrides.connect_timeout)
    try:
        return client.post(address, headers=headers, content=body, timeout=timeout)
    except httpx.TransportError as error:
        return error


def _failure(outcome: httpx.Response | httpx.TransportError) -> tuple[str, DeliveryError]:
    """Name the retry policy's reason and Twilio's error for an attempt without a 2xx answer."""
    if isinstance(outcome, httpx.Response):
        # Error 11200: any 4xx and 5xx. Redirects, which Twilio follows, are not simulated and count the same.
        family = f"{outcome.status_code // 100}xx"
        return family, DeliveryError("11200", f"HTTP {outcome.status_code}: {outcome.text[:200]!r}")
    if isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout):
        return "ct", DeliveryError("11205", f"no connection{_tls_trouble(outcome)}")
    return "rt", DeliveryError("11200", "no answer in time, or none that is whole")


def _tls_trouble(error: BaseException) -> str:
    """Say why TLS refused the connection, in the words of TLS; nothing if TLS did not refuse it."""
    cause: BaseException | None = error
    while cause and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return f": {cause.reason}" if isinstance(cause, ssl.SSLError) and cause.reason else ""
