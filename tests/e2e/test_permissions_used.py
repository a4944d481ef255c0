"""What a function's role allows is what the function does: all is done once, and the local AWS takes it down."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

import httpx
import pytest

from callscribe.adapters import items
from callscribe.adapters.erasable import Tombstone
from callscribe.adapters.table import CallTable
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Call, Recording, Scenario, load_scenario
from e2e.stack import held_at_rest, recorded_before, wait_until
from harness.answers import answer, recover

SETTLE_SECONDS = 120.0
DEPLOYER = "test"
RECORDED_SECONDS = 5.0

type Permission = tuple[str, str]
"""An action, and the logical id of what it is done to."""

LAMBDA_TAKES = "Lambda's own event source mapping does it by the function's role; that of the local AWS needs none"
LAMBDA_WRITES = "Lambda writes logs by the function's role; the local AWS needs none"
NO_XRAY = "the local AWS has no X-Ray"
NO_KMS = "AWS's services use the key by the function's role; those of the local AWS need none"

OWN_QUEUES = {
    "BackfillRecordingRole": "BackfillQueue",
    "RequestTranscriptRole": "RecordingsQueue",
    "StoreInsightsRole": "TranscriptsQueue",
}
TAKEN = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")


def unused(role: str, permission: Permission) -> str | None:
    """Why a permission is held though nobody is seen to use it; None where there is no reason."""
    action, resource = permission
    if action.startswith("logs:"):
        return LAMBDA_WRITES
    if action.startswith("xray:"):
        return NO_XRAY
    if action.startswith("kms:"):
        return NO_KMS
    if action in TAKEN and resource == OWN_QUEUES.get(role):
        return LAMBDA_TAKES
    return None


@contextmanager
def recording(local: LocalCallscribe) -> Iterator[None]:
    """Let the local AWS take down each request, and each function say with its requests which it is."""
    held_at_rest(local)
    functions = local.stack.aws.client("lambda")
    names = {logical: name for logical, name in local.stack.resources.items() if logical.endswith("Function")}
    before = {
        name: functions.get_function_configuration(FunctionName=name).get("Environment", {}).get("Variables", {})
        for name in names.values()
    }
    for logical, name in names.items():
        variables = before[name] | {"AWS_SDK_UA_APP_ID": logical}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    _record(local, on=True)
    try:
        yield
    finally:
        _record(local, on=False)
        for name, variables in before.items():
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def _record(local: LocalCallscribe, *, on: bool) -> None:
    # The module that records is loaded with its first request.
    cast("Any", local.stack.aws).client("cloudtrail").lookup_events()
    wanted = {"cloudtrail._recording_enabled": "true" if on else "false"}
    httpx.post(f"{local.stack.aws.endpoint_url}/_ministack/config", json=wanted, trust_env=False).raise_for_status()


def requests(local: LocalCallscribe, since: float, until: float) -> Iterator[dict[str, Any]]:
    """All that was taken down in a time, which is cut in two where it is more than one answer holds."""
    trail = cast("Any", local.stack.aws).client("cloudtrail")
    found = trail.lookup_events(
        StartTime=datetime.fromtimestamp(since, UTC), EndTime=datetime.fromtimestamp(until, UTC), MaxResults=50
    )["Events"]
    if len(found) == 50 and until - since > 0.001:
        middle = (since + until) / 2
        yield from requests(local, since, middle)
        yield from requests(local, middle, until)
    else:
        yield from (json.loads(one["CloudTrailEvent"]) for one in found)


def used(local: LocalCallscribe, since: float, until: float) -> dict[str, set[Permission]]:
    """What each function has done, and to what. incoming_call signs its one request without boto3: it names nobody."""
    taken = list(requests(local, since, until))
    functions: dict[str, str] = {}
    for one in taken:
        app = one["userAgent"].partition("app/")[2].split(" ")[0]
        if app:
            functions[one["userIdentity"]["accessKeyId"]] = app
    done: dict[str, set[Permission]] = {}
    for one in taken:
        key = one["userIdentity"]["accessKeyId"]
        if key != DEPLOYER:
            role = functions.get(key, "IncomingCallFunction").replace("Function", "Role")
            done.setdefault(role, set()).update(_permissions(local, one))
    return done


def _permissions(local: LocalCallscribe, one: Mapping[str, Any]) -> set[Permission]:
    service = one["eventSource"].partition(".")[0]
    action = f"{service}:{one['eventName']}"
    asked = one["requestParameters"] or {}
    match service:
        case "dynamodb":
            tables = list(asked.get("RequestItems", {})) or [asked["TableName"]]
            index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
            return {(action, _logical(local, table) + index) for table in tables}
        case "sqs":
            return {(action, _logical(local, asked["QueueUrl"]))}
        case "events":
            return {(action, "CallEvents")}
        case _:
            return {(action, "Settings")}


def _logical(local: LocalCallscribe, physical: str) -> str:
    return next(logical for logical, one in local.stack.resources.items() if one == physical)


def allowed(local: LocalCallscribe, role: str) -> set[Permission]:
    """What the deployed role holds, by logical ids."""
    iam = local.stack.aws.client("iam")
    name = local.stack.resource(role)
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = cast("Any", iam.get_role_policy(RoleName=name, PolicyName=policy))["PolicyDocument"]
    return {
        (action, _named(local, statement["Resource"]))
        for statement in document["Statement"]
        for action in statement["Action"]
    }


def _named(local: LocalCallscribe, arn: str) -> str:
    """The logical id of what an ARN names, with its index."""
    if arn == "*":
        return arn
    table, _, index = arn.partition("/index/")
    for logical, physical in local.stack.resources.items():
        if table == physical or table.endswith((f":{physical}", f"/{physical}", f":{physical.rpartition('/')[2]}")):
            return logical + (f"/index/{index}" if index else "")
    # An ARN of a secret ends in characters by chance, one of a log in a star.
    kinds = {":log-group:": "log", ":secret:": "Settings"}
    return next(name for kind, name in kinds.items() if kind in arn)


def do_everything(local: LocalCallscribe, scenario: Scenario) -> None:
    """Let each function do all that it ever does."""
    (service,) = local.twilio.account.services.values()
    service.auto_redaction = True
    try:
        calls = [local.twilio.place_call(scenario, to=local.number) for _ in range(4)]
        for call in calls:
            local.wait_until_settled(call.sid, SETTLE_SECONDS, print)
    finally:
        service.auto_redaction = False
    _fail_and_come_back(local, calls[0])
    _let_be_due(local, calls)
    lost = recorded_before(local, scenario, timedelta(minutes=7))
    _invoke(local, "SweepFunction")
    _invoke(local, "DeleteRecordingsFunction")
    before = recorded_before(local, scenario, timedelta(days=2))
    local.stack.aws.client("sqs").send_message(
        QueueUrl=local.stack.outputs["BackfillQueueUrl"], MessageBody=urlencode(_callback(before))
    )
    for one in (lost, before):
        local.wait_until_settled(one.call_sid, SETTLE_SECONDS, print)
    held_at_rest(local)


def _callback(one: Recording) -> dict[str, str]:
    return {
        "CallSid": one.call_sid,
        "RecordingSid": one.sid,
        "RecordingStatus": "completed",
        "RecordingSource": one.source,
        "RecordingChannels": "2",
    }


def _fail_and_come_back(local: LocalCallscribe, call: Call) -> None:
    """Twilio is down for a while; and messages that nobody can read."""
    sqs, outputs = local.stack.aws.client("sqs"), local.stack.outputs
    (one,) = [one for one in call.recordings if one.channels == 2]
    (transcript,) = [sid for sid, made in local.twilio.state.transcripts.items() if made.call is call]
    asked = [
        answer(local.twilio, "GET", "/2010-04-01/Accounts/{account}/Calls/{sid}.json", 503),
        answer(local.twilio, "GET", "/v2/Transcripts/{sid}", 503),
    ]
    told = json.dumps({"transcript_sid": transcript, "customer_key": call.sid})
    before = _comebacks(local)
    for output, body in (
        ("RecordingsQueueUrl", urlencode(_callback(one))),
        ("BackfillQueueUrl", urlencode(_callback(one))),
        ("TranscriptsQueueUrl", told),
    ):
        sqs.send_message(QueueUrl=outputs[output], MessageBody=body)
        sqs.send_message(QueueUrl=outputs[output], MessageBody="nothing that Twilio sends")
    # Each of the three workers has put off a message, at least. What a worker logs is there when it has ended.
    wait_until(
        lambda: all(many > before[worker] for worker, many in _comebacks(local).items()), f"messages come back: {asked}"
    )
    recover(local.twilio)
    recover(local.twilio)
    held_at_rest(local)
    for kind in ("Recordings", "Backfill", "Transcripts"):
        url = outputs[f"{kind}DeadLettersUrl"]
        for letter in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])


def _comebacks(local: LocalCallscribe) -> dict[str, int]:
    """How often each worker has said that a message comes back."""
    workers = ("RequestTranscriptFunction", "BackfillRecordingFunction", "StoreInsightsFunction")
    return {one: sum("message comes back" in line for line in local.stack.logs(one)) for one in workers}


def _let_be_due(local: LocalCallscribe, calls: list[Call]) -> None:
    """A call to be erased, a recording to be deleted, one not asked for, one whose transcript nobody told of."""
    tables = {name: local.stack.aws.table(local.stack.outputs[f"{name}TableName"]) for name in ("Calls", "Unredacted")}
    now = datetime.now(UTC)
    erased = Tombstone(call_sid=CallSid(calls[0].sid), erased_at=now, due_at=now - timedelta(seconds=1), transcripts=())
    CallTable(tables["Calls"], retention_days=1).put_tombstone(erased)
    past = {":past": 1, ":since": int(now.timestamp()) - 600}
    for call, due, state in (
        (calls[1], items.DUE_FOR_DELETION, "stored"),
        (calls[2], items.DUE, "received"),
        (calls[3], items.DUE, "transcribing"),
    ):
        (sid,) = [one.sid for one in call.recordings if one.channels == 2]
        tables["Calls"].update_item(
            Key=items.recording_key(CallSid(call.sid), RecordingSid(sid)),
            UpdateExpression="SET due = :due, due_at = :past, unsettled_since = :since, #state = :state",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={**past, ":due": due, ":state": state},
        )


def _invoke(local: LocalCallscribe, function: str) -> None:
    answered = local.stack.aws.client("lambda").invoke(FunctionName=local.stack.resource(function), Payload=b"{}")
    assert "FunctionError" not in answered, answered["Payload"].read()


@pytest.fixture(scope="module")
def permissions(local: LocalCallscribe) -> dict[str, tuple[set[Permission], set[Permission]]]:
    """What each role allows, and what of it was used."""
    with ExitStack() as until_done:
        until_done.enter_context(recording(local))
        since = time.time()
        do_everything(local, load_scenario("cannot_log_in"))
        # Nothing more is asked: all is at rest. What is taken down is dated by another clock.
        done = used(local, since - 1, time.time() + 1)
    roles = [one for one in local.stack.resources if one.endswith("Role")]
    return {role: (allowed(local, role), done.get(role, set())) for role in roles}


def test_what_is_allowed_and_not_used_has_a_reason(
    permissions: Mapping[str, tuple[set[Permission], set[Permission]]],
) -> None:
    left = {role: held - done for role, (held, done) in permissions.items()}
    without = {(role, *one) for role, some in left.items() for one in some if unused(role, one) is None}
    assert sorted(without) == []


def test_a_reason_for_not_using_it_is_not_given_for_what_is_used(
    permissions: Mapping[str, tuple[set[Permission], set[Permission]]],
) -> None:
    for role, (held, done) in permissions.items():
        assert {one for one in done if unused(role, one)} <= {("sqs:GetQueueAttributes", "RecordingsQueue")} & held


def test_nothing_is_done_that_is_not_allowed(
    permissions: Mapping[str, tuple[set[Permission], set[Permission]]],
) -> None:
    assert {role: done - held for role, (held, done) in permissions.items() if done - held} == {}
