"""Gives deployed APIs what MiniStack leaves out: it ignores an HTTP API's OpenAPI body, and the mocks of a REST API's.

Called by `deploy` after every deployment. It must add nothing that the template does not say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callscribe_tools.local_aws.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client

_METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}
_FUNCTION = re.compile(r"functions/\$\{(\w+)\.Arn\}/invocations$")
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}")


@dataclass(frozen=True)
class Route:
    """One route of an HTTP API, and the logical id of the function behind it."""

    key: str
    function: str


@dataclass(frozen=True)
class Mock:
    """One method of a REST API that answers with a constant, as its OpenAPI body defines it."""

    method: str
    path: str
    integration: Mapping[str, Any]


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


def rest_apis(template: Mapping[str, Any]) -> Iterator[str]:
    """Yield the logical ids of the REST APIs of a processed template."""
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == "AWS::ApiGateway::RestApi":
            yield logical_id


def mocks_of(template: Mapping[str, Any], api: str) -> list[Mock]:
    """Read the mocks of one REST API from a processed template.

    Raises:
        DeployError: for a part of the API's body that the local AWS would serve differently from AWS.
    """
    mocks = []
    for path, operations in template["Resources"][api]["Properties"]["Body"]["paths"].items():
        for method, operation in operations.items():
            integration = operation["x-amazon-apigateway-integration"]
            if integration["type"] != "mock" or set(integration["responses"]) != {"default"}:
                raise DeployError(f"{method.upper()} {path}: the local AWS serves only mocks with one default response")
            mocks.append(Mock(method.upper(), path, integration))
    return mocks


def serve_mocks(gateway: APIGatewayClient, api_id: str, mocks: Iterable[Mock]) -> None:
    """Let a REST API answer as its mocks say. MiniStack evaluates no mapping template: stage variables are replaced."""
    (stage,) = gateway.get_stages(restApiId=api_id)["item"]
    # The port is this machine's: nobody at Twilio calls it, and real hosts have none.
    variables = {name: value.partition(":")[0] for name, value in stage.get("variables", {}).items()}
    resources = {one["path"]: one["id"] for one in gateway.get_resources(restApiId=api_id)["items"]}
    for mock in mocks:
        method: Any = {"restApiId": api_id, "resourceId": resources[mock.path], "httpMethod": mock.method}
        gateway.put_integration(
            **method,
            type="MOCK",
            requestTemplates=mock.integration["requestTemplates"],
            passthroughBehavior=mock.integration["passthroughBehavior"].upper(),
        )
        response = mock.integration["responses"]["default"]
        gateway.put_integration_response(
            **method,
            statusCode=response["statusCode"],
            responseParameters=response["responseParameters"],
            responseTemplates={
                kind: _STAGE_VARIABLE.sub(lambda found: variables[found[1]], text)
                for kind, text in response["responseTemplates"].items()
            },
        )


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
