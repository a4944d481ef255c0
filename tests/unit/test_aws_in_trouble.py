"""Whatever DynamoDB, SQS, EventBridge or Twilio fails to do, at whichever request: nothing is lost or done twice."""

from contextlib import nullcontext, suppress
from typing import Any

import pytest

from callscribe.domain.errors import CallscribeError
from callscribe_tools.simulator import Scenario
from harness.aws_faults import TROUBLES, all_of, once, twice, unheard
from harness.ends import COUNTED, Ends, end_of
from harness.events import sqs_event
from harness.situations import DUAL, SITUATIONS, callback_of
from harness.wire import Meddler, Step
from harness.workers import DONE
from harness.world import World

SCHEDULED = ("sweep", "delete_recordings")
ACCEPTORS = ("accept_recording", "accept_webhook", "track_call")
NEED_NUMBERS = ("a voicemail", "a transcript that is due", "what was lost")
READS = ("GET", "Query", "GetItem", "BatchGetItem", "GetQueueAttributes")
NOTHING_DONE = [trouble for name, trouble in TROUBLES.items() if name != "unheard"]


def has_effect(step: Step) -> bool:
    return not any(f" {read}" in step for read in READS)


def do_in_trouble(name: str, world: World, scenario: Scenario, meddler: Meddler) -> Any:
    """Let the function do its work in the meantime, and what brings it again bring it when all is well; its answer."""
    situation = SITUATIONS[name]
    do = situation.begin(world, scenario)
    # The schedule's functions fail as a whole.
    fails = suppress(CallscribeError) if situation.function in SCHEDULED else nullcontext()
    answer: Any = None
    with world.wire.meddling(meddler), fails:
        answer = do()
    world.let_time_pass()
    if situation.function in ACCEPTORS and answer["statusCode"] != 200:
        do()
    return answer


@pytest.mark.parametrize("name", SITUATIONS)
def test_one_failure_of_aws_is_made_good_before_anybody_notices(name: str, world: World, scenario: Scenario) -> None:
    ends = Ends(name, world, scenario)
    for number, step in enumerate(ends.steps, start=1):
        if step.service != "twilio":
            do = SITUATIONS[name].begin(world, scenario)
            with world.wire.meddling(once(number, NOTHING_DONE[number % len(NOTHING_DONE)])):
                answer = do()
            assert (step, world.wire.sent) == (step, [*ends.steps[:number], *ends.steps[number - 1 :]])
            # The sweep tells how old the oldest is.
            assert SITUATIONS[name].function == "sweep" or (step, answer) == (step, ends.answer)
            assert (step, world.end()) == (step, ends.at_once)


CONFIGURATIONS = ("/v2/Services", "/v2/Operators")


def without_origins(end: Any) -> Any:
    """Leave out what tells which versions have made the results."""
    if isinstance(end, dict):
        return {name: without_origins(value) for name, value in end.items() if name != "made_by"}
    return [without_origins(value) for value in end] if isinstance(end, list) else end


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_request_that_fails_is_made_up_for_later(name: str, world: World, scenario: Scenario) -> None:
    ends = Ends(name, world, scenario)
    for number, step in enumerate(ends.steps, start=1):
        do_in_trouble(name, world, scenario, twice(number, NOTHING_DONE[number % len(NOTHING_DONE)]))
        before = ends.steps[number - 2] if number > 1 else ""
        end, expected = end_of(world), ends.after(before)
        if any(path in step for path in CONFIGURATIONS):
            # A call that waits for no result any more is stored without what made its results (see `made_by`).
            end, expected = without_origins(end), without_origins(expected)
        assert (step, end) == (step, expected)


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_request_that_is_done_and_not_heard_of_leads_to_the_same_end(
    name: str, world: World, scenario: Scenario
) -> None:
    ends = Ends(name, world, scenario)
    for number, step in enumerate(ends.steps, start=1):
        if has_effect(step):
            do_in_trouble(name, world, scenario, twice(number, unheard))
            end, expected = end_of(world), ends.after(step)
            if step == COUNTED:
                # Each time that botocore sends it (docs/decisions/0009).
                assert abs(end.pop("minutes") - expected.pop("minutes")) <= 1
            assert (step, end) == (step, expected)


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_service_that_fails_the_whole_time_holds_everything_up_and_loses_nothing(
    name: str, world: World, scenario: Scenario
) -> None:
    ends = Ends(name, world, scenario)
    services = sorted({step.service for step in ends.steps})
    for service, trouble in zip(services, NOTHING_DONE, strict=False):
        answer = do_in_trouble(name, world, scenario, all_of(service, trouble))
        if SITUATIONS[name].function in ACCEPTORS:
            assert answer["statusCode"] == 503
        assert (service, end_of(world)) == (service, ends.after(""))


@pytest.mark.parametrize("trouble", ["throttled", "failing", "unavailable", "cut off"])
@pytest.mark.parametrize(
    ("service", "name"),
    [
        *(("secretsmanager", name) for name in (*NEED_NUMBERS, "recordings to delete", "a recording's callback")),
        *(("settings", name) for name in NEED_NUMBERS),
    ],
)
def test_settings_that_cannot_be_read_hold_everything_up_and_lose_nothing(
    name: str, trouble: str, service: str, world: World, scenario: Scenario
) -> None:
    ends = Ends(name, world, scenario)
    answer = do_in_trouble(name, world, scenario, all_of(service, TROUBLES[trouble]))
    if SITUATIONS[name].function in ACCEPTORS:
        assert answer["statusCode"] == 503
    assert end_of(world) == ends.after("")


@pytest.mark.parametrize("odd", ["{}", "RecordingSid=RE1", "RecordingSid=%FF&CallSid=&RecordingStatus=completed"])
def test_a_message_nobody_can_read_keeps_no_other_of_its_batch_from_being_settled(
    odd: str, world: World, scenario: Scenario
) -> None:
    world.begin_again(scenario)
    world.add_recording(DUAL)
    good = str(callback_of().message["Body"])
    assert world.stack.invoke("request_transcript", sqs_event(odd, good, odd)) == DONE
    assert [one.source_sid for one in world.twilio.state.made] == [DUAL]
    ((queue, body, reason),) = world.left()["dead letters"]
    assert (queue, body) == ("RecordingsDeadLetters", odd)
    assert "RecordingCallback" in reason
    world.come_to_rest()
    assert world.left()["dead letters"] == set()
