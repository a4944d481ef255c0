"""A transcript's webhook is answered once it is on its queue, as it came."""

import hashlib
import json
from collections.abc import Callable

import pytest

from harness.acceptors import check_that_trouble_with_the_queue_is_not_acknowledged
from harness.emf import metrics_in
from harness.events import http_event, signed
from harness.stack import Stack, account


@pytest.mark.parametrize(
    "body",
    [
        b'{"transcript_sid":"GT1","customer_key":"CA1"}',
        b'{ "transcript_sid" : "GT1",\r\n\t"unknown": [1.10, 1e5, null, ""] }\n',
        '{"customer_key":"Jürgen 日本 😀"}'.encode(),
        rb'{"customer_key":"J\u00fcrgen \ud83d\ude00"}',
        b'{"a":1,"a":2}',
        b"no JSON at all",
    ],
    ids=["compact", "spaces and unknown fields", "no ASCII", "escapes", "repeated key", "no JSON"],
)
def test_the_webhook_is_queued_byte_for_byte(body: bytes, offline_stack: Stack) -> None:
    query = f"bodySHA256={hashlib.sha256(body).hexdigest()}"
    event = signed(http_event("/ci-webhook", {"content-type": "application/json"}, body, query), account().auth_token)
    answer = offline_stack.invoke("accept_webhook", event)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "text/plain")
    assert {name: [one.encode() for one in bodies] for name, bodies in offline_stack.queued().items()} == {
        "TranscriptsQueue": [body]
    }
    assert offline_stack.items() == []


CALL_SID, TRANSCRIPT_SID = "CA" + "1" * 32, "GT" + "2" * 32
FIELDS = f'"transcript_sid":"{TRANSCRIPT_SID}","customer_key":"{CALL_SID}"'
BACKSLASH = "\\"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "the body is empty"),
        (f'{{{FIELDS},"a":"\x01"}}', "U+0001"),
        (f'{{{FIELDS},"a":"\x00"}}', "U+0000"),
        (f'{{{FIELDS},"a":"\x0b"}}', "U+000B"),
        (f'{{{FIELDS},"a":"\ufffe"}}', "U+FFFE"),
        (f'{{{FIELDS},"a":"\uffff"}}', "U+FFFF"),
        (f'{{{FIELDS},"a":"{"😀" * 64_000}"}}', "bytes"),
    ],
    ids=["empty", "control", "null", "vertical tab", "no character", "no character either", "too long"],
)
def test_a_webhook_that_no_queue_can_hold_is_answered_and_counted_and_does_not_circle(
    body: str, reason: str, offline_stack: Stack, logged: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    query = f"bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    event = signed(
        http_event("/ci-webhook", {"content-type": "application/json"}, body.encode(), query), account().auth_token
    )
    assert offline_stack.invoke("accept_webhook", event)["statusCode"] == 400
    assert offline_stack.queued() == {}
    assert [one.name for one in metrics_in(capsys.readouterr().out)] == ["WebhooksUnreadable"]
    (line,) = (json.loads(one) for one in logged().splitlines() if "webhook refused" in one)
    assert reason in line["reason"]
    if body:
        assert (line["transcript_sid"], line["call_sid"]) == (TRANSCRIPT_SID, CALL_SID)


@pytest.mark.parametrize(
    "text", ["\t", "\x85", "\ud7ff", "\ue000", "\ufffd", "\U0001fffe", "\U0010ffff", BACKSLASH + "u0001"]
)
def test_a_webhook_that_a_queue_can_just_hold_is_queued(text: str, offline_stack: Stack) -> None:
    body = f'{{{FIELDS},"a":"{text}"}}'
    query = f"bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    event = signed(
        http_event("/ci-webhook", {"content-type": "application/json"}, body.encode(), query), account().auth_token
    )
    assert offline_stack.invoke("accept_webhook", event)["statusCode"] == 200
    assert offline_stack.queued() == {"TranscriptsQueue": [body]}


@pytest.mark.parametrize("trouble", ["gone", "failing", "throttling", "refusing", "not reached"])
def test_trouble_with_the_queue_is_not_acknowledged(
    trouble: str, offline_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_that_trouble_with_the_queue_is_not_acknowledged("accept_webhook", trouble, offline_stack, monkeypatch)
