"""api.twilio.com: calls and recordings listed, filtered and paged, recordings deleted, media in both shapes."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from callscribe_tools.simulator import Call, Scenario, Simulator, load_scenario

from .conftest import BASE, NUMBER, Application, Sdk

CALLER = "+12025550142"
AGENT = "+12025550143"


@pytest.fixture
def dialled(sim: Simulator, application: Application) -> Call:
    """A call that was put through to an agent."""
    application.answers["/voice"] = (
        '<Response><Say>One moment.</Say><Dial record="record-from-answer-dual" action="/dialled" '
        f'recordingStatusCallback="{BASE}/recording">{AGENT}</Dial></Response>'
    )
    application.answers["/dialled"] = "<Response/>"
    return sim.place_call(load_scenario("agent_answers"), to=NUMBER, from_=CALLER)


@pytest.fixture
def call(sim: Simulator, scenario: Scenario) -> Call:
    """A voicemail, with a recording of two channels and one of one."""
    return sim.place_call(scenario, to=NUMBER, from_=CALLER)


@pytest.fixture
def get(sim: Simulator) -> Callable[[str], Any]:
    """The answer to a GET below the account."""

    def ask(path: str) -> Any:
        http = sim.http_client()
        auth = (sim.account.account_sid, sim.account.auth_token)
        url = f"https://api.twilio.com/2010-04-01/Accounts/{sim.account.account_sid}{path}"
        return http.request("GET", url, auth=auth)

    return ask


def sids(found: list[Any]) -> list[str]:
    return [one.sid for one in found]


def test_the_sdk_finds_the_agent_s_leg_by_its_parent(client: Sdk, dialled: Call) -> None:
    (child,) = client.calls.list(parent_call_sid=dialled.sid)

    assert child.parent_call_sid == dialled.sid
    assert (child.direction, child.status) == ("outbound-dial", "completed")
    assert (child._from, child.to) == (CALLER, AGENT)
    assert child.start_time > dialled.started
    assert (child.end_time - child.start_time).total_seconds() == int(child.duration)


def test_the_sdk_reads_the_agent_s_leg_by_its_sid(client: Sdk, dialled: Call) -> None:
    (child,) = client.calls.list(parent_call_sid=dialled.sid)

    assert client.calls(child.sid).fetch().to == AGENT
    assert client.calls(dialled.sid).fetch().direction == "inbound"
    assert client.calls(dialled.sid).fetch().parent_call_sid is None


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["child", "parent"]),
        ({"to": AGENT}, ["child"]),
        ({"to": NUMBER, "from_": CALLER}, ["parent"]),
        ({"from_": CALLER}, ["child", "parent"]),
        ({"from_": "+12025550166"}, []),
        ({"status": "completed"}, ["child", "parent"]),
        ({"status": "busy"}, []),
    ],
)
def test_calls_are_filtered(client: Sdk, dialled: Call, filters: dict[str, str], found: list[str]) -> None:
    listed = client.calls.list(**filters)

    assert ["parent" if one.sid == dialled.sid else "child" for one in listed] == found


def test_calls_are_filtered_by_when_they_started(sim: Simulator, client: Sdk, call: Call, scenario: Scenario) -> None:
    older = sim.place_call(scenario, to=NUMBER)
    older.started = datetime(2026, 11, 18, 23, 59, 59, tzinfo=UTC)
    call.started = datetime(2026, 11, 20, 0, 0, 0, tzinfo=UTC)

    assert sids(client.calls.list(start_time=date(2026, 11, 18))) == [older.sid]
    assert sids(client.calls.list(start_time=date(2026, 11, 19))) == []
    assert sids(client.calls.list(start_time_before=date(2026, 11, 20))) == [older.sid]
    assert sids(client.calls.list(start_time_after=date(2026, 11, 20))) == [call.sid]
    assert sids(client.calls.list(start_time_after=older.started, start_time_before=call.started)) == [older.sid]


def test_the_sdk_pages_through_calls(sim: Simulator, client: Sdk, scenario: Scenario) -> None:
    placed = [sim.place_call(scenario, to=NUMBER).sid for _ in range(5)]

    assert sids(client.calls.list(page_size=2)) == placed[::-1]
    assert sids(client.calls.list(page_size=2, to=NUMBER, limit=3)) == placed[:1:-1]


def test_a_page_has_the_documented_addresses(sim: Simulator, get: Callable[[str], Any], scenario: Scenario) -> None:
    for _ in range(3):
        sim.place_call(scenario, to=NUMBER)

    page = json.loads(get(f"/Calls.json?PageSize=2&To=%2B{NUMBER[1:]}").text)
    last = json.loads(get(page["next_page_uri"].partition(sim.account.account_sid)[2]).text)

    path = f"/2010-04-01/Accounts/{sim.account.account_sid}/Calls.json?To=%2B{NUMBER[1:]}&PageSize=2"
    assert (page["uri"], page["first_page_uri"]) == (f"{path}&Page=0", f"{path}&Page=0")
    assert (page["start"], page["end"], page["page"], page["page_size"]) == (0, 1, 0, 2)
    assert page["previous_page_uri"] is None
    assert page["next_page_uri"].startswith(f"{path}&Page=1&PageToken=")
    assert (last["start"], last["end"], len(last["calls"])) == (2, 2, 1)
    assert last["next_page_uri"] is None
    assert last["previous_page_uri"] == f"{path}&Page=0"


def test_the_sdk_lists_the_recordings_of_a_call(sim: Simulator, client: Sdk, call: Call, scenario: Scenario) -> None:
    sim.place_call(scenario, to=NUMBER)

    listed = client.calls(call.sid).recordings.list()

    assert sids(listed) == [one.sid for one in reversed(call.recordings)]
    assert [(one.channels, one.source) for one in listed] == [(1, "RecordVerb"), (2, "StartCallRecordingAPI")]
    assert [one.track for one in listed] == ["inbound", "both"]


def test_the_recording_of_a_dial_is_the_parent_s(client: Sdk, dialled: Call) -> None:
    (child,) = client.calls.list(parent_call_sid=dialled.sid)

    (recording,) = client.calls(dialled.sid).recordings.list()
    assert (recording.source, recording.channels, recording.call_sid) == ("DialVerb", 2, dialled.sid)
    assert client.calls(child.sid).recordings.list() == []


def test_the_sdk_lists_recordings_by_call_and_by_day(
    sim: Simulator, client: Sdk, call: Call, scenario: Scenario
) -> None:
    other = sim.place_call(scenario, to=NUMBER)
    for recording in other.recordings:
        recording.started = datetime(2026, 11, 18, 12, tzinfo=UTC)
    today = call.recordings[0].started.replace(hour=0, minute=0, second=0)

    assert len(client.recordings.list()) == 4
    assert {one.call_sid for one in client.recordings.list(call_sid=call.sid)} == {call.sid}
    assert {one.call_sid for one in client.recordings.list(date_created=datetime(2026, 11, 18, tzinfo=UTC))} == {
        other.sid
    }
    assert {one.call_sid for one in client.recordings.list(date_created_after=today)} == {call.sid}
    assert {one.call_sid for one in client.recordings.list(date_created_before=today)} == {other.sid}
    assert client.calls(call.sid).recordings.list(date_created_before=today - timedelta(days=1)) == []


def test_recordings_of_an_unknown_call_are_not_found(get: Callable[[str], Any]) -> None:
    assert get(f"/Calls/CA{'0' * 32}/Recordings.json").status_code == 404


def test_a_deleted_recording_is_gone(sim: Simulator, client: Sdk, call: Call, get: Callable[[str], Any]) -> None:
    dual, mono = call.recordings

    assert client.recordings(dual.sid).delete()

    for gone in (client.recordings(dual.sid).fetch, client.recordings(dual.sid).delete):
        with pytest.raises(TwilioRestException) as refusal:
            gone()
        assert (refusal.value.status, refusal.value.code) == (404, 20404)
    assert get(f"/Recordings/{dual.sid}.wav").status_code == 404
    assert sids(client.recordings.list()) == [mono.sid]
    assert sids(client.calls(call.sid).recordings.list()) == [mono.sid]
    sim.check()


@pytest.mark.parametrize(("status", "code"), [("failed", 16104), ("absent", 16102)])
def test_the_sdk_reads_what_went_wrong_with_a_recording(
    sim: Simulator, client: Sdk, get: Callable[[str], Any], scenario: Scenario, status: str, code: int
) -> None:
    outcome = {"recording": {"status": status, "error_code": code}}
    failing = Scenario.model_validate(scenario.model_dump() | outcome)

    dual = sim.place_call(failing, to=NUMBER).recordings[0]

    fetched = client.recordings(dual.sid).fetch()
    assert (fetched.status, fetched.error_code, fetched.duration) == (status, code, "-1")
    assert get(f"/Recordings/{dual.sid}.wav").status_code == 404


@pytest.mark.parametrize("status", [400, 404])
def test_two_channels_of_one_are_refused_in_both_variants(
    sim: Simulator, get: Callable[[str], Any], call: Call, status: int
) -> None:
    sim.unknowns.mono_as_dual_status = 404 if status == 404 else 400
    mono = call.recordings[1]

    assert get(f"/Recordings/{mono.sid}.wav?RequestedChannels=2").status_code == status
    assert get(f"/Recordings/{mono.sid}.wav?RequestedChannels=1").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/Calls.json?Direction=inbound",
        "/Calls.json?EndTime=2026-11-20",
        "/Calls.json?Status=over",
        "/Calls.json?StartTime=yesterday",
        "/Calls.json?PageSize=1001",
        "/Calls.json?PageSize=ten",
        "/Calls/{call}.json?Verbose=true",
        "/Calls/{call}/Recordings.json?CallSid=CA",
        "/Recordings.json?IncludeSoftDeleted=true",
        "/Recordings.json?ConferenceSid=CF",
        "/Recordings/{dual}.json?IncludeSoftDeleted=true",
        "/Recordings/{dual}.wav?Download=true",
        "/Recordings/{dual}.mp3",
    ],
)
def test_what_is_unknown_or_not_simulated_is_a_violation(
    sim: Simulator, get: Callable[[str], Any], call: Call, path: str
) -> None:
    answer = get(path.format(call=call.sid, dual=call.recordings[0].sid))

    assert answer.status_code in {400, 404}
    assert len(sim.violations) == 1


def test_calls_may_be_placed_at_the_same_time(sim: Simulator, client: Sdk, application: Application) -> None:
    names = ["cannot_log_in", "silent_call", "one_second", "hang_up_in_greeting"] * 10

    with ThreadPoolExecutor(8) as pool:
        calls = list(pool.map(lambda name: sim.place_call(load_scenario(name), to=NUMBER), names))
        listed = list(pool.map(lambda _: len(client.calls.list(page_size=7)), range(8)))

    sim.check()
    assert listed == [40] * 8
    assert {one.status for one in calls} == {"completed"}
    for call, name in zip(calls, names, strict=True):
        assert len(call.recordings) == (0 if name == "hang_up_in_greeting" else 2)
        assert {one.call_sid for one in call.recordings} <= {call.sid}
    told = [form["CallSid"] for form in application.forms("/status")]
    assert sorted(told) == sorted(call.sid for call in calls)
