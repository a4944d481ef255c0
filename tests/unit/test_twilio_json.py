"""Twilio's resources, as documented and otherwise, become what the domain knows, or an error that quotes nothing."""

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from callscribe.adapters.twilio_json import (
    call_of,
    configuration_of,
    participant_json,
    recording_of,
    sentence_of,
    transcript_of,
)
from callscribe.domain.errors import UnreadableError
from callscribe.domain.transcript import Participant, Role, Sentence, made_by
from harness.seeded import CALL_SID, RECORDING_SID, TRANSCRIPT_SID
from harness.stack import CALLER, NUMBER, SERVICE_SID

QUOTED = "what-a-caller-said"
CALL = {
    "sid": CALL_SID,
    "from": CALLER,
    "to": NUMBER,
    "direction": "inbound",
    "status": "completed",
    "duration": "21",
    "start_time": "Fri, 20 Nov 2026 09:00:00 +0000",
}
RECORDING = {
    "sid": RECORDING_SID,
    "call_sid": CALL_SID,
    "status": "completed",
    "source": "DialVerb",
    "channels": 2,
    "duration": "61",
    "start_time": "Fri, 20 Nov 2026 09:00:05 +0000",
    "error_code": None,
}
TRANSCRIPT = {
    "sid": TRANSCRIPT_SID,
    "service_sid": SERVICE_SID,
    "status": "completed",
    "language_code": "en-US",
    "customer_key": CALL_SID,
    "channel": {"media_properties": {"source_sid": RECORDING_SID}},
    "duration": 61,
    "redaction": True,
    "date_created": "2026-11-20T09:01:00Z",
}


def test_a_call_is_read() -> None:
    call = call_of("reading", CALL)
    assert (call.sid, call.from_, call.to, call.direction, call.seconds) == (CALL_SID, CALLER, NUMBER, "inbound", 21)
    assert call.started == datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"status": "in-progress", "duration": "0"}, None),
        ({"status": "in-progress", "duration": None}, None),
        ({"status": "completed", "duration": None}, None),
        ({"status": "completed", "duration": "0"}, 0),
        ({"status": "completed", "duration": 7}, 7),
        ({"status": "completed", "duration": "", "end_time": "Fri, 20 Nov 2026 09:00:30 +0000"}, 30),
        ({"status": "completed", "duration": None, "date_updated": "Fri, 20 Nov 2026 09:00:31 +0000"}, 31),
        ({"status": "completed", "duration": "-5", "end_time": "Fri, 20 Nov 2026 08:00:00 +0000"}, 0),
        ({"status": "completed", "duration": "Infinity"}, None),
        ({"status": "no-answer", "duration": "x"}, 0),
        ({"status": ["completed"], "duration": "21"}, None),
        ({"status": None, "duration": "21"}, None),
    ],
)
def test_a_call_has_a_length_once_it_is_over(fields: dict[str, Any], seconds: int | None) -> None:
    assert call_of("reading", CALL | fields).seconds == seconds


@pytest.mark.parametrize("fields", [{"from": None, "to": None, "direction": None}, {"from": "", "to": ""}])
def test_a_withheld_number_is_an_empty_one(fields: dict[str, Any]) -> None:
    call = call_of("reading", CALL | fields)
    assert (call.from_, call.to) == ("", "")


@pytest.mark.parametrize("odd", [None, "", "yesterday", 5, "Fri, 20 Nov 2301 09:00:00 +0000", ["x"]])
def test_a_call_without_a_start_began_when_it_was_made(odd: Any) -> None:
    made = {"date_created": "Fri, 20 Nov 2026 08:59:58 +0000"}
    assert call_of("reading", CALL | made | {"start_time": odd}).started == datetime(
        2026, 11, 20, 8, 59, 58, tzinfo=UTC
    )
    before = datetime.now(UTC)
    assert before <= call_of("reading", CALL | {"start_time": odd}).started <= datetime.now(UTC)


def test_a_recording_is_read() -> None:
    recording = recording_of("reading", RECORDING)
    assert (recording.sid, recording.call_sid) == (RECORDING_SID, CALL_SID)
    assert (recording.status, recording.source, recording.channels) == ("completed", "DialVerb", 2)
    assert (recording.seconds, recording.error_code) == (61, None)
    assert recording.started == datetime(2026, 11, 20, 9, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"duration": "-1"}, {"seconds": None}),
        ({"duration": None}, {"seconds": None}),
        ({"duration": "0"}, {"seconds": 0}),
        ({"duration": 5}, {"seconds": 5}),
        ({"duration": 0}, {"seconds": 0}),
        ({"source": None}, {"source": ""}),
        ({"start_time": "Fri, 20 Nov 2026 09:00:05 -0000"}, {"started": None}),
        ({"channels": None}, {"channels": 1}),
        ({"channels": "2"}, {"channels": 2}),
        ({"start_time": None}, {"started": None}),
        ({"start_time": ""}, {"started": None}),
        ({"start_time": "yesterday"}, {"started": None}),
        ({"error_code": 16101}, {"error_code": 16101}),
        ({"error_code": "16104"}, {"error_code": 16104}),
        ({"error_code": 0}, {"error_code": None}),
        ({"error_code": "0"}, {"error_code": None}),
        ({"error_code": QUOTED}, {"error_code": None}),
        ({"error_code": 10**50}, {"error_code": None}),
        ({"error_code": True}, {"error_code": None}),
        ({"channels": QUOTED}, {"channels": 1}),
        ({"channels": True}, {"channels": 1}),
        ({"channels": 7}, {"channels": 1}),
        ({"channels": -2}, {"channels": 1}),
        ({"source": {"x": 1}}, {"source": ""}),
        ({"source": "\ud800"}, {"source": "?"}),
        ({"duration": "61.9"}, {"seconds": 61}),
        ({"duration": "-1"}, {"seconds": None, "unfinished": True}),
        ({"duration": None}, {"seconds": None, "unfinished": True}),
        ({"duration": ""}, {"seconds": None, "unfinished": False, "minutes": 1}),
        ({"duration": QUOTED}, {"seconds": None, "unfinished": False}),
        ({"duration": {"x": 1}}, {"seconds": None, "unfinished": False}),
        ({"duration": "NaN"}, {"seconds": None, "unfinished": False}),
        ({"duration": 10**50}, {"seconds": None, "unfinished": False}),
        ({"duration": "-7"}, {"seconds": None, "unfinished": False}),
        ({"duration": "", "status": "processing"}, {"unfinished": True}),
    ],
)
def test_what_a_recording_may_lack(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    recording = recording_of("reading", RECORDING | fields)
    assert {name: getattr(recording, name) for name in expected} == expected


def test_a_transcript_is_read() -> None:
    transcript = transcript_of("reading", TRANSCRIPT)
    assert (transcript.sid, transcript.service_sid, transcript.source_sid) == (
        TRANSCRIPT_SID,
        SERVICE_SID,
        RECORDING_SID,
    )
    assert (transcript.status, transcript.language_code, transcript.seconds) == ("completed", "en-US", Decimal(61))
    assert (transcript.redaction, transcript.created) == (True, datetime(2026, 11, 20, 9, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "channel", [None, {}, [], "x", 1, {"media_properties": None}, {"media_properties": {}}, {"media_properties": [1]}]
)
def test_a_transcript_need_not_tell_its_recording(channel: Any) -> None:
    assert transcript_of("reading", TRANSCRIPT | {"channel": channel}).source_sid is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"language_code": 5}, {"language_code": "5"}),
        ({"language_code": ["en-US"]}, {"language_code": None}),
        ({"customer_key": {"x": 1}}, {"customer_key": None, "call_sid": None}),
        ({"customer_key": 7}, {"call_sid": None}),
        ({"duration": QUOTED}, {"seconds": None}),
        ({"duration": "61.5"}, {"seconds": Decimal("61.5")}),
        ({"duration": Decimal("1e400")}, {"seconds": None}),
        ({"duration": Decimal("1e-400")}, {"seconds": None}),
        ({"duration": Decimal("0." + "1" * 60)}, {"seconds": None}),
        ({"duration": True}, {"seconds": None}),
        ({"redaction": "true"}, {"redaction": True}),
        ({"redaction": "False"}, {"redaction": False}),
        ({"redaction": 1}, {"redaction": None}),
        ({"redaction": QUOTED}, {"redaction": None}),
        ({"redaction": []}, {"redaction": None}),
        ({"channel": {"media_properties": {"source_sid": QUOTED}}}, {"source_sid": None}),
        ({"date_created": "9999-12-31T23:59:59-23:00"}, {"created": None}),
        ({"date_created": "0001-01-01T00:00:00+23:00"}, {"created": None}),
        ({"date_created": 1795867747}, {"created": None}),
    ],
)
def test_an_odd_field_costs_a_transcript_that_field(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    transcript = transcript_of("reading", TRANSCRIPT | fields)
    assert {name: getattr(transcript, name) for name in expected} == expected


SENTENCE = {
    "sentence_index": 3,
    "media_channel": 1,
    "start_time": "1.50",
    "end_time": "2.25",
    "confidence": "0.95",
    "transcript": "I cannot log in.",
}


def of(name: str, attribute: str, read_as: object, odd: list[Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Odd values of a field of Twilio's, and what each is read as."""
    return [({name: value}, {attribute: read_as}) for value in odd]


def test_a_sentence_is_read() -> None:
    assert sentence_of(0, SENTENCE) == Sentence(
        index=3,
        channel=1,
        start=Decimal("1.50"),
        end=Decimal("2.25"),
        confidence=Decimal("0.95"),
        text="I cannot log in.",
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        *of("sentence_index", "index", 7, [None, "", "x", "NaN", -1, Decimal("1.5"), True, [3], 10**50]),
        ({"sentence_index": "3"}, {"index": 3}),
        ({"sentence_index": Decimal("3.0")}, {"index": 3}),
        *of("media_channel", "channel", None, [None, "", "left", 0, -1, True, {}, "Infinity", 10**9]),
        ({"media_channel": "2"}, {"channel": 2}),
        *of("confidence", "confidence", None, [None, "", "NaN", "Infinity", "-0.1", 2, True, [], "1e400"]),
        ({"confidence": Decimal("1")}, {"confidence": Decimal(1)}),
        *of("start_time", "start", None, [None, "", "nan", "1e400", -3, True, {"s": 1}, "00:01", "9" * 5000]),
        ({"end_time": 2}, {"end": Decimal(2)}),
        *of("transcript", "text", "", [None, "", [], {"text": "x"}, True]),
        ({"transcript": 42}, {"text": "42"}),
        ({"transcript": "half \ud83d"}, {"text": "half ?"}),
    ],
)
def test_an_odd_field_costs_a_sentence_that_field(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    sentence = sentence_of(7, SENTENCE | fields)
    assert sentence == sentence_of(7, SENTENCE).model_copy(update=expected)


def test_nothing_of_a_sentence_is_needed() -> None:
    assert sentence_of(4, {}) == Sentence(index=4, channel=None, text="")


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**301)
    | st.decimals()
    | st.text()
    | st.text(st.characters(categories=["Cs"]))
    | st.sampled_from(["NaN", "-Infinity", "1e400", "-1", "2026-11-20T09:00:00Z", "9999-12-31T23:59:59+00:00", "sNaN"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_no_value_of_a_field_that_is_not_needed_costs_the_resource(data: st.DataObject) -> None:
    """And what is read of it can be stored."""
    read: Any
    for read, fields, needed in (
        (call_of, CALL | {"date_created": None, "end_time": None}, {"sid"}),
        (recording_of, RECORDING, {"sid", "call_sid", "status"}),
        (transcript_of, TRANSCRIPT | {"date_updated": None}, {"sid", "service_sid", "status"}),
        (lambda _, sentence: sentence_of(0, sentence), SENTENCE, set()),
    ):
        odd = {name: data.draw(JSON_VALUES) for name in fields if name not in needed}
        found = read("reading", fields | odd)
        values = found.model_dump() if isinstance(found, BaseModel) else asdict(found)
        for value in values.values():
            if isinstance(value, datetime):
                assert (value.astimezone(UTC) + timedelta(days=3650)).year < 2300
            else:
                TypeSerializer().serialize(value)
                json.dumps(value, default=str).encode()


@pytest.mark.parametrize("name", ["channel", "language_code", "customer_key", "duration", "redaction", "date_created"])
def test_a_transcript_is_read_without_what_is_not_needed(name: str) -> None:
    transcript = transcript_of("reading", {key: value for key, value in TRANSCRIPT.items() if key != name})
    assert (transcript.sid, transcript.status) == (TRANSCRIPT_SID, "completed")


@pytest.mark.parametrize(
    ("read", "fields", "field"),
    [
        (call_of, CALL | {"sid": QUOTED}, "sid"),
        (call_of, CALL | {"sid": None}, "sid"),
        (call_of, {}, "sid"),
        (recording_of, RECORDING | {"sid": QUOTED}, "sid"),
        (recording_of, RECORDING | {"call_sid": QUOTED}, "call_sid"),
        (recording_of, RECORDING | {"status": None}, "status"),
        (recording_of, RECORDING | {"status": [QUOTED]}, "status"),
        (recording_of, {}, "sid"),
        (transcript_of, TRANSCRIPT | {"sid": QUOTED}, "sid"),
        (transcript_of, TRANSCRIPT | {"service_sid": QUOTED}, "service_sid"),
        (transcript_of, TRANSCRIPT | {"status": [QUOTED]}, "status"),
        (transcript_of, {}, "sid"),
    ],
)
def test_what_cannot_be_read_is_named_and_not_quoted(read: Any, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(UnreadableError, match=field) as refusal:
        read("reading it", fields)
    assert str(refusal.value).startswith("reading it: ")
    assert QUOTED not in str(refusal.value) + repr(refusal.value.__cause__)


@pytest.mark.parametrize("told", [QUOTED, "", None, 1, "2026-11-20T09:01:00", ["2026-11-20T09:01:00Z"]])
def test_a_moment_nobody_can_read_is_an_unknown_one(told: Any) -> None:
    assert transcript_of("reading", TRANSCRIPT | {"date_created": told}).created is None
    assert configuration_of({"version": 7, "date_updated": told}).changed is None


@pytest.mark.parametrize("told", [QUOTED, "7", None, 7.5, [7]])
def test_a_version_nobody_can_read_is_an_unknown_one(told: Any) -> None:
    assert configuration_of({"version": told, "date_updated": "2026-11-20T09:00:00Z"}).version is None


def operator(config: str, operator_type: str = "GenerativeJSON") -> str | None:
    fields = json.loads(config, parse_float=Decimal)
    return configuration_of({"operator_type": operator_type, "config": fields, "version": 1}).sha256


def test_the_same_configuration_in_another_order_has_the_same_hash() -> None:
    one = '{"prompt": "Say what.", "json_result_schema": {"type": "object", "properties": {"a": 1, "b": 0.10}}}'
    other = '{"json_result_schema": {"properties": {"b": 0.10, "a": 1}, "type": "object"}, "prompt": "Say what."}'
    assert operator(one) == operator(other)
    assert operator(one) != operator(one.replace("what", "why"))
    assert operator(one) != operator(one, operator_type="Generative")
    assert operator('{"examples": ["a", "b"]}') != operator('{"examples": ["b", "a"]}')


def test_a_hash_can_be_computed_by_anybody() -> None:
    written = json.dumps(["Generative", {"a": "ä", "b": 1}], sort_keys=True)
    assert operator('{"b": 1, "a": "ä"}', "Generative") == hashlib.sha256(written.encode()).hexdigest()


def test_a_service_has_a_version_and_no_hash() -> None:
    service = configuration_of({"version": 7, "date_updated": "2026-11-20T09:00:00Z"})
    assert (service.version, service.sha256) == (7, None)
    assert service.was_in_force(transcript_of("reading", TRANSCRIPT))


@pytest.mark.parametrize(
    ("changed", "created", "known"),
    [
        ("2026-11-20T09:00:59Z", "2026-11-20T09:01:00Z", True),
        ("2026-11-20T09:01:00Z", "2026-11-20T09:01:00Z", True),
        ("2026-11-20T09:01:01Z", "2026-11-20T09:01:00Z", False),
        (None, "2026-11-20T09:01:00Z", False),
        ("2026-11-20T09:00:59Z", None, False),
    ],
)
def test_only_a_configuration_not_changed_since_is_known_to_have_made_a_result(
    changed: str | None,
    created: str | None,
    known: bool,  # noqa: FBT001 (a table)
) -> None:
    transcript = transcript_of("reading", TRANSCRIPT | {"date_created": created})
    service = configuration_of({"version": 7, "date_updated": changed})
    fields = {"operator_type": "json", "config": {"prompt": "x"}, "version": 3, "date_updated": changed}
    made = configuration_of(fields)
    told = made_by({"operator_sid": "LY1", "name": "a"}, transcript, service, {"LY1": made})
    assert told == {
        "operator_sid": "LY1",
        "name": "a",
        "made_by": {
            "service_version": 7 if known else None,
            "operator_version": 3 if known else None,
            "configuration_sha256": made.sha256 if known else None,
        },
    }


@pytest.mark.parametrize("fields", [{}, {"operator_sid": None}, {"operator_sid": "LY2"}, {"operator_sid": ["LY1"]}])
def test_a_result_of_no_known_operator_is_not_ascribed_to_one(fields: dict[str, Any]) -> None:
    transcript = transcript_of("reading", TRANSCRIPT)
    service = configuration_of({"version": 7, "date_updated": "2026-11-20T09:00:00Z"})
    told = made_by(fields, transcript, service, {"LY1": service})["made_by"]
    assert told == {"service_version": 7, "operator_version": None, "configuration_sha256": None}


def test_twilio_is_told_the_role_of_a_participant_and_never_the_number() -> None:
    customer = Participant(channel=1, role=Role.CUSTOMER, number=CALLER, known_from="call")
    assert participant_json(customer) == {"channel_participant": 1, "role": "Customer"}
