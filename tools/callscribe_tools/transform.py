"""Prints a SAM template as CloudFormation gets it after the transform, for rules that only know plain resources.

    python -m callscribe_tools.transform template.yaml > transformed.json && cfn-lint transformed.json

`make check` runs it. It talks to no AWS.
"""

import os
import sys
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

from callscribe_tools.terminal import print_json

# The translator asks for a region; any does.
REGION = "us-east-1"
_NOWHERE = "s3://bucket/key"


def transformed(path: Path) -> dict[str, Any]:
    """The template after the SAM transform, with a made-up place for code that is not uploaded."""
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    template = yaml_parse(path.read_text("utf-8"))
    for resource in template["Resources"].values():
        for name in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][name] = _NOWHERE
    return dict(transform(template, {}, _NoManagedPolicies()))


class _NoManagedPolicies(ManagedPolicyLoader):
    """The template names no managed policy, so none needs to be looked up."""

    def __init__(self) -> None:
        """Take no client of IAM."""

    def load(self) -> dict[str, str]:
        """Name no policy."""
        return {}


if __name__ == "__main__":
    print_json(transformed(Path(sys.argv[1])))
