"""Callers, and whoever may write at Twilio, choose words that are printed. No command lets them act on a terminal."""

import csv
import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from callscribe_tools import show
from callscribe_tools.operator.cli_docs import commands
from callscribe_tools.operator.export import cell
from callscribe_tools.operator.printing import tell_pages
from callscribe_tools.simulator import Call, Scenario, Simulator, load_scenario
from callscribe_tools.simulator.scenario import Speak
from callscribe_tools.terminal import console, harmless_json, print_json, print_line, printable
from harness.answers import answer
from harness.stack import CALLER, Stack

type Reading = Callable[..., Result]

HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\x7f\u202eevil\u2066\u2028\u2029\ufeff\u200b\r\n[red]x[/red][link=http://x]y[/link]:smile:"
FREE = {"from", "to", "text", "name", "predicted_label", "result", "reason", "language", "category", "error_code"}
"""Attributes whose words somebody else has chosen."""


def hostile(value: Any, *, free: bool = False, words: str = HOSTILE) -> Any:
    """The same, with hostile words in the place of everything that somebody else has chosen."""
    if isinstance(value, dict):
        return {name: hostile(inner, free=name in FREE, words=words) for name, inner in value.items()}
    if isinstance(value, list):
        return [hostile(inner, free=free, words=words) for inner in value]
    return words if free and isinstance(value, str) else value


@pytest.fixture
def scenario() -> Scenario:
    """A caller who says hostile words."""
    usual = load_scenario("cannot_log_in")
    said = [step.model_copy(update={"say": HOSTILE}) if isinstance(step, Speak) else step for step in usual.caller]
    return usual.model_copy(update={"caller": said})


@pytest.fixture
def called(stored: Call, stack: Stack) -> Call:
    """A stored call, all of whose words are hostile."""
    for item in stack.items():
        words = hostile(item)
        for result in words.get("results", []):
            if result.get("json_results"):
                result["json_results"] = {HOSTILE: {HOSTILE: [HOSTILE]}}
        stack.table().put_item(Item=words)
    return stored


def assert_harmless(text: str) -> None:
    found = {f"U+{ord(one):04X}" for one in text if one != "\n" and unicodedata.category(one)[0] in "CZ" and one != " "}
    assert found == set()


@pytest.mark.parametrize(
    "arguments",
    [
        *(["show", "{call}", *more] for more in ([], ["--json"])),
        *(["calls", *more] for more in ([], ["--json"])),
        *(["export", "--since", "1h", "--format", kind] for kind in ("jsonl", "csv")),
        *(["dump", "{transcript}", *more] for more in ([], ["--json"])),
        *(["failed", *more] for more in ([], ["--json"])),
        *(["redrive", "--dry-run", *more] for more in ([], ["--json"])),
        *(["ledger", "--since", "1h", *more] for more in ([], ["--json"])),
        *(["doctor", *more] for more in ([], ["--json"])),
        *(["setup", "plan", *more] for more in ([], ["--json"])),
        *(["retranscribe", "{call}", "--yes", *more] for more in ([], ["--json"])),
        ["transcribe", "{recording}", "--yes"],
        ["backfill", "--since", "1h", "--dry-run"],
        ["audio", "{call}", "--output", "/dev/null"],
        ["secret", "check"],
        ["sweep"],
        ["erase", "{call}", "--yes"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("at_a_terminal", [False, True], ids=["in a pipe", "at a terminal"])
def test_no_command_prints_what_a_terminal_would_act_on(
    arguments: list[str],
    at_a_terminal: bool,  # noqa: FBT001
    called: Call,
    stack: Stack,
    twilio: Simulator,
    bury: Callable[..., None],
    reading: Reading,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("callscribe_tools.operator.printing.is_terminal", lambda: at_a_terminal)
    monkeypatch.setattr("callscribe_tools.operator.printing.QUIET_SECONDS", 0.0)
    bury("Recordings", f"CallSid={called.sid}", reason="".join(one for one in HOSTILE if one.isprintable()))
    account = twilio.account
    for service in account.services.values():
        service.friendly_name = service.unique_name = HOSTILE
    for number in account.numbers.values():
        number.voice_url = number.status_callback = f"https://hooks.example.com/{HOSTILE}"
    for row in stack.recordings():
        stack.table().put_item(Item=row | {"state": "failed", "reason": HOSTILE, "due": "ATTENTION"})
    (transcript,) = twilio.state.transcripts
    results = [{"name": HOSTILE, "novel": {HOSTILE: HOSTILE}, "json_results": {HOSTILE: "\ud800"}}]
    body = json.dumps({"meta": {"key": "x", "next_page_url": None}, "x": results})
    answer(twilio, "GET", "/v2/Transcripts/{sid}/OperatorResults", 200, body)
    sids = {"call": called.sid, "transcript": transcript, "recording": next(iter(twilio.state.recordings))}
    result = reading(*(one.format(**sids) for one in arguments))
    assert_harmless(result.stdout)
    assert_harmless(result.stderr)


def test_every_command_is_in_that_test() -> None:
    (marks,) = [
        mark for mark in test_no_command_prints_what_a_terminal_would_act_on.pytestmark if mark.args[0] == "arguments"
    ]
    tried = {" ".join(arguments) for arguments in marks.args[1]}
    # These say what setup has done, in the words that `setup plan` says it in; `secret set` prints SIDs alone.
    told_elsewhere = {"secret", "secret set", "setup", "setup apply", "setup destroy"}
    missing = [one for one in map(" ".join, commands()) if not any(f"{t} ".startswith(f"{one} ") for t in tried)]
    assert set(missing) <= told_elsewhere


def test_words_are_still_there_and_markup_is_text(called: Call, reading: Reading) -> None:
    shown = reading("show", called.sid).stdout
    escaped = printable(HOSTILE)
    assert f"  from     {escaped}\n" in shown
    # Twilio makes one space of several.
    assert r"Customer: \x1b[2J\x1b]0;owned\x07\x9b31m\x7f\u202eevil\u2066 " in shown
    assert "[red]x[/red][link=http://x]y[/link]:smile:" in shown
    document = json.loads(reading("show", called.sid, "--json").stdout)
    assert document["call"]["from"] == HOSTILE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("日本語 né שלום 👩‍👩‍👧 नमस्ते می‌خواهم", "日本語 né שלום 👩‍👩‍👧 नमस्ते می‌خواهم"),
        ("\x1b[31m\t\r\n\x85", r"\x1b[31m\t\r\n\x85"),
        ("a\u2028b\u2029c\u202ed\ud800e\U000e0041", r"a\u2028b\u2029c\u202ed\ud800e\U000e0041"),
    ],
)
def test_only_what_a_terminal_acts_on_is_escaped(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_line(text)
    assert capsys.readouterr().out == f"{shown}\n"


def test_on_standard_error_lines_are_lines_and_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    console.print("[red]one[/]\n:smile: \x1b[2J\r", style="red")
    console.step(1.0, "[bold]step[/]\x1b\n")
    assert capsys.readouterr().err == "[red]one[/]\n:smile: \\x1b[2J\\r\n  1.0 s  [bold]step[/]\\x1b\\n\n"


def test_json_is_the_same_document(capsys: pytest.CaptureFixture[str]) -> None:
    document = {HOSTILE: ["日本語", "\ud800", "\U000e0041", "é"]}
    print_json(document)
    printed = capsys.readouterr().out
    assert_harmless(printed)
    assert json.loads(printed) == document
    assert "日本語" in printed
    assert json.loads(harmless_json(json.dumps(document, ensure_ascii=False))) == document


# --- spreadsheets


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        (" \t=1+1", "' \t=1+1"),
        ("\u3000\uff1d1", "'\u3000\uff1d1"),
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff20x", "'\uff20x"),
        ("\u22121", "'\u22121"),
        ("\ufeff@x", "'\\ufeff@x"),
        ('"=1', "'\"=1"),
        ("'=1", "''=1"),
        ("\tx", "'\tx"),
        ("\rx", "'\\rx"),
        ("+1 (202) 555", "'+1 (202) 555"),
        ("+12025550142;=x", "'+12025550142;'=x"),
        ("a; =b", "a;' =b"),
        ("a\n-b", "a\n'-b"),
        ("+15", "'+15"),
        ("sip:a=b@c", "sip:a=b@c"),
        ("I pay 5-6 = 11, a@b.c", "I pay 5-6 = 11, a@b.c"),
        (-1, "-1"),
        (None, ""),
    ],
)
def test_no_cell_is_a_formula(value: object, written: str) -> None:
    assert cell(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("+12025550142", "+12025550142"),
        ("+15", "+15"),
        ("+1202=x", "'+1202=x"),
        ("+1\n", "'+1\n"),
        ("+\u0661", "'+\u0661"),
        ("sip:+1@x", "sip:+1@x"),
    ],
)
def test_a_phone_number_keeps_its_plus_and_nothing_else_does(value: str, written: str) -> None:
    assert cell(value, number=True) == written


def test_every_cell_of_the_csv_with_words_of_others_is_safe(called: Call, stack: Stack, reading: Reading) -> None:
    for item in stack.items():
        stack.table().put_item(Item=hostile(item, words="=cmd|' /C calc'!A0"))
    text = reading("export", "--since", "1h", "--format", "csv").stdout
    for row in csv.DictReader(text.splitlines(keepends=True)):
        assert row["call_sid"] == called.sid
        assert not [one for one in row.values() if one.lstrip().startswith(("=", "+", "-", "@"))]
        assert row["from"] == "'=cmd|' /C calc'!A0"


def test_a_formula_within_the_results_is_escaped_as_json_escapes(stored: Call, stack: Stack, reading: Reading) -> None:
    (item,) = (one for one in stack.items() if one["pk"] == f"CALL#{stored.sid}" and "results" in one)
    item["results"][0]["json_results"] = {"a": "x;=1"}
    stack.table().put_item(Item=item)
    text = reading("export", "--since", "1h", "--format", "csv").stdout
    (row,) = (one for one in csv.DictReader(text.splitlines(keepends=True)) if one["state"] == "stored")
    assert ";=" not in row["results"]
    assert json.loads(row["results"])[0]["json_results"] == {"a": "x;=1"}
    assert row["from"] == CALLER


# --- for people


def test_results_are_told_in_words_and_what_is_empty_is_left_out() -> None:
    found: list[dict[str, Any]] = [
        {
            "operator_type": "json",
            "name": "own fields",
            "json_results": {
                "category": "pricing",
                "urgent": True,
                "nothing": None,
                "items": [{"name": "plan", "seats": 20}, "other", []],
                "more": {"deep": {"er": 1.5}, "empty": {}},
            },
            "url": "https://x",
            "made_by": {"service_version": 1},
        },
        {"operator_type": "extract", "name": "phrases", "extract_results": {"greeting": ["hello", "hi"]}},
        {"operator_type": "conversation-classify", "name": "mood", "predicted_label": "happy",
         "predicted_probability": "0.87", "label_probabilities": {"happy": 1}},
        {"operator_type": "conversation-classify", "name": "odd", "predicted_label": "x", "predicted_probability": "?"},
        {"operator_type": "text-generation", "name": "summary",
         "text_generation_results": {"format": "text", "result": "They ask.\nWe answer."}},
        {"operator_type": "extract", "name": "silent", "extract_results": {}, "utterance_results": []},
    ]  # fmt: skip
    assert list(show.results_for_people(found)) == [
        "Operator results: 6",
        "  summary",
        "    They ask.",
        "    We answer.",
        "  mood",
        "    happy (87%)",
        "  odd",
        "    x (?)",
        "  own fields",
        "    category: pricing",
        "    urgent: yes",
        "    items:",
        "      - name: plan",
        "        seats: 20",
        "      - other",
        "    more:",
        "      deep:",
        "        er: 1.5",
        "  phrases",
        "    extract_results:",
        "      greeting:",
        "        - hello",
        "        - hi",
        "  silent",
        "    no result",
    ]


def test_how_far_a_long_list_is_is_told_without_markup(capsys: pytest.CaptureFixture[str]) -> None:
    tell_pages("listing recordings [page 3]\x1b")
    assert capsys.readouterr().err == "listing recordings [page 3]\\x1b\n"
