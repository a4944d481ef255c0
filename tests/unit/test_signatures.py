"""Nothing but what Twilio has signed gets in: forgeries at every route, and genuine requests in all their shapes."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest

from callscribe.domain.errors import ForgeryError
from callscribe.edge.signatures import FORM, JSON, verify
from callscribe_tools.local_callscribe import settings_document
from harness.emf import metrics_in
from harness.events import HOST, event_files, http_event, load_event, raw_body, signature_of, signed
from harness.stack import Stack, account
from harness.template import STACK_NAME, routes

TOKEN = account().auth_token
OTHER_TOKEN = "fedcba9876543210fedcba9876543210"
PATH_TOKEN = "Zk3vR9-xQ7_mT2bW5nY8cL4dH6jS1pGa"
SIGNATURE = "x-twilio-signature"
# It has no secret, so it cannot tell Twilio from a stranger, and answers everybody alike.
OPEN_TO_ALL = {"voice_fallback"}
ROUTES = {path: function for (_, path), function in routes().items() if function not in OPEN_TO_ALL}

type Event = dict[str, Any]
type Forgery = Callable[[Event], Event]


def genuine(path: str) -> Event:
    """A request that Twilio has signed for this route: the first among the files, or one of JSON by the secret path."""
    if "{" in path:
        event = load_event("accept_webhook", "transcript_available")
        sent = path.format(token=PATH_TOKEN)
        return signed(
            http_event(sent, event["headers"], event["body"].encode(), event["rawQueryString"]),
            TOKEN,
        )
    events = (load_event(name, case) for name in set(ROUTES.values()) for case in event_files(name))
    found = next((event for event in events if event.get("rawPath") == path), None)
    assert found, f"no file under events/ comes to {path}"
    return found


def is_json(event: Event) -> bool:
    return bool(event["headers"]["content-type"] == "application/json")


def with_headers(event: Event, **headers: str | None) -> Event:
    changed = {**event["headers"], **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {**event, "headers": {name: value for name, value in changed.items() if value is not None}}


def with_body(event: Event, body: bytes) -> Event:
    """Another body in the place of the signed one."""
    text = base64.b64encode(body).decode() if event["isBase64Encoded"] else body.decode()
    return {**event, "body": text}


def with_query(event: Event, query: str) -> Event:
    return {**event, "rawQueryString": query}


def replace_in_body(old: bytes, new: bytes) -> Forgery:
    def forge(event: Event) -> Event:
        return with_body(event, raw_body(event).replace(old, new, 1))

    return forge


def signed_without_hash(event: Event) -> Event:
    """JSON whose signature covers the address alone; a form's covers its parameters, so another type is claimed."""
    return signed(with_headers(with_query(event, ""), content_type="application/json"), TOKEN)


def signed_with_query(query: str) -> Forgery:
    """Signed by Twilio's own token, but over an address that no webhook of ours has."""

    def forge(event: Event) -> Event:
        joint = event["rawQueryString"] + "&" if is_json(event) else ""
        return signed(with_query(event, joint + query), TOKEN)

    return forge


def hash_of_another_body(event: Event) -> Event:
    """A captured JSON signature, and the hash that would fit the new body in the place of the signed one."""
    changed = replace_in_body(b"AC", b"AB")(event)
    return with_query(changed, f"bodySHA256={hashlib.sha256(raw_body(changed)).hexdigest()}")


def in_base64(body: bytes) -> Forgery:
    def forge(event: Event) -> Event:
        return {**event, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}

    return forge


def as_get(event: Event) -> Event:
    """What Twilio would sign of a GET: the address with its parameters."""
    bare = with_headers({**event, "body": None, "isBase64Encoded": False}, content_type=None)
    return signed(with_query(bare, "CallSid=CA1"), TOKEN)


def by_sha256(event: Event, **headers: str) -> Event:
    """Signed by the right token, with the newer algorithm."""
    address = f"https://{HOST}{event['rawPath']}" + (f"?{event['rawQueryString']}" if is_json(event) else "")
    fields = "" if is_json(event) else "".join(sorted(raw_body(event).decode().replace("=", "").split("&")))
    digest = hmac.new(TOKEN.encode(), (address + fields).encode(), hashlib.sha256).digest()
    return with_headers(event, x_twilio_signature=base64.b64encode(digest).decode(), **headers)


def elsewhere(event: Event, **headers: str) -> Event:
    """A request to another host, whose headers say that it was to ours."""
    return with_headers(
        {**event, "requestContext": {**event["requestContext"], "domainName": "x" + HOST}}, host=HOST, **headers
    )


FORWARDED = {"x_forwarded_host": HOST, "x_forwarded_proto": "https", "x_forwarded_port": "443", "forwarded": HOST}
SHARED_KEY = {"x_twilio_webhooks_signature_settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}

# What is sent, and as what it is counted: as a form, and as JSON where that differs.
FORGERIES: dict[str, tuple[Forgery, str]] = {
    "no signature": (lambda event: with_headers(event, x_twilio_signature=None), "no_signature"),
    "empty signature": (lambda event: with_headers(event, x_twilio_signature=""), "no_signature"),
    "wrong signature": (
        lambda event: with_headers(event, x_twilio_signature="RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        "wrong_signature",
    ),
    "signature that is no ASCII": (
        lambda event: with_headers(event, x_twilio_signature="sígnature"),
        "wrong_signature",
    ),
    "two signatures": (
        lambda event: with_headers(event, x_twilio_signature=f"x,{event['headers'][SIGNATURE]}"),
        "wrong_signature",
    ),
    "signature in capitals": (
        lambda event: with_headers(event, x_twilio_signature=event["headers"][SIGNATURE].upper()),
        "wrong_signature",
    ),
    "signature by another token": (lambda event: signed(event, OTHER_TOKEN), "wrong_signature"),
    "signature by the empty token": (lambda event: signed(event, ""), "wrong_signature"),
    "signature of another path": (
        lambda event: {**event, "headers": signed({**event, "rawPath": "/"}, TOKEN)["headers"]},
        "wrong_signature",
    ),
    "signature of another host": (
        lambda event: {**event, "requestContext": {**event["requestContext"], "domainName": "x" + HOST}},
        "wrong_signature",
    ),
    "host of the sender's choice": (elsewhere, "wrong_signature"),
    "forwarding headers of the sender's choice": (lambda event: elsewhere(event, **FORWARDED), "wrong_signature"),
    "changed parameter": (replace_in_body(b"AC", b"AB"), "wrong_signature"),
    "dropped parameter": (lambda event: with_body(event, raw_body(event)[:-20]), "wrong_signature"),
    "dropped blank parameter": (replace_in_body(b"&CallerName=", b""), "wrong_signature"),
    "added parameter": (lambda event: with_body(event, raw_body(event) + b"&Digits=1"), "wrong_signature"),
    "added blank parameter": (lambda event: with_body(event, raw_body(event) + b"&Digits="), "wrong_signature"),
    "parameter repeated with another value": (
        lambda event: with_body(event, raw_body(event) + b"&AccountSid=AC0"),
        "wrong_signature",
    ),
    "parameter repeated with a blank value": (
        lambda event: with_body(event, raw_body(event) + b"&AccountSid="),
        "wrong_signature",
    ),
    "another body under a captured signature": (hash_of_another_body, "form_with_query, wrong_signature"),
    "JSON signed without a hash": (signed_without_hash, "wrong_content_type, no_body_hash"),
    "captured hash appended again": (
        lambda event: with_query(event, "&".join([event["rawQueryString"] or f"bodySHA256={'0' * 64}"] * 2)),
        "form_with_query, no_body_hash",
    ),
    "hash twice, and signed so": (
        signed_with_query(f"bodySHA256={'0' * 64}&bodySHA256={'0' * 64}"),
        "form_with_query, no_body_hash",
    ),
    "wrong content type": (lambda event: with_headers(event, content_type="text/plain"), "wrong_content_type"),
    "the other content type": (
        lambda event: with_headers(event, content_type=FORM if is_json(event) else JSON),
        "wrong_content_type",
    ),
    "no content type": (lambda event: with_headers(event, content_type=None), "wrong_content_type"),
    "multipart": (
        lambda event: with_headers(event, content_type="multipart/form-data; boundary=x"),
        "wrong_content_type",
    ),
    "signed with a shared key": (lambda event: by_sha256(event, **SHARED_KEY), "shared_key"),
    "genuine but for the header of a shared key": (lambda event: with_headers(event, **SHARED_KEY), "shared_key"),
    "signed by the newer algorithm without saying so": (by_sha256, "wrong_signature"),
    "bytes that are no UTF-8": (in_base64(b"\xff\xfe\xfa"), "no_text"),
    "form of characters that are no UTF-8": (in_base64(b"CallSid=%ff%fe"), "no_text, wrong_signature"),
    "invalid base64": (lambda event: {**event, "body": "=== no base64 ===", "isBase64Encoded": True}, "no_text"),
    "base64 that nobody says is any": (
        lambda event: {**event, "body": base64.b64encode(raw_body(event)).decode(), "isBase64Encoded": False},
        "wrong_signature",
    ),
    "no body": (lambda event: {name: value for name, value in event.items() if name != "body"}, "wrong_signature"),
    "null body": (lambda event: {**event, "body": None}, "wrong_signature"),
    "no headers": (lambda event: {**event, "headers": None}, "no_signature"),
    "nothing at all": (
        lambda event: {**event, "headers": {}, "body": None, "rawQueryString": ""},
        "no_signature",
    ),
    "a GET": (as_get, "wrong_content_type"),
    "a megabyte": (lambda event: with_body(event, raw_body(event) + b"&x=" + b"a" * 1_000_000), "too_long"),
    "form with a signed query": (
        lambda event: (
            signed(with_query(event, event["rawQueryString"] + "&a=b"), OTHER_TOKEN)
            if is_json(event)
            else signed_with_query("a=b")(event)
        ),
        "form_with_query, wrong_signature",
    ),
}

# What API Gateway never sends, and a mistake in wiring may.
ODD_EVENTS: dict[str, Any] = {
    "nothing": {},
    "no object": [],
    "null": None,
    "no request context": {"rawPath": "/", "headers": {SIGNATURE: "x"}},
    "a request context of null": {"rawPath": "/", "requestContext": None},
    "no path": {"requestContext": {"domainName": HOST}},
    "a path of null": {"requestContext": {"domainName": HOST}, "rawPath": None},
    "headers in a list": {"requestContext": {"domainName": HOST}, "rawPath": "/", "headers": [[SIGNATURE, "x"]]},
    "a header of two values": {"requestContext": {"domainName": HOST}, "rawPath": "/", "headers": {SIGNATURE: ["x"]}},
    "a body that is an object": {"requestContext": {"domainName": HOST}, "rawPath": "/", "body": {"a": 1}},
    "path parameters in a list": {"requestContext": {"domainName": HOST}, "rawPath": "/", "pathParameters": ["token"]},
    "a queue's batch": {"Records": [{"body": "{}"}]},
}


def refusals(printed: str) -> list[str]:
    """The reasons of all refusals that were counted."""
    told = metrics_in(printed)
    assert all((one.name, one.values) == ("WebhooksRefused", [1.0]) for one in told)
    assert all(one.dimensions[1] == ["service", "environment", "reason"] for one in told)
    assert all((one.line["service"], one.line["environment"]) == ("callscribe", STACK_NAME) for one in told)
    return [str(one.by) for one in told]


@pytest.fixture
def with_path_token(offline_stack: Stack) -> Stack:
    """The stack with the secret path open: that must weaken no other route."""
    offline_stack.write_settings({**settings_document(account()), "webhook_path_token": PATH_TOKEN})
    return offline_stack


def stands_on_its_path_token(event: Event) -> bool:
    """Whether the token in its path is all that speaks for it (see test_path_tokens.py)."""
    return "pathParameters" in event and not (event["headers"] or {}).keys() & {SIGNATURE, *SHARED_KEY}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_refused_and_counted_at_every_route(
    forgery: str, with_path_token: Stack, logged: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    forge, kinds = FORGERIES[forgery]
    for path, function in ROUTES.items():
        event = genuine(path)
        forged = forge(event)
        if forged == event or stands_on_its_path_token(forged):  # this webhook has no such parameter
            continue
        answer = with_path_token.invoke(function, forged)
        assert (path, answer["statusCode"], answer["body"]) == (path, 403, "refused")
        kind = kinds.split(", ")[-1 if is_json(event) else 0]
        assert (path, *refusals(capsys.readouterr().out)) == (path, kind)
    assert with_path_token.queued() == {}
    assert with_path_token.items() == []
    assert "Traceback" not in logged()
    assert '"level":"ERROR"' not in logged()


def test_an_event_of_another_shape_is_refused_and_no_exception(
    offline_stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    for odd, event in ODD_EVENTS.items():
        for function in set(ROUTES.values()):
            assert (odd, offline_stack.invoke(function, event)["statusCode"]) == (odd, 403)
            assert (odd, *refusals(capsys.readouterr().out)) == (odd, "odd_event")


def test_what_is_refused_for_its_shape_needs_no_settings(empty_stack: Stack) -> None:
    for path, function in ROUTES.items():
        event = with_headers(genuine(path), x_twilio_signature="x", content_type="text/plain")
        if "{" not in path:
            assert empty_stack.invoke(function, event)["statusCode"] == 403


@pytest.mark.parametrize("path", ROUTES)
def test_forwarding_headers_do_not_make_a_genuine_request_a_forgery(path: str, with_path_token: Stack) -> None:
    lies = dict.fromkeys(FORWARDED, "evil.example.com")
    answer = with_path_token.invoke(ROUTES[path], with_headers(genuine(path), host="evil.example.com", **lies))
    assert answer["statusCode"] == 200


@pytest.mark.parametrize("path", ROUTES)
def test_a_genuine_request_is_accepted_and_no_refusal_counted(
    path: str, with_path_token: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert with_path_token.invoke(ROUTES[path], genuine(path))["statusCode"] == 200
    assert metrics_in(capsys.readouterr().out, "WebhooksRefused") == []


def test_while_a_token_is_rotated_both_sign(offline_stack: Stack) -> None:
    both = {"auth_tokens": [TOKEN, OTHER_TOKEN], "webhook_path_token": PATH_TOKEN}
    offline_stack.write_settings({**settings_document(account()), **both})
    for path, function in ROUTES.items():
        for token in (TOKEN, OTHER_TOKEN):
            assert offline_stack.invoke(function, signed(genuine(path), token))["statusCode"] == 200


def test_a_token_that_was_taken_out_signs_no_more(offline_stack: Stack) -> None:
    offline_stack.write_settings({**settings_document(account()), "auth_tokens": [OTHER_TOKEN]})
    for path, function in ROUTES.items():
        assert offline_stack.invoke(function, genuine(path))["statusCode"] == 403


@pytest.mark.parametrize(
    "body",
    [
        b"CallSid=CA1&CallerName=&ToCity=",
        b"CallSid=CA1&Tag=b&Tag=a&Tag=a",
        b"CallSid=CA1&Name=J%C3%BCrgen+%E6%97%A5%E6%9C%AC&To=%2B12025550199",
        b"CallSid=CA1&Flag",
        b"",
    ],
    ids=["blank", "repeated", "no ASCII", "without a value", "empty"],
)
def test_a_genuine_form_is_accepted_whatever_its_parameters(body: bytes) -> None:
    event = http_event("/x", {"content-type": FORM + "; charset=UTF-8"}, body)
    assert verify(signed(event, TOKEN), lambda: [TOKEN], FORM).body == body.decode()


def test_a_json_body_that_a_gateway_has_put_into_base64_is_accepted() -> None:
    event = signed(genuine("/ci-webhook"), TOKEN)
    encoded = in_base64(raw_body(event))(event)
    assert verify(encoded, lambda: [TOKEN], JSON).body == event["body"]


def vector(host: str, path: str, query: str, body: str, signature: str) -> Event:
    """A published request with its signature, as our API would get it."""
    event = http_event(path, {"content-type": JSON, SIGNATURE: signature}, body.encode(), query)
    return {**event, "requestContext": {**event["requestContext"], "domainName": host}}


PUBLISHED = vector(
    "mycompany.com",
    "/myapp.php",
    "foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
    '{"property": "value", "boolean": true}',
    "a9nBmqA0ju/hNViExpshrM61xv4=",
)


def test_the_published_vector_of_a_json_body_is_accepted() -> None:
    assert verify(PUBLISHED, lambda: ["12345"], JSON).body == PUBLISHED["body"]


@pytest.mark.parametrize(
    "change",
    [
        {"body": PUBLISHED["body"] + " "},
        {"rawPath": "/myapp.php/"},
        {"rawQueryString": PUBLISHED["rawQueryString"].upper()},
    ],
)
def test_the_published_vector_with_any_change_is_refused(change: Event) -> None:
    with pytest.raises(ForgeryError):
        verify({**PUBLISHED, **change}, lambda: ["12345"], JSON)


def test_the_published_vector_of_a_form_fits_but_its_query_is_refused() -> None:
    body = b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
    event = http_event("/myapp.php", {"content-type": FORM}, body, "foo=1&bar=2")
    event["requestContext"]["domainName"] = "mycompany.com"
    assert signature_of(event, "12345") == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    with pytest.raises(ForgeryError, match="no query"):
        verify(signed(event, "12345"), lambda: ["12345"], FORM)


@pytest.mark.parametrize("change", [{"body": "é"}, {"isBase64Encoded": False, "body": "a=\ud800"}])
def test_a_body_that_is_no_text_is_a_forgery_and_no_exception(change: Event) -> None:
    with pytest.raises(ForgeryError):
        verify(load_event("track_call", "completed") | change, lambda: [TOKEN], FORM)


def test_json_with_an_empty_hash_is_a_forgery_and_no_exception() -> None:
    event = with_query(load_event("accept_webhook", "transcript_available"), "bodySHA256=")
    with pytest.raises(ForgeryError):
        verify(signed(event, TOKEN), lambda: [TOKEN], JSON)


def test_a_token_that_is_no_list_does_not_become_tokens_of_one_character(offline_stack: Stack) -> None:
    offline_stack.write_settings(settings_document(account()) | {"auth_tokens": TOKEN})
    forged = signed(load_event("incoming_call", "call"), TOKEN[0])
    assert offline_stack.invoke("incoming_call", forged)["statusCode"] == 503


def test_a_body_longer_than_any_of_twilios_is_refused_before_it_is_hashed() -> None:
    event = load_event("track_call", "completed")
    padded = signed(with_body(event, raw_body(event) + b"&x=" + b"x" * 64 * 1024), TOKEN)
    with pytest.raises(ForgeryError, match="longer"):
        verify(padded, lambda: [TOKEN], FORM)
