"""Every webhook of a call, delivered twice and in every order, leaves the same table as once in order."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Call, Simulator, load_scenario
from harness.events import sqs_event
from harness.stack import NUMBER, Gateway, Stack

# What tells when and by whom something was done, and not what is so. `attempts` counts our requests for the transcript:
# a webhook that overtakes the callback leaves nothing to ask for. The same holds for the day's budget, see below.
CLOCK_FIELDS = {"received_at", "requesting_at", "transcribing_at", "stored_at", "failed_at", "attempts", "due_at"}

FLOWS: dict[str, tuple[str, dict[str, Any]]] = {
    "voicemail": ("cannot_log_in", {}),
    "transcript that fails": ("transcript_fails", {}),
    "dial": ("agent_answers", {"flow": "dial", "agent": "+12025550123"}),
}
KINDS = ("track_call", "request_transcript", "store_insights")

ORDERS = list(itertools.permutations(KINDS))
TWICE = [order * 2 for order in ORDERS]
EACH_TWICE = [tuple(kind for kind in order for _ in range(2)) for order in ORDERS]

type Table = list[dict[str, Any]]


@dataclass
class Played:
    """A call that has taken place at Twilio, down to its transcript; what tells of it can be delivered again."""

    stack: Stack
    twilio: Simulator
    call: Call
    events: dict[str, dict[str, Any]]
    statuses: dict[str, Any]

    def begin_again(self) -> None:
        """Forget all that the stack has done, at Twilio too."""
        self.stack.empty_table()
        for sid, status in self.statuses.items():
            self.twilio.state.recordings[sid].status = status

    def deliver(self, kinds: Iterable[str]) -> None:
        """Deliver the webhooks one after the other; what comes back to its queue is tried again after the next."""
        waiting: list[str] = []
        for kind in kinds:
            waiting = [one for one in [*waiting, kind] if self._comes_back(one)]
        while waiting:
            still = [one for one in waiting if self._comes_back(one)]
            assert len(still) < len(waiting)
            waiting = still

    def _comes_back(self, kind: str) -> bool:
        answer = self.stack.invoke(kind, self.events[kind])
        assert answer.get("statusCode", 200) == 200
        return bool(answer.get("batchItemFailures"))

    def table(self) -> Table:
        """All that is stored, but the clock."""
        return [
            {name: value for name, value in item.items() if name not in CLOCK_FIELDS} for item in self.stack.items()
        ]


@pytest.fixture(params=FLOWS)
def played(
    request: pytest.FixtureRequest, stack: Stack, twilio: Simulator, twilio_url: str, gateway: Gateway
) -> Played:
    """A call of each flow."""
    scenario, settings = FLOWS[request.param]
    stack.write_settings(settings_document(twilio.account, twilio_url, **settings))
    call = twilio.place_call(load_scenario(scenario), to=NUMBER)
    (ended,) = (event for event in gateway.events if event["rawPath"] == "/call-status")
    (recorded,) = stack.queued()["RecordingsQueue"]
    stack.invoke("request_transcript", sqs_event(recorded))
    twilio.complete_transcripts()
    (transcribed,) = stack.queued()["TranscriptsQueue"]
    events = {
        "track_call": ended,
        "request_transcript": sqs_event(recorded),
        "store_insights": sqs_event(transcribed),
    }
    return Played(stack, twilio, call, events, {one.sid: one.status for one in call.recordings})


def check(played: Played, ways: Iterable[tuple[str, ...]]) -> Table:
    """Compare the tables that these ways of delivery leave with the one of each once in order; it."""
    played.begin_again()
    played.deliver(KINDS)
    expected = played.table()
    dual = min(played.call.recordings, key=lambda one: -one.channels)
    for way in ways:
        played.begin_again()
        played.deliver(way)
        assert (way, played.table()) == (way, expected)
        (row,) = played.stack.recordings()
        assert row["sk"] == f"RECORDING#{dual.sid}"
        # The minutes are what our own request costs: counted where there was one, and once.
        assert list(played.stack.minutes().values()) == [1] * int(row["attempts"])
        if way.index("request_transcript") < way.index("store_insights"):
            assert row["attempts"] == 1
        # However often: one transcript, and at Twilio only the recording that was transcribed.
        assert len(played.twilio.state.transcripts) == 1
        if row["state"] == "stored":
            assert [one.sid for one in played.call.recordings if one.status != "deleted"] == [dual.sid]
    assert played.stack.queued() == {}
    return expected


@pytest.mark.parametrize("played", ["voicemail", "dial"], indirect=True)
def test_every_order_of_the_webhooks_once_and_twice_leaves_the_same_table(played: Played) -> None:
    expected = check(played, [*ORDERS, *TWICE])
    assert [item["sk"].partition("#")[0] for item in expected] == ["CALL", "RECORDING", "TRANSCRIPT", "TRANSCRIPT"]
    assert [item.get("state") for item in expected] == [None, "stored", None, None]
    (insights,) = played.stack.read(played.call.sid).insights
    assert insights.sentences


@pytest.mark.parametrize("played", ["transcript that fails"], indirect=True)
def test_so_it_does_where_the_transcript_has_failed(played: Played) -> None:
    expected = check(played, [*ORDERS, *TWICE])
    assert [(item.get("state"), item.get("reason")) for item in expected] == [
        (None, None),
        ("failed", "transcript_failed"),
    ]


@pytest.mark.parametrize("played", ["voicemail"], indirect=True)
def test_so_it_does_where_the_transcript_does_not_tell_its_recording(played: Played) -> None:
    # A webhook that overtakes the callback then comes back until the callback has noted the transcript.
    played.twilio.unknowns.transcript_channel_echoed = False
    check(played, EACH_TWICE)


@pytest.mark.parametrize("played", ["voicemail"], indirect=True)
@pytest.mark.parametrize("status", [404])
def test_so_it_does_whatever_twilio_answers_to_a_second_request(played: Played, status: int) -> None:
    played.twilio.unknowns.duplicate_transcript_status = status
    check(played, TWICE)
