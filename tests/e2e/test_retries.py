"""A message that failed comes back after a delay of its own, and is given up for its age."""

import json
from typing import Any
from urllib.parse import urlencode

from callscribe_tools.local_callscribe import LocalCallscribe
from e2e.stack import calls_unread, changed_environment, held_at_rest, wait_until
from harness.emf import metrics_in


def callback(call_sid: str) -> str:
    return urlencode({"CallSid": call_sid, "RecordingSid": "RE" + "0" * 32, "RecordingStatus": "absent"})


def dead_letter(local: LocalCallscribe) -> dict[str, Any]:
    """Wait until the recordings' worker has done all, and take away the dead letter that it has made."""
    held_at_rest(local)
    sqs, url = local.stack.aws.client("sqs"), local.stack.outputs["RecordingsDeadLettersUrl"]
    (letter,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["reason"])["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
    return dict(letter)


def comebacks(local: LocalCallscribe, reason: str) -> list[dict[str, Any]]:
    """What the worker logged of messages that came back for this reason."""
    lines = [json.loads(one) for one in local.stack.logs("RequestTranscriptFunction") if "message comes back" in one]
    return [line for line in lines if reason in line["reason"]]


def put(local: LocalCallscribe, body: str) -> None:
    local.stack.aws.client("sqs").send_message(QueueUrl=local.stack.outputs["RecordingsQueueUrl"], MessageBody=body)


def test_a_message_that_failed_twice_comes_back_after_its_own_delays(local: LocalCallscribe) -> None:
    sid = "CA" + "1" * 32
    with changed_environment(local, "RequestTranscriptFunction", BACKOFF_FIRST_SECONDS="2"):
        with calls_unread(local) as asked:
            put(local, callback(sid))
            wait_until(lambda: len(asked) >= 2, "the message comes back")
        # Twilio is well again, and knows no such call.
        letter = dead_letter(local)
    assert letter["Body"] == callback(sid)
    assert "Twilio answered 404" in letter["MessageAttributes"]["reason"]["StringValue"]
    told = comebacks(local, sid)
    # On a busy machine it may have come back once more before Twilio was well again.
    assert [line["tries"] for line in told][:2] == [1, 2]
    assert [line["seconds"] for line in told][:2] in ([1, 2], [1, 3], [1, 4], [2, 2], [2, 3], [2, 4])
    assert metrics_in(local.stack.logs("RequestTranscriptFunction"), "RetriedMessageAge")


def test_a_message_that_is_too_old_is_given_up_with_its_last_reason(local: LocalCallscribe) -> None:
    sid = "CA" + "2" * 32
    hours = {"BACKOFF_FIRST_SECONDS": "1", "GIVE_UP_HOURS": "0.0002"}
    with changed_environment(local, "RequestTranscriptFunction", **hours), calls_unread(local):
        put(local, callback(sid))
        letter = dead_letter(local)
    reason = letter["MessageAttributes"]["reason"]["StringValue"]
    assert reason.startswith("gave up after 0.0002 h: ")
    assert "Twilio answered 503" in reason
    assert any('"DeadLetters":[1.0]' in line for line in local.stack.logs("RequestTranscriptFunction"))
