"""What the adapters of the table share: queries page by page, updates, conditions, moments. Names no item of ours."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase

from callscribe.adapters.aws_errors import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


def query(table: "Table", doing: str, **asked: Any) -> Iterator[dict[str, Any]]:
    """All items of a Query, page by page; `doing` is what its errors say."""
    more = True
    while more:
        with aws_errors(doing):
            page = table.query(**asked)
        yield from page["Items"]
        more = "LastEvaluatedKey" in page
        asked["ExclusiveStartKey"] = page.get("LastEvaluatedKey")


def update_of(
    fields: Mapping[str, Any],
    *,
    if_absent: Mapping[str, Any] | None = None,
    remove: tuple[str, ...] = (),
    add: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The arguments of an UpdateItem that sets `fields`, sets others only where absent, removes and adds."""
    if_absent, add = if_absent or {}, add or {}
    # What is set anew is not removed.
    remove = tuple(name for name in remove if name not in fields)
    expression = "SET " + ", ".join(
        [f"#{name} = :{name}" for name in fields] + [f"#{name} = if_not_exists(#{name}, :{name})" for name in if_absent]
    )
    if remove:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in remove)
    if add:
        expression += " ADD " + ", ".join(f"#{name} :{name}" for name in add)
    return {
        "UpdateExpression": expression,
        "ExpressionAttributeNames": {f"#{name}": name for name in (*fields, *if_absent, *remove, *add)},
        "ExpressionAttributeValues": {f":{k}": v for k, v in {**fields, **if_absent, **add}.items()},
    }


def has_lapsed(name: str, now: datetime) -> ConditionBase:
    """The condition that the attribute, an end in seconds since 1970, is absent or has passed."""
    return Attr(name).not_exists() | Attr(name).lte(int(now.timestamp()))


def iso(moment: datetime) -> str:
    """A moment as items tell it to people, in UTC and whole seconds."""
    # Not strftime, which writes a year before 1000 with fewer than four digits.
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def moment_of(seconds: Any) -> datetime:
    """A moment that an item tells in seconds since 1970."""
    return datetime.fromtimestamp(int(seconds), UTC)
