"""Translates botocore's exceptions into ours, by one table."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from botocore.exceptions import (
    BotoCoreError,
    ChecksumError,
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
)
from botocore.exceptions import ConnectionError as NotReachedError

from callscribe.domain.errors import CallscribeError, PermanentError, TransientError

# Error codes that AWS documents as worth a retry (SDK reference guide, "Retry behavior").
TRANSIENT_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "InternalServerError",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)

# What never reached AWS or lost its answer may be tried again; any other error of botocore's own is a mistake of
# ours or of the deployment. The first kind that fits decides.
FAMILIES: Mapping[type[BotoCoreError], type[CallscribeError]] = MappingProxyType(
    {
        NotReachedError: TransientError,
        HTTPClientError: TransientError,
        IncompleteReadError: TransientError,
        ChecksumError: TransientError,
        FlexibleChecksumError: TransientError,
        CredentialRetrievalError: TransientError,
        MetadataRetrievalError: TransientError,
        BotoCoreError: PermanentError,
    }
)


@contextmanager
def aws_errors(doing: str) -> Iterator[None]:
    """Turn any exception of botocore inside into one of ours that says what was being done.

    Raises:
        TransientError: throttled, 5xx, not reached, or not allowed.
        PermanentError: refused.
    """
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = error.response.get("Error", {}).get("Code", "")
        # A role can be mended, and a new one takes some seconds to count everywhere. Only this message is known to
        # quote nothing that was sent: it names the role and the action.
        denied = code.startswith("AccessDenied")
        detail = f": {error.response['Error'].get('Message')}" if denied else ""
        worth_a_retry = denied or status >= 500 or code in TRANSIENT_CODES
        raise (TransientError if worth_a_retry else PermanentError)(
            f"{doing}: AWS answered {status} {code}{detail}"
        ) from error
    except BotoCoreError as error:
        family = next(family for kind, family in FAMILIES.items() if isinstance(error, kind))
        raise family(f"{doing}: {type(error).__name__}") from error
