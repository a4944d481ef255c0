"""What the end-to-end tests ask of the deployed stack."""

import httpx

from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import ConnectTo


def held(local: LocalCallscribe) -> dict[str, int]:
    """How many messages each queue holds, waiting or being worked on, and how many items the table has."""
    sqs = local.stack.aws.client("sqs")
    counts: dict[str, int] = {}
    for output, url in local.stack.outputs.items():
        if output.endswith(("QueueUrl", "DeadLettersUrl")):
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            waiting = attributes["ApproximateNumberOfMessages"]
            counts[output] = int(waiting) + int(attributes["ApproximateNumberOfMessagesNotVisible"])
    table = local.stack.aws.table(local.stack.outputs["CallsTableName"])
    return counts | {"items": table.scan(Select="COUNT")["Count"]}


def post(local: LocalCallscribe, url: str, headers: dict[str, str], body: bytes) -> httpx.Response:
    """Post to the stack's HTTP API by its public address."""
    with httpx.Client(transport=ConnectTo(local.stack.connect_to), timeout=15) as http:
        return http.post(url, headers=headers, content=body)
