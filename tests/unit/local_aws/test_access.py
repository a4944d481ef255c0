"""Nothing that the local AWS hands out can reach the real one."""

import pytest

from callscribe_tools.local_aws import EndpointError
from callscribe_tools.local_aws.access import Access

ENDPOINT = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://sqs.us-east-1.amazonaws.com",
        "http://10.0.0.1:4566",
        "http://0.0.0.0:4566",
        "http://127.0.0.1.example.com:4566",
        "http://127.0.0.1@example.com:4566",
        "",
    ],
)
def test_an_endpoint_that_is_not_loopback_is_refused(endpoint: str) -> None:
    with pytest.raises(EndpointError, match=r"Use http://127\.0\.0\.1"):
        Access(endpoint)


def test_the_environment_for_subprocesses_has_nothing_of_the_developers_aws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "https://sqs.us-east-1.amazonaws.com")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")

    environment = Access(ENDPOINT).environment

    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_SQS"} & environment.keys()
    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert environment["AWS_ENDPOINT_URL"] == ENDPOINT


def test_clients_ignore_the_profile_and_endpoints_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-is-not-there")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "https://sqs.us-east-1.amazonaws.com")

    assert Access(ENDPOINT).client("sqs").meta.endpoint_url == ENDPOINT
