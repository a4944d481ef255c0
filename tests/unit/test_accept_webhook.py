"""A transcript's webhook is answered once it is on its queue, as it came."""

import hashlib

import pytest

from harness.acceptors import check_that_trouble_with_the_queue_is_not_acknowledged
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


@pytest.mark.parametrize("trouble", ["gone", "failing", "throttling", "refusing", "not reached"])
def test_trouble_with_the_queue_is_not_acknowledged(
    trouble: str, offline_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_that_trouble_with_the_queue_is_not_acknowledged("accept_webhook", trouble, offline_stack, monkeypatch)
