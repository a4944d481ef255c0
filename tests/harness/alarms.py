"""Evaluates an alarm as CloudWatch documents it, over values that a test gives: by the alarm's own definition.

Source: CloudWatch docs, "Alarm evaluation", "Configuring how CloudWatch alarms treat missing data", "Using metric
math". Only what the template's alarms use is known here; anything else is an error.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.template import STACK_NAME

type Key = tuple[str, str, frozenset[tuple[str, str]]]
type Values = Mapping[Key, Mapping[int, Sequence[float]]]
"""The values that each metric was told, by the number of the period they fell into; 0 is the latest, 1 before it."""

ALARM, OK = "ALARM", "OK"

FARTHER_BACK = 2
"""Periods that CloudWatch looks at beside those to be evaluated, for values in the place of missing ones. How many is
not documented, but that its example looks at five for three.
"""

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}


def physical(value: Any) -> str:
    """What stands for a resource, in a dimension."""
    match value:
        case {"Ref": "AWS::StackName"}:
            return STACK_NAME
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return f"<{name}>"
        case _:
            return str(value)


def key_of(metric: Mapping[str, Any]) -> Key:
    """Namespace, name and dimensions of a metric in a template."""
    dimensions = frozenset((one["Name"], physical(one["Value"])) for one in metric.get("Dimensions", []))
    return metric["Namespace"], metric["MetricName"], dimensions


def keys_of(alarm: Mapping[str, Any]) -> list[Key]:
    """The metrics that an alarm reads."""
    if "Metrics" in alarm:
        return [key_of(one["MetricStat"]["Metric"]) for one in alarm["Metrics"] if "MetricStat" in one]
    return [key_of(alarm)]


def evaluate(alarm: Mapping[str, Any], values: Values) -> str:
    """The state of an alarm after these values."""
    periods = alarm["EvaluationPeriods"]
    series = _series(alarm, values)
    threshold, exceeds = alarm["Threshold"], _COMPARISONS[alarm["ComparisonOperator"]]
    real = [exceeds(series[number], threshold) for number in range(periods + FARTHER_BACK) if number in series]
    missing = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    # What is missing counts as said only where there are not enough values, farther back as well.
    breaching = (real + [missing] * periods)[:periods]
    return ALARM if sum(breaching) >= alarm.get("DatapointsToAlarm", periods) else OK


def _series(alarm: Mapping[str, Any], values: Values) -> dict[int, float]:
    if "Metrics" not in alarm:
        return _aggregated(values.get(key_of(alarm), {}), alarm.get("Statistic") or alarm["ExtendedStatistic"])
    (expression,) = [one["Expression"] for one in alarm["Metrics"] if "Expression" in one]
    named = {
        one["Id"]: _aggregated(values.get(key_of(one["MetricStat"]["Metric"]), {}), one["MetricStat"]["Stat"])
        for one in alarm["Metrics"]
        if "MetricStat" in one
    }
    numbers = sorted({number for one in named.values() for number in one})
    if expression == "SUM(METRICS())":
        # A time at which one of them has no value is the sum of the others.
        return {number: sum(one.get(number, 0) for one in named.values()) for number in numbers}
    if expression == "FILL(told, 0)":
        # Of a metric that has values at all.
        (told,) = named.values()
        return {number: told.get(number, 0) for number in range(alarm["EvaluationPeriods"] + FARTHER_BACK)}
    # Any other expression has no value where one of its metrics has none.
    full = [number for number in numbers if all(number in one for one in named.values())]
    return {number: _calculated(expression, {name: one[number] for name, one in named.items()}) for number in full}


def _aggregated(told: Mapping[int, Sequence[float]], statistic: str) -> dict[int, float]:
    return {number: _statistic(sorted(values), statistic) for number, values in told.items() if values}


def _statistic(values: Sequence[float], statistic: str) -> float:
    simple = {"Sum": sum, "Maximum": max, "Minimum": min, "SampleCount": len}
    if statistic in simple:
        return float(simple[statistic](values))  # type: ignore[operator]
    assert statistic.startswith("p")
    return values[math.ceil(float(statistic[1:]) / 100 * len(values)) - 1]


def _calculated(expression: str, names: Mapping[str, float]) -> float:
    python = expression.replace(" AND ", " and ").replace("IF(", "choose(")
    for node in ast.walk(ast.parse(python, mode="eval")):
        allowed = (ast.Expression, ast.Call, ast.Name, ast.Load, ast.Constant, ast.BoolOp, ast.And, ast.Compare)
        assert isinstance(node, (*allowed, ast.Gt, ast.Lt, ast.BinOp, ast.Sub)), f"unknown here: {ast.dump(node)}"
    choose = {"choose": lambda condition, then, otherwise: then if condition else otherwise}
    return float(eval(python, {"__builtins__": {}}, {**names, **choose}))  # noqa: S307 (only what is allowed above)
