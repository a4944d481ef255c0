"""The table of moves: as the design prints it, in the domain and as conditional writes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, product
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from callscribe.adapters.deletions import DeletionClaim, Deletions, DueDeletion
from callscribe.adapters.table import CallTable
from callscribe.domain.call import Call
from callscribe.domain.recording import (
    MOST_ROUNDS,
    NEEDS_AUDIO,
    OVER_BUDGET,
    ROUNDS,
    SETTLED,
    UNSETTLED,
    Event,
    Recording,
    State,
    after,
)
from callscribe.domain.sids import CallSid, RecordingSid
from harness.stack import Stack

RECEIVED, REQUESTING, TRANSCRIBING = State.RECEIVED, State.REQUESTING, State.TRANSCRIBING
STORED, SKIPPED, FAILED, ERASED = State.STORED, State.SKIPPED, State.FAILED, State.ERASED
STATES: Sequence[State | None] = (None, *State)

# The rows of "States of a recording": event, from, to. `None` is a recording nobody has heard of.
DESIGN: dict[Event, tuple[set[State | None], State]] = {
    Event.HEARD_OF: ({None}, RECEIVED),
    Event.NOT_WORTH_IT: ({None, RECEIVED}, SKIPPED),
    Event.OVER_BUDGET: ({REQUESTING}, SKIPPED),
    Event.RESUMED: ({SKIPPED}, RECEIVED),
    Event.CLAIMED: ({RECEIVED, REQUESTING}, REQUESTING),
    Event.TRANSCRIPT_CREATED: ({REQUESTING}, TRANSCRIBING),
    Event.TRANSCRIPT_STORED: ({None, RECEIVED, REQUESTING, TRANSCRIBING, STORED, SKIPPED, FAILED}, STORED),
    Event.TRANSCRIPT_FAILED: ({RECEIVED, REQUESTING, TRANSCRIBING}, FAILED),
    Event.TRANSCRIPT_GONE: ({TRANSCRIBING}, RECEIVED),
    Event.GIVEN_UP: ({RECEIVED, REQUESTING, TRANSCRIBING}, FAILED),
    Event.REDRIVEN: ({FAILED, SKIPPED, STORED}, RECEIVED),
    Event.RETRANSCRIBED: ({FAILED, SKIPPED, STORED}, RECEIVED),
    Event.ERASED: ({None, RECEIVED, REQUESTING, TRANSCRIBING, STORED, SKIPPED, FAILED, ERASED}, ERASED),
}
REASONS = st.sampled_from([OVER_BUDGET, "too_short", None])
HISTORIES = st.lists(st.tuples(st.sampled_from(Event), st.booleans(), REASONS), max_size=12)
"""Events, each with whether a claim made before it has not run out yet, and with the reason it gives."""

type History = list[tuple[Event, bool, str | None]]

STARTED = datetime.now(UTC)
NUMBERS = count()


@pytest.mark.parametrize(("event", "state"), list(product(Event, STATES)))
def test_every_pair_moves_as_the_design_says(event: Event, state: State | None) -> None:
    sources, to = DESIGN[event]
    assert after(state, event, reason=OVER_BUDGET) == (to if state in sources else None)


@pytest.mark.parametrize("reason", ["absent", "too_short", "too_long", "over budget", "", None])
def test_only_what_the_budget_did_not_allow_is_resumed(reason: str | None) -> None:
    assert [after(state, Event.RESUMED, reason=reason) for state in STATES] == [None] * len(STATES)


@pytest.mark.parametrize("event", sorted(ROUNDS))
def test_a_recording_begins_anew_a_few_times_and_not_for_ever(event: Event) -> None:
    (state,) = {TRANSCRIBING} & DESIGN[event][0] or {FAILED}
    moved = [after(state, event, rounds=rounds) for rounds in range(MOST_ROUNDS + 2)]
    assert moved == [RECEIVED] * MOST_ROUNDS + [None, None]


@pytest.mark.parametrize("state", STATES)
def test_a_live_claim_keeps_other_workers_away_and_nothing_else(state: State | None) -> None:
    for event in Event:
        expected = None if (event, state) == (Event.CLAIMED, REQUESTING) else after(state, event, reason=OVER_BUDGET)
        assert after(state, event, claim_is_live=True, reason=OVER_BUDGET) == expected


@pytest.mark.parametrize("state", STATES)
def test_what_twilio_no_longer_has_is_not_transcribed_again_and_moves_otherwise_as_ever(state: State | None) -> None:
    for event in Event:
        lost = after(state, event, reason=OVER_BUDGET, audio_is_lost=True)
        assert lost == (None if event in NEEDS_AUDIO else after(state, event, reason=OVER_BUDGET))


def test_whatever_lets_a_settled_recording_be_transcribed_again_needs_its_audio() -> None:
    assert {event for event in Event for state in SETTLED if after(state, event, reason=OVER_BUDGET) in UNSETTLED} == (
        NEEDS_AUDIO
    )


class Model:
    """A recording as the domain moves it: its state, whether its claim is live, and why it is where it is."""

    def __init__(self) -> None:
        self.state: State | None = None
        self.claim_is_live = False
        self.reason: str | None = None
        self.rounds = 0
        self.audio_is_lost = False

    def apply(self, event: Event, reason: str | None) -> State | None:
        """Let something happen; the state it moves to, or None."""
        moved = after(
            self.state,
            event,
            claim_is_live=self.claim_is_live,
            reason=self.reason,
            rounds=self.rounds,
            audio_is_lost=self.audio_is_lost,
        )
        if moved is not None:
            self.rounds += event in ROUNDS
            self.state, self.reason = moved, reason
        return moved


@given(HISTORIES)
def test_any_history_ends_in_a_known_state_and_what_is_erased_stays_so(history: History) -> None:
    model = Model()
    erased = False
    for event, model.claim_is_live, reason in history:
        model.apply(event, reason)
        erased = erased or event is Event.ERASED
        assert model.state in STATES
        assert (model.state is ERASED) == erased


@given(HISTORIES)
def test_an_event_that_comes_again_at_once_changes_nothing(history: History) -> None:
    model = Model()
    for event, claim_is_live, reason in history:
        model.claim_is_live = claim_is_live
        model.apply(event, reason)
        before, model.claim_is_live = model.state, True
        model.apply(event, reason)
        assert model.state == before


def due_of(state: State, reason: str | None) -> str | None:
    if state in UNSETTLED:
        return "due"
    return "attention" if state is FAILED or reason == OVER_BUDGET else None


def a_call(number: int) -> Call:
    sid = CallSid(f"CA{number:032x}")
    return Call(sid=sid, from_="+12025550142", to="+12025550199", direction="inbound", started=STARTED, seconds=9)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES)
@example(history=[(Event.HEARD_OF, True, None), (Event.CLAIMED, True, None), (Event.CLAIMED, True, None)])
@example(
    history=[
        (Event.HEARD_OF, True, None),
        (Event.CLAIMED, False, None),
        (Event.CLAIMED, True, None),
        (Event.CLAIMED, True, None),
    ]
)
@example(
    history=[
        (Event.HEARD_OF, True, None),
        (Event.CLAIMED, True, None),
        (Event.TRANSCRIPT_CREATED, True, None),
        (Event.ERASED, True, None),
    ]
)
@example(
    history=[
        (Event.HEARD_OF, True, None),
        (Event.CLAIMED, True, None),
        (Event.OVER_BUDGET, True, OVER_BUDGET),
        (Event.RESUMED, True, None),
        (Event.RESUMED, True, None),
    ]
)
@example(history=[(Event.NOT_WORTH_IT, True, "too_short"), (Event.RESUMED, True, None)])
@example(
    history=[(Event.TRANSCRIPT_STORED, True, None), *[(Event.REDRIVEN, True, None), (Event.GIVEN_UP, True, "x")] * 6]
)
@example(
    history=[
        (Event.NOT_WORTH_IT, True, OVER_BUDGET),
        (Event.TRANSCRIPT_STORED, True, None),
        (Event.REDRIVEN, True, None),
        (Event.NOT_WORTH_IT, True, None),
        (Event.RESUMED, True, None),
    ]
)
def test_the_table_moves_as_the_domain_says_and_is_due_only_while_unsettled(
    offline_stack: Stack, history: History
) -> None:
    table = CallTable(offline_stack.table(), retention_days=1)
    call = a_call(next(NUMBERS))
    recording_sid = RecordingSid("RE" + call.sid[2:])
    model = Model()
    for event, lasts, reason in history:
        expected = model.apply(event, reason)
        due_at = datetime.now(UTC) + timedelta(minutes=5 if lasts else -5)
        told: dict[str, Any] = {} if reason is None else {"reason": reason}
        moved = table.move(event, call, recording_sid, due_at=due_at, **told)
        if expected is not None:
            model.claim_is_live = lasts
        assert (moved.happened, moved.state) == (expected is not None, model.state)
        for row in table.read(call.sid).recordings.values():
            assert row.get("reason") == model.reason
            assert row.get("due") == due_of(State(row["state"]), row.get("reason"))
            assert ("unsettled_since" in row) == (row["state"] in UNSETTLED)
            assert ("due_at" in row) == ("due" in row)


DELETING = ("claimed", "claimed and dead", "deleted", "kept")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(sorted(set(Event) - {Event.ERASED})), REASONS),
        st.tuples(st.sampled_from(DELETING), st.none()),
    ),
    max_size=12,
)
"""Events with their reasons, and what a deleter and whoever lets it be transcribed again do in between."""

STORED_ONCE, BEGUN_AGAIN = (Event.TRANSCRIPT_STORED, None), (Event.RETRANSCRIBED, None)


class Deleter:
    """A recording that is moved, and deleted at Twilio in between: by the domain, and by the table."""

    def __init__(self, stack: Stack) -> None:
        self.table = CallTable(stack.table(), retention_days=1)
        self.deletions = Deletions(stack.table())
        self.call = a_call(next(NUMBERS))
        self.sid = RecordingSid("RE" + self.call.sid[2:])
        self.model = Model()
        self.claim: DeletionClaim | None = None
        self.claim_lasts = self.is_deleted = False

    @property
    def row(self) -> dict[str, Any]:
        return self.table.knows(self.call.sid).get(self.sid, {})

    def move(self, event: Event, reason: str | None) -> None:
        self.model.audio_is_lost = self.claim_lasts or self.is_deleted
        expected = self.model.apply(event, reason)
        now = datetime.now(UTC)
        told: dict[str, Any] = {} if reason is None else {"reason": reason}
        # A claim of a worker's never lasts here: that is tried above.
        moved = self.table.move(event, self.call, self.sid, due_at=now - timedelta(hours=1), delete_at=now, **told)
        assert (moved.happened, moved.state) == (expected is not None, self.model.state)

    def take(self, lasts: timedelta) -> None:
        row = self.row
        may = self.model.state in SETTLED and not self.claim_lasts and "kept_until" not in row and "delete_at" in row
        taken = self.deletions.claim(DueDeletion(self.call.sid, self.sid, 1), datetime.now(UTC) + lasts)
        assert (taken is not None) == may
        if taken:
            self.claim, self.claim_lasts = taken, lasts > timedelta(0)

    def keep(self) -> None:
        kept = self.deletions.keep(self.call.sid, self.sid, datetime.now(UTC) + timedelta(hours=1))
        assert kept == (self.model.state is not None and not self.claim_lasts and not self.is_deleted)

    def note(self) -> None:
        if self.claim:
            if self.row.get("deleting_until") == self.claim.until:
                self.claim_lasts, self.is_deleted = False, True
            self.deletions.note_deleted(self.claim)
        self.claim = None

    def do(self, step: Event | str, reason: str | None) -> None:
        match step:
            case Event():
                self.move(step, reason)
            case "kept":
                self.keep()
            case "deleted":
                self.note()
            case _:
                self.take(timedelta(hours=1 if step == "claimed" else -1))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
@example(steps=[STORED_ONCE, ("claimed", None), BEGUN_AGAIN, ("deleted", None), BEGUN_AGAIN])
@example(steps=[STORED_ONCE, ("claimed and dead", None), BEGUN_AGAIN, ("deleted", None)])
@example(steps=[STORED_ONCE, ("kept", None), ("claimed", None), BEGUN_AGAIN, ("claimed", None)])
@example(steps=[STORED_ONCE, ("claimed", None), ("kept", None), STORED_ONCE, ("deleted", None), ("kept", None)])
@example(steps=[(Event.NOT_WORTH_IT, OVER_BUDGET), ("claimed", None), (Event.RESUMED, None), ("deleted", None)])
def test_a_recording_is_not_deleted_while_it_is_transcribed_nor_transcribed_once_it_is_deleted(
    offline_stack: Stack, steps: list[tuple[Event | str, str | None]]
) -> None:
    deleter = Deleter(offline_stack)
    for step, reason in steps:
        deleter.do(step, reason)
        row = deleter.row
        if deleter.model.state in UNSETTLED:
            assert row.keys().isdisjoint({"deletion", "delete_at", "deleting_until", "deleted_at"})
        assert ("deletion" in row) == ("delete_at" in row)


def test_an_unsettled_recording_must_be_due(offline_stack: Stack) -> None:
    table = CallTable(offline_stack.table(), retention_days=1)
    with pytest.raises(ValueError, match="needs a due_at"):
        table.move(Event.HEARD_OF, a_call(next(NUMBERS)), RecordingSid("RE" + "0" * 32))


def test_what_is_stored_may_be_due_for_deletion_and_what_is_redriven_is_due_for_itself(offline_stack: Stack) -> None:
    call, sid = a_call(next(NUMBERS)), RecordingSid("RE" + "0" * 32)
    table = CallTable(offline_stack.table(), retention_days=60)
    then = (STARTED + timedelta(days=30)).replace(microsecond=1)
    table.move(Event.TRANSCRIPT_STORED, call, sid, delete_at=then)
    (row,) = table.read(call.sid).recordings.values()
    # Never a moment too early.
    assert (row["deletion"], row["delete_at"]) == ("due", int(then.timestamp()) + 1)
    table.move(Event.REDRIVEN, call, sid, due_at=then)
    (row,) = table.read(call.sid).recordings.values()
    assert row["due"] == "due"
    assert row.keys().isdisjoint({"deletion", "delete_at"})
    table.move(Event.TRANSCRIPT_STORED, call, sid)
    (row,) = table.read(call.sid).recordings.values()
    assert row.keys().isdisjoint({"due", "due_at", "deletion", "delete_at"})


def test_a_recording_is_deleted_before_its_row_expires_or_nobody_would_do_it(offline_stack: Stack) -> None:
    table = CallTable(offline_stack.table(), retention_days=10)
    call, sid = a_call(next(NUMBERS)), RecordingSid("RE" + "0" * 32)
    table.move(Event.TRANSCRIPT_STORED, call, sid, delete_at=STARTED + timedelta(days=30))
    (row,) = table.read(call.sid).recordings.values()
    assert row["expires_at"] - row["delete_at"] == 86_400


def test_a_code_that_was_said_of_another_state_is_not_kept(offline_stack: Stack) -> None:
    table = CallTable(offline_stack.table(), retention_days=1)
    call, sid = a_call(next(NUMBERS)), RecordingSid("RE" + "0" * 32)
    table.move(Event.NOT_WORTH_IT, call, sid, reason="absent", error_code=16102)
    table.move(Event.TRANSCRIPT_STORED, call, sid)
    (row,) = table.read(call.sid).recordings.values()
    assert row.keys().isdisjoint({"reason", "error_code"})


def a_recording(**fields: Any) -> Recording:
    given: dict[str, Any] = {"status": "completed", "source": "StartCallRecordingAPI", "channels": 2, "seconds": 4}
    return Recording(
        sid=RecordingSid("RE" + "0" * 32), call_sid=CallSid("CA" + "0" * 32), started=STARTED, **(given | fields)
    )


@pytest.mark.parametrize(
    ("status", "seconds", "reason"),
    [
        ("completed", 2, None),
        ("completed", 3600, None),
        ("completed", 28_800, None),
        ("completed", None, None),
        ("completed", 1, "too_short"),
        ("completed", 0, "too_short"),
        ("completed", 28_801, "too_long"),
        ("absent", None, "absent"),
        ("absent", 9, "absent"),
        ("failed", None, None),
        ("deleted", None, None),
    ],
)
def test_what_is_not_worth_transcribing_says_why(status: str, seconds: int | None, reason: str | None) -> None:
    assert a_recording(status=status, seconds=seconds).not_worth_transcribing() == reason


@pytest.mark.parametrize(("seconds", "minutes"), [(2, 1), (59, 1), (60, 1), (61, 2), (119, 2), (28_800, 480)])
def test_every_minute_that_has_begun_counts(seconds: int, minutes: int) -> None:
    assert a_recording(seconds=seconds).minutes == minutes


@pytest.mark.parametrize(
    ("source", "by_record", "by_dial"),
    [
        ("RecordVerb", True, False),
        ("DialVerb", False, True),
        ("StartCallRecordingAPI", False, False),
        ("StartCallRecordingTwiML", False, False),
        ("", False, False),
    ],
)
def test_a_recording_tells_what_made_it(source: str, by_record: bool, by_dial: bool) -> None:  # noqa: FBT001 (a table)
    recording = a_recording(source=source)
    assert (recording.made_by_record, recording.made_by_dial) == (by_record, by_dial)


@pytest.mark.parametrize(("code", "told"), [(None, {}), (16102, {"error_code": 16102})])
def test_its_row_tells_twilios_error_code_where_there_is_one(code: int | None, told: dict[str, int]) -> None:
    expected = {"source": "StartCallRecordingAPI", "channels": 2, "seconds": 4} | told
    assert a_recording(error_code=code).about() == expected
