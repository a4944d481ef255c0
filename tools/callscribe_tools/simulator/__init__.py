"""Plays Twilio for the demo and the tests: calls with TwiML, recordings, transcripts, webhooks, the REST API.

It is strict: what real Twilio would refuse or ignore ends up in `Simulator.violations`. It must never import
the product, so that it cannot share the product's assumptions. What nobody outside Twilio knows is in `Unknowns`.
"""

from callscribe_tools.simulator.account import Account, IntelligenceService
from callscribe_tools.simulator.connect_to import ConnectTo
from callscribe_tools.simulator.fault_plan import FaultPlan
from callscribe_tools.simulator.faults import CallFaults, FaultKind, Injected, Pace, Target
from callscribe_tools.simulator.language_operators import Operator
from callscribe_tools.simulator.phone_number import PhoneNumber
from callscribe_tools.simulator.recording import Recording
from callscribe_tools.simulator.scenario import Scenario, load_scenario
from callscribe_tools.simulator.simulator import Simulator
from callscribe_tools.simulator.state import Call, Exchange, Transcript
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
    "CallFaults",
    "ConnectTo",
    "Exchange",
    "FaultKind",
    "FaultPlan",
    "Injected",
    "IntelligenceService",
    "NotSimulatedError",
    "Operator",
    "Pace",
    "PhoneNumber",
    "Recording",
    "Scenario",
    "ScenarioError",
    "SimulationError",
    "Simulator",
    "Target",
    "Transcript",
    "Unknowns",
    "UnmappedHostError",
    "Violation",
    "load_scenario",
]
