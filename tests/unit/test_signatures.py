"""Nothing but what Twilio has signed gets in: forgeries at every route, and genuine requests in all their shapes."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from callscribe.domain.errors import ForgeryError
from callscribe.edge.signatures import FORM, JSON, verify
from callscribe_tools.local_callscribe import settings_document
from harness.events import HOST, event_files, http_event, load_event, raw_body, signature_of, signed
from harness.stack import Stack, account
from harness.template import routes

TOKEN = account().auth_token
OTHER_TOKEN = "fedcba9876543210fedcba9876543210"
SIGNATURE = "x-twilio-signature"

type Event = dict[str, Any]
type Forgery = Callable[[Event], Event]


def genuine(path: str) -> Event:
    """The first event among the files that comes to this path."""
    events = (load_event(name, case) for name in set(routes().values()) for case in event_files(name))
    return next(event for event in events if event.get("rawPath") == path)


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


FORGERIES: dict[str, Forgery] = {
    "no signature": lambda event: with_headers(event, x_twilio_signature=None),
    "empty signature": lambda event: with_headers(event, x_twilio_signature=""),
    "wrong signature": lambda event: with_headers(event, x_twilio_signature="RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    "signature that is no ASCII": lambda event: with_headers(event, x_twilio_signature="sígnature"),
    "two signatures": lambda event: with_headers(event, x_twilio_signature=f"x,{event['headers'][SIGNATURE]}"),
    "signature in capitals": lambda event: with_headers(event, x_twilio_signature=event["headers"][SIGNATURE].upper()),
    "signature by another token": lambda event: signed(event, OTHER_TOKEN),
    "signature by the empty token": lambda event: signed(event, ""),
    "signature of another path": lambda event: {
        **event,
        "headers": signed({**event, "rawPath": "/"}, TOKEN)["headers"],
    },
    "signature of another host": lambda event: {
        **event,
        "requestContext": {**event["requestContext"], "domainName": "x" + HOST},
    },
    "host of the sender's choice": lambda event: with_headers(
        {**event, "requestContext": {**event["requestContext"], "domainName": "x" + HOST}}, host=HOST
    ),
    "changed parameter": replace_in_body(b"AC", b"AB"),
    "dropped parameter": lambda event: with_body(event, raw_body(event)[:-20]),
    "dropped blank parameter": replace_in_body(b"&CallerName=", b""),
    "added parameter": lambda event: with_body(event, raw_body(event) + b"&Digits=1"),
    "added blank parameter": lambda event: with_body(event, raw_body(event) + b"&Digits="),
    "parameter repeated with another value": lambda event: with_body(event, raw_body(event) + b"&AccountSid=AC0"),
    "another body under a captured signature": hash_of_another_body,
    "JSON signed without a hash": signed_without_hash,
    "hash twice in the query": signed_with_query(f"bodySHA256={'0' * 64}&bodySHA256={'0' * 64}"),
    "wrong content type": lambda event: with_headers(event, content_type="text/plain"),
    "the other content type": lambda event: with_headers(event, content_type=FORM if is_json(event) else JSON),
    "no content type": lambda event: with_headers(event, content_type=None),
    "signed with a shared key": lambda event: with_headers(
        event, x_twilio_webhooks_signature_settings="key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    ),
    "bytes that are no UTF-8": in_base64(b"\xff\xfe\xfa"),
    "form of characters that are no UTF-8": in_base64(b"CallSid=%ff%fe"),
    "invalid base64": lambda event: {**event, "body": "=== no base64 ===", "isBase64Encoded": True},
    "no body": lambda event: {name: value for name, value in event.items() if name != "body"},
    "null body": lambda event: {**event, "body": None},
    "no headers": lambda event: {**event, "headers": None},
    "a megabyte": lambda event: with_body(event, raw_body(event) + b"&x=" + b"a" * 1_000_000),
    "form with a signed query": lambda event: (
        signed(with_query(event, event["rawQueryString"] + "&a=b"), OTHER_TOKEN)
        if is_json(event)
        else signed_with_query("a=b")(event)
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_refused_at_every_route(forgery: str, offline_stack: Stack, logged: Callable[[], str]) -> None:
    for (_, path), function in routes().items():
        event = genuine(path)
        forged = FORGERIES[forgery](event)
        if forged == event:  # this webhook has no such parameter
            continue
        answer = offline_stack.invoke(function, forged)
        assert (path, answer["statusCode"], answer["body"]) == (path, 403, "refused")
    assert offline_stack.queued() == {}
    assert offline_stack.items() == []
    assert "Traceback" not in logged()
    assert '"level":"ERROR"' not in logged()


@pytest.mark.parametrize("path", [path for _, path in routes()])
def test_a_genuine_request_is_accepted(path: str, offline_stack: Stack) -> None:
    assert offline_stack.invoke(routes()["POST", path], genuine(path))["statusCode"] == 200


def test_while_a_token_is_rotated_both_sign(offline_stack: Stack) -> None:
    offline_stack.write_settings({**settings_document(account()), "auth_tokens": [TOKEN, OTHER_TOKEN]})
    for (_, path), function in routes().items():
        for token in (TOKEN, OTHER_TOKEN):
            assert offline_stack.invoke(function, signed(genuine(path), token))["statusCode"] == 200


def test_a_token_that_was_taken_out_signs_no_more(offline_stack: Stack) -> None:
    offline_stack.write_settings({**settings_document(account()), "auth_tokens": [OTHER_TOKEN]})
    for (_, path), function in routes().items():
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
    assert verify(signed(event, TOKEN), [TOKEN], FORM).body == body.decode()


def test_a_json_body_that_a_gateway_has_put_into_base64_is_accepted() -> None:
    event = signed(genuine("/ci-webhook"), TOKEN)
    encoded = in_base64(raw_body(event))(event)
    assert verify(encoded, [TOKEN], JSON).body == event["body"]


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
    assert verify(PUBLISHED, ["12345"], JSON).body == PUBLISHED["body"]


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
        verify({**PUBLISHED, **change}, ["12345"], JSON)


def test_the_published_vector_of_a_form_fits_but_its_query_is_refused() -> None:
    body = b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
    event = http_event("/myapp.php", {"content-type": FORM}, body, "foo=1&bar=2")
    event["requestContext"]["domainName"] = "mycompany.com"
    assert signature_of(event, "12345") == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    with pytest.raises(ForgeryError, match="no query"):
        verify(signed(event, "12345"), ["12345"], FORM)


@pytest.mark.parametrize("change", [{"body": "é"}, {"isBase64Encoded": False, "body": "a=\ud800"}])
def test_a_body_that_is_no_text_is_a_forgery_and_no_exception(change: Event) -> None:
    with pytest.raises(ForgeryError):
        verify(load_event("track_call", "completed") | change, [TOKEN], FORM)


def test_json_with_an_empty_hash_is_a_forgery_and_no_exception() -> None:
    event = with_query(load_event("accept_webhook", "transcript_available"), "bodySHA256=")
    with pytest.raises(ForgeryError):
        verify(signed(event, TOKEN), [TOKEN], JSON)


def test_a_token_that_is_no_list_does_not_become_tokens_of_one_character(offline_stack: Stack) -> None:
    offline_stack.write_settings(settings_document(account()) | {"auth_tokens": TOKEN})
    forged = signed(load_event("incoming_call", "call"), TOKEN[0])
    assert offline_stack.invoke("incoming_call", forged)["statusCode"] == 503


def test_a_body_longer_than_any_of_twilios_is_refused_before_it_is_hashed() -> None:
    event = load_event("track_call", "completed")
    padded = signed(with_body(event, raw_body(event) + b"&x=" + b"x" * 64 * 1024), TOKEN)
    with pytest.raises(ForgeryError, match="longer"):
        verify(padded, [TOKEN], FORM)
