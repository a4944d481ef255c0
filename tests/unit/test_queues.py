"""Whatever is put on a queue can be held by it: bodies are refused before SQS does, and reasons are made to fit."""

import pytest

from callscribe.adapters.queues import LONGEST_ATTRIBUTE, LONGEST_BODY_BYTES, Queue
from callscribe.domain.errors import UnreadableError
from harness.events import sqs_event
from harness.stack import Stack, aws


def queue_of(stack: Stack) -> Queue:
    return Queue(aws("sqs"), stack.physical_ids["RecordingsQueue"])


@pytest.mark.parametrize("body", ["", "\x00", "a\x1fb", "\ufffe", "\uffff", "\ud800"])
def test_a_body_that_no_queue_can_hold_is_refused_before_it_is_sent(body: str, empty_stack: Stack) -> None:
    queue = queue_of(empty_stack)
    with pytest.raises(UnreadableError, match="no queue can hold"):
        queue.put(body)
    with pytest.raises(UnreadableError, match="no queue can hold"):
        queue.put_all(["fine", body])
    assert empty_stack.queued() == {}


def test_a_body_as_long_as_a_queue_can_hold_leaves_room_for_attributes(empty_stack: Stack) -> None:
    queue = queue_of(empty_stack)
    queue.put("x" * LONGEST_BODY_BYTES, reason="€" * 5000, correlation_id="c" * 5000, redriven="5", sent_by="sweep")
    (message,) = empty_stack.messages("RecordingsQueue")
    attributes = {name: one["StringValue"] for name, one in message["MessageAttributes"].items()}
    assert attributes["reason"] == "€" * (LONGEST_ATTRIBUTE - 1) + "…"
    sizes = (len((name + text + "String").encode()) for name, text in attributes.items())
    assert len(message["Body"]) + sum(sizes) < 256 * 1024
    with pytest.raises(UnreadableError, match="bytes"):
        queue.put("x" * (LONGEST_BODY_BYTES + 1))


def test_what_a_queue_cannot_hold_of_a_reason_is_replaced(empty_stack: Stack) -> None:
    queue_of(empty_stack).put("x", reason="Twilio \x07said\x00 \ufffe\ud800: ok\n")
    (message,) = empty_stack.messages("RecordingsQueue")
    assert message["MessageAttributes"]["reason"]["StringValue"] == "Twilio \ufffdsaid\ufffd \ufffd\ufffd: ok\n"


def test_a_message_whose_reason_has_odd_characters_reaches_the_dead_letters(
    empty_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would come back for ever: the queue of dead letters would refuse it each time."""

    def fails(_: object) -> object:
        raise UnreadableError("Twilio answered \x01\ud800" + "x" * 5000)

    monkeypatch.setattr("callscribe.edge.payloads.RecordingCallback.from_form", fails)
    assert empty_stack.invoke("request_transcript", sqs_event("CallSid=1")) == {"batchItemFailures": []}
    (letter,) = empty_stack.messages("RecordingsDeadLetters")
    assert letter["MessageAttributes"]["reason"]["StringValue"].startswith("Twilio answered \ufffd\ufffdxxx")
