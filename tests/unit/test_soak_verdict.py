"""That a soak's verdict sees each thing that must not be, and nothing where all is well. No stack, no product."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from callscribe.adapters.items import StoredCall
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, TranscriptSid
from callscribe.domain.transcript import Insights, Participant, Role, Sentence
from callscribe.domain.transcript import Transcript as StoredTranscript
from callscribe_tools.simulator import Account, Call, FaultKind, Injected, Recording, Scenario, Simulator, Transcript
from callscribe_tools.simulator.scenario import Speak
from callscribe_tools.simulator.timeline import Sound
from callscribe_tools.soak import report
from callscribe_tools.soak.plan import GIVE_UP_SECONDS
from callscribe_tools.soak.record import LONGEST_HEAL_SECONDS
from callscribe_tools.soak.run import Run
from callscribe_tools.soak.verdict import LEAST_CALLS, Found, Verdict, judged

BEGAN = 1_800_000_000.0
SCENARIO = Scenario(name="hello", caller=(Speak(say="Hello.", seconds=2),), expect="stored")
GA = "GA" + "d" * 32


@dataclass
class Soaked:
    """A soak after which all is well, until a test breaks something."""

    twilio: Simulator = field(default_factory=lambda: Simulator(Account()))
    run: Run = field(default_factory=lambda: Run(BEGAN))
    stored: dict[str, StoredCall] = field(default_factory=dict)

    def add(self, *kinds: FaultKind, ended: float = 0.0, settled: float | None = 1.0) -> Call:
        """Add a call that is stored as it was. Moments are in seconds since the soak began; None: it did not settle."""
        call = Call("+12025550142", "+12025550199", None, SCENARIO, datetime.fromtimestamp(BEGAN, UTC), "completed", 0)
        recording = Recording(
            call_sid=call.sid,
            source="StartCallRecordingTwiML",
            channels=2,
            tracks=("inbound", "outbound"),
            started=call.started,
            status="completed",
            seconds=2,
            sounds=(Sound("inbound", 0, 2, "Hello."),),
        )
        call.recordings.append(recording)
        state = self.twilio.state
        state.calls[call.sid], state.recordings[recording.sid] = call, recording
        self.transcribe(call)
        state.injected += [Injected(kind, call.sid, BEGAN, BEGAN + ended) for kind in kinds]
        self.run.calls.append(call)
        if settled is not None:
            self.run.settled[call.sid] = BEGAN + settled
        self.stored[call.sid] = _stored(call)
        return call

    def transcribe(self, call: Call) -> None:
        """Have Twilio make a transcript, and be paid for it."""
        (recording,) = call.recordings
        self.twilio.state.made.append(Transcript(GA, {}, recording.sid, "en-US", call.sid, None, 0.0, call=call))

    def fail_list(self, at: float) -> None:
        """Have one of Twilio's lists failed, so many seconds after the soak began."""
        self.twilio.state.injected.append(Injected(FaultKind.UNAVAILABLE, None, BEGAN + at, BEGAN + at))

    def verdict(self, **found: Any) -> Verdict:
        return judged(self.twilio, self.run, Found(self.stored, **found))

    def faults(self, **found: Any) -> list[str]:
        return list(self.verdict(**found).faults())


def _stored(call: Call) -> StoredCall:
    (recording,) = call.recordings
    sids = CallSid(call.sid), RecordingSid(recording.sid)
    insights = Insights(
        call_sid=sids[0],
        recording_sid=sids[1],
        transcript=StoredTranscript(sid=TranscriptSid("GT" + "1" * 32), service_sid=ServiceSid(GA), status="completed"),
        participants=[Participant(channel=1, role=Role.CUSTOMER, known_from="call")],
        sentences=[Sentence(index=0, channel=1, text="Hello.")],
        results=[],
    )
    about = {"from": call.from_, "to": call.to, "seconds": call.seconds}
    return StoredCall(sids[0], about, {sids[1]: {"state": "stored", "channels": 2}}, [insights])


@pytest.fixture
def soaked() -> Soaked:
    return Soaked()


def test_where_all_is_well_there_is_no_fault(soaked: Soaked) -> None:
    soaked.add()
    soaked.add(FaultKind.LOST_RECORDING_CALLBACK, ended=1, settled=1 + LONGEST_HEAL_SECONDS)
    verdict = soaked.verdict()
    assert list(verdict.faults()) == []
    assert verdict.heals == [LONGEST_HEAL_SECONDS]


def test_a_lost_call_is_counted_once_however_much_of_it_is_lost(soaked: Soaked) -> None:
    call = soaked.add()
    soaked.add()
    soaked.stored[call.sid] = StoredCall(CallSid(call.sid), None, {}, [])
    verdict = soaked.verdict()
    faults = list(verdict.faults())
    assert list(verdict.lost) == [call.sid]
    assert len(faults) == 2
    assert all(one.startswith(f"lost: {call.sid}: ") for one in faults)
    assert "Lost         1" in list(report.for_people(soaked.run, verdict))
    assert list(report.for_machines(soaked.run, verdict)["lost"]) == [call.sid]


def test_a_call_that_failed_for_what_went_wrong_is_not_lost(soaked: Soaked) -> None:
    call = soaked.add(FaultKind.TRANSCRIPT_ENDLESS, settled=GIVE_UP_SECONDS + 1)
    (sid,) = soaked.stored[call.sid].recordings
    gave_up = {"state": "failed", "reason": "gave_up", "channels": 2}
    soaked.stored[call.sid] = replace(soaked.stored[call.sid], recordings={sid: gave_up}, insights=[])
    assert soaked.faults() == []
    assert soaked.verdict().heals == [1.0]


def test_a_call_that_is_stored_twice_is_doubled(soaked: Soaked) -> None:
    call = soaked.add()
    stored = soaked.stored[call.sid]
    soaked.stored[call.sid] = replace(stored, insights=[*stored.insights, *stored.insights])
    assert f"doubled: {call.sid} is stored 2 times and has 1 recording" in soaked.faults()


def test_a_second_transcript_is_paid_twice(soaked: Soaked) -> None:
    call = soaked.add()
    soaked.transcribe(call)
    assert soaked.faults() == [f"paid twice: {call.sid} has 2 transcripts"]


def test_a_refused_request_for_a_second_transcript_is_seen(soaked: Soaked) -> None:
    call = soaked.add(FaultKind.TIMEOUT_AFTER_EFFECT)
    soaked.twilio.state.asked_again += [call.recordings[0].sid] * 2
    assert soaked.faults() == [f"asked for again: {call.sid}, 2 times (timeout_after_effect)"]


@pytest.mark.parametrize("kinds", [[], [FaultKind.DOUBLED_WEBHOOKS]])
def test_a_call_that_never_ended_is_seen(kinds: list[FaultKind], soaked: Soaked) -> None:
    call = soaked.add(*kinds, settled=None)
    verdict = soaked.verdict()
    assert list(verdict.faults()) == [f"never came to its end: {call.sid}"]
    assert len(verdict.healed) == len(kinds)
    assert verdict.heals == []


def test_a_call_that_healed_too_late_is_seen(soaked: Soaked) -> None:
    call = soaked.add(FaultKind.DEAD_URL, ended=1, settled=2 + LONGEST_HEAL_SECONDS)
    assert soaked.faults() == [f"healed too late: {call.sid} after 31 s (dead_url)"]


@pytest.mark.parametrize(
    ("lists", "settled", "seconds"),
    [
        ([], 25, 25),
        ([20], 25, 5),
        # One sweep after the other fails, and each is waited for.
        ([50, 20, 75], 80, 5),
        # Nobody was waiting for it any more in time.
        ([100], 125, 125),
        ([20, 51], 60, 40),
        # After its end, and before its fault was over.
        ([20], 10, 10),
        ([-5], 10, 10),
    ],
)
def test_a_failed_list_excuses_only_who_waited_for_it_in_time(
    lists: list[float], settled: float, seconds: float, soaked: Soaked
) -> None:
    soaked.add(FaultKind.DEAD_URL, settled=settled)
    for one in lists:
        soaked.fail_list(one)
    verdict = soaked.verdict()
    assert verdict.heals == [seconds]
    assert bool(list(verdict.faults())) is (seconds > LONGEST_HEAL_SECONDS)


def test_faults_of_whole_lists_that_never_happened_are_seen(soaked: Soaked) -> None:
    for _ in range(LEAST_CALLS):
        soaked.add(*FaultKind)
    told = [one for one in soaked.faults() if one.startswith("too rare")]
    assert told == [
        "too rare to say anything: lists without an end",
        "too rare to say anything: operators that may not be read",
        "too rare to say anything: a number whose Service does not exist",
    ]


def test_a_fault_that_was_too_rare_is_seen(soaked: Soaked) -> None:
    troubles = soaked.twilio.troubles
    troubles.endless_lists = troubles.operators_forbidden = troubles.services_missing = 1
    for _ in range(LEAST_CALLS):
        soaked.add()
    for kind in FaultKind:
        rare = kind is FaultKind.DEAD_URL
        met = soaked.run.calls[: LEAST_CALLS // 20 - rare]
        soaked.twilio.state.injected += [Injected(kind, one.sid, BEGAN, BEGAN) for one in met]
    assert [one for one in soaked.faults() if not one.startswith("lost: ")] == [
        "too rare to say anything: dead_url, on 4.0% of the calls"
    ]


def test_of_few_calls_nothing_is_said_about_how_often_each_fault_happened(soaked: Soaked) -> None:
    for _ in range(LEAST_CALLS - 1):
        soaked.add()
    verdict = soaked.verdict()
    assert list(verdict.faults()) == []
    assert "too few calls to judge how often each fault happened" in "\n".join(report.for_people(soaked.run, verdict))
    assert not report.for_machines(soaked.run, verdict)["faults_judged"]


def test_dead_letters_are_seen(soaked: Soaked) -> None:
    soaked.add()
    verdict = soaked.verdict(dead_letters=2)
    assert list(verdict.faults()) == ["left for a person: 2 dead letters"]
    assert "Dead letters 2" in list(report.for_people(soaked.run, verdict))
    assert report.for_machines(soaked.run, verdict)["dead_letters"] == 2


def test_a_ledger_that_disagrees_is_seen(soaked: Soaked) -> None:
    soaked.add()
    assert soaked.faults(disagreements=["it counts 2 calls"]) == ["the ledger disagrees: it counts 2 calls"]
