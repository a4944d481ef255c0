"""The way to an AWS on this machine: its endpoint, the environment for subprocesses, and typed clients.

The base of `LocalAws`, and used by `build`. It must never hand out a client or an environment that could
reach the real AWS.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

from callscribe_tools.local_aws.errors import EndpointError
from callscribe_tools.proxies import bypass_for_loopback

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"

# The key that MiniStack takes for the account's root under AUTH=true; it means nothing to the real AWS.
_KEY = "test"
_NO_CONFIGURATION = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


@dataclass(frozen=True)
class Access:
    """How to reach one local AWS, as its deployer."""

    endpoint_url: str

    def __post_init__(self) -> None:
        if not _is_loopback(self.endpoint_url):
            raise EndpointError(
                f"{self.endpoint_url} is not on this machine. Use http://127.0.0.1:<port>: "
                "nothing here may reach the real AWS"
            )

    @property
    def region(self) -> str:
        """The region that everything is deployed to."""
        return REGION

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment for a subprocess: this process's, without its AWS and SAM settings."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAM_"))}
        bypass_for_loopback(inherited)
        # sam looks up python3.13 and the layer's recipe looks up uv: both lie beside this interpreter.
        tools = str(Path(sys.prefix) / "bin")
        return inherited | {
            "PATH": os.pathsep.join((tools, os.environ.get("PATH", os.defpath))),
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": _KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }

    @overload
    def client(self, service: Literal["apigateway"]) -> APIGatewayClient: ...
    @overload
    def client(self, service: Literal["apigatewayv2"]) -> ApiGatewayV2Client: ...
    @overload
    def client(self, service: Literal["cloudformation"]) -> CloudFormationClient: ...
    @overload
    def client(self, service: Literal["dynamodb"]) -> DynamoDBClient: ...
    @overload
    def client(self, service: Literal["events"]) -> EventBridgeClient: ...
    @overload
    def client(self, service: Literal["iam"]) -> IAMClient: ...
    @overload
    def client(self, service: Literal["lambda"]) -> LambdaClient: ...
    @overload
    def client(self, service: Literal["logs"]) -> CloudWatchLogsClient: ...
    @overload
    def client(self, service: Literal["secretsmanager"]) -> SecretsManagerClient: ...
    @overload
    def client(self, service: Literal["sqs"]) -> SQSClient: ...
    @overload
    def client(self, service: Literal["s3"]) -> Any: ...
    def client(self, service: Any) -> Any:
        """Make a client with the rights of the deployer, who may do everything."""
        return self._session.client(
            service,
            endpoint_url=self.endpoint_url,
            # An empty mapping turns off the proxies that the environment may name.
            config=Config(proxies={}),
        )

    def table(self, name: str) -> Table:
        """Take a DynamoDB table with the rights of the deployer."""
        dynamodb = self._session.resource("dynamodb", endpoint_url=self.endpoint_url, config=Config(proxies={}))
        return dynamodb.Table(name)

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=_KEY,
            aws_secret_access_key=_KEY,
            region_name=self.region,
            botocore_session=botocore.session.Session(session_vars=_NO_CONFIGURATION),
        )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
