"""For every reason there is something to do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from callscribe.domain import patience, recording
from callscribe.domain.transcript import FAILED_STATUSES
from callscribe.usecases.store_insights import ENCRYPTED
from callscribe_tools.operator.advice import advice, advice_on_letter, advice_on_skipping, unknown
from harness.template import REPOSITORY

SOURCES = REPOSITORY / "layers/callscribe/src/callscribe"
CONSTANTS = {
    "OVER_BUDGET": recording.OVER_BUDGET,
    "SPARE": recording.SPARE,
    "GAVE_UP": patience.GAVE_UP,
    "ENCRYPTED": ENCRYPTED,
}
# Of a recording that is worth no transcript: that is no failure.
NOT_WORTH_IT = {"absent", "too_short", "too_long", "spare"}


def reasons() -> set[str]:
    """All that is written in the code as the reason of a row; what is filled in is a number."""
    files = [file for part in ("domain", "usecases", "adapters") for file in (SOURCES / part).glob("*.py")]
    return {text for file in files for node in _reasons_in(file) for text in _texts(node)} | {*CONSTANTS.values()}


def _reasons_in(file: Path) -> Iterator[ast.expr]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.keyword(arg="reason", value=value):
                yield value
            case ast.Assign(targets=[ast.Name(id="reason")], value=value):
                yield value
            case ast.FunctionDef(name=name) if "reason" in name or name == "not_worth_transcribing":
                yield from (one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value)
            case ast.FunctionDef(args=args):
                named = [one.arg for one in args.args][len(args.args) - len(args.defaults) :]
                yield from (value for name, value in zip(named, args.defaults, strict=True) if name == "reason")
            case ast.Call(func=ast.Attribute(attr="_settled"), args=args):
                yield from args


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "12345" for one in parts)
        case ast.Name(id=name) if name in CONSTANTS:
            yield CONSTANTS[name]
        case ast.IfExp(body=body, orelse=other):
            yield from _texts(body)
            yield from _texts(other)


def test_the_reasons_are_found_in_the_code() -> None:
    assert reasons() >= {
        *NOT_WORTH_IT,
        *CONSTANTS.values(),
        *("error", "not_found", "transcript_gone"),
        *("transcript_12345", "recording_12345", "twilio_12345"),
    }


@pytest.mark.parametrize(
    "reason",
    sorted(
        (reasons() - NOT_WORTH_IT)
        | {f"transcript_{status}" for status in FAILED_STATUSES}
        | {"recording_failed", "recording_deleted", "twilio_403", "twilio_95109"}
    ),
)
def test_no_reason_is_without_advice(reason: str) -> None:
    assert advice(reason) != unknown(reason)
    assert len(advice(reason).text) > 20


@pytest.mark.parametrize("reason", sorted(NOT_WORTH_IT))
def test_no_reason_to_skip_is_without_advice(reason: str) -> None:
    assert advice_on_skipping(reason) != advice_on_skipping("moon_phase")


def test_a_refusal_of_twilios_leads_to_what_twilio_says_of_it() -> None:
    assert "https://www.twilio.com/docs/api/errors/95118" in advice("twilio_95118").text
    assert "HTTP status 400" in advice("twilio_400").text


def test_a_reason_of_another_version_is_said_to_be_unknown() -> None:
    assert "does not know" in advice("moon_phase").text
    assert "does not say why" in advice(None).text


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("gave up after 24 h: Twilio answered 503", "as long as the stack tries"),
        ("not settled in 300 tries, and none said why: killed, or kept from starting", "killed"),
        ("reading call CA: Twilio answered 404", "no such call"),
        ("KeyError", "nobody foresaw"),
        (None, "died"),
    ],
)
def test_a_letter_has_advice_by_what_its_reason_says(reason: str | None, told: str) -> None:
    assert told in advice_on_letter(reason).text
