"""The role that deploys is one environment's: it may do what a deployment needs, and nothing to another environment.

Which action knows which resources and conditions: AWS, Service Authorization Reference.
"""

import json
import re
import tomllib
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
    "s3:ListBucket": "likewise",
    "kinesis:*": "no table has a stream",
    "dynamodb:DeleteTable": "tables stay, also when the stack is deleted",
    "dynamodb:*Item": "the pipeline writes no calls",
    "dynamodb:Scan": "likewise: of what setup has made, doctor reads single items",
    "dynamodb:*Replica": "no table has replicas",
    "dynamodb:*Import*": "no table is imported",
    "dynamodb:*ResourcePolicy": "no table has a policy",
    "dynamodb:*KinesisStreamingDestination": "no table has a stream",
    "events:*Permission": "the bus is the account's own",
    "lambda:*CodeSigningConfig*": "functions are not signed",
    "lambda:*RuntimeAlias": "no function names a runtime's version",
    "lambda:PassCapacityProvider": "functions have no capacity of their own",
    "lambda:PublishVersion": "functions have no versions",
    "lambda:PutFunctionRecursionConfig": "no function sets any",
    "lambda:PutFunctionScalingConfig": "likewise",
    "lambda:PutRuntimeManagementConfig": "likewise",
    "logs:*DataProtectionPolicy": "logs have no such policy",
    "logs:*IndexPolicy": "likewise",
    "logs:PutBearerTokenAuthentication": "logs are written by AWS's own signatures",
    "logs:PutLogGroupDeletionProtection": "logs go with the stack",
    "logs:CreateLogStream": "functions do it",
    "logs:PutLogEvents": "likewise",
    "logs:DeleteResourcePolicy": "AWS has it know no resource: it would delete any",
    "logs:DeleteQueryDefinition": "likewise",
    "sns:Unsubscribe": "likewise",
    "sns:SetSubscriptionAttributes": "a subscription is made, and never changed",
    "sns:PutDataProtectionPolicy": "topics hold no data of callers",
    "iam:CreateServiceLinkedRole": "no table has replicas",
    "iam:AttachRolePolicy": "roles have policies of their own, and none that is managed",
    "iam:DetachRolePolicy": "likewise",
    "iam:DeleteRolePermissionsBoundary": "none may lose it",
    "kms:CreateKey": "a key is made by hand: while KMS makes one, it asks for a tag that the key does not have yet",
    "kms:DisableKey": "whoever may, may take all calls away",
    "kms:ScheduleKeyDeletion": "likewise",
    "kms:DisableKeyRotation": "it is never switched off",
    "kms:EnableKey": "it is enabled from the start",
    "kms:UntagResource": "it is told from others by its tag",
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


FUNCTION_ARN = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:callscribe-${Environment}-*"
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


OWN_STACK = {"Fn::Sub": "callscribe-${Environment}"}
BY_SYSTEM_TAG = {"aws:ResourceTag/aws:cloudformation:stack-name": OWN_STACK}
OF_AWS = {"arn:${AWS::Partition}:cloudformation:${AWS::Region}:aws:transform/Serverless-2016-10-31"}
"""SAM's transform, which is nobody's."""
BY_OWN_TAG = {"aws:ResourceTag/callscribe-stack": OWN_STACK}
TAKES = ("Associate", "Delete", "Disable", "Remove", "Schedule", "Unsubscribe", "Untag")
"""How actions begin that take something away."""


def arns(statement: Mapping[str, Any]) -> list[str]:
    given = statement["Resource"]
    return [one if isinstance(one, str) else one["Fn::Sub"] for one in (given if isinstance(given, list) else [given])]


def about(service: str) -> dict[str, Mapping[str, Any]]:
    """The statements about a service."""
    return {sid: one for sid, one in ALLOWED.items() if any(action.startswith(service) for action in one["Action"])}


def is_of_the_environment(statement: Mapping[str, Any]) -> bool:
    """Whether another environment's resources are out of its reach, by their name or by a condition."""
    named = all(
        re.search(r"[:/]callscribe-\$\{Environment\}(?=[-/:]|$)", one) for one in arns(statement) if one not in OF_AWS
    )
    return named or "callscribe-${Environment}" in str(statement.get("Condition", ""))


def test_every_action_is_named() -> None:
    assert [one for statement in ALLOWED.values() for one in statement["Action"] if "*" in one] == []


def test_the_policy_is_no_longer_than_iam_takes() -> None:
    """IAM quotas: 10,240 characters of a role's own policies, without white space."""
    document = json.dumps({"Statement": list(ALLOWED.values())})
    for name, value in {"Partition": "aws-us-gov", "Region": "ap-southeast-2", "AccountId": "1" * 12}.items():
        document = document.replace(f"${{AWS::{name}}}", value)
    document = re.sub(r'\{"Fn::Sub": ("[^"]*")\}', r"\1", document.replace("${Environment}", "staging"))
    assert len(re.sub(r"\s", "", document)) < 10_240


# What AWS knows neither a resource nor a condition for, or what only makes something new: see docs/threat-model.md.
BEYOND_THE_ENVIRONMENT = {
    "WithoutNames": {
        *("apigateway:GET", "cloudwatch:DescribeAlarms", "cloudwatch:PutCompositeAlarm", "logs:CreateLogDelivery"),
        *("logs:DescribeLogGroups", "logs:DescribeQueryDefinitions", "logs:DescribeResourcePolicies"),
        *("logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutQueryDefinition", "logs:PutResourcePolicy"),
        *("logs:UpdateLogDelivery", "sns:GetSubscriptionAttributes"),
    },
    "MakeApis": {"apigateway:AddCertificateToDomain", "apigateway:POST", "apigateway:PUT"},
    # A tag by which anything is decided begins with "aws:", which only AWS writes.
    "TagsOfMappings": {"lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"},
    "FindTheBucket": {"cloudformation:DescribeStacks"},
}


def test_another_environment_is_out_of_reach_except_where_aws_knows_no_way() -> None:
    beyond = {sid: set(one["Action"]) for sid, one in ALLOWED.items() if not is_of_the_environment(one)}
    assert beyond == BEYOND_THE_ENVIRONMENT


def test_nothing_is_deleted_by_a_wildcard() -> None:
    for sid, statement in ALLOWED.items():
        verbs = {action: action.partition(":")[2].title() for action in statement["Action"]}
        taking = [action for action, verb in verbs.items() if verb.startswith(TAKES)]
        if sid != "TagsOfMappings" and taking:
            assert is_of_the_environment(statement), (sid, taking)


def test_whoever_may_deploy_one_environment_cannot_plant_code_in_another() -> None:
    upload = ALLOWED["Upload"]
    assert arns(upload) == ["arn:${AWS::Partition}:s3:::aws-sam-cli-managed-default-*/callscribe-${Environment}/*"]
    # A bucket of that name may be a stranger's.
    assert upload["Condition"] == {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}
    assert [sid for sid, one in ALLOWED.items() if any(action.startswith("s3:") for action in one["Action"])] == [
        "Upload"
    ]
    for action in ("lambda:UpdateFunctionCode", "lambda:PublishLayerVersion", "cloudformation:ExecuteChangeSet"):
        assert all(is_of_the_environment(one) for one in ALLOWED.values() if action in one["Action"])


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_each_environment_uploads_below_its_own_prefix(environment: str) -> None:
    deploy = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())[environment]["deploy"]["parameters"]
    assert (deploy["resolve_s3"], deploy["s3_prefix"]) == (True, f"callscribe-{environment}")
    assert "s3_bucket" not in deploy


def test_the_bucket_that_environments_share_is_not_changed() -> None:
    shared = [sid for sid, one in ALLOWED.items() if any("managed-default/" in arn for arn in arns(one))]
    assert shared == ["FindTheBucket"]


def test_only_the_stacks_own_key_is_used() -> None:
    conditions = {sid: one["Condition"]["StringEquals"] for sid, one in about("kms:").items()}
    by_request = {"aws:RequestTag/callscribe-stack": OWN_STACK}
    assert conditions == dict.fromkeys(("KeyOfTheStack", "GrantsToAws", "TagsOfTheKey"), BY_OWN_TAG)
    # A table's grant, and nobody else's.
    assert ALLOWED["GrantsToAws"]["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}
    # Nor is a key given to another stack.
    assert ALLOWED["TagsOfTheKey"]["Condition"]["StringEqualsIfExists"] == by_request
    (used,) = [one for one in statements(BOUNDARY["PolicyDocument"]) if one["Sid"] == "Key"]
    assert used["Condition"]["StringEquals"].items() >= BY_OWN_TAG.items()


def test_a_key_is_made_by_hand_since_a_new_key_has_no_tag_to_decide_by() -> None:
    # CreateKey with tags asks for kms:TagResource of a key without tags: aws:ResourceTag never holds (KMS docs,
    # "Control access to tags").
    assert not may("kms:CreateKey")
    by_hand = (REPOSITORY / "docs" / "releasing.md").read_text().partition("## What the role does not do")[2]
    assert "`CustomerManagedKey=true` for a stack that has no key yet" in by_hand.partition("## ")[0]


def test_the_stacks_key_has_the_tag_that_the_role_goes_by() -> None:
    key = template()["Resources"]["Key"]["Properties"]
    assert {"Key": "callscribe-stack", "Value": {"Ref": "AWS::StackName"}} in key["Tags"]


def test_apis_are_told_by_the_tag_that_cloudformation_writes() -> None:
    assert ALLOWED["ApisOfTheStack"]["Condition"] == {"StringEquals": BY_SYSTEM_TAG}
    making = {one.rpartition("::")[2] for one in arns(ALLOWED["MakeApis"])}
    # None of them is an API that there is.
    assert making == {"/apis", "/apis/*/stages", "/domainnames", "/restapis", "/tags/*"}


def test_queues_are_mapped_to_the_environments_own_functions() -> None:
    own = {"ArnLike": {"lambda:FunctionArn": {"Fn::Sub": FUNCTION_ARN}}}
    assert ALLOWED["MappingsOfTheFunctions"]["Condition"] == own


def test_what_aws_cannot_keep_apart_is_in_the_threat_model() -> None:
    told = (REPOSITORY / "docs" / "threat-model.md").read_text()
    for action in BEYOND_THE_ENVIRONMENT["WithoutNames"] - {"apigateway:GET"}:
        if not action.partition(":")[2].startswith(("Describe", "Get", "List")):
            assert f"`{action}`" in told, action


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
    own = {"StringEquals": BY_SYSTEM_TAG}
    assert ALLOWED["SecretOfTheStack"]["Condition"] == own
    assert ALLOWED["MakeSecret"]["Condition"] == {"StringEqualsIfExists": BY_SYSTEM_TAG}
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
