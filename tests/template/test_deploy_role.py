"""The role that deploys is one environment's, may do what a deployment needs, and makes no role beyond its boundary."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from samcli.yamlhelper import yaml_parse

from callscribe_tools.transform import transformed
from harness.template import REPOSITORY, resources, template

MADE: Mapping[str, Any] = yaml_parse((REPOSITORY / ".github" / "deploy-role.yaml").read_text())["Resources"]
ROLE, BOUNDARY = MADE["Role"]["Properties"], MADE["Boundary"]["Properties"]

# What CloudFormation's own handlers of the template's types may ask for, and this template never lets them.
NOT_ASKED_FOR = {
    "apigateway:TagResource": "API Gateway's tags are a PUT to IAM",
    "apigateway:UntagResource": "likewise",
    "apigateway:UpdateRestApiPolicy": "the fallback's API has no policy",
    "ec2:*": "no function is in a VPC",
    "elasticfilesystem:*": "no function has a file system",
    "s3files:*": "likewise",
    "firehose:*": "logs go nowhere else",
    "s3:REST.PUT.OBJECT": "likewise",
    "s3:getObject": "the API is in the template, and in no file",
    "s3:GetObjectMetadata": "no table is imported",
    "kinesis:*": "no table has a stream",
    "iam:CreateServiceLinkedRole": "no table has replicas",
    "iam:AttachRolePolicy": "roles have policies of their own, and none that is managed",
    "iam:DetachRolePolicy": "likewise",
    "iam:DeleteRolePermissionsBoundary": "none may lose it",
    "kms:DisableKey": "whoever may, may take all calls away",
    "kms:ScheduleKeyDeletion": "likewise",
    "kms:DisableKeyRotation": "it is never switched off",
    "kms:EnableKey": "it is enabled from the start",
    "kms:Encrypt": "only a grant's services do it",
    "kms:GenerateDataKeyWithoutPlaintext": "of an event bus with a key, which ours has not",
    "kms:ReEncrypt*": "likewise",
    "kms:ListAliases": "the key has no alias",
    "kms:RevokeGrant": "a table stays when the stack is deleted",
    "secretsmanager:GetRandomPassword": "the secret is filled by hand",
    "secretsmanager:ReplicateSecretToRegions": "it is in one region",
    "secretsmanager:RemoveRegionsFromReplication": "likewise",
}


def statements(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All statements, those of the key among them."""
    for one in document["Statement"]:
        if "Fn::If" in one:
            condition, chosen, otherwise = one["Fn::If"]
            assert (condition, otherwise) == ("HasKey", {"Ref": "AWS::NoValue"})
            yield chosen
        else:
            yield one


ALLOWED = {one["Sid"]: one for one in statements(ROLE["Policies"][0]["PolicyDocument"])}


def may(action: str, some: Mapping[str, Any] = ALLOWED) -> bool:
    return any(fnmatchcase(action, pattern) for one in some.values() for pattern in one["Action"])


def test_it_is_taken_by_one_environment_of_one_repository() -> None:
    (trust,) = ROLE["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": {"Fn::Sub": "repo:${Repository}:environment:${Environment}"},
        }
    }


def test_only_what_has_no_names_is_allowed_for_all() -> None:
    assert [sid for sid, one in ALLOWED.items() if one["Resource"] == "*"] == ["KeyOfTheStack", "WithoutNames"]
    assert not any(action.startswith(("iam:", "kms:", "sts:")) for action in ALLOWED["WithoutNames"]["Action"])


def test_composite_alarms_are_allowed_for_all_since_cloudwatch_wants_it_so() -> None:
    # CloudWatch API, PutCompositeAlarm and DescribeAlarms.
    assert {"cloudwatch:DescribeAlarms", "cloudwatch:PutCompositeAlarm"} <= set(ALLOWED["WithoutNames"]["Action"])


def test_a_role_is_made_or_changed_only_within_the_boundary() -> None:
    bounded = ALLOWED["RolesWithinTheBoundary"]
    assert bounded["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "Boundary"}}}
    changing = {"iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"}
    assert set(bounded["Action"]) == changing
    others = {sid: one for sid, one in ALLOWED.items() if sid != "RolesWithinTheBoundary"}
    assert [action for action in (*changing, "iam:AttachRolePolicy") if may(action, others)] == []
    assert ALLOWED["RolesForLambdaOnly"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}
    }
    for one in ALLOWED.values():
        if any(action.startswith("iam:") for action in one["Action"]):
            assert one["Resource"]["Fn::Sub"].endswith(":role/callscribe-${Environment}-*")


def test_another_environment_s_secret_is_neither_read_nor_changed() -> None:
    own = {"StringEquals": {"aws:ResourceTag/aws:cloudformation:stack-name": {"Fn::Sub": "callscribe-${Environment}"}}}
    assert ALLOWED["SecretOfTheStack"]["Condition"] == own
    others = {sid: one for sid, one in ALLOWED.items() if sid != "SecretOfTheStack"}
    assert not may("secretsmanager:GetSecretValue", others)
    assert not may("secretsmanager:UpdateSecret", others)
    (read,) = [one for one in statements(BOUNDARY["PolicyDocument"]) if one["Sid"] == "Settings"]
    assert read["Condition"] == own


@pytest.mark.parametrize("name", resources("AWS::IAM::Role"))
def test_what_a_function_may_do_is_within_the_boundary(name: str) -> None:
    bounds = {one["Sid"]: one for one in statements(BOUNDARY["PolicyDocument"])}
    role = resources("AWS::IAM::Role")[name]["Properties"]
    (policy,) = role["Policies"]
    for one in policy["PolicyDocument"]["Statement"]:
        statement = one["Fn::If"][1] if "Fn::If" in one else one
        assert [action for action in statement["Action"] if not may(action, bounds)] == []
    assert role["PermissionsBoundary"]["Fn::If"][0] == "HasBoundary"
    assert "PermissionsBoundary" in template()["Parameters"]


def handlers() -> set[str]:
    """All that CloudFormation's handlers of the template's types may ask for, as AWS publishes it."""
    kinds = {one["Type"] for one in transformed(REPOSITORY / "template.yaml")["Resources"].values()}
    schemas = [PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema for kind in sorted(kinds)]
    told = [one for schema in schemas for one in schema.get("handlers", {}).items()]
    return {action for name, one in told if name != "list" for action in one["permissions"]}


def test_it_may_do_what_cloudformation_asks_for() -> None:
    asked = handlers()
    assert len(asked) > 150
    left = {action for action in asked if not may(action)}
    unjustified = {action for action in left if not any(fnmatchcase(action, one) for one in NOT_ASKED_FOR)}
    assert unjustified == set()
    assert {one for one in NOT_ASKED_FOR if not any(fnmatchcase(action, one) for action in left)} == set()
