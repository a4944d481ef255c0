"""Callscribe on this machine: the real stack on the local AWS, wired to the simulated Twilio.

Called by the demo and by the end-to-end suite. It must do nothing that an operator could not do on the real AWS.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callscribe.adapters.items import StoredCall
from callscribe.adapters.table import CallTable
from callscribe.domain.sids import CallSid
from callscribe_tools.local_aws import LocalAws, Progress, Stack, build, build_folder, deploy
from callscribe_tools.simulator import Account, ConnectTo, IntelligenceService, PhoneNumber, Simulator

NUMBER = "+12025550199"
SETTLED = frozenset({"stored", "skipped", "failed"})
_POLL_SECONDS = 0.1


class NotSettledError(Exception):
    """A call has not come to its end in time. The message says where it stands."""


@dataclass(frozen=True)
class LocalCallscribe:
    """A running Callscribe. `number` is the phone number that is wired to it."""

    stack: Stack
    twilio: Simulator
    twilio_url: str
    number: str = NUMBER

    def read(self, call_sid: str) -> StoredCall:
        """Read a call from DynamoDB, as the deployer."""
        # The retention only matters to what is written.
        table = CallTable(self.stack.aws.table(self.stack.outputs["CallsTableName"]), retention_days=1)
        return table.read(CallSid(call_sid))

    def wait_until_settled(self, call_sid: str, seconds: float, progress: Progress) -> StoredCall:
        """Wait until every recording of a call that has one is settled and the call has ended.

        Raises:
            NotSettledError: when that takes longer than `seconds`.
        """
        deadline = time.monotonic() + seconds
        told: set[str] = set()
        while True:
            stored = self.read(call_sid)
            states = [str(one["state"]) for one in stored.recordings.values()]
            for news in sorted(set(states) - told):
                progress(f"Its recording is {news}")
            told.update(states)
            ended = stored.call is not None and "seconds" in stored.call
            if ended and states and SETTLED.issuperset(states):
                return stored
            if time.monotonic() > deadline:
                where = ", ".join(states) or "not heard of"
                raise NotSettledError(
                    f"Call {call_sid} is not settled after {seconds:.0f} s: its recordings are {where}."
                )
            time.sleep(_POLL_SECONDS)

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
    """The settings of an environment that answers calls to all numbers of the account, each with these settings."""
    service_sid = next(iter(account.services))
    return {
        "account_sid": account.account_sid,
        "api_key_sid": account.api_key_sid,
        "api_key_secret": account.api_key_secret,
        "auth_tokens": [account.auth_token],
        "numbers": {one: {"service_sid": service_sid, **number} for one in account.numbers},
        "twilio_url": twilio_url,
    }


@contextmanager
def running(
    work_dir: Path, progress: Progress, *, stack_name: str = "callscribe-local", transcript_seconds: float = 1.0
) -> Iterator[LocalCallscribe]:
    """Build and deploy Callscribe, and wire a number of the simulated Twilio to it, until the context ends.

    Parameters:
        transcript_seconds: how long the simulated Twilio works on a transcript.

    Raises:
        LocalAwsError: what went wrong while starting, building or deploying.
    """
    progress("Starting the local AWS, with IAM enforced")
    with LocalAws.start(work_dir) as aws:
        with build_folder(progress):
            build(progress)
            stack = deploy(aws, stack_name, progress)
        twilio = Simulator(Account(), ConnectTo(stack.connect_to), transcript_seconds=transcript_seconds)
        wire(twilio.account, stack)
        progress("Starting the simulated Twilio")
        with twilio.serve() as twilio_url:
            progress("Writing the settings secret")
            aws.client("secretsmanager").put_secret_value(
                SecretId=stack.outputs["SettingsSecretArn"],
                SecretString=json.dumps(settings_document(twilio.account, twilio_url)),
            )
            yield LocalCallscribe(stack, twilio, twilio_url)


def wire(account: Account, stack: Stack) -> None:
    """Enter the stack's URLs at Twilio, as its outputs say."""

    def url(output: str) -> str:
        # Twilio calls https only; the local AWS names itself with http and its port.
        path = stack.outputs[output].split("/", 3)[3]
        return f"https://{stack.api_host}/{path}"

    account.add(PhoneNumber(number=NUMBER, voice_url=url("IncomingCallUrl"), status_callback=url("CallStatusUrl")))
    account.add(IntelligenceService(webhook_url=url("TranscriptWebhookUrl")))
