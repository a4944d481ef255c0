"""Says whether a call is stored as its scenario tells it. Called by the demo and by the end-to-end suite."""

from collections.abc import Iterator

from callscribe.adapters.items import StoredCall
from callscribe.domain.transcript import Role
from callscribe_tools.simulator import Call, Scenario
from callscribe_tools.simulator.scenario import OperatorResult, Speak


def differences(scenario: Scenario, placed: Call, stored: StoredCall) -> Iterator[str]:
    """What is stored otherwise than it was said, recorded, or found; nothing for a call that came through."""
    call = stored.call or {}
    if (call.get("from"), call.get("to"), call.get("seconds")) != (placed.from_, placed.to, placed.seconds):
        yield f"who called whom, and how long: {call.get('from')}, {call.get('to')}, {call.get('seconds')} s"
    states = sorted(str(one["state"]) for one in stored.recordings.values())
    if states != [scenario.expect]:
        yield f"the recordings should be one, {scenario.expect}, and are {', '.join(states) or 'none'}"
    if scenario.expect == "stored":
        yield from _insights(scenario, stored)


def _insights(scenario: Scenario, stored: StoredCall) -> Iterator[str]:
    channels = [int(one.get("channels", 0)) for one in stored.recordings.values()]
    if channels != [2]:
        yield f"the recording should have 2 channels, and has {channels}"
    said = [(Role.CUSTOMER, step.say) for step in scenario.caller if isinstance(step, Speak)]
    heard = [(one.speaker(sentence), sentence.text) for one in stored.insights for sentence in one.sentences]
    if said != heard:
        yield f"the sentences should be {said}, and are {heard}"
    results = [result for one in stored.insights for result in one.results]
    if len(results) != len(scenario.operator_results):
        yield f"there should be {len(scenario.operator_results)} operator results, and there are {len(results)}"
    for wanted in scenario.operator_results:
        if not any(_is(wanted, result) for result in results):
            yield f"the result of {wanted.name} is missing or another"


def _is(wanted: OperatorResult, result: dict[str, object]) -> bool:
    return all(result.get(name) == value for name, value in wanted.model_dump(exclude_unset=True).items())
