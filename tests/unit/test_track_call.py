"""Who called, when, and for how long; and that no order of events makes a difference."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callscribe_tools.simulator import Call
from harness.events import http_event, load_event, raw_body, signed, sqs_event
from harness.loopback import answering
from harness.seeded import CALL_SID
from harness.stack import CALLER, NUMBER, Gateway, Stack, account, aws


def changed(event: Mapping[str, Any], name: str, value: str | None) -> dict[str, Any]:
    """The form with another value of a parameter, or without it, and signed anew."""
    new = b"" if value is None else f"&{name}={value}".encode()
    body = re.sub(rf"&{name}=[^&]*".encode(), new, raw_body(event))
    return signed({**event, "body": body.decode(), "isBase64Encoded": False}, account().auth_token)


def test_an_ended_call_is_written_whole(offline_stack: Stack) -> None:
    assert offline_stack.invoke("track_call", load_event("track_call", "completed"))["statusCode"] == 200
    (item,) = offline_stack.items()
    assert item.pop("expires_at") == 1795165200 + 365 * 86_400
    assert item == {
        "pk": f"CALL#{CALL_SID}",
        "sk": "CALL",
        "from": CALLER,
        "to": NUMBER,
        "direction": "inbound",
        "seconds": 21,
        "started": "2026-11-20T09:00:00Z",
        "day": "2026-11-20",
    }


def test_a_callback_delivered_twice_changes_nothing(offline_stack: Stack) -> None:
    event = load_event("track_call", "completed")
    offline_stack.invoke("track_call", event)
    before = offline_stack.items()
    assert offline_stack.invoke("track_call", event)["statusCode"] == 200
    assert offline_stack.items() == before


def test_a_call_over_midnight_belongs_to_the_day_it_started_on(offline_stack: Stack) -> None:
    event = load_event("track_call", "completed")
    late = changed(event, "Timestamp", "Sat%2C+21+Nov+2026+00%3A00%3A05+%2B0000")
    assert offline_stack.invoke("track_call", late)["statusCode"] == 200
    (item,) = offline_stack.items()
    assert (item["day"], item["started"]) == ("2026-11-20", "2026-11-20T23:59:44Z")


def test_the_call_is_in_the_list_of_its_day(offline_stack: Stack) -> None:
    offline_stack.invoke("track_call", load_event("track_call", "completed"))
    (item,) = offline_stack.table().query(
        IndexName="by_day",
        KeyConditionExpression="#day = :day",
        ExpressionAttributeNames={"#day": "day"},
        ExpressionAttributeValues={":day": "2026-11-20"},
    )["Items"]
    assert (item["from"], item["to"], item["seconds"]) == (CALLER, NUMBER, 21)


def test_a_callback_of_no_call_is_refused_and_its_values_are_not_told(
    offline_stack: Stack, logged: Callable[[], str]
) -> None:
    event = load_event("track_call", "completed")
    body = raw_body(event).replace(CALL_SID.encode(), b"CA1")
    event = signed({**event, "body": body.decode(), "isBase64Encoded": False}, account().auth_token)
    assert offline_stack.invoke("track_call", event)["statusCode"] == 400
    assert offline_stack.items() == []
    assert "CallSid" in logged()
    assert CALLER not in logged()


@pytest.mark.parametrize("value", ["long", "-1", "NaN", "9" * 50, "1e400"])
def test_an_odd_length_costs_a_call_its_length_until_the_sweep_asks_twilio(value: str, offline_stack: Stack) -> None:
    event = changed(load_event("track_call", "completed"), "CallDuration", value)
    assert offline_stack.invoke("track_call", event)["statusCode"] == 200
    (item,) = offline_stack.items()
    assert "seconds" not in item
    assert item["from"] == CALLER


@pytest.mark.parametrize(
    "value", ["late", "Sat%2C+21+Nov+2026+00%3A00%3A05", "Sat%2C+21+Nov+2301+00%3A00%3A05+%2B0000"]
)
def test_a_call_that_ended_nobody_can_read_when_ended_now(value: str, offline_stack: Stack) -> None:
    event = changed(load_event("track_call", "completed"), "Timestamp", value)
    before = datetime.now(UTC)
    assert offline_stack.invoke("track_call", event)["statusCode"] == 200
    (item,) = offline_stack.items()
    assert timedelta(0) <= datetime.fromisoformat(item["started"]) + timedelta(seconds=22) - before < timedelta(hours=1)


@pytest.mark.parametrize("trouble", ["gone", "throttling"])
def test_trouble_with_the_table_is_not_acknowledged(
    trouble: str, offline_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = load_event("track_call", "completed")
    if trouble == "gone":
        aws("dynamodb").delete_table(TableName=offline_stack.physical_ids["CallsTable"])
        assert offline_stack.invoke("track_call", event)["statusCode"] == 500
        return
    with answering((400, '{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}')) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
        assert offline_stack.invoke("track_call", event)["statusCode"] == 503


def test_a_form_whose_order_is_another_is_read_the_same(offline_stack: Stack) -> None:
    event = load_event("track_call", "completed")
    offline_stack.invoke("track_call", event)
    before = offline_stack.items()
    offline_stack.empty_table()
    body = b"&".join(reversed(raw_body(event).split(b"&")))
    turned = http_event(event["rawPath"], {"content-type": event["headers"]["content-type"]}, body)
    assert offline_stack.invoke("track_call", signed(turned, account().auth_token))["statusCode"] == 200
    assert offline_stack.items() == before


def test_the_callback_of_a_simulated_call_tells_what_its_resource_tells(
    stack: Stack, call: Call, gateway: Gateway
) -> None:
    (callback,) = [event for event in gateway.events if event["rawPath"] == "/call-status"]
    by_callback = stack.items()
    stack.invoke("request_transcript", sqs_event(stack.messages("RecordingsQueue")[0]["Body"]))
    assert [item for item in stack.items() if item["sk"] == "CALL"] == by_callback
    assert call.sid.encode() in raw_body(callback)


def test_a_call_to_a_number_that_is_not_ours_is_left_alone(offline_stack: Stack) -> None:
    event = load_event("track_call", "completed")
    body = raw_body(event).replace(b"&To=%2B12025550199", b"&To=%2B12025550188")
    elsewhere = signed({**event, "body": body.decode(), "isBase64Encoded": False}, account().auth_token)
    assert offline_stack.invoke("track_call", elsewhere)["statusCode"] == 200
    assert offline_stack.items() == []


@pytest.mark.parametrize("timestamp", [None, ""])
def test_a_callback_without_its_time_ended_just_now(timestamp: str | None, offline_stack: Stack) -> None:
    before = datetime.now(UTC) - timedelta(seconds=22)
    event = changed(load_event("track_call", "completed"), "Timestamp", timestamp)
    assert offline_stack.invoke("track_call", event)["statusCode"] == 200
    (item,) = offline_stack.items()
    assert before.strftime("%Y-%m-%dT%H:%M:%SZ") <= item["started"]
    assert item["seconds"] == 21


@pytest.mark.parametrize("status", ["queued", "ringing", "in-progress"])
def test_a_call_that_has_not_ended_is_acknowledged_and_not_stored(status: str, offline_stack: Stack) -> None:
    event = changed(load_event("track_call", "completed"), "CallStatus", status)
    assert offline_stack.invoke("track_call", event)["statusCode"] == 200
    assert offline_stack.items() == []
