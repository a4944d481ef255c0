"""Plays Twilio for the demo and the tests: calls with TwiML, recordings, transcripts, webhooks, the REST API.

It is strict: what real Twilio would refuse or ignore ends up in `Simulator.violations`. It must never import
the product, so that it cannot share the product's assumptions. What nobody outside Twilio knows is in `Unknowns`.
"""

from callscribe_tools.simulator.account import Account, IntelligenceService, Operator, PhoneNumber
from callscribe_tools.simulator.connect_to import ConnectTo
from callscribe_tools.simulator.scenario import Scenario, load_scenario
from callscribe_tools.simulator.simulator import Simulator
from callscribe_tools.simulator.state import Call, Exchange, Recording, Transcript
from callscribe_tools.simulator.unknowns import Unknowns
from callscribe_tools.simulator.violations import (
    NotSimulatedError,
    ScenarioError,
    SimulationError,
    UnmappedHostError,
    Violation,
)

__all__ = [
    "Account",
    "Call",
    "ConnectTo",
    "Exchange",
    "IntelligenceService",
    "NotSimulatedError",
    "Operator",
    "PhoneNumber",
    "Recording",
    "Scenario",
    "ScenarioError",
    "SimulationError",
    "Simulator",
    "Transcript",
    "Unknowns",
    "UnmappedHostError",
    "Violation",
    "load_scenario",
]
