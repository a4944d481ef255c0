"""Checks of what there is at AWS: whom it is asked as, the stack, its settings."""

from collections.abc import Iterator
from importlib.metadata import version

import boto3

from callscribe.adapters.aws_errors import aws_errors
from callscribe.domain.settings import OnProblem, Settings, SettingsError
from callscribe_tools.operator.doctor.finding import Finding, broken, ok, unknown
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.errors import OperatorError

CREDENTIALS, STACK, VERSION, SETTINGS = "AWS credentials", "stack", "version", "settings"

OUTPUTS = ("IncomingCallUrl", "VoiceFallbackUrl", "CallStatusUrl", "TranscriptWebhookUrl", "CallEventsName")
"""What is needed beside what every command asks a stack for."""


def credentials() -> Iterator[Finding]:
    """Whether there are any, and a region. Whether AWS takes them, the stack shows."""
    session = boto3.Session()
    if session.get_credentials() is None:
        yield broken(
            CREDENTIALS,
            "There are none.",
            "Log in, or set AWS_PROFILE: `aws sts get-caller-identity` must answer.",
        )
    elif not session.region_name:
        yield broken(CREDENTIALS, "There is no region.", "Set AWS_DEFAULT_REGION, or a region in the profile.")
    else:
        yield ok(CREDENTIALS, f"There are some; the region is {session.region_name}.")


def whole(environment: Environment) -> Iterator[Finding]:
    """Whether the stack is deployed to its end, and says all that is needed."""
    missing = [name for name in OUTPUTS if name not in environment.outputs]
    status = _status(environment.stack)
    if missing:
        yield broken(STACK, f"{environment.stack} has no {', '.join(missing)}.", "Deploy this version: `sam deploy`.")
    elif status.endswith("IN_PROGRESS"):
        yield unknown(STACK, f"{environment.stack} is being changed ({status}).", "Try again once that is over.")
    elif status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}:
        yield ok(STACK, f"{environment.stack} is deployed ({status}).")
    else:
        yield broken(
            STACK,
            f"{environment.stack} is not deployed to its end ({status}).",
            "Its events in CloudFormation say why; mend that, then `sam deploy`.",
        )


def version_of(environment: Environment) -> Finding:
    """Whether the stack is of the version of this command: a remedy is written for that one."""
    ours, theirs = version("callscribe-tools"), environment.outputs.get("Version", "an older one")
    if ours == theirs:
        return ok(VERSION, f"{theirs}, as this command.")
    return broken(
        VERSION,
        f"The stack's is {theirs}, and this command's is {ours}.",
        "Check out the version you want, `make setup`, `sam build`, `sam deploy`.",
    )


def _status(stack: str) -> str:
    with aws_errors(f"looking at the stack {stack}"):
        (described,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return described["StackStatus"]


def settings_of(environment: Environment, on_problem: OnProblem) -> tuple[Settings | None, Finding]:
    """The settings, where they can be read and are right, and what was found of them.

    Args:
        on_problem: see `from_json`.
    """
    remedy = f"Write them: {environment.command('secret set')} and {environment.command('setup apply')}"
    try:
        settings = environment.settings_store.settings(on_problem)
    except SettingsError as error:
        return None, broken(SETTINGS, f"{str(error)[:1].upper()}{str(error)[1:]}.", remedy)
    except OperatorError as error:
        return None, broken(SETTINGS, f"{error}.", remedy)
    if not settings.numbers:
        return settings, broken(SETTINGS, "They are valid, but hold no number.", remedy)
    return settings, ok(SETTINGS, f"They are valid, and hold {len(settings.numbers)} of your numbers.")
