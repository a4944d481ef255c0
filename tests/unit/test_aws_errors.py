"""Every exception of botocore's becomes one of ours."""

import importlib
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from callscribe.adapters.aws_errors import TRANSIENT_CODES, aws_errors
from callscribe.domain.errors import CallscribeError, PermanentError, TransientError
from harness.exceptions import subclasses

# Its exceptions shall be known too.
importlib.import_module("botocore.discovery")

KINDS = subclasses("botocore", BotoCoreError)
# What was not reached, or whose answer was lost or broken, may work later.
TRANSIENT = {
    "ChecksumError",
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "ConnectionError",
    "CredentialRetrievalError",
    "EndpointConnectionError",
    "FlexibleChecksumError",
    "HTTPClientError",
    "IncompleteReadError",
    "MetadataRetrievalError",
    "ProxyConnectionError",
    "ReadTimeoutError",
    "ResponseStreamingError",
    "SSLError",
}
# The rest are mistakes of ours or of the deployment. Whoever takes in a new version of botocore with a new exception
# says in one of these lists what it means.
PERMANENT = """
    AliasConflictParameterError ApiVersionNotFoundError AwsChunkedWrapperError BaseEndpointResolverError
    BotoCoreError CapacityNotAvailableError ConfigNotFound ConfigParseError DataNotFoundError
    EndpointDiscoveryException EndpointDiscoveryRefreshFailed EndpointDiscoveryRequired EndpointProviderError
    EndpointResolutionError EndpointVariantError InfiniteLoopConfigError InvalidChecksumConfigError
    InvalidConfigError InvalidDNSNameError InvalidDefaultsMode InvalidEndpointConfigurationError
    InvalidEndpointDiscoveryConfigurationError InvalidExpressionError InvalidHostLabelError
    InvalidIMDSEndpointError InvalidIMDSEndpointModeError InvalidMaxRetryAttemptsError InvalidProxiesConfigError
    InvalidRegionError InvalidRetryConfigurationError InvalidRetryModeError InvalidS3AddressingStyleError
    InvalidS3UsEast1RegionalEndpointConfigError InvalidSTSRegionalEndpointsConfigError
    LoginAuthorizationCodeError LoginError LoginInsufficientPermissions LoginRefreshRequired LoginTokenLoadError
    MD5UnavailableError MissingDependencyException MissingParametersError NoAuthTokenError NoCredentialsError
    NoRegionError OperationNotPageableError PaginationError ParamValidationError PartialCredentialsError
    ProfileNotFound RangeError RefreshWithMFAUnsupportedError SSOError SSOTokenLoadError ServiceNotInRegionError
    StubAssertionError StubResponseError TokenRetrievalError UnStubbedResponseError UnauthorizedSSOTokenError
    UnknownClientMethodError UnknownCredentialError UnknownEndpointError UnknownEndpointResolutionBuiltInName
    UnknownFIPSEndpointError UnknownKeyError UnknownParameterError UnknownRegionError UnknownServiceError
    UnknownServiceStyle UnknownSignatureVersionError UnknownTokenProviderError UnseekableStreamError
    UnsupportedOutpostResourceError UnsupportedS3AccesspointConfigurationError UnsupportedS3ArnError
    UnsupportedS3ConfigurationError UnsupportedS3ControlArnError UnsupportedS3ControlConfigurationError
    UnsupportedServiceProtocolsError UnsupportedSignatureVersionError ValidationError WaiterConfigError
    WaiterError
"""


def raised(kind: type[BotoCoreError]) -> BotoCoreError:
    # Each wants fields of its own for its message, which is not what is tested.
    error = kind.__new__(kind)
    Exception.__init__(error, "made by the test")
    return error


def translated(error: Exception) -> CallscribeError:
    with pytest.raises(CallscribeError) as ours, aws_errors("doing something"):
        raise error
    assert ours.value.__cause__ is error
    assert str(ours.value).startswith("doing something: ")
    return ours.value


def client_error(status: int, code: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "said +12025550142"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "PutItem")


def test_every_exception_of_botocore_is_mapped_on_purpose() -> None:
    expected = dict.fromkeys(TRANSIENT, TransientError) | dict.fromkeys(PERMANENT.split(), PermanentError)
    assert {kind.__name__: type(translated(raised(kind))) for kind in KINDS.values()} == expected


@pytest.mark.parametrize("code", sorted(TRANSIENT_CODES))
def test_what_aws_calls_worth_a_retry_is_transient(code: str) -> None:
    assert isinstance(translated(client_error(400, code)), TransientError)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failure_of_the_service_is_transient(status: int) -> None:
    assert isinstance(translated(client_error(status, "Anything")), TransientError)


@pytest.mark.parametrize("code", ["ValidationException", "ResourceNotFoundException", "AWS.SimpleQueueService.X", ""])
def test_a_refusal_is_permanent_and_its_message_is_not_repeated(code: str) -> None:
    error = translated(client_error(400, code))
    assert isinstance(error, PermanentError)
    assert "+12025550142" not in str(error)


def test_an_error_without_a_status_is_permanent() -> None:
    assert isinstance(translated(ClientError({}, "PutItem")), PermanentError)


def test_an_error_that_is_not_of_aws_goes_through() -> None:
    with pytest.raises(KeyError), aws_errors("doing something"):
        raise KeyError
