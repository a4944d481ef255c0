"""What the tests of faults share: calls on which something goes wrong, and what is on record of it."""

from typing import Any

from callscribe_tools.simulator import Call, CallFaults, FaultKind, Injected, Pace, Scenario, Simulator, Target

from .conftest import NUMBER

SECONDS = 60.0
"""How long to wait for what comes by itself."""


def faults(*kinds: FaultKind, target: Target = Target.CREATE_TRANSCRIPT, times: int = 1, **pace: float) -> CallFaults:
    return CallFaults(frozenset(kinds), target, times, Pace(**pace))


def place(sim: Simulator, scenario: Scenario, *kinds: FaultKind, **told: Any) -> Call:
    return sim.place_call(scenario, to=NUMBER, faults=faults(*kinds, **told))


def transcribe(client: Any, service_sid: str, call: Call) -> str:
    channel = {"media_properties": {"source_sid": call.recordings[0].sid}}
    return str(client.intelligence.v2.transcripts.create(service_sid, channel).sid)


def the_one_injected(sim: Simulator, call: Call, kind: FaultKind) -> Injected:
    (one,) = sim.state.injected
    assert (one.kind, one.call_sid) == (kind, call.sid)
    return one
