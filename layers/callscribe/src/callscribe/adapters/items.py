"""The shapes of the table's items, and how sentences are packed into them. Pure; the table adapter's other half.

All items of a call share a partition. Sentences are stored as columns, compressed: an item for each sentence would
cost twenty times the write units.
"""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from boto3.dynamodb.types import DYNAMODB_CONTEXT, TypeDeserializer, TypeSerializer

from callscribe.domain.call import Call
from callscribe.domain.recording import UNKNOWN, Recording
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid
from callscribe.domain.transcript import Insights, Participant, Sentence, Transcript

CHUNK_BYTES = 350_000
"""Largest packed chunk. DynamoDB refuses items over 400 KB (DynamoDB quotas, "Item size")."""

PLAIN_BYTES = 100_000
"""Operator results up to this size as JSON are stored as they are, for everyone to read; larger ones are packed."""

MOST_LEVELS = 28
"""Levels of an operator result. DynamoDB refuses more than 32 (DynamoDB quotas, "Nested attribute depth"), and the
results are in a list of an item."""

BY_DUE_AT = "by_due_at"

DUE = "due"
"""The partition of the index `by_due_at` that holds unsettled recordings."""

DUE_FOR_DELETION = "deletion"
"""The partition of the index `by_due_at` where the previous version put recordings to delete at Twilio."""

DUE_FOR_ATTENTION = "attention"
"""The partition of the index `by_due_at` that holds what a person should look at: see `needs_attention`."""

DUE_FOR_ERASURE = "erasure"
"""The partition of the index `by_due_at` that holds tombstones of calls whose erasure is not finished."""

ERASED = "erased"
"""The partition of the index `by_due_at` that holds tombstones of calls that are erased, by when they were."""

BY_DELETE_AT = "by_delete_at"

DELETION_DUE = "due"
"""The partition of the index `by_delete_at` that holds recordings to delete at Twilio."""

DELETION_REFUSED = "refused"
"""The partition of the index `by_delete_at` that holds recordings which Twilio has refused to delete."""

SWEEP_KEY = {"pk": "SWEEP", "sk": "SWEEP"}
"""The key of the item that tells up to when everything at Twilio has been compared with the table."""

SENT, REMEMBERED = "SENT#", "AGAIN#"
"""How the sort keys of the sweep's other items begin."""


def sent_key(sid: str) -> dict[str, str]:
    """The key of the note that the sweep has sent for something, by its SID."""
    return {"pk": SWEEP_KEY["pk"], "sk": f"{SENT}{sid}"}


def remembered_key(sid: str) -> dict[str, str]:
    """The key of the note that the sweep looks at a call or a transcript again, by its SID."""
    return {"pk": SWEEP_KEY["pk"], "sk": f"{REMEMBERED}{sid}"}


def call_key(call_sid: CallSid) -> dict[str, str]:
    """The key of a call's own item."""
    return {"pk": f"CALL#{call_sid}", "sk": "CALL"}


def recording_key(call_sid: CallSid, recording_sid: RecordingSid) -> dict[str, str]:
    """The key of a recording's item."""
    return {"pk": f"CALL#{call_sid}", "sk": f"RECORDING#{recording_sid}"}


def call_sid_of(row: Mapping[str, Any]) -> CallSid:
    """The call that an item is of."""
    return CallSid(row["pk"].removeprefix("CALL#"))


def recording_sid_of(row: Mapping[str, Any]) -> RecordingSid:
    """The recording that an item is about."""
    return RecordingSid(row["sk"].removeprefix("RECORDING#"))


def recording_of_row(row: Mapping[str, Any]) -> Recording:
    """The recording that an item is about, as far as the item, or its copy in an index, tells."""
    return Recording(
        sid=recording_sid_of(row),
        call_sid=call_sid_of(row),
        status=UNKNOWN,
        source=row.get("source", ""),
        channels=int(row.get("channels", 1)),
        started=None,
        seconds=None if row.get("seconds") is None else int(row["seconds"]),
    )


def call_of_row(row: Mapping[str, Any]) -> Call:
    """The call of a recording's row, as far as the row tells: when it began."""
    started = datetime.fromisoformat(row["started"])
    return Call(sid=call_sid_of(row), from_="", to="", direction="", started=started, seconds=None)


def budget_key(day: date) -> dict[str, str]:
    """The key of the minutes counted on a day, in UTC."""
    return {"pk": f"BUDGET#{day.isoformat()}", "sk": "BUDGET"}


def insights_key(call_sid: CallSid, transcript_sid: TranscriptSid) -> dict[str, str]:
    """The key of what the operators made of a transcript."""
    return {"pk": f"CALL#{call_sid}", "sk": f"TRANSCRIPT#{transcript_sid}"}


def chunk_key(call_sid: CallSid, transcript_sid: TranscriptSid, kind: str, number: int) -> dict[str, str]:
    """The key of the chunk of that number, from 1, of a transcript's "sentences" or "results"."""
    return {"pk": f"CALL#{call_sid}", "sk": f"TRANSCRIPT#{transcript_sid}#{kind}#{number:04}"}


def insights_items(insights: Insights, expires_at: int) -> Iterator[dict[str, Any]]:
    """The items of a transcript in the order they are to be written; the last says how many of the others count."""
    transcript = insights.transcript
    results = [_storable(result) for result in insights.results]
    # In DynamoDB's own notation, so that packed numbers read back as the very same.
    document = _json(TypeSerializer().serialize(results))
    plain = len(document) <= PLAIN_BYTES
    packed = {"sentences": pack(insights.sentences), "results": () if plain else _slices(document)}
    chunks = dict.fromkeys(packed, 0)
    for kind, parts in packed.items():
        for number, part in enumerate(parts, start=1):
            chunks[kind] = number
            yield {
                **chunk_key(insights.call_sid, transcript.sid, kind, number),
                "packed": part,
                "expires_at": expires_at,
            }
    yield {
        **insights_key(insights.call_sid, transcript.sid),
        "status": transcript.status,
        "language": transcript.language_code,
        "service_sid": transcript.service_sid,
        "recording_sid": insights.recording_sid,
        "seconds": transcript.seconds,
        "redaction": transcript.redaction,
        "participants": [one.model_dump(mode="json") for one in insights.participants],
        "results": results if plain else [],
        "chunks": chunks,
        "expires_at": expires_at,
        **({"missing_operators": list(insights.missing_operators)} if insights.missing_operators else {}),
    }


def _storable(value: Any, levels: int = MOST_LEVELS) -> Any:
    """A value of JSON as DynamoDB can store it.

    Numbers that it does not have (38 digits, 1e-130 to 1e126, all finite) become text, and so does what is nested
    deeper than `levels`.
    """
    match value:
        case dict() | list() if levels == 0:
            return _whole(json.dumps(value, ensure_ascii=False, default=str))
        case dict():
            return {_whole(name): _storable(member, levels - 1) for name, member in value.items()}
        case list():
            return [_storable(member, levels - 1) for member in value]
        case str():
            return _whole(value)
        case bool():
            return value
        case int() | Decimal():
            try:
                stored = DYNAMODB_CONTEXT.create_decimal(value)
            except ArithmeticError:
                return str(Decimal(value))
            return value if stored.is_finite() else str(value)
    return value


def pack(sentences: Sequence[Sentence]) -> Iterator[bytes]:
    """Pack sentences into chunks of at most `CHUNK_BYTES`, none for no sentence."""
    if not sentences:
        return
    columns = {
        "index": [one.index for one in sentences],
        "channel": [one.channel for one in sentences],
        "start": [_text(one.start) for one in sentences],
        "end": [_text(one.end) for one in sentences],
        "confidence": [_text(one.confidence) for one in sentences],
        "text": [_whole(one.text) for one in sentences],
    }
    yield from _slices(_json(columns))


def unpack(chunks: Iterable[bytes]) -> list[Sentence]:
    """Read the sentences out of all chunks of a transcript, given in order."""
    columns: Mapping[str, list[Any]] = _joined(chunks) or {}
    rows = zip(*columns.values(), strict=True)
    return [Sentence.model_validate(dict(zip(columns, row, strict=True))) for row in rows]


def _whole(text: str) -> str:
    """Text without halves of characters, which Twilio may leave where it cuts, and nothing can encode."""
    return text.encode(errors="replace").decode()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _slices(document: bytes) -> Iterator[bytes]:
    packed = zlib.compress(document, level=9)
    yield from (packed[start : start + CHUNK_BYTES] for start in range(0, len(packed), CHUNK_BYTES))


def _joined(slices: Iterable[bytes]) -> Any:
    """The document that was cut into these slices; None for no slice."""
    packed = b"".join(slices)
    return json.loads(zlib.decompress(packed)) if packed else None


def _text(number: Decimal | None) -> str | None:
    # As text, because JSON numbers would pass through binary floating point.
    return None if number is None else str(number)


@dataclass(frozen=True, slots=True)
class StoredCall:
    """All that is stored of a call. `call` and `recordings` are items without their keys.

    Of a call that was erased, at `erased_at`, there is neither a call nor insights.
    """

    sid: CallSid
    call: Mapping[str, Any] | None
    recordings: Mapping[RecordingSid, Mapping[str, Any]]
    insights: Sequence[Insights]
    erased_at: datetime | None = None


def stored_call(call_sid: CallSid, rows: Iterable[Mapping[str, Any]]) -> StoredCall:
    """Sort the items of one partition, in the order of their keys, into what they say of the call."""
    call = erased_at = None
    recordings = {}
    transcripts: dict[str, Mapping[str, Any]] = {}
    chunks: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for row in rows:
        kind, sid, part = [*row["sk"].split("#"), "", ""][:3]
        fields = {name: value for name, value in row.items() if name not in {"pk", "sk"}}
        match kind, part:
            case "CALL", _ if "erased_at" in fields:
                erased_at = datetime.fromisoformat(fields["erased_at"])
            case "CALL", _:
                call = fields
            case "RECORDING", _:
                recordings[RecordingSid(sid)] = fields
            case "TRANSCRIPT", "":
                transcripts[sid] = fields
            case "TRANSCRIPT", _:
                chunks[sid, part].append(bytes(fields["packed"]))
    insights = [
        _insights(call_sid, TranscriptSid(sid), fields, chunks[sid, "sentences"], chunks[sid, "results"])
        for sid, fields in transcripts.items()
    ]
    return StoredCall(call_sid, call, recordings, insights, erased_at)


def _insights(
    call_sid: CallSid,
    sid: TranscriptSid,
    fields: Mapping[str, Any],
    sentences: Iterable[bytes],
    results: Iterable[bytes],
) -> Insights:
    # Written anew, a transcript may have fewer chunks than it had.
    counts = fields["chunks"]
    packed_results = _joined(islice(results, int(counts["results"])))
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
            redaction=fields["redaction"],
        ),
        participants=[Participant.model_validate(one) for one in fields["participants"]],
        sentences=unpack(islice(sentences, int(counts["sentences"]))),
        results=TypeDeserializer().deserialize(packed_results) if packed_results else fields["results"],
        missing_operators=fields.get("missing_operators", ()),
    )
