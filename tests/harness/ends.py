"""How a situation ends when nothing goes wrong, and the one way in which it may end otherwise."""

from typing import Any

from callscribe_tools.simulator import Scenario
from harness.situations import SITUATIONS
from harness.world import World

CLAIMED = "dynamodb UpdateItem RECORDING requesting"
LOOKED = "twilio GET /v2/Transcripts"
COUNTED = "dynamodb UpdateItem BUDGET"
FAILED = "dynamodb UpdateItem RECORDING failed"
REFUSED = "a recording that Twilio refuses"
OVER_BUDGET = "a recording over the budget"

# The one difference that trouble may make is to the budget (docs/decisions/0009). After these steps, a recording is
# uncounted; of one that Twilio refuses minutes are given back that were not taken, or taken ones are not given back.
MINUTES: dict[tuple[str, str], int] = {
    ("a voicemail", CLAIMED): 0,
    ("an absent recording with a stand-in", CLAIMED): 0,
    ("a recording that is due", CLAIMED): 0,
    ("a recording that is due and absent", CLAIMED): 0,
    # The sweep's messages let a worker look for a transcript first.
    ("a recording that is due", LOOKED): 0,
    ("a recording that is due and absent", LOOKED): 0,
    (REFUSED, CLAIMED): 0,
    (REFUSED, FAILED): 2,
}
# And one that is over the budget goes on.
UNNOTICED = {(OVER_BUDGET, CLAIMED), (OVER_BUDGET, COUNTED)}


def end_of(world: World) -> dict[str, Any]:
    """All that is so in the end."""
    world.come_to_rest()
    return world.end() | world.left()


class Ends:
    """What becomes of a situation: `steps` are what its function sends, `answer` is what it
    answers, and `at_once` is what is so then."""

    def __init__(self, name: str, world: World, scenario: Scenario) -> None:
        self._name, self._world, self._scenario = name, world, scenario
        do = SITUATIONS[name].begin(world, scenario)
        self.answer = do()
        self.steps = list(world.wire.sent)
        self.at_once = world.end()
        self._usual = end_of(world)

    def after(self, step: str) -> dict[str, Any]:
        """The end where `step` was the last that had its effect before it began anew."""
        if (self._name, step) in UNNOTICED:
            return self._without_budget()
        return self._usual | {"minutes": MINUTES.get((self._name, step), self._usual["minutes"])}

    def _without_budget(self) -> dict[str, Any]:
        do = SITUATIONS[self._name].begin(self._world, self._scenario)
        self._world.write_settings(daily_minutes=None)
        do()
        return end_of(self._world)
