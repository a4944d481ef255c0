"""What AWS leaves out of an answer is asked for again: later and later, never at once, and not for ever."""

from typing import Any

import pytest

from callscribe.adapters import backoff
from callscribe.adapters.backoff import TRIES
from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.items import call_key
from callscribe.adapters.queues import Queue
from callscribe.domain.errors import PermanentError, TransientError
from callscribe.domain.sids import CallSid
from harness.stack import Stack, aws

KEYS = [call_key(CallSid("CA" + f"{number:032x}")) for number in range(3)]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was slept, without sleeping."""
    slept: list[float] = []
    monkeypatch.setattr(backoff, "sleep", slept.append)
    return slept


def leaving_out(stack: Stack, times: int, monkeypatch: pytest.MonkeyPatch) -> CallLists:
    """Lists of the table, whose DynamoDB leaves the last key out of so many answers."""
    table = stack.table()
    for key in KEYS:
        table.put_item(Item=key)
    client, left = table.meta.client, times
    read = client.batch_get_item

    def batch_get_item(RequestItems: Any) -> Any:  # noqa: N803 (boto's own)
        nonlocal left
        asked = RequestItems[table.name]
        if not left:
            return read(RequestItems=RequestItems)
        left -= 1
        answer = {"Responses": {table.name: []}, "UnprocessedKeys": {table.name: asked | {"Keys": asked["Keys"][-1:]}}}
        if len(asked["Keys"]) > 1:
            answer["Responses"] = read(RequestItems={table.name: asked | {"Keys": asked["Keys"][:-1]}})["Responses"]
        return answer

    monkeypatch.setattr(client, "batch_get_item", batch_get_item)
    return CallLists(table)


def test_keys_that_dynamodb_leaves_out_are_read_after_growing_pauses(
    empty_stack: Stack, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = leaving_out(empty_stack, TRIES - 1, monkeypatch).look_up(KEYS)
    assert set(found) == {key["pk"] for key in KEYS}
    assert len(pauses) == TRIES - 1
    for number, seconds in enumerate(pauses):
        longest = backoff.FIRST_PAUSE_SECONDS * 2**number
        assert longest / 2 <= seconds <= longest


def test_keys_that_never_come_end_the_look_up(
    empty_stack: Stack, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TransientError, match="DynamoDB left out 1 items in each of 8 answers"):
        leaving_out(empty_stack, 100, monkeypatch).look_up(KEYS)
    assert sum(pauses) < 7


def test_workers_that_were_throttled_together_do_not_come_back_together(pauses: list[float]) -> None:
    """The same pause by chance seven times in a row is impossible for practical purposes: 53 random bits each."""
    assert list(backoff.tries()) == list(backoff.tries()) == list(range(1, TRIES + 1))
    first, second = pauses[: TRIES - 1], pauses[TRIES - 1 :]
    assert first != second


class Client:
    """An SQS that answers with these failures, one batch after the other."""

    def __init__(self, *failed: list[dict[str, Any]]) -> None:
        self._failed = list(failed)
        self.sent: list[list[str]] = []

    def send_message_batch(self, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803 (boto's own)
        assert QueueUrl == "queue"
        self.sent.append([entry["MessageBody"] for entry in Entries])
        return {"Failed": self._failed.pop(0) if self._failed else []}


def failure(number: str, *, ours: bool = False) -> dict[str, Any]:
    return {"Id": number, "SenderFault": ours, "Code": "InvalidMessageContents" if ours else "ServiceUnavailable"}


def test_only_the_messages_that_sqs_left_out_are_sent_again(pauses: list[float]) -> None:
    client: Any = Client([failure("1"), failure("2")], [failure("2")])
    Queue(client, "queue").put_all(["a", "b", "c"])
    assert client.sent == [["a", "b", "c"], ["b", "c"], ["c"]]
    assert len(pauses) == 2


def test_messages_that_sqs_never_takes_are_an_error_to_try_again(pauses: list[float]) -> None:
    client: Any = Client(*[[failure("1")]] * 100)
    with pytest.raises(TransientError, match="did not take 1 of 2: ServiceUnavailable"):
        Queue(client, "queue").put_all(["a", "b"])
    assert len(client.sent) == TRIES
    assert len(pauses) == TRIES - 1


def test_a_message_that_sqs_refuses_is_not_sent_again(pauses: list[float]) -> None:
    client: Any = Client([failure("0", ours=True)])
    with pytest.raises(PermanentError, match="refuses 1 of 1: InvalidMessageContents"):
        Queue(client, "queue").put_all(["a"])
    assert pauses == []


def test_a_batch_is_sent_whole(empty_stack: Stack) -> None:
    url = empty_stack.physical_ids["RecordingsQueue"]
    Queue(aws("sqs"), url).put_all(["a", "b"])
    assert sorted(one["Body"] for one in empty_stack.messages("RecordingsQueue")) == ["a", "b"]
