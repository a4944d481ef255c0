"""Which calls a soak places, to which number, and what goes wrong on each: the same for the same seed.

The seconds are those of one machine: all of the product's and the simulator's patience, small enough to see it end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from callscribe_tools.local_callscribe import AGENTS_NUMBER, JAPANESE_NUMBER, NUMBER
from callscribe_tools.simulator import CallFaults, FaultKind, FaultPlan, Pace, Scenario, load_scenario

SWEEP_SECONDS = 15.0
"""How often the sweep is invoked here: no schedule of AWS's is as short."""

GIVE_UP_SECONDS = 75.0
"""Five intervals: three tries of what is due, one in each, may fail, and the fourth must still be made."""

PARAMETERS: Mapping[str, str] = {
    "BackoffFirstSeconds": "1",
    "GiveUpHours": str(GIVE_UP_SECONDS / 3600),
    "KnownEverywhereSeconds": "3",
    "LookAgainSeconds": "5",
    "QueueVisibilitySeconds": "12",
    "ResultsSeconds": "18",
    "TwilioTimeoutSeconds": "2",
    "WorkerConcurrency": "4",
    "WorkerTimeoutSeconds": "10",
}
PACE = Pace(late_seconds=4, timeout_seconds=4, stuck_seconds=20, results_seconds=12)
LIST_FAULTS_EVERY = 40
"""Every so many-th list that the sweep asks for fails."""

ENDLESS_LISTS_EVERY = 11
"""Every so many-th list that the sweep asks for has no end."""

FORBID_OPERATORS_EVERY = 2
"""Every so many-th list of the operators is forbidden: functions hold the others for five minutes."""

WITHOUT_SERVICE = AGENTS_NUMBER
WITHOUT_SERVICE_SECONDS = 12.0
"""How long the Service of that number does not exist, from its first use. Calls to other numbers must not wait."""

_STORED: Mapping[str, str] = {
    "cannot_log_in": NUMBER,
    "pricing_question": JAPANESE_NUMBER,
    "agent_answers": AGENTS_NUMBER,
}
"""Calls on which everything can go wrong: they are recorded, and have a result of every operator."""

_OTHERS: Mapping[str, str] = {
    "hang_up_in_greeting": NUMBER,
    "one_second": NUMBER,
}
_MEETS_ALL = frozenset({FaultKind.LOST_CALL_STATUS, FaultKind.DOUBLED_WEBHOOKS, FaultKind.LATE_WEBHOOKS})
"""What can go wrong also on a call without a recording."""

_SHARE_OF_OTHERS = 0.5


@dataclass(frozen=True)
class Planned:
    """One call to be placed."""

    scenario: Scenario
    to: str
    faults: CallFaults


def planned(calls: int, seed: int) -> Iterator[Planned]:
    """Plan so many calls; call N is the same whatever their number."""
    plan = FaultPlan(seed, PACE)
    scenarios = {name: load_scenario(name) for name in (*_STORED, *_OTHERS)}
    for number in range(calls):
        faults = plan.of(number)
        dice = Random(f"{seed} {number}")  # noqa: S311 (a plan that repeats)
        others = faults.kinds <= _MEETS_ALL and dice.random() < _SHARE_OF_OTHERS
        name, to = dice.choice(list((_OTHERS if others else _STORED).items()))
        yield Planned(scenarios[name], to, faults)
