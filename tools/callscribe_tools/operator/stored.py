"""A stored call as `callscribe show` tells it: who, when, what became of each recording, who said what."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from callscribe.adapters.dynamodb import iso, moment_of
from callscribe.adapters.items import StoredCall
from callscribe.domain.recording import State
from callscribe.domain.transcript import Insights, Sentence
from callscribe_tools import show
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.next_step import NextStep, next_step
from callscribe_tools.words import quantity

# A recording's moments by their attributes; those that are no states come after a state.
_MOMENTS = {**{f"{state}_at": str(state) for state in State}, "repaired_at": "repaired", "deleted_at": "deleted"}


def current(stored: StoredCall) -> StoredCall:
    """The call with those insights only whose transcript is the one that its recording's row names.

    Of an earlier transcript, or of one that is still being written, nothing is to be told.
    """
    rows = stored.recordings
    return replace(
        stored,
        insights=[one for one in stored.insights if _transcript(rows.get(one.recording_sid)) == one.transcript.sid],
    )


def is_known(stored: StoredCall) -> bool:
    """Whether there is anything of the call, be it that it was erased."""
    return bool(stored.call or stored.recordings or stored.erased_at)


def next_steps(environment: Environment, stored: StoredCall) -> dict[str, NextStep]:
    """Say what to do about each recording of the call that failed or was skipped, by the recording's SID."""
    steps = {str(sid): next_step(environment, stored.sid, row) for sid, row in stored.recordings.items()}
    return {sid: step for sid, step in steps.items() if step}


def for_people(
    stored: StoredCall, zone: ZoneInfo, steps: Mapping[str, NextStep], names: Mapping[str, str]
) -> Iterator[str]:
    """The call, line by line, with its moments in the time zone and what to do about its recordings.

    Args:
        stored: the call.
        zone: the time zone of the moments.
        steps: what to do, by the SIDs of recordings.
        names: the names of operators by their SIDs, as far as they are known.
    """
    yield f"Call {stored.sid}"
    if stored.erased_at:
        yield f"  erased   {_local(stored.erased_at, zone)}"
    else:
        yield from _head(stored.call or {}, zone)
    for sid, row in stored.recordings.items():
        yield from _recording(sid, row, zone)
        if sid in steps:
            yield f"  What to do: {steps[sid].what_to_do}"
    for insights in stored.insights:
        yield ""
        count = quantity(len(insights.sentences), "sentence")
        yield f"Transcript {insights.transcript.sid}: {insights.transcript.status}, {count}"
        yield from (_line(insights, one) for one in insights.sentences)
        yield ""
        yield from show.results_for_people(insights.results)
        if insights.missing_operators:
            yield ""
            missing = [f"{names[sid]} ({sid})" if sid in names else sid for sid in insights.missing_operators]
            yield f"No result was given by: {', '.join(missing)}"


def for_machines(stored: StoredCall, steps: Mapping[str, NextStep]) -> dict[str, Any]:
    """The call as a document for `json_numbers.json_text`."""
    document = show.for_machines(stored)
    recordings = {sid: {**row, **_step(steps.get(sid))} for sid, row in document["recordings"].items()}
    erased_at = iso(stored.erased_at) if stored.erased_at else None
    return {**document, "recordings": recordings, "erased_at": erased_at}


def _step(step: NextStep | None) -> dict[str, str | None]:
    return {"what_to_do": step.what_to_do if step else None, "command": step.command if step else None}


def _transcript(row: Mapping[str, Any] | None) -> str | None:
    return row.get("transcript") if row else None


def _head(call: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    started = call.get("started")
    yield f"  from     {show.shown(call.get('from', '?'))}"
    yield f"  to       {show.shown(call.get('to', '?'))}"
    yield f"  started  {_local(datetime.fromisoformat(started), zone) if started else '?'}"
    yield f"  lasted   {call.get('seconds', '?')} s"


def _recording(sid: str, row: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    reason = f" ({row['reason']})" if row.get("reason") else ""
    channels = f", {quantity(int(row['channels']), 'channel')}" if "channels" in row else ""
    yield f"Recording {sid}: {row['state']}{reason}{channels}"
    # Moments are whole seconds, in which more than one state may fall: then their order is that of the states.
    moments = [(datetime.fromisoformat(row[name]), told) for name, told in _MOMENTS.items() if name in row]
    for moment, told in sorted(moments, key=lambda one: one[0]):
        yield f"  {_local(moment, zone)}  {told}"
    if "delete_at" in row:
        yield f"  {_local(moment_of(row['delete_at']), zone)}  to be deleted at Twilio"


def _line(insights: Insights, sentence: Sentence) -> str:
    return f"  {_clock(sentence)}  {insights.speaker(sentence)}: {sentence.text}"


def _clock(sentence: Sentence) -> str:
    if sentence.start is None:
        return "    ?"
    minutes, seconds = divmod(int(sentence.start), 60)
    return f"{minutes:02}:{seconds:02}"


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
