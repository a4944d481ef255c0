"""Says what became of each call, by the simulated Twilio's own record of what was said and of what went wrong.

The product's ledger is only compared with it: it must not be what tells.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

from callscribe.adapters.items import StoredCall
from callscribe_tools import verdict
from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Call, FaultKind, Scenario, Simulator
from callscribe_tools.soak.ledger import disagreements
from callscribe_tools.soak.plan import GIVE_UP_SECONDS, SWEEP_SECONDS
from callscribe_tools.soak.run import Run

LONGEST_HEAL_SECONDS = 2 * SWEEP_SECONDS
LEAST_SHARE = 0.05
"""On how many of the calls each kind of fault must have happened for a soak to say anything about it."""

_SEEN_BY_THE_CALL = frozenset({FaultKind.LOST_RECORDING_CALLBACK, FaultKind.LOST_CALL_STATUS, FaultKind.DEAD_URL})
"""Faults after which only Twilio's list of calls that are over tells of the call."""

_READERS = 4
_DELIVERY_CODES = frozenset({"11200", "11205", "95200"})
"""What Twilio says of a webhook that was not accepted: a fault like others, which must heal like others."""


@dataclass(frozen=True)
class Healed:
    """How long it took from a fault's end until its call had come to its own; None: it never did."""

    call_sid: str
    kinds: frozenset[FaultKind]
    seconds: float | None


@dataclass
class Verdict:
    """What a soak has shown. Lists are of what should not be, in words that begin with the call."""

    calls: int
    ends: Mapping[str, int]
    lost: Sequence[str]
    doubled: Sequence[str]
    paid_twice: Sequence[str]
    refused: Sequence[str]
    not_accepted: int
    shares: Mapping[FaultKind, float]
    healed: Sequence[Healed]
    disagreements: Sequence[str]

    @property
    def heals(self) -> list[float]:
        """The seconds of all that healed."""
        return sorted(one.seconds for one in self.healed if one.seconds is not None)

    @property
    def worst(self) -> float:
        """Seconds, of what took the longest to heal."""
        return max(self.heals, default=0.0)

    @property
    def median(self) -> float:
        """Seconds, of what took neither long nor short."""
        return median(self.heals) if self.heals else 0.0

    def faults(self) -> Iterator[str]:
        """Why the soak has failed; nothing where it has not."""
        yield from (f"lost: {one}" for one in self.lost)
        yield from (f"doubled: {one}" for one in self.doubled)
        yield from (f"paid twice: {one}" for one in self.paid_twice)
        yield from (f"Twilio would have refused: {one}" for one in self.refused)
        yield from (f"the ledger disagrees: {one}" for one in self.disagreements)
        for one in self.healed:
            if one.seconds is not None and one.seconds > LONGEST_HEAL_SECONDS:
                kinds = ", ".join(sorted(one.kinds))
                yield f"healed too late: {one.call_sid} after {one.seconds:.0f} s ({kinds})"
        for kind, share in self.shares.items():
            if share < LEAST_SHARE:
                yield f"too rare to say anything: {kind}, on {share:.1%} of the calls"


def judge(local: LocalCallscribe, run: Run) -> Verdict:
    """Read what is stored of each call, and compare it with what should be."""
    record = _Record(local.twilio)
    with ThreadPoolExecutor(_READERS) as readers:
        stored = dict(
            zip((one.sid for one in run.calls), readers.map(lambda one: local.read(one.sid), run.calls), strict=True)
        )
    expected = {call.sid: record.expected(call) for call in run.calls}
    refused = [one for one in local.twilio.violations if one.code not in _DELIVERY_CODES]
    return Verdict(
        calls=len(run.calls),
        ends=Counter(f"{one.expect} ({one.reason})" if one.reason else one.expect for one in expected.values()),
        lost=[
            f"{call.sid}: {difference}"
            for call in run.calls
            for difference in verdict.differences(expected[call.sid], call, stored[call.sid])
        ],
        doubled=[text for call in run.calls for text in _doubled(call, stored[call.sid])],
        paid_twice=list(record.paid_twice()),
        refused=[str(one) for one in refused],
        not_accepted=len(local.twilio.violations) - len(refused),
        shares={kind: record.count(kind) / len(run.calls) for kind in FaultKind},
        healed=[record.healed(call, run.settled.get(call.sid)) for call in run.calls if record.kinds[call.sid]],
        disagreements=disagreements(local, run.began, expected),
    )


def _doubled(call: Call, stored: StoredCall) -> Iterator[str]:
    if len(stored.insights) > 1:
        yield f"{call.sid} is stored {len(stored.insights)} times"
    if len(stored.recordings) > 1:
        yield f"{call.sid} has {len(stored.recordings)} recordings"


class _Record:
    """What the simulated Twilio knows: which faults really happened, when they ended, what was paid for."""

    def __init__(self, twilio: Simulator) -> None:
        self._twilio = twilio
        self.kinds: dict[str, frozenset[FaultKind]] = defaultdict(frozenset)
        self.ended: dict[str, float] = {}
        self._lists: list[float] = []
        for one in twilio.state.injected:
            if one.call_sid is None:
                self._lists.append(one.ended or one.began)
                continue
            self.kinds[one.call_sid] |= {one.kind}
            ended = one.began if one.ended is None else one.ended
            if one.kind is FaultKind.TRANSCRIPT_ENDLESS:
                # It never ends: what it should come to is being given up.
                ended += GIVE_UP_SECONDS
            self.ended[one.call_sid] = max(ended, self.ended.get(one.call_sid, 0.0))

    def count(self, kind: FaultKind) -> int:
        """On how many calls it happened."""
        return sum(kind in kinds for kinds in self.kinds.values())

    def expected(self, call: Call) -> Scenario:
        """The call's scenario, with the end that it must come to after what went wrong."""
        scenario, kinds = call.scenario, self.kinds[call.sid]
        if not any(one.channels == 2 for one in call.recordings):
            return scenario
        reason = None
        if FaultKind.RECORDING_DELETED in kinds:
            reason = "recording_deleted"
        elif scenario.expect == "stored" and FaultKind.TRANSCRIPT_ENDLESS in kinds:
            reason = "gave_up"
        elif scenario.expect == "stored" and FaultKind.TRANSCRIPT_FAILS in kinds:
            reason = "transcript_failed"
        return scenario.model_copy(update={"expect": "failed", "reason": reason}) if reason else scenario

    def healed(self, call: Call, settled: float | None) -> Healed:
        """How long the call took from the end of the last fault on its way."""
        ended = self.ended[call.sid]
        if self.kinds[call.sid] & _SEEN_BY_THE_CALL:
            # Time on the line is not real time: before the call is over by Twilio's record, nobody can know that it is.
            ended = max(ended, call.started.timestamp() + call.seconds)
        if settled is not None:
            # A sweep that failed is one more fault for all that waited for it.
            ended = max([ended, *(one for one in self._lists if one < settled)])
        return Healed(call.sid, self.kinds[call.sid], None if settled is None else max(0.0, settled - ended))

    def paid_twice(self) -> Iterator[str]:
        """Calls of which more than one transcript was ever asked for."""
        made = Counter(one.call.sid for one in self._twilio.state.made if one.call)
        yield from (f"{sid} has {count} transcripts" for sid, count in made.items() if count > 1)
