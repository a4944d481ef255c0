"""The credentials cannot be read: Twilio asks the fallback address, the caller is recorded, and the call is stored."""

from collections.abc import Iterator
from contextlib import contextmanager

from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Scenario
from e2e.test_permissions import without

SETTLE_SECONDS = 120.0


@contextmanager
def cold(local: LocalCallscribe, function: str) -> Iterator[None]:
    """Let a function start anew, before and after: what it has read it would keep."""

    def restart(memory: int) -> None:
        name = local.stack.resource(function)
        local.stack.aws.client("lambda").update_function_configuration(FunctionName=name, MemorySize=memory)

    restart(513)
    try:
        yield
    finally:
        restart(512)


@contextmanager
def forgiven(local: LocalCallscribe, code: str) -> Iterator[None]:
    """Expect that Twilio complains, and of nothing else."""
    before = list(local.twilio.state.violations)
    yield
    new = local.twilio.state.violations[len(before) :]
    assert {violation.code for violation in new} == {code}
    local.twilio.state.violations[:] = before


def test_a_call_that_incoming_call_cannot_answer_is_recorded_and_stored(
    local: LocalCallscribe, scenario: Scenario
) -> None:
    # 11200: the first address answered 503.
    with without(local, "IncomingCallRole", "ReadCredentials"), cold(local, "IncomingCallFunction"):
        with forgiven(local, "11200"):
            call = local.twilio.place_call(scenario, to=local.number)
        stored = local.wait_until_settled(call.sid, SETTLE_SECONDS, print)

    (recording,) = stored.recordings.values()
    assert (recording["state"], recording["source"], recording["channels"]) == ("stored", "RecordVerb", 1)
    (insights,) = stored.insights
    assert [(insights.speaker(one), one.text) for one in insights.sentences] == [
        ("unknown", "We cannot log in to your account system.")
    ]
    # It was transcribed, so it is no spare one.
    assert [one.status for one in call.recordings] == ["completed"]
