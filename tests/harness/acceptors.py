"""What holds for both acceptors: a webhook that is not on its queue is not acknowledged."""

from contextlib import nullcontext

import pytest

from harness.events import event_files, load_event
from harness.loopback import answering, nobody_answers
from harness.stack import Stack, aws
from harness.template import resources

# What SQS answers, in its JSON protocol (SQS docs, "Common errors").
TROUBLES = {
    "failing": (503, '{"__type":"com.amazonaws.sqs#ServiceUnavailable"}'),
    "throttling": (400, '{"__type":"com.amazonaws.sqs#RequestThrottled"}'),
    "refusing": (403, '{"__type":"com.amazonaws.sqs#AccessDeniedException"}'),
}


def check_that_trouble_with_the_queue_is_not_acknowledged(
    function: str, trouble: str, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twilio retries a 5xx: the callback's address asks it to."""
    status = 500 if trouble == "gone" else 503
    if trouble == "gone":
        for queue in resources("AWS::SQS::Queue"):
            aws("sqs").delete_queue(QueueUrl=stack.physical_ids[queue])
    with answering(TROUBLES[trouble]) if trouble in TROUBLES else nullcontext(nobody_answers()) as url:
        if trouble != "gone":
            monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", url)
        for case in event_files(function):
            assert stack.invoke(function, load_event(function, case))["statusCode"] == status
    monkeypatch.delenv("AWS_ENDPOINT_URL_SQS", raising=False)
    if trouble != "gone":
        assert stack.queued() == {}
