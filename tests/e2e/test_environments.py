"""All environments of samconfig.toml in one account at AWS, with a call in each: nothing crosses."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from callscribe.adapters.items import StoredCall
from callscribe.usecases.incoming_call import STILL_RECORD
from callscribe_tools import verdict
from callscribe_tools.local_aws import Stack, section
from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.operator.environment import Env
from callscribe_tools.simulator import Call, Simulator, load_scenario
from e2e.environments import NUMBERS, all_of_samconfig, heard, listen
from e2e.stack import held, held_at_rest, post, wait_until
from harness.template import routes, template

ENVS = tuple(NUMBERS)
PAIRS = list(permutations(ENVS, 2))
SETTLE_SECONDS = 120.0
SCENARIO = load_scenario("cannot_log_in")
# It has no secret, so it cannot tell Twilio from a stranger, and answers everybody alike.
OPEN_TO_ALL = {"voice_fallback"}
# Called so within their API only.
STAGES = {"ApiApiGatewayDefaultStage", "FallbackApitwilioStage"}

type Environments = dict[Env, LocalCallscribe]


@dataclass(frozen=True)
class Placed:
    """One call to an environment, what is stored of it, and what the environment's bus has announced."""

    call: Call
    stored: StoredCall
    events: list[dict[str, Any]]


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environments]:
    with all_of_samconfig(tmp_path_factory.mktemp("environments")) as environments:
        yield environments


@pytest.fixture(scope="module")
def placed(environments: Environments) -> dict[Env, Placed]:
    """A call to each environment, all at the same time."""
    with ThreadPoolExecutor(len(ENVS)) as callers:
        return dict(zip(ENVS, callers.map(lambda env: _place(environments[env]), ENVS), strict=True))


def _place(local: LocalCallscribe) -> Placed:
    queue = listen(local)
    call = local.twilio.place_call(SCENARIO, to=local.number)
    stored = local.wait_until_settled(call.sid, SETTLE_SECONDS, print)
    # It is announced once it is stored.
    events: list[dict[str, Any]] = []

    def is_announced() -> bool:
        events.extend(heard(local, queue))
        return bool(events)

    wait_until(is_announced, f"the bus of {local.stack.name} announces the call")
    return Placed(call, stored, events)


def described(stack: Stack) -> dict[str, Any]:
    return dict(stack.aws.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0])


def parameters_of(stack: Stack) -> dict[str, str]:
    return {one["ParameterKey"]: one["ParameterValue"] for one in described(stack)["Parameters"]}


def functions_of(stack: Stack) -> list[dict[str, Any]]:
    functions = stack.aws.client("lambda")
    names = [name for one, name in stack.resources.items() if one.endswith("Function")]
    return [dict(functions.get_function_configuration(FunctionName=name)) for name in names]


def policies_of(stack: Stack) -> list[Any]:
    iam = stack.aws.client("iam")
    return [
        iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        for one, role in stack.resources.items()
        if one.endswith("Role")
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]


def names_of(stack: Stack) -> set[str]:
    """The physical ids that must be the stack's own."""
    return {name for one, name in stack.resources.items() if one not in STAGES}


def written_in(local: LocalCallscribe) -> dict[str, str]:
    """All that an environment has written, and been told, by where that is."""
    stack = local.stack
    secret = stack.aws.client("secretsmanager").get_secret_value(SecretId=stack.outputs["SettingsSecretArn"])
    functions = [one for one in stack.resources if one.endswith("Function")]
    return {
        "table": str(stack.aws.table(stack.outputs["CallsTableName"]).scan()["Items"]),
        "logs": "\n".join(line for function in functions for line in stack.logs(function)),
        "settings": secret["SecretString"],
    }


def taken(local: LocalCallscribe, signer: Simulator, to: str) -> dict[str, int]:
    """What each route answers to a webhook that somebody has signed for it."""
    form = {"CallSid": "CA" + "0" * 32, "To": to, "RecordingSid": "RE" + "0" * 32, "CallStatus": "completed"}
    answers = {}
    for (_, path), function in routes().items():
        url = f"https://{local.stack.api_host}{path.format(token='0' * 32)}"
        if function in OPEN_TO_ALL:
            continue
        if "/ci-webhook" in path:
            url, headers, body = signer.signed_json(url, {"transcript_sid": "GT" + "0" * 32})
        else:
            headers, body = signer.signed_form(url, form)
        answers[path] = post(local, url, headers, body).status_code
    return answers


@pytest.mark.parametrize("env", ENVS)
def test_an_environment_is_deployed_with_all_that_samconfig_says_of_it_and_nothing_else(
    environments: Environments, env: Env
) -> None:
    told, stack = section(env), environments[env].stack
    defaults = {name: str(one["Default"]) for name, one in template()["Parameters"].items()}
    assert stack.name == told.stack_name
    assert described(stack)["StackStatus"] == "CREATE_COMPLETE"
    # A name that the template does not have, sam leaves out and says nothing.
    assert parameters_of(stack) == {**defaults, **told.overrides}


@pytest.mark.parametrize("env", ENVS)
def test_what_is_said_of_an_environment_reaches_its_functions_logs_tables_and_calls(
    environments: Environments, placed: dict[Env, Placed], env: Env
) -> None:
    stack, call = environments[env].stack, placed[env].stored.call
    said = parameters_of(stack)
    assert {one["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] for one in functions_of(stack)} == {
        said["LogLevel"]
    }
    groups = stack.aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/{stack.name}/")["logGroups"]
    assert {one["logGroupName"] for one in groups} == {
        name for one, name in stack.resources.items() if one.endswith("Log")
    }
    assert {one["retentionInDays"] for one in groups} == {int(said["LogRetentionDays"])}
    table = stack.aws.client("dynamodb").describe_table(TableName=stack.outputs["CallsTableName"])["Table"]
    # The local AWS shows it as the text that it was given.
    assert str(table["DeletionProtectionEnabled"]).lower() == said["DeletionProtection"]
    assert call
    expires = datetime.fromtimestamp(int(call["expires_at"]), UTC)
    assert expires - datetime.fromisoformat(str(call["started"])) == timedelta(days=int(said["RetentionDays"]))


def test_no_two_environments_share_a_name(environments: Environments) -> None:
    for one, other in PAIRS:
        assert not names_of(environments[one].stack) & names_of(environments[other].stack)
        shared = environments[one].stack.outputs.items() & environments[other].stack.outputs.items()
        assert {name for name, _ in shared} == {"Version"}


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_no_function_and_no_role_of_an_environment_names_anything_of_another(
    environments: Environments, one: Env, other: Env
) -> None:
    own, foreign = environments[one].stack, environments[other].stack
    told = json.dumps([functions_of(own), policies_of(own)], default=str)
    assert own.outputs["SettingsSecretArn"] in told
    assert foreign.outputs["SettingsSecretArn"] not in told
    assert [name for name in {foreign.name, foreign.api_host, *names_of(foreign)} if name in told] == []


@pytest.mark.parametrize("env", ENVS)
def test_a_call_is_stored_announced_and_logged_in_its_own_environment_and_in_no_other(
    environments: Environments, placed: dict[Env, Placed], env: Env
) -> None:
    local, own = environments[env], placed[env]
    local.twilio.check()
    assert verdict.lasting_differences(SCENARIO, own.call, local.read(own.call.sid)) == []
    assert [one["detail"]["call_sid"] for one in own.events] == [own.call.sid]
    written = written_in(local)
    assert own.call.sid in written["table"]
    assert own.call.sid in written["logs"]
    assert local.twilio.account.account_sid in written["settings"]
    for other in set(ENVS) - {env}:
        foreign = {placed[other].call.sid, NUMBERS[other], environments[other].twilio.account.account_sid}
        assert [(where, one) for where, text in written.items() for one in foreign if one in text] == []
    assert not any(count for queue, count in held_at_rest(local).items() if queue != "items")


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_webhook_of_one_environments_account_is_refused_by_another_on_every_route(
    environments: Environments, placed: dict[Env, Placed], one: Env, other: Env
) -> None:
    assert placed
    target = environments[other]
    before = held_at_rest(target)
    answers = taken(target, environments[one].twilio, NUMBERS[other])
    assert answers
    assert set(answers.values()) == {403}
    assert held(target) == before


@pytest.mark.parametrize("env", ENVS)
def test_an_environment_knows_its_own_number_and_no_other_ones(environments: Environments, env: Env) -> None:
    local = environments[env]
    url = f"https://{local.stack.api_host}/incoming-call"
    knows_not = STILL_RECORD.format(base_url=f"https://{local.stack.api_host}")
    for number in NUMBERS.values():
        form = {"CallSid": "CA" + "0" * 32, "From": "+12025550142", "To": number}
        told = post(local, url, *local.twilio.signed_form(url, form))
        # A caller is on the line, who is answered all the same.
        assert told.status_code == 200
        assert (told.text == knows_not) is (number != local.number)
