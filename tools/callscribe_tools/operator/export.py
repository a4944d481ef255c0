"""Writes calls, one a line, as JSON or as CSV. Each is read by one Query, and held until it is written."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

from callscribe.adapters.items import StoredCall
from callscribe.adapters.table import CallTable
from callscribe.domain.transcript import Insights
from callscribe_tools import show
from callscribe_tools.operator.calls import Listed
from callscribe_tools.operator.printing import Tell
from callscribe_tools.operator.stored import current

SUMMARY, SENTIMENT = "text-generation", "conversation-classify"
"""Types of operator results that have columns of their own; the first of each is taken."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")

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


def _json_line(stored: StoredCall) -> str:
    # What `show` indents over many lines; it writes as numbers only what is one in binary too.
    document = json.loads(show.as_json(show.for_machines(stored)))
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _csv_lines(stored: StoredCall) -> Iterator[str]:
    """A line for each recording; a call without any has one too."""
    insights = {str(one.recording_sid): one for one in stored.insights}
    rows: Mapping[str, Mapping[str, Any]] = {str(sid): row for sid, row in stored.recordings.items()} or {"": {}}
    for sid, row in rows.items():
        cells = {**_of_call(stored), "recording_sid": sid}
        cells |= {name: row.get(name) for name in ("state", "reason", "channels")}
        yield _row([_cell((cells | _of_insights(insights.get(sid))).get(name)) for name in COLUMNS])


def _of_call(stored: StoredCall) -> dict[str, Any]:
    names = ("started", "from", "to", "direction", "seconds")
    return {"call_sid": stored.sid} | {name: (stored.call or {}).get(name) for name in names}


def _of_insights(insights: Insights | None) -> dict[str, Any]:
    if insights is None:
        return {}
    summary, sentiment = _first(insights, SUMMARY), _first(insights, SENTIMENT)
    written = summary.get("text_generation_results")
    return {
        "transcript_sid": insights.transcript.sid,
        "language": insights.transcript.language_code,
        "summary": _words(written.get("result") if isinstance(written, Mapping) else None),
        "sentiment": _words(sentiment.get("predicted_label")),
        "sentiment_probability": sentiment.get("predicted_probability"),
        "text": _words("\n".join(f"{insights.speaker(one)}: {one.text}" for one in insights.sentences)),
        "results": json.dumps(
            json.loads(show.as_json({"results": insights.results}))["results"], ensure_ascii=False, default=str
        ),
    }


def _first(insights: Insights, kind: str) -> Mapping[str, Any]:
    return next((one for one in insights.results if one.get("operator_type") == kind), {})


def _words(text: object) -> str:
    """What somebody has said, or an operator has made of it; never what a spreadsheet would take for a formula."""
    words = "" if text is None else str(text)
    return f"'{words}" if words.startswith(_FORMULA) else words


def _cell(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return "" if value is None else str(value)


def _row(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
