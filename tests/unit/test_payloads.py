"""What the workers read of Twilio's webhooks: what is readable, what is not, and what is of no kind we know."""

import json

import pytest

from callscribe.domain.errors import UnknownEventError, UnreadableError
from callscribe.edge.payloads import RecordingCallback, TranscriptWebhook

CALL = "CA" + "0" * 32
RECORDING = "RE" + "0" * 32
TRANSCRIPT = "GT" + "0" * 32
AVAILABLE = "voice_intelligence_transcript_available"


def recording_form(**fields: str) -> str:
    known = {"CallSid": CALL, "RecordingSid": RECORDING, "RecordingStatus": "completed"}
    return "&".join(f"{name}={value}" for name, value in (known | fields).items())


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("16101", 16101),
        ("0", None),
        ("", None),
        ("none", None),
        ("-1", None),
        ("1e3", None),
        ("9" * 5000, None),
        ("٣", None),
    ],
)
def test_an_error_code_is_a_number_or_none(told: str, code: int | None) -> None:
    assert RecordingCallback.from_form(recording_form(ErrorCode=told)).error_code == code


def test_without_an_error_code_there_is_none() -> None:
    assert RecordingCallback.from_form(recording_form()).error_code is None


@pytest.mark.parametrize(
    ("status", "has_ended"),
    [("completed", True), ("absent", True), ("failed", True), ("in-progress", False), ("of-2031", True)],
)
def test_a_recording_has_ended_unless_it_says_that_it_goes_on(status: str, *, has_ended: bool) -> None:
    assert RecordingCallback.from_form(recording_form(RecordingStatus=status)).has_ended is has_ended


@pytest.mark.parametrize(
    "body",
    [
        "CallSid=" + CALL,
        "CallSid=x&RecordingSidX=1",
        f"StreamSid=MZ1&StreamEvent=started&CallSid={CALL}",
    ],
)
def test_a_form_about_no_recording_is_an_unknown_event(body: str) -> None:
    with pytest.raises(UnknownEventError):
        RecordingCallback.from_form(body)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nothing that Twilio sends",
        "{}",
        f"CallSid={CALL}&RecordingStatus=completed",
        f"CallSid={CALL}&RecordingSid=&RecordingStatus=completed",
        f"CallSid={CALL}&RecordingSid=",
        f"CallSid={CALL}&RecordingStatus=",
        recording_form(RecordingSid="RE1"),
    ],
)
def test_a_form_about_a_recording_that_tells_too_little_is_unreadable(body: str) -> None:
    with pytest.raises(UnreadableError):
        RecordingCallback.from_form(body)


@pytest.mark.parametrize("event_type", [AVAILABLE, "of_2031", None])
def test_a_webhook_with_a_transcript_is_readable_whatever_its_type(event_type: str | None) -> None:
    body = json.dumps({"transcript_sid": TRANSCRIPT, "event_type": event_type})
    assert TranscriptWebhook.from_json(body).transcript_sid == TRANSCRIPT


@pytest.mark.parametrize(
    "fields", [{}, {"event_type": "of_2031"}, {"event_type": None}, {"event_type": [AVAILABLE]}, {"service_sid": "GA1"}]
)
def test_a_webhook_about_no_transcript_is_an_unknown_event(fields: dict[str, object]) -> None:
    with pytest.raises(UnknownEventError):
        TranscriptWebhook.from_json(json.dumps(fields))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[" * 60_000,
        "[]",
        '"transcript_sid"',
        "null",
        json.dumps({"event_type": AVAILABLE}),
        json.dumps({"transcript_sid": None, "event_type": "of_2031"}),
        json.dumps({"transcript_sid": "GT1"}),
        json.dumps({"transcript_sid": [TRANSCRIPT]}),
    ],
    ids=lambda body: body[:20],
)
def test_a_webhook_that_should_be_readable_and_is_not_is_unreadable(body: str) -> None:
    with pytest.raises(UnreadableError):
        TranscriptWebhook.from_json(body)


def test_an_unknown_event_tells_the_names_of_its_fields_in_their_order_and_no_values() -> None:
    with pytest.raises(UnknownEventError) as error:
        TranscriptWebhook.from_json('{"zeta":"a secret","alpha":1,"Media.Url-0":null}')
    assert str(error.value) == "an event of an unknown kind, with the fields Media.Url-0, alpha, zeta"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ('a"}\n{"level":"ERROR', "alevelERROR"),
        ("\x1b[31m日本", "31m"),
        ("+12025550142", "(none)"),
        ("+1 202 555 0142 from", "from"),
        ("x" * 1000, "x" * 40),
        ("", "(none)"),
    ],
)
def test_what_a_field_is_called_can_neither_forge_a_log_line_nor_be_a_number(name: str, told: str) -> None:
    assert str(UnknownEventError([name])).endswith(f"with the fields {told}")


def test_only_so_many_fields_are_told() -> None:
    told = str(UnknownEventError(f"key_{number}" for number in range(1000)))
    assert told.count("key_") == 20
    assert len(told) < 1000
