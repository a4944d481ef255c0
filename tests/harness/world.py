"""A stack and its Twilio, whose messages come back as SQS brings them back, until nothing moves any more.

It can begin again from nothing, which takes a tenth of what a new stack takes: a test can go through the same many
times, hurt at another step each time, and compare the ends.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from callscribe.adapters.call_lists import CallLists, Progress
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Call, Scenario, Simulator
from harness.events import batch_of, load_event
from harness.seeded import recorded
from harness.stack import CALLER, NUMBER, Stack
from harness.template import resources
from harness.wire import QuickTable, Wire
from harness.workers import DONE

WORKERS = {"RecordingsQueue": "request_transcript", "TranscriptsQueue": "store_insights"}
MOST_ROUNDS = 12
"""More than anything needs to come to rest; what circles is found by it."""

CALL_AGE = timedelta(minutes=30)
"""So old that the sweep no longer waits for what should have been told of a call, and still compares it."""

# What tells when, how often and by whom something was done, and not what is so.
CLOCK_FIELDS = frozenset(
    {
        *(f"{state}_at" for state in ("received", "requesting", "transcribing", "stored", "skipped", "failed")),
        *("attempts", "deleted_at", "due_at", "repaired_at", "unsettled_since"),
        *("delete_at", "deleting_until", "deletion_error", "deletion_tries", "kept_until", "overdue_since"),
    }
)


@dataclass
class Message:
    """A message that some worker has received and not settled."""

    worker: str
    message: Mapping[str, Any]
    tries: int = 0


@dataclass
class World:
    """The stack, Twilio, and what passes between them."""

    stack: Stack
    twilio: Simulator
    twilio_url: str
    wire: Wire
    held: list[Message] = field(default_factory=list)
    call_began: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0) - CALL_AGE)
    """The same each time that it begins again, since ends are compared. Of each test: a suite may take an hour."""

    def __post_init__(self) -> None:
        self._routes = list(self.twilio.app.router.routes)

    def begin_again(self, scenario: Scenario) -> None:
        """Be as new, but for one call: of thirty minutes ago, without a recording yet."""
        self.held.clear()
        for table in resources("AWS::DynamoDB::Table"):
            QuickTable(table).forget_items()
        self.left()
        self.stack.store_unredacted = False
        self.twilio.app.router.routes[:] = self._routes
        state = self.twilio.state
        kept = (state.calls, state.recordings, state.transcripts, state.made, state.asked_again, state.exchanges)
        for everything in kept:
            everything.clear()
        self.write_settings()
        CallLists(self.stack.table()).put_progress(Progress.at(self.call_began - timedelta(minutes=1)))
        self.call = self.add_call("CA" + "1" * 32, scenario)
        self.wire.sent.clear()

    def write_settings(self, **settings: Any) -> None:
        """Write the settings, with some that are not the usual ones."""
        self.stack.write_settings({**settings_document(self.twilio.account, self.twilio_url), **settings})

    def add_call(self, sid: str, scenario: Scenario) -> Call:
        """Let another call have taken place, of which nobody has told."""
        call = Call(
            sid=sid,
            from_=CALLER,
            to=NUMBER,
            scenario=scenario,
            phone_number_sid=self.twilio.account.numbers[NUMBER].sid,
            started=self.call_began,
            status="completed",
            seconds=21,
        )
        self.twilio.state.calls[sid] = call
        return call

    def add_recording(self, sid: str, call: Call | None = None, **fields: Any) -> str:
        """Let the call have a recording; its SID."""
        call = call or self.call
        recording = recorded(sid, call_sid=call.sid, started=self.call_began, **fields)
        self.twilio.state.recordings[sid] = recording
        call.recordings.append(recording)
        return sid

    def receive(self, queue: str) -> Message:
        """Take the only message off a queue."""
        (message,) = self.stack.messages(queue)
        return Message(WORKERS[queue], message)

    def deliver(self, message: Message) -> bool:
        """Give a message to its worker; whether it is done, and else it is held to be delivered again."""
        message.tries += 1
        if message not in self.held:
            self.held.append(message)
        event = batch_of(message.message)
        event["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(message.tries)
        done: bool = self.stack.invoke(message.worker, event) == DONE
        if done:
            self.held.remove(message)
        return done

    def deliver_all(self) -> bool:
        """Deliver what is held and what is on the queues, once; whether there was anything."""
        for queue, worker in WORKERS.items():
            self.held += [Message(worker, one) for one in self.stack.messages(queue)]
        messages = list(self.held)
        for message in messages:
            self.deliver(message)
        return bool(messages)

    def sweep(self) -> None:
        """Let the sweep run."""
        self.stack.invoke("sweep", load_event("sweep", "every_few_minutes"))

    def let_time_pass(self) -> None:
        """Let every claim have run out, and everything that should have moved on be late."""
        for item in self.stack.items():
            if "delete_at" in item:
                self.stack.table().put_item(Item=let_be_deleted(item))
            elif _waits(item):
                # A call was erased when it ended: so long ago that nothing is at it any more.
                erased = {":then": self.call_began.strftime("%Y-%m-%dT%H:%M:%SZ")} if item["due"] == "erasure" else {}
                self.stack.table().update_item(
                    Key={"pk": item["pk"], "sk": item["sk"]},
                    UpdateExpression="SET due_at = :past" + (", erased_at = :then" if erased else ""),
                    ExpressionAttributeValues={":past": 1, **erased},
                )
        for one in self.twilio.state.transcripts.values():
            one.updated = self.call_began

    def come_to_rest(self) -> None:
        """Let time pass, messages come back and sweeps run until nothing moves any more."""
        for _ in range(MOST_ROUNDS):
            self.let_time_pass()
            self.deliver_all()
            self.twilio.complete_transcripts()
            self.deliver_all()
            self.let_time_pass()
            self.stack.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))
            self.sweep()
            if not self.deliver_all() and not any(map(_waits, self.stack.items())):
                return
        raise AssertionError(f"it does not come to rest: {self.held}, {self.end()}")

    def end(self) -> dict[str, Any]:
        """All that is so, here and at Twilio, but the clock; what is on the bus stays on it."""
        state = self.twilio.state
        names = {one.sid: f"transcript of {one.source_sid}" for one in state.made}
        # A spare recording that Twilio did not delete at once has got a row; else it has none.
        settled = [one for one in self.stack.items() if not (one.get("reason") == "spare" and "deleted_at" in one)]
        told = {
            "items": settled,
            "unredacted": self.stack.unredacted_items(),
            # Of all days: at midnight they may be of two.
            "minutes": sum(self.stack.minutes().values()),
            "made": sorted(one.source_sid for one in state.made),
            "transcripts": {sid: one.status for sid, one in state.transcripts.items()},
            "recordings": {sid: one.status for sid, one in state.recordings.items()},
        }
        return dict(_without_clock(told, names))

    def left(self) -> dict[str, Any]:
        """What is left on queues and buses: dead letters with their reasons, and the calls announced, each once."""
        letters = {
            (name, one["Body"], one["MessageAttributes"]["reason"]["StringValue"])
            for name in resources("AWS::SQS::Queue")
            if name not in WORKERS
            for one in self.stack.messages(name)
        }
        return {
            "queued": self.stack.queued(),
            "dead letters": letters,
            "announced": {one["detail"]["recording_sid"]: None for one in self.stack.announced()},
        }


def let_be_deleted(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a recording so much later that it is to be deleted at Twilio, and every claim has run out."""
    return {name: value for name, value in row.items() if name not in {"deleting_until", "kept_until"}} | {
        "delete_at": 1
    }


def _waits(row: Mapping[str, Any]) -> bool:
    """Whether it is due for anything but a person's attention."""
    return row.get("due") in {"due", "deletion", "erasure"} or "delete_at" in row


def _without_clock(value: Any, names: Mapping[str, str]) -> Any:
    match value:
        case dict():
            return {
                _named(name, names): _without_clock(one, names)
                for name, one in value.items()
                if name not in CLOCK_FIELDS
            }
        case list():
            return [_without_clock(one, names) for one in value]
        case str():
            return _named(value, names)
    return value


def _named(text: str, names: Mapping[str, str]) -> str:
    # Twilio gives each transcript a SID by chance.
    for sid, name in names.items():
        text = text.replace(sid, name)
    return text


type Run = Callable[[], object]


@dataclass(frozen=True)
class Situation:
    """Something that one function is to do, in a world that was made for it.

    `arrange` makes the world and gives what is to be done: a message to a worker, or an event to another function.
    """

    function: str
    arrange: Callable[[World], Message | dict[str, Any]]

    @property
    def is_repeated(self) -> bool:
        """Whether somebody does it again where it was not done: a message and the schedule come by themselves."""
        return self.function not in {*WORKERS.values(), "sweep"}

    def begin(self, world: World, scenario: Scenario) -> Run:
        """Make the world anew; what lets the function do its work."""
        world.begin_again(scenario)
        what = self.arrange(world)
        world.wire.sent.clear()
        if isinstance(what, Message):
            return lambda: world.deliver(what)
        return lambda: world.stack.invoke(self.function, what)
