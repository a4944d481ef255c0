"""The roles are enforced: what is taken away is missed. What they hold is pinned in tests/template."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from callscribe_tools.local_callscribe import LocalCallscribe
from e2e.stack import calls_unread, held, held_at_rest, post, wait_until

CALLBACK = {"CallSid": "CA" + "0" * 32, "RecordingSid": "RE" + "0" * 32, "RecordingStatus": "completed"}
STATUS = {"CallSid": "CA" + "0" * 32, "To": "+12025550199", "CallStatus": "completed", "CallDuration": "14"}


@contextmanager
def without(local: LocalCallscribe, role: str, sid: str) -> Iterator[None]:
    """Take one statement out of a role's policy for a while."""
    iam = local.stack.aws.client("iam")
    role_name = local.stack.resource(role)
    (policy_name,) = iam.list_role_policies(RoleName=role_name)["PolicyNames"]
    # botocore decodes the document, whatever its stubs say.
    answer = cast("Any", iam.get_role_policy(RoleName=role_name, PolicyName=policy_name))
    document = answer["PolicyDocument"]
    statements = document["Statement"]
    kept = [one for one in statements if one["Sid"] != sid]
    assert len(kept) == len(statements) - 1

    def put(some: list[object]) -> None:
        changed = json.dumps({"Version": document["Version"], "Statement": some})
        iam.put_role_policy(RoleName=role_name, PolicyName=policy_name, PolicyDocument=changed)

    put([*kept])
    try:
        yield
    finally:
        put([*statements])


@pytest.mark.parametrize(
    ("role", "sid", "path", "form"),
    [
        ("AcceptRecordingRole", "QueueWebhooks", "/ci-create-transcript", CALLBACK),
        ("TrackCallRole", "WriteCalls", "/call-status", STATUS),
    ],
)
def test_a_webhook_that_may_not_be_made_durable_is_not_acknowledged(
    local: LocalCallscribe, role: str, sid: str, path: str, form: dict[str, str]
) -> None:
    url = f"https://{local.stack.api_host}{path}"
    headers, body = local.twilio.signed_form(url, form)
    before = held_at_rest(local)

    with without(local, role, sid):
        assert post(local, url, headers, body).status_code == 503

    assert held(local) == before


@pytest.mark.parametrize(
    ("sid", "action"),
    [
        ("ReadCalls", "dynamodb:GetItem"),
        ("FindDueRecordings", "dynamodb:Query"),
        ("NoteHowFarItHasCome", "dynamodb:UpdateItem"),
    ],
)
def test_a_sweep_that_may_not_do_its_work_says_so(local: LocalCallscribe, sid: str, action: str) -> None:
    functions, name = local.stack.aws.client("lambda"), local.stack.outputs["SweepFunctionName"]
    assert "FunctionError" not in functions.invoke(FunctionName=name, Payload=b"{}")
    with without(local, "SweepRole", sid):
        answer = functions.invoke(FunctionName=name, Payload=b"{}")
        assert answer["FunctionError"]
        assert action in answer["Payload"].read().decode()


def test_a_worker_that_may_not_put_a_message_off_leaves_that_to_the_queue(local: LocalCallscribe) -> None:
    queue = local.stack.outputs["RecordingsQueueUrl"]
    sqs = local.stack.aws.client("sqs")
    before = held_at_rest(local)
    told: list[dict[str, Any]] = []
    with without(local, "RequestTranscriptRole", "ReceiveMessages"), calls_unread(local):
        sqs.send_message(QueueUrl=queue, MessageBody=urlencode(CALLBACK | {"RecordingStatus": "absent"}))

        def is_logged() -> list[dict[str, Any]]:
            lines = [line for line in local.stack.logs("RequestTranscriptFunction") if "message not put off" in line]
            told[:] = map(json.loads, lines)
            return told

        wait_until(is_logged, "the worker says that it may not put the message off")
    assert "AccessDenied" in told[0]["reason"]
    # It would come back after 400 s.
    sqs.purge_queue(QueueUrl=queue)
    assert held(local) == before


@pytest.mark.parametrize(
    ("queue", "dead_letters"),
    [(f"{kind}QueueUrl", f"{kind}DeadLettersUrl") for kind in ("Recordings", "Transcripts", "Backfill")],
)
def test_a_worker_may_put_what_it_cannot_read_into_the_dead_letters(
    local: LocalCallscribe, queue: str, dead_letters: str
) -> None:
    sqs = local.stack.aws.client("sqs")
    sqs.send_message(QueueUrl=local.stack.outputs[queue], MessageBody="nothing that Twilio sends")
    # The worker has then ended as well: the next test may let it start again.
    held_at_rest(local)
    (letter,) = sqs.receive_message(
        QueueUrl=local.stack.outputs[dead_letters], WaitTimeSeconds=1, MessageAttributeNames=["reason"]
    )["Messages"]
    sqs.delete_message(QueueUrl=local.stack.outputs[dead_letters], ReceiptHandle=letter["ReceiptHandle"])
    assert letter["Body"] == "nothing that Twilio sends"
    assert letter["MessageAttributes"]["reason"]["StringValue"]
