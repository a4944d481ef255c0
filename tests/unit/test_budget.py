"""The daily budget of minutes: robocalls make no bill, and what it stopped can go on another day."""

import json
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callscribe.adapters import table as adapter
from callscribe.adapters.twilio import twilio as twilio_adapter
from callscribe.domain.errors import PermanentError
from callscribe.domain.patience import Patience
from callscribe.domain.recording import Event as Happening
from callscribe.domain.settings import from_json
from callscribe.edge.payloads import RecordingCallback
from callscribe.usecases import request_transcript as use_case
from callscribe.usecases.request_transcript import ClaimedElsewhereError, request_transcript
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Simulator
from harness.answers import answer, lose_answer, recover
from harness.clock import stop_clock
from harness.emf import metrics_in
from harness.events import load_event
from harness.loopback import nobody_answers
from harness.seeded import KEPT_DAYS, MONO_RECORDING_SID, RECORDING_SID, seed_transcripts
from harness.stack import Stack
from harness.workers import DONE, Event, comes_back, row, state

PATIENCE = Patience(
    look_again=timedelta(minutes=5),
    give_up=timedelta(hours=24),
    known_everywhere=timedelta(minutes=5),
    results=timedelta(0),
)

REFUSAL = '{"code": 95118, "message": "no", "status": 400}'


@pytest.fixture
def event() -> Event:
    return load_event("request_transcript", "completed")


@pytest.fixture
def other() -> Event:
    """The callback of another recording of the same length."""
    return load_event("request_transcript", "mono_of_record")


def not_expected(error: Exception) -> None:
    """Fail: in these tests each list can be read."""
    raise error


def allow(stack: Stack, twilio: Simulator, twilio_url: str, minutes: int | None) -> None:
    stack.write_settings({**settings_document(twilio.account, twilio_url), "daily_minutes": minutes})


def spent(stack: Stack) -> int:
    """The minutes counted on all days."""
    return sum(stack.minutes().values())


@pytest.mark.parametrize(("seconds", "minutes"), [(2, 1), (59, 1), (60, 1), (61, 2), (28_800, 480)])
def test_a_recording_takes_every_minute_that_has_begun(
    seconds: int, minutes: int, event: Event, seeded: Stack, twilio: Simulator
) -> None:
    twilio.state.recordings[RECORDING_SID].seconds = float(seconds)
    assert seeded.invoke("request_transcript", event) == DONE
    assert list(seeded.minutes().values()) == [minutes]


def test_a_recording_takes_its_minutes_once_however_often_it_is_reported(event: Event, seeded: Stack) -> None:
    for _ in range(3):
        assert seeded.invoke("request_transcript", event) == DONE
    assert spent(seeded) == 1


def test_a_claim_that_is_taken_over_takes_no_minutes_again(event: Event, seeded: Stack, twilio: Simulator) -> None:
    lose_answer(twilio, "POST", "/v2/Transcripts")
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    # Twilio may have made it, and charge for it.
    assert spent(seeded) == 1
    recover(twilio)
    seeded.let_claims_run_out()
    assert seeded.invoke("request_transcript", event) == DONE
    assert (state(seeded), spent(seeded)) == (("transcribing", None), 1)


def test_a_transcript_whose_creation_was_never_noted_is_not_skipped_for_its_own_minutes(
    event: Event, seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    allow(seeded, twilio, twilio_url, 1)
    lose_answer(twilio, "POST", "/v2/Transcripts")
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    recover(twilio)
    seeded.let_claims_run_out()
    # The day has no room for another one, and this is none.
    assert seeded.invoke("request_transcript", event) == DONE
    assert (state(seeded), spent(seeded)) == (("transcribing", None), 1)
    assert len(twilio.state.transcripts) == 1
    assert "counted_on" not in row(seeded)


def test_tries_that_fail_count_the_minutes_once(event: Event, seeded: Stack, twilio: Simulator) -> None:
    answer(twilio, "POST", "/v2/Transcripts", 503)
    for _ in range(3):
        assert seeded.invoke("request_transcript", event) == comes_back(event)
        seeded.let_claims_run_out()
    assert spent(seeded) == 1


def test_minutes_come_back_when_twilio_refuses(event: Event, seeded: Stack, twilio: Simulator) -> None:
    answer(twilio, "POST", "/v2/Transcripts", 400, REFUSAL)
    assert seeded.invoke("request_transcript", event) == DONE
    assert (state(seeded), spent(seeded)) == (("failed", "twilio_95118"), 0)


def test_minutes_come_back_when_twilio_refuses_only_at_the_second_try(
    event: Event, seeded: Stack, twilio: Simulator
) -> None:
    answer(twilio, "POST", "/v2/Transcripts", 503)
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    recover(twilio)
    seeded.let_claims_run_out()
    answer(twilio, "POST", "/v2/Transcripts", 400, REFUSAL)
    assert seeded.invoke("request_transcript", event) == DONE
    assert state(seeded) == ("failed", "twilio_95118")
    assert spent(seeded) == 0


@pytest.mark.parametrize(("minutes", "used"), [(4, 25.0), (None, 0.0), (0, 0.0)])
def test_the_sweep_tells_how_much_of_the_day_is_used_whether_calls_come_or_not(
    minutes: int | None,
    used: float,
    event: Event,
    seeded: Stack,
    twilio: Simulator,
    twilio_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    seeded.invoke("request_transcript", event)
    assert spent(seeded) == 1
    allow(seeded, twilio, twilio_url, minutes)
    capsys.readouterr()
    seeded.invoke("sweep", load_event("sweep", "every_few_minutes"))
    assert [one.values for one in metrics_in(capsys.readouterr().out, "BudgetUsed")] == [[used]]


def test_of_two_workers_at_once_one_asks_and_the_minutes_are_taken_once(
    event: Event, seeded: Stack, twilio: Simulator, twilio_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both have heard of the recording before either claims it.
    both = threading.Barrier(2, timeout=60)
    move = adapter.CallTable.move

    def move_together(self: adapter.CallTable, what: Happening, *about: Any, **changes: Any) -> adapter.Moved:
        if what is Happening.CLAIMED:
            both.wait()
        return move(self, what, *about, **changes)

    monkeypatch.setattr(adapter.CallTable, "move", move_together)
    monkeypatch.setenv("TWILIO_TIMEOUT_SECONDS", "10")
    settings = from_json(json.dumps(settings_document(twilio.account, twilio_url)))
    reported = RecordingCallback.from_form(event["Records"][0]["body"]).recording()
    now = datetime.now(UTC)

    # Not by the handler: its batch processor serves one invocation at a time, as Lambda does.
    def work(table: adapter.CallTable) -> None:
        with suppress(ClaimedElsewhereError):
            request_transcript(
                reported,
                reported_at=now,
                table=table,
                twilio=twilio_adapter(settings, now + timedelta(minutes=10)),
                settings=settings,
                patience=PATIENCE,
                deadline=now + timedelta(minutes=10),
                odd=not_expected,
            )

    tables = [adapter.CallTable(seeded.table(), retention_days=KEPT_DAYS) for _ in range(2)]
    workers = [threading.Thread(target=work, args=(table,)) for table in tables]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert len(twilio.state.transcripts) == 1
    assert spent(seeded) == 1
    assert state(seeded) == ("transcribing", None)


def test_while_another_worker_holds_the_claim_no_minutes_are_taken(
    event: Event, seeded: Stack, twilio: Simulator
) -> None:
    answer(twilio, "POST", "/v2/Transcripts", 503)
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    recover(twilio)
    assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert (state(seeded), spent(seeded)) == (("requesting", None), 1)


def test_what_the_day_has_no_room_for_is_skipped_and_costs_nothing(
    event: Event, other: Event, seeded: Stack, twilio: Simulator, twilio_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    allow(seeded, twilio, twilio_url, 1)
    assert seeded.invoke("request_transcript", event) == DONE
    assert seeded.invoke("request_transcript", other) == DONE
    assert state(seeded, RECORDING_SID) == ("transcribing", None)
    assert state(seeded, MONO_RECORDING_SID) == ("skipped", "over_budget")
    assert row(seeded, MONO_RECORDING_SID)["due"] == "attention"
    assert [one.source_sid for one in twilio.state.transcripts.values()] == [RECORDING_SID]
    assert spent(seeded) == 1
    # An operator can see how many there were.
    printed = capsys.readouterr().out
    (counted,) = metrics_in(printed, "RecordingsSkipped")
    assert (counted.values, counted.by) == ([1.0], "over_budget")
    assert [one.values for one in metrics_in(printed, "BudgetUsed")] == [[100.0], [100.0]]
    assert [one.values for one in metrics_in(printed, "MinutesRequested")] == [[1.0]]


@pytest.mark.parametrize(("seconds", "minutes"), [(2.0, 0), (60.0, 0), (61.0, 1), (28_800.0, 479)])
def test_a_recording_longer_than_the_whole_budget_is_skipped(
    seconds: float, minutes: int, event: Event, seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    twilio.state.recordings[RECORDING_SID].seconds = seconds
    allow(seeded, twilio, twilio_url, minutes)
    assert seeded.invoke("request_transcript", event) == DONE
    assert (state(seeded), spent(seeded)) == (("skipped", "over_budget"), 0)
    assert twilio.state.transcripts == {}


def test_a_budget_can_be_spent_to_its_last_minute(
    event: Event, seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    twilio.state.recordings[RECORDING_SID].seconds = 120.0
    allow(seeded, twilio, twilio_url, 2)
    assert seeded.invoke("request_transcript", event) == DONE
    assert (state(seeded), spent(seeded)) == (("transcribing", None), 2)


def test_without_a_budget_nothing_is_counted(event: Event, seeded: Stack, twilio: Simulator, twilio_url: str) -> None:
    allow(seeded, twilio, twilio_url, None)
    assert seeded.invoke("request_transcript", event) == DONE
    assert (state(seeded), seeded.minutes()) == (("transcribing", None), {})


def test_without_a_budget_nothing_is_given_back(
    event: Event, other: Event, seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    assert seeded.invoke("request_transcript", other) == DONE
    allow(seeded, twilio, twilio_url, None)
    answer(twilio, "POST", "/v2/Transcripts", 400, REFUSAL)
    assert seeded.invoke("request_transcript", event) == DONE
    assert spent(seeded) == 1


@pytest.mark.parametrize("seconds", [0.0, 1.0, 28_801.0])
def test_what_is_skipped_anyhow_takes_no_minutes(
    seconds: float, event: Event, seeded: Stack, twilio: Simulator
) -> None:
    twilio.state.recordings[RECORDING_SID].seconds = seconds
    assert seeded.invoke("request_transcript", event) == DONE
    assert (state(seeded)[0], seeded.minutes()) == ("skipped", {})


def test_what_was_over_budget_goes_on_when_it_is_heard_of_on_a_day_with_room(
    event: Event, seeded: Stack, twilio: Simulator, twilio_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(seeded, twilio, twilio_url, 1)
    twilio.state.recordings[RECORDING_SID].seconds = 60.0
    evening = datetime.now(UTC).replace(hour=23, minute=59, second=59)
    stop_clock(monkeypatch, evening, use_case)
    seeded.invoke("request_transcript", load_event("request_transcript", "mono_of_record"))
    seeded.invoke("request_transcript", event)
    assert state(seeded, RECORDING_SID) == ("skipped", "over_budget")
    # Heard of again on the same day, it stays.
    assert seeded.invoke("request_transcript", event) == DONE
    assert state(seeded, RECORDING_SID) == ("skipped", "over_budget")
    assert row(seeded, RECORDING_SID)["due"] == "attention"

    stop_clock(monkeypatch, evening + timedelta(seconds=1), use_case)
    assert seeded.invoke("request_transcript", event) == DONE
    assert state(seeded, RECORDING_SID) == ("transcribing", None)
    assert row(seeded, RECORDING_SID)["due"] == "due"
    assert seeded.minutes() == {
        evening.date().isoformat(): 1,
        (evening + timedelta(days=1)).date().isoformat(): 1,
    }


def test_what_was_over_budget_goes_on_when_the_budget_is_raised_or_lifted(
    event: Event, seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    for minutes in (1, None):
        allow(seeded, twilio, twilio_url, 0)
        seeded.invoke("request_transcript", event)
        assert state(seeded) == ("skipped", "over_budget")
        allow(seeded, twilio, twilio_url, minutes)
        assert seeded.invoke("request_transcript", event) == DONE
        assert state(seeded) == ("transcribing", None)
        seeded.empty_table()
        twilio.state.transcripts.clear()


@pytest.mark.parametrize("reason", ["too_short", "too_long", "absent", "anything else"])
def test_what_was_skipped_for_another_reason_does_not_go_on(
    reason: str, event: Event, seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    allow(seeded, twilio, twilio_url, 0)
    seeded.invoke("request_transcript", event)
    key = {name: row(seeded)[name] for name in ("pk", "sk")}
    seeded.table().update_item(
        Key=key,
        UpdateExpression="SET #reason = :reason",
        ExpressionAttributeNames={"#reason": "reason"},
        ExpressionAttributeValues={":reason": reason},
    )
    allow(seeded, twilio, twilio_url, None)
    before = seeded.items()
    assert seeded.invoke("request_transcript", event) == DONE
    assert seeded.items() == before
    assert twilio.state.transcripts == {}


def test_what_was_over_budget_and_transcribed_by_somebody_else_is_stored(
    event: Event, seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    allow(seeded, twilio, twilio_url, 0)
    seeded.invoke("request_transcript", event)
    seed_transcripts(twilio)
    seeded.invoke("store_insights", load_event("store_insights", "transcript_available"))
    assert state(seeded) == ("stored", None)


def test_minutes_are_given_back_to_the_day_they_were_taken_from(
    event: Event, seeded: Stack, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    evening = datetime.now(UTC).replace(hour=23, minute=59, second=59)
    stop_clock(monkeypatch, evening, use_case)

    def midnight(*_: object, **__: object) -> None:
        stop_clock(monkeypatch, evening + timedelta(seconds=1), use_case)
        raise PermanentError("refused", reason="twilio_95118")

    monkeypatch.setattr("callscribe.adapters.twilio.Twilio.create_transcript", midnight)
    assert seeded.invoke("request_transcript", event) == DONE
    assert (state(seeded), twilio.state.transcripts) == (("failed", "twilio_95118"), {})
    assert seeded.minutes() == {evening.date().isoformat(): 0}


def test_a_message_that_comes_back_for_trouble_with_the_table_has_taken_nothing(
    event: Event, seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as trouble:
        trouble.setenv("AWS_ENDPOINT_URL_DYNAMODB", nobody_answers())
        assert seeded.invoke("request_transcript", event) == comes_back(event)
    assert seeded.minutes() == {}
    assert seeded.invoke("request_transcript", event) == DONE
    assert spent(seeded) == 1
