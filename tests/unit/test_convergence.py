"""Events doubled, reordered and lost, workers killed, transcripts gone: sweeps bring all of it to the same state.

There are two worlds behind one interface. One is a model: a row that only the table of moves moves, and what the
workers and the sweep do with it, in a few lines. The other is the real one, handlers over moto and the simulator. Many
histories are played in the model, and a few in both, step by step, so that the model cannot drift from the code.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal, Protocol

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from callscribe.domain.reconcile import is_untold_end
from callscribe.domain.recording import MOST_ROUNDS, ROUNDS, UNSETTLED, Event, State, after
from callscribe.domain.sids import RecordingSid, ServiceSid, TranscriptSid
from callscribe.domain.transcript import Transcript
from callscribe_tools.simulator import Scenario
from harness.erasing import erase, is_erased_everywhere
from harness.seeded import transcript
from harness.situations import DUAL, callback_of, own_call, table_of
from harness.stack import SERVICE_SID
from harness.wire import Killed, Send, Step
from harness.world import Message, World

type Kill = Literal["never", "once it has claimed", "once it has asked"]
type Ended = Literal["completed", "failed"]

KILLS: Sequence[Kill] = ("never", "once it has claimed", "once it has asked")
STEPS: dict[Kill, str] = {"once it has claimed": "RECORDING requesting", "once it has asked": "POST /v2/Transcripts"}
ENOUGH = 3 * (MOST_ROUNDS + 2)
"""Sweeps after which nothing moves: a transcript that is gone takes two, and each round may end in one."""


@dataclass(frozen=True)
class Stands:
    """What is compared. `made` counts the transcripts that were ever made, `transcript` is what the last came to."""

    state: State | None
    reason: str | None
    made: int
    transcript: str | None


class Side(Protocol):
    """A world with one recording, which is finished at Twilio."""

    def stands(self) -> Stands: ...
    def deliver_callback(self, killed: Kill) -> None: ...
    def deliver_webhook(self, number: int, *, killed: bool) -> None: ...
    def ask_by_hand(self) -> None: ...
    def end_transcript(self, how: Ended) -> None: ...
    def lose_transcript(self) -> None: ...
    def let_time_pass(self) -> None: ...
    def sweep(self) -> None: ...
    def redrive(self) -> None: ...
    def erase(self) -> None: ...
    def forgets(self) -> bool: ...


@dataclass
class Model:
    """The row, moved only by the table of moves; Twilio, which has one transcript of it or none."""

    state: State | None = None
    reason: str | None = None
    claim_is_live: bool = False
    rounds: int = 0
    attempts: int = 0
    noted: int | None = None
    statuses: list[str | None] = field(default_factory=list)
    """Of every transcript that was ever made; None: it is gone."""

    def stands(self) -> Stands:
        return Stands(self.state, self.reason, len(self.statuses), self._status())

    def deliver_callback(self, killed: Kill) -> None:
        self._move(Event.HEARD_OF)
        if not self._move(Event.CLAIMED):
            return
        self.claim_is_live = True
        self.attempts += 1
        if killed == "once it has claimed":
            return
        if self.attempts == 1 or self._status() is None:
            if self._status() is None:
                self.statuses.append("queued")
            if killed == "once it has asked":
                return
        if self._status() == "failed":
            self._move(Event.TRANSCRIPT_FAILED, reason="transcript_failed", noted=len(self.statuses) - 1)
        else:
            self._move(Event.TRANSCRIPT_CREATED, noted=len(self.statuses) - 1)

    def deliver_webhook(self, number: int, *, killed: bool) -> None:
        status = self.statuses[number]
        if status is None and self.noted == number:
            gone = self._move(Event.TRANSCRIPT_GONE)
            if not gone and self.state is State.TRANSCRIBING:
                self._move(Event.GIVEN_UP, reason="transcript_gone")
        elif status == "failed":
            self._move(Event.HEARD_OF)
            self._move(Event.TRANSCRIPT_FAILED, reason="transcript_failed", noted=number)
        elif status == "completed" and not killed:
            self._move(Event.TRANSCRIPT_STORED, noted=number)

    def ask_by_hand(self) -> None:
        # Of a recording that is deleted Twilio makes no transcript.
        if self._status() is None and self.state is not State.ERASED:
            self.statuses.append("queued")

    def end_transcript(self, how: Ended) -> None:
        if self._status() == "queued":
            self.statuses[-1] = how

    def lose_transcript(self) -> None:
        if self._status() is not None:
            self.statuses[-1] = None

    def let_time_pass(self) -> None:
        self.claim_is_live = False

    def sweep(self) -> None:
        recordings, webhooks = 0, []
        if self.state is State.TRANSCRIBING and self.noted is not None:
            webhooks.append(self.noted)
        elif self.state in {State.RECEIVED, State.REQUESTING, None}:
            recordings = 1
        if (status := self._status()) and is_untold_end(_transcript(status), self._row()):
            webhooks.append(len(self.statuses) - 1)
        for _ in range(recordings):
            self.deliver_callback("never")
        for number in webhooks:
            self.deliver_webhook(number, killed=False)

    def redrive(self) -> None:
        self._move(Event.REDRIVEN)

    def erase(self) -> None:
        self._move(Event.ERASED)
        self.lose_transcript()

    def forgets(self) -> bool:
        return self._status() is None

    def _row(self) -> dict[str, Any] | None:
        return None if self.state is None else {"state": self.state}

    def _status(self) -> str | None:
        return self.statuses[-1] if self.statuses else None

    def _move(self, event: Event, *, reason: str | None = None, noted: int | None = None) -> bool:
        to = after(self.state, event, claim_is_live=self.claim_is_live, reason=self.reason, rounds=self.rounds)
        if to is None:
            return False
        self.state, self.reason = to, reason
        self.rounds += event in ROUNDS
        self.noted = self.noted if noted is None else noted
        return True


def _transcript(status: str) -> Transcript:
    return Transcript(sid=TranscriptSid("GT" + "0" * 32), service_sid=ServiceSid(SERVICE_SID), status=status)


class Real:
    """The handlers over moto and the simulator."""

    def __init__(self, world: World, scenario: Scenario) -> None:
        self._world = world
        world.begin_again(scenario)
        world.add_recording(DUAL)
        # Nobody waits until Twilio has told all its machines of a transcript.
        world.stack.variables["KNOWN_EVERYWHERE_SECONDS"] = "0"

    def stands(self) -> Stands:
        rows = self._world.stack.recordings()
        row: dict[str, Any] = rows[0] if rows else {}
        made = self._world.twilio.state.made
        there = made and made[-1].sid in self._world.twilio.state.transcripts
        state = State(row["state"]) if row else None
        return Stands(state, row.get("reason"), len(made), made[-1].status if there else None)

    def deliver_callback(self, killed: Kill) -> None:
        self._deliver(callback_of(), STEPS.get(killed))

    def deliver_webhook(self, number: int, *, killed: bool) -> None:
        sid = self._world.twilio.state.made[number].sid
        body = f'{{"transcript_sid": "{sid}", "customer_key": "{self._world.call.sid}"}}'
        self._deliver(Message("store_insights", {"Body": body}), "eventbridge PutEvents" if killed else None)

    def _deliver(self, message: Message, last_step: str | None) -> None:
        def kill(step: Step, send: Send) -> Any:
            answer = send()
            if last_step and step.endswith(last_step):
                raise Killed
            return answer

        with self._world.wire.meddling(kill), suppress(Killed):
            self._world.deliver(message)
        # What comes back is lost; nothing but the rules brings it.
        self._world.held.clear()

    def ask_by_hand(self) -> None:
        state = self._world.twilio.state
        if not state.transcripts and state.recordings[DUAL].status != "deleted":
            sid = f"GT{len(state.made):032x}"
            made = transcript(sid, SERVICE_SID, DUAL, status="queued", customer_key=self._world.call.sid)
            state.transcripts[sid] = made
            state.made.append(made)

    def end_transcript(self, how: Ended) -> None:
        for one in self._world.twilio.state.transcripts.values():
            one.status = how if one.status == "queued" else one.status

    def lose_transcript(self) -> None:
        self._world.twilio.state.transcripts.clear()

    def let_time_pass(self) -> None:
        self._world.let_time_pass()
        for one in self._world.twilio.state.transcripts.values():
            one.created = self._world.call_began + timedelta(minutes=1)

    def sweep(self) -> None:
        self._world.sweep()
        self._world.deliver_all()
        self._world.held.clear()

    def redrive(self) -> None:
        if self._world.stack.recordings():
            table_of(self._world).move(
                Event.REDRIVEN, own_call(self._world).sid, RecordingSid(DUAL), due_at=datetime.now(UTC)
            )

    def erase(self) -> None:
        erase(self._world.stack, self._world.call.sid)

    def forgets(self) -> bool:
        return is_erased_everywhere(self._world.stack, self._world.twilio, self._world.call.sid)


MEANT = 4
"""How much of a place two moves are told apart by: not how often it was begun."""


class Interleavings(RuleBasedStateMachine):
    """Whatever may happen to a recording, in any order. What is said of one side holds for all: they are compared."""

    def __init__(self, sides: Sequence[Side]) -> None:
        super().__init__()
        self.sides = sides
        self.lost = 0
        self.erased = self.was_stored = False
        self.before = self.now = sides[0].stands()

    @property
    def place(self) -> tuple[object, ...]:
        """All that decides what follows, of the model."""
        model = self.sides[0]
        assert isinstance(model, Model)
        live = model.claim_is_live and model.state is State.REQUESTING
        noted = None if model.noted is None else model.noted == len(model.statuses) - 1
        return model.state, live, noted, self.now.transcript, model.reason, min(model.attempts, 2), self.now.made

    @property
    def rounds_are_used_up(self) -> bool:
        """Whether it is nearly so that it cannot begin anew, which no place tells."""
        model = self.sides[0]
        assert isinstance(model, Model)
        return model.rounds >= MOST_ROUNDS - 2

    def do(self, what: str, *args: Any, **kwargs: Any) -> None:
        for side in self.sides:
            getattr(side, what)(*args, **kwargs)
        self.before, self.now = self.now, self.sides[0].stands()
        self.was_stored = self.was_stored or self.now.state is State.STORED
        assert [side.stands() for side in self.sides] == [self.now] * len(self.sides)
        self._check(what)

    def _check(self, what: str) -> None:
        settled = self.before.state is not None and self.before.state not in UNSETTLED
        if settled and self.now.state != self.before.state:
            assert what in {"redrive", "erase"} or self.now.state is State.STORED

    @rule(killed=st.sampled_from(KILLS))
    def a_callback_comes(self, killed: Kill) -> None:
        self.do("deliver_callback", killed)

    @rule(number=st.integers(0, 99), killed=st.booleans())
    def a_webhook_comes(self, number: int, killed: bool) -> None:  # noqa: FBT001 (drawn)
        if self.now.made:
            self.do("deliver_webhook", number % self.now.made, killed=killed)

    @rule()
    def somebody_asks_for_it_by_hand(self) -> None:
        self.do("ask_by_hand")

    @rule(how=st.sampled_from(["completed", "failed"]))
    def the_transcript_ends(self, how: Ended) -> None:
        self.do("end_transcript", how)

    @rule()
    def the_transcript_is_lost(self) -> None:
        self.lost += self.now.transcript is not None
        self.do("lose_transcript")

    @rule()
    def time_passes(self) -> None:
        self.do("let_time_pass")

    @rule()
    def the_sweep_runs(self) -> None:
        self.do("let_time_pass")
        self.do("sweep")

    @rule()
    def somebody_redrives_it(self) -> None:
        self.do("redrive")

    @rule(really=st.sampled_from([False, False, False, True]))
    def somebody_erases_it(self, really: bool) -> None:  # noqa: FBT001 (drawn)
        if really:
            self.erased = True
            self.lost += self.now.transcript is not None
            self.do("erase")

    @invariant()
    def nothing_is_paid_for_twice(self) -> None:
        assert self.now.made <= 1 + self.lost

    @invariant()
    def what_is_erased_stays_erased(self) -> None:
        assert (self.now.state is State.ERASED) == self.erased

    def teardown(self) -> None:
        """Nothing comes any more but sweeps; what is still to end at Twilio ends."""
        for _ in range(ENOUGH):
            at_rest = self.now
            self.the_transcript_ends("completed")
            self.the_sweep_runs()
            if self.now == at_rest and self.now.state not in {None, *UNSETTLED}:
                break
        self._check_the_end()

    def _check_the_end(self) -> None:
        now = self.now
        if self.erased:
            assert now.state is State.ERASED
            assert all(side.forgets() for side in self.sides)
        elif now.transcript == "completed":
            assert (now.state, now.reason) == (State.STORED, None)
        elif now.transcript == "failed":
            # What an earlier one has brought is kept.
            ends = [(State.STORED, None)] * self.was_stored + [(State.FAILED, "transcript_failed")]
            assert (now.state, now.reason) in ends
        else:
            # It was lost after it had been stored, or had failed, or once too often.
            told = {(State.STORED, None), (State.FAILED, "transcript_failed"), (State.FAILED, "transcript_gone")}
            assert (now.state, now.reason) in told
            assert now.transcript is None
        self.nothing_is_paid_for_twice()


def play(make_sides: Callable[[], Sequence[Side]], **how_long: Any) -> None:
    """Play histories."""

    class Played(Interleavings):
        def __init__(self) -> None:
            super().__init__(make_sides())

    run_state_machine_as_test(Played, settings=settings(**how_long))


def test_any_history_of_the_model_converges() -> None:
    play(lambda: [Model()], max_examples=600, stateful_step_count=30)


def test_the_handlers_do_what_the_model_does(world: World, scenario: Scenario) -> None:
    play(lambda: [Model(), Real(world, scenario)], max_examples=5, stateful_step_count=12)


type Action = Callable[[Interleavings], object]

ACTIONS: dict[str, Action] = {
    **{f"a callback; killed: {kill}": partial(Interleavings.a_callback_comes, killed=kill) for kill in KILLS},
    "a webhook": partial(Interleavings.a_webhook_comes, number=-1, killed=False),
    "a webhook; killed": partial(Interleavings.a_webhook_comes, number=-1, killed=True),
    "an old webhook": partial(Interleavings.a_webhook_comes, number=0, killed=False),
    "by hand": Interleavings.somebody_asks_for_it_by_hand,
    "completed": partial(Interleavings.the_transcript_ends, how="completed"),
    "failed": partial(Interleavings.the_transcript_ends, how="failed"),
    "lost": Interleavings.the_transcript_is_lost,
    "time": Interleavings.time_passes,
    "sweep": Interleavings.the_sweep_runs,
    "redrive": Interleavings.somebody_redrives_it,
    "erase": partial(Interleavings.somebody_erases_it, really=True),
}


# Also where they change nothing they are tried, once for each state: a live claim, above all, keeps others away.
CHANGE_NOTHING = ("a callback; killed: never", "a webhook", "redrive")

type Place = tuple[object, ...]


def ways() -> dict[Place, dict[str, Place]]:
    """Where each action leads to from each place of the model; the start comes first."""
    start = Interleavings([Model()])
    found: dict[Place, dict[str, Place]] = {start.place: {}}
    waiting = [start]
    while waiting:
        here = waiting.pop(0)
        for name, action in ACTIONS.items():
            there = deepcopy(here)
            action(there)
            changes = there.place != here.place or name in CHANGE_NOTHING
            # A third transcript comes about as the second does; one by hand is a case of its own only as the first.
            if not changes or there.now.made > 2 or (name == "by hand" and there.now.made > 1):
                continue
            found[here.place][name] = there.place
            if there.place not in found:
                found[there.place] = {}
                waiting.append(there)
    return found


def meant(here: Place, name: str, there: Place) -> Place:
    """By what one move is told from another: not by how often it was begun."""
    much = 2 if name == "erase" or here == there else MEANT
    return (*here[:much], name, *there[:much])


def tours() -> Iterator[list[str]]:
    """Histories that together make every move of the model that a first and a second transcript can make."""
    graph = ways()
    left = {meant(here, name, there) for here, ends in graph.items() for name, there in ends.items()}
    while left:
        machine, tour = Interleavings([Model()]), list[str]()
        while way := _way_to_one_of(left, machine.place, graph):
            for name in way:
                here = machine.place
                ACTIONS[name](machine)
                left.discard(meant(here, name, machine.place))
                tour.append(name)
            if machine.rounds_are_used_up:
                break
        yield tour


def _way_to_one_of(left: set[Place], start: Place, graph: dict[Place, dict[str, Place]]) -> list[str]:
    """The shortest way over one of these moves; what is erased comes last, since nothing follows it."""
    ways_to = {start: list[str]()}
    last: list[str] = []
    for here in (queue := [start]):
        for name, there in graph[here].items():
            way = [*ways_to[here], name]
            if meant(here, name, there) in left:
                if name != "erase":
                    return way
                last = last or way
            if there not in ways_to:
                ways_to[there] = way
                queue.append(there)
    return last


def test_the_handlers_make_every_move_that_the_model_makes(world: World, scenario: Scenario) -> None:
    for tour in tours():
        machine = Interleavings([Model(), Real(world, scenario)])
        for name in tour:
            ACTIONS[name](machine)
        if machine.erased:
            # Whatever has come late: nothing but the tombstone remains.
            machine.teardown()
