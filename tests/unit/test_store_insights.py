"""What Conversational Intelligence made of a call is stored whole, once, whatever comes first."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from callscribe.domain.transcript import Role
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Call, Recording, Simulator
from harness.answers import answer, recover
from harness.emf import metrics_in
from harness.events import load_event, sqs_event
from harness.loopback import answering
from harness.seeded import CALL_SID, RECORDING_SID, TRANSCRIPT_SID
from harness.stack import CALLER, NUMBER, SERVICE_SID, Stack
from harness.workers import DONE, RESULTS, SENTENCES, Event, comes_back, page, row, webhook_of

ODD_PAGES = (
    "[]",
    "{}",
    '{"meta": {"key": "rows"}}',
    '{"meta": {"key": "x", "next_page_url": null}}',
)
OUTBOUND_CALL = json.dumps(
    {
        "sid": CALL_SID,
        "from": NUMBER,
        "to": CALLER,
        "direction": "outbound-api",
        "status": "completed",
        "duration": "21",
        "start_time": "Fri, 20 Nov 2026 09:00:00 +0000",
    }
)


def test_everything_is_stored(stack: Stack, call: Call, dual: Recording, twilio: Simulator, webhook: Event) -> None:
    assert stack.invoke("store_insights", webhook) == DONE
    (insights,) = stack.read(call.sid).insights
    (sid,) = twilio.state.transcripts
    transcript = insights.transcript
    assert (transcript.sid, transcript.status, transcript.language_code) == (sid, "completed", "en-US")
    assert (transcript.service_sid, transcript.source_sid) == (SERVICE_SID, dual.sid)
    assert transcript.seconds == dual.duration
    assert [(one.channel, one.role, one.number) for one in insights.participants] == [
        (1, Role.CUSTOMER, CALLER),
        (2, Role.AGENT, NUMBER),
    ]
    (sentence,) = insights.sentences
    assert (sentence.text, insights.speaker(sentence)) == ("We cannot log in to your account system.", Role.CUSTOMER)
    assert (sentence.start, sentence.end, sentence.confidence) == (Decimal(1), Decimal(4), Decimal("0.95"))
    assert row(stack)["state"] == "stored"
    assert row(stack)["transcript"] == sid
    assert row(stack).keys().isdisjoint({"due", "due_at"})


def test_the_event_of_a_stored_call_goes_out(transcribed: Stack) -> None:
    transcribed.invoke("store_insights", webhook_of())
    (event,) = transcribed.announced()
    assert (event["source"], event["detail-type"]) == ("callscribe", "CallStored")
    assert event["detail"] == {
        "id": TRANSCRIPT_SID,
        "call_sid": CALL_SID,
        "recording_sid": RECORDING_SID,
        "transcript_sid": TRANSCRIPT_SID,
    }


@pytest.mark.parametrize(
    "refusal",
    [(503, "{}"), (200, '{"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}')],
    ids=["the bus fails", "the bus takes nothing"],
)
def test_a_call_that_could_not_be_announced_is_not_stored_and_comes_back(
    refusal: tuple[int, str], transcribed: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(refusal) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", url)
        assert transcribed.invoke("store_insights", webhook_of()) == comes_back(webhook_of())
    assert transcribed.recordings() == []
    assert transcribed.queued() == {}


def test_a_webhook_delivered_twice_leaves_the_same_table(stack: Stack, webhook: Event) -> None:
    stack.invoke("store_insights", webhook)
    before = stack.items()
    assert stack.invoke("store_insights", webhook) == DONE
    clock = {"stored_at"}
    assert [{k: v for k, v in item.items() if k not in clock} for item in stack.items()] == [
        {k: v for k, v in item.items() if k not in clock} for item in before
    ]


def test_a_webhook_before_the_callback_stores_all_the_same_and_the_late_callback_changes_nothing(
    transcribed: Stack, twilio: Simulator
) -> None:
    assert transcribed.invoke("store_insights", load_event("store_insights", "transcript_available")) == DONE
    assert row(transcribed)["state"] == "stored"
    before = transcribed.items()
    made = set(twilio.state.transcripts)
    assert transcribed.invoke("request_transcript", load_event("request_transcript", "completed")) == DONE
    assert transcribed.items() == before
    assert set(twilio.state.transcripts) == made


def test_a_transcript_that_was_asked_for_under_an_earlier_service_is_stored(
    seeded: Stack, twilio: Simulator, twilio_url: str
) -> None:
    seeded.invoke("request_transcript", load_event("request_transcript", "completed"))
    (sid,) = twilio.state.transcripts
    twilio.complete_transcripts()
    other = {NUMBER: {"service_sid": "GA" + "9" * 32}}
    seeded.write_settings(settings_document(twilio.account, twilio_url) | {"numbers": other})
    assert seeded.invoke("store_insights", webhook_of(sid)) == DONE
    assert row(seeded)["state"] == "stored"


def test_a_transcript_of_a_foreign_service_is_ignored(transcribed: Stack) -> None:
    assert transcribed.invoke("store_insights", load_event("store_insights", "foreign_service")) == DONE
    assert transcribed.items() == []
    assert transcribed.announced() == []


@pytest.mark.parametrize("status", ["queued", "in-progress", "new", "a status of tomorrow"])
def test_a_transcript_that_is_not_completed_yet_comes_back(status: Any, transcribed: Stack, twilio: Simulator) -> None:
    twilio.state.transcripts[TRANSCRIPT_SID].status = status
    assert transcribed.invoke("store_insights", webhook_of()) == comes_back(webhook_of())
    assert transcribed.items() == []
    assert transcribed.announced() == []


@pytest.mark.parametrize("status", ["failed", "canceled", "error"])
def test_a_failed_transcript_fails_the_recording(status: Any, seeded: Stack, twilio: Simulator) -> None:
    seeded.listen()
    seeded.invoke("request_transcript", load_event("request_transcript", "completed"))
    (transcript,) = twilio.state.transcripts.values()
    transcript.status = status
    assert seeded.invoke("store_insights", webhook_of(transcript.sid)) == DONE
    assert (row(seeded)["state"], row(seeded)["reason"]) == ("failed", f"transcript_{status}")
    assert row(seeded)["due"] == "attention"
    assert seeded.announced() == []
    assert seeded.read(CALL_SID).insights == []


@pytest.mark.parametrize("event_type", ["voice_intelligence_transcript_failed", "unheard_of", None])
@pytest.mark.parametrize(("status", "state"), [("completed", "stored"), ("failed", "failed")])
def test_whatever_the_event_type_the_status_of_the_transcript_decides(
    event_type: str | None, status: Any, state: str, seeded: Stack, twilio: Simulator
) -> None:
    seeded.invoke("request_transcript", load_event("request_transcript", "completed"))
    (transcript,) = twilio.state.transcripts.values()
    transcript.status = status
    assert seeded.invoke("store_insights", webhook_of(transcript.sid, event_type=event_type)) == DONE
    assert row(seeded)["state"] == state


def test_a_silent_call_is_stored_without_a_sentence(transcribed: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[RECORDING_SID].sounds = ()
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert row(transcribed)["state"] == "stored"
    assert transcribed.read(CALL_SID).insights[0].sentences == []
    assert len(transcribed.announced()) == 1


def test_a_sentence_without_times_is_stored(transcribed: Stack, twilio: Simulator) -> None:
    bare = '{"media_channel": 1, "sentence_index": 0, "transcript": "Hello.", "start_time": null, "confidence": 0.5}'
    answer(twilio, "GET", SENTENCES, 200, page("sentences", bare))
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    (sentence,) = transcribed.read(CALL_SID).insights[0].sentences
    assert (sentence.start, sentence.end, sentence.confidence) == (None, None, Decimal("0.5"))


@pytest.mark.parametrize(
    "body",
    [
        '{"event_type": "voice_intelligence_transcript_available"}',
        '{"transcript_sid": "GT-secret-of-a-customer"}',
        "[1]",
        "null",
        "secret-of-a-customer",
    ],
)
def test_a_webhook_without_a_transcript_goes_to_the_dead_letters_with_a_reason_that_holds_no_values(
    body: str, transcribed: Stack, logged: Callable[[], str]
) -> None:
    assert transcribed.invoke("store_insights", sqs_event(body)) == DONE
    (letter,) = transcribed.messages("TranscriptsDeadLetters")
    assert letter["Body"] == body
    reason = letter["MessageAttributes"]["reason"]["StringValue"]
    assert reason.startswith("TranscriptWebhook: ")
    assert "secret-of-a-customer" not in reason + logged()
    assert transcribed.items() == []


def test_a_genuine_event_of_an_unknown_kind_is_acknowledged_counted_and_named_by_its_fields(
    transcribed: Stack, logged: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    event = sqs_event('{"event_type": "secret-of-a-customer", "operator_sid": "LY-secret", "account_sid": "AC1"}')
    assert transcribed.invoke("store_insights", event) == DONE
    assert (transcribed.items(), transcribed.queued()) == ([], {})
    assert "account_sid, event_type, operator_sid" in logged()
    assert "secret" not in logged()
    assert '"UnknownEvents":[1.0]' in capsys.readouterr().out.replace(" ", "")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *((path, body) for path in (SENTENCES, RESULTS) for body in ODD_PAGES),
        *((path, "[" * 100_000) for path in (SENTENCES, RESULTS)),
    ],
)
def test_an_answer_of_a_shape_nobody_foresaw_goes_to_the_dead_letters(
    path: str, body: str, transcribed: Stack, twilio: Simulator, logged: Callable[[], str]
) -> None:
    answer(twilio, "GET", path, 200, body)
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    (letter,) = transcribed.messages("TranscriptsDeadLetters")
    assert TRANSCRIPT_SID in letter["MessageAttributes"]["reason"]["StringValue"]
    assert transcribed.recordings() == []
    assert "secret" not in logged()


ODD_SENTENCES = (
    '{"media_channel": 1, "transcript": "Hello."}',
    '{"sentence_index": "1", "media_channel": "2", "confidence": "", "transcript": "Good morning."}',
    '{"sentence_index": null, "start_time": Infinity, "end_time": -1, "confidence": NaN, "transcript": "I cannot."}',
    '{"sentence_index": 3, "media_channel": true, "start_time": 1e400, "confidence": 1e-400, "transcript": null}',
    f'{{"sentence_index": {"9" * 5000}, "media_channel": {{}}, "confidence": "0.5", "start_time": "2.0"}}',
    '"what a caller said"',
    '{"transcript": "Half \\ud83d"}',
)


def test_odd_fields_cost_these_fields_and_an_odd_sentence_itself(
    transcribed: Stack, twilio: Simulator, logged: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    answer(twilio, "GET", SENTENCES, 200, page("rows", *ODD_SENTENCES))
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    (insights,) = transcribed.read(CALL_SID).insights
    assert [(one.index, one.channel, one.text) for one in insights.sentences] == [
        (0, 1, "Hello."),
        (1, 2, "Good morning."),
        (2, None, "I cannot."),
        (3, None, ""),
        (4, None, ""),
        (5, None, "Half ?"),
    ]
    assert insights.speaker(insights.sentences[2]) == "unknown"
    assert [(one.start, one.end, one.confidence) for one in insights.sentences] == [
        *[(None, None, None)] * 4,
        (Decimal("2.0"), None, Decimal("0.5")),
        (None, None, None),
    ]
    assert "left out" in logged()
    assert "caller said" not in logged()
    assert [one.values for one in metrics_in(capsys.readouterr().out, "ListedUnreadable")] == [[1.0]]
    assert row(transcribed)["state"] == "stored"


def test_operator_results_that_dynamodb_cannot_hold_are_stored_as_text(transcribed: Stack, twilio: Simulator) -> None:
    deep = '{"a": [' * 40 + "1" + "]}" * 40
    odd = (
        f'{{"operator_sid": 5, "name": null, "a": NaN, "b": -Infinity, "c": 1e400, "d": 1e-400, "e": {"9" * 5000}, '
        f'"f": 0.{"1" * 60}, "g": true, "\\ud800": "\\ud800", "deep": {deep}}}'
    )
    answer(twilio, "GET", RESULTS, 200, page("rows", odd, "null", "[1]"))
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    (result,) = transcribed.read(CALL_SID).insights[0].results
    assert {name: result[name] for name in "abcdefg"} == {
        "a": "NaN",
        "b": "-Infinity",
        "c": "1E+400",
        "d": "1E-400",
        "e": "9" * 5000,
        "f": f"0.{'1' * 60}",
        "g": True,
    }
    assert result["?"] == "?"
    assert "made_by" in result


OF_A_CALL = {
    "/2010-04-01/Accounts/{account}/Calls/{sid}.json": {
        "sid": CALL_SID,
        "status": "completed",
        "to": NUMBER,
        "from": {"odd": 1},
        "direction": True,
        "duration": "long",
        "start_time": "yesterday",
    },
    "/2010-04-01/Accounts/{account}/Recordings/{sid}.json": {
        "sid": RECORDING_SID,
        "call_sid": CALL_SID,
        "status": "completed",
        "source": 5,
        "channels": "stereo",
        "duration": "",
        "start_time": 7,
        "error_code": "none",
    },
    "/v2/Transcripts/{sid}": {
        "sid": TRANSCRIPT_SID,
        "service_sid": SERVICE_SID,
        "status": "completed",
        "customer_key": CALL_SID,
        "channel": {"media_properties": {"source_sid": RECORDING_SID}},
        "duration": "Infinity",
        "redaction": "perhaps",
        "language_code": [],
        "date_created": "then",
        "date_updated": 5,
    },
}


@pytest.mark.parametrize("path", OF_A_CALL)
def test_odd_fields_of_a_resource_never_cost_the_call(path: str, transcribed: Stack, twilio: Simulator) -> None:
    answer(twilio, "GET", path, 200, json.dumps(OF_A_CALL[path]))
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert row(transcribed)["state"] == "stored"
    assert transcribed.read(CALL_SID).insights[0].sentences
    assert "TranscriptsDeadLetters" not in transcribed.queued()


@pytest.mark.parametrize("status", [401, 429, 503])
@pytest.mark.parametrize("path", ["/v2/Transcripts/{sid}", SENTENCES, RESULTS])
def test_while_twilio_is_in_trouble_the_message_comes_back(
    path: str, status: int, transcribed: Stack, twilio: Simulator
) -> None:
    answer(twilio, "GET", path, status, "<html>")
    assert transcribed.invoke("store_insights", webhook_of()) == comes_back(webhook_of())
    assert transcribed.recordings() == []
    assert transcribed.queued() == {}
    recover(twilio)
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert row(transcribed)["state"] == "stored"


def test_a_transcript_that_twilio_does_not_have_goes_to_the_dead_letters(transcribed: Stack) -> None:
    assert transcribed.invoke("store_insights", webhook_of("GT" + "0" * 32)) == DONE
    (letter,) = transcribed.messages("TranscriptsDeadLetters")
    assert "Twilio answered 404" in letter["MessageAttributes"]["reason"]["StringValue"]
    assert transcribed.items() == []


def test_an_erased_recording_is_not_stored_again(transcribed: Stack) -> None:
    transcribed.table().put_item(
        Item={
            "pk": f"CALL#{CALL_SID}",
            "sk": f"RECORDING#{RECORDING_SID}",
            "state": "erased",
            "attempts": 0,
            "expires_at": 9_999_999_999,
        }
    )
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert row(transcribed)["state"] == "erased"


@pytest.mark.parametrize("path", ["/v2/Transcripts/{sid}", SENTENCES, RESULTS])
def test_while_something_else_answers_for_twilio_the_message_comes_back(
    path: str, transcribed: Stack, twilio: Simulator
) -> None:
    answer(twilio, "GET", path, 200, "<html>")
    assert transcribed.invoke("store_insights", webhook_of()) == comes_back(webhook_of())
    assert transcribed.queued() == {}


def test_a_transcript_that_failed_before_its_callback_came_stays_failed(transcribed: Stack, twilio: Simulator) -> None:
    twilio.state.transcripts[TRANSCRIPT_SID].status = "failed"
    transcribed.invoke("store_insights", webhook_of())
    transcribed.invoke("request_transcript", load_event("request_transcript", "completed"))
    assert row(transcribed)["state"] == "failed"
    assert row(transcribed)["reason"] == "transcript_failed"


def test_a_stored_recording_no_longer_says_why_it_failed_before(transcribed: Stack, twilio: Simulator) -> None:
    twilio.state.transcripts[TRANSCRIPT_SID].status = "failed"
    transcribed.invoke("store_insights", webhook_of())
    assert row(transcribed)["reason"] == "transcript_failed"
    twilio.state.transcripts[TRANSCRIPT_SID].status = "completed"
    transcribed.invoke("store_insights", webhook_of())
    assert row(transcribed)["state"] == "stored"
    assert "reason" not in row(transcribed)


@pytest.mark.parametrize(("first", "items"), [(12_000, 2), (40, 1)])
def test_a_transcript_stored_again_with_fewer_sentences_has_no_more_than_these(
    first: int, items: int, transcribed: Stack, twilio: Simulator
) -> None:
    def sentences(count: int) -> str:
        # Digits of 1/n: they cannot be compressed much, so that many of them take several items.
        rows = (
            f'{{"sentence_index": {n}, "media_channel": 1, "transcript": "{10**80 // (n + 7)}"}}' for n in range(count)
        )
        return page("rows", ", ".join(rows))

    for count in (first, 4):
        answer(twilio, "GET", SENTENCES, 200, sentences(count))
        assert transcribed.invoke("store_insights", webhook_of()) == DONE
        recover(twilio)
        assert len(transcribed.read(CALL_SID).insights[0].sentences) == count
    left = [item["sk"] for item in transcribed.items() if "#sentences#" in item["sk"]]
    assert len(left) == items


def test_in_a_call_that_was_not_answered_here_nobody_is_guessed(transcribed: Stack, twilio: Simulator) -> None:
    answer(twilio, "GET", "/2010-04-01/Accounts/{a}/Calls/{sid}.json", 200, OUTBOUND_CALL)
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    (insights,) = transcribed.read(CALL_SID).insights
    assert {one.role for one in insights.participants} == {Role.UNKNOWN}
