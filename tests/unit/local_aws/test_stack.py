"""What can be done to a deployed stack beside deploying it."""

from pathlib import Path

from callscribe_tools.local_aws import LocalAws, Stack


def test_only_the_stacks_own_schedules_are_disabled(moto_url: str, tmp_path: Path) -> None:
    aws = LocalAws(moto_url, tmp_path)
    events = aws.client("events")
    for name in ("own-sweep", "foreign-sweep"):
        events.put_rule(Name=name, ScheduleExpression="rate(5 minutes)")
    events.put_rule(Name="own-pattern", EventPattern='{"source": ["callscribe"]}')
    resources = {"SweepFunctionEveryFewMinutes": "own-sweep", "Heard": "own-pattern"}

    Stack("callscribe-local", aws, {}, resources, "a.execute-api.localhost").disable_schedules()

    states = {rule["Name"]: rule["State"] for rule in events.list_rules()["Rules"]}
    assert (states["own-sweep"], states["foreign-sweep"], states["own-pattern"]) == ("DISABLED", "ENABLED", "ENABLED")
