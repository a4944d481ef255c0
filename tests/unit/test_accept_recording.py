"""A recording's callback is answered once it is on its queue, as it came."""

import pytest

from harness.acceptors import check_that_trouble_with_the_queue_is_not_acknowledged
from harness.emf import metrics_in
from harness.events import http_event, signed
from harness.stack import Stack, account

FORM = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}


@pytest.mark.parametrize(
    "body",
    [
        b"CallSid=CA1&CallerName=&RecordingSid=RE1&ToCity=",
        b"RecordingSid=RE1&Caller=%2B12025550142&Name=a+b%20c",
        "CallSid=CA1&Name=J%C3%BCrgen&Raw=日本".encode(),
        b"Z=1&A=2&Z=1&RecordingStatus=completed&Unknown=%E6%97%A5",
        b"RecordingSid=%26%3D%2B&x",
    ],
    ids=["blank parameters", "plus signs", "no ASCII", "order and repetition", "escapes"],
)
def test_the_callback_is_queued_byte_for_byte(body: bytes, offline_stack: Stack) -> None:
    event = signed(http_event("/ci-create-transcript", FORM, body), account().auth_token)
    answer = offline_stack.invoke("accept_recording", event)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "text/plain")
    assert {name: [one.encode() for one in bodies] for name, bodies in offline_stack.queued().items()} == {
        "RecordingsQueue": [body]
    }
    assert offline_stack.items() == []


@pytest.mark.parametrize(
    "body", ["", "CallSid=CA1&a=\x01", "CallSid=CA1&a=\ufffe"], ids=["empty", "control", "no character"]
)
def test_a_callback_that_no_queue_can_hold_is_answered_and_counted(
    body: str, offline_stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    event = signed(http_event("/ci-create-transcript", FORM, body.encode()), account().auth_token)
    assert offline_stack.invoke("accept_recording", event)["statusCode"] == 400
    assert offline_stack.queued() == {}
    assert [one.name for one in metrics_in(capsys.readouterr().out)] == ["WebhooksUnreadable"]


@pytest.mark.parametrize("body", [" ", "%", "&", "&&=&", "x", "RecordingSid", "RecordingSid=&CallSid=", '{"a":1}'])
def test_a_callback_without_any_value_is_refused_as_unreadable_and_not_counted_as_a_recording(
    body: str, offline_stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    event = signed(http_event("/ci-create-transcript", FORM, body.encode()), account().auth_token)
    assert offline_stack.invoke("accept_recording", event)["statusCode"] == 400
    assert offline_stack.queued() == {}
    assert [one.name for one in metrics_in(capsys.readouterr().out)] == ["WebhooksUnreadable"]


def test_a_callback_delivered_twice_is_queued_twice(offline_stack: Stack) -> None:
    event = signed(http_event("/ci-create-transcript", FORM, b"RecordingSid=RE1"), account().auth_token)
    for _ in range(2):
        assert offline_stack.invoke("accept_recording", event)["statusCode"] == 200
    assert offline_stack.queued() == {"RecordingsQueue": ["RecordingSid=RE1"] * 2}


@pytest.mark.parametrize("trouble", ["gone", "failing", "throttling", "refusing", "not reached"])
def test_trouble_with_the_queue_is_not_acknowledged(
    trouble: str, offline_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_that_trouble_with_the_queue_is_not_acknowledged("accept_recording", trouble, offline_stack, monkeypatch)
