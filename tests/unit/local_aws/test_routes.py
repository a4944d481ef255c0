"""The translation of an HTTP API's OpenAPI body, as SAM makes it, into routes."""

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from callscribe_tools.local_aws import DeployError
from callscribe_tools.local_aws.routes import (
    Route,
    http_apis,
    mocks_of,
    rest_apis,
    routes_of,
    serve_mocks,
    serve_routes,
)

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client

ARN = "arn:aws:lambda:us-east-1:123456789012:function"


def _operation(function: str) -> dict[str, Any]:
    api = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31"
    return {
        "x-amazon-apigateway-integration": {
            "httpMethod": "POST",
            "type": "aws_proxy",
            "uri": {"Fn::Sub": f"{api}/functions/${{{function}.Arn}}/invocations"},
            "payloadFormatVersion": "2.0",
        },
        "responses": {},
    }


def _template(paths: dict[str, Any]) -> dict[str, Any]:
    return {
        "Resources": {
            "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": {"paths": paths}}},
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        }
    }


def test_each_path_and_method_becomes_a_route_to_its_function() -> None:
    template = _template(
        {
            "/incoming-call": {"post": _operation("IncomingCallFunction")},
            "/calls/{sid}": {"get": _operation("ReadFunction"), "delete": _operation("EraseFunction")},
        }
    )

    assert list(http_apis(template)) == ["Api"]
    assert routes_of(template, "Api") == [
        Route("POST /incoming-call", "IncomingCallFunction"),
        Route("GET /calls/{sid}", "ReadFunction"),
        Route("DELETE /calls/{sid}", "EraseFunction"),
    ]


def test_a_route_with_an_authorizer_is_refused_rather_than_served_open() -> None:
    template = _template({"/calls": {"get": _operation("ReadFunction") | {"security": [{"AWS_IAM": []}]}}})

    with pytest.raises(DeployError, match="GET /calls has an authorizer"):
        routes_of(template, "Api")


def test_a_route_for_any_method_is_refused() -> None:
    template = _template({"/calls": {"x-amazon-apigateway-any-method": _operation("ReadFunction")}})

    with pytest.raises(DeployError, match="one plain method"):
        routes_of(template, "Api")


def test_a_route_to_something_other_than_a_function_is_refused() -> None:
    operation = _operation("ReadFunction")
    operation["x-amazon-apigateway-integration"]["uri"] = "https://example.com/"

    with pytest.raises(DeployError, match="only functions"):
        routes_of(_template({"/calls": {"get": operation}}), "Api")


@pytest.fixture
def gateway(moto_url: str) -> "ApiGatewayV2Client":
    return boto3.client(
        "apigatewayv2",
        endpoint_url=moto_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def _ids(gateway: "ApiGatewayV2Client", api_id: str) -> dict[str, str]:
    return {route["RouteKey"]: route["RouteId"] for route in gateway.get_routes(ApiId=api_id)["Items"]}


def test_an_api_that_serves_its_routes_already_is_never_without_them(gateway: "ApiGatewayV2Client") -> None:
    api_id = gateway.create_api(Name="callscribe", ProtocolType="HTTP")["ApiId"]
    functions = {"POST /incoming-call": f"{ARN}:incoming", "POST /incoming-call/recorded": f"{ARN}:incoming"}
    serve_routes(gateway, api_id, functions)
    before = _ids(gateway, api_id)
    serve_routes(gateway, api_id, functions)
    assert before.keys() == functions.keys()
    assert _ids(gateway, api_id) == before


@pytest.mark.parametrize(
    "after",
    [
        {"POST /incoming-call": f"{ARN}:another"},
        {"POST /incoming-call": f"{ARN}:incoming", "POST /call-status": f"{ARN}:track"},
        {"POST /call-status": f"{ARN}:incoming"},
    ],
)
def test_an_api_whose_routes_have_changed_serves_the_new_ones_alone(
    gateway: "ApiGatewayV2Client", after: dict[str, str]
) -> None:
    api_id = gateway.create_api(Name="callscribe", ProtocolType="HTTP")["ApiId"]
    serve_routes(gateway, api_id, {"POST /incoming-call": f"{ARN}:incoming"})
    serve_routes(gateway, api_id, after)
    arns = {one["IntegrationId"]: one["IntegrationUri"] for one in gateway.get_integrations(ApiId=api_id)["Items"]}
    served = {
        one["RouteKey"]: arns[one["Target"].removeprefix("integrations/")]
        for one in gateway.get_routes(ApiId=api_id)["Items"]
    }
    assert served == after


def _rest_template(integration: dict[str, Any]) -> dict[str, Any]:
    body = {"paths": {"/fallback": {"post": {"x-amazon-apigateway-integration": integration}}}}
    return {"Resources": {"Rest": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body}}}}


MOCK: dict[str, Any] = {
    "type": "mock",
    "passthroughBehavior": "never",
    "requestTemplates": {"application/json": '{"statusCode": 200}'},
    "responses": {
        "default": {
            "statusCode": "200",
            "responseParameters": {"method.response.header.Content-Type": "'text/xml'"},
            "responseTemplates": {"application/json": "https://${stageVariables.host}/x"},
        }
    },
}


def test_a_mock_is_served_with_the_values_of_its_stage(moto_url: str) -> None:
    gateway: APIGatewayClient = boto3.client(
        "apigateway",
        endpoint_url=moto_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    api_id = gateway.create_rest_api(name="fallback")["id"]
    (root,) = gateway.get_resources(restApiId=api_id)["items"]
    resource = gateway.create_resource(restApiId=api_id, parentId=root["id"], pathPart="fallback")["id"]
    method: Any = {"restApiId": api_id, "resourceId": resource, "httpMethod": "POST"}
    gateway.put_method(**method, authorizationType="NONE")
    gateway.put_integration(**method, type="MOCK")
    gateway.create_deployment(restApiId=api_id, stageName="twilio", variables={"host": "a.localhost:4566"})

    template = _rest_template(MOCK)
    assert list(rest_apis(template)) == ["Rest"]
    serve_mocks(gateway, api_id, mocks_of(template, "Rest"))

    served = gateway.get_integration(**method)
    assert served["requestTemplates"] == MOCK["requestTemplates"]
    assert served["passthroughBehavior"] == "NEVER"
    assert served["integrationResponses"]["200"]["responseTemplates"] == {"application/json": "https://a.localhost/x"}


@pytest.mark.parametrize(
    "other", [{"type": "aws_proxy"}, {"responses": {**MOCK["responses"], "500": {"statusCode": "500"}}}]
)
def test_a_rest_api_that_would_be_served_otherwise_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(DeployError, match="POST /fallback: the local AWS serves only mocks"):
        mocks_of(_rest_template(MOCK | other), "Rest")
