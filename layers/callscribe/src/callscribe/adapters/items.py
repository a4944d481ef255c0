"""The shapes of the table's items, and how sentences are packed into them. Pure; the table adapter's other half.

All items of a call share a partition. Sentences are stored as columns, compressed: an item for each sentence would
cost twenty times the write units.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

from boto3.dynamodb.types import DYNAMODB_CONTEXT

from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid
from callscribe.domain.transcript import Insights, Participant, Sentence, Transcript

CHUNK_BYTES = 350_000
"""Largest packed chunk. DynamoDB refuses items over 400 KB (DynamoDB quotas, "Item size")."""

SENTENCES_PER_CHUNK = 7_500
"""Sentences tried in one chunk first; about 50 bytes each when packed."""

DUE = "due"
"""The one partition of the index `by_due_at`: only unsettled recordings are in it."""


def call_key(call_sid: CallSid) -> dict[str, str]:
    """The key of a call's own item."""
    return {"pk": f"CALL#{call_sid}", "sk": "CALL"}


def recording_key(call_sid: CallSid, recording_sid: RecordingSid) -> dict[str, str]:
    """The key of a recording's item."""
    return {"pk": f"CALL#{call_sid}", "sk": f"RECORDING#{recording_sid}"}


def insights_key(call_sid: CallSid, transcript_sid: TranscriptSid) -> dict[str, str]:
    """The key of what the operators made of a transcript."""
    return {"pk": f"CALL#{call_sid}", "sk": f"TRANSCRIPT#{transcript_sid}"}


def sentences_key(call_sid: CallSid, transcript_sid: TranscriptSid, number: int) -> dict[str, str]:
    """The key of the chunk of sentences of that number, from 1."""
    return {"pk": f"CALL#{call_sid}", "sk": f"TRANSCRIPT#{transcript_sid}#{number:04}"}


def insights_item(insights: Insights, chunks: int, expires_at: int) -> dict[str, Any]:
    """The item of a transcript and its operator results."""
    transcript = insights.transcript
    return {
        **insights_key(insights.call_sid, transcript.sid),
        "status": transcript.status,
        "language": transcript.language_code,
        "service_sid": transcript.service_sid,
        "recording_sid": insights.recording_sid,
        "seconds": transcript.seconds,
        "participants": [one.model_dump(mode="json") for one in insights.participants],
        "results": [_storable(result) for result in insights.results],
        "chunks": chunks,
        "expires_at": expires_at,
    }


def _storable(value: Any) -> Any:
    """A value of JSON, with numbers that DynamoDB does not have (38 digits, 1e-130 to 1e126) as text."""
    match value:
        case dict():
            return {name: _storable(one) for name, one in value.items()}
        case list():
            return [_storable(one) for one in value]
        case bool():
            return value
        case int() | Decimal():
            try:
                DYNAMODB_CONTEXT.create_decimal(value)
            except ArithmeticError:
                return str(value)
    return value


def pack(sentences: Sequence[Sentence]) -> Iterator[bytes]:
    """Pack sentences into chunks of at most `CHUNK_BYTES`, none for no sentence."""
    pending = [
        sentences[start : start + SENTENCES_PER_CHUNK] for start in range(0, len(sentences), SENTENCES_PER_CHUNK)
    ]
    while pending:
        part = pending.pop(0)
        packed = _packed(part)
        if len(packed) <= CHUNK_BYTES or len(part) == 1:
            yield packed
        else:
            middle = len(part) // 2
            pending[:0] = [part[:middle], part[middle:]]


def _packed(sentences: Sequence[Sentence]) -> bytes:
    columns = {
        "index": [one.index for one in sentences],
        "channel": [one.channel for one in sentences],
        "start": [_text(one.start) for one in sentences],
        "end": [_text(one.end) for one in sentences],
        "confidence": [_text(one.confidence) for one in sentences],
        "text": [one.text for one in sentences],
    }
    return zlib.compress(json.dumps(columns, ensure_ascii=False, separators=(",", ":")).encode(), level=9)


def _text(number: Decimal | None) -> str | None:
    # As text, because JSON numbers would pass through binary floating point.
    return None if number is None else str(number)


def unpack(chunks: Iterable[bytes]) -> list[Sentence]:
    """Read the sentences of all chunks of a transcript, given in order."""
    sentences: list[Sentence] = []
    for chunk in chunks:
        columns: Mapping[str, list[Any]] = json.loads(zlib.decompress(chunk))
        rows = zip(*columns.values(), strict=True)
        sentences += [Sentence.model_validate(dict(zip(columns, row, strict=True))) for row in rows]
    return sentences


@dataclass(frozen=True, slots=True)
class StoredCall:
    """All that is stored of a call. `call` and `recordings` are items without their keys."""

    sid: CallSid
    call: Mapping[str, Any] | None
    recordings: Mapping[RecordingSid, Mapping[str, Any]]
    insights: Sequence[Insights]


def stored_call(call_sid: CallSid, rows: Iterable[Mapping[str, Any]]) -> StoredCall:
    """Sort the items of one partition, in the order of their keys, into what they say of the call."""
    call = None
    recordings = {}
    transcripts: dict[str, Mapping[str, Any]] = {}
    chunks: dict[str, list[bytes]] = {}
    for row in rows:
        kind, sid, number = [*row["sk"].split("#"), "", ""][:3]
        fields = {name: value for name, value in row.items() if name not in {"pk", "sk"}}
        match kind, number:
            case "CALL", _:
                call = fields
            case "RECORDING", _:
                recordings[RecordingSid(sid)] = fields
            case "TRANSCRIPT", "":
                transcripts[sid] = fields
            case "TRANSCRIPT", _:
                chunks.setdefault(sid, []).append(bytes(fields["packed"]))
    insights = [
        _insights(call_sid, TranscriptSid(sid), fields, chunks.get(sid, [])) for sid, fields in transcripts.items()
    ]
    return StoredCall(call_sid, call, recordings, insights)


def _insights(call_sid: CallSid, sid: TranscriptSid, fields: Mapping[str, Any], chunks: Iterable[bytes]) -> Insights:
    return Insights(
        call_sid=call_sid,
        recording_sid=fields["recording_sid"],
        transcript=Transcript(
            sid=sid,
            service_sid=fields["service_sid"],
            status=fields["status"],
            language_code=fields["language"],
            customer_key=call_sid,
            source_sid=fields["recording_sid"],
            seconds=fields["seconds"],
        ),
        participants=[Participant.model_validate(one) for one in fields["participants"]],
        # Packed anew, a transcript may have fewer chunks than it had.
        sentences=unpack(islice(chunks, int(fields["chunks"]))),
        results=fields["results"],
    )
