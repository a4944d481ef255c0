"""A function that is killed at any of its steps: what comes to it again leads to the same end.

A step is a request to DynamoDB, SQS, EventBridge or Twilio. To be killed before a step is to be killed after the one
before it, since nothing else leaves a function: so each is killed before its first step, and after every one.
"""

import pytest

from callscribe_tools.simulator import Scenario
from harness.ends import Ends, end_of
from harness.situations import SITUATIONS
from harness.wire import Killed, kill_after, kill_before
from harness.world import World


@pytest.mark.parametrize("name", SITUATIONS)
def test_killed_at_any_step_it_comes_to_the_same_end(name: str, world: World, scenario: Scenario) -> None:
    situation = SITUATIONS[name]
    ends = Ends(name, world, scenario)
    steps = ends.steps
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
        assert (done, end_of(world)) == (done, ends.after(done[-1] if done else ""))
