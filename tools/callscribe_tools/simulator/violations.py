"""What real Twilio would have refused or ignored, and the simulator's errors.

SimulationError            the simulation cannot go on, or its check failed
├── NotSimulatedError      real Twilio may well accept this; the simulator does not play it
├── UnmappedHostError      a request would have left this machine
└── ScenarioError          a scenario file is wrong
"""

from dataclasses import dataclass


class SimulationError(Exception):
    """The simulation cannot go on, or what it saw is not what real Twilio accepts."""


class NotSimulatedError(SimulationError):
    """Real Twilio may accept this; the simulator does not know how to play it."""


class UnmappedHostError(SimulationError):
    """A request was meant for a host that is not on this machine."""


class ScenarioError(SimulationError):
    """A scenario file cannot be found or does not follow its model."""


@dataclass(frozen=True)
class Violation:
    """One thing real Twilio would have refused or ignored."""

    code: str
    """Twilio's error code where one is documented, else a word."""
    text: str
    where: str
    """The URL or the place in the TwiML it was seen at."""

    def __str__(self) -> str:
        return f"[{self.code}] {self.text} ({self.where})"


type Violations = list[Violation]
