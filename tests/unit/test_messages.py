"""What becomes of a message: it is done, it comes back after a delay of its own, or it goes to the dead letters."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from callscribe.adapters import queues
from callscribe.domain.errors import (
    GivesWayError,
    InvalidError,
    NotFoundError,
    PermanentError,
    TransientError,
    UnknownEventError,
    UnreadableError,
)
from callscribe.edge import messages
from callscribe.edge.messages import Message, queue_worker
from harness.clock import stop_clock
from harness.emf import metrics_in
from harness.events import sqs_event
from harness.loopback import nobody_answers
from harness.stack import Context, Stack, aws

HOURS = 3600.0
NOW = datetime(2026, 11, 20, 9, 0, 30, 123_000, UTC)
"""The time of every message, in whole milliseconds as SQS tells it."""
LATER = TransientError("Twilio answered 503")

type Worker = Callable[..., Any]


@pytest.fixture
def first_delay_seconds() -> float:
    return 15


@pytest.fixture
def worker(offline_stack: Stack, monkeypatch: pytest.MonkeyPatch, first_delay_seconds: float) -> Worker:
    """A worker of the recordings' queue that fails as it is told to; its answer is whether the message is done."""
    for name, value in {
        "QUEUE_URL": offline_stack.physical_ids["RecordingsQueue"],
        "DEAD_LETTERS_URL": offline_stack.physical_ids["RecordingsDeadLetters"],
        "BACKOFF_FIRST_SECONDS": str(first_delay_seconds),
        "GIVE_UP_HOURS": "24",
    }.items():
        monkeypatch.setenv(name, value)
    queues.queue.cache_clear()
    queues.dead_letters.cache_clear()
    stop_clock(monkeypatch, NOW, messages)

    def work(
        error: Exception | None,
        *,
        tries: int = 1,
        age_seconds: float = 0,
        tried_seconds: float = 0,
        attributes: dict[str, str] | None = None,
    ) -> bool:
        sqs, url = aws("sqs"), offline_stack.physical_ids["RecordingsQueue"]
        sqs.send_message(QueueUrl=url, MessageBody="a=b")
        (received,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=400)["Messages"]
        event = sqs_event("a=b")
        event["Records"][0]["receiptHandle"] = received["ReceiptHandle"]
        event["Records"][0]["messageAttributes"] = {
            name: {"dataType": "String", "stringValue": text} for name, text in (attributes or {}).items()
        }
        event["Records"][0]["attributes"] |= {
            "ApproximateReceiveCount": str(tries),
            "SentTimestamp": str(round((NOW.timestamp() - age_seconds) * 1000)),
            "ApproximateFirstReceiveTimestamp": str(round((NOW.timestamp() - tried_seconds) * 1000)),
        }

        @queue_worker
        def handler(_message: Message) -> None:
            if error:
                raise error

        answer = handler(event, cast("Any", Context("worker")))
        failed = [{"itemIdentifier": event["Records"][0]["messageId"]}]
        assert answer in ({"batchItemFailures": []}, {"batchItemFailures": failed})
        return answer == {"batchItemFailures": []}

    return work


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """The names of all metrics that were told, each without a further dimension."""

    def read() -> list[str]:
        told = metrics_in(capsys.readouterr().out)
        assert all(one.dimensions == [["service", "environment"]] for one in told)
        return [one.name for one in told]

    return read


def lines(logged: str, message: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, logged.splitlines()) if line["message"] == message]


def letters(stack: Stack) -> list[tuple[str, str]]:
    """Body and reason of each dead letter."""
    return [
        (one["Body"], one["MessageAttributes"]["reason"]["StringValue"])
        for one in stack.messages("RecordingsDeadLetters")
    ]


def test_a_message_that_is_settled_is_done_and_nothing_is_counted(
    worker: Worker, counted: Callable[[], list[str]], logged: Callable[[], str]
) -> None:
    assert worker(None)
    assert (counted(), logged()) == ([], "")


@pytest.mark.parametrize("first_delay_seconds", [1])
def test_a_message_that_failed_comes_back_after_its_own_delay_and_not_the_queues(
    worker: Worker, offline_stack: Stack, counted: Callable[[], list[str]]
) -> None:
    assert not worker(LATER)
    url = offline_stack.physical_ids["RecordingsQueue"]
    # It was received for 400 seconds.
    assert len(aws("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]) == 1
    assert counted() == ["RetriedMessageAge"]
    assert letters(offline_stack) == []


def test_a_message_that_failed_does_not_come_back_at_once(worker: Worker, offline_stack: Stack) -> None:
    assert not worker(LATER, tries=50)
    assert "Messages" not in aws("sqs").receive_message(QueueUrl=offline_stack.physical_ids["RecordingsQueue"])


def test_what_is_told_of_a_message_that_comes_back_is_for_how_long_it_was_tried_and_not_for_how_long_it_waited(
    worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not worker(LATER, tries=3, age_seconds=5 * HOURS, tried_seconds=60)
    (told,) = metrics_in(capsys.readouterr().out)
    assert told.name == "RetriedMessageAge"
    assert told.values == [60]


def test_a_message_that_gives_way_comes_back_and_is_no_failure(
    worker: Worker, capsys: pytest.CaptureFixture[str], logged: Callable[[], str]
) -> None:
    assert not worker(GivesWayError("21 messages of live calls wait"), tries=9, age_seconds=5 * HOURS)
    (told,) = metrics_in(capsys.readouterr().out)
    assert told.name == "BackfillWait"
    assert told.values == [5 * HOURS]
    (line,) = lines(logged(), "message gives way")
    assert (line["level"], line["reason"]) == ("INFO", "21 messages of live calls wait")


@pytest.mark.parametrize(("tries", "least", "most"), [(1, 7.5, 15), (3, 30, 60), (50, 450, 900)])
def test_the_delay_grows_with_the_tries(
    tries: int, least: float, most: float, worker: Worker, logged: Callable[[], str]
) -> None:
    assert not worker(LATER, tries=tries)
    (line,) = lines(logged(), "message comes back")
    assert (line["tries"], line["reason"]) == (tries, "Twilio answered 503")
    assert least <= line["seconds"] <= most


def test_a_message_does_not_come_back_before_twilio_wants_it(worker: Worker, logged: Callable[[], str]) -> None:
    assert not worker(TransientError("throttled", retry_after=1234.5))
    assert [line["seconds"] for line in lines(logged(), "message comes back")] == [1235]


def test_a_message_that_cannot_be_put_off_comes_back_by_the_queues_own_timeout(
    worker: Worker, offline_stack: Stack, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", nobody_answers())
    assert not worker(LATER)
    monkeypatch.delenv("AWS_ENDPOINT_URL_SQS")
    assert len(lines(logged(), "message not put off")) == 1
    assert offline_stack.queued() == {}


def test_a_message_that_is_too_old_is_given_up_with_its_last_reason(
    worker: Worker, offline_stack: Stack, counted: Callable[[], list[str]]
) -> None:
    assert worker(LATER, tries=2, age_seconds=24 * HOURS)
    assert letters(offline_stack) == [("a=b", "gave up after 24 h: Twilio answered 503")]
    assert counted() == ["DeadLetters"]


def test_a_message_that_is_nearly_too_old_is_tried_again(worker: Worker, offline_stack: Stack) -> None:
    assert not worker(LATER, tries=100, age_seconds=24 * HOURS - 0.001)
    assert letters(offline_stack) == []


def test_an_old_message_that_is_settled_at_last_is_done(worker: Worker, offline_stack: Stack) -> None:
    assert worker(None, age_seconds=90 * HOURS)
    assert letters(offline_stack) == []


def test_a_message_that_killed_all_its_workers_is_given_up_and_not_worked_on_again(
    worker: Worker, offline_stack: Stack, counted: Callable[[], list[str]]
) -> None:
    # It would be done if it were worked on: whoever came to an end with it, well or not, has given it up before.
    assert worker(None, tries=3, age_seconds=26 * HOURS)
    ((body, reason),) = letters(offline_stack)
    assert body == "a=b"
    assert "killed" in reason
    assert counted() == ["DeadLetters"]


def test_an_unknown_event_is_done_and_counted_and_its_fields_are_told(
    worker: Worker, offline_stack: Stack, counted: Callable[[], list[str]], logged: Callable[[], str]
) -> None:
    assert worker(UnknownEventError(["b_key", "AKey"]))
    assert counted() == ["UnknownEvents"]
    (line,) = lines(logged(), "unknown event")
    assert line["reason"].endswith("with the fields AKey, b_key")
    assert letters(offline_stack) == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnreadableError("no JSON"), "no JSON"),
        (InvalidError("cannot be"), "cannot be"),
        (PermanentError("refused"), "refused"),
        (NotFoundError("not there"), "not there"),
        (KeyError("+12025550142"), "KeyError"),
        (RecursionError("+12025550142"), "RecursionError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_no_retry_helps_goes_to_the_dead_letters_at_once(
    error: Exception,
    reason: str,
    worker: Worker,
    offline_stack: Stack,
    counted: Callable[[], list[str]],
    logged: Callable[[], str],
) -> None:
    assert worker(error)
    assert letters(offline_stack) == [("a=b", reason)]
    assert counted() == ["DeadLetters"]
    assert "+12025550142" not in logged()


@pytest.mark.parametrize("since", ["9" * 15, "9" * 30])
def test_a_message_of_a_time_that_there_is_not_goes_to_the_dead_letters(
    since: str, worker: Worker, offline_stack: Stack
) -> None:
    assert worker(None, attributes={"sent_by": "sweep", "unsettled_since": since})
    assert letters(offline_stack) == [("a=b", "its attribute unsettled_since is no time")]


def test_how_often_a_message_was_redriven_is_kept_with_it(worker: Worker, offline_stack: Stack) -> None:
    assert worker(UnreadableError("no JSON"), attributes={"redriven": "2", "sent_by": "sweep"})
    (letter,) = offline_stack.messages("RecordingsDeadLetters")
    attributes = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert attributes == {"reason": "no JSON", "redriven": "2"}


@pytest.mark.parametrize("age_seconds", [0, 30 * HOURS])
def test_a_message_whose_dead_letters_take_nothing_comes_back_and_is_not_counted_as_one(
    age_seconds: float, worker: Worker, offline_stack: Stack, counted: Callable[[], list[str]]
) -> None:
    aws("sqs").delete_queue(QueueUrl=offline_stack.physical_ids["RecordingsDeadLetters"])
    assert not worker(LATER if age_seconds else UnreadableError("no JSON"), age_seconds=age_seconds)
    assert counted() == []
