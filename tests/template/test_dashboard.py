"""The dashboard is what CloudWatch takes, and shows what is really told.

Source: CloudWatch docs, "Dashboard body structure and syntax".
"""

import json
import re
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from callscribe.edge import metrics
from callscribe.edge.metrics import Metric
from harness.aws_metrics import OF_AWS
from harness.template import resources

BODY: str = resources("AWS::CloudWatch::Dashboard")["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
REFERENCE = re.compile(r"\$\{([\w:.]+)\}")
OWN = {one.name: one for one in vars(metrics).values() if isinstance(one, Metric)}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Axis(Strict):
    min: float | None = None
    max: float | None = None
    label: str | None = None


class Axes(Strict):
    left: Axis | None = None
    right: Axis | None = None


class Graph(Strict):
    title: str
    region: str
    view: Literal["timeSeries", "singleValue", "gauge", "bar", "pie", "table"]
    stacked: bool
    stat: str = Field(pattern=r"^(Average|Minimum|Maximum|Sum|SampleCount|p\d{1,2}(\.\d+)?)$")
    period: int = Field(ge=1, multiple_of=60)
    metrics: list[list[Any]] = Field(min_length=1, max_length=500)
    set_period_to_time_range: bool = Field(default=False, alias="setPeriodToTimeRange")
    y_axis: Axes | None = Field(default=None, alias="yAxis")


class Markdown(Strict):
    markdown: str


class Widget(Strict):
    type: Literal["metric", "text"]
    x: int = Field(ge=0, le=23)
    y: int = Field(ge=0)
    width: int = Field(ge=1, le=24)
    height: int = Field(ge=1, le=1000)
    properties: Graph | Markdown


class Body(Strict):
    # By default the last three hours are shown.
    start: str | None = Field(default=None, pattern=r"^-P(\d+D|T\d+H)$")
    widgets: list[Widget] = Field(max_length=500)


class Rendering(Strict):
    """What may stand behind a metric's dimensions, or instead of them."""

    expression: str | None = None
    id: str | None = Field(default=None, pattern="^[a-z][a-zA-Z0-9_]*$")
    label: str | None = None
    stat: str | None = None


def body() -> Body:
    return Body.model_validate(json.loads(BODY))


def graphs() -> list[Graph]:
    return [one.properties for one in body().widgets if isinstance(one.properties, Graph)]


def lines() -> list[tuple[list[str], Rendering]]:
    """Each metric of each graph: what names it, and how it is drawn."""
    found = []
    for graph in graphs():
        for metric in graph.metrics:
            names = [one for one in metric if isinstance(one, str)]
            (drawn,) = [one for one in metric if isinstance(one, dict)] or [{}]
            found.append((names, Rendering.model_validate(drawn)))
    return found


def test_the_body_has_the_documented_shape() -> None:
    widgets = body().widgets
    assert all(one.x + one.width <= 24 for one in widgets)
    assert [one.type for one in widgets].count("text") == 1


def test_no_widget_lies_on_another() -> None:
    taken: set[tuple[int, int]] = set()
    for one in body().widgets:
        cells = {(x, y) for x in range(one.x, one.x + one.width) for y in range(one.y, one.y + one.height)}
        assert taken.isdisjoint(cells)
        taken |= cells


def test_the_flow_is_read_from_left_to_right() -> None:
    flow = sorted((one for one in body().widgets if one.y == 1), key=lambda one: one.x)
    shown = [one.properties.metrics[0][1] for one in flow if isinstance(one.properties, Graph)]
    assert shown == ["CallsAnswered", "RecordingsAccepted", "TranscriptsRequested", "CallsStored"]
    # Of all the time that is shown, or it would be of the last period.
    assert all(isinstance(one.properties, Graph) and one.properties.set_period_to_time_range for one in flow)
    assert body().start == "-P1D"


def test_each_graph_shows_what_is_told_with_its_dimensions() -> None:
    for names, drawn in lines():
        if names[:1] == ["Callscribe"]:
            assert names[1] in OWN
            assert names[2:] == ["service", "callscribe", "environment", "${AWS::StackName}"]
        elif names:
            assert (names[0], names[1], tuple(sorted(names[2::2]))) in OF_AWS
            assert len(names) % 2 == 0
        else:
            match = re.fullmatch(
                r"SEARCH\('\{Callscribe,service,environment,(\w+)\} MetricName=\"(\w+)\" "
                r"environment=\"\$\{AWS::StackName\}\"', 'Sum', 300\)",
                drawn.expression or "",
            )
            assert match
            assert OWN[match[2]].by == match[1]


def test_each_name_in_it_is_a_resource_of_the_stack() -> None:
    names = {one.split(".")[0] for one in REFERENCE.findall(BODY)} - {"AWS::StackName", "AWS::Region"}
    everything = {
        *resources("AWS::SQS::Queue"),
        *resources("AWS::Serverless::Function"),
        *resources("AWS::Serverless::HttpApi"),
    }
    assert names == everything


def test_expressions_have_ids_of_their_own() -> None:
    for graph in graphs():
        ids = [one["id"] for metric in graph.metrics for one in metric if isinstance(one, dict) and "id" in one]
        assert len(ids) == len(set(ids))


# voice_fallback knows no call, but may go wrong.
@pytest.mark.parametrize(("name", "without"), [("StoryOfACall", {"VoiceFallbackLog"}), ("WhatGoesWrong", set())])
def test_a_saved_query_searches_every_log_that_tells_of_it(name: str, without: set[str]) -> None:
    query = resources("AWS::Logs::QueryDefinition")[name]["Properties"]
    logs = set(resources("AWS::Logs::LogGroup")) - {"ApiLog"}
    assert {one["Ref"] for one in query["LogGroupNames"]} == logs - without


# As the runtime of Lambda writes them, which no code of ours does.
@pytest.mark.parametrize(
    "line",
    [
        "2026-11-20T09:00:30.000Z 6f1c Task timed out after 14.00 seconds",
        "[ERROR] Runtime.ImportModuleError: Unable to import module 'handler': No module named 'callscribe'",
        "RequestId: 6f1c Error: Runtime exited with error: signal: killed Runtime.ExitError",
    ],
)
def test_what_goes_wrong_before_our_code_can_tell_is_found(line: str) -> None:
    query = resources("AWS::Logs::QueryDefinition")["WhatGoesWrong"]["Properties"]["QueryString"]
    (pattern,) = re.findall(r"@message like /(.+)/", query)
    assert re.search(pattern, line)
