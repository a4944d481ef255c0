"""What the template promises about waiting, failing, keeping and naming."""

import math
import re
import tomllib

import pytest

from callscribe.adapters.items import BY_DELETE_AT, BY_DUE_AT, DUE, call_key
from callscribe.edge.retries import LONGEST_DELAY_SECONDS, LONGEST_VISIBILITY_SECONDS
from callscribe.usecases.incoming_call import RETRIES
from harness.template import REPOSITORY, function, function_names, resolve, resources, routes, template

FUNCTIONS = function_names()
# Twilio gives up on a webhook after 15 s (Twilio docs, "Webhooks: connection overrides").
TWILIO_WAITS_SECONDS = 15
ACTIONS = {"/incoming-call/dialled", "/incoming-call/recorded", "/voice-fallback/recorded"}
# It shall work when nothing else does.
WITHOUT_LAYER = {"voice_fallback"}
# The routes whose limits the stage of version 0.1.0 has.
LIMITED_BEFORE = {
    "POST /incoming-call",
    "POST /incoming-call/dialled",
    "POST /incoming-call/recorded",
    "POST /voice-fallback",
    "POST /voice-fallback/recorded",
}


def seconds(name: str) -> int:
    return int(resolve(function(name)["Timeout"], {}))


def queue_mappings() -> list[tuple[str, dict[str, object]]]:
    return [
        (name, event["Properties"])
        for name in FUNCTIONS
        for event in function(name)["Events"].values()
        if event["Type"] == "SQS"
    ]


def test_the_version_that_the_stack_tells_is_the_projects() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert template()["Outputs"]["Version"]["Value"] == project["version"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_on_the_python_that_the_tests_run_on(name: str) -> None:
    assert function(name)["Runtime"] == "python3.13"
    assert function(name)["Architectures"] == ["arm64"]
    assert function(name).get("Layers", []) == ([] if name in WITHOUT_LAYER else [{"Ref": "CallscribeLayer"}])


def test_an_update_of_an_older_stack_removes_no_route_that_its_stage_limits() -> None:
    """UpdateStage keeps the limits that the template no longer has, and answers 404 if their route is gone."""
    assert set(template()["Resources"]["Api"]["Properties"]["RouteSettings"]) >= LIMITED_BEFORE
    assert {" ".join(route) for route in routes()} >= LIMITED_BEFORE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_knows_the_secret_only_if_it_needs_it(name: str) -> None:
    assert ("SETTINGS_SECRET_ARN" in function(name)["Environment"]["Variables"]) == (name not in WITHOUT_LAYER)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_knows_the_settings_of_the_numbers_only_if_it_needs_more_than_credentials(name: str) -> None:
    knows = "SETTINGS_TABLE_NAME" in function(name)["Environment"]["Variables"]
    handler = (REPOSITORY / "functions" / name / "handler.py").read_text()
    assert knows == ("settings_reader().current(" in handler)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_log_has_an_end(name: str) -> None:
    log = template()["Resources"][function(name)["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
    assert log["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_webhook_is_answered_before_twilio_gives_up(name: str) -> None:
    if any(event["Type"] == "HttpApi" for event in function(name)["Events"].values()):
        assert seconds(name) < TWILIO_WAITS_SECONDS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_no_one_waits_for_has_somewhere_to_fail_to(name: str) -> None:
    for event in function(name)["Events"].values():
        # What a run of a schedule leaves undone stays due in the table, for the next one.
        assert event["Type"] in {"HttpApi", "SQS", "Schedule"}, "an asynchronous trigger needs a failure destination"


# How often each schedule runs at most (SweepSchedule lets it be each minute).
SCHEDULES = {"sweep": 60, "delete_recordings": 3600}


def test_every_schedule_is_known_here() -> None:
    scheduled = {name for name in FUNCTIONS for one in function(name)["Events"].values() if one["Type"] == "Schedule"}
    assert scheduled == set(SCHEDULES)


@pytest.mark.parametrize(("name", "every_seconds"), SCHEDULES.items())
def test_scheduled_events_do_not_pile_up_while_lambda_has_no_room(name: str, every_seconds: int) -> None:
    """Lambda keeps a throttled event for six hours by default, EventBridge an undelivered one for a day."""
    (event,) = function(name)["Events"].values()
    invoke, retry = function(name)["EventInvokeConfig"], event["Properties"]["RetryPolicy"]
    # 60 is the least that both take.
    assert 60 <= invoke["MaximumEventAgeInSeconds"] <= every_seconds
    assert 60 <= retry["MaximumEventAgeInSeconds"] <= every_seconds
    assert invoke["MaximumRetryAttempts"] == 0


@pytest.mark.parametrize(("name", "mapping"), queue_mappings())
def test_a_message_fails_alone_and_ends_in_the_dead_letters(name: str, mapping: dict[str, object]) -> None:
    own_queue = mapping["Queue"]["Fn::GetAtt"][0]  # type: ignore[index]
    queue = template()["Resources"][own_queue]["Properties"]
    dead_letters = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert function(name)["Environment"]["Variables"]["DEAD_LETTERS_URL"] == {"Ref": dead_letters}
    # What is from before gets the least that there is, however many live calls are worked on at once.
    most = template()["Parameters"]["WorkerConcurrency"]["MinValue"] if name == "backfill_recording" else None
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": most or {"Ref": "WorkerConcurrency"}}
    # A message that is still being worked on must not come back.
    visible_again_seconds = int(resolve(queue["VisibilityTimeout"], {}))
    assert visible_again_seconds > 6 * seconds(name)
    assert function(name)["Environment"]["Variables"]["QUEUE_URL"] == {"Ref": own_queue}
    # A message is given up for its age before it was received too often, and before it expires.
    give_up_seconds = template()["Parameters"]["GiveUpHours"]["MaxValue"] * 3600
    hours = function(name)["Environment"]["Variables"]["GIVE_UP_HOURS"]
    assert hours == {"Ref": "GiveUpHours"} or int(hours) * 3600 <= give_up_seconds
    received_at_most = queue["RedrivePolicy"]["maxReceiveCount"]
    first_tries = math.ceil(math.log2(LONGEST_DELAY_SECONDS))
    assert give_up_seconds < (received_at_most - first_tries) * LONGEST_DELAY_SECONDS / 2
    assert give_up_seconds + LONGEST_VISIBILITY_SECONDS < queue["MessageRetentionPeriod"]
    # One whose worker always dies is not forgotten either.
    assert received_at_most * visible_again_seconds < queue["MessageRetentionPeriod"]
    # A dead letter keeps the age it had as a message.
    kept = template()["Resources"][dead_letters]["Properties"]["MessageRetentionPeriod"]
    assert kept > queue["MessageRetentionPeriod"]


def test_dead_letters_take_only_what_comes_from_their_queue() -> None:
    for name, one in resources("AWS::SQS::Queue").items():
        if "RedrivePolicy" in one["Properties"]:
            dead_letters = template()["Resources"][
                one["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
            ]["Properties"]
            (arn,) = dead_letters["RedriveAllowPolicy"]["sourceQueueArns"]
            queue_name = one["Properties"]["QueueName"]["Fn::Sub"]
            assert arn["Fn::Sub"].endswith(f":{queue_name}"), name


def test_what_is_retained_has_no_fixed_name_to_collide_with_the_next_deploy() -> None:
    retained = {
        name: one["Properties"]
        for name, one in template()["Resources"].items()
        if one.get("DeletionPolicy") == "Retain"
    }
    assert set(retained) == {"CallsTable", "Key", "Settings", "UnredactedTable"}
    assert not {"TableName", "Name"} & {key for one in retained.values() for key in one}


def test_every_fixed_name_begins_with_the_stack() -> None:
    named = {"QueueName", "LogGroupName", "Name", "FunctionName", "RoleName"}
    for resource in template()["Resources"].values():
        for key in named & resource.get("Properties", {}).keys():
            name = resource["Properties"][key]
            of_a_resource = name.get("Ref") in {*template()["Resources"], "AWS::StackName"}
            assert re.match(r"/?\$\{AWS::StackName\}", name.get("Fn::Sub", "")) or of_a_resource


def test_no_secret_has_a_value() -> None:
    for secret in resources("AWS::SecretsManager::Secret").values():
        assert not {"SecretString", "GenerateSecretString"} & secret["Properties"].keys()


def test_the_settings_go_with_the_stack_and_are_never_forgotten() -> None:
    table = resources("AWS::DynamoDB::Table")["SettingsTable"]
    # Deleted with a backup, which point-in-time recovery makes; a new table of another key leaves the old one.
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Delete", "Retain")
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert not {"TimeToLiveSpecification", "DeletionProtectionEnabled", "TableName"} & table["Properties"].keys()


@pytest.mark.parametrize("name", ["CallsTable", "UnredactedTable"])
def test_a_table_survives_and_forgets(name: str) -> None:
    table = resources("AWS::DynamoDB::Table")[name]["Properties"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_the_tables_have_the_keys_that_their_adapter_writes() -> None:
    table, unredacted = (
        resources("AWS::DynamoDB::Table")[name]["Properties"] for name in ("CallsTable", "UnredactedTable")
    )
    indexes = {one["IndexName"]: one for one in table["GlobalSecondaryIndexes"]}

    def key(of: dict[str, list[dict[str, str]]]) -> list[str]:
        return [one["AttributeName"] for one in of["KeySchema"]]

    assert set(key(table)) == set(call_key("CA" + "0" * 32))  # type: ignore[arg-type]
    assert key(unredacted) == key(table)
    assert key(indexes["by_day"]) == ["day", "started"]
    assert key(indexes[BY_DUE_AT]) == [DUE, "due_at"]
    assert key(indexes[BY_DELETE_AT]) == ["deletion", "delete_at"]


def test_every_address_to_enter_at_twilio_is_an_output_with_a_route() -> None:
    paths = {
        event["Properties"]["Path"]
        for name in FUNCTIONS
        for event in function(name)["Events"].values()
        if event["Type"] == "HttpApi"
    }
    urls = {
        re.sub(r"#.*", "", one["Value"]["Fn::Sub"][0]).removeprefix("${Base}")
        for one in template()["Outputs"].values()
        if "${Base}" in str(one["Value"])
    }
    assert urls <= paths
    # What our own TwiML names is no address for anyone to enter; one is made of a secret that the operator chooses.
    # Version 0.1.0 has entered /voice-fallback; today's output is the address of FallbackApi.
    assert paths - urls == {"/ci-create-transcript", "/ci-webhook/{token}", "/voice-fallback", *ACTIONS}


@pytest.mark.parametrize("output", ["IncomingCallUrl", "CallStatusUrl"])
def test_twilio_retries_what_it_is_asked_to(output: str) -> None:
    assert template()["Outputs"][output]["Value"]["Fn::Sub"][0].endswith(RETRIES)


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_every_environment_is_a_section_of_samconfig(environment: str) -> None:
    samconfig = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    deploy = samconfig[environment]["deploy"]["parameters"]
    assert deploy["stack_name"] == f"callscribe-{environment}"
    overridden = {one.split("=")[0] for one in deploy["parameter_overrides"]}
    assert overridden <= set(template()["Parameters"])


def test_a_key_of_its_own_encrypts_all_that_is_stored() -> None:
    key, arn = {"Ref": "Key"}, {"Fn::GetAtt": ["Key", "Arn"]}
    nothing = {"Ref": "AWS::NoValue"}
    for queue in resources("AWS::SQS::Queue").values():
        assert queue["Properties"]["KmsMasterKeyId"] == {"Fn::If": ["HasKey", key, nothing]}
        # One of AWS's otherwise.
        assert queue["Properties"]["SqsManagedSseEnabled"] == {"Fn::If": ["HasKey", nothing, True]}
    for table in resources("AWS::DynamoDB::Table").values():
        encrypted = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
        assert table["Properties"]["SSESpecification"] == {"Fn::If": ["HasKey", encrypted, nothing]}
    for log in resources("AWS::Logs::LogGroup").values():
        assert log["Properties"]["KmsKeyId"] == {"Fn::If": ["HasKey", arn, nothing]}
    settings = template()["Resources"]["Settings"]["Properties"]
    topic = template()["Resources"]["AlarmTopic"]["Properties"]
    assert settings["KmsKeyId"] == topic["KmsMasterKeyId"] == {"Fn::If": ["HasKey", key, nothing]}
