"""A stranger posts to the deployed stack: refused on every route, counted, and nothing is queued or stored."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import httpx
import pytest

from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Account, Simulator
from e2e.stack import changed_settings, held, held_at_rest, post, send, wait_until
from harness.template import logical_id, routes

# It has no secret, so it cannot tell Twilio from a stranger, and answers everybody alike.
OPEN_TO_ALL = {"voice_fallback"}
ROUTES = {path: function for (_, path), function in sorted(routes().items()) if function not in OPEN_TO_ALL}
PATH_TOKEN = "Zk3vR9-xQ7_mT2bW5nY8cL4dH6jS1pGa"
SIGNATURE = "X-Twilio-Signature"
FORM = {
    "CallSid": "CA" + "0" * 32,
    "CallerName": "",
    "RecordingSid": "RE" + "0" * 32,
    "RecordingStatus": "completed",
    "To": "+12025550199",
}
WEBHOOK = {"transcript_sid": "GT" + "0" * 32, "customer_key": "CA" + "0" * 32}


@dataclass(frozen=True)
class Sent:
    """One request as it goes over the wire."""

    url: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"

    @property
    def is_json(self) -> bool:
        return "/ci-webhook" in self.url

    def but(self, **headers: str | None) -> "Sent":
        """The same with other headers."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        changed = {**self.headers, **named}
        return replace(self, headers={name: value for name, value in changed.items() if value is not None})


type Forgery = Callable[[LocalCallscribe, Sent], Sent]


def genuine(local: LocalCallscribe, path: str, signer: Simulator | None = None, host: str | None = None) -> Sent:
    """What Twilio would send to this route."""
    url = f"https://{host or local.stack.api_host}{path.format(token=PATH_TOKEN)}"
    signer = signer or local.twilio
    if "/ci-webhook" in path:
        return Sent(*signer.signed_json(url, WEBHOOK))
    return Sent(url, *signer.signed_form(url, FORM))


def path_of(sent: Sent) -> str:
    return "/" + sent.url.split("/", 3)[3].split("?")[0]


def signed_elsewhere(local: LocalCallscribe, sent: Sent, path: str | None = None, host: str | None = None) -> Sent:
    """The signature of a request to another address."""
    other = genuine(local, path or path_of(sent), host=host)
    return sent.but(x_twilio_signature=other.headers[SIGNATURE])


def by_a_stranger(_local: LocalCallscribe, sent: Sent) -> Sent:
    stranger = Simulator(Account(auth_token="f" * 32))
    address = sent.url.split("?")[0]
    return (
        Sent(*stranger.signed_json(address, WEBHOOK))
        if sent.is_json
        else Sent(sent.url, *stranger.signed_form(sent.url, FORM))
    )


def with_body(body: bytes) -> Forgery:
    return lambda _local, sent: replace(sent, body=body)


def with_changed_body(change: Callable[[bytes], bytes]) -> Forgery:
    """A captured signature under another body; of JSON also the hash that fits."""

    def forge(_local: LocalCallscribe, sent: Sent) -> Sent:
        body = change(sent.body)
        url = f"{sent.url.split('?')[0]}?bodySHA256={hashlib.sha256(body).hexdigest()}" if sent.is_json else sent.url
        return replace(sent, url=url, body=body)

    return forge


def without(body: bytes, parameter: bytes, key: str) -> bytes:
    """The body without this parameter of a form, or this key of JSON."""
    if not body.startswith(b"{"):
        assert parameter in body
        return body.replace(parameter, b"")
    fields = json.loads(body)
    del fields[key]
    return json.dumps(fields).encode()


def with_hash_again(_local: LocalCallscribe, sent: Sent) -> Sent:
    address, _, query = sent.url.partition("?")
    return replace(sent, url=f"{address}?{'&'.join([query or 'bodySHA256=' + '0' * 64] * 2)}")


def json_without_hash(local: LocalCallscribe, sent: Sent) -> Sent:
    """The signature of the address alone, as of a form without parameters."""
    address = sent.url.split("?")[0]
    headers, _ = local.twilio.signed_form(address, {})
    body = json.dumps(WEBHOOK).encode()
    return replace(sent, url=address, headers=headers, body=body).but(content_type="application/json")


def by_sha256(local: LocalCallscribe, sent: Sent) -> Sent:
    fields = "" if sent.is_json else "".join(sorted(name + value for name, value in FORM.items()))
    digest = hmac.new(local.twilio.account.auth_token.encode(), (sent.url + fields).encode(), hashlib.sha256).digest()
    return sent.but(
        x_twilio_signature=base64.b64encode(digest).decode(),
        x_twilio_webhooks_signature_settings="key=webhooks_sharedkey_1,algorithm=HMAC_SHA256",
    )


FORGERIES: dict[str, Forgery] = {
    "no signature": lambda _, sent: sent.but(x_twilio_signature=None),
    "an empty signature": lambda _, sent: sent.but(x_twilio_signature=""),
    "a wrong signature": lambda _, sent: sent.but(x_twilio_signature="RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    "another account's token": by_a_stranger,
    "another path": lambda local, sent: signed_elsewhere(local, sent, path="/elsewhere"),
    "another host": lambda local, sent: signed_elsewhere(local, sent, host="api.example.com"),
    "forged forwarding headers": lambda local, sent: signed_elsewhere(local, sent, host="api.example.com").but(
        x_forwarded_host="api.example.com", x_forwarded_proto="https", x_forwarded_port="443", forwarded="host=x"
    ),
    "a changed parameter": with_changed_body(lambda body: body.replace(b"CA0", b"CA1")),
    "a dropped parameter": with_changed_body(lambda body: without(body, b"&To=%2B12025550199", "customer_key")),
    "a dropped blank parameter": with_changed_body(lambda body: without(body, b"&CallerName=", "customer_key")),
    "an added parameter": with_changed_body(lambda body: body + b"&Digits=1"),
    "an added blank parameter": with_changed_body(lambda body: body + b"&Digits="),
    "a parameter repeated with another value": with_changed_body(lambda body: body + b"&To=%2B12025550142"),
    "another body under the captured hash": with_body(b'{"transcript_sid":"GT1"}'),
    "the other content type": lambda _, sent: sent.but(
        content_type="application/x-www-form-urlencoded" if sent.is_json else "application/json"
    ),
    "no content type": lambda _, sent: sent.but(content_type=None),
    "plain text": lambda _, sent: sent.but(content_type="text/plain"),
    "the hash twice": with_hash_again,
    "JSON signed without a hash": json_without_hash,
    "the newer algorithm": by_sha256,
    "no UTF-8": with_body(b"CallSid=\xff\xfe"),
    "escapes that are no UTF-8": with_body(b"CallSid=%ff%fe"),
    "base64": lambda _, sent: replace(sent, body=base64.b64encode(sent.body)),
    "no body": with_body(b""),
    "nothing at all": lambda _, sent: Sent(sent.url.split("?")[0], {}, b""),
    "a megabyte": with_changed_body(lambda body: body + b"&x=" + b"a" * 1_000_000),
}


def refused(local: LocalCallscribe, function: str) -> int:
    """How many refusals a function has counted."""
    return sum('"WebhooksRefused":[1.0]' in line for line in local.stack.logs(logical_id(function)))


@pytest.fixture(scope="module", autouse=True)
def secret_path(local: LocalCallscribe) -> Iterator[None]:
    """Open the secret path for all of these tests: that must weaken no route."""
    held_at_rest(local)
    with changed_settings(local, "AcceptWebhookFunction", webhook_path_token=PATH_TOKEN):
        yield


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_refused_and_counted_on_every_route_and_changes_nothing(
    local: LocalCallscribe, forgery: str
) -> None:
    before = held_at_rest(local)
    counted = {function: refused(local, function) for function in set(ROUTES.values())}
    for path, function in ROUTES.items():
        if "{token}" in path and forgery == "no signature":
            continue  # the token stands for it
        sent = FORGERIES[forgery](local, genuine(local, path))
        answer = send(local, sent.method, sent.url, sent.headers, sent.body)
        assert (path, answer.status_code, answer.text) == (path, 403, "refused")
        counted[function] += 1
    assert held(local) == before
    wait_until(
        lambda: {function: refused(local, function) for function in counted} == counted, f"refusals counted: {counted}"
    )


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_a_request_by_another_method_has_no_route(local: LocalCallscribe, method: str) -> None:
    before = held_at_rest(local)
    for path in ROUTES:
        sent = genuine(local, path)
        assert send(local, method, sent.url, sent.headers, b"").status_code == 404
    assert held(local) == before


def test_a_genuine_request_is_answered_and_the_same_one_changed_is_not(local: LocalCallscribe) -> None:
    sent = genuine(local, "/incoming-call")
    assert post(local, sent.url, sent.headers, sent.body).status_code == 200
    assert post(local, sent.url, sent.headers, sent.body + b"&ToCity=").status_code == 403


def test_where_twilio_does_not_sign_the_secret_path_lets_a_webhook_in_if_the_settings_open_it(
    local: LocalCallscribe,
) -> None:
    # An event of an unknown kind, which the worker acknowledges.
    body = b'{"event_type":"of_2031"}'
    url = f"https://{local.stack.api_host}/ci-webhook/{PATH_TOKEN}"
    headers = {"Content-Type": "application/json"}

    def accepted(address: str) -> httpx.Response:
        return post(local, address, headers, body)

    with changed_settings(local, "AcceptWebhookFunction", webhook_path_token=None):
        assert accepted(url).status_code == 403
    assert accepted(url[:-1]).status_code == 403
    assert accepted(f"https://{local.stack.api_host}/ci-webhook").status_code == 403
    before = held_at_rest(local)
    assert accepted(url).status_code == 200
    wait_until(
        lambda: any('"UnknownEvents":[1.0]' in line for line in local.stack.logs("StoreInsightsFunction")),
        "the event is counted as unknown",
    )
    wait_until(lambda: held(local) == before, f"nothing is left: {before}")
    assert not any(PATH_TOKEN in line for line in local.stack.logs("AcceptWebhookFunction"))
