"""A stack on the local AWS: deployed with the real `sam deploy`, and what callers need to know of it then.

Called by the demo and the end-to-end suite. It must not know what Callscribe's resources mean.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from callscribe_tools.local_aws.errors import DeployError
from callscribe_tools.local_aws.paths import BUILT_TEMPLATE, SAMCONFIG
from callscribe_tools.local_aws.routes import http_apis, mocks_of, rest_apis, routes_of, serve_mocks, serve_routes
from callscribe_tools.local_aws.sam import Progress, run_sam
from callscribe_tools.local_aws.samconfig import section
from callscribe_tools.local_aws.server import LocalAws

DEPLOY_SECONDS = 300.0
_BUCKET = "callscribe-artifacts"


@dataclass(frozen=True)
class Stack:
    """One deployed stack.

    Parameters:
        resources: physical id of each resource by logical id.
        api_host: the host that its HTTP API is called by, without a port: `<id>.execute-api.localhost`.
        rest_hosts: the hosts that its REST APIs are called by.
    """

    name: str
    aws: LocalAws
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    api_host: str
    rest_hosts: tuple[str, ...] = ()

    @property
    def connect_to(self) -> dict[str, str]:
        """Where to connect for the APIs' hosts, which Python cannot resolve: the endpoint by host."""
        return dict.fromkeys((self.api_host, *self.rest_hosts), self.aws.endpoint_url)

    def resource(self, logical_id: str) -> str:
        """Return a resource's physical id (a queue's is its URL).

        Raises:
            DeployError: when the stack has no such resource.
        """
        try:
            return self.resources[logical_id]
        except KeyError:
            known = ", ".join(sorted(self.resources))
            raise DeployError(f"The stack {self.name} has no {logical_id}. It has: {known}") from None

    def logs(self, function: str) -> list[str]:
        """Return the lines that a function (by logical id) has logged so far, oldest first."""
        name = self.resource(function)
        settings = self.aws.client("lambda").get_function_configuration(FunctionName=name)
        group = settings.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")
        logs = self.aws.client("logs")
        try:
            pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=group))
        except logs.exceptions.ResourceNotFoundException:
            return []
        # Sorted because each invocation has a log stream of its own, and streams come one after the other.
        events = sorted((e for page in pages for e in page["events"]), key=lambda event: event["timestamp"])
        return [event["message"].rstrip("\n") for event in events]

    def disable_schedules(self) -> None:
        """Disable the stack's schedules, so that nothing happens between what a test does."""
        events, own = self.aws.client("events"), frozenset(self.resources.values())
        for page in events.get_paginator("list_rules").paginate():
            for rule in page["Rules"]:
                if rule["Name"] in own and "ScheduleExpression" in rule:
                    events.disable_rule(Name=rule["Name"])


def deploy(
    aws: LocalAws,
    stack_name: str,
    progress: Progress,
    *,
    template: Path = BUILT_TEMPLATE,
    parameters: Mapping[str, str] | None = None,
) -> Stack:
    """Deploy a built template, or update the stack of that name.

    Parameters:
        template: a template that `build` made; it must lie in its build folder.
        parameters: the stack's parameters that have no default, or shall differ from it.

    Raises:
        DeployError: with the end of sam's output, or saying what the local AWS cannot serve.
    """
    # Made by whoever deploys a second time, it is still one bucket.
    aws.client("s3").create_bucket(Bucket=_BUCKET)
    named = ["--stack-name", stack_name, "--s3-bucket", _BUCKET, "--capabilities", "CAPABILITY_IAM"]
    return _deploy(
        aws, stack_name, progress, template, [*named, "--no-fail-on-empty-changeset", *_overriding(parameters or {})]
    )


def deploy_environment(
    aws: LocalAws,
    env: str,
    progress: Progress,
    *,
    template: Path = BUILT_TEMPLATE,
    parameters: Mapping[str, str] | None = None,
) -> Stack:
    """Deploy an environment, or update it, by its section of samconfig.toml: `sam deploy --config-env`.

    Parameters:
        template: a template that `build` made; it must lie in its build folder.
        parameters: the stack's parameters that shall differ from what samconfig.toml says. What was set so before and
            is no longer named keeps its value, as with every `sam deploy`.

    Raises:
        DeployError: with the end of sam's output, or saying what the local AWS cannot serve.
    """
    told = section(env)
    # On the command line they take the place of all that the file says.
    overriding = _overriding({**told.overrides, **parameters}) if parameters else []
    named = ["--config-file", str(SAMCONFIG), "--config-env", env]
    return _deploy(aws, told.stack_name, progress, template, [*named, *overriding])


def _overriding(parameters: Mapping[str, str]) -> list[str]:
    # Quoted, because sam drops what follows a space, and refuses an empty value.
    overrides = [f'{key}="{value}"' for key, value in parameters.items()]
    return ["--parameter-overrides", *overrides] if overrides else []


def _deploy(aws: LocalAws, stack_name: str, progress: Progress, template: Path, options: Sequence[str]) -> Stack:
    progress(f"Deploying the stack {stack_name} to {aws.endpoint_url}")
    try:
        _sam_deploy(aws, stack_name, template, options)
    except DeployError as error:
        reasons = _failures(aws, stack_name)
        if not reasons:
            raise
        raise DeployError("\n".join([str(error), "What CloudFormation says:", *reasons])) from error
    progress("Giving the APIs their routes")
    stack = _stack(aws, stack_name)
    _mend_event_source_mappings(stack)
    return stack


def _sam_deploy(aws: LocalAws, stack_name: str, template: Path, options: Sequence[str]) -> None:
    run_sam(
        [
            *("deploy", "--template-file", str(template), "--region", aws.region),
            # Nobody is there to be asked.
            *("--no-confirm-changeset", "--no-progressbar"),
            *options,
        ],
        # The real CloudFormation wants half a second between questions; here it only makes the wait longer.
        environment=aws.environment | {"SAM_CLI_POLL_DELAY": "0.1"},
        log=aws.work_dir / f"deploy-{stack_name}.log",
        seconds=DEPLOY_SECONDS,
        failure=DeployError,
    )


def _mend_event_source_mappings(stack: Stack) -> None:
    """Make numbers of what came from parameters: MiniStack keeps them as text, and then polls no queue of any stack.

    It shows them as numbers, so what is right cannot be told from what is not.
    """
    functions = stack.aws.client("lambda")
    own = frozenset(stack.resources.values())
    for page in functions.get_paginator("list_event_source_mappings").paginate():
        for mapping in page["EventSourceMappings"]:
            limit = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
            if limit and mapping["UUID"] in own:
                functions.update_event_source_mapping(
                    UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": int(limit)}
                )


def _failures(aws: LocalAws, stack_name: str) -> list[str]:
    """Say why resources failed: sam's table cuts the reasons, or only says to ask for these events."""
    cloudformation = aws.client("cloudformation")
    try:
        events = cloudformation.describe_events(StackName=stack_name)["OperationEvents"]
    except ClientError:
        # sam failed before there was a stack, and said itself why.
        return []
    return [
        f"{event['LogicalResourceId']}: {reason}"
        for event in reversed(events)
        if (reason := event.get("ValidationStatusReason") or event.get("ResourceStatusReason"))
    ]


def _stack(aws: LocalAws, name: str) -> Stack:
    cloudformation = aws.client("cloudformation")
    described = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    resources = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        for resource in page["StackResourceSummaries"]
    }
    template = cloudformation.get_template(StackName=name, TemplateStage="Processed")["TemplateBody"]
    return Stack(
        name=name,
        aws=aws,
        outputs={output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])},
        resources=resources,
        api_host=_host(_serve_api(aws, name, resources, template)),
        rest_hosts=tuple(map(_host, _serve_rest_apis(aws, resources, template))),
    )


def _host(api_id: str) -> str:
    return f"{api_id}.execute-api.localhost"


def _serve_rest_apis(aws: LocalAws, resources: Mapping[str, str], template: Mapping[str, Any]) -> Iterator[str]:
    """Give the stack's REST APIs their mocks; yield the APIs' ids."""
    for api in rest_apis(template):
        serve_mocks(aws.client("apigateway"), resources[api], mocks_of(template, api))
        yield resources[api]


def _serve_api(aws: LocalAws, name: str, resources: Mapping[str, str], template: Mapping[str, Any]) -> str:
    """Give the stack's one HTTP API its routes; return the API's id."""
    apis = list(http_apis(template))
    if len(apis) != 1:
        raise DeployError(f"The stack {name} has {len(apis)} HTTP APIs, and the local AWS serves exactly one")
    functions = aws.client("lambda")
    arns = {
        route.key: functions.get_function_configuration(FunctionName=resources[route.function])["FunctionArn"]
        for route in routes_of(template, apis[0])
    }
    api_id = resources[apis[0]]
    serve_routes(aws.client("apigatewayv2"), api_id, arns)
    return api_id
