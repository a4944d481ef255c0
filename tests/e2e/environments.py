"""The environments of samconfig.toml on one local AWS, each with an account and a number at a Twilio of its own."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from callscribe_tools.local_aws import LocalAws, build, build_folder, deploy_environment
from callscribe_tools.local_aws.paths import ROOT
from callscribe_tools.local_callscribe import LocalCallscribe, answering
from callscribe_tools.operator.environment import Env
from callscribe_tools.operator.setup.config import Config
from callscribe_tools.operator.setup.config_file import load
from callscribe_tools.simulator import Account, PhoneNumber
from e2e.stack import without_chance

NUMBERS: Mapping[Env, str] = {Env.DEV: "+12025550191", Env.STAGING: "+12025550192", Env.PROD: "+12025550193"}


@contextmanager
def all_of_samconfig(folder: Path) -> Iterator[dict[Env, LocalCallscribe]]:
    """Build once, deploy every environment onto one local AWS, and wire each to its account, until the context ends."""
    with LocalAws.start(folder) as aws, ExitStack() as open_ones:
        with build_folder(print):
            build(print)
            stacks = {env: deploy_environment(aws, env, print) for env in NUMBERS}
        wired = {
            env: open_ones.enter_context(
                answering(stack, _account(env), _config(env, folder), print, env=env, transcript_seconds=0.5)
            )
            for env, stack in stacks.items()
        }
        yield {env: without_chance(local) for env, local in wired.items()}


def listen(local: LocalCallscribe) -> str:
    """Let everything on the stack's event bus go to a queue from now on; the queue's URL, for `heard`."""
    aws = local.stack.aws
    sqs, events = aws.client("sqs"), aws.client("events")
    url = sqs.create_queue(QueueName=f"heard-on-{local.stack.name}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = local.stack.outputs["CallEventsName"]
    events.put_rule(Name="everything", EventBusName=bus, EventPattern=json.dumps({"source": ["callscribe"]}))
    events.put_targets(Rule="everything", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def heard(local: LocalCallscribe, url: str) -> list[dict[str, Any]]:
    """Take all events off a queue of `listen`."""
    sqs, taken = local.stack.aws.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            taken.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return taken


def _account(env: Env) -> Account:
    """An account that shares nothing with another environment's."""
    own = hashlib.md5(env.encode(), usedforsecurity=False).hexdigest()
    account = replace(
        Account.bare(), account_sid=f"AC{own}", api_key_sid=f"SK{own}", auth_token=own[::-1], api_key_secret=f"of {env}"
    )
    account.add(PhoneNumber(number=NUMBERS[env]))
    return account


def _config(env: Env, folder: Path) -> Config:
    """The shipped callscribe.toml with the environment's own number entered, as it asks for."""
    entered = f'\n[env.{env}.numbers."{NUMBERS[env]}"]\nservice = "english"\n'
    path = folder / f"callscribe-{env}.toml"
    path.write_text((ROOT / "callscribe.toml").read_text("utf-8") + entered, "utf-8")
    return load(path, env)
