"""Where an account's Intelligence webhooks come unsigned, a secret path lets them in, and nothing else."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from callscribe.edge.signatures import FORM, JSON
from callscribe_tools.local_callscribe import settings_document
from harness.events import HOST, http_event, load_event, raw_body, signed
from harness.stack import Gateway, Stack, account
from harness.template import template
from unit.test_signatures import OTHER_TOKEN, PATH_TOKEN, in_base64, refusals, with_headers

TOKEN = account().auth_token
BODY = b'{"transcript_sid":"GT1"}'

type Event = dict[str, Any]


def unsigned(path: str = f"/ci-webhook/{PATH_TOKEN}", body: bytes = BODY, content_type: str = JSON) -> Event:
    return http_event(path, {"content-type": content_type}, body)


@pytest.fixture
def open_stack(offline_stack: Stack) -> Stack:
    """The stack whose operator has chosen a path token."""
    offline_stack.write_settings({**settings_document(account()), "webhook_path_token": PATH_TOKEN})
    return offline_stack


@pytest.mark.parametrize("body", [BODY, b"[]", '{"a":"日本"}'.encode()], ids=["object", "other JSON", "no ASCII"])
def test_an_unsigned_webhook_by_the_secret_path_is_queued_as_it_came(body: bytes, open_stack: Stack) -> None:
    assert open_stack.invoke("accept_webhook", unsigned(body=body))["statusCode"] == 200
    assert open_stack.queued() == {"TranscriptsQueue": [body.decode()]}


def test_a_signed_webhook_by_the_secret_path_is_queued_too(open_stack: Stack) -> None:
    event = load_event("accept_webhook", "transcript_available")
    sent = http_event(f"/ci-webhook/{PATH_TOKEN}", event["headers"], event["body"].encode(), event["rawQueryString"])
    assert open_stack.invoke("accept_webhook", signed(sent, TOKEN))["statusCode"] == 200
    assert open_stack.queued() == {"TranscriptsQueue": [event["body"]]}


def hashed(event: Event) -> Event:
    """The event with the right hash of its body in the address."""
    return event | {"rawQueryString": f"bodySHA256={hashlib.sha256(raw_body(event)).hexdigest()}"}


REFUSED: dict[str, tuple[Event, str]] = {
    "another token": (unsigned("/ci-webhook/" + "a" * 32), "wrong_path_token"),
    "the token in capitals": (unsigned(f"/ci-webhook/{PATH_TOKEN.upper()}"), "wrong_path_token"),
    "the beginning of the token": (unsigned(f"/ci-webhook/{PATH_TOKEN[:-1]}"), "wrong_path_token"),
    "the token and more": (unsigned(f"/ci-webhook/{PATH_TOKEN}x"), "wrong_path_token"),
    "an empty token": (unsigned() | {"pathParameters": {"token": ""}}, "wrong_path_token"),
    "a token that is no ASCII": (unsigned("/ci-webhook/日本"), "wrong_path_token"),
    "a token that is no text": (unsigned() | {"pathParameters": {"token": "\ud800"}}, "wrong_path_token"),
    "the word None": (unsigned("/ci-webhook/None"), "wrong_path_token"),
    "another token, and signed": (signed(hashed(unsigned("/ci-webhook/" + "a" * 32)), TOKEN), "wrong_path_token"),
    "no token, on the route without one": (unsigned("/ci-webhook"), "no_signature"),
    "the token in the query": (
        unsigned("/ci-webhook")
        | {"rawQueryString": f"token={PATH_TOKEN}", "queryStringParameters": {"token": PATH_TOKEN}},
        "no_signature",
    ),
    "a wrong signature": (with_headers(unsigned(), x_twilio_signature="x"), "no_body_hash"),
    "an empty signature": (with_headers(unsigned(), x_twilio_signature=""), "no_signature"),
    "signed by another token": (
        signed(unsigned() | {"rawQueryString": f"bodySHA256={'0' * 64}"}, OTHER_TOKEN),
        "wrong_signature",
    ),
    "a shared key and no signature": (
        with_headers(unsigned(), x_twilio_webhooks_signature_settings="key=k"),
        "no_signature",
    ),
    "a form": (unsigned(body=b"a=b", content_type=FORM), "wrong_content_type"),
    "no content type": (with_headers(unsigned(), content_type=None), "wrong_content_type"),
    "no JSON": (unsigned(body=b"{"), "no_json"),
    "brackets without end": (unsigned(body=b"[" * 60_000), "no_json"),
    "nothing": (unsigned(body=b""), "no_json"),
    "a null body": (unsigned() | {"body": None}, "no_json"),
    "bytes that are no UTF-8": (in_base64(b'"\xff"')(unsigned()), "no_text"),
    "half a character": (unsigned() | {"body": '"\ud800"'}, "no_text"),
    "a megabyte": (unsigned(body=b'"' + b"a" * 1_000_000 + b'"'), "too_long"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_secret_path_does_not_let_in(case: str, open_stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    event, kind = REFUSED[case]
    assert open_stack.invoke("accept_webhook", event)["statusCode"] == 403
    assert refusals(capsys.readouterr().out) == [kind]
    assert open_stack.queued() == {}


@pytest.mark.parametrize("event", [unsigned(), unsigned("/ci-webhook/None"), signed(hashed(unsigned()), TOKEN)])
def test_the_secret_path_is_closed_unless_the_settings_open_it(
    event: Event, offline_stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offline_stack.invoke("accept_webhook", event)["statusCode"] == 403
    assert refusals(capsys.readouterr().out) == ["wrong_path_token"]
    assert offline_stack.queued() == {}


def test_no_log_line_of_ours_holds_the_secret_path(
    open_stack: Stack, logged: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    for event in (unsigned(), unsigned(body=b"{"), with_headers(unsigned(), x_twilio_signature="x")):
        open_stack.invoke("accept_webhook", event)
    # Also a failure that nobody foresaw.
    open_stack.physical_ids["TranscriptsQueue"] += "-gone"
    assert open_stack.invoke("accept_webhook", unsigned())["statusCode"] == 500
    assert "webhook refused" in logged()
    assert PATH_TOKEN not in logged() + capsys.readouterr().out


def test_access_logs_hold_the_route_and_nothing_of_the_path() -> None:
    logged = template()["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"]["Fn::Sub"]
    assert set(re.findall(r"\$context\.([\w.]+)", logged)) == {
        "requestId",
        "requestTimeEpoch",
        "identity.sourceIp",
        "routeKey",
        "status",
        "responseLatency",
        "integrationErrorMessage",
    }


@pytest.mark.usefixtures("open_stack")
def test_an_unsigned_webhook_finds_the_route_of_the_secret_path(gateway: Gateway) -> None:
    url = f"https://{HOST}/ci-webhook/{PATH_TOKEN}"
    assert gateway.handle_request(httpx.Request("POST", url, json={})).status_code == 200
    assert gateway.events[0]["routeKey"] == "POST /ci-webhook/{token}"
