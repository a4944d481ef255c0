"""DynamoDB's units, against the examples of its documentation.

"Docs" are the pages that `capacity` names; sizes of whole items follow from their rules.
"""

from typing import ClassVar

import pytest

from callscribe_tools.bench.capacity import Index, Item, item_size, read_units, write_units

KB = 1024


@pytest.mark.parametrize(
    ("item", "size"),
    [
        # Names count as much as values.
        ({"Shirt Color": {"S": "R"}, "Shirt Size": {"S": "M"}}, 23),
        ({"SC": {"S": "R"}, "SS": {"S": "M"}}, 6),
        ({"n": {"S": "é"}}, 1 + 2),
        ({"n": {"B": "AAEC"}}, 1 + 3),
        ({"n": {"B": b"\0\1\2"}}, 1 + 3),
        ({"n": {"BOOL": True}, "m": {"NULL": True}}, 4),
        # "The size of an empty List or Map is (name) + (3 bytes)."
        ({"n": {"L": []}}, 1 + 3),
        ({"n": {"M": {}}}, 1 + 3),
        # "Each List or Map element also requires 1 byte of overhead."
        ({"n": {"L": [{"S": "ab"}, {"BOOL": False}]}}, 1 + 3 + (1 + 2) + (1 + 1)),
        ({"n": {"M": {"key": {"S": "ab"}}}}, 1 + 3 + (1 + 3 + 2)),
        ({"n": {"M": {"l": {"L": [{"S": "x"}]}}}}, 1 + 3 + 1 + 1 + (3 + 1 + 1)),
    ],
)
def test_an_item_has_the_size_that_the_docs_give_it(item: Item, size: int) -> None:
    assert item_size(item) == size


@pytest.mark.parametrize(
    ("number", "size"),
    # "1 byte per two significant digits, + 1 byte"; "leading and trailing zeroes are trimmed".
    [
        ("0", 1),
        ("7", 2),
        ("27", 2),
        ("127", 3),
        ("-27", 2),
        ("1000000", 2),
        ("0.0010", 2),
        ("1795165230", 6),
        ("1E+5", 2),
    ],
)
def test_a_number_takes_a_byte_for_two_significant_digits(number: str, size: int) -> None:
    assert item_size({"": {"N": number}}) == size


def test_a_type_that_nobody_has_looked_up_is_refused() -> None:
    with pytest.raises(ValueError, match="SS"):
        item_size({"n": {"SS": ["a"]}})


@pytest.mark.parametrize(
    ("size", "units"), [(0, 1), (1, 1), (500, 1), (KB, 1), (KB + 1, 2), (3 * KB, 3), (350_000, 342)]
)
def test_writing_is_counted_in_whole_kilobytes(size: int, units: int) -> None:
    assert write_units(size) == units


@pytest.mark.parametrize(
    ("sizes", "units"),
    [
        ([3500], 1),
        ([round(3.5 * KB)], 1),
        ([8 * KB], 2),
        ([10 * KB], 3),
        # A Query of 10 items of 40.8 KB in all is rounded to 44 KB; one of 1,500 items of 64 bytes reads 96 KB.
        ([round(4.08 * KB)] * 10, 11),
        ([64] * 1500, 24),
        ([], 1),
    ],
)
def test_reading_is_counted_as_the_docs_examples_are(sizes: list[int], units: int) -> None:
    assert read_units(sizes, consistent=True) == units
    assert read_units(sizes, consistent=False) == units / 2


class TestIndex:
    """Docs, "Using Global Secondary Indexes in DynamoDB", "Provisioned throughput considerations": writes."""

    index = Index(keys=("day", "started"), attributes={"pk", "sk", "day", "started", "state"})
    entry: ClassVar[Item] = {
        "pk": {"S": "p"},
        "sk": {"S": "s"},
        "day": {"S": "d"},
        "started": {"S": "t"},
        "state": {"S": "received"},
        "text": {"S": "x" * 5000},
    }

    def test_an_item_without_a_key_of_the_index_is_not_in_it(self) -> None:
        without = {name: value for name, value in self.entry.items() if name != "day"}
        assert self.index.entry(without) is None
        assert self.index.write_units({}, without) == 0

    def test_an_entry_holds_what_is_projected_and_no_more(self) -> None:
        assert self.index.write_units({}, self.entry) == 1
        assert self.index.write_units(self.entry, {}) == 1

    def test_a_change_of_what_is_not_projected_costs_nothing(self) -> None:
        assert self.index.write_units(self.entry, {**self.entry, "text": {"S": "y"}}) == 0

    def test_a_change_of_what_is_projected_is_one_write(self) -> None:
        assert self.index.write_units(self.entry, {**self.entry, "state": {"S": "stored"}}) == 1
        assert self.index.write_units({**self.entry, "state": {"S": "x" * 3000}}, self.entry) == 3

    def test_a_change_of_an_indexed_key_is_a_write_of_the_old_and_one_of_the_new_entry(self) -> None:
        assert self.index.write_units(self.entry, {**self.entry, "started": {"S": "later"}}) == 2
