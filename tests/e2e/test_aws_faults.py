"""AWS in trouble around the deployed stack: a call comes to its end all the same, and is paid for once."""

from callscribe_tools import verdict
from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Call as PlacedCall
from callscribe_tools.simulator import CallFaults, FaultKind, Pace, Scenario, Target
from e2e.stack import changed_environment, changed_timeout, held_at_rest, wait_until
from harness.loopback import in_front_of

SETTLE_SECONDS = 120.0
"""The longest way takes 30 s: four tries fail and come back after 1, 2, 4, and 8 s, or one comes back after 12 s."""
THROTTLED = (400, '{"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "Rate exceeded"}')
UNAVAILABLE = (503, '{"__type": "ServiceUnavailable", "message": "try again"}')


def check(local: LocalCallscribe, call: PlacedCall, scenario: Scenario) -> None:
    """The call is stored as it was spoken, and one transcript of it was ever asked for."""
    stored = local.wait_until_settled(call.sid, SETTLE_SECONDS, print)
    assert verdict.lasting_differences(scenario, call, stored) == []
    assert sum(one.customer_key == call.sid for one in local.twilio.state.made) == 1
    held_at_rest(local)


def test_a_call_is_stored_though_dynamodb_throttles_both_workers(
    soak_stack: LocalCallscribe, scenario: Scenario
) -> None:
    with (
        in_front_of(soak_stack.stack.aws.endpoint_url, 7, THROTTLED) as (url, statuses),
        changed_environment(soak_stack, "RequestTranscriptFunction", AWS_ENDPOINT_URL_DYNAMODB=url),
        changed_environment(soak_stack, "StoreInsightsFunction", AWS_ENDPOINT_URL_DYNAMODB=url),
    ):
        call = soak_stack.twilio.place_call(scenario, to=soak_stack.number)
        check(soak_stack, call, scenario)
    assert statuses[:7] == [400] * 7
    assert 200 in statuses


def test_a_callback_that_sqs_did_not_take_is_sent_again_by_twilio(
    soak_stack: LocalCallscribe, scenario: Scenario
) -> None:
    # As many as one invocation makes, which then has to say so.
    with (
        in_front_of(soak_stack.stack.aws.endpoint_url, 2, UNAVAILABLE) as (url, statuses),
        changed_environment(soak_stack, "AcceptRecordingFunction", AWS_ENDPOINT_URL_SQS=url),
    ):
        call = soak_stack.twilio.place_call(scenario, to=soak_stack.number)
        check(soak_stack, call, scenario)
    assert statuses[:3] == [503, 503, 200]
    answers = [
        one.status
        for one in soak_stack.twilio.state.exchanges
        if one.params.get("CallSid") == call.sid and "RecordingStatus" in one.params
    ]
    assert answers == [503, 200]


def test_a_worker_that_lambda_ends_in_the_middle_of_its_request_is_taken_over_from(
    soak_stack: LocalCallscribe, scenario: Scenario
) -> None:
    # The transcript is made; the answer would come after Lambda has lost patience.
    faults = CallFaults(
        frozenset({FaultKind.TIMEOUT_AFTER_EFFECT}), Target.CREATE_TRANSCRIPT, 1, Pace(timeout_seconds=8)
    )
    with (
        changed_environment(soak_stack, "RequestTranscriptFunction", TWILIO_TIMEOUT_SECONDS="30"),
        changed_timeout(soak_stack, "RequestTranscriptFunction", 3),
    ):
        call = soak_stack.twilio.place_call(scenario, to=soak_stack.number, faults=faults)
        wait_until(
            lambda: any("Task timed out" in line for line in soak_stack.stack.logs("RequestTranscriptFunction")),
            "Lambda ends the worker",
        )
    check(soak_stack, call, scenario)
