"""Says whether a call is stored as its scenario tells it. Called by the demo and by the end-to-end suite.

What was said is taken from the simulator's own record of the call, and what should come of it from the scenario.
"""

import time
from collections.abc import Iterator

from callscribe.adapters.items import StoredCall
from callscribe.domain.transcript import Role
from callscribe_tools.deadline import Deadline
from callscribe_tools.simulator import Call, Recording, Scenario
from callscribe_tools.simulator.scenario import OperatorResult, Speak
from callscribe_tools.words import quantity

_SPEAKERS = {1: Role.CUSTOMER, 2: Role.AGENT}


AFTERWARDS_SECONDS = 20.0
"""What comes after a recording is `stored`: the spare one is deleted at Twilio."""
_POLL_SECONDS = 0.1


def lasting_differences(scenario: Scenario, placed: Call, stored: StoredCall) -> list[str]:
    """The `differences` of a settled call that do not go away in time."""
    deadline = Deadline(AFTERWARDS_SECONDS)
    while (found := list(differences(scenario, placed, stored))) and not deadline.is_over():
        time.sleep(_POLL_SECONDS)
    return found


def differences(scenario: Scenario, placed: Call, stored: StoredCall, *, knows_origins: bool = True) -> Iterator[str]:
    """What is stored otherwise than it was said, recorded, or found; nothing for a call that came through.

    `knows_origins`: Twilio told at all times what makes results, so that each result must say it.
    """
    call = stored.call or {}
    if (call.get("from"), call.get("to"), call.get("seconds")) != (placed.from_, placed.to, placed.seconds):
        yield f"who called whom, and how long: {call.get('from')}, {call.get('to')}, {call.get('seconds')} s"
    expected = [] if scenario.expect == "nothing" else [(scenario.expect, scenario.reason)]
    ends = [(str(one["state"]), one.get("reason")) for one in stored.recordings.values()]
    if ends != expected:
        yield f"its recordings should have come to {expected}, and came to {ends}"
    elif scenario.expect == "stored":
        yield from _recording(placed, stored)
        yield from _results(scenario, stored, knows_origins=knows_origins)
    elif stored.insights:
        yield "there should be no insights, and there are"


def _recording(placed: Call, stored: StoredCall) -> Iterator[str]:
    """The one recording in two channels is stored, sentence by sentence; the one of <Record> is deleted."""
    duals = [one for one in placed.recordings if one.channels == 2]
    if len(duals) != 1:
        # The fallback's TwiML makes none.
        yield f"there should be one recording in two channels at Twilio, and there are {len(duals)}"
        return
    (dual,) = duals
    channels = {sid: int(one.get("channels", 0)) for sid, one in stored.recordings.items()}
    if channels != {dual.sid: 2}:
        yield f"the recording should be {dual.sid} with 2 channels, and is {channels}"
    spoken = _spoken(dual)
    heard = [(one.speaker(sentence), sentence.text) for one in stored.insights for sentence in one.sentences]
    if spoken != heard:
        said, stored_ones = quantity(len(spoken), "sentence"), f"{len(heard)} {heard[:5]} …"
        yield f"other sentences are stored than were spoken: {said} {spoken[:5]} …; stored: {stored_ones}"
    texts = {text for _, text in heard}
    unsaid = [step.say for step in placed.scenario.caller if isinstance(step, Speak) and step.say not in texts]
    if unsaid:
        yield f"what the caller said is missing: {unsaid}"
    spare = [one.sid for one in placed.recordings if one.channels == 1 and one.status != "deleted"]
    if spare:
        yield f"the recordings in one channel should be deleted at Twilio, and these are not: {spare}"


def _spoken(recording: Recording) -> list[tuple[Role, str]]:
    return [(_SPEAKERS[recording.channel_of(sound)], sound.text) for sound in recording.sounds if sound.text]


def _results(scenario: Scenario, stored: StoredCall, *, knows_origins: bool) -> Iterator[str]:
    results = [result for one in stored.insights for result in one.results]
    if len(results) != len(scenario.operator_results):
        yield f"there should be {len(scenario.operator_results)} operator results, and there are {len(results)}"
    for wanted in scenario.operator_results:
        found = [result for result in results if _is(wanted, result)]
        if not found:
            yield f"the result of {wanted.name} is missing or another"
        elif knows_origins and not found[0]["made_by"]["configuration_sha256"]:
            yield f"nothing tells which configuration the result of {wanted.name} was made with"


def _is(wanted: OperatorResult, result: dict[str, object]) -> bool:
    return all(result.get(name) == value for name, value in wanted.model_dump(exclude_unset=True).items())
