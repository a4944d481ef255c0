"""Gives a deployed HTTP API its routes, which MiniStack leaves out: it ignores the API's OpenAPI body.

Called by `deploy` after every deployment. It must add nothing that the template does not say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callscribe_tools.local_aws.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client

_METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}
_FUNCTION = re.compile(r"functions/\$\{(\w+)\.Arn\}/invocations$")


@dataclass(frozen=True)
class Route:
    """One route of an HTTP API, and the logical id of the function behind it."""

    key: str
    function: str


def routes_of(template: Mapping[str, Any], api: str) -> list[Route]:
    """Read the routes of one HTTP API from a processed template.

    Raises:
        DeployError: for a part of the API's body that the local AWS would serve differently from AWS.
    """
    paths = template["Resources"][api]["Properties"]["Body"]["paths"]
    return [
        Route(f"{method.upper()} {path}", _function(method, path, operation))
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]


def http_apis(template: Mapping[str, Any]) -> Iterator[str]:
    """Yield the logical ids of the HTTP APIs of a processed template."""
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in resource["Properties"]:
            yield logical_id


def serve_routes(gateway: ApiGatewayV2Client, api_id: str, functions: Mapping[str, str]) -> None:
    """Make an API serve exactly the given routes, as importing a body does.

    An API that serves them already is left alone: calls come in while a stack is updated, and must find them.

    Parameters:
        functions: the ARN of the function behind each route key.
    """
    if _served(gateway, api_id) == functions:
        return
    for old_route in gateway.get_routes(ApiId=api_id)["Items"]:
        gateway.delete_route(ApiId=api_id, RouteId=old_route["RouteId"])
    for old_integration in gateway.get_integrations(ApiId=api_id)["Items"]:
        gateway.delete_integration(ApiId=api_id, IntegrationId=old_integration["IntegrationId"])
    integrations = {arn: _integrate(gateway, api_id, arn) for arn in sorted(set(functions.values()))}
    for key, arn in functions.items():
        gateway.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integrations[arn]}")


def _served(gateway: ApiGatewayV2Client, api_id: str) -> dict[str, str]:
    arns = {
        f"integrations/{one['IntegrationId']}": one["IntegrationUri"]
        for one in gateway.get_integrations(ApiId=api_id)["Items"]
    }
    return {one["RouteKey"]: arns[one["Target"]] for one in gateway.get_routes(ApiId=api_id)["Items"]}


def _integrate(gateway: ApiGatewayV2Client, api_id: str, arn: str) -> str:
    return gateway.create_integration(
        ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
    )["IntegrationId"]


def _function(method: str, path: str, operation: Mapping[str, Any]) -> str:
    where = f"{method.upper()} {path}"
    if method not in _METHODS:
        raise DeployError(f"{where}: the local AWS serves only routes with one plain method. Name the method")
    if "security" in operation:
        raise DeployError(f"{where} has an authorizer, which the local AWS would leave out: teach it to routes.py")
    integration = operation["x-amazon-apigateway-integration"]
    uri = integration["uri"]
    found = _FUNCTION.search(uri.get("Fn::Sub", "") if isinstance(uri, dict) else uri)
    if not found or integration["payloadFormatVersion"] != "2.0":
        raise DeployError(f"{where}: the local AWS serves only functions, by their ARN and with payload 2.0")
    return found[1]
