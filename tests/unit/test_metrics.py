"""Every metric that docs/metrics.md names is really told, with its unit and its dimension, and no other is."""

import ast
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from callscribe.edge import metrics
from callscribe.edge.metrics import OTHER, Metric
from callscribe.usecases.backfill_recording import MOST_WAITING
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Scenario, Simulator, load_scenario
from harness.answers import answer, recover
from harness.emf import TOLD_BY_EACH_DELETION, TOLD_BY_EACH_SWEEP, Told, metrics_in
from harness.events import batch_of, http_event, load_event, signed, sqs_event
from harness.later import be_later, work
from harness.stack import NUMBER, Stack, aws
from harness.template import REPOSITORY, STACK_NAME, resources

CALL = "/2010-04-01/Accounts/{account}/Calls/{sid}.json"
CALLS = "/2010-04-01/Accounts/{account}/Calls.json"
RECORDING = "/2010-04-01/Accounts/{account}/Recordings/{sid}.json"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (?:`(\w+)`|.) \|", re.MULTILINE)

type Printed = Callable[[], str]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return lambda: capsys.readouterr().out


def documented() -> set[tuple[str, str, str | None]]:
    """Name, unit and further dimension of each metric."""
    page = (REPOSITORY / "docs" / "metrics.md").read_text()
    return {(name, unit, by or None) for name, unit, by in ROW.findall(page)}


def filtered() -> set[tuple[str, str, None]]:
    """The metrics that are made of a log."""
    filters = [one["Properties"] for one in resources("AWS::Logs::MetricFilter").values()]
    made = [one for some in filters for one in some["MetricTransformations"]]
    return {(one["MetricName"], one["Unit"], None) for one in made}


def as_documented(one: Told) -> tuple[str, str, str | None]:
    return one.name, one.unit, one.dimensions[1][2] if len(one.dimensions) > 1 else None


def calls(stack: Stack, twilio: Simulator) -> None:
    """A call that is stored, one too short, one whose transcript fails, one over the budget, a repaired one."""
    for name in ("cannot_log_in", "one_second", "transcript_fails"):
        twilio.place_call(load_scenario(name), to=NUMBER)
        work(stack)
        twilio.complete_transcripts()
        work(stack)
    twilio.place_call(load_scenario("cannot_log_in"), to=NUMBER)
    stack.messages("RecordingsQueue")
    be_later(stack, twilio)
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    work(stack)


def strangers(stack: Stack, token: str) -> None:
    """A request that nobody has signed, one of Twilio's that nobody understands, a recording nobody asked for."""
    event = load_event("track_call", "completed")
    stack.invoke("track_call", event | {"headers": {"content-type": event["headers"]["content-type"]}})
    form = {"content-type": "application/x-www-form-urlencoded"}
    stack.invoke("track_call", signed(http_event("/call-status", form, b"CallSid=nobody&CallStatus=completed"), token))
    stack.invoke("request_transcript", sqs_event("AnEvent=of+no+kind+known"))
    stack.invoke("request_transcript", load_event("request_transcript", "completed_of_conference"))
    stack.invoke("request_transcript", sqs_event("CallSid=nobody&RecordingSid=none&RecordingStatus=completed"))


def backfill(stack: Stack) -> None:
    """A recording from before gives way to live calls."""
    url = stack.physical_ids["RecordingsQueue"]
    for _ in range(MOST_WAITING + 1):
        aws("sqs").send_message(QueueUrl=url, MessageBody="a live call's")
    stack.invoke("backfill_recording", load_event("backfill_recording", "completed"))


def troubles(stack: Stack, twilio: Simulator) -> None:
    """Twilio is down; it refuses a Service; a list of it cannot be read; it refuses to delete."""
    twilio.place_call(load_scenario("cannot_log_in"), to=NUMBER)
    answer(twilio, "GET", CALL, 503)
    (message,) = stack.messages("RecordingsQueue")
    stack.invoke("request_transcript", sqs_event(message["Body"]))
    recover(twilio)
    answer(twilio, "POST", "/v2/Transcripts", 404)
    stack.invoke("request_transcript", sqs_event(message["Body"]))
    recover(twilio)
    answer(twilio, "GET", CALLS, 400)
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    recover(twilio)
    for item in stack.recordings():
        if item["state"] == "stored":
            stack.table().put_item(Item=item | {"due": "deletion", "due_at": 1})
    answer(twilio, "DELETE", RECORDING, 400)
    stack.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))
    recover(twilio)


def test_the_documented_metrics_are_those_that_are_told(
    stack: Stack, twilio: Simulator, twilio_url: str, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.write_settings(settings_document(twilio.account, twilio_url) | {"daily_minutes": 100})
    calls(stack, twilio)
    strangers(stack, twilio.account.auth_token)
    troubles(stack, twilio)
    backfill(stack)
    monkeypatch.setattr("callscribe.usecases.incoming_call.VoiceResponse", lambda: 1 / 0)
    twilio.place_call(load_scenario("cannot_log_in"), to=NUMBER)

    told = metrics_in(printed())
    assert {one.line["environment"] for one in told} == {STACK_NAME}
    in_all = {as_documented(one) for one in told}
    # The sweep tells nothing of some, for which there is no reason.
    in_all -= {(name, unit, None) for name, unit, by in in_all if by}
    in_all |= filtered()
    assert sorted(map(str, documented() - in_all)) == []
    assert sorted(map(str, in_all - documented())) == []


def test_a_dimension_has_the_documented_values_and_no_others() -> None:
    page = (REPOSITORY / "docs" / "metrics.md").read_text()
    lines = {name: line for line in page.splitlines() if (found := ROW.match(line)) for name in found.groups()[:1]}
    further = [one for one in vars(metrics).values() if isinstance(one, Metric) and one.by]
    assert further
    for metric in further:
        told = lines[metric.name].rsplit("|", 2)[1]
        words = set(re.findall(r"`([a-z_0-9]+)`", told))
        assert words == {*metric.values, OTHER}, metric.name


def test_a_value_that_is_not_declared_counts_as_another(printed: Printed) -> None:
    for metric in (metrics.RECORDINGS_SKIPPED, metrics.WEBHOOKS_REFUSED, metrics.REPAIRED, metrics.TWILIO_ERRORS):
        metrics.count(metric, "a word of Twilio's")
    for reason in ("transcript_paused", "recording_archived", "twilio_21220", "twilio_404", "gave_up"):
        metrics.count_failed(reason)
    assert [one.by for one in metrics_in(printed())] == [
        *["other"] * 4,
        "other",
        "other",
        "twilio_refused",
        "twilio_refused",
        "gave_up",
    ]


def test_every_doubt_about_a_webhook_is_a_declared_value() -> None:
    edge = REPOSITORY / "layers/callscribe/src/callscribe/edge"
    kinds = [
        node.args[1]
        for file in edge.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ForgeryError"
    ]
    words = {one.value for kind in kinds for one in ast.walk(kind) if isinstance(one, ast.Constant)}
    assert words == metrics.WEBHOOKS_REFUSED.values


def test_a_refusal_of_twilios_that_ends_a_recording_is_counted_without_its_code(
    stack: Stack, twilio: Simulator, scenario: Scenario, printed: Printed
) -> None:
    """Also where the transcript cannot be read: Twilio has hundreds of codes."""
    twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    stack.messages("TranscriptsQueue")
    be_later(stack, twilio)
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    answer(twilio, "GET", "/v2/Transcripts/{sid}", 400, '{"code": 20001}')
    printed()
    work(stack)
    assert [one.by for one in metrics_in(printed(), "RecordingsFailed")] == ["twilio_refused"]


def test_a_sweep_tells_what_has_a_value_at_any_time(stack: Stack, printed: Printed) -> None:
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    told = {one.name: one.values for one in metrics_in(printed()) if one.name != "TwilioLatency"}
    assert told == {name: [0.0] for name in TOLD_BY_EACH_SWEEP}


def test_a_call_is_counted_once_from_answered_to_stored_however_often_it_is_told(
    stack: Stack, twilio: Simulator, scenario: Scenario, printed: Printed
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    (message,) = stack.messages("TranscriptsQueue")
    be_later(stack, twilio, timedelta(minutes=10))
    for _ in range(2):
        stack.invoke("store_insights", batch_of(message))
    told = metrics_in(printed())

    for name in ("CallsAnswered", "RecordingsAccepted", "TranscriptsRequested", "CallsStored", "MinutesRequested"):
        assert (name, [one.values for one in told if one.name == name]) == (name, [[1.0]])
        assert {one.line["call_sid"] for one in told if one.name == name} == {call.sid}
    (seconds,) = [one.values for one in told if one.name == "SecondsToStored"]
    # The simulated call has taken no time, and ends some seconds from now.
    assert 500 < seconds[0] <= 600


def test_what_is_stored_from_before_tells_nothing_of_how_soon_calls_are_stored(
    stack: Stack, twilio: Simulator, scenario: Scenario, printed: Printed
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    for call in twilio.state.calls.values():
        call.started = call.started.replace(year=call.started.year - 1)
    stack.variables["RETENTION_DAYS"] = "3650"
    work(stack)
    twilio.complete_transcripts()
    work(stack)
    told = printed()
    assert [one.values for one in metrics_in(told, "CallsStored")] == [[1.0]]
    assert metrics_in(told, "SecondsToStored") == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "credentials"), (403, "credentials"), (429, "throttled"), (400, "4xx"), (500, "5xx"), (503, "5xx")],
)
def test_a_refusal_of_twilios_is_counted_by_its_kind(
    status: int, kind: str, callback: dict[str, Any], stack: Stack, twilio: Simulator, printed: Printed
) -> None:
    printed()
    answer(twilio, "GET", CALL, status)
    stack.invoke("request_transcript", callback)
    told = printed()
    assert [(one.values, one.by) for one in metrics_in(told, "TwilioErrors")] == [([1.0], kind)]
    (latency,) = metrics_in(told, "TwilioLatency")
    assert len(latency.values) == 2
    assert all(0 < one < 60_000 for one in latency.values)


def test_a_recording_that_does_not_exist_is_no_error_of_twilios(
    callback: dict[str, Any], stack: Stack, twilio: Simulator, printed: Printed
) -> None:
    twilio.state.recordings.clear()
    stack.invoke("request_transcript", callback)
    assert metrics_in(printed(), "TwilioErrors") == []


def test_each_run_of_the_deletions_tells_what_is_left_also_when_nothing_is(stack: Stack, printed: Printed) -> None:
    stack.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))
    assert {one.name: one.values for one in metrics_in(printed())} == {name: [0.0] for name in TOLD_BY_EACH_DELETION}
