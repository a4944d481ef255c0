"""What came of one simulated call: as a document, as text, and as the exit status of `callscribe-sim call`.

It only reads the simulator's state, after the call.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any
from urllib.parse import urldefrag

from callscribe_tools.simulator.simulator import Simulator
from callscribe_tools.simulator.state import Exchange
from callscribe_tools.simulator.violations import SimulationError, UnmappedHostError, Violation

_NO_CONNECTION = "11205"
_NO_TWIML = frozenset({"11750", "12100", "12102", "12300"})


class Exit(IntEnum):
    """The exit statuses, apart from 2 for wrong usage, which is Typer's."""

    FINE = 0
    REFUSED = 1
    UNREACHABLE = 3
    INTERRUPTED = 130


def exit_of(simulator: Simulator, error: SimulationError | None, *, strict: bool) -> Exit:
    """Say how it ended; `error` is what stopped the simulation."""
    violations = simulator.violations
    if error is not None:
        return Exit.UNREACHABLE if isinstance(error, UnmappedHostError) else Exit.REFUSED
    if strict and violations:
        return Exit.UNREACHABLE if violations[0].code == _NO_CONNECTION else Exit.REFUSED
    documents = [one for one in simulator.state.exchanges if _kind(one) == "TwiML"]
    if not documents:
        return Exit.FINE
    last = documents[-1]
    if last.status is None and any(one.code == _NO_CONNECTION and _at(one) == last.url for one in violations):
        return Exit.UNREACHABLE
    # Nothing came after a document that Twilio could not use: the call could not go on.
    unusable = any(one.code in _NO_TWIML and _at(one) == last.url for one in violations)
    return Exit.REFUSED if unusable or not _succeeded(last) else Exit.FINE


def document(simulator: Simulator, error: SimulationError | None, exit_status: Exit) -> dict[str, Any]:
    """Build what `--json` prints."""
    state = simulator.state
    with state.lock:
        return {
            "calls": [
                {
                    "sid": call.sid,
                    "parent_call_sid": call.parent_call_sid,
                    "from": call.from_,
                    "to": call.to,
                    "status": call.status,
                    "seconds": call.seconds,
                    "said": list(call.said),
                }
                for call in state.calls.values()
            ],
            "recordings": [
                {
                    "sid": recording.sid,
                    "call_sid": recording.call_sid or None,
                    "source": recording.source,
                    "channels": recording.channels,
                    "seconds": round(recording.seconds, 1),
                    "status": recording.status,
                    "error_code": recording.error_code or None,
                }
                for recording in state.recordings.values()
            ],
            "requests": [
                {"kind": _kind(exchange), "url": exchange.url, "status": exchange.status}
                for exchange in state.exchanges
            ],
            "transcripts": [
                {
                    "sid": transcript.sid,
                    "recording_sid": transcript.source_sid,
                    "status": transcript.status,
                    "webhook_status": _webhook_status(state.exchanges, transcript.sid),
                }
                for transcript in state.transcripts.values()
            ],
            "faults": [
                {"kind": one.kind, "call_sid": one.call_sid, "began": _moment(one.began), "ended": _moment(one.ended)}
                for one in state.injected
            ],
            "violations": [
                {"code": one.code, "text": one.text, "where": one.where, "advice": one.advice, "count": count}
                for one, count in _counted(state.violations)
            ],
            "error": None if error is None else str(error),
            "exit_status": int(exit_status),
        }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def lines(told: dict[str, Any]) -> Iterator[str]:
    """Tell the document to people."""
    for call in told["calls"]:
        leg = "Call" if call["parent_call_sid"] is None else "Dialled"
        yield f"{leg} {call['sid']}: {call['from']} to {call['to']}, {call['status']}, {call['seconds']} s"
        yield from (f"  said: {text}" for text in call["said"])
    yield f"Recordings: {len(told['recordings'])}"
    for one in told["recordings"]:
        channels = "1 channel" if one["channels"] == 1 else f"{one['channels']} channels"
        code = f", error {one['error_code']}" if one["error_code"] else ""
        yield f"  {one['sid']}: {one['source']}, {channels}, {one['seconds']} s, {one['status']}{code}"
    yield f"Requests: {len(told['requests'])}"
    yield from (f"  {one['status'] or 'none'}  {one['kind']}: {one['url']}" for one in told["requests"])
    yield f"Transcripts: {len(told['transcripts'])}"
    for one in told["transcripts"]:
        answer = "no webhook" if one["webhook_status"] is None else f"webhook answered {one['webhook_status']}"
        yield f"  {one['sid']}: of {one['recording_sid']}, {one['status']}, {answer}"

    if told["faults"]:
        yield f"Gone wrong at Twilio: {', '.join(one['kind'] for one in told['faults'])}"


def violation_lines(violations: list[Violation]) -> Iterator[str]:
    """Tell what real Twilio would have refused or ignored, where, and what to do about it."""
    if violations:
        yield "Real Twilio would have refused or ignored:"
    for one, count in _counted(violations):
        yield f"  [{one.code}] {one.text}{f' ({count} times)' if count > 1 else ''}"
        yield f"    where:      {one.where}"
        yield f"    what to do: {one.advice}"


def _counted(violations: Iterable[Violation]) -> list[tuple[Violation, int]]:
    """Each violation once, with how often there was one; the same comes again with every call, under another query."""
    counts = Counter(replace(one, where=one.where.partition("?")[0]) for one in violations)
    return list(counts.items())


def _kind(exchange: Exchange) -> str:
    """Tell what a request was for, by the parameters that only its kind carries (Twilio docs, "Voice webhooks")."""
    if "transcript_sid" in exchange.params:
        return "Intelligence webhook"
    if "RecordingStatus" in exchange.params:
        return "recording callback"
    return "call status callback" if "CallDuration" in exchange.params else "TwiML"


def _webhook_status(exchanges: list[Exchange], transcript_sid: str) -> int | None:
    of_it = [one.status for one in exchanges if one.params.get("transcript_sid") == transcript_sid]
    return of_it[-1] if of_it else None


def _succeeded(exchange: Exchange) -> bool:
    return exchange.status is not None and 200 <= exchange.status < 300


def _at(violation: Violation) -> str:
    return urldefrag(violation.where).url
