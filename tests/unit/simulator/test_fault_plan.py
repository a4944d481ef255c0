"""How faults are dealt out: repeatably, and each of them often enough."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from callscribe_tools.simulator import CallFaults, FaultKind, FaultPlan, Pace, Target
from callscribe_tools.simulator.faults import GROUPS, WHAT_HAPPENS

SPOILT = [
    {FaultKind.RECORDING_DELETED, FaultKind.LOST_RECORDING_CALLBACK},
    {FaultKind.RECORDING_DELETED, FaultKind.DEAD_URL},
    {FaultKind.RECORDING_DELETED, FaultKind.TIMEOUT_AFTER_EFFECT},
    {FaultKind.TRANSCRIPT_STUCK, FaultKind.LOST_TRANSCRIPT_WEBHOOK},
    {FaultKind.TRANSCRIPT_ENDLESS, FaultKind.LOST_TRANSCRIPT_WEBHOOK},
    {FaultKind.TRANSCRIPT_FAILS, FaultKind.LOST_TRANSCRIPT_WEBHOOK},
]


def dealt(seed: int, calls: int) -> list[CallFaults]:
    plan = FaultPlan(seed)
    return [plan.of(number) for number in range(calls)]


def test_what_goes_wrong_follows_from_seed_and_number_alone() -> None:
    in_order = dealt(7, 300)
    backwards = [FaultPlan(7).of(number) for number in reversed(range(300))]
    plan = FaultPlan(7)
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(plan.of, range(300)))

    assert in_order == backwards[::-1] == together
    assert in_order != dealt(8, 300)


def test_the_plan_of_a_seed_is_the_same_in_every_process() -> None:
    # Texts are hashed anew in each process: were the plan made of that, this would fail in nearly all of them.
    kinds = [
        FaultKind.LOST_CALL_STATUS,
        FaultKind.THROTTLED,
        FaultKind.TIMEOUT_AFTER_EFFECT,
        FaultKind.TRANSCRIPT_STUCK,
    ]
    plan = FaultPlan(1, kinds=kinds)
    some = [(sorted(one.kinds), one.target, one.times) for one in map(plan.of, range(4))]

    assert some == [
        (["timeout_after_effect"], "create transcript", 1),
        (["throttled"], "read recording", 2),
        (["transcript_stuck"], "read recording", 2),
        (["lost_call_status"], "read sentences", 3),
    ]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("calls", [100, 1000])
def test_every_kind_is_on_at_least_a_twentieth_of_the_calls(seed: int, calls: int) -> None:
    shares = Counter(kind for one in dealt(seed, calls) for kind in one.kinds)

    assert {kind for kind in FaultKind if shares[kind] >= calls * 0.05} == set(FaultKind)


@pytest.mark.parametrize("seed", range(5))
def test_some_calls_have_a_second_fault_of_another_group(seed: int) -> None:
    kinds = [one.kinds for one in dealt(seed, 1000)]

    assert {len(one) for one in kinds} == {1, 2}
    assert 0.2 < sum(len(one) == 2 for one in kinds) / 1000 < 0.4
    assert all(len(one.intersection(group)) <= 1 for one in kinds for group in GROUPS)


@pytest.mark.parametrize("seed", range(5))
def test_no_fault_keeps_another_one_from_happening(seed: int) -> None:
    assert not [one.kinds for one in dealt(seed, 1000) if one.kinds in SPOILT]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("calls", [40, 100, 1000])
def test_at_least_every_second_timeout_comes_after_a_transcript_was_created(seed: int, calls: int) -> None:
    targets = [one.target for one in dealt(seed, calls) if FaultKind.TIMEOUT_AFTER_EFFECT in one]

    assert targets.count(Target.CREATE_TRANSCRIPT) >= len(targets) / 2


def test_timeouts_meet_other_requests_too_and_every_number_of_them() -> None:
    timeouts = [one for one in dealt(0, 1000) if FaultKind.TIMEOUT_AFTER_EFFECT in one]

    assert {one.target for one in timeouts} == set(Target)
    assert {one.times for one in timeouts} == {1, 2, 3}


def test_nothing_is_planned_for_requests_that_nobody_makes() -> None:
    for one in dealt(0, 1000):
        if FaultKind.RECORDING_DELETED in one:
            assert one.target in {Target.READ_CALL, Target.READ_RECORDING}
        if FaultKind.TRANSCRIPT_ENDLESS in one or FaultKind.TRANSCRIPT_FAILS in one:
            assert one.target not in {Target.READ_SENTENCES, Target.READ_OPERATOR_RESULTS}


def test_a_plan_may_be_told_its_kinds_and_its_pace() -> None:
    kinds, pace = [FaultKind.DEAD_URL, FaultKind.THROTTLED], Pace(late_seconds=0.5)
    plan = FaultPlan(3, pace, kinds)

    some = [plan.of(number) for number in range(20)]

    assert {kind for one in some for kind in one.kinds} == set(kinds)
    assert all(one.kinds | other.kinds == set(kinds) for one, other in list(pairwise(some))[::2])
    assert {one.pace for one in some} == {pace}
    assert FaultPlan(3, kinds=[]).of(0) == CallFaults()


def test_every_kind_is_in_one_group_and_is_explained() -> None:
    assert sorted(kind for group in GROUPS for kind in group) == sorted(FaultKind)
    assert set(WHAT_HAPPENS) == set(FaultKind)
