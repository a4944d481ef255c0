"""A function that is killed at any of its steps: what comes to it again leads to the same end.

A step is a request to DynamoDB, SQS, EventBridge or Twilio. To be killed before a step is to be killed after the one
before it, since nothing else leaves a function: so each is killed before its first step, and after every one.
"""

from typing import Any

import pytest

from callscribe_tools.simulator import Scenario
from harness.situations import SITUATIONS
from harness.wire import Killed, kill_after, kill_before
from harness.world import Situation, World

CLAIMED = "dynamodb UpdateItem RECORDING requesting"
COUNTED = "dynamodb UpdateItem BUDGET"
FAILED = "dynamodb UpdateItem RECORDING failed"
REFUSED = "a recording that Twilio refuses"

# The one difference that a kill may make is to the budget (docs/decisions/0009). After these steps, a recording is
# uncounted; of one that Twilio refuses minutes are given back that were not taken, or taken ones are not given back.
MINUTES: dict[tuple[str, str], list[int]] = {
    ("a voicemail", CLAIMED): [],
    ("an absent recording with a stand-in", CLAIMED): [],
    ("a recording that is due", CLAIMED): [],
    ("a recording that is due and absent", CLAIMED): [],
    (REFUSED, CLAIMED): [0],
    (REFUSED, FAILED): [2],
}
# And one that is over the budget goes on.
UNNOTICED = {("a recording over the budget", CLAIMED), ("a recording over the budget", COUNTED)}


def end_of(world: World) -> dict[str, Any]:
    world.come_to_rest()
    return world.end() | world.left()


def uninterrupted(situation: Situation, world: World, scenario: Scenario, **settings: Any) -> dict[str, Any]:
    do = situation.begin(world, scenario)
    if settings:
        world.write_settings(**settings)
    do()
    return end_of(world)


@pytest.mark.parametrize("name", SITUATIONS)
def test_killed_at_any_step_it_comes_to_the_same_end(name: str, world: World, scenario: Scenario) -> None:
    situation = SITUATIONS[name]
    situation.begin(world, scenario)()
    steps = list(world.wire.sent)
    expected = end_of(world)
    assert steps
    for number in range(len(steps) + 1):
        do = situation.begin(world, scenario)
        with world.wire.meddling(kill_after(number) if number else kill_before(1)), pytest.raises(Killed):
            do()
        assert world.wire.sent == steps[: max(number, 1)]
        # SQS brings a message back and the schedule comes again; Twilio repeats a webhook that was not answered.
        world.let_time_pass()
        if situation.is_repeated:
            do()
        done = steps[:number]
        end = end_of(world)
        if (name, *done[-1:]) in UNNOTICED:
            assert end == uninterrupted(situation, world, scenario, daily_minutes=None)
        else:
            minutes = MINUTES.get((name, done[-1] if done else ""), expected["minutes"])
            assert (done, end) == (done, expected | {"minutes": minutes})
