"""The table of moves: as the design prints it, in the domain and as conditional writes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, product

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from callscribe.adapters.table import CallTable
from callscribe.domain.call import Call
from callscribe.domain.recording import UNSETTLED, Event, Recording, State, after
from callscribe.domain.sids import CallSid, RecordingSid
from harness.stack import Stack

RECEIVED, REQUESTING, TRANSCRIBING = State.RECEIVED, State.REQUESTING, State.TRANSCRIBING
STORED, SKIPPED, FAILED, ERASED = State.STORED, State.SKIPPED, State.FAILED, State.ERASED
STATES: Sequence[State | None] = (None, *State)

# The rows of "States of a recording": event, from, to. `None` is a recording nobody has heard of.
DESIGN: dict[Event, tuple[set[State | None], State]] = {
    Event.HEARD_OF: ({None}, RECEIVED),
    Event.NOT_WORTH_IT: ({None, RECEIVED}, SKIPPED),
    Event.CLAIMED: ({RECEIVED, REQUESTING}, REQUESTING),
    Event.TRANSCRIPT_CREATED: ({REQUESTING}, TRANSCRIBING),
    Event.TRANSCRIPT_STORED: ({None, RECEIVED, REQUESTING, TRANSCRIBING, STORED, SKIPPED, FAILED}, STORED),
    Event.TRANSCRIPT_FAILED: ({RECEIVED, REQUESTING, TRANSCRIBING}, FAILED),
    Event.TRANSCRIPT_GONE: ({TRANSCRIBING}, RECEIVED),
    Event.GIVEN_UP: ({RECEIVED, REQUESTING, TRANSCRIBING}, FAILED),
    Event.REDRIVEN: ({FAILED, SKIPPED, STORED}, RECEIVED),
    Event.ERASED: ({None, RECEIVED, REQUESTING, TRANSCRIBING, STORED, SKIPPED, FAILED, ERASED}, ERASED),
}
HISTORIES = st.lists(st.tuples(st.sampled_from(Event), st.booleans()), max_size=12)
"""Events, each with whether a claim made before it has not run out yet."""

STARTED = datetime.now(UTC)
NUMBERS = count()


@pytest.mark.parametrize(("event", "state"), list(product(Event, STATES)))
def test_every_pair_moves_as_the_design_says(event: Event, state: State | None) -> None:
    sources, to = DESIGN[event]
    assert after(state, event) == (to if state in sources else None)


@pytest.mark.parametrize("state", STATES)
def test_a_live_claim_keeps_other_workers_away_and_nothing_else(state: State | None) -> None:
    for event in Event:
        expected = None if (event, state) == (Event.CLAIMED, REQUESTING) else after(state, event)
        assert after(state, event, claim_is_live=True) == expected


@given(HISTORIES)
def test_any_history_ends_in_a_known_state_and_what_is_erased_stays_so(history: list[tuple[Event, bool]]) -> None:
    state: State | None = None
    erased = False
    for event, claim_is_live in history:
        moved = after(state, event, claim_is_live=claim_is_live)
        state = state if moved is None else moved
        assert state in STATES
        erased = erased or event is Event.ERASED
        assert (state is ERASED) == erased


@given(HISTORIES)
def test_an_event_that_comes_again_at_once_changes_nothing(history: list[tuple[Event, bool]]) -> None:
    state: State | None = None
    for event, claim_is_live in history:
        state = after(state, event, claim_is_live=claim_is_live) or state
        assert (after(state, event, claim_is_live=True) or state) == state


def a_call(number: int) -> Call:
    sid = CallSid(f"CA{number:032x}")
    return Call(sid=sid, from_="+12025550142", to="+12025550199", direction="inbound", started=STARTED, seconds=9)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES)
@example(history=[(Event.HEARD_OF, True), (Event.CLAIMED, True), (Event.CLAIMED, True)])
@example(history=[(Event.HEARD_OF, True), (Event.CLAIMED, False), (Event.CLAIMED, True), (Event.CLAIMED, True)])
@example(
    history=[(Event.HEARD_OF, True), (Event.CLAIMED, True), (Event.TRANSCRIPT_CREATED, True), (Event.ERASED, True)]
)
def test_the_table_moves_as_the_domain_says_and_is_due_only_while_unsettled(
    offline_stack: Stack, history: list[tuple[Event, bool]]
) -> None:
    table = CallTable(offline_stack.table(), retention_days=1)
    call = a_call(next(NUMBERS))
    recording_sid = RecordingSid("RE" + call.sid[2:])
    state: State | None = None
    claim_is_live = False
    for event, lasts in history:
        expected = after(state, event, claim_is_live=claim_is_live)
        due_at = datetime.now(UTC) + timedelta(minutes=5 if lasts else -5)
        moved = table.move(event, call, recording_sid, due_at=due_at)
        state = expected or state
        if expected is not None:
            claim_is_live = lasts
        assert (moved.happened, moved.state) == (expected is not None, state)
        for row in table.read(call.sid).recordings.values():
            assert ("due_at" in row, "due" in row) == (row["state"] in UNSETTLED,) * 2


def test_an_unsettled_recording_must_be_due(offline_stack: Stack) -> None:
    table = CallTable(offline_stack.table(), retention_days=1)
    with pytest.raises(ValueError, match="needs a due_at"):
        table.move(Event.HEARD_OF, a_call(next(NUMBERS)), RecordingSid("RE" + "0" * 32))


@pytest.mark.parametrize(
    ("status", "seconds", "reason"),
    [
        ("completed", 2, None),
        ("completed", 3600, None),
        ("completed", None, None),
        ("completed", 1, "too_short"),
        ("completed", 0, "too_short"),
        ("absent", None, "absent"),
        ("absent", 9, "absent"),
    ],
)
def test_what_is_not_worth_transcribing_says_why(status: str, seconds: int | None, reason: str | None) -> None:
    recording = Recording(
        sid=RecordingSid("RE" + "0" * 32),
        call_sid=CallSid("CA" + "0" * 32),
        status=status,
        source="StartCallRecordingAPI",
        channels=2,
        started=STARTED,
        seconds=seconds,
    )
    assert recording.not_worth_transcribing() == reason
