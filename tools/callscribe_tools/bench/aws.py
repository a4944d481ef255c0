"""AWS for the bench: moto on loopback, with the resources of the built template, behind the meter."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from callscribe.adapters.settings_item import DOCUMENT, SETTINGS_KEY, VERSION, pack
from callscribe.domain.settings import NUMBER_FIELDS
from callscribe_tools.bench.artifacts import Built
from callscribe_tools.bench.capacity import Index, item_size, read_units
from callscribe_tools.bench.errors import BenchError
from callscribe_tools.bench.meter import Meter, Table
from callscribe_tools.local_aws.access import Access

SETTINGS_TABLE = "SettingsTable"
_TABLE_ARGUMENTS = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


STACK_NAME = "callscribe-bench"
"""What the stack would be called."""


class Aws:
    """One AWS. Its resources are named by their logical ids."""

    def __init__(self, built: Built, meter: Meter, endpoint_url: str) -> None:
        self._built = built
        self.meter = meter
        self.endpoint_url = endpoint_url
        self._access = Access(endpoint_url)
        self._sqs = self._access.client("sqs")
        self._physical_ids = self._create()
        self._handles = [self.table(name) for name in self._tables]
        meter.tables = {name: _metered(one["Properties"]) for name, one in self._tables.items()}

    @cached_property
    def _tables(self) -> dict[str, dict[str, Any]]:
        return self._built.of_type("AWS::DynamoDB::Table")

    def _create(self) -> dict[str, str]:
        dynamodb: Any = self._access.client("dynamodb")
        for name, one in self._tables.items():
            arguments = {key: one["Properties"][key] for key in _TABLE_ARGUMENTS if key in one["Properties"]}
            dynamodb.create_table(TableName=name, **arguments)
        ids = {name: name for name in self._tables}
        for name in self._built.of_type("AWS::SQS::Queue"):
            ids[name] = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        for name in self._built.of_type("AWS::Events::EventBus"):
            self._access.client("events").create_event_bus(Name=name)
            ids[name] = name
        for name in self._built.of_type("AWS::SecretsManager::Secret"):
            ids[name] = self._access.client("secretsmanager").create_secret(Name=name)["ARN"]
        return ids

    def write_settings(self, document: Mapping[str, Any]) -> None:
        """Write the settings as the operator does."""
        secret = {name: value for name, value in document.items() if name not in NUMBER_FIELDS}
        numbers = {name: value for name, value in document.items() if name in NUMBER_FIELDS}
        for name in self._built.of_type("AWS::SecretsManager::Secret"):
            secrets = self._access.client("secretsmanager")
            secrets.put_secret_value(SecretId=self._physical_ids[name], SecretString=json.dumps(secret))
        item = {"pk": SETTINGS_KEY, DOCUMENT: pack(json.dumps(numbers)), VERSION: "of the bench"}
        self.table(SETTINGS_TABLE).put_item(Item=item)

    def environment(self, function: Mapping[str, Any]) -> dict[str, str]:
        """What the template gives a function, and what leads it here."""
        own = {name: self._resolve(value) for name, value in function["Environment"]["Variables"].items()}
        given = {name: value for name, value in self._access.environment.items() if name.startswith("AWS_")}
        return {**given, "AWS_SESSION_TOKEN": "test", **own}

    def _resolve(self, value: Any) -> str:
        parameters = self._built.template["Parameters"]
        match value:
            case {"Ref": name} if name in parameters:
                return str(parameters[name]["Default"])
            case {"Ref": "AWS::StackName"}:
                return STACK_NAME
            case {"Ref": "AWS::URLSuffix"}:
                return "amazonaws.com"
            case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
                return self._physical_ids[name]
            case {"Fn::If": [condition, yes, no]}:
                return self._resolve(yes if self._holds(condition) else no)
            case str() | int():
                return str(value)
        raise BenchError(f"the template gives a variable the value {value}: this program cannot resolve it, teach it")

    def _holds(self, condition: str) -> bool:
        left, right = self._built.template["Conditions"][condition]["Fn::Equals"]
        return self._resolve(left) == self._resolve(right)

    def empty(self) -> None:
        """Delete all items but the settings, and what waits: the backfill stands back behind live calls."""
        for name in self._built.of_type("AWS::SQS::Queue"):
            if not name.endswith("DeadLetters"):
                self._drain(self._physical_ids[name])
        for table in self._handles:
            if table.name == SETTINGS_TABLE:
                continue
            for item in table.scan()["Items"]:
                table.delete_item(Key={key["AttributeName"]: item[key["AttributeName"]] for key in table.key_schema})

    def _drain(self, url: str) -> None:
        # A queue can be purged once a minute only.
        while messages := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def table(self, name: str) -> Any:
        """A table, as boto3 has it."""
        return self._access.table(name)

    def read_units_of(self, call_sid: str) -> float:
        """Units of the one consistent Query that reads a whole call."""
        dynamodb = self._access.client("dynamodb")
        sizes: list[int] = []
        for name in self._tables:
            pages = dynamodb.get_paginator("query").paginate(
                TableName=name,
                KeyConditionExpression="pk = :call",
                ExpressionAttributeValues={":call": {"S": f"CALL#{call_sid}"}},
            )
            sizes += [item_size(item) for page in pages for item in page["Items"]]
        return read_units(sizes, consistent=True)

    def dead_letters(self) -> list[str]:
        """The reasons of all that the functions have given up on."""
        return [
            message["MessageAttributes"]["reason"]["StringValue"]
            for name in self._built.of_type("AWS::SQS::Queue")
            if name.endswith("DeadLetters")
            for message in self._sqs.receive_message(
                QueueUrl=self._physical_ids[name], MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            ).get("Messages", [])
        ]


def _metered(table: Mapping[str, Any]) -> Table:
    keys = _names(table["KeySchema"])
    return Table(
        keys=keys,
        indexes=tuple(
            Index(
                keys=_names(one["KeySchema"]),
                attributes={*keys, *_names(one["KeySchema"]), *one["Projection"].get("NonKeyAttributes", [])},
            )
            for one in table.get("GlobalSecondaryIndexes", [])
        ),
    )


def _names(schema: list[dict[str, str]]) -> tuple[str, ...]:
    return tuple(key["AttributeName"] for key in schema)


class _RequestHandler(MotoRequestHandler):
    # Headers and body are written apart: neither may wait for an acknowledgement, which takes 40 ms.
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 (the library's name for it)
        """Say nothing: the functions tell what they were answered."""


@contextmanager
def serving_aws(built: Built) -> Iterator[Aws]:
    """An AWS with the template's resources, until the context ends."""
    meter = Meter(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, meter, threaded=True, request_handler=_RequestHandler)
    thread = threading.Thread(target=server.serve_forever, name="moto", daemon=True)
    thread.start()
    try:
        yield Aws(built, meter, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
