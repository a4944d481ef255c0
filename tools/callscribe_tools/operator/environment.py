"""One environment as the operator's commands need it, and how it is found: its stack says where everything is."""

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from callscribe.adapters import twilio as twilio_adapter
from callscribe.adapters.aws_errors import aws_errors
from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.deletions import Deletions
from callscribe.adapters.items import call_key
from callscribe.adapters.queues import Queue
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.domain.patience import Patience
from callscribe.domain.settings import Settings, TwilioCredentials
from callscribe.domain.sids import CallSid
from callscribe_tools.explain import unreadable
from callscribe_tools.operator.console import LIST_TIME, TIMEOUT_SECONDS, Console, console
from callscribe_tools.operator.dead_letters import DeadLetters
from callscribe_tools.operator.errors import BrokenError, OperatorError
from callscribe_tools.operator.local import Local
from callscribe_tools.operator.printing import tell_pages
from callscribe_tools.operator.settings_store import SettingsStore

SAMCONFIG = Path("samconfig.toml")

GROUPS = frozenset({"secret", "setup"})
"""Commands that have commands."""

_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 4, "mode": "standard"})
# A sweep may take five minutes, and one that is asked for again while it runs would run twice.
_SWEEP_CONFIG = Config(connect_timeout=5, read_timeout=330, retries={"total_max_attempts": 1, "mode": "standard"})


class Env(StrEnum):
    """The environments of samconfig.toml."""

    DEV = "dev"
    STAGING = "staging"
    PROD = "prod"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Line:
    """A queue with its dead letters. `name` is recordings, transcripts or backfill."""

    name: str
    queue: Queue
    dead_letters: DeadLetters


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A stack that is deployed, and was first at `created`.

    `option` names it on the command line, for commands to try next. `outputs` and `parameters` are the stack's, by
    name. `local` is where it runs, where that is this machine. `unredacted` is None where what Twilio redacts is not
    kept. `sweep` asks AWS when it is called; it raises what it says.
    """

    stack: str
    option: str
    created: datetime
    outputs: "Told"
    parameters: "Told"
    local: Local | None
    lists: CallLists
    table: CallTable
    deletions: Deletions
    unredacted: CallTable | None
    recordings: Line
    transcripts: Line
    backfill: Line
    patience: Patience
    settings_store: SettingsStore
    sweep: Callable[[], dict[str, Any]]

    @property
    def lines(self) -> tuple[Line, ...]:
        """All queues with their dead letters."""
        return self.recordings, self.transcripts, self.backfill

    def command(self, text: str) -> str:
        """A command of `callscribe` to try next, for this environment."""
        return command(text, self.option)

    def knows(self, call_sid: CallSid) -> bool:
        """Whether the table has anything of a call."""
        return bool(self.table.knows(call_sid) or self.lists.look_up([call_key(call_sid)]))

    def settings(self) -> Settings:
        """The settings in force; raises what `SettingsStore.settings` does."""
        return self.settings_store.settings()

    def twilio(self, credentials: TwilioCredentials) -> Twilio:
        """The account at Twilio, by the API key that the functions have."""
        return twilio_adapter.connect(credentials, TIMEOUT_SECONDS, until=LIST_TIME, progress=tell_pages)

    def console(self, credentials: TwilioCredentials) -> Console:
        """The account at Twilio, by its auth token."""
        return console(credentials.account_sid, credentials.auth_tokens[0], credentials.twilio_url, tell_pages)

    @property
    def twilio_url(self) -> str | None:
        """What replaces Twilio's own addresses: the simulated Twilio's, where the stack runs on this machine."""
        return self.local.twilio_url if self.local else None

    def url(self, output: str) -> str:
        """An address to enter at Twilio, by the name of its output.

        Twilio calls https only; the local AWS names itself with http and its port.
        """
        return re.sub(r"^https?://([^/:]+)(:\d+)?/", r"https://\1/", self.outputs[output])


def command(text: str, option: str) -> str:
    """A command of `callscribe` for the stack that `option` names, which goes behind the command's own name."""
    words = text.split(" ")
    names = 2 if words[0] in GROUPS else 1
    return " ".join(filter(None, ["callscribe", *words[:names], option, *words[names:]]))


def stack_of(env: Env, samconfig: Path = SAMCONFIG) -> str:
    """The name of an environment's stack, from the configuration that it is deployed by.

    Raises:
        OperatorError: it is not there, or cannot be read.
    """
    try:
        return str(tomllib.loads(samconfig.read_text("utf-8"))[env]["deploy"]["parameters"]["stack_name"])
    except FileNotFoundError:
        told = f"There is no {samconfig} here"
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        told = f"{samconfig} {unreadable(error)}"
    except (KeyError, TypeError):
        told = f"{samconfig} has no stack_name for {env}"
    raise OperatorError(f"{told}. Change to the folder of the repository, or name the stack: --stack callscribe-{env}")


def deployed(stack: str, option: str = "", local: Local | None = None) -> Environment:
    """Find out where everything of a stack is. `local`: where it runs, if that is this machine.

    Raises:
        OperatorError: there is no such stack, or it is another version's.
        TransientError: CloudFormation does not answer, or may not be asked.
        BotoCoreError: there are no credentials, or there is no region.
    """
    outputs, parameters, created = _described(stack)
    dynamodb = boto3.resource("dynamodb", config=_CONFIG)
    table, days = dynamodb.Table(outputs["CallsTableName"]), int(parameters["RetentionDays"])
    unredacted = outputs.get("UnredactedTableName")
    sqs = boto3.client("sqs", config=_CONFIG)

    def line(name: str, kind: str) -> Line:
        dead_letters = DeadLetters(sqs, outputs[f"{kind}DeadLettersUrl"], name)
        return Line(name, Queue(sqs, outputs[f"{kind}QueueUrl"]), dead_letters)

    return Environment(
        stack=stack,
        option=option,
        created=created,
        outputs=outputs,
        parameters=parameters,
        local=local,
        lists=CallLists(table),
        table=CallTable(table, days),
        deletions=Deletions(table),
        unredacted=CallTable(dynamodb.Table(unredacted), days) if unredacted else None,
        recordings=line("recordings", "Recordings"),
        transcripts=line("transcripts", "Transcripts"),
        backfill=line("backfill", "Backfill"),
        patience=Patience(
            look_again=timedelta(seconds=float(parameters["LookAgainSeconds"])),
            give_up=timedelta(hours=float(parameters["GiveUpHours"])),
            known_everywhere=timedelta(seconds=float(parameters["KnownEverywhereSeconds"])),
            results=timedelta(seconds=float(parameters["ResultsSeconds"])),
            worker=timedelta(seconds=float(parameters["WorkerTimeoutSeconds"])),
        ),
        settings_store=SettingsStore(
            boto3.client("secretsmanager", config=_CONFIG),
            outputs["SettingsSecretArn"],
            dynamodb.Table(outputs["SettingsTableName"]),
            " and ".join(command(text, option) for text in ("secret set", "setup apply")),
        ),
        sweep=lambda: _sweep(stack, outputs["SweepFunctionName"]),
    )


class Told(dict[str, str]):
    """What a stack says of itself, by name."""

    def __init__(self, stack: str, told: Mapping[str, str]) -> None:
        super().__init__(told)
        self._stack = stack

    def __missing__(self, name: str) -> str:
        raise OperatorError(
            f"The stack {self._stack} has no {name}: it is none of Callscribe's, or of another version. "
            "Deploy this version, or name another stack: --stack"
        )


def _described(stack: str) -> tuple[Told, Told, datetime]:
    """The outputs and the parameters of a stack, and when it was created."""
    try:
        client = boto3.client("cloudformation", config=_CONFIG)
    except ValueError as error:
        # An error of botocore's own may be a ValueError too, and says more.
        if isinstance(error, BotoCoreError) or not os.environ.get("AWS_ENDPOINT_URL"):
            raise
        raise OperatorError("AWS_ENDPOINT_URL is no address. Set it to one with https:// or unset it") from None
    with aws_errors(f"looking for the stack {stack}"):
        try:
            (described,) = client.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            raise OperatorError(
                f"There is no stack {stack} in {client.meta.region_name}. Deploy it by `sam deploy --config-env …`, "
                "name another by --env or --stack, or set another region: AWS_DEFAULT_REGION"
            ) from None
    outputs = {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", [])}
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", [])}
    return Told(stack, outputs), Told(stack, parameters), described["CreationTime"].astimezone(UTC)


class SweepError(BrokenError):
    """The sweep ran, and failed."""


def _sweep(stack: str, function: str) -> dict[str, Any]:
    """Let the stack sweep once; what it has found, as its function tells it.

    Raises:
        SweepError: it failed.
        TransientError: Lambda does not answer, or may not be asked.
    """
    client = boto3.client("lambda", config=_SWEEP_CONFIG)
    with aws_errors("invoking the sweep"):
        answer = client.invoke(FunctionName=function, InvocationType="RequestResponse", Payload=b"{}")
        told: dict[str, Any] = json.loads(answer["Payload"].read() or b"null") or {}
    if "FunctionError" in answer:
        reason = str(told.get("errorMessage", "")).rstrip(".") or "it does not say why"
        raise SweepError(
            f"The sweep failed: {reason}. What it had found it has sent, and the next goes on from there; "
            f"its log is the log group /{stack}/sweep"
        )
    return told
