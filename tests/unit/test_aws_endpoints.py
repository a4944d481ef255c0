"""AWS has several partitions, each with a domain of its own; no host may be built for one of them alone."""

import re

import botocore.session
import pytest

from callscribe.adapters import settings
from callscribe.adapters.aws_endpoints import endpoint_url
from harness.template import function, function_names

REGIONS = ["us-east-1", "eu-central-1", "cn-north-1", "cn-northwest-1", "us-gov-west-1", "eusc-de-east-1"]


def url_suffix(region: str) -> str:
    """What `AWS::URLSuffix` is in a region, from AWS's own data."""
    partitions = botocore.session.get_session().get_data("partitions")["partitions"]
    (suffix,) = (one["outputs"]["dnsSuffix"] for one in partitions if re.match(one["regionRegex"], region))
    return str(suffix)


@pytest.fixture(autouse=True)
def _real_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SECRETS_MANAGER"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("service", ["dynamodb", "secretsmanager"])
@pytest.mark.parametrize("region", REGIONS)
def test_an_endpoint_is_the_one_that_botocore_would_use(
    region: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("URL_SUFFIX", url_suffix(region))
    client = botocore.session.get_session().create_client(
        service, region, aws_access_key_id="x", aws_secret_access_key="x"
    )
    assert endpoint_url(service) == client.meta.endpoint_url


def test_the_partitions_do_have_different_domains() -> None:
    assert {url_suffix(region) for region in REGIONS} == {"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"}


def test_the_settings_are_read_from_the_partition_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_REGION": "cn-north-1",
        "URL_SUFFIX": "amazonaws.com.cn",
        "SETTINGS_SECRET_ARN": "x",
    }.items():
        monkeypatch.setenv(name, value)
    settings.settings_reader.cache_clear()
    reader = settings.settings_reader()
    assert reader._endpoints("secretsmanager") == "https://secretsmanager.cn-north-1.amazonaws.com.cn"
    assert reader._endpoints("dynamodb") == "https://dynamodb.cn-north-1.amazonaws.com.cn"


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"])
def test_an_endpoint_of_the_environment_goes_first(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:4566")
    assert endpoint_url("dynamodb") == "http://127.0.0.1:4566"


def test_the_endpoint_of_one_service_goes_before_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:2")
    assert (endpoint_url("secretsmanager"), endpoint_url("dynamodb")) == ("http://127.0.0.1:2", "http://127.0.0.1:1")


@pytest.mark.parametrize("name", function_names())
def test_every_function_is_told_the_domain_of_its_partition(name: str) -> None:
    assert function(name)["Environment"]["Variables"]["URL_SUFFIX"] == {"Ref": "AWS::URLSuffix"}
