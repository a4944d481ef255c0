"""Says what became of each call, by the simulated Twilio's own record of what was said and of what went wrong.

The product's ledger is only compared with it: it must not be what tells.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

from callscribe.adapters.items import StoredCall
from callscribe_tools import verdict
from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Call, FaultKind, Scenario, Simulator
from callscribe_tools.soak.ledger import disagreements
from callscribe_tools.soak.record import LONGEST_HEAL_SECONDS, Healed, Record
from callscribe_tools.soak.run import Run
from callscribe_tools.words import quantity

LEAST_SHARE = 0.05
"""On how many of the calls each kind of fault must have happened for a soak to say anything about it."""

LEAST_CALLS = 100
"""How many calls it takes to say how often each kind of fault happened."""

_READERS = 4
_DELIVERY_CODES = frozenset({"11200", "11205", "95200"})
"""What Twilio says of a webhook that was not accepted: a fault like others, which must heal like others."""

_DEAD_LETTER_QUEUES = ("RecordingsDeadLettersUrl", "TranscriptsDeadLettersUrl")


@dataclass(frozen=True)
class Found:
    """What the stack has come to by the end of a soak: all that is stored, by call, and what its ledger says."""

    stored: Mapping[str, StoredCall]
    disagreements: Sequence[str] = ()
    dead_letters: int = 0


@dataclass
class Verdict:
    """What a soak has shown. Lists are of what should not be, in words that begin with the call, one line for each.

    `lost` has the calls whose end is another than it should be, and in what.
    """

    calls: int
    ends: Mapping[str, int]
    lost: Mapping[str, Sequence[str]]
    doubled: Sequence[str]
    paid_twice: Sequence[str]
    asked_again: Sequence[str]
    unended: Sequence[str]
    refused: Sequence[str]
    not_accepted: int
    dead_letters: int
    shares: Mapping[FaultKind, float]
    healed: Sequence[Healed]
    disagreements: Sequence[str]
    endless_lists: int
    operators_forbidden: int
    services_missing: int

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

    @property
    def tells_shares(self) -> bool:
        """Whether there were enough calls to judge how often each fault happened."""
        return self.calls >= LEAST_CALLS

    def faults(self) -> Iterator[str]:
        """Why the soak has failed; nothing where it has not."""
        yield from (f"lost: {sid}: {one}" for sid, differences in self.lost.items() for one in differences)
        yield from (f"never came to its end: {one}" for one in self.unended)
        yield from (f"doubled: {one}" for one in self.doubled)
        yield from (f"paid twice: {one}" for one in self.paid_twice)
        yield from (f"asked for again: {one}" for one in self.asked_again)
        yield from (f"Twilio would have refused: {one}" for one in self.refused)
        yield from (f"the ledger disagrees: {one}" for one in self.disagreements)
        if self.dead_letters:
            yield f"left for a person: {quantity(self.dead_letters, 'dead letter')}"
        for one in self.healed:
            if one.seconds is not None and one.seconds > LONGEST_HEAL_SECONDS:
                kinds = ", ".join(sorted(one.kinds))
                yield f"healed too late: {one.call_sid} after {one.seconds:.0f} s ({kinds})"
        if self.tells_shares:
            yield from (f"too rare to say anything: {what}" for what in self._too_rare())

    def _too_rare(self) -> Iterator[str]:
        """The faults that did not happen, or on too few calls."""
        if not self.endless_lists:
            yield "lists without an end"
        if not self.operators_forbidden:
            yield "operators that may not be read"
        if not self.services_missing:
            yield "a number whose Service does not exist"
        for kind, share in self.shares.items():
            if share < LEAST_SHARE:
                yield f"{kind}, on {share:.1%} of the calls"


def judge(local: LocalCallscribe, run: Run) -> Verdict:
    """Read what the stack has come to, and compare it with what should be.

    Raises:
        TransientError: Twilio's lists failed too often.
    """
    with ThreadPoolExecutor(_READERS) as readers:
        stored = dict(
            zip((one.sid for one in run.calls), readers.map(lambda one: local.read(one.sid), run.calls), strict=True)
        )
    differing = disagreements(local, run.began, _expected(Record(local.twilio), run))
    return judged(local.twilio, run, Found(stored, differing, dead_letters(local)))


def judged(twilio: Simulator, run: Run, found: Found) -> Verdict:
    """Compare what was found with the record of Twilio."""
    record = Record(twilio)
    expected = _expected(record, run)
    # While the operators are forbidden, calls are stored without what made their results.
    knows_origins = not twilio.troubles.operators_forbidden
    refused = [one for one in twilio.violations if one.code not in _DELIVERY_CODES]
    differences = {
        call.sid: list(
            verdict.differences(expected[call.sid], call, found.stored[call.sid], knows_origins=knows_origins)
        )
        for call in run.calls
    }
    return Verdict(
        calls=len(run.calls),
        ends=Counter(f"{one.expect} ({one.reason})" if one.reason else one.expect for one in expected.values()),
        lost={sid: those for sid, those in differences.items() if those},
        doubled=[text for call in run.calls for text in _doubled(call, found.stored[call.sid])],
        paid_twice=list(record.paid_twice()),
        asked_again=list(record.asked_again()),
        unended=[call.sid for call in run.calls if call.sid not in run.settled],
        refused=[str(one) for one in refused],
        not_accepted=len(twilio.violations) - len(refused),
        dead_letters=found.dead_letters,
        shares={kind: record.count(kind) / len(run.calls) for kind in FaultKind},
        healed=[record.healed(call, run.settled.get(call.sid)) for call in run.calls if record.kinds[call.sid]],
        disagreements=found.disagreements,
        endless_lists=twilio.troubles.endless_lists,
        operators_forbidden=twilio.troubles.operators_forbidden,
        services_missing=twilio.troubles.services_missing,
    )


def _expected(record: Record, run: Run) -> dict[str, Scenario]:
    return {call.sid: record.expected(call) for call in run.calls}


def _doubled(call: Call, stored: StoredCall) -> Iterator[str]:
    insights, recordings = len(stored.insights), len(stored.recordings)
    if insights > 1 or recordings > 1:
        yield f"{call.sid} is stored {quantity(insights, 'time')} and has {quantity(recordings, 'recording')}"


def dead_letters(local: LocalCallscribe) -> int:
    """How many there are of both queues, those that somebody is looking at too."""
    sqs = local.stack.aws.client("sqs")
    count = 0
    for queue in _DEAD_LETTER_QUEUES:
        told = sqs.get_queue_attributes(
            QueueUrl=local.stack.outputs[queue],
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        count += sum(int(one) for one in told.values())
    return count
