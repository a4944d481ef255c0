"""`callscribe calls`: which calls there were, from the index alone."""

import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import Result

from callscribe.adapters.dynamodb import iso, moment_of
from callscribe.adapters.erasable import ErasableCalls, Tombstone
from callscribe.adapters.items import call_sid_of
from callscribe_tools.simulator import Call
from harness.later import be_later
from harness.stack import CALLER, NUMBER, Stack

type Reading = Callable[..., Result]


def put(stack: Stack, number: int, started: datetime, *, state: str | None = "stored", day: str = "") -> str:
    """Write a call, and unless `state` is None a recording of it, as the functions do; the call's SID."""
    sid, day = f"CA{number:032x}", day or started.date().isoformat()
    kept = {"pk": f"CALL#{sid}", "started": iso(started), "day": day, "expires_at": 2**33}
    call = {"sk": "CALL", "from": f"+120255501{number:02}", "to": NUMBER, "direction": "inbound", "seconds": 30}
    stack.table().put_item(Item=kept | call)
    if state:
        stack.table().put_item(Item=kept | {"sk": f"RECORDING#RE{number:032x}", "state": state})
    return sid


def sids(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [one["call_sid"] for one in json.loads(result.stdout)["calls"]]


def test_a_stored_call_is_listed_with_its_numbers_in_full(reading: Reading, stored: Call) -> None:
    result = reading("calls")
    assert result.exit_code == 0
    header, line = result.stdout.splitlines()
    assert header.split() == ["STARTED", "FROM", "TO", "SECONDS", "STATE", "CALL"]
    assert line.split()[2:4] == [CALLER, NUMBER]
    assert "stored" in line
    assert line.endswith(stored.sid)


def test_where_there_are_no_calls_it_is_said(reading: Reading, stack: Stack) -> None:
    assert stack.items() == []
    result = reading("calls")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "There are no such calls.\n")


def test_the_latest_is_first_and_pages_hold_each_call_once(reading: Reading, stack: Stack) -> None:
    now = datetime.now(UTC)
    # Two begin in the same second, and there are days between the others.
    made = [put(stack, n, now - timedelta(days=ago)) for n, ago in enumerate([6, 3, 3, 2, 0], start=1)][::-1]
    listed: list[str] = []
    result = reading("calls", "--limit", "2")
    pages = 1
    while True:
        listed += [line.split()[-1] for line in result.stdout.splitlines()[1:]]
        if "There are more: callscribe " not in result.stderr:
            break
        pages += 1
        result = reading(*shlex.split(result.stderr.partition("callscribe ")[2]))
        assert result.exit_code == 0
    assert listed == made
    assert pages == 3


def test_json_tells_the_token_of_the_next_page(reading: Reading, stack: Stack) -> None:
    now = datetime.now(UTC)
    first, second = put(stack, 1, now), put(stack, 2, now - timedelta(hours=1))
    document = json.loads(reading("calls", "--limit", "1", "--json").stdout)
    (call,) = document["calls"]
    assert (call["call_sid"], call["from"], call["seconds"]) == (first, "+12025550101", 30)
    assert call["recordings"] == [{"recording_sid": f"RE{1:032x}", "state": "stored", "reason": None}]
    rest = json.loads(reading("calls", "--continue", document["next"], "--json").stdout)
    assert ([one["call_sid"] for one in rest["calls"]], rest["next"]) == ([second], None)


def test_a_call_without_a_recording_is_said_to_have_none(reading: Reading, stack: Stack) -> None:
    put(stack, 1, datetime.now(UTC), state=None)
    assert "no recording" in reading("calls").stdout


def test_calls_are_found_by_number_and_by_state(reading: Reading, stack: Stack) -> None:
    now = datetime.now(UTC)
    first, second = put(stack, 1, now), put(stack, 2, now - timedelta(minutes=1), state="failed")
    assert sids(reading("calls", "--number", "+12025550101", "--json")) == [first]
    assert sids(reading("calls", "--number", NUMBER, "--json")) == [first, second]
    assert sids(reading("calls", "--state", "failed", "--json")) == [second]


def test_a_day_is_that_of_the_time_zone(reading: Reading, stack: Stack) -> None:
    day = datetime.now(UTC).date() - timedelta(days=3)
    midnight = datetime.combine(day, datetime.min.time(), UTC)
    # In Tokyo, nine hours ahead, the one is of the day and the other of the next.
    early, late = put(stack, 1, midnight - timedelta(hours=1)), put(stack, 2, midnight + timedelta(hours=16))
    assert sids(reading("calls", "--day", str(day), "--tz", "Asia/Tokyo", "--json")) == [early]
    assert sids(reading("calls", "--day", str(day), "--json")) == [late]
    assert f"{day} 08:00:00" in reading("calls", "--day", str(day), "--tz", "Asia/Tokyo").stdout


def test_a_call_about_midnight_is_one_call_though_its_rows_are_of_two_days(reading: Reading, stack: Stack) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    sid = put(stack, 1, midnight + timedelta(seconds=1), state=None)
    other = put(stack, 2, midnight + timedelta(minutes=30))
    row = {"pk": f"CALL#{sid}", "sk": "RECORDING#RE" + "1" * 32, "started": iso(midnight), "state": "stored"}
    day = str((midnight - timedelta(days=1)).date())
    stack.table().put_item(Item=row | {"day": day, "expires_at": 2**33})
    calls = json.loads(reading("calls", "--json").stdout)["calls"]
    assert [(one["call_sid"], len(one["recordings"])) for one in calls] == [(other, 1), (sid, 1)]


def test_what_is_older_than_anything_is_kept_is_left_out(reading: Reading, stack: Stack, deployed: Any) -> None:
    deployed.changed["RetentionDays"] = "2"
    now = datetime.now(UTC)
    put(stack, 1, now - timedelta(days=3))
    kept = put(stack, 2, now - timedelta(days=1))
    assert sids(reading("calls", "--json")) == [kept]


def test_only_the_last_seven_days_are_listed_unless_more_is_asked_for(
    reading: Reading, stored: Call, stack: Stack, twilio: Any
) -> None:
    be_later(stack, twilio, timedelta(days=8))
    started = datetime.now(UTC) - timedelta(days=9)
    older = put(stack, 1, started)
    assert sids(reading("calls", "--json")) == []
    assert older in sids(reading("calls", "--since", "10d", "--json"))
    assert stored.sid not in sids(reading("calls", "--since", "7d", "--json"))


def finish_erasure(stack: Stack) -> None:
    """Let the erasure be finished, as the sweep does when it has looked once more."""
    (item,) = [item for item in stack.items() if item["sk"] == "CALL"]
    tombstone = Tombstone(
        call_sid=call_sid_of(item),
        erased_at=datetime.fromisoformat(item["erased_at"]),
        due_at=moment_of(item["due_at"]),
        transcripts=(),
    )
    ErasableCalls(stack.table()).finish_erasure(tombstone)


def test_erased_calls_are_listed_by_when_they_were_and_no_more_is_known(
    reading: Reading, stored: Call, stack: Stack
) -> None:
    assert json.loads(reading("calls", "--state", "erased", "--json").stdout)["calls"] == []
    assert reading("calls", "--state", "erased").stderr == "No call was erased in that time.\n"
    before = datetime.now(UTC).replace(microsecond=0)
    assert reading("erase", stored.sid, "--yes").exit_code == 0
    after = datetime.now(UTC)
    # Before the sweep has looked once more, and after.
    for _ in range(2):
        (call,) = json.loads(reading("calls", "--state", "erased", "--json").stdout)["calls"]
        assert list(call) == ["call_sid", "erased_at"]
        assert call["call_sid"] == stored.sid
        assert before <= datetime.fromisoformat(call["erased_at"]) <= after
        result = reading("calls", "--state", "erased")
        assert result.stdout.split()[0] == "ERASED"
        assert result.stdout.split()[-1] == stored.sid
        assert sids(reading("calls", "--json")) == []
        finish_erasure(stack)
    (tombstone,) = [item for item in stack.items() if item["sk"] == "CALL"]
    assert tombstone["due"] == "erased"


def test_pages_of_erased_calls_hold_each_once(reading: Reading, stack: Stack) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    made = []
    # Two in the same second.
    for number, ago in enumerate([0, 60, 60, 120, 9 * 24 * 3600], start=1):
        sid, erased_at = f"CA{number:032x}", now - timedelta(seconds=ago)
        made.append(sid)
        stack.table().put_item(
            Item={"pk": f"CALL#{sid}", "sk": "CALL", "erased_at": iso(erased_at), "expires_at": 2**33}
            | {"due": "erased", "due_at": int(erased_at.timestamp())}
        )
    listed: list[str] = []
    result = reading("calls", "--state", "erased", "--limit", "1")
    while True:
        listed += [line.split()[-1] for line in result.stdout.splitlines()[1:]]
        if "There are more: callscribe " not in result.stderr:
            break
        result = reading(*shlex.split(result.stderr.partition("callscribe ")[2]))
        assert result.exit_code == 0
    assert listed == made[:4]
    assert sids(reading("calls", "--state", "erased", "--since", "10d", "--json")) == made


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--state", "erased", "--number", "+12025550142"], "no number is known"),
        (["--day", "yesterday"], "is no day"),
        (["--day", "9999-12-31"], "is no day"),
        (["--day", "2026-11-01", "--since", "1d"], "in the place of --since"),
        (["--since", "1d", "--until", "2d"], "must be after --since"),
        (["--number", "2025550142"], "no phone number in E.164"),
        (["--continue", "2"], "no token"),
        (["--tz", "Mars/Phobos"], "no time zone"),
        (["--tz", "../etc/passwd"], "no time zone"),
        (["--state", "lost"], "stored"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_what_cannot_be_meant_is_told(arguments: list[str], told: str, reading: Reading) -> None:
    result = reading("calls", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
