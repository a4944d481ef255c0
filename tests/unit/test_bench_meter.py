"""The meter, with moto behind it: what a table's writes and reads are counted as."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from callscribe_tools.bench.artifacts import Built
from callscribe_tools.bench.aws import Aws, serving_aws
from callscribe_tools.bench.meter import Counts

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "state")],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by_state",
                "KeySchema": [{"AttributeName": "state", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    },
}


@pytest.fixture
def aws() -> Iterator[Aws]:
    template = {"Resources": {"Metered": TABLE, "Letters": {"Type": "AWS::SQS::Queue"}}, "Parameters": {}}
    with serving_aws(Built(Path(), template)) as aws:
        yield aws
        httpx.post(f"{aws.endpoint_url}/moto-api/reset").raise_for_status()


@pytest.fixture
def counts(aws: Aws) -> Counts:
    aws.meter.counts = Counts()
    return aws.meter.counts


@pytest.fixture
def table(aws: Aws) -> Any:
    return aws.table("Metered")


def item(kilobytes: float, state: str | None = None, sk: str = "CALL") -> dict[str, Any]:
    keys = {"pk": "p", "sk": sk, **({"state": state} if state else {})}
    taken = sum(len(name) + len(value) for name, value in keys.items()) + len("text")
    return {**keys, "text": "x" * (round(kilobytes * 1024) - taken)}


def test_a_write_is_counted_by_the_size_of_its_item(table: Any, counts: Counts) -> None:
    table.put_item(Item=item(1))
    table.put_item(Item=item(2.5, sk="TRANSCRIPT#1"))
    assert [(one.sort_key, one.units, one.index_units) for one in counts.writes] == [
        ("CALL", 1, 0),
        ("TRANSCRIPT#1", 3, 0),
    ]


def test_an_update_is_counted_by_the_whole_item_before_or_after_whichever_is_larger(table: Any, counts: Counts) -> None:
    table.put_item(Item=item(4))
    key = {"pk": "p", "sk": "CALL"}
    table.update_item(Key=key, UpdateExpression="REMOVE #t", ExpressionAttributeNames={"#t": "text"})
    table.delete_item(Key=key)
    assert [one.units for one in counts.writes] == [4, 4, 1]


def test_an_index_is_counted_apart(table: Any, counts: Counts) -> None:
    table.put_item(Item=item(3, "received"))
    table.put_item(Item=item(3, "stored"))
    table.put_item(Item=item(2, "stored"))
    assert [(one.units, one.index_units) for one in counts.writes] == [(3, 1), (3, 2), (3, 0)]


def test_a_write_that_is_refused_is_counted_too(table: Any, counts: Counts) -> None:
    table.put_item(Item=item(2))
    with pytest.raises(table.meta.client.exceptions.ConditionalCheckFailedException):
        table.put_item(Item=item(1), ConditionExpression="attribute_not_exists(pk)")
    assert [one.units for one in counts.writes] == [2, 2]


def test_a_query_is_counted_by_all_it_reads_and_not_by_what_it_gives(table: Any, counts: Counts) -> None:
    for number in range(3):
        table.put_item(Item=item(3, sk=f"RECORDING#{number}"))
    found = table.query(
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        FilterExpression="#t = :nothing",
        ProjectionExpression="sk",
        ExpressionAttributeNames={"#t": "text"},
        ExpressionAttributeValues={":pk": "p", ":sk": "RECORDING#", ":nothing": "nothing"},
        ConsistentRead=True,
    )
    assert found["Items"] == []
    assert counts.read_units == 3


def test_requests_are_counted_by_service_and_action(aws: Aws, table: Any, counts: Counts) -> None:
    table.put_item(Item=item(1))
    assert aws.dead_letters() == []
    table.scan()
    assert counts.requests == {"dynamodb:PutItem": 1, "dynamodb:Scan": 1}
    assert counts.unknown == {"Scan"}


def test_nothing_is_counted_until_it_is_asked_for(aws: Aws, table: Any) -> None:
    table.put_item(Item=item(1))
    assert aws.meter.counts is None
