"""The translation of an HTTP API's OpenAPI body, as SAM makes it, into routes."""

from typing import Any

import pytest

from callscribe_tools.local_aws import DeployError
from callscribe_tools.local_aws.routes import Route, http_apis, routes_of


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
