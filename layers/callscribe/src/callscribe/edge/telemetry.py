"""The one logger and the metrics. Phone numbers go into them masked, what was said and secrets never."""

import traceback
from typing import Any

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from callscribe.domain.errors import CallscribeError

SERVICE = "callscribe"
NAMESPACE = "Callscribe"

logger = Logger(service=SERVICE)


def tell_seconds(name: str, seconds: float) -> None:
    """Tell how long something has lasted by now, in the metric `name`."""
    _tell(name, MetricUnit.Seconds, seconds)


def tell_number(name: str, number: int) -> None:
    """Tell how many of something there are by now, in the metric `name`."""
    _tell(name, MetricUnit.Count, number)


def count(name: str, **dimension: str) -> None:
    """Count one event in the metric `name` (CloudWatch embedded metric format, a line of the log).

    Parameters:
        dimension: at most one, of a few fixed values of ours: each value is a metric that AWS charges for.
    """
    _tell(name, MetricUnit.Count, 1, **dimension)


def _tell(name: str, unit: MetricUnit, value: float, **dimension: str) -> None:
    dimensions = {"service": SERVICE, **dimension}
    with single_metric(name=name, unit=unit, value=value, namespace=NAMESPACE, default_dimensions=dimensions):
        pass


def about(error: Exception) -> dict[str, Any]:
    """What a log line says of an error.

    The text of an exception that is not ours may quote what a library was given, a caller's words among it; so only its
    type is told, and where it was raised.
    """
    if isinstance(error, CallscribeError):
        return {"reason": str(error)}
    frames = traceback.extract_tb(error.__traceback__)
    return {"reason": type(error).__name__, "where": [f"{one.filename}:{one.lineno} {one.name}" for one in frames]}
