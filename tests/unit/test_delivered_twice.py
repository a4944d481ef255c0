"""A message that is delivered several times, one after the other or to two workers at once, does what once does."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from callscribe.adapters.event_bus import EventBus
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.adapters.twilio import twilio as twilio_adapter
from callscribe.domain.patience import Patience, Swept
from callscribe.domain.recording import Event, State
from callscribe.domain.settings import Settings, from_json
from callscribe.domain.sids import TranscriptSid
from callscribe.edge.payloads import RecordingCallback
from callscribe.usecases.request_transcript import (
    ClaimedElsewhereError,
    Outcome,
    Settled,
    request_transcript,
)
from callscribe.usecases.store_insights import Report, Stores, store_insights
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Scenario
from harness.ends import Ends, end_of
from harness.situations import DUAL, SITUATIONS, own_call, table_of
from harness.stack import aws
from harness.world import WORKERS, Message, World

WORKED_ON = [name for name, one in SITUATIONS.items() if one.function in WORKERS.values()]
PATIENCE = Patience(
    look_again=timedelta(minutes=5),
    give_up=timedelta(hours=24),
    known_everywhere=timedelta(minutes=5),
    results=timedelta(0),
)


@pytest.mark.parametrize("name", WORKED_ON)
def test_a_message_delivered_three_times_does_what_once_does(name: str, world: World, scenario: Scenario) -> None:
    ends = Ends(name, world, scenario)
    do = SITUATIONS[name].begin(world, scenario)
    for _ in range(3):
        do()
    assert end_of(world) == ends.after("")


@pytest.mark.parametrize("name", WORKED_ON)
def test_so_it_does_when_it_is_delivered_again_long_after_everything_has_ended(
    name: str, world: World, scenario: Scenario
) -> None:
    ends = Ends(name, world, scenario)
    do = SITUATIONS[name].begin(world, scenario)
    do()
    first = end_of(world)
    do()
    second = end_of(world)
    assert first == ends.after("")
    # A call may be announced again, by the same id; a message nobody can read is told again.
    assert second | {"announced": {}, "dead letters": set()} == first | {"announced": {}, "dead letters": set()}
    assert second["announced"].items() <= first["announced"].items()


def at_once(work: Callable[[CallTable], object], world: World) -> None:
    """Let two workers do the same; not by the handler, whose batch processor serves one at a time, as Lambda does."""
    both = threading.Barrier(2, timeout=60)
    raised: list[BaseException] = []

    def begin(table: CallTable) -> None:
        both.wait()
        try:
            with suppress(ClaimedElsewhereError):
                work(table)
        except BaseException as error:  # noqa: BLE001 (a thread's would be lost)
            raised.append(error)

    # The services of one resource may not be used by two threads at once.
    threads = [threading.Thread(target=begin, args=(table_of(world),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert raised == []


@pytest.fixture
def ours(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[Settings, Twilio]:
    """The settings, and Twilio by them."""
    monkeypatch.setenv("TWILIO_TIMEOUT_SECONDS", "10")
    settings = from_json(json.dumps(settings_document(world.twilio.account, world.twilio_url)))
    return settings, twilio_adapter(settings, datetime.now(UTC) + timedelta(minutes=10))


def requesting(
    message: Message, ours: tuple[Settings, Twilio], swept: Swept | None = None
) -> Callable[[CallTable], list[Settled]]:
    settings, twilio = ours
    return lambda table: request_transcript(
        RecordingCallback.from_form(message.message["Body"]).recording(),
        reported_at=datetime.now(UTC) - timedelta(hours=1),
        table=table,
        twilio=twilio,
        settings=settings,
        patience=PATIENCE,
        deadline=datetime.now(UTC) + timedelta(minutes=10),
        odd=not_expected,
        swept=swept,
    )


def not_expected(error: Exception) -> None:
    raise error


def storing(sid: TranscriptSid, world: World, ours: tuple[Settings, Twilio]) -> Callable[[CallTable], object]:
    settings, twilio = ours
    bus = EventBus(aws("events"), world.stack.physical_ids["CallEvents"])
    report = Report(transcript_sid=sid, call_sid=own_call(world).sid, reported_at=datetime.now(UTC))
    return lambda table: store_insights(
        report,
        stores=Stores(table=table, unredacted=None, event_bus=bus),
        twilio=twilio,
        settings=settings,
        patience=PATIENCE,
        odd=not_expected,
    )


def message_of(name: str, world: World, scenario: Scenario) -> Message:
    world.begin_again(scenario)
    message = SITUATIONS[name].arrange(world)
    assert isinstance(message, Message)
    return message


@pytest.mark.parametrize("name", ["a voicemail", "an absent recording with a stand-in", "a recording that is due"])
def test_two_workers_with_the_same_callback_ask_for_one_transcript(
    name: str, world: World, scenario: Scenario, ours: tuple[Settings, Twilio]
) -> None:
    ends = Ends(name, world, scenario)
    for _ in range(5):
        at_once(requesting(message_of(name, world, scenario), ours), world)
        assert len(world.twilio.state.made) == 1
        assert end_of(world) == ends.after("")


@pytest.mark.parametrize(
    "name", ["a completed transcript and a spare recording", "a failed transcript", "a transcript that is due"]
)
def test_two_workers_with_the_same_webhook_store_the_same(
    name: str, world: World, scenario: Scenario, ours: tuple[Settings, Twilio]
) -> None:
    ends = Ends(name, world, scenario)
    for _ in range(5):
        body = json.loads(message_of(name, world, scenario).message["Body"])
        (sid,) = world.twilio.state.transcripts
        assert body["transcript_sid"] == sid
        at_once(storing(TranscriptSid(sid), world, ours), world)
        heard = [one["detail"]["id"] for one in world.stack.announced()]
        assert set(heard) == ({sid} if name != "a failed transcript" else set())
        end = end_of(world)
        assert end | {"announced": {}} == ends.after("") | {"announced": {}}


def test_what_another_worker_is_requesting_is_not_given_up_however_old_it_is(
    world: World, scenario: Scenario, ours: tuple[Settings, Twilio]
) -> None:
    message = message_of("a recording that is due", world, scenario)
    table = table_of(world)
    table.move(Event.CLAIMED, own_call(world), DUAL, due_at=datetime.now(UTC) + timedelta(seconds=30))
    since = datetime.now(UTC) - 2 * PATIENCE.give_up
    (settled,) = requesting(message, ours, Swept(since))(table)
    assert settled.outcome is Outcome.WAITS
    (row,) = world.stack.recordings()
    assert row["state"] == State.REQUESTING


@pytest.mark.parametrize("error", [TimeoutError(), ClaimedElsewhereError("later")])
@pytest.mark.parametrize("old", [timedelta(0), 2 * PATIENCE.give_up])
def test_what_was_settled_meanwhile_is_not_changed_by_whoever_could_not_go_on(
    error: Exception, old: timedelta, world: World, scenario: Scenario, ours: tuple[Settings, Twilio]
) -> None:
    message_of("a recording that is due", world, scenario)
    table = table_of(world)
    table.move(Event.TRANSCRIPT_STORED, own_call(world), DUAL)
    before = world.stack.items()
    # It is not due any more, so that only the message can bring back what is left to do.
    with pytest.raises(type(error)):
        table.leave(own_call(world).sid, DUAL, error, datetime.now(UTC) - old, PATIENCE, ours[0])
    assert world.stack.items() == before
