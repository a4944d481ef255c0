"""A new version is deployed while messages wait and calls come in; then the stack is deleted, and deployed again."""

import re
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from callscribe_tools import verdict
from callscribe_tools.local_aws import BUILD_DIR, LocalAws, Stack, build_folder, deploy
from callscribe_tools.local_aws.paths import ROOT
from callscribe_tools.local_callscribe import FAST, LocalCallscribe, answering, running
from callscribe_tools.operator.environment import Env
from callscribe_tools.operator.errors import RefusedError
from callscribe_tools.operator.setup.config_file import DEMO_FILE, load
from callscribe_tools.simulator import Call, load_scenario
from e2e.stack import calls_unread, held, held_at_rest, wait_until, without_chance
from harness.answers import answer, recover
from harness.loopback import passing_on

SCENARIO = load_scenario("cannot_log_in")
SETTLE_SECONDS = 300.0
"""A message that has failed all through an update of a minute comes back up to 64 s after its last try."""
NAME = "callscribe-updated"
SECOND = "the second version has started"
PARAMETERS = {
    **FAST,
    "DeletionProtection": "true",
    "LookAgainSeconds": "5",
    "QueueVisibilitySeconds": "12",
    "TwilioTimeoutSeconds": "2",
    "WorkerTimeoutSeconds": "10",
}
"""Nobody wants to wait here for what comes back after minutes; and what is kept is protected, as in production."""


@dataclass
class Update:
    """An update of a stack in use: the stack then, how much waited on each queue, and when which calls were placed."""

    local: LocalCallscribe
    waiting: dict[str, int]
    before: list[Call]
    during: list[Call]
    after: list[Call]

    @property
    def calls(self) -> list[Call]:
        return [*self.before, *self.during, *self.after]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCallscribe]:
    work_dir = tmp_path_factory.mktemp("update")
    with running(work_dir, print, stack_name=NAME, parameters=PARAMETERS, transcript_seconds=0.5) as local:
        yield without_chance(local)


def second_version(folder: Path) -> Path:
    """Copy what was built, but every function says that it starts, and the layer has one more comment."""
    with build_folder(print):
        shutil.copytree(BUILD_DIR, folder)
    for handler in folder.glob("*/handler.py"):
        append(handler, f"print({SECOND!r})")
    append(folder / "CallscribeLayer" / "python" / "callscribe" / "__init__.py", f"# {SECOND}")
    return folder / "template.yaml"


def append(file: Path, line: str) -> None:
    file.write_text(f"{file.read_text('utf-8')}\n{line}\n", "utf-8")


@contextmanager
def transcripts_unread(local: LocalCallscribe) -> Iterator[list[str]]:
    """Let Twilio give no transcript for a while; what it was asked for, growing."""
    asked = answer(local.twilio, "GET", "/v2/Transcripts/{sid}", 503)
    try:
        yield asked
    finally:
        recover(local.twilio)


def hashes(stack: Stack) -> dict[str, str]:
    functions = stack.aws.client("lambda")
    return {
        one: functions.get_function_configuration(FunctionName=name)["CodeSha256"]
        for one, name in stack.resources.items()
        if one.endswith("Function")
    }


def layers(stack: Stack) -> dict[str, str]:
    """The layer's physical id by its logical one, which also changes with what is in it."""
    return {one: name for one, name in stack.resources.items() if one.startswith("CallscribeLayer")}


@pytest.fixture(scope="module")
def code_before(first: LocalCallscribe) -> dict[str, str]:
    return hashes(first.stack)


@pytest.fixture(scope="module")
def update(first: LocalCallscribe, code_before: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Update:
    assert code_before
    version = second_version(tmp_path_factory.mktemp("second") / "build")
    with transcripts_unread(first) as transcripts:
        before = [place(first)]
        wait_until(lambda: transcripts, "Twilio is asked for the transcript")
        with calls_unread(first) as calls:
            before.append(place(first))
            wait_until(lambda: calls, "Twilio is asked for the call")
            waiting = held(first)
            second, during = deploy_over_calls(first, version)
    return Update(second, waiting, before, during, [place(second)])


def place(local: LocalCallscribe) -> Call:
    return local.twilio.place_call(SCENARIO, to=local.number)


@dataclass(frozen=True)
class ChangedThrough(LocalAws):
    """A local AWS whose stacks are changed through another address."""

    cloudformation_url: str

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"AWS_ENDPOINT_URL_CLOUDFORMATION": self.cloudformation_url}


def deploy_over_calls(local: LocalCallscribe, version: Path) -> tuple[LocalCallscribe, list[Call]]:
    """Deploy a version with another parameter, and place calls until that is done.

    No call is on the line while the functions are replaced: the local AWS ends an invocation that is under way then,
    which Lambda lets finish.
    """
    aws, parameters, during = local.stack.aws, {**PARAMETERS, "LogLevel": "DEBUG"}, []
    on_the_line = threading.Lock()

    @contextmanager
    def between_calls(request: bytes) -> Iterator[None]:
        if b"Action=ExecuteChangeSet" not in request:
            yield
            return
        with on_the_line:
            yield
            wait_until(lambda: status_of(local.stack).endswith("_COMPLETE"), "the stack is updated")

    with passing_on(aws.endpoint_url, between_calls) as url, ThreadPoolExecutor(1) as deployer:
        through = ChangedThrough(aws.endpoint_url, aws.work_dir, url)
        deployment = deployer.submit(deploy, through, NAME, print, template=version, parameters=parameters)
        while not deployment.done():
            with on_the_line:
                during.append(place(local))
            time.sleep(0.2)
        return replace(local, stack=replace(deployment.result(), aws=aws)), during


def status_of(stack: Stack) -> str:
    return stack.aws.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]["StackStatus"]


def test_messages_wait_on_both_queues_when_the_update_begins_and_calls_come_in_while_it_lasts(update: Update) -> None:
    assert update.waiting["RecordingsQueueUrl"] == 1
    assert update.waiting["TranscriptsQueueUrl"] == 1
    assert len(update.during) > 2


def test_every_call_from_before_during_and_after_an_update_is_stored_once(update: Update) -> None:
    for call in update.calls:
        stored = update.local.wait_until_settled(call.sid, SETTLE_SECONDS, print)
        assert verdict.lasting_differences(SCENARIO, call, stored) == []
        assert sum(one.customer_key == call.sid for one in update.local.twilio.state.made) == 1
    update.local.twilio.check()
    left = held_at_rest(update.local)
    assert {queue: count for queue, count in left.items() if count and queue != "items"} == {}


def test_the_functions_run_the_new_code_with_the_new_parameter(
    first: LocalCallscribe, update: Update, code_before: dict[str, str]
) -> None:
    stack = update.local.stack
    assert stack.aws.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]["StackStatus"] == (
        "UPDATE_COMPLETE"
    )
    assert hashes(stack).keys() == code_before.keys()
    assert hashes(stack).items().isdisjoint(code_before.items())
    for function in ("IncomingCallFunction", "RequestTranscriptFunction", "StoreInsightsFunction"):
        assert SECOND in stack.logs(function)
        settings = stack.aws.client("lambda").get_function_configuration(FunctionName=stack.resource(function))
        assert settings["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == "DEBUG"
        assert [one["Arn"] for one in settings["Layers"]] == list(layers(stack).values())
    assert layers(stack).items().isdisjoint(layers(first.stack).items())


def test_an_update_replaces_nothing_but_the_layer(first: LocalCallscribe, update: Update) -> None:
    before, after = first.stack, update.local.stack
    assert dict(before.resources.items() - after.resources.items()) == layers(before)
    assert dict(after.resources.items() - before.resources.items()) == layers(after)
    assert after.outputs == before.outputs
    assert after.api_host == before.api_host


@dataclass
class Left:
    """What there is when a stack has been deleted, and nothing has been deployed since.

    `of_calls` is what differs in the calls that can still be read from what was said in them; `protected` is what
    DynamoDB answers to whoever would delete the table.
    """

    names: dict[str, list[str]]
    settings: str
    of_calls: list[str]
    protected: str


@pytest.fixture(scope="module")
def left(update: Update) -> Left:
    local, aws = update.local, update.local.stack.aws
    for call in update.calls:
        local.wait_until_settled(call.sid, SETTLE_SECONDS, print)
    held_at_rest(local)
    delete(local.stack)
    secret = local.stack.outputs["SettingsSecretArn"]
    with pytest.raises(ClientError) as refused:
        aws.client("dynamodb").delete_table(TableName=local.stack.resource("CallsTable"))
    return Left(
        names={
            "tables": aws.client("dynamodb").list_tables()["TableNames"],
            "secrets": [one["Name"] for one in aws.client("secretsmanager").list_secrets()["SecretList"]],
            "functions": [one["FunctionName"] for one in aws.client("lambda").list_functions()["Functions"]],
            "queues": aws.client("sqs").list_queues().get("QueueUrls", []),
            "logs": [one["logGroupName"] for one in aws.client("logs").describe_log_groups()["logGroups"]],
            "buses": [one["Name"] for one in aws.client("events").list_event_buses()["EventBuses"]],
            "roles": [one["RoleName"] for one in aws.client("iam").list_roles()["Roles"]],
        },
        settings=aws.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"],
        of_calls=[one for call in update.calls for one in verdict.differences(SCENARIO, call, local.read(call.sid))],
        protected=str(refused.value),
    )


def delete(stack: Stack) -> None:
    cloudformation = stack.aws.client("cloudformation")
    stack_id = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack.name)
    wait_until(
        lambda: cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE",
        "the stack is deleted",
    )


@pytest.fixture(scope="module")
def stack_again(left: Left, update: Update) -> Stack:
    """The stack deployed again by the same name."""
    assert left.names
    with build_folder(print):
        return deploy(update.local.stack.aws, NAME, print, parameters=PARAMETERS)


@pytest.fixture(scope="module")
def again(update: Update, stack_again: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCallscribe]:
    """The same set up again with the same account at Twilio, where all is still there that was made for the first."""
    account = update.local.twilio.account
    (service,) = account.services
    (operator,) = (one.sid for one in account.operators.values() if one.friendly_name == "product-feedback")
    text = (ROOT / DEMO_FILE).read_text("utf-8")
    for table, sid in (("services.english", service), ("custom_operators.product-feedback", operator)):
        text = text.replace(f"[{table}]\n", f'[{table}]\nsid = "{sid}"\n', 1)
    adopting = tmp_path_factory.mktemp("again") / "callscribe.toml"
    adopting.write_text(text, "utf-8")
    with answering(stack_again, account, load(adopting, Env.LOCAL), print, transcript_seconds=0.5) as local:
        yield without_chance(local)


def test_a_deleted_stack_leaves_its_table_and_its_secret_by_generated_names_and_nothing_else(
    left: Left, update: Update
) -> None:
    stack = update.local.stack
    assert left.names.pop("buses") == ["default"]
    assert {kind: names for kind, names in left.names.items() if names} == {
        "tables": [stack.resource("CallsTable")],
        "secrets": [stack.resource("Settings")],
    }
    # At AWS the last part is another one for each stack. Here it is not, and a stack deployed again takes them over.
    assert re.fullmatch(rf"{NAME}-CallsTable-[0-9A-Z]{{12,13}}", stack.resource("CallsTable"))
    assert re.fullmatch(rf"{NAME}-Settings-[0-9A-Z]{{12,13}}", stack.resource("Settings"))


def test_the_calls_and_the_credentials_of_a_deleted_stack_can_still_be_read(left: Left, update: Update) -> None:
    assert left.of_calls == []
    assert update.local.twilio.account.account_sid in left.settings


def test_a_protected_table_that_has_outlived_its_stack_is_still_protected(left: Left) -> None:
    assert "protected against deletion" in left.protected


def test_a_stack_can_be_deployed_again_by_the_same_name(update: Update, stack_again: Stack) -> None:
    stacks = stack_again.aws.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
    assert [one["StackStatus"] for one in stacks] == ["CREATE_COMPLETE"]
    old, new = update.local.stack, stack_again
    assert old.resources.keys() - layers(old) == new.resources.keys() - layers(new)
    assert new.api_host != old.api_host


def test_setup_says_how_to_go_on_with_what_was_made_at_twilio_for_the_deleted_stack(
    update: Update, stack_again: Stack
) -> None:
    account, config = update.local.twilio.account, load(ROOT / DEMO_FILE, Env.LOCAL)
    (service,) = account.services
    with (
        pytest.raises(RefusedError, match=f'Adopt it: sid = "{service}" in the file'),
        answering(stack_again, account, config, print),
    ):
        pass


def test_a_stack_deployed_again_and_set_up_again_takes_calls(again: LocalCallscribe) -> None:
    call = place(again)
    stored = again.wait_until_settled(call.sid, SETTLE_SECONDS, print)
    assert verdict.lasting_differences(SCENARIO, call, stored) == []
    again.twilio.check()
