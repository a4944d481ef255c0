"""What the simulated Twilio knows of a soak: which faults really happened, until when, what was asked and paid for.

Nothing of it is the product's word.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from callscribe_tools.simulator import Call, FaultKind, Scenario, Simulator
from callscribe_tools.soak.plan import GIVE_UP_SECONDS, SWEEP_SECONDS, WITHOUT_SERVICE
from callscribe_tools.words import quantity

LONGEST_HEAL_SECONDS = 2 * SWEEP_SECONDS

_SEEN_BY_THE_CALL = frozenset({FaultKind.LOST_RECORDING_CALLBACK, FaultKind.LOST_CALL_STATUS, FaultKind.DEAD_URL})
"""Faults after which only Twilio's list of calls that are over tells of the call."""


@dataclass(frozen=True)
class Healed:
    """How long it took from a fault's end until its call had come to its own; None: it never did."""

    call_sid: str
    kinds: frozenset[FaultKind]
    seconds: float | None


class Record:
    """Reads the record of a simulator as it stands when this is made."""

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
        kinds = self.kinds[call.sid]
        if settled is None:
            return Healed(call.sid, kinds, None)
        ended = self.ended[call.sid]
        if kinds & _SEEN_BY_THE_CALL:
            # Time on the line is not real time: before the call is over by Twilio's record, nobody can know that it is.
            ended = max(ended, call.started.timestamp() + call.seconds)
        restored = self._twilio.troubles.service_restored
        if call.to == WITHOUT_SERVICE and settled > restored:
            ended = max(ended, restored)
        for failed in sorted(self._lists):
            # A sweep that failed is one more fault for all that waited for it; what was late already stays so.
            if ended < failed < settled and failed - ended <= LONGEST_HEAL_SECONDS:
                ended = failed
        return Healed(call.sid, kinds, max(0.0, settled - ended))

    def paid_twice(self) -> Iterator[str]:
        """Calls of which more than one transcript was ever made."""
        made = Counter(one.call.sid for one in self._twilio.state.made if one.call)
        yield from (f"{sid} has {count} transcripts" for sid, count in made.items() if count > 1)

    def asked_again(self) -> Iterator[str]:
        """Calls of which a transcript was asked for that was there already: refused, and so not paid for."""
        recordings = self._twilio.state.recordings
        asked = Counter(recordings[sid].call_sid for sid in self._twilio.state.asked_again if sid in recordings)
        for sid, count in asked.items():
            yield f"{sid}, {quantity(count, 'time')} ({', '.join(sorted(self.kinds[sid])) or 'undisturbed'})"
