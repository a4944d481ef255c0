"""What an erasure leaves of a call, since no command of ours can reach it, and what to do about each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from callscribe.adapters.twilio_api import API
from callscribe.domain.erasure import LONGEST_RETENTION_DAYS
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid
from callscribe_tools.operator.environment import Environment
from callscribe_tools.words import quantity


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """One kind of copy: what it holds and for how long, and what to do."""

    copy: str
    what_to_do: str


def out_of_reach(environment: Environment, settings: Settings, call_sid: CallSid) -> Sequence[OutOfReach]:
    """All kinds, with the commands for this stack and this call. No phone number and no secret is in them."""
    return [*_at_aws(environment), *_at_twilio(settings, call_sid)]


def _at_aws(environment: Environment) -> Iterator[OutOfReach]:
    tables = [one.name for one in (environment.table, environment.unredacted) if one]
    names = " and ".join(tables)
    days = quantity(int(environment.parameters["LogRetentionDays"]), "day")
    yield OutOfReach(
        f"Point-in-time backups of {names}: all of the call, for 35 days",
        f"Wait. Whoever restores one from before erases the call there again: {environment.command('erase …')}",
    )
    yield OutOfReach(
        f"On-demand backups of {names}, and what AWS Backup keeps: all of the call, until they are deleted",
        "; ".join(f"aws dynamodb list-backups --table-name {name}" for name in tables)
        + "; then delete what is older than the erasure",
    )
    yield OutOfReach(
        "Tables that the stack has left behind: that of the unredacted words, once StoreUnredacted was set back to "
        "false, and those of stacks that were deleted",
        "aws dynamodb list-tables; then delete the items of the call there, or the table",
    )
    bus = environment.outputs["CallEventsName"]
    yield OutOfReach(
        f"The event bus {bus}: archives and targets have the event CallStored, with the SIDs of the call, its "
        "recording and its transcript; no word, no number",
        f"aws events list-archives, aws events list-rules --event-bus-name {bus}; then ask whoever has read the call "
        "because of an event",
    )
    yield OutOfReach(
        "Exports, and whatever else was read out of the tables before: all of the call",
        f"Delete the call in them; aws dynamodb list-exports names those of DynamoDB to S3 of {names}",
    )
    yield OutOfReach(
        f"Logs, in /{environment.stack}/…: SIDs, and numbers of which the middle is masked, for {days} "
        "(LogRetentionDays)",
        "Wait",
    )
    yield OutOfReach(
        "Messages on the queues (4 days) and dead letters (14 days): SIDs, as Twilio has sent them; and "
        "the SIDs that the sweep has sent for (14 days)",
        "Wait. Workers drop what is of the call, also where it is redriven",
    )
    yield OutOfReach(
        f"That it was erased: {environment.table.name} keeps the SIDs of the call and of its recordings for "
        f"{LONGEST_RETENTION_DAYS} days",
        "Nothing: without it, whatever is told late of the call would write it anew",
    )


def _at_twilio(settings: Settings, call_sid: CallSid) -> Iterator[OutOfReach]:
    account = f"{API}/2010-04-01/Accounts/{settings.account_sid}"
    yield OutOfReach(
        "Twilio's own record of the call, and of its second leg where it was put through: numbers, times, price",
        f"curl -u SK…:secret -X DELETE {account}/Calls/{call_sid}.json; {account}/Calls.json?ParentCallSid={call_sid} "
        "lists the second leg",
    )
    yield OutOfReach(
        "Twilio's metadata of deleted recordings: SIDs, times, length, for 40 days",
        "Wait",
    )
    yield OutOfReach(
        "Twilio's Debugger, request inspector and Voice Insights: the numbers, for as long as Twilio keeps them",
        "Wait, or ask Twilio's support",
    )
    yield OutOfReach(
        "Recordings that Twilio stores in a bucket of your own (External Storage), and what Twilio may learn from "
        "where a Service has Data logging on",
        "Delete the objects with the SIDs above in your bucket; ask Twilio's support about the other",
    )
