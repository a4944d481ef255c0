"""`callscribe ledger`: what Twilio has and the table should have, to the last call, and no false alarm."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from typer.testing import Result

from callscribe.adapters.call_lists import CallLists, Progress
from callscribe.adapters.items import recording_key
from callscribe.domain.recording import State
from callscribe.domain.sids import CallSid, RecordingSid
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.operator.environment import deployed as environment_of
from callscribe_tools.operator.ledger import Ledger, take_ledger
from callscribe_tools.operator.ledger_entries import Kind
from callscribe_tools.simulator import Call, PhoneNumber, Recording, Scenario, Simulator, load_scenario
from callscribe_tools.simulator.scenario import TranscriptOutcome
from harness.answers import answer, recover
from harness.deployed import NAME, Deployed
from harness.events import HOST, load_event
from harness.later import LATE, be_later, since_noon, work
from harness.seeded import recorded, transcript
from harness.stack import NUMBER, SERVICE_SID, Stack
from harness.workers import state

CALLS = "/2010-04-01/Accounts/{account}/Calls.json"
TRANSCRIPTS = "/v2/Transcripts"
HOURS = timedelta(hours=1)
OTHER_NUMBER, OTHER_SERVICE_SID = "+12025550188", "GA" + "e" * 32

type Take = Callable[..., Ledger]


@pytest.fixture
def take(callscribe: Callable[..., Result], stack: Stack) -> Take:  # noqa: ARG001 (they are asked)
    """The ledger of so long, as a program takes it."""

    def taken(ago: timedelta = timedelta(days=3), until: timedelta = timedelta(0)) -> Ledger:
        environment = environment_of(NAME)
        settings = environment.settings()
        now = datetime.now(UTC)
        return take_ledger(
            lists=environment.lists,
            table=environment.table,
            twilio=environment.twilio(settings),
            settings=settings,
            patience=environment.patience,
            since=now - ago,
            until=now - until,
            progress=lambda _: None,
        )

    return taken


def settle(stack: Stack, twilio: Simulator) -> None:
    work(stack)
    twilio.complete_transcripts()
    work(stack)


def dual(call: Call) -> Recording:
    return next(one for one in call.recordings if one.channels == 2)


def forget(stack: Stack, *calls: Call) -> None:
    """Let the table have heard nothing of these calls."""
    for item in stack.items():
        if item["pk"] in {f"CALL#{call.sid}" for call in calls}:
            stack.table().delete_item(Key={"pk": item["pk"], "sk": item["sk"]})


def counts(ledger: Ledger) -> dict[str, int]:
    """The numbers of all days together, those that are not 0."""
    names = ("calls", "recordings", "transcripts", "stored", "skipped", "failed", "in_flight", "repaired", "erased")
    summed = {name: sum(getattr(day, name) for day in ledger.days) for name in (*names, "missing")}
    return {name: number for name, number in summed.items() if number}


def missing(ledger: Ledger) -> set[tuple[str, str]]:
    return {(one.kind.value, one.sid) for one in ledger.missing}


# --- what is not missing


def test_of_nothing_there_is_a_ledger(take: Take) -> None:
    ledger = take()
    assert len(ledger.days) == 4
    assert (counts(ledger), ledger.missing, ledger.unreadable) == ({}, [], 0)


def test_a_mixed_day_adds_up(
    take: Take, stack: Stack, twilio: Simulator, scenario: Scenario, callscribe: Callable[..., Result]
) -> None:
    twilio.unknowns.failed_transcript_webhook = "available"
    for name in ("cannot_log_in", "transcript_fails", "one_second", "hang_up_in_greeting"):
        twilio.place_call(load_scenario(name), to=NUMBER)
    settle(stack, twilio)
    twilio.place_call(scenario, to=NUMBER)
    work(stack)
    # Each list of Twilio's ends with the second before the ledger is taken.
    be_later(stack, twilio, since_noon())
    ledger = take()
    assert counts(ledger) == {
        "calls": 5,
        # Those in two channels; and the spare ones of calls that are not stored.
        "recordings": counts(ledger)["recordings"],
        "transcripts": 3,
        "stored": 1,
        "skipped": 1,
        "failed": 1,
        "in_flight": 1,
    }
    assert ledger.missing == []
    result = callscribe("ledger", "--since", "3d")
    assert result.exit_code == 0
    assert result.stderr.endswith("Nothing is missing.\n")
    assert result.stdout.splitlines()[-1].split()[:3] == ["in", "all", "5"]
    balance = ledger.balance
    assert balance.rows == sum(counts(ledger)[name] for name in ("stored", "skipped", "failed", "in_flight"))
    assert balance.recordings == balance.with_row + balance.need_none == counts(ledger)["recordings"]
    assert f"RECS {balance.recordings} = {balance.with_row} with a row" in result.stderr
    assert (balance.missing, balance.waiting) == (0, 0)


def test_the_ledger_says_why_it_has_more_rows_than_twilio_has_recordings(
    take: Take, stack: Stack, twilio: Simulator, scenario: Scenario, callscribe: Callable[..., Result]
) -> None:
    kept, deleted = (twilio.place_call(scenario, to=NUMBER) for _ in range(2))
    settle(stack, twilio)
    lost = twilio.place_call(scenario, to=NUMBER)
    settle(stack, twilio)
    be_later(stack, twilio)
    forget(stack, lost)
    dual(deleted).status = "deleted"
    balance = take().balance
    assert kept.recordings
    assert (balance.rows, balance.with_row, balance.gone) == (2, 1, 1)
    assert balance.missing >= 1
    assert balance.recordings == balance.with_row + balance.missing + balance.waiting + balance.need_none
    told = callscribe("ledger", "--since", "3d").stderr
    assert "2 rows = 1 with a recording at Twilio + 1 without one at Twilio, where it was deleted" in told


def test_what_has_not_had_its_time_yet_is_in_flight(
    take: Take, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    lasting = twilio.place_call(load_scenario("hang_up_in_greeting"), to=NUMBER)
    made = transcript("GT" + "7" * 32, SERVICE_SID, dual(call).sid, customer_key=call.sid)
    made.created = made.updated = datetime.now(UTC) - timedelta(seconds=30)
    twilio.state.transcripts[made.sid] = made
    stack.empty_calls()
    lasting.status = "in-progress"
    ledger = take()
    assert ledger.missing == []
    assert counts(ledger)["in_flight"] == 3


@pytest.mark.parametrize("status", ["in-progress", "completed"])
def test_what_is_unsettled_is_in_flight_and_not_missing(
    status: Any, take: Take, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    work(stack)
    (made,) = twilio.state.transcripts.values()
    made.status = status
    be_later(stack, twilio, HOURS)
    ledger = take()
    assert ledger.missing == []
    assert counts(ledger)["in_flight"] == 1


def test_what_was_erased_is_never_missing(take: Take, stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    settle(stack, twilio)
    be_later(stack, twilio, HOURS)
    stack.empty_calls()
    key = recording_key(CallSid(call.sid), RecordingSid(dual(call).sid))
    expires_at = int((datetime.now(UTC) + timedelta(days=9)).timestamp())
    stack.table().put_item(Item={**key, "state": State.ERASED, "expires_at": expires_at})
    ledger = take()
    assert ledger.missing == []
    assert counts(ledger)["erased"] == 1


def test_a_spare_recording_is_not_missing(take: Take, stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    work(stack)
    be_later(stack, twilio, HOURS)
    assert len(call.recordings) == 2
    assert take().missing == []


def test_what_the_index_does_not_tell_yet_is_looked_up_before_it_is_called_missing(
    take: Take, stack: Stack, twilio: Simulator, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    settle(stack, twilio)
    be_later(stack, twilio, HOURS)
    monkeypatch.setattr(CallLists, "of_day", lambda *_: iter(()))
    ledger = take()
    assert ledger.missing == []
    assert counts(ledger)["stored"] == 1


def test_a_call_whose_row_is_of_the_day_before_counts_once(
    take: Take, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    settle(stack, twilio)
    be_later(stack, twilio, timedelta(days=1))
    for item in stack.items():
        if "day" in item:
            before = datetime.fromisoformat(item["day"]).date() - timedelta(days=1)
            stack.table().put_item(Item=item | {"day": before.isoformat()})
    ledger = take()
    assert ledger.missing == []
    assert (counts(ledger)["calls"], counts(ledger)["stored"]) == (1, 1)
    assert [day.stored for day in ledger.days] == [day.calls for day in ledger.days]


def test_other_numbers_calls_are_not_counted(take: Take, stack: Stack, twilio: Simulator, scenario: Scenario) -> None:
    twilio.account.add(PhoneNumber(number=OTHER_NUMBER, voice_url=f"https://{HOST}/incoming-call"))
    twilio.place_call(scenario, to=OTHER_NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio)
    assert counts(take()) == {}


# --- what is missing


@pytest.fixture
def losses(stack: Stack, twilio: Simulator, scenario: Scenario) -> dict[str, str]:
    """A recording, a call and a transcript that are missing beside a call that is stored; the SIDs by what they are."""
    twilio.place_call(scenario, to=NUMBER)
    untold = twilio.place_call(load_scenario("hang_up_in_greeting"), to=NUMBER)
    lost = twilio.place_call(scenario, to=NUMBER)
    unheard = twilio.place_call(scenario, to=NUMBER)
    settle(stack, twilio)
    of_lost, of_unheard = (
        next(one for one in twilio.state.transcripts.values() if one.customer_key == call.sid)
        for call in (lost, unheard)
    )
    del twilio.state.transcripts[of_lost.sid]
    forget(stack, untold, lost)
    # Told as failed, and completed after all.
    key = recording_key(CallSid(unheard.sid), RecordingSid(dual(unheard).sid))
    row = stack.table().get_item(Key=key)["Item"]
    stack.table().put_item(Item=row | {"state": "failed", "reason": "gave_up"})
    be_later(stack, twilio, 3 * HOURS)
    return {"call": untold.sid, "recording": dual(lost).sid, "transcript": of_unheard.sid}


def test_what_was_lost_is_missing_each_thing_once(losses: dict[str, str], take: Take) -> None:
    ledger = take()
    assert missing(ledger) == set(losses.items())
    assert counts(ledger)["missing"] == 3
    assert counts(ledger)["stored"] == 1
    assert all(one.call_sid and one.day for one in ledger.missing)


def test_what_is_missing_is_told_and_makes_the_exit_status_1(
    losses: dict[str, str], callscribe: Callable[..., Result], document: Callable[..., Any]
) -> None:
    result = callscribe("ledger", "--since", "2d")
    assert result.exit_code == 1
    assert all(sid in result.stdout for sid in losses.values())
    assert "--repair sends it" in result.stdout
    assert "3 missing. To send for all of it: callscribe ledger --since 20" in result.stderr
    told = document("ledger", "--since", "2d")
    assert {(one["kind"], one["sid"]) for one in told["missing"]} == set(losses.items())
    assert all("message" not in one for one in told["missing"])
    assert (told["sent"], told["unreadable"]) == (0, 0)


def test_what_the_sweep_will_find_is_said_to_be_waited_for(
    take: Take, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio)
    (one,) = take().missing
    assert one.kind is Kind.RECORDING
    assert one.what_to_do == "Wait: the sweep sends it within 10 minutes"


def test_repair_sends_for_all_of_it_what_the_sweep_would_send(
    losses: dict[str, str], stack: Stack, twilio: Simulator, callscribe: Callable[..., Result]
) -> None:
    result = callscribe("ledger", "--since", "2d", "--repair")
    assert result.exit_code == 1
    assert "3 messages were sent" in result.stderr
    by_hand = {queue: sorted(bodies) for queue, bodies in stack.queued().items()}
    assert CallLists(stack.table()).put_progress(Progress.at(datetime.now(UTC) - timedelta(days=1)))
    stack.invoke("sweep", load_event("sweep", "every_few_minutes"))
    assert {queue: sorted(bodies) for queue, bodies in stack.queued().items()} == by_hand
    callscribe("ledger", "--since", "2d", "--repair")
    settle(stack, twilio)
    assert state(stack, losses["recording"]) == ("stored", None)
    result = callscribe("ledger", "--since", "2d", "--json")
    assert result.exit_code == 0, result.stdout
    assert '"repaired": 3' in result.stdout


def test_repair_leaves_what_is_from_before_the_stack_unless_it_is_asked_to(
    losses: dict[str, str],
    stack: Stack,
    twilio: Simulator,
    scenario: Scenario,
    deployed: Deployed,
    callscribe: Callable[..., Result],
    document: Callable[..., Any],
) -> None:
    created = datetime.now(UTC) - HOURS
    deployed.created = created.astimezone(timezone(9 * HOURS))
    since = twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    forget(stack, since)
    be_later(stack, twilio)
    result = callscribe("ledger", "--since", "2d")
    assert "4 missing." in result.stderr
    assert "3 of them are from before the stack was created: --repair leaves such calls out" in result.stderr
    assert "warning" not in result.stderr
    result = callscribe("ledger", "--since", "2d", "--repair")
    assert result.exit_code == 1
    assert "1 message was sent" in result.stderr
    assert f"created at {created:%Y-%m-%dT%H:%MZ}" in result.stderr
    assert "3 of the missing things are from before, and no message was sent for them" in result.stderr
    assert all(len(bodies) == 1 and dual(since).sid in bodies[0] for bodies in stack.queued().values())
    told = document("ledger", "--since", "2d", "--repair", "--before-the-stack")
    assert told["sent"] == 4
    assert "3 of the things that messages were sent for are from before; they are transcribed" in told["warning"]
    assert {one["sid"] for one in told["missing"] if one["before_the_stack"]} == set(losses.values())
    assert told["stack_created"] == f"{created:%Y-%m-%dT%H:%M:%SZ}"
    assert sum(map(len, stack.queued().values())) == 4


@pytest.mark.parametrize(("ago", "told"), [("2d", "Nothing that is missing is from before."), ("30m", None)])
def test_repair_warns_of_a_time_when_there_was_no_stack(
    ago: str, told: str | None, stack: Stack, deployed: Deployed, document: Callable[..., Any]
) -> None:
    assert stack.items() == []
    deployed.created = datetime.now(UTC) - HOURS
    assert document("ledger", "--since", ago)["warning"] is None
    warning = document("ledger", "--since", ago, "--repair")["warning"]
    assert warning is None if told is None else warning.endswith(told)


def test_a_transcript_that_was_asked_for_after_midnight_or_after_the_end_is_compared(
    take: Take, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    settle(stack, twilio)
    key = recording_key(CallSid(call.sid), RecordingSid(dual(call).sid))
    row = stack.table().get_item(Key=key)["Item"]
    stack.table().put_item(Item=row | {"state": "failed", "reason": "gave_up"})
    be_later(stack, twilio, timedelta(days=2))
    (made,) = twilio.state.transcripts.values()
    made.created += 20 * HOURS
    ledger = take(timedelta(days=4), timedelta(days=1, hours=23))
    assert missing(ledger) == {("transcript", made.sid)}
    assert [day.transcripts for day in ledger.days] == [day.calls for day in ledger.days]
    assert ledger.missing[0].day == call.started.date()


def test_a_call_that_lasted_over_midnight_is_compared_whole(
    take: Take, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio, timedelta(days=1))
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    call.started, call.seconds = midnight - HOURS, 7200
    dual(call).started = midnight + timedelta(minutes=30)
    assert missing(take()) == {("recording", dual(call).sid)}


def test_months_page_through_day_by_day(
    take: Take, stack: Stack, twilio: Simulator, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.adapters.twilio_api.PAGE_SIZE", 2)
    lost = []
    for day in range(3):
        for _ in range(3):
            twilio.place_call(scenario, to=NUMBER)
        settle(stack, twilio)
        gone = twilio.place_call(scenario, to=NUMBER)
        stack.messages("RecordingsQueue")
        forget(stack, gone)
        lost.append(gone)
        be_later(stack, twilio, timedelta(days=25) if day < 2 else since_noon())
    ledger = take(timedelta(days=70))
    assert len(ledger.days) == 71
    assert missing(ledger) == {("recording", dual(call).sid) for call in lost}
    assert [(day.calls, day.stored, day.missing) for day in ledger.days if day.calls] == [(4, 3, 1)] * 3


def test_what_is_older_than_the_table_keeps_is_left_out(
    take: Take, stack: Stack, twilio: Simulator, scenario: Scenario, deployed: Any
) -> None:
    deployed.changed["RetentionDays"] = "10"
    call = twilio.place_call(scenario, to=NUMBER)
    stack.messages("RecordingsQueue")
    stack.empty_calls()
    be_later(stack, twilio, timedelta(days=11))
    # Nor is it missing because somebody has it transcribed now.
    made = transcript("GT" + "7" * 32, SERVICE_SID, dual(call).sid, customer_key=call.sid)
    made.created = made.updated = datetime.now(UTC) - HOURS
    twilio.state.transcripts[made.sid] = made
    ledger = take(timedelta(days=30))
    assert len(ledger.days) == 11
    assert ledger.missing == []


# --- trouble


def test_what_cannot_be_read_is_counted_and_holds_nothing_up(
    losses: dict[str, str], take: Take, twilio: Simulator, callscribe: Callable[..., Result]
) -> None:
    odd = recorded("RE" + "7" * 32, call_sid=losses["call"], started=datetime.now(UTC) - 3 * HOURS)
    odd.status = 7  # type: ignore[assignment]
    twilio.state.recordings[odd.sid] = odd
    ledger = take()
    assert ledger.unreadable == 1
    assert len(ledger.missing) == 3
    assert "could not be read, and are not compared: 1." in callscribe("ledger", "--since", "2d").stderr


def test_what_cannot_be_read_is_not_fine_although_nothing_else_is_missing(
    stack: Stack, twilio: Simulator, scenario: Scenario, callscribe: Callable[..., Result]
) -> None:
    call = twilio.place_call(scenario, to=NUMBER)
    settle(stack, twilio)
    be_later(stack, twilio, 3 * HOURS)
    odd = recorded("RE" + "7" * 32, call_sid=call.sid, started=datetime.now(UTC) - 3 * HOURS)
    odd.status = 7  # type: ignore[assignment]
    twilio.state.recordings[odd.sid] = odd
    result = callscribe("ledger", "--since", "2d")
    assert result.exit_code == 1
    assert "could not be read, and are not compared: 1.\nNothing else is missing.\n" in result.stderr


@pytest.mark.parametrize(("status", "unreadable"), [(200, 0), (400, 1)])
def test_a_transcript_that_leads_to_no_call_holds_nothing_up(
    status: int, unreadable: int, losses: dict[str, str], take: Take, twilio: Simulator
) -> None:
    # Of a conference, which has no call and is left alone; or of what Twilio refuses to show.
    sid = "RE" + "7" * 32
    made = transcript("GT" + "7" * 32, SERVICE_SID, sid, customer_key=None)
    made.created = made.updated = datetime.now(UTC) - 3 * HOURS
    twilio.state.transcripts[made.sid] = made
    answer(twilio, "GET", f"/2010-04-01/Accounts/{{account}}/Recordings/{sid}.json", status, f'{{"sid": "{sid}"}}')
    ledger = take()
    assert (ledger.unreadable, ledger.refused) == (unreadable, [])
    assert missing(ledger) == set(losses.items())


@pytest.fixture
def others(losses: dict[str, str], stack: Stack, twilio: Simulator, twilio_url: str) -> dict[str, str]:
    """What was lost, and in the settings another number before the one that was called, with a Service of its own."""
    document = settings_document(twilio.account, twilio_url)
    number = {"service_sid": OTHER_SERVICE_SID}
    stack.write_settings(document | {"numbers": {OTHER_NUMBER: number} | document["numbers"]})
    return losses


@pytest.mark.parametrize(("status", "body"), [(404, "{}"), (400, '{"code": 20001}'), (200, "{}")])
def test_a_service_that_is_refused_is_told_and_the_others_are_compared(
    status: int,
    body: str,
    others: dict[str, str],
    twilio: Simulator,
    callscribe: Callable[..., Result],
    document: Callable[..., Any],
) -> None:
    answer(twilio, "GET", TRANSCRIPTS, status, body, query=OTHER_SERVICE_SID)
    told = document("ledger", "--since", "2d")
    assert {(one["kind"], one["sid"]) for one in told["missing"]} == set(others.items())
    assert told["unreadable"] == 1
    assert told["refused"][0].startswith(f"listing the transcripts of Service {OTHER_SERVICE_SID}: ")
    result = callscribe("ledger", "--since", "2d")
    assert result.exit_code == 1
    assert f"Not compared: {told['refused'][0]}.\n" in result.stderr


def test_a_number_that_is_refused_is_told_and_the_others_are_compared(
    others: dict[str, str], twilio: Simulator, document: Callable[..., Any]
) -> None:
    answer(twilio, "GET", CALLS, 400, query=OTHER_NUMBER.removeprefix("+"))
    told = document("ledger", "--since", "2d")
    assert {(one["kind"], one["sid"]) for one in told["missing"]} == set(others.items())
    # One for each day.
    assert told["unreadable"] == len(told["refused"]) == len(told["days"])
    assert all("Twilio answered 400" in one for one in told["refused"])


def test_twilio_is_asked_again_before_it_is_said_to_be_in_trouble(
    losses: dict[str, str], twilio: Simulator, callscribe: Callable[..., Result]
) -> None:
    asked = answer(twilio, "GET", CALLS, 503)
    result = callscribe("ledger", "--since", "1m")
    assert result.exit_code == 3
    assert len(asked) == 4
    assert "Twilio answered 503. Try again" in result.stderr
    assert result.stdout == ""
    recover(twilio)
    assert callscribe("ledger", "--since", "2d").exit_code == 1
    assert losses


def test_a_wrong_key_is_said_to_be_one(stack: Stack, twilio: Simulator, callscribe: Callable[..., Result]) -> None:
    assert stack.items() == []
    twilio.account.api_key_secret = "another"
    result = callscribe("ledger", "--since", "1m")
    assert result.exit_code == 3
    assert "check the credentials in the settings" in result.stderr


def test_untold_ends_are_the_outcome_of_what_twilio_says(
    take: Take, stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    failing = scenario.model_copy(update={"transcript": TranscriptOutcome(status="failed", webhook="none")})
    call = twilio.place_call(failing, to=NUMBER)
    work(stack)
    twilio.complete_transcripts()
    forget(stack, call)
    be_later(stack, twilio, LATE)
    (made,) = twilio.state.transcripts.values()
    assert missing(take()) == {("recording", dual(call).sid), ("transcript", made.sid)}
