"""Deals faults out over the calls of a soak, so that it can be repeated: what goes wrong on a call follows from the
plan's seed and the call's number alone.

Every call gets one kind, and nearly a third of them a second one. The first ones are dealt like cards: each kind comes
once in every round of as many calls as there are kinds, in an order of the round's own. So each kind is on
at least 5 % of 100, of 200 and of 1,000 calls, which no dice would promise.
"""

from collections.abc import Collection, Mapping, Sequence
from random import Random

from callscribe_tools.simulator.faults import GROUPS, CallFaults, FaultKind, Pace, Target

_SHARE_WITH_TWO = 0.3
_MOST_TIMES = 3

# The one of a pair keeps the other from ever happening, or from being noticed.
_SPOILS: Mapping[FaultKind, Collection[FaultKind]] = {
    # Nobody would know that there ever was a recording; and of what is gone no transcript is made.
    FaultKind.RECORDING_DELETED: (
        FaultKind.LOST_RECORDING_CALLBACK,
        FaultKind.LOST_TRANSCRIPT_WEBHOOK,
        FaultKind.DEAD_URL,
        FaultKind.TIMEOUT_AFTER_EFFECT,
    ),
    # These three send no webhook that could be lost.
    FaultKind.TRANSCRIPT_STUCK: (FaultKind.LOST_TRANSCRIPT_WEBHOOK,),
    FaultKind.TRANSCRIPT_ENDLESS: (FaultKind.LOST_TRANSCRIPT_WEBHOOK,),
    FaultKind.TRANSCRIPT_FAILS: (FaultKind.LOST_TRANSCRIPT_WEBHOOK,),
    # Until somebody asks without having been told, the results have come.
    FaultKind.LATE_OPERATOR_RESULTS: (FaultKind.LOST_TRANSCRIPT_WEBHOOK, FaultKind.DEAD_URL),
}
_NO_TEXT = frozenset({FaultKind.TRANSCRIPT_ENDLESS, FaultKind.TRANSCRIPT_FAILS})


class FaultPlan:
    """What goes wrong on each call of many.

    Parameters
    ----------
    seed:
        Another one makes another plan.
    pace:
        How long things go wrong.
    kinds:
        What may go wrong.
    """

    def __init__(self, seed: int, pace: Pace | None = None, kinds: Sequence[FaultKind] = tuple(FaultKind)) -> None:
        self._seed = seed
        self._pace = Pace() if pace is None else pace
        self._kinds = tuple(dict.fromkeys(kinds))

    def of(self, number: int) -> CallFaults:
        """Say what goes wrong on the call of this number, counted from 0; it may be asked in any order."""
        if not self._kinds:
            return CallFaults()
        turn, place = divmod(number, len(self._kinds))
        first = self._dice("round", turn).sample(self._kinds, len(self._kinds))[place]
        dice = self._dice("call", number)
        kinds = {first}
        others = self._compatible(first)
        if others and dice.random() < _SHARE_WITH_TWO:
            kinds.add(dice.choice(others))
        return CallFaults(
            frozenset(kinds), self._target(first, kinds, turn, dice), dice.randint(1, _MOST_TIMES), self._pace
        )

    def _dice(self, what: str, number: int) -> Random:
        # Seeded by a text: that is hashed the same way in every process.
        return Random(f"{self._seed} {what} {number}")  # noqa: S311  nobody must not guess it

    def _compatible(self, first: FaultKind) -> list[FaultKind]:
        return [
            kind
            for group in GROUPS
            if first not in group
            for kind in group
            if kind in self._kinds and kind not in _SPOILS.get(first, ()) and first not in _SPOILS.get(kind, ())
        ]

    def _target(self, first: FaultKind, kinds: Collection[FaultKind], turn: int, dice: Random) -> Target:
        # At least every second time: there the effect nobody hears of costs money.
        costly = turn % 2 == 0 or first is not FaultKind.TIMEOUT_AFTER_EFFECT
        if FaultKind.TIMEOUT_AFTER_EFFECT in kinds and costly:
            return Target.CREATE_TRANSCRIPT
        return dice.choice(_targets(kinds))


def _targets(kinds: Collection[FaultKind]) -> list[Target]:
    """Say what an application will ask for at all."""
    if FaultKind.RECORDING_DELETED in kinds:
        return [Target.READ_CALL, Target.READ_RECORDING]
    read_by_nobody = {Target.READ_SENTENCES, Target.READ_OPERATOR_RESULTS} if _NO_TEXT.intersection(kinds) else set()
    return [target for target in Target if target not in read_by_nobody]
