"""A hundred calls through the deployed stack while everything goes wrong: none is lost, doubled or paid for twice."""

import pytest

from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.soak.plan import planned
from callscribe_tools.soak.plants import Plant, plant
from callscribe_tools.soak.run import Run, play
from callscribe_tools.soak.verdict import dead_letters, judge

CALLS = 100
SEED = 1

type Soaked = tuple[LocalCallscribe, Run]


@pytest.fixture(scope="module")
def soaked(soak_stack: LocalCallscribe) -> Soaked:
    return soak_stack, play(soak_stack, list(planned(CALLS, SEED)), print)


def test_nothing_is_lost_doubled_or_paid_for_twice_and_all_heals_in_time(soaked: Soaked) -> None:
    verdict = judge(*soaked)
    assert list(verdict.faults()) == []
    assert len(verdict.heals) == len(verdict.healed) > 0


@pytest.mark.parametrize("queue", ["RecordingsDeadLettersUrl", "TranscriptsDeadLettersUrl"])
def test_a_message_that_is_left_for_a_person_is_counted(soak_stack: LocalCallscribe, queue: str) -> None:
    before = dead_letters(soak_stack)
    sqs, url = soak_stack.stack.aws.client("sqs"), soak_stack.stack.outputs[queue]
    sqs.send_message(QueueUrl=url, MessageBody="left")
    assert dead_letters(soak_stack) == before + 1
    # One that somebody has taken to look at it is there still.
    (left,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=60)["Messages"]
    assert dead_letters(soak_stack) == before + 1
    sqs.delete_message(QueueUrl=url, ReceiptHandle=left["ReceiptHandle"])
    assert dead_letters(soak_stack) == before


# What is broken stays broken: so these come last, and each sees what is its own.
def test_a_planted_loss_is_seen(soaked: Soaked) -> None:
    local, run = soaked
    call = plant(Plant.LOSS, local, run)
    verdict = judge(local, run)
    assert list(verdict.lost) == [call.sid]
    assert any(one.startswith("lost: ") for one in verdict.faults())
    assert any(call.sid in one for one in verdict.disagreements)


def test_a_planted_double_is_seen(soaked: Soaked) -> None:
    local, run = soaked
    call = plant(Plant.DOUBLE, local, run)
    verdict = judge(local, run)
    assert any(one.startswith(call.sid) for one in verdict.doubled)
    assert any(one.startswith(call.sid) for one in verdict.paid_twice)
