"""The one logger. Phone numbers go into it masked, what was said and secrets never."""

import traceback
from typing import Any

from aws_lambda_powertools import Logger

from callscribe.domain.errors import CallscribeError

logger = Logger(service="callscribe")


def about(error: Exception) -> dict[str, Any]:
    """What a log line says of an error.

    The text of an exception that is not ours may quote what a library was given, a caller's words among it; so only its
    type is told, and where it was raised.
    """
    if isinstance(error, CallscribeError):
        return {"reason": str(error)}
    frames = traceback.extract_tb(error.__traceback__)
    return {"reason": type(error).__name__, "where": [f"{one.filename}:{one.lineno} {one.name}" for one in frames]}
