"""Each function has a role of its own, which names what it may do and to what.

The end-to-end suite runs under these roles. What the local AWS does not enforce is checked here.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from callscribe.adapters.items import SWEEP_KEY
from harness.template import function, function_names, resources, template

FUNCTIONS = function_names()
WORKERS = [name for name in FUNCTIONS if any(event["Type"] == "SQS" for event in function(name)["Events"].values())]
# X-Ray's actions know no resources (Service Authorization Reference, "AWS X-Ray").
WITHOUT_RESOURCE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}

TAKE_MESSAGES = {
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
}

# Of what is encrypted by a key of the stack's own, where it has one.
USE_KEY = {"kms:Decrypt", "kms:GenerateDataKey"}

# All that each function may do beside writing its own log and traces. Whoever adds to it says here that it is meant.
ALLOWED: dict[str, dict[str, set[str]]] = {
    # It only reads.
    "incoming_call": {
        "Settings": {"secretsmanager:GetSecretValue"},
        "SettingsTable": {"dynamodb:GetItem"},
        "Key": {"kms:Decrypt"},
    },
    "voice_fallback": {},
    "track_call": {
        "Settings": {"secretsmanager:GetSecretValue"},
        "SettingsTable": {"dynamodb:GetItem"},
        "Key": USE_KEY,
        "CallsTable": {"dynamodb:UpdateItem"},
    },
    "accept_recording": {
        "Settings": {"secretsmanager:GetSecretValue"},
        "Key": USE_KEY,
        "RecordingsQueue": {"sqs:SendMessage"},
    },
    "request_transcript": {
        "Settings": {"secretsmanager:GetSecretValue"},
        "SettingsTable": {"dynamodb:GetItem"},
        "Key": USE_KEY,
        "RecordingsQueue": TAKE_MESSAGES,
        "RecordingsDeadLetters": {"sqs:SendMessage"},
        # GetItem: whether a call is erased.
        "CallsTable": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    },
    "backfill_recording": {
        "Settings": {"secretsmanager:GetSecretValue"},
        "SettingsTable": {"dynamodb:GetItem"},
        "Key": USE_KEY,
        "BackfillQueue": TAKE_MESSAGES,
        "BackfillDeadLetters": {"sqs:SendMessage"},
        # Whether live calls wait: it takes none of theirs, and sends nothing there.
        "RecordingsQueue": {"sqs:GetQueueAttributes"},
        "TranscriptsQueue": {"sqs:GetQueueAttributes"},
        "CallsTable": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    },
    "accept_webhook": {
        "Settings": {"secretsmanager:GetSecretValue"},
        "Key": USE_KEY,
        "TranscriptsQueue": {"sqs:SendMessage"},
    },
    "store_insights": {
        "Settings": {"secretsmanager:GetSecretValue"},
        "SettingsTable": {"dynamodb:GetItem"},
        "Key": USE_KEY,
        "TranscriptsQueue": TAKE_MESSAGES,
        "TranscriptsDeadLetters": {"sqs:SendMessage"},
        "CallsTable": {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"},
        "UnredactedTable": {"dynamodb:PutItem"},
        "CallEvents": {"events:PutEvents"},
    },
    "sweep": {
        "Settings": {"secretsmanager:GetSecretValue"},
        "SettingsTable": {"dynamodb:GetItem"},
        "Key": USE_KEY,
        "RecordingsQueue": {"sqs:SendMessage", "sqs:GetQueueAttributes"},
        "TranscriptsQueue": {"sqs:SendMessage", "sqs:GetQueueAttributes"},
        # That it updates nothing but its own item is in the statement's condition, below. What it puts are tombstones.
        "CallsTable": {
            "dynamodb:BatchGetItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        "UnredactedTable": {"dynamodb:DeleteItem", "dynamodb:Query"},
        "${CallsTable.Arn}/index/by_due_at": {"dynamodb:Query"},
    },
    "delete_recordings": {
        "Settings": {"secretsmanager:GetSecretValue"},
        "Key": USE_KEY,
        "CallsTable": {"dynamodb:UpdateItem"},
        "${CallsTable.Arn}/index/by_delete_at": {"dynamodb:Query"},
        "${CallsTable.Arn}/index/by_due_at": {"dynamodb:Query"},
    },
}


def statements(name: str) -> Iterator[dict[str, Any]]:
    """All that the role may hold, whatever the parameters are."""
    role = template()["Resources"][role_of(name)]["Properties"]
    assert "ManagedPolicyArns" not in role
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def role_of(name: str) -> str:
    return str(function(name)["Role"]["Fn::GetAtt"][0])


def queue_of(name: str) -> str:
    (event,) = (event for event in function(name)["Events"].values() if event["Type"] == "SQS")
    return str(event["Properties"]["Queue"]["Fn::GetAtt"][0])


def actions_on(name: str, resource: str) -> set[str]:
    return {
        action
        for statement in statements(name)
        if statement["Resource"] == {"Fn::GetAtt": [resource, "Arn"]}
        for action in statement["Action"]
    }


def test_no_two_functions_share_a_role() -> None:
    assert len({role_of(name) for name in FUNCTIONS}) == len(FUNCTIONS) == len(resources("AWS::IAM::Role"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_given_no_policy_by_the_transform(name: str) -> None:
    assert "Policies" not in function(name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_statement_names_its_actions_and_its_resource(name: str) -> None:
    for statement in statements(name):
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Resource"] == "*":
            assert set(statement["Action"]) <= WITHOUT_RESOURCE
        else:
            assert set(statement["Resource"]) <= {"Fn::GetAtt", "Fn::Sub"}
            assert "*" not in str(statement["Resource"])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_write_its_own_log_and_no_other(name: str) -> None:
    log = function(name)["LoggingConfig"]["LogGroup"]["Ref"]
    assert {"logs:CreateLogStream", "logs:PutLogEvents"} == actions_on(name, log)
    others = {other for other in resources("AWS::Logs::LogGroup") if other != log}
    assert not any(actions_on(name, other) for other in others)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_traced_function_may_write_traces(name: str) -> None:
    assert function(name)["Tracing"] == "Active"
    assert [one["Action"] for one in statements(name) if one["Resource"] == "*"] == [
        ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    ]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_what_it_must_and_nothing_else(name: str) -> None:
    log = function(name)["LoggingConfig"]["LogGroup"]["Ref"]
    granted: dict[str, set[str]] = {}
    for statement in statements(name):
        if statement["Resource"] != "*":
            (resource,) = statement["Resource"].values()
            granted.setdefault(resource if isinstance(resource, str) else resource[0], set()).update(
                statement["Action"]
            )
    del granted[log]
    assert granted == ALLOWED[name]


def test_the_sweep_may_update_nothing_but_how_far_it_has_come() -> None:
    (write,) = (one for one in statements("sweep") if "dynamodb:UpdateItem" in one["Action"])
    assert write["Action"] == ["dynamodb:UpdateItem"]
    assert write["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [SWEEP_KEY["pk"]]}}


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_may_take_messages_off_its_own_queue(name: str) -> None:
    assert "sqs:ReceiveMessage" in actions_on(name, queue_of(name))
