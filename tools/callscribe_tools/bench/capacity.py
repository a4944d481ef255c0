"""The units that DynamoDB counts for items, by its documented rules. Items are in its own notation, as `{"S": "text"}`.

DynamoDB docs: "DynamoDB item sizes and formats", "DynamoDB read and write operations", "Using Global Secondary Indexes
in DynamoDB".
"""

import base64
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

WRITE_BYTES = 1024
"""What one write unit writes."""

READ_BYTES = 4096
"""What one read unit reads, consistently."""

type Item = Mapping[str, Mapping[str, Any]]


def item_size(item: Item) -> int:
    """Bytes of an item: the names and values of its attributes."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(str(content).encode())
        case "B":
            # Bytes as boto3 gives them, base64 as they go over the wire.
            return len(content if isinstance(content, bytes) else base64.b64decode(content))
        case "N":
            return _number_size(Decimal(content))
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _value_size(one) for one in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_size(one) for name, one in content.items())
    raise ValueError(f"a value of type {kind}: this program does not know its size, teach it")


def _number_size(number: Decimal) -> int:
    # One byte for two significant digits, and one more; zeros before and after are not stored.
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    return math.ceil(len(digits) / 2) + 1


def write_units(size: int) -> int:
    """Units of writing an item of so many bytes."""
    return max(1, math.ceil(size / WRITE_BYTES))


def read_units(sizes: Iterable[int], *, consistent: bool) -> float:
    """Units of one Query, or of one GetItem, that reads items of so many bytes: they are summed up, then rounded."""
    units = max(1, math.ceil(sum(sizes) / READ_BYTES))
    return units if consistent else units / 2


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: its keys, and all it projects, the table's keys included."""

    keys: Collection[str]
    attributes: Collection[str]

    def entry(self, item: Item) -> Item | None:
        """What the index holds of an item; None where the item lacks a key of the index."""
        if not all(key in item for key in self.keys):
            return None
        return {name: value for name, value in item.items() if name in self.attributes}

    def write_units(self, before: Item, after: Item) -> int:
        """Units of keeping the index in step with an item that was `before` and is `after`; absent is empty."""
        old, new = self.entry(before), self.entry(after)
        if old == new:
            return 0
        if old is None or new is None:
            return write_units(item_size(new or old or {}))
        if any(old[key] != new[key] for key in self.keys):
            # One write removes the entry, another puts it in its new place.
            return write_units(item_size(old)) + write_units(item_size(new))
        return write_units(max(item_size(old), item_size(new)))
