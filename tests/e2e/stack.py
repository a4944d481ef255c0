"""What the end-to-end tests ask of the deployed stack."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from callscribe_tools.local_callscribe import LocalCallscribe, write_settings
from callscribe_tools.operator.environment import deployed
from callscribe_tools.operator.local import entered
from callscribe_tools.simulator import Call, ConnectTo, Recording, Scenario
from harness.answers import answer, recover
from harness.seeded import recorded
from harness.stack import CALLER

REST_SECONDS = 60.0


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
    deadline = time.monotonic() + REST_SECONDS
    while True:
        counts = held(local)
        if not any(count for output, count in counts.items() if output.endswith("QueueUrl")):
            return counts
        assert time.monotonic() < deadline, f"the queues are not empty after {REST_SECONDS:.0f} s: {counts}"
        time.sleep(0.1)


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
    with httpx.Client(transport=ConnectTo(local.stack.connect_to), timeout=15) as http:
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
    """Give a function (by logical id) other environment variables for a while; its workers start anew."""
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
