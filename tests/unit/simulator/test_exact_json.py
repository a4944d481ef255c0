"""Numbers of scenario files reach the wire as they are written."""

import json
from decimal import Decimal

import pytest
import yaml

from callscribe_tools.simulator.exact_json import exact_json, read_yaml


@pytest.mark.parametrize(
    "number",
    ["0.87", "1e-7", "-2.5", "0.1234567890123456789", "1.0", "0.10", "12345678901234567890", "1", "0"],
)
def test_a_number_comes_through_digit_for_digit(number: str) -> None:
    assert exact_json(read_yaml(f"a: {number}")) == f'{{"a":{number}}}'


def test_an_exponent_may_come_in_another_notation_of_the_same_number() -> None:
    assert Decimal(exact_json(read_yaml("1.5e3"))) == 1500
    assert Decimal(exact_json(read_yaml("0.0000001"))) == Decimal("1e-7")


def test_a_number_in_quotes_stays_a_text() -> None:
    assert exact_json(read_yaml('a: ["0.05", "1e-7"]')) == '{"a":["0.05","1e-7"]}'


def test_everything_else_is_written_as_json_writes_it() -> None:
    value = {"text": 'ü "quoted"', "none": None, "yes": True, "list": [1, [], {}], "nested": {"n": {"m": False}}}

    assert json.loads(exact_json(value)) == value
    assert json.loads(exact_json({"n": Decimal("0.87"), "f": 0.87}), parse_float=str) == {"n": "0.87", "f": "0.87"}


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan", "1:30.5"])
def test_what_json_cannot_carry_is_no_number(number: str) -> None:
    with pytest.raises(yaml.YAMLError, match="no number that JSON can carry"):
        read_yaml(f"a: {number}")


def test_yaml_makes_no_objects() -> None:
    with pytest.raises(yaml.YAMLError):
        read_yaml("!!python/object/apply:os.getcwd []")
