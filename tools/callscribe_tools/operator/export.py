"""Writes calls, one a line, as JSON or as CSV. Each is read by one Query, and held until it is written."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

from callscribe.adapters.items import StoredCall
from callscribe.adapters.table import CallTable
from callscribe.domain.transcript import Insights
from callscribe_tools import show
from callscribe_tools.json_numbers import json_text, with_measured_probabilities
from callscribe_tools.operator.calls import Listed
from callscribe_tools.operator.printing import Tell
from callscribe_tools.operator.stored import current
from callscribe_tools.terminal import harmless_json, printable

SUMMARY, SENTIMENT = "text-generation", "conversation-classify"
"""Types of operator results that have columns of their own; the first of each is taken."""

LONGEST_CELL = 32_767
"""In UTF-16 units: what Excel holds in a cell ("Excel specifications and limits"); it drops the rest, or the columns
shift. Python's csv module refuses fields of more than 131,072 characters."""

_INVISIBLE = r"\s\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff"
_SIGNS = r"=+\-@\u2212\u207a\u208a\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
"""The four of ASCII, and what East Asian spreadsheets take for them: full width, small, raised, lowered."""

_FORMULA = re.compile(
    # A cell begins at the beginning; and where a country's spreadsheets take a semicolon for the separator, behind each
    # semicolon and each line end. A sign that is not seen, or a quote, may stand before the formula.
    rf"""(?P<start>^|[;\n\r])(?P<gap>[{_INVISIBLE}"']*)(?P<sign>[{_SIGNS}])"""
    r"|^(?=[\t\r])"
)
"""What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection")."""

_NUMBERS = frozenset({"from", "to"})
"""Columns that may hold phone numbers."""
_NUMBER = re.compile(r"\+[0-9]{1,15}")
"""A phone number: as a formula it is that number, and no more."""

COLUMNS = (
    *("call_sid", "started", "from", "to", "direction", "seconds", "recording_sid", "state", "reason", "channels"),
    *("transcript_sid", "language", "summary", "sentiment", "sentiment_probability", "text", "results"),
)


class Format(StrEnum):
    """What a line is."""

    JSONL = "jsonl"
    CSV = "csv"


def lines(calls: Iterable[Listed], table: CallTable, format_: Format, progress: Tell) -> Iterator[str]:
    """The lines of all calls, with that of the columns first where there is one.

    Raises what `CallTable.read` does.
    """
    yield from [_row(COLUMNS)] if format_ is Format.CSV else []
    for number, call in enumerate(calls, start=1):
        progress(f"Reading call {number}, {call.sid}")
        stored = current(table.read(call.sid))
        # One that is erased while this runs is left out.
        if stored.call and not stored.erased_at:
            yield from _csv_lines(stored) if format_ is Format.CSV else [_json_line(stored)]


def _fitted(text: str, name: str, call_sid: str) -> str:
    """The text of a cell, cut where no spreadsheet takes more, with a mark that names where all of it is."""
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) <= 2 * LONGEST_CELL:
        return text
    mark = f"[cut: callscribe show {call_sid} and --format jsonl have all of it]"
    if name == "results":
        # A cut JSON text is none.
        return json_text(mark, indent=None)
    room = 2 * (LONGEST_CELL - len(mark) - 1)
    return f"{units[:room].decode('utf-16-le', 'ignore')} {mark}"


def _json_line(stored: StoredCall) -> str:
    return harmless_json(json_text(show.for_machines(stored), indent=None)) + "\n"


def _csv_lines(stored: StoredCall) -> Iterator[str]:
    """A line for each recording; a call without any has one too."""
    insights = {str(one.recording_sid): one for one in stored.insights}
    rows: Mapping[str, Mapping[str, Any]] = {str(sid): row for sid, row in stored.recordings.items()} or {"": {}}
    for sid, row in rows.items():
        cells = {**_of_call(stored), "recording_sid": sid}
        cells |= {name: row.get(name) for name in ("state", "reason", "channels")}
        told = cells | _of_insights(insights.get(sid))
        cells_of_row = {name: cell(told.get(name), number=name in _NUMBERS) for name in COLUMNS}
        yield _row(_fitted(text, name, stored.sid) for name, text in cells_of_row.items())


def _of_call(stored: StoredCall) -> dict[str, Any]:
    names = ("started", "from", "to", "direction", "seconds")
    return {"call_sid": stored.sid} | {name: show.shown((stored.call or {}).get(name)) for name in names}


def _of_insights(insights: Insights | None) -> dict[str, Any]:
    if insights is None:
        return {}
    summary, sentiment = _first(insights, SUMMARY), _first(insights, SENTIMENT)
    written = summary.get("text_generation_results")
    return {
        "transcript_sid": insights.transcript.sid,
        "language": insights.transcript.language_code,
        "summary": written.get("result") if isinstance(written, Mapping) else None,
        "sentiment": sentiment.get("predicted_label"),
        "sentiment_probability": sentiment.get("predicted_probability"),
        "text": "\n".join(f"{insights.speaker(one)}: {one.text}" for one in insights.sentences),
        "results": _json_cell(insights.results),
    }


def _first(insights: Insights, kind: str) -> Mapping[str, Any]:
    return next((one for one in insights.results if one.get("operator_type") == kind), {})


def _json_cell(results: Sequence[Mapping[str, Any]]) -> str:
    text = harmless_json(json_text(with_measured_probabilities(results), indent=None))
    # An escape of JSON's: whoever reads the JSON reads the same words.
    return _FORMULA.sub(lambda found: f"{found['start']}{found['gap']}\\u{ord(found['sign']):04x}", text)


def cell(value: object, *, number: bool = False) -> str:
    """Write a value as a cell that no spreadsheet takes for a formula, and no terminal acts on.

    Args:
        number: whether it may be a phone number, which keeps its plus.
    """
    if isinstance(value, Decimal):
        return format(value, "f")
    if not isinstance(value, str) or (number and _NUMBER.fullmatch(value)):
        return "" if value is None else str(value)
    text = _FORMULA.sub(_as_text, value.replace("\r\n", "\n"))
    return re.sub(r"[^\n\t]+", lambda found: printable(found[0]), text)


def _as_text(formula: re.Match[str]) -> str:
    return f"{formula['start'] or ''}'{formula['gap'] or ''}{formula['sign'] or ''}"


def _row(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
