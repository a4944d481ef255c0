"""Callscribe on this machine: the real stack on the local AWS, wired to the simulated Twilio.

Called by the demo and by the end-to-end suite. It must do nothing that an operator could not do on the real AWS.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callscribe.adapters.items import StoredCall
from callscribe.adapters.table import CallTable
from callscribe.domain.settings import NUMBER_FIELDS
from callscribe.domain.sids import CallSid
from callscribe_tools.deadline import Deadline
from callscribe_tools.local_aws import LocalAws, LocalAwsError, Progress, Stack, build, build_folder, deploy
from callscribe_tools.local_aws.paths import ROOT
from callscribe_tools.operator.credentials import Credentials, try_all
from callscribe_tools.operator.credentials import entered as with_credentials
from callscribe_tools.operator.environment import Env, Environment, deployed
from callscribe_tools.operator.local import Local, entered
from callscribe_tools.operator.setup.applying import apply_setup
from callscribe_tools.operator.setup.config import Config
from callscribe_tools.operator.setup.config_file import DEMO_FILE, load
from callscribe_tools.operator.setup.report import summarised
from callscribe_tools.simulator import Account, ConnectTo, PhoneNumber, Simulator

NUMBER = "+12025550199"
"""Takes messages, in English: all settings are the defaults."""
AGENTS_NUMBER = "+12025550198"
"""Rings an agent first."""
JAPANESE_NUMBER = "+12025550197"
"""Takes messages, and speaks to callers as the shipped example does."""

NUMBERS: Mapping[str, Mapping[str, Any]] = {
    NUMBER: {},
    AGENTS_NUMBER: {"flow": "dial", "agent": "+12025550123"},
    JAPANESE_NUMBER: next(
        iter(json.loads((ROOT / "examples" / "settings.ja.json").read_text("utf-8"))["numbers"].values())
    ),
}
FAST: Mapping[str, str] = {"BackoffFirstSeconds": "1", "WorkerConcurrency": "10", "ResultsSeconds": "1"}
"""The stack's parameters here: nobody wants to wait until a recording is finished at Twilio, or for a queue."""

SETTLED = frozenset({"stored", "skipped", "failed"})
_POLL_SECONDS = 0.1


class NotSettledError(Exception):
    """A call has not come to its end in time. The message says where it stands."""


@dataclass(frozen=True)
class LocalCallscribe:
    """A running Callscribe. `number` is the first of the phone numbers that are wired to it: the plainest of `NUMBERS`,
    where it is those."""

    stack: Stack
    twilio: Simulator
    here: Local
    number: str = NUMBER
    stopped: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for calls any more, as after Ctrl-C."""

    @property
    def twilio_url(self) -> str:
        """Where Twilio's REST API is served."""
        return self.here.twilio_url

    def read(self, call_sid: str) -> StoredCall:
        """Read a call from DynamoDB, as the deployer."""
        # The retention only matters to what is written.
        table = CallTable(self.stack.aws.table(self.stack.outputs["CallsTableName"]), retention_days=1)
        return table.read(CallSid(call_sid))

    def wait_until_settled(
        self, call_sid: str, seconds: float, progress: Progress, *, recorded: bool = True
    ) -> StoredCall:
        """Wait until the call has ended and every recording of it is settled.

        Parameters:
            recorded: whether there is a recording to wait for.

        Raises:
            NotSettledError: it takes longer than `seconds`, or than some times that on a busy machine; or nobody waits
                any more.
        """
        deadline = Deadline(seconds)
        told: set[str] = set()
        while True:
            stored = self.read(call_sid)
            states = [str(one["state"]) for one in stored.recordings.values()]
            for news in sorted(set(states) - told):
                progress(f"Its recording is {news}")
            told.update(states)
            ended = stored.call is not None and "seconds" in stored.call
            if ended and (states or not recorded) and SETTLED.issuperset(states):
                return stored
            if deadline.is_over():
                where = ", ".join(states) or "not heard of"
                raise NotSettledError(f"Call {call_sid} is not settled: its recordings are {where}. {deadline}")
            if self.stopped.wait(_POLL_SECONDS):
                raise NotSettledError(f"Nobody waits for call {call_sid} any more.")

    def troubles(self) -> list[str]:
        """What the functions have logged as warnings and errors, to be shown when something went wrong."""
        lines = [
            (function, json.loads(line))
            for function in sorted(self.stack.resources)
            if function.endswith("Function")
            for line in self.stack.logs(function)
            if '"level":"ERROR"' in line or '"level":"WARNING"' in line
        ]
        told = [f"{function}: {line['message']} ({line.get('reason', 'no reason')})" for function, line in lines]
        # Retries say the same again.
        return list(dict.fromkeys(told))


def settings_document(account: Account, twilio_url: str | None = None, **number: Any) -> dict[str, Any]:
    """The settings of an environment that answers calls to all numbers of the account.

    Parameters:
        number: settings of each number, on top of those that `NUMBERS` gives it.
    """
    service_sid = next(iter(account.services))
    return {
        "account_sid": account.account_sid,
        "api_key_sid": account.api_key_sid,
        "api_key_secret": account.api_key_secret,
        "auth_tokens": [account.auth_token],
        "numbers": {one: {**NUMBERS.get(one, {}), **number, "service_sid": service_sid} for one in account.numbers},
        "twilio_url": twilio_url,
    }


@contextmanager
def running(
    work_dir: Path,
    progress: Progress,
    *,
    stack_name: str = "callscribe-local",
    parameters: Mapping[str, str] | None = None,
    transcript_seconds: float = 1.0,
    settings: Mapping[str, Any] | None = None,
    config: Config | None = None,
) -> Iterator[LocalCallscribe]:
    """Build and deploy Callscribe, and wire the simulated Twilio to it by `setup apply`, until the context ends.

    Parameters:
        parameters: the stack's parameters that shall differ from `FAST` and their defaults.
        transcript_seconds: how long the simulated Twilio works on a transcript.
        settings: fields of the settings document that shall differ from what the config says.
        config: what `setup apply` sets up; None: examples/demo.toml.

    Raises:
        LocalAwsError: what went wrong while starting, building or deploying.
    """
    progress("Starting the local AWS, with IAM enforced")
    with LocalAws.start(work_dir) as aws:
        with build_folder(progress):
            build(progress)
            stack = deploy(aws, stack_name, progress, parameters={**FAST, **(parameters or {})})
        with answering(
            stack,
            _new_customers(),
            config or demo_config(),
            progress,
            transcript_seconds=transcript_seconds,
            settings=settings,
        ) as local:
            yield local


@contextmanager
def answering(
    stack: Stack,
    account: Account,
    config: Config,
    progress: Progress,
    *,
    env: Env = Env.LOCAL,
    transcript_seconds: float = 1.0,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[LocalCallscribe]:
    """Wire a simulated Twilio to a stack that is deployed, by `setup apply`, until the context ends.

    Several can run at a time, each with its own Twilio, on one local AWS.

    Parameters:
        account: the account at the simulated Twilio, with its numbers and nothing else.
        config: what callscribe.toml says for this environment.
        env: what the environment is called on the command line.

    The others are those of `running`.

    Raises:
        LocalAwsError: the simulated Twilio does not take the account's credentials.
        OperatorError: what `setup apply` says.
    """
    twilio = Simulator(account, ConnectTo(stack.connect_to), transcript_seconds=transcript_seconds)
    progress("Starting the simulated Twilio, with an account that has numbers and nothing else")
    with twilio.serve() as twilio_url:
        here = Local(
            aws_url=stack.aws.endpoint_url, region=stack.aws.region, twilio_url=twilio_url, process=os.getpid()
        )
        with entered(here):
            _wire(deployed(stack.name, f"--env {env}", here), account, here, config, settings or {}, progress)
        yield LocalCallscribe(stack, twilio, here, next(iter(account.numbers)))


def demo_config() -> Config:
    """Read examples/demo.toml."""
    return load(ROOT / DEMO_FILE, Env.LOCAL)


def _new_customers() -> Account:
    """An account of somebody who has bought numbers, and has done nothing else."""
    account = Account.bare()
    for number in NUMBERS:
        account.add(PhoneNumber(number=number))
    return account


def _wire(
    environment: Environment,
    account: Account,
    here: Local,
    config: Config,
    settings: Mapping[str, Any],
    progress: Progress,
) -> None:
    """Do what an operator does: `callscribe secret set`, `callscribe setup apply`."""
    progress("Storing the account's credentials")
    credentials = Credentials(
        account_sid=account.account_sid,
        api_key_sid=account.api_key_sid,
        api_key_secret=account.api_key_secret,
        auth_token=account.auth_token,
    )
    wrong = [one.wrong for one in try_all(credentials, here.twilio_url) if not one.works]
    if wrong:
        raise LocalAwsError(f"The simulated Twilio does not take the credentials: {'; '.join(wrong)}")
    document = with_credentials({}, credentials, here.twilio_url, keep_old_token=False)
    environment.settings_store.write_secret(document)
    for line in summarised(apply_setup(environment, config, progress)):
        progress(f"  {line}")
    if settings:
        write_settings(environment, settings)


def write_settings(environment: Environment, fields: Mapping[str, Any]) -> None:
    """Replace fields of the settings, wherever each is stored."""
    store = environment.settings_store
    stored = store.read()
    numbers = {name: value for name, value in fields.items() if name in NUMBER_FIELDS}
    if others := {name: value for name, value in fields.items() if name not in NUMBER_FIELDS}:
        store.write_secret({**(stored.secret or {}), **others})
    if numbers:
        store.write_numbers({**stored.numbers, **numbers}, stored)
