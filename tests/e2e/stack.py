"""What the end-to-end tests ask of the deployed stack."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from callscribe_tools.deadline import MOST_TIMES, Deadline
from callscribe_tools.local_callscribe import LocalCallscribe, write_settings
from callscribe_tools.operator.environment import deployed
from callscribe_tools.operator.local import entered
from callscribe_tools.simulator import Call, ConnectTo, Recording, Scenario
from harness.answers import answer, recover
from harness.seeded import recorded
from harness.stack import CALLER

WAIT_SECONDS = 120.0
"""Longer than anything takes that a test waits for, and less than a queue's own visibility timeout of 400 s.

A busy machine gets more (`Deadline`).
"""
ANSWER_SECONDS = 120.0
"""Within these an address answers on the slowest machine, also if its function starts cold."""
_LOOK_SECONDS = 0.1


def wait_until(holds: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Look again and again until a condition holds.

    Args:
        what: what is waited for, for the error.
        seconds: how long at most, on a machine that is not busy.

    Raises:
        AssertionError: the condition does not hold in time.
    """
    deadline = Deadline(seconds)
    while not holds():
        assert not deadline.is_over(), f"{what}: not in time. {deadline}"
        time.sleep(_LOOK_SECONDS)


def without_chance(local: LocalCallscribe) -> LocalCallscribe:
    """Keep away from a test what happens by the clock: the stack's schedules, and a Twilio that loses patience."""
    local.stack.disable_schedules()
    local.twilio.wait_longer(MOST_TIMES)
    return local


def held(local: LocalCallscribe) -> dict[str, int]:
    """How many messages each queue holds, waiting or being worked on, and how many items the table has."""
    sqs = local.stack.aws.client("sqs")
    counts: dict[str, int] = {}
    for output, url in local.stack.outputs.items():
        if output.endswith(("QueueUrl", "DeadLettersUrl")):
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            waiting = attributes["ApproximateNumberOfMessages"]
            counts[output] = int(waiting) + int(attributes["ApproximateNumberOfMessagesNotVisible"])
    table = local.stack.aws.table(local.stack.outputs["CallsTableName"])
    return counts | {"items": table.scan(Select="COUNT")["Count"]}


def held_at_rest(local: LocalCallscribe) -> dict[str, int]:
    """The same, once the workers have done all that calls before have left to do."""
    counts: dict[str, int] = {}

    def is_at_rest() -> bool:
        counts.update(held(local))
        return not any(count for output, count in counts.items() if output.endswith("QueueUrl"))

    wait_until(is_at_rest, "the queues are empty")
    return counts


def recorded_before(local: LocalCallscribe, scenario: Scenario, ago: timedelta) -> Recording:
    """The recording of a call that nobody has told of."""
    call = Call(
        sid="CA" + uuid.uuid4().hex,
        from_=CALLER,
        to=local.number,
        scenario=scenario,
        phone_number_sid=local.twilio.account.numbers[local.number].sid,
        started=datetime.now(UTC).replace(microsecond=0) - ago,
        status="completed",
        seconds=21,
    )
    one = recorded("RE" + uuid.uuid4().hex, call_sid=call.sid, started=call.started)
    call.recordings.append(one)
    local.twilio.state.calls[call.sid] = call
    local.twilio.state.recordings[one.sid] = one
    return one


def send(local: LocalCallscribe, method: str, url: str, headers: dict[str, str], body: bytes) -> httpx.Response:
    """Send to the stack's HTTP API by its public address."""
    with httpx.Client(transport=ConnectTo(local.stack.connect_to), timeout=ANSWER_SECONDS) as http:
        return http.request(method, url, headers=headers, content=body)


def post(local: LocalCallscribe, url: str, headers: dict[str, str], body: bytes) -> httpx.Response:
    """Post to the stack's HTTP API by its public address."""
    return send(local, "POST", url, headers, body)


@contextmanager
def calls_unread(local: LocalCallscribe) -> Iterator[list[str]]:
    """Let Twilio give no call for a while; what it was asked for, growing."""
    asked = answer(local.twilio, "GET", "/2010-04-01/Accounts/{account}/Calls/{sid}.json", 503)
    try:
        yield asked
    finally:
        recover(local.twilio)


@contextmanager
def changed_environment(local: LocalCallscribe, function: str, **variables: str) -> Iterator[None]:
    """Give a function (by logical id) other environment variables for a while; its workers start again.

    The local AWS ends an invocation that is under way then: let the queues be at rest (`held_at_rest`) before.
    """
    functions = local.stack.aws.client("lambda")
    name = local.stack.resource(function)
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": before | variables})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


@contextmanager
def changed_timeout(local: LocalCallscribe, function: str, seconds: int) -> Iterator[None]:
    """Let Lambda end a function (by logical id) sooner for a while."""
    functions = local.stack.aws.client("lambda")
    name = local.stack.resource(function)
    before = functions.get_function_configuration(FunctionName=name)["Timeout"]
    functions.update_function_configuration(FunctionName=name, Timeout=seconds)
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Timeout=before)


@contextmanager
def changed_settings(local: LocalCallscribe, function: str, **fields: Any) -> Iterator[None]:
    """Write other settings for a while, and let one function (by logical id) see them at once."""
    with entered(local.here):
        environment = deployed(local.stack.name, "", local.here)
        store = environment.settings_store
        before = store.read()
        write_settings(environment, fields)
    try:
        with changed_environment(local, function, STARTED_ANEW="yes"):
            yield
    finally:
        store.write_secret(before.secret or {})
        store.write_numbers(before.numbers, store.read())
