"""Measures functions side by side: each process of one beside one of every other, so that all see the same machine.

Medians, because what disturbs a process only ever makes it slower.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from callscribe_tools.bench.process import Program, Run, run
from callscribe_tools.bench.runtime_api import RuntimeApi
from callscribe_tools.local_aws import Progress

WARM_PROCESSES = 3
WARM_INVOCATIONS = 40


@dataclass(frozen=True, slots=True)
class Measured:
    """What a function takes: seconds and bytes.

    `first_answer` is from the start of its process to its first answer, `initialised` the part of it before the first
    event was asked for. `warm` and `cpu` are of one later invocation, `peak_memory` of a process after all of them.
    """

    initialised: float
    first_answer: float
    warm: float
    cpu: float
    peak_memory: float


def measure(programs: Sequence[Program], api: RuntimeApi, *, rounds: int, progress: Progress) -> dict[str, Measured]:
    """Measure the programs, by name. Each is started once in every round.

    Raises:
        BenchError: one of them failed.
    """
    cold: dict[str, list[Run]] = {program.name: [] for program in programs}
    warm: dict[str, list[Run]] = {program.name: [] for program in programs}
    for number in range(1, rounds + 1):
        progress(f"Cold starts, round {number} of {rounds}")
        for program in programs:
            cold[program.name].append(run(program, api))
    for number in range(1, WARM_PROCESSES + 1):
        progress(f"Warm invocations, process {number} of {WARM_PROCESSES}")
        for program in programs:
            warm[program.name].append(run(program, api, invocations=1 + WARM_INVOCATIONS))
    return {name: _medians(cold[name], warm[name]) for name in cold}


def _medians(cold: Sequence[Run], warm: Sequence[Run]) -> Measured:
    return Measured(
        initialised=median(one.initialised for one in cold),
        first_answer=median(one.first_answer for one in cold),
        warm=median(seconds for one in warm for seconds in one.warm),
        cpu=median(one.warm_cpu for one in warm) / WARM_INVOCATIONS,
        peak_memory=median(one.peak_memory for one in warm),
    )
