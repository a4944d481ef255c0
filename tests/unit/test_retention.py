"""Every recording of a call to our numbers leaves Twilio, whatever came of it, before the table forgets it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callscribe.adapters.deletions import Deletions
from callscribe.adapters.table import CallTable
from callscribe.domain.recording import MOST_ROUNDS, Event
from callscribe.domain.retention import KEPT_FOR_A_PERSON
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Simulator, load_scenario
from harness.answers import answer, recover
from harness.erasing import ERASED_ROW, erase
from harness.events import load_event
from harness.later import be_later, work
from harness.seeded import (
    CALL_SID,
    FAILED_CALL_SID,
    FOREIGN_SERVICE_SID,
    MONO_RECORDING_SID,
    RECORDING_SID,
    STAND_IN_SID,
)
from harness.stack import NUMBER, SERVICE_SID, Stack
from harness.workers import DONE, SENTENCES, page, row, state, webhook_of
from harness.world import let_be_deleted

LIST = "/2010-04-01/Accounts/{account}/Recordings.json"
SCENARIOS = sorted(
    file.stem for file in (Path(__file__).parents[2] / "tools" / "scenarios").glob("*.yaml") if file.stem != "long_call"
)
DAY = timedelta(days=1)

type Keep = Callable[[int | None], None]
type Case = Callable[[Stack, Simulator], None]


@pytest.fixture
def keep(stack: Stack, twilio: Simulator, twilio_url: str) -> Keep:
    """Write settings that keep recordings at Twilio for so many days."""

    def write(days: int | None, **number: Any) -> None:
        document = settings_document(twilio.account, twilio_url, **number)
        stack.write_settings({**document, "recording_retention_days": days})

    return write


def delete(stack: Stack) -> None:
    """Let every date have passed, and the deletion run."""
    for one in stack.recordings():
        if "delete_at" in one:
            stack.table().put_item(Item=let_be_deleted(one))
    stack.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))


def request(event: str) -> Case:
    return lambda stack, _: stack.invoke("request_transcript", load_event("request_transcript", event))


def too_short(stack: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[RECORDING_SID].seconds = 1.0
    request("completed")(stack, twilio)


def too_long(stack: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[RECORDING_SID].seconds = 30_000.0
    request("completed")(stack, twilio)


def refused(stack: Stack, twilio: Simulator) -> None:
    answer(twilio, "POST", "/v2/Transcripts", 400, '{"code": 70002}')
    request("completed")(stack, twilio)


def failed_transcript(stack: Stack, twilio: Simulator) -> None:
    request("completed")(stack, twilio)
    twilio.state.transcripts[(sid := next(iter(twilio.state.transcripts)))].status = "failed"
    stack.invoke("store_insights", webhook_of(sid))


def deleted_by_somebody(stack: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[RECORDING_SID].status = "deleted"
    stack.variables["KNOWN_EVERYWHERE_SECONDS"] = "0"
    request("completed")(stack, twilio)


def given_up(stack: Stack, twilio: Simulator) -> None:
    answer(twilio, "POST", "/v2/Transcripts", 503)
    request("completed")(stack, twilio)
    twilio.app.router.routes.pop(0)
    be_due_since(stack, timedelta(hours=49))
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    work(stack)


def transcript_given_up(stack: Stack, twilio: Simulator) -> None:
    request("completed")(stack, twilio)
    be_due_since(stack, timedelta(hours=49))
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    work(stack)


def be_due_since(stack: Stack, since: timedelta) -> None:
    then = int((datetime.now(UTC) - since).timestamp())
    stack.table().put_item(Item=row(stack, RECORDING_SID) | {"due_at": 1, "unsettled_since": then})


def transcript_gone(stack: Stack, twilio: Simulator) -> None:
    request("completed")(stack, twilio)
    sid = twilio.state.transcripts.popitem()[0]
    stack.table().put_item(Item=row(stack, RECORDING_SID) | {"rounds": MOST_ROUNDS})
    stack.variables["KNOWN_EVERYWHERE_SECONDS"] = "0"
    stack.invoke("store_insights", webhook_of(sid, customer_key=CALL_SID))


ENDS: dict[str, tuple[Case, tuple[str, str]]] = {
    "too short": (too_short, ("skipped", "too_short")),
    "too long": (too_long, ("skipped", "too_long")),
    "refused": (refused, ("failed", "twilio_70002")),
    "transcript failed": (failed_transcript, ("failed", "transcript_failed")),
    "deleted by somebody": (deleted_by_somebody, ("failed", "recording_deleted")),
    "given up": (given_up, ("failed", "gave_up")),
    "transcript given up": (transcript_given_up, ("failed", "gave_up")),
    "transcript gone": (transcript_gone, ("failed", "transcript_gone")),
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("days", [0, 30])
def test_a_recording_that_is_not_stored_gets_a_date_too(
    name: str, days: int, seeded: Stack, twilio: Simulator, keep: Keep
) -> None:
    keep(days)
    case, end = ENDS[name]
    case(seeded, twilio)
    one = row(seeded, RECORDING_SID)
    assert (one["state"], one["reason"]) == end
    # Who can still do something about it has two weeks.
    kept = timedelta(days=days) if end[0] == "skipped" else max(timedelta(days=days), KEPT_FOR_A_PERSON)
    assert int(one["delete_at"]) == pytest.approx((datetime.now(UTC) + kept).timestamp(), abs=60)
    assert one.get("due") == ("attention" if end[0] == "failed" else None)
    assert one["delete_at"] <= one["expires_at"] - 86_400


@pytest.mark.parametrize("name", ENDS)
def test_without_days_in_the_settings_nothing_has_a_date(
    name: str, seeded: Stack, twilio: Simulator, keep: Keep
) -> None:
    keep(None)
    ENDS[name][0](seeded, twilio)
    assert not [one for one in seeded.recordings() if "delete_at" in one]


@pytest.mark.parametrize("days", [0, 1, 30])
def test_a_stored_recording_is_deleted_after_the_days_of_the_settings(
    days: int, transcribed: Stack, keep: Keep
) -> None:
    keep(days)
    earliest = datetime.now(UTC) + timedelta(days=days)
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    latest = datetime.now(UTC) + timedelta(days=days, seconds=1)
    assert row(transcribed)["deletion"] == "due"
    assert earliest.timestamp() <= row(transcribed)["delete_at"] <= latest.timestamp()


def test_a_recording_that_the_day_s_budget_did_not_allow_has_a_date_and_goes_on_until_then(
    seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    document = settings_document(twilio.account, twilio_url) | {"recording_retention_days": 1}
    seeded.write_settings(document | {"daily_minutes": 0})
    event = load_event("request_transcript", "completed")
    assert seeded.invoke("request_transcript", event) == DONE
    assert state(seeded) == ("skipped", "over_budget")
    assert int(row(seeded)["delete_at"]) == pytest.approx((datetime.now(UTC) + KEPT_FOR_A_PERSON).timestamp(), abs=60)
    seeded.write_settings(document)
    assert seeded.invoke("request_transcript", event) == DONE
    assert state(seeded) == ("transcribing", None)
    assert "delete_at" not in row(seeded)


def test_what_the_budget_did_not_allow_is_not_resumed_once_it_is_being_deleted(
    seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    document = settings_document(twilio.account, twilio_url) | {"recording_retention_days": 1}
    seeded.write_settings(document | {"daily_minutes": 0})
    event = load_event("request_transcript", "completed")
    seeded.invoke("request_transcript", event)
    seeded.table().put_item(Item=let_be_deleted(row(seeded)))
    deletions = Deletions(seeded.table())
    (found,) = deletions.due(datetime.now(UTC))
    assert deletions.claim(found, datetime.now(UTC) + timedelta(minutes=5))
    seeded.write_settings(document)
    before = seeded.items()
    # It is neither lost nor tried for ever: a person is told when it is redriven.
    assert seeded.invoke("request_transcript", event) == DONE
    assert seeded.recordings() == [one for one in before if one["sk"].startswith("RECORDING#")]
    assert twilio.state.transcripts == {}


def test_a_date_is_never_later_than_a_day_before_the_row_expires(seeded: Stack, twilio: Simulator, keep: Keep) -> None:
    seeded.variables["RETENTION_DAYS"] = "3660"
    keep(3650)
    failed_transcript(seeded, twilio)
    one = row(seeded, RECORDING_SID)
    assert one["expires_at"] - one["delete_at"] >= 86_400


def test_what_is_transcribed_again_has_no_date_and_gets_another_when_it_has_ended(
    transcribed: Stack, twilio: Simulator, keep: Keep
) -> None:
    keep(1)
    transcribed.invoke("store_insights", webhook_of())
    transcribed.table().put_item(Item=row(transcribed, RECORDING_SID) | {"delete_at": 5})
    table = CallTable(transcribed.table(), retention_days=36_500)
    sids = CallSid(CALL_SID), RecordingSid(RECORDING_SID)
    assert table.move(Event.RETRANSCRIBED, *sids, due_at=datetime.now(UTC), rounds=0).happened
    delete(transcribed)
    assert twilio.state.recordings[RECORDING_SID].status == "completed"
    keep(7)
    transcribed.invoke("store_insights", webhook_of())
    assert int(row(transcribed, RECORDING_SID)["delete_at"]) == pytest.approx(
        (datetime.now(UTC) + 7 * DAY).timestamp(), abs=60
    )


def test_a_call_to_a_number_that_left_the_settings_keeps_the_date_it_has_and_gets_none_anew(
    seeded: Stack, twilio: Simulator, twilio_url: str, keep: Keep
) -> None:
    keep(1)
    failed_transcript(seeded, twilio)
    document = settings_document(twilio.account, twilio_url) | {"recording_retention_days": 1}
    seeded.write_settings(document | {"numbers": {"+12025550111": document["numbers"][NUMBER]}})
    delete(seeded)
    assert twilio.state.recordings[RECORDING_SID].status == "deleted"


# --- numbers that leave the settings

type Leave = Callable[[int | None], None]


@pytest.fixture
def leave(stack: Stack, twilio: Simulator, twilio_url: str) -> Leave:
    """Write settings that no longer hold the number, and keep recordings of other numbers for so many days."""

    def write(days: int | None) -> None:
        document = settings_document(twilio.account, twilio_url)
        other = document["numbers"][NUMBER] | {"service_sid": FOREIGN_SERVICE_SID}
        stack.write_settings({**document, "recording_retention_days": days, "numbers": {"+12025550111": other}})

    return write


def told(stack: Stack, twilio: Simulator) -> None:
    sid = next(iter(twilio.state.transcripts))
    twilio.complete_transcripts()
    assert stack.invoke("store_insights", webhook_of(sid)) == DONE


def told_failed(stack: Stack, twilio: Simulator) -> None:
    sid = next(iter(twilio.state.transcripts))
    twilio.state.transcripts[sid].status = "failed"
    assert stack.invoke("store_insights", webhook_of(sid)) == DONE


def told_encrypted(stack: Stack, twilio: Simulator) -> None:
    twilio.account.services[SERVICE_SID].encryption_credential_sid = "CR" + "e" * 32
    told(stack, twilio)


def told_unreadable(stack: Stack, twilio: Simulator) -> None:
    sid = next(iter(twilio.state.transcripts))
    twilio.complete_transcripts()
    twilio.state.transcripts[sid].updated -= DAY
    answer(twilio, "GET", SENTENCES, 200, page("sentences", '{"transcript": null}'))
    answer(twilio, "GET", "/v2/Services/{sid}", 404)
    assert stack.invoke("store_insights", webhook_of(sid)) == DONE


def told_gone(stack: Stack, twilio: Simulator) -> None:
    sid = twilio.state.transcripts.popitem()[0]
    stack.table().put_item(Item=row(stack, RECORDING_SID) | {"rounds": MOST_ROUNDS})
    stack.variables["KNOWN_EVERYWHERE_SECONDS"] = "0"
    assert stack.invoke("store_insights", webhook_of(sid, customer_key=CALL_SID)) == DONE


def given_up_by_the_sweep(stack: Stack, _: Simulator) -> None:
    be_due_since(stack, timedelta(hours=49))
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    work(stack)


def given_up_by_a_second_look(stack: Stack, _: Simulator) -> None:
    be_due_since(stack, timedelta(hours=72))
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    work(stack)


LATE_ENDS: dict[str, tuple[Case, tuple[str, str | None]]] = {
    "stored": (told, ("stored", None)),
    "failed": (told_failed, ("failed", "transcript_failed")),
    "encrypted": (told_encrypted, ("failed", "transcript_encrypted")),
    "unreadable": (told_unreadable, ("failed", "transcript_unreadable")),
    "gone": (told_gone, ("failed", "transcript_gone")),
    "given up": (given_up_by_the_sweep, ("failed", "gave_up")),
    "given up at once": (given_up_by_a_second_look, ("failed", "gave_up")),
}


def assert_deleted_after(days: int, stack: Stack) -> None:
    one = row(stack, RECORDING_SID)
    kept = timedelta(days=days) if one["state"] == "stored" else max(timedelta(days=days), KEPT_FOR_A_PERSON)
    assert int(one["delete_at"]) == pytest.approx((datetime.now(UTC) + kept).timestamp(), abs=60)


@pytest.mark.parametrize("name", LATE_ENDS)
@pytest.mark.parametrize("now_days", [None, 1])
def test_a_recording_whose_number_leaves_the_settings_before_it_is_settled_keeps_the_days_it_was_promised(
    name: str, now_days: int | None, seeded: Stack, twilio: Simulator, keep: Keep, leave: Leave
) -> None:
    keep(30)
    request("completed")(seeded, twilio)
    leave(now_days)
    case, end = LATE_ENDS[name]
    case(seeded, twilio)
    assert state(seeded, RECORDING_SID) == end
    assert_deleted_after(30, seeded)


@pytest.mark.parametrize("name", LATE_ENDS)
def test_a_recording_to_which_no_settings_promised_a_deletion_stays_at_twilio(
    name: str, seeded: Stack, twilio: Simulator, keep: Keep, leave: Leave
) -> None:
    keep(None)
    request("completed")(seeded, twilio)
    # These days are promised to the recordings of another number.
    leave(1)
    case, end = LATE_ENDS[name]
    case(seeded, twilio)
    assert state(seeded, RECORDING_SID) == end
    assert "delete_at" not in row(seeded, RECORDING_SID)
    delete(seeded)
    assert twilio.state.recordings[RECORDING_SID].status == "completed"


def test_a_recording_that_was_never_requested_keeps_the_days_it_was_promised(
    seeded: Stack, twilio: Simulator, keep: Keep, leave: Leave
) -> None:
    keep(30)
    answer(twilio, "POST", "/v2/Transcripts", 503)
    request("completed")(seeded, twilio)
    recover(twilio)
    leave(None)
    given_up_by_the_sweep(seeded, twilio)
    assert state(seeded, RECORDING_SID) == ("failed", "gave_up")
    assert_deleted_after(30, seeded)


@pytest.mark.parametrize("days", [None, 7])
def test_while_the_settings_hold_the_number_their_current_days_decide(
    days: int | None, seeded: Stack, twilio: Simulator, keep: Keep
) -> None:
    keep(30)
    request("completed")(seeded, twilio)
    keep(days)
    told(seeded, twilio)
    if days is None:
        assert "delete_at" not in row(seeded, RECORDING_SID)
    else:
        assert_deleted_after(days, seeded)


@pytest.mark.parametrize("name", ["gone", "given up", "given up at once"])
def test_a_recording_that_is_given_up_has_a_date_though_the_item_of_its_call_has_expired(
    name: str, seeded: Stack, twilio: Simulator, keep: Keep
) -> None:
    keep(30)
    request("completed")(seeded, twilio)
    before = row(seeded, RECORDING_SID)
    seeded.table().delete_item(Key={"pk": before["pk"], "sk": "CALL"})
    case, end = LATE_ENDS[name]
    case(seeded, twilio)
    assert state(seeded, RECORDING_SID) == end
    assert_deleted_after(30, seeded)
    assert {key: row(seeded, RECORDING_SID)[key] for key in ("started", "day", "expires_at")} == {
        key: before[key] for key in ("started", "day", "expires_at")
    }


@pytest.mark.parametrize("days", [None, 30])
def test_the_mono_recording_beside_a_stored_one_goes_though_the_number_has_left_the_settings(
    days: int | None, seeded: Stack, twilio: Simulator, keep: Keep, leave: Leave
) -> None:
    keep(days)
    request("completed")(seeded, twilio)
    leave(None)
    told(seeded, twilio)
    assert twilio.state.recordings[MONO_RECORDING_SID].status == "deleted"


def test_a_recording_that_is_transcribed_again_keeps_the_days_it_was_promised(
    seeded: Stack, twilio: Simulator, keep: Keep, leave: Leave
) -> None:
    keep(30)
    request("completed")(seeded, twilio)
    told_failed(seeded, twilio)
    leave(None)
    table = CallTable(seeded.table(), retention_days=36_500)
    sids = CallSid(CALL_SID), RecordingSid(RECORDING_SID)
    assert table.move(Event.REDRIVEN, *sids, due_at=datetime.now(UTC)).happened
    assert "delete_at" not in row(seeded, RECORDING_SID)
    given_up_by_the_sweep(seeded, twilio)
    assert_deleted_after(30, seeded)


# --- mono recordings


@pytest.mark.parametrize("name", sorted(ENDS))
def test_the_mono_recording_goes_with_the_one_in_two_channels_that_came_to_nothing(
    name: str, seeded: Stack, twilio: Simulator, keep: Keep
) -> None:
    keep(30)
    ENDS[name][0](seeded, twilio)
    mono = twilio.state.recordings[MONO_RECORDING_SID]
    seeded.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))
    assert mono.status == "completed"
    delete(seeded)
    assert (mono.status, twilio.state.recordings[RECORDING_SID].status) == ("deleted", "deleted")
    assert state(seeded, MONO_RECORDING_SID) == ("skipped", "spare")
    assert not [one for one in seeded.recordings() if "delete_at" in one]
    # Of another call nothing is.
    assert twilio.state.recordings[STAND_IN_SID].status == "completed"


def test_a_mono_recording_that_is_being_transcribed_is_left_alone(seeded: Stack, twilio: Simulator, keep: Keep) -> None:
    keep(0)
    failed_transcript(seeded, twilio)
    assert seeded.invoke("request_transcript", load_event("request_transcript", "mono_of_record")) == DONE
    delete(seeded)
    assert twilio.state.recordings[RECORDING_SID].status == "deleted"
    assert (twilio.state.recordings[MONO_RECORDING_SID].status, state(seeded, MONO_RECORDING_SID)) == (
        "completed",
        ("transcribing", None),
    )


def test_a_mono_recording_that_stands_in_gets_a_date_of_its_own(seeded: Stack, twilio: Simulator, keep: Keep) -> None:
    keep(1)
    assert seeded.invoke("request_transcript", load_event("request_transcript", "failed")) == DONE
    twilio.complete_transcripts()
    work(seeded)
    assert state(seeded, STAND_IN_SID) == ("stored", None)
    assert len([one for one in seeded.recordings() if "delete_at" in one]) == 2
    delete(seeded)
    statuses = {sid: one.status for sid, one in twilio.state.recordings.items() if one.call_sid == FAILED_CALL_SID}
    assert "completed" not in statuses.values()


def test_while_the_mono_recordings_cannot_be_looked_for_neither_is_deleted(
    seeded: Stack, twilio: Simulator, keep: Keep
) -> None:
    keep(0)
    failed_transcript(seeded, twilio)
    answer(twilio, "GET", LIST, 400)
    delete(seeded)
    assert {twilio.state.recordings[sid].status for sid in (RECORDING_SID, MONO_RECORDING_SID)} == {"completed"}
    assert row(seeded, RECORDING_SID)["deletion"] == "refused"
    twilio.app.router.routes.pop(0)
    delete(seeded)
    assert {twilio.state.recordings[sid].status for sid in (RECORDING_SID, MONO_RECORDING_SID)} == {"deleted"}


def test_a_deleter_that_dies_before_it_has_noted_anything_loses_no_mono_recording(
    seeded: Stack, twilio: Simulator, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(0)
    failed_transcript(seeded, twilio)

    class KilledError(Exception):
        pass

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(CallTable, "move", killed)
        with pytest.raises(KilledError):
            delete(seeded)
    assert twilio.state.recordings[RECORDING_SID].status == "deleted"
    delete(seeded)
    assert twilio.state.recordings[MONO_RECORDING_SID].status == "deleted"


# --- all of it


@pytest.mark.parametrize(
    ("name", "flow"),
    [*((name, "voicemail") for name in SCENARIOS), ("agent_answers", "dial"), ("agent_busy", "dial")],
)
def test_nothing_of_any_call_stays_at_twilio_once_its_dates_have_passed(
    name: str, flow: str, stack: Stack, twilio: Simulator, keep: Any
) -> None:
    keep(3, **({"flow": "dial", "agent": "+12025550123"} if flow == "dial" else {}))
    scenario = load_scenario(name)
    twilio.place_call(scenario if flow == "dial" else scenario.model_copy(update={"agent": None}), to=NUMBER)
    for _ in range(2):
        work(stack)
        twilio.complete_transcripts()
        work(stack)
        be_later(stack, twilio)
        stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    work(stack)
    for _ in range(2):
        delete(stack)
    left = {one.sid: one.status for one in twilio.state.recordings.values()}
    assert set(left.values()) <= {"deleted", "absent", "failed"}, left
    for one in stack.recordings():
        assert "delete_at" not in one
    twilio.check()


def test_an_erasure_and_a_deletion_at_the_same_time_do_no_harm(
    transcribed: Stack, twilio: Simulator, keep: Keep
) -> None:
    keep(0)
    transcribed.invoke("store_insights", webhook_of())
    transcribed.table().put_item(Item=let_be_deleted(row(transcribed, RECORDING_SID)))
    deletions = Deletions(transcribed.table())
    (found,) = deletions.due(datetime.now(UTC))
    claim = deletions.claim(found, datetime.now(UTC) + timedelta(minutes=5))
    assert claim
    erase(transcribed, CALL_SID)
    before = transcribed.items()
    deletions.note_deleted(claim)
    deletions.postpone(claim, "no_answer", is_refused=True)
    assert deletions.claim(found, datetime.now(UTC) + timedelta(minutes=5)) is None
    assert not deletions.keep(CallSid(CALL_SID), RecordingSid(RECORDING_SID), datetime.now(UTC) + DAY)
    delete(transcribed)
    assert transcribed.items() == before
    assert all(set(one) <= ERASED_ROW | {"due", "due_at", "transcripts"} for one in before)
    assert {twilio.state.recordings[sid].status for sid in (RECORDING_SID, MONO_RECORDING_SID)} == {"deleted"}


def test_what_the_backfill_has_asked_for_gets_its_date_like_any_other(
    seeded: Stack, twilio: Simulator, keep: Keep
) -> None:
    keep(1)
    twilio.state.recordings[RECORDING_SID].seconds = 1.0
    assert seeded.invoke("backfill_recording", load_event("backfill_recording", "completed")) == DONE
    assert int(row(seeded)["delete_at"]) == pytest.approx((datetime.now(UTC) + DAY).timestamp(), abs=60)
