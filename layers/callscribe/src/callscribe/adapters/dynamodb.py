"""What the adapters of the table share: queries page by page, updates, conditions, moments. Names no item of ours."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase

from callscribe.adapters.aws_errors import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


MOST_COUNTED_PAGES = 30
"""How much of a list is counted: pages of 1 MB, some 100,000 to 200,000 items of an index, and a second or two."""


def query(table: "Table", doing: str, *, until: datetime | None = None, **asked: Any) -> Iterator[dict[str, Any]]:
    """All items of a Query, page by page; `doing` is what its errors say.

    Args:
        until: no page but the first is read after that, so that the items end early. None: they do not.
    """
    for page in _pages(table, doing, until, asked):
        yield from page["Items"]


def count(table: "Table", doing: str, *, until: datetime | None = None, **asked: Any) -> int:
    """Count the items of a Query.

    The result is a lower bound if the list is longer than `MOST_COUNTED_PAGES` or than the time until `until`.
    """
    pages = _pages(table, doing, until, asked | {"Select": "COUNT"})
    return sum(page["Count"] for page in islice(pages, MOST_COUNTED_PAGES))


def _pages(table: "Table", doing: str, until: datetime | None, asked: dict[str, Any]) -> Iterator[Any]:
    more = True
    while more:
        with aws_errors(doing):
            page = table.query(**asked)
        yield page
        # Checked for pages and not for items: a page may hold no item that anybody wants.
        more = "LastEvaluatedKey" in page and (until is None or datetime.now(UTC) < until)
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
