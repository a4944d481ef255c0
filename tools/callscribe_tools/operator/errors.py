"""What went wrong, in sentences that say what to do. `cli` prints them, and nothing else of an error."""

import os
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    HTTPClientError,
    InvalidConfigError,
    InvalidRegionError,
    LoginError,
    MetadataRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NotReachedError
from botocore.parsers import ResponseParserError
from requests.exceptions import RequestException

from callscribe.domain.errors import CallscribeError, PermanentError
from callscribe.domain.settings import SettingsError
from callscribe_tools import proxies

_LOG_IN = "Log in, or set AWS_PROFILE: `aws sts get-caller-identity` must answer."

_LOOK = "Look at ~/.aws/config and ~/.aws/credentials: `aws configure list` must answer."
_NOT_AWS = "The answer cannot be read, and may be none of AWS's. Check the network and, if it is set, AWS_ENDPOINT_URL."
_ASKED_BY_NETWORK = (NotReachedError, HTTPClientError, RequestException)

# The first kind that fits decides.
_OF_BOTOCORE: Mapping[type[BotoCoreError], str] = MappingProxyType(
    {
        NoCredentialsError: f"There are no AWS credentials. {_LOG_IN}",
        PartialCredentialsError: f"The AWS credentials are not whole. {_LOG_IN}",
        CredentialRetrievalError: f"The AWS credentials cannot be had. {_LOG_IN}",
        TokenRetrievalError: f"The AWS credentials cannot be had. {_LOG_IN}",
        SSOError: f"The AWS credentials cannot be had: the login has ended. {_LOG_IN}",
        LoginError: f"The AWS credentials cannot be had: the login has ended. {_LOG_IN}",
        RefreshWithMFAUnsupportedError: f"The AWS credentials want another code of your MFA device. {_LOG_IN}",
        MetadataRetrievalError: f"The AWS credentials cannot be had from this machine's role. {_LOG_IN}",
        ProfileNotFound: "There is no AWS profile of that name. `aws configure list-profiles` lists those there are.",
        ConfigParseError: f"The AWS configuration cannot be read. {_LOOK}",
        ConfigNotFound: f"The AWS configuration cannot be read. {_LOOK}",
        InvalidConfigError: f"The AWS configuration is wrong. {_LOOK}",
        NoRegionError: "There is no AWS region. Set AWS_DEFAULT_REGION, or a region in the profile.",
        InvalidRegionError: "There can be no AWS region of that name. Set AWS_DEFAULT_REGION, as to eu-central-1.",
        NotReachedError: "AWS is not reached. Check the network and, if you set it, AWS_ENDPOINT_URL; then try again.",
        HTTPClientError: "AWS does not answer. Check the network and, if you set it, AWS_ENDPOINT_URL; then try again.",
    }
)

_LOGGED_OUT = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Codes of AWS's that say that it does not take the credentials (AWS general reference, "Common errors")."""


_OF_CODE: Mapping[str, str] = MappingProxyType(
    {
        "ResourceNotFoundException": "What the stack says it has is gone: deploy the stack again",
        "AWS.SimpleQueueService.NonExistentQueue": "What the stack says it has is gone: deploy the stack again",
        "QueueDoesNotExist": "What the stack says it has is gone: deploy the stack again",
        "InvalidRequestException": "It may be marked for deletion: look at it in the AWS console",
        "DecryptionFailure": "Let your role use the stack's KMS key",
        "KMSAccessDeniedException": "Let your role use the stack's KMS key",
        "Throttling": "It asks to slow down: try again in a minute",
        "ThrottlingException": "It asks to slow down: try again in a minute",
        "TooManyRequestsException": "It asks to slow down: try again in a minute",
        "OptInRequired": "The account may not use this service or region: open it in the AWS console",
        "ServiceUnavailable": "Try again in a minute",
    }
)
"""What to do about codes of AWS's, without the last full stop."""


class OperatorError(Exception):
    """A command cannot go on. The message says what happened, and what to do."""


class BrokenError(OperatorError):
    """A command has found what it looks for, and it needs a person."""


class RefusedError(OperatorError):
    """What was asked for cannot be, and nothing of it was done: a file, a number or credentials must be put right."""


def sentences_of(error: Exception) -> str:
    """What an error means to an operator: what happened, and what to do."""
    for one in _causes(error):
        if isinstance(one, ClientError):
            return _of_refusal(error, one)
        if isinstance(one, ResponseParserError):
            return _joined(error, f"{_NOT_AWS}{proxies.advice()}")
        if isinstance(one, BotoCoreError):
            told = next((text for kind, text in _OF_BOTOCORE.items() if isinstance(one, kind)), None)
            told = told or f"The AWS library cannot ask ({type(one).__name__}). {_LOOK}"
            return _joined(error, f"{told}{_certificates(one)}{_in_the_way(error)}")
    # Ours say already what to do, where there is anything to do but to try again.
    if isinstance(error, OperatorError):
        return str(error)
    told = f"{str(error)[:1].upper()}{str(error)[1:]}."
    if isinstance(error, SettingsError):
        return told
    # "… Twilio answered 400 (error 20001)", of `twilio_errors`.
    if isinstance(error, PermanentError) and (code := re.search(r"\(error (\d+)\)", str(error))):
        told = f"{told} https://www.twilio.com/docs/api/errors/{code[1]} says why: correct that first."
    return f"{told} Try again; what was done stays done.{_in_the_way(error)}"


def _certificates(error: BotoCoreError) -> str:
    """What to look at if nothing was reached, and a file of certificates is named that cannot be read."""
    file = os.environ.get("AWS_CA_BUNDLE", "")
    if not file or not isinstance(error, NotReachedError | HTTPClientError) or os.access(file, os.R_OK):
        return ""
    return f" AWS_CA_BUNDLE names {file}, which cannot be read: correct or unset it."


def _in_the_way(error: Exception) -> str:
    """What to look at where something was not reached, and proxies are to be asked."""
    return proxies.advice() if any(isinstance(one, _ASKED_BY_NETWORK) for one in _causes(error)) else ""


def _of_refusal(error: Exception, refusal: ClientError) -> str:
    told = refusal.response.get("Error", {})
    code, message = told.get("Code", ""), told.get("Message", "")
    if code in _LOGGED_OUT:
        return f"AWS does not take the credentials ({code}). {_LOG_IN}"
    if code.startswith(("AccessDenied", "NotAuthorized", "Unauthorized")):
        return _joined(error, f"You may not do that{_who_and_what(message)}. Allow it, or use another AWS_PROFILE.")
    advice = _OF_CODE.get(code, "The AWS documentation of that error code says why: correct that, then try again")
    return _joined(error, f"AWS refuses it ({code or 'without a code'}). {advice}.")


def _who_and_what(message: str) -> str:
    """Who lacks which permission, of AWS's sentence "User: … is not authorized to perform: … on resource: …"."""
    found = re.search(r"User: (\S+) is not authorized to perform: ([\w:*]+)(?: on resource: (\S+))?", message)
    if not found:
        return ""
    on = f" on {found[3].rstrip('.')}" if found[3] else ""
    return f": {found[1]} lacks the permission {found[2]}{on}"


def _joined(error: Exception, told: str) -> str:
    doing = str(error).partition(":")[0] if isinstance(error, CallscribeError) else ""
    return f"{doing[:1].upper()}{doing[1:]}: {told}" if doing else told


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
