"""Each alarm reads what is really told, goes off, is over again, is quiet at rest, and is in the runbook."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from callscribe.edge import metrics
from callscribe.edge.metrics import Metric
from harness.alarms import ALARM, FARTHER_BACK, OK, Key, evaluate, keys_of
from harness.aws_metrics import OF_AWS
from harness.emf import TOLD_BY_EACH_DELETION, TOLD_BY_EACH_SWEEP
from harness.template import REPOSITORY, STACK_NAME, resources, template

ALARMS: Mapping[str, Any] = {name: one["Properties"] for name, one in resources("AWS::CloudWatch::Alarm").items()}
COMPOSITE = resources("AWS::CloudWatch::CompositeAlarm")["CallsAreBeingLostAlarm"]["Properties"]
SECTION = re.compile(r"^## (\w+Alarm)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)

# What has a value at any time: AWS tells them of what is there, or of each run; and the sweep tells zeros.
DENSE = {
    *("Errors", "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"),
    *TOLD_BY_EACH_SWEEP,
    *TOLD_BY_EACH_DELETION,
}
OWN: Mapping[str, Metric] = {one.name: one for one in vars(metrics).values() if isinstance(one, Metric)}
SWEEPS = [1.0, 1.0, 1.0]
"""What three sweeps in a quarter of an hour tell, of seconds."""

# What each alarm is there for: the values of its metrics, period by period, the latest first. All periods that it looks
# at have them where only one is given.
HAPPENS: Mapping[str, list[list[float]]] = {
    "OldestUnsettledAlarm": [[3700.0]],
    "SweepBehindAlarm": [[7500.0, 7800.0, 8100.0]],
    "RecordingsFailedAlarm": [[1.0]],
    "RepairedAlarm": [[1.0, 1.0, 1.0]],
    "StaticAnswerAlarm": [[1.0]],
    "VoiceFallbackAlarm": [[1.0]],
    "SlowAnswerAlarm": [[100.0] * 98 + [2600.0] * 2],
    "WrongSignatureAlarm": [[1.0] * 3],
    "RefusalsAlarm": [[1.0] * 100],
    "CredentialsAlarm": [[1.0]],
    "BudgetAlarm": [[70.0, 81.0]],
    "UnknownEventsAlarm": [[1.0]],
    "WebhooksUnreadableAlarm": [[1.0]],
    "ListsUnreadableAlarm": [[1.0]],
    "DeletionsRefusedAlarm": [[1.0, 2.0]],
    "DeletionsOverdueAlarm": [[21_700.0, 22_000.0]],
    "ErasuresUnfinishedAlarm": [[1.0, 2.0]],
    "RecordingsQueueAgeAlarm": [[1900.0]],
    "TranscriptsQueueAgeAlarm": [[1900.0]],
    "BackfillQueueAgeAlarm": [[25 * 3600.0]],
    "BackfillWaitAlarm": [[61 * 3600.0]],
    "RecordingsDeadLettersAlarm": [[0.0, 1.0]],
    "TranscriptsDeadLettersAlarm": [[0.0, 1.0]],
    "BackfillDeadLettersAlarm": [[0.0, 1.0]],
    "RetriedMessagesAlarm": [[15.0, 3700.0]],
    "Api4xxAlarm": [[1.0] * 50],
    "Api5xxAlarm": [[1.0] * 3],
    "ApiThrottledAlarm": [[1.0]],
    "SweepErrorsAlarm": [[1.0]],
    # At most one an hour: it runs so often, and is not tried again.
    "DeletionErrorsAlarm": [[1.0], [1.0], [0.0]],
}
# What goes on all the time, or may happen once, and calls nobody.
ORDINARY: Mapping[str, list[list[float]]] = {
    "OldestUnsettledAlarm": [[3700.0], [400.0], [100.0]],
    # One sweep that Twilio failed, and the next compares all.
    "SweepBehindAlarm": [[0.0, 0.0, 3300.0], [8000.0, 0.0]],
    "RepairedAlarm": [[1.0, 1.0]],
    "SlowAnswerAlarm": [[2600.0], [300.0], [300.0], [300.0], [300.0]],
    "WrongSignatureAlarm": [[1.0, 1.0]],
    "RefusalsAlarm": [[1.0] * 99],
    "CredentialsAlarm": [[1.0], [], []],
    "BudgetAlarm": [[79.9]],
    # Twilio had not finished it, or its row went out of the list in between.
    "DeletionsRefusedAlarm": [[1.0], [1.0], [0.0, 1.0]],
    "DeletionsOverdueAlarm": [[22_000.0], [22_000.0, 20_000.0]],
    "ErasuresUnfinishedAlarm": [[1.0]] * 23 + [[0.0, 1.0]],
    "RecordingsQueueAgeAlarm": [[1900.0], [1600.0], [1300.0]],
    "TranscriptsQueueAgeAlarm": [[1900.0], [1600.0], [1300.0]],
    "BackfillQueueAgeAlarm": [[20 * 3600.0]],
    "BackfillWaitAlarm": [[50 * 3600.0]],
    "RecordingsDeadLettersAlarm": [[0.0]],
    "TranscriptsDeadLettersAlarm": [[0.0]],
    "BackfillDeadLettersAlarm": [[0.0]],
    "RetriedMessagesAlarm": [[3700.0], [900.0]],
    "Api4xxAlarm": [[1.0] * 60, [1.0] * 20, []],
    "Api5xxAlarm": [[1.0, 1.0]],
    "SweepErrorsAlarm": [[1.0], [1.0], [0.0]],
    "DeletionErrorsAlarm": [[1.0], [0.0], [0.0]],
}
OF_FUNCTIONS = {
    "WebhookErrorsAlarm": 1,
    "WorkerErrorsAlarm": 2,
    "WebhookThrottlesAlarm": 1,
    "WorkerThrottlesAlarm": 10,
}


def periods(alarm: Mapping[str, Any], told: list[list[float]]) -> dict[int, list[float]]:
    many = told if len(told) > 1 else told * alarm["EvaluationPeriods"]
    return dict(enumerate(many))


def state(name: str, told: list[list[float]]) -> str:
    alarm = ALARMS[name]
    return evaluate(alarm, {key: periods(alarm, told) for key in keys_of(alarm)})


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reads_what_is_told(name: str) -> None:
    for namespace, metric, dimensions in keys_of(ALARMS[name]):
        names = tuple(sorted(one for one, _ in dimensions))
        if namespace != metrics.NAMESPACE:
            assert (namespace, metric, names) in OF_AWS
            continue
        assert {("service", "callscribe"), ("environment", STACK_NAME)} <= dimensions
        if metric != "ApiThrottled":
            assert set(names) - {"service", "environment"} <= {OWN[metric].by}


def test_what_the_api_turns_away_is_told_by_its_log_with_the_alarm_s_dimensions() -> None:
    (told,) = resources("AWS::Logs::MetricFilter")["ApiThrottledFilter"]["Properties"]["MetricTransformations"]
    written = template()["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"]["Fn::Sub"]
    assert (told["MetricNamespace"], told["MetricName"]) == ("Callscribe", "ApiThrottled")
    assert {one["Key"]: one["Value"] for one in told["Dimensions"]} == {
        "service": "$.service",
        "environment": "$.environment",
    }
    assert written.startswith('{"service":"callscribe","environment":"${AWS::StackName}",')
    assert '"status":"$context.status"' in written


def test_the_values_of_further_dimensions_are_those_that_are_told() -> None:
    values = {
        one["Value"]
        for alarm in ALARMS.values()
        for one in alarm.get("Dimensions", [])
        if one["Name"] in {"reason", "kind", "what"}
    }
    # tests/unit/test_signatures.py and test_metrics.py find each of these in what is told.
    assert values == {"wrong_signature", "credentials"}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_quiet_at_rest(name: str) -> None:
    alarm = ALARMS[name]
    # The schedules run whether calls come or not.
    told = {"SweepAlarm": SWEEPS, "DeletionsOverdueAlarm": [0.0] * 12}
    values = {key: periods(alarm, [told[name]]) if name in told else {} for key in keys_of(alarm)}
    assert evaluate(alarm, values) == OK
    assert alarm["TreatMissingData"] == ("breaching" if name in told else "notBreaching")


@pytest.mark.parametrize("name", HAPPENS)
def test_an_alarm_goes_off_and_is_over(name: str) -> None:
    alarm = ALARMS[name]
    happened = list(periods(alarm, HAPPENS[name]).values())
    assert state(name, happened) == ALARM
    dense = {metric for _, metric, _ in keys_of(alarm)} <= DENSE
    calm = [[0.0]] if dense else [[]]
    # Where nothing is told when all is well, CloudWatch looks farther back for a while.
    longest = alarm["EvaluationPeriods"] + (0 if dense else FARTHER_BACK)
    assert state(name, calm * longest + happened) == OK


@pytest.mark.parametrize("name", ALARMS)
def test_that_an_alarm_is_over_is_told_at_most_two_hours_late(name: str) -> None:
    alarm = ALARMS[name]
    keys = keys_of(alarm)
    (period,) = {one["MetricStat"]["Period"] for one in alarm.get("Metrics", []) if "MetricStat" in one} or {
        alarm["Period"]
    }
    late = 0 if {metric for _, metric, _ in keys} <= DENSE else FARTHER_BACK * period
    assert late <= 2 * 3600


@pytest.mark.parametrize("name", ORDINARY)
def test_an_alarm_is_not_set_off_by_what_may_happen(name: str) -> None:
    assert state(name, ORDINARY[name]) == OK


@pytest.mark.parametrize(("name", "most"), OF_FUNCTIONS.items())
def test_an_alarm_of_functions_goes_off_for_each_of_them_and_for_all_together(name: str, most: int) -> None:
    alarm = ALARMS[name]
    keys = keys_of(alarm)
    for key in keys:
        others: dict[Key, dict[int, list[float]]] = {other: {} for other in keys}
        assert evaluate(alarm, others | {key: periods(alarm, [[1.0] * most])}) == ALARM
        assert evaluate(alarm, others | {key: periods(alarm, [[1.0] * (most - 1)])}) == OK
    together = {key: periods(alarm, [[most / len(keys)]]) for key in keys}
    assert evaluate(alarm, together) == ALARM


def test_every_function_has_alarms_for_its_errors_and_for_its_throttles() -> None:
    functions = {f"<{name}>" for name in resources("AWS::Serverless::Function")}
    for metric in ("Errors", "Throttles"):
        read = {
            value
            for alarm in ALARMS.values()
            for _, name, dimensions in keys_of(alarm)
            for dimension, value in dimensions
            if (name, dimension) == (metric, "FunctionName")
        }
        assert read == functions


def test_every_queue_has_an_alarm_for_its_age_or_for_its_letters() -> None:
    for queue in resources("AWS::SQS::Queue"):
        letters = queue.endswith("DeadLetters")
        metric = "ApproximateNumberOfMessagesVisible" if letters else "ApproximateAgeOfOldestMessage"
        key = ("AWS/SQS", metric, frozenset({("QueueName", f"<{queue}>")}))
        assert key in {one for alarm in ALARMS.values() for one in keys_of(alarm)}


@pytest.mark.parametrize(
    ("accepted", "skipped", "stored", "expected"),
    [
        (([1.0], [1.0], [1.0]), ([0.0],) * 3, ([0.0],) * 3, ALARM),
        (([1.0], [1.0], [1.0]), ([0.0],) * 3, ([1.0], [0.0], [0.0]), OK),
        (([1.0], [0.0], [1.0]), ([0.0],) * 3, ([0.0],) * 3, OK),
        (([2.0], [2.0], [1.0]), ([2.0], [2.0], [1.0]), ([0.0],) * 3, OK),
        (([0.0],) * 3, ([0.0],) * 3, ([0.0],) * 3, OK),
    ],
    ids=["none stored", "one stored", "an hour without calls", "only hang-ups", "no calls"],
)
def test_no_call_stored_although_calls_came(accepted: Any, skipped: Any, stored: Any, expected: str) -> None:
    alarm = ALARMS["NoCallStoredAlarm"]
    told = {"RecordingsAccepted": accepted, "RecordingsSkipped": skipped, "CallsStored": stored}
    assert evaluate(alarm, {key: dict(enumerate(told[key[1]])) for key in keys_of(alarm)}) == expected


def test_a_sweep_that_does_not_run_is_an_alarm() -> None:
    assert state("SweepAlarm", [[], []]) == ALARM
    assert state("SweepAlarm", [SWEEPS, []]) == OK
    # Though it did run farther back.
    assert state("SweepAlarm", [[], [], SWEEPS, SWEEPS]) == ALARM
    # As often as SweepSchedule lets it run at least.
    assert state("SweepAlarm", [[1.0], [1.0]]) == OK


def test_deletions_that_do_not_run_are_an_alarm() -> None:
    assert state("DeletionsOverdueAlarm", [[], []]) == ALARM
    assert state("DeletionsOverdueAlarm", [[0.0], []]) == OK


def test_every_alarm_is_tried() -> None:
    apart = {"NoCallStoredAlarm", "SweepAlarm"}
    assert set(HAPPENS) | set(OF_FUNCTIONS) | apart == set(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_calls_somebody_and_says_when_it_is_over(name: str) -> None:
    topic = [{"Ref": "AlarmTopic"}]
    assert (ALARMS[name]["AlarmActions"], ALARMS[name]["OKActions"]) == (topic, topic)


def runbook() -> dict[str, str]:
    return dict(SECTION.findall((REPOSITORY / "docs" / "runbook.md").read_text()))


def test_each_alarm_has_its_section_of_the_runbook_and_each_section_its_alarm() -> None:
    assert sorted(runbook()) == sorted([*ALARMS, "CallsAreBeingLostAlarm"])


@pytest.mark.parametrize("name", [*ALARMS, "CallsAreBeingLostAlarm"])
def test_an_alarm_says_what_to_do_and_names_its_section(name: str) -> None:
    description = {**ALARMS, "CallsAreBeingLostAlarm": COMPOSITE}[name]["AlarmDescription"]
    assert description.endswith(f" docs/runbook.md#{name.lower()}")
    assert len(description) <= 1024
    assert re.search(r"\b(Run|Look|Ask|Lower|Raise)\b", description)


@pytest.mark.parametrize("name", [*ALARMS, "CallsAreBeingLostAlarm"])
def test_a_section_says_what_to_look_at_what_to_run_and_when_it_is_over(name: str) -> None:
    section = runbook()[name]
    for part in ("**Look at**", "**Do**", "**Over when**"):
        assert section.count(part) == 1, part


def test_calls_are_being_lost_where_one_of_these_is_on() -> None:
    named = re.findall(r'ALARM\("\$\{(\w+)\}"\)', COMPOSITE["AlarmRule"]["Fn::Sub"])
    assert set(named) <= set(ALARMS)
    assert {"NoCallStoredAlarm", "OldestUnsettledAlarm", "SweepAlarm", "WrongSignatureAlarm"} <= set(named)
    assert re.sub(r'ALARM\("\$\{\w+\}"\)', "x", COMPOSITE["AlarmRule"]["Fn::Sub"]) == " OR ".join("x" * len(named))
