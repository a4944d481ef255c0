"""Nothing is bound to one partition of AWS: no host and no ARN of AWS is written by hand where it is deployed or asked.

A service's principal is `<service>.amazonaws.com` in every partition, except that of logs, which has region and suffix
(AWS CDK, region-info; CloudWatch Logs docs, "Encrypt log data using KMS").
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from harness.template import REPOSITORY, template

BY_HAND = re.compile(r"amazonaws\.|\barn:aws|\.api\.aws\b|\.on\.aws\b")
PRINCIPAL = re.compile(r"[a-z]+\.amazonaws\.com")
PRINCIPAL_KEYS = {"Service", "iam:PassedToService", "token.actions.githubusercontent.com:aud", "ClientIdList"}
# An ARN to enter: of whatever partition.
PATTERNS = {("CertificateArn", "AllowedPattern")}
SHIPPED = [REPOSITORY / "functions", REPOSITORY / "layers" / "callscribe" / "src"]
TEMPLATES = [REPOSITORY / "template.yaml", REPOSITORY / ".github" / "deploy-role.yaml"]
# They play Twilio's storage, or an AWS on this machine, and ask no real one.
MADE_UP = {"bench/aws.py", "bench/runtime_api.py", "bench/twilio.py", "simulator/intelligence_json.py"}


def texts(path: Path) -> Iterator[str]:
    """The strings of a module that are no docstrings."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def values(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each text of a template, with the keys that lead to it."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from values(value, (*path, str(key)))
    elif isinstance(node, list):
        for value in node:
            yield from values(value, path)
    elif isinstance(node, str):
        yield path, node


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_no_function_builds_a_host_or_an_arn_of_aws(folder: Path) -> None:
    found = [(str(file), text) for file in folder.rglob("*.py") for text in texts(file) if BY_HAND.search(text)]
    assert found == []


def test_no_tool_builds_one_either() -> None:
    tools = REPOSITORY / "tools" / "callscribe_tools"
    found = {
        str(file.relative_to(tools)) for file in tools.rglob("*.py") for text in texts(file) if BY_HAND.search(text)
    }
    assert found == MADE_UP


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_names_the_partition_and_its_suffix_by_what_cloudformation_knows(path: Path) -> None:
    for keys, text in values(yaml_parse(path.read_text())):
        if (PRINCIPAL_KEYS & set(keys) and PRINCIPAL.fullmatch(text)) or keys[-2:] in PATTERNS:
            continue
        assert not BY_HAND.search(text), (keys, text)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])
def test_a_certificate_of_any_partition_is_taken(partition: str) -> None:
    pattern = template()["Parameters"]["CertificateArn"]["AllowedPattern"]
    assert re.fullmatch(pattern, f"arn:{partition}:acm:cn-north-1:123456789012:certificate/0")


def test_the_documentation_names_the_partitions() -> None:
    text = (REPOSITORY / "docs" / "environments.md").read_text()
    for name in ("`aws`", "`aws-us-gov`", "`aws-cn`", "`aws-eusc`"):
        assert name in text
