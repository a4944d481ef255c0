"""A stack in process: moto in the place of AWS, the resources of template.yaml, the handlers behind their routes."""

import importlib.util
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import batched
from typing import Any

import boto3
import httpx
from moto.sqs.models import sqs_backends

from callscribe.adapters import call_lists, deletions, event_bus, queues, settings, table, twilio_api
from callscribe.adapters.items import StoredCall
from callscribe.adapters.settings_item import DOCUMENT, SETTINGS_KEY, VERSION, pack, unpack
from callscribe.domain.settings import NUMBER_FIELDS
from callscribe.domain.sids import CallSid
from callscribe_tools.simulator import Account, IntelligenceService, PhoneNumber
from harness.events import FALLBACK_HOST, HOST, batch_of, http_event
from harness.mock_api import FALLBACK_URL, mock_answer
from harness.template import REPOSITORY, function, resolve, resources, route, routes

NUMBER = "+12025550199"
CALLER = "+12025550142"
SERVICE_SID = "GA" + "d" * 32

_CACHED = (
    settings.settings_reader,
    call_lists.call_lists,
    deletions.deletions,
    table.call_table,
    table.unredacted_table,
    queues.queue,
    queues.dead_letters,
    queues.recordings_queue,
    queues.transcripts_queue,
    event_bus.event_bus,
)


@cache
def aws(service: str) -> Any:
    """A client of the suite's own, kept for the whole session: moto stays where it is."""
    session: Any = boto3
    return session.client(service)


@cache
def _table(name: str) -> Any:
    return boto3.resource("dynamodb").Table(name)


def _holds_any(queue_url: str) -> bool:
    """Look where moto holds them. Most queues are empty most of the time, and tests look hundreds of times."""
    queues = sqs_backends["123456789012"]["us-east-1"].queues
    return bool(queues[queue_url.rpartition("/")[2]].messages)


def account() -> Account:
    """The account at Twilio, wired to the stack as the README says."""
    account = Account()
    account.add(
        PhoneNumber(
            number=NUMBER,
            voice_url=f"https://{HOST}/incoming-call",
            voice_fallback_url=FALLBACK_URL,
            status_callback=f"https://{HOST}/call-status#rc=3&rp=5xx,ct,rt",
        )
    )
    account.add(IntelligenceService(sid=SERVICE_SID, webhook_url=f"https://{HOST}/ci-webhook"))
    return account


@dataclass
class Context:
    """What Lambda tells a handler about its invocation."""

    function_name: str
    milliseconds: int = 30_000
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:callscribe"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@cache
def load_handler(name: str) -> Callable[[Any, Any], Any]:
    """The handler of a function, from its folder."""
    spec = importlib.util.spec_from_file_location(f"{name}_handler", REPOSITORY / "functions" / name / "handler.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[[Any, Any], Any] = module.handler
    return handler


@dataclass
class Stack:
    """The deployed stack, as far as moto can be one. `store_unredacted` is its parameter of that name.

    `variables` differ from what the template says. Most scenarios have no result of each operator, and nobody wants to
    wait for one.
    """

    setenv: Callable[[str, str], None]
    physical_ids: dict[str, str] = field(default_factory=dict)
    store_unredacted: bool = False
    variables: dict[str, str] = field(default_factory=lambda: {"RESULTS_SECONDS": "0"})

    def create(self) -> None:
        """Make the resources of template.yaml."""
        twilio_api.connection.cache_clear()
        for name in resources("AWS::SQS::Queue"):
            self.physical_ids[name] = aws("sqs").create_queue(QueueName=name)["QueueUrl"]
        for name, one in resources("AWS::DynamoDB::Table").items():
            taken = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
            described = {key: one["Properties"][key] for key in taken if key in one["Properties"]}
            aws("dynamodb").create_table(TableName=name, **described)
            self.physical_ids[name] = name
        for name in resources("AWS::Events::EventBus"):
            aws("events").create_event_bus(Name=name)
            self.physical_ids[name] = name
        for name in resources("AWS::SecretsManager::Secret"):
            self.physical_ids[name] = aws("secretsmanager").create_secret(Name=name)["ARN"]

    def listen(self, bus: str = "CallEvents") -> None:
        """Let everything on the bus go to a queue, for `announced`."""
        sqs = aws("sqs")
        url = sqs.create_queue(QueueName=f"heard-on-{bus}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events = aws("events")
        events.put_rule(Name="everything", EventBusName=bus, EventPattern=json.dumps({"source": ["callscribe"]}))
        events.put_targets(Rule="everything", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
        self.physical_ids[f"heard on {bus}"] = url

    def write_settings(self, document: Mapping[str, Any]) -> None:
        """Write the settings as the operator does: what the numbers say and do goes into the table."""
        numbers = {name: value for name, value in document.items() if name in NUMBER_FIELDS}
        self.write_secret({name: value for name, value in document.items() if name not in NUMBER_FIELDS})
        self.write_numbers(numbers)

    def write_secret(self, document: Mapping[str, Any]) -> None:
        """Write the document in the secret."""
        aws("secretsmanager").put_secret_value(
            SecretId=self.physical_ids["Settings"], SecretString=json.dumps(document)
        )

    def write_numbers(self, document: Mapping[str, Any]) -> None:
        """Write the document in the table of settings."""
        item = {"pk": SETTINGS_KEY, DOCUMENT: pack(json.dumps(document)), VERSION: "of the tests"}
        _table(self.physical_ids["SettingsTable"]).put_item(Item=item)

    def settings_document(self) -> dict[str, Any]:
        """All that is stored of the settings, as one document."""
        item = _table(self.physical_ids["SettingsTable"]).get_item(Key={"pk": SETTINGS_KEY}).get("Item")
        secret = aws("secretsmanager").get_secret_value(SecretId=self.physical_ids["Settings"])["SecretString"]
        numbers = json.loads(unpack(bytes(item[DOCUMENT]))) if item else {}
        return {**json.loads(secret), **numbers}

    def invoke(self, name: str, event: Any, **context: Any) -> Any:
        """Invoke a function with the environment that the template gives it, cold."""
        self.prepare(name)
        return load_handler(name)(event, Context(name, **context))

    def prepare(self, name: str) -> None:
        """Let the environment be that of a function, which has not been invoked before."""
        for cached in _CACHED:
            cached.cache_clear()
        for variable, value in function(name)["Environment"]["Variables"].items():
            self.setenv(variable, resolve(value, self.physical_ids))
        if not self.store_unredacted:
            self.setenv("UNREDACTED_TABLE_NAME", "")
        for variable, value in self.variables.items():
            self.setenv(variable, value)

    def messages(self, queue: str) -> list[dict[str, Any]]:
        """Take all messages off a queue."""
        sqs = aws("sqs")
        url = self.physical_ids[queue]
        taken: list[dict[str, Any]] = []
        while _holds_any(url):
            batch = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            for message in batch["Messages"]:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                taken.append(dict(message))
        return taken

    def postponed(self, queue: str, bodies: Iterable[str]) -> None:
        """Let messages be on a queue that a worker has received and postponed."""
        sqs, url = aws("sqs"), self.physical_ids[queue]
        for some in batched(bodies, 10, strict=False):
            entries: Any = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(some)]
            sqs.send_message_batch(QueueUrl=url, Entries=entries)
            received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=900)["Messages"]
            assert len(received) == len(some)

    def queued(self) -> dict[str, list[str]]:
        """Take all messages off all queues of the template: the bodies by the queue, without the empty ones."""
        taken = {name: [one["Body"] for one in self.messages(name)] for name in resources("AWS::SQS::Queue")}
        return {name: bodies for name, bodies in taken.items() if bodies}

    def announced(self) -> list[dict[str, Any]]:
        """Take off the bus what has come since `listen`."""
        return [json.loads(message["Body"]) for message in self.messages("heard on CallEvents")]

    def work(self, name: str, queue: str) -> list[Any]:
        """Let a worker do all messages of its queue; give its answers."""
        return [self.invoke(name, batch_of(message)) for message in self.messages(queue)]

    def items(self) -> list[dict[str, Any]]:
        """All items of calls; see `minutes` for the others."""
        return [item for item in self._everything("CallsTable") if item["pk"].startswith("CALL#")]

    def unredacted_items(self) -> list[dict[str, Any]]:
        """All items of the table of what Twilio would have redacted."""
        return self._everything("UnredactedTable")

    def minutes(self) -> dict[str, int]:
        """The minutes counted against the budget, by their day."""
        return {
            item["pk"].removeprefix("BUDGET#"): int(item["minutes"])
            for item in self._everything("CallsTable")
            if item["pk"].startswith("BUDGET#")
        }

    def _everything(self, logical_id: str) -> list[dict[str, Any]]:
        table = _table(self.physical_ids[logical_id])
        page = table.scan()
        items = list(page["Items"])
        while "LastEvaluatedKey" in page:
            page = table.scan(ExclusiveStartKey=page["LastEvaluatedKey"])
            items += page["Items"]
        return sorted(items, key=lambda item: (item["pk"], item["sk"]))

    def recordings(self) -> list[dict[str, Any]]:
        """The items of recordings."""
        return [item for item in self.items() if item["sk"].startswith("RECORDING#")]

    def table(self) -> Any:
        """The table of calls, for what the product has no use for."""
        return _table(self.physical_ids["CallsTable"])

    def let_claims_run_out(self) -> None:
        """Be so much later that every claim has run out."""
        for item in self.recordings():
            self.table().update_item(
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="SET due_at = :past",
                ExpressionAttributeValues={":past": 1},
            )

    def empty_calls(self) -> None:
        """Delete every item of a call."""
        for item in self.items():
            self.table().delete_item(Key={"pk": item["pk"], "sk": item["sk"]})

    def empty_table(self) -> None:
        """Delete every item."""
        for item in self._everything("CallsTable"):
            self.table().delete_item(Key={"pk": item["pk"], "sk": item["sk"]})

    def read(self, call_sid: str, table_id: str = "CallsTable") -> StoredCall:
        """A call as a reader of a table sees it."""
        return table.CallTable(_table(self.physical_ids[table_id]), retention_days=1).read(CallSid(call_sid))


class Gateway(httpx.BaseTransport):
    """Carries Twilio's requests to the handlers, as API Gateway would.

    `answers` holds what came of each, `events` what the handlers were given, `documents` the bodies of the answers.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.answers: list[tuple[str, int]] = []
        self.events: list[dict[str, Any]] = []
        self.documents: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == FALLBACK_HOST:
            return self._mocked(request)
        name = routes()[request.method, route(request.method, request.url.path) or request.url.path]
        event = http_event(request.url.path, dict(request.headers), request.read(), request.url.query.decode())
        answer = self._stack.invoke(name, event)
        self.answers.append((request.url.path, answer["statusCode"]))
        self.events.append(event)
        self.documents.append(answer["body"])
        return httpx.Response(answer["statusCode"], headers=answer["headers"], text=answer["body"])

    def _mocked(self, request: httpx.Request) -> httpx.Response:
        answer = mock_answer(request.method, request.url.path, request.headers.get("content-type"))
        self.answers.append((request.url.path, answer.status_code))
        self.documents.append(answer.text)
        return answer
