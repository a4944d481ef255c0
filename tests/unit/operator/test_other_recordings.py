"""The command line and recordings that nobody asked Callscribe for: not missing, not backfilled, and said clearly."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from callscribe_tools.simulator import Call, Recording, Simulator
from callscribe_tools.simulator.other_recordings import WHAT_IS_RECORDED
from harness.later import be_later
from harness.stack import Stack

type Callscribe = Callable[..., Result]


@pytest.mark.parametrize("kind", WHAT_IS_RECORDED)
def test_whoever_wants_such_a_recording_transcribed_learns_why_not(
    kind: Any, stack: Stack, twilio: Simulator, callscribe: Callscribe
) -> None:
    other = twilio.make_other_recording(kind, callback_url=None)
    result = callscribe("transcribe", other.sid, "--yes")
    assert result.exit_code == 4
    told = " ".join(result.stderr.split())
    assert other.sid in told
    assert "was not made by Callscribe" in told or "is of a conference and of no call" in told
    assert "listen to this one in Twilio's console" in told
    assert stack.queued() == {}


def of(call: Call, source: Any) -> Recording:
    return Recording(
        call_sid=call.sid,
        source=source,
        channels=2,
        tracks=("inbound", "outbound"),
        started=call.started,
        status="completed",
        seconds=9,
    )


@pytest.mark.parametrize("source", ["Conference", "OutboundAPI", "Trunking", "StartConferenceRecordingAPI"])
def test_neither_the_ledger_nor_the_backfill_misses_one_of_our_own_call(
    source: Any, stored: Call, stack: Stack, twilio: Simulator, document: Callable[..., Any]
) -> None:
    other = of(stored, source)
    twilio.state.recordings[other.sid] = other
    be_later(stack, twilio)
    ledger = document("ledger", "--since", "1d")
    assert ledger["missing"] == []
    assert document("backfill", "--since", "1d", "--dry-run")["recordings"] == 0
