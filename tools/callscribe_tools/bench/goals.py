"""What the project has set itself, and whether a run of the bench meets it."""

from collections.abc import Iterator
from dataclasses import dataclass

from callscribe_tools.bench.artifacts import Size
from callscribe_tools.bench.measure import Measured
from callscribe_tools.bench.stand import BARE, IMPORTS
from callscribe_tools.bench.units import CallUnits

LAYER_BYTES = 8_000_000
CALLER_WAITS = 6.0
"""Times what a bare handler takes to its first answer."""

WORKERS = ("request_transcript", "store_insights")
WORKERS_INITIALISE = 1.1
"""Times what importing boto3 and twilio.rest alone takes."""

INSIGHTS_UNITS = {150: 12, 900: 50, 7200: 370}
"""Write units of a transcript's items, by its sentences: 10 minutes, 1 hour, 8 hours."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal, what it allows, what was measured."""

    what: str
    limit: float
    measured: float

    @property
    def met(self) -> bool:
        """Whether it is met."""
        return self.measured <= self.limit


def goals(sizes: dict[str, Size], measured: dict[str, Measured], calls: list[CallUnits]) -> Iterator[Goal]:
    """Every goal."""
    yield Goal("layer, MB zipped", LAYER_BYTES / 1e6, round(sizes["layer"].zipped / 1e6, 2))
    caller = measured["incoming_call"].first_answer / measured[BARE].first_answer
    yield Goal("incoming_call, cold to the first answer, times bare", CALLER_WAITS, round(caller, 2))
    for name in WORKERS:
        ratio = measured[name].initialised / measured[IMPORTS].initialised
        yield Goal(f"{name}, initialised, times importing the SDKs", WORKERS_INITIALISE, round(ratio, 2))
    for call in calls:
        yield Goal(
            f"a transcript of {call.sentences} sentences, write units", INSIGHTS_UNITS[call.sentences], call.insights
        )
