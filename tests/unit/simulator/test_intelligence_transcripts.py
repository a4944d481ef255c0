"""How transcripts end, what they hold, and what of it is redacted, asked by the official SDK."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException

from callscribe_tools.simulator import (
    Account,
    IntelligenceService,
    Operator,
    Recording,
    Scenario,
    SimulationError,
    Simulator,
)
from callscribe_tools.simulator.exact_json import read_yaml
from callscribe_tools.simulator.timeline import Sound

from .conftest import BASE, NUMBER, Application, Sdk

EMPTY_RESULT: dict[str, Any] = {
    "extract_match": None,
    "match_probability": None,
    "normalized_result": None,
    "utterance_results": [],
    "utterance_match": None,
    "predicted_label": None,
    "predicted_probability": None,
    "label_probabilities": {},
    "extract_results": {},
    "text_generation_results": None,
    "json_results": None,
}


def told_as(text: str) -> Scenario:
    """A call in which the caller speaks for three seconds; the rest as given."""
    told = {"name": "told", "caller": [{"wait_for": "beep"}, {"say": "Hello there.", "seconds": 3}], "expect": "stored"}
    return Scenario.model_validate(told | read_yaml(text))


def transcribe(sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str) -> tuple[str, Recording]:
    recording = sim.place_call(scenario, to=NUMBER).recordings[0]
    return request(client, recording, service_sid), recording


def request(client: Sdk, recording: Recording, service_sid: str, **more: object) -> str:
    channel = {"media_properties": {"source_sid": recording.sid}}
    return str(client.intelligence.v2.transcripts.create(service_sid, channel, **more).sid)


def get(sim: Simulator, path: str) -> str:
    credentials = (sim.account.account_sid, sim.account.auth_token)
    return str(sim.http_client().request("GET", f"https://intelligence.twilio.com{path}", auth=credentials).text)


def hold(sim: Simulator, *sounds: Sound, seconds: float = 10.0) -> Recording:
    """A recording of a call nobody needs to place."""
    recording = Recording(
        call_sid=next(iter(sim.state.calls)),
        source="StartCallRecordingAPI",
        channels=2,
        tracks=("inbound", "outbound"),
        started=datetime(2026, 11, 20, 9, tzinfo=UTC),
        status="completed",
        seconds=seconds,
        sounds=sounds,
    )
    sim.state.recordings[recording.sid] = recording
    return recording


@pytest.mark.parametrize("status", ["failed", "canceled", "error"])
@pytest.mark.parametrize("by_scenario", [None, "none", "available"])
@pytest.mark.parametrize("by_default", ["none", "available"])
def test_a_transcript_ends_without_text_as_the_scenario_says(
    sim: Simulator,
    client: Sdk,
    service_sid: str,
    application: Application,
    status: str,
    by_scenario: Any,
    by_default: Any,
) -> None:
    sim.unknowns.failed_transcript_webhook = by_default
    webhook = f", webhook: {by_scenario}" if by_scenario else ""
    sid, _ = transcribe(sim, client, told_as(f"transcript: {{status: {status}{webhook}}}"), service_sid)

    assert len(sim.complete_transcripts()) == 1
    assert sim.complete_transcripts() == []

    fetched = client.intelligence.v2.transcripts(sid)
    assert (fetched.fetch().status, fetched.fetch().duration) == (status, 0)
    assert fetched.sentences.list() == []
    assert fetched.operator_results.list() == []
    sent = [json.loads(one.content) for one in application.requests if one.url.path == "/ci-webhook"]
    told = (by_scenario or by_default) == "available"
    assert [one["event_type"] for one in sent] == ["voice_intelligence_transcript_available"] * told
    sim.check()


@pytest.mark.parametrize("status", ["queued", "new"])
def test_a_transcript_starts_queued_or_new(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str, status: Any
) -> None:
    sim.unknowns.transcript_starts_as = status
    sid, _ = transcribe(sim, client, scenario, service_sid)
    assert client.intelligence.v2.transcripts(sid).fetch().status == status

    sim.complete_transcripts()

    assert client.intelligence.v2.transcripts(sid).fetch().status == "completed"


def test_a_recording_deleted_before_its_transcript_began_fails_it(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    sid, recording = transcribe(sim, client, scenario, service_sid)
    client.recordings(recording.sid).delete()

    sim.complete_transcripts()

    assert client.intelligence.v2.transcripts(sid).fetch().status == "failed"
    assert [violation.code for violation in sim.violations] == ["95102"]


def test_a_recording_deleted_before_its_transcript_is_in_progress_fails_it_in_the_end(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    sid, recording = transcribe(sim, client, scenario, service_sid)
    client.recordings(recording.sid).delete()
    sim._transcripts.advance(sim.state.transcripts[sid])
    assert client.intelligence.v2.transcripts(sid).fetch().status == "in-progress"

    sim.complete_transcripts()

    assert client.intelligence.v2.transcripts(sid).fetch().status == "failed"


def test_a_recording_is_not_needed_once_its_transcript_is_in_progress(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    sid, recording = transcribe(sim, client, scenario, service_sid)
    sim._transcripts.advance(sim.state.transcripts[sid])
    client.recordings(recording.sid).delete()

    sim.complete_transcripts()

    assert client.intelligence.v2.transcripts(sid).fetch().status == "completed"
    sim.check()


def test_a_transcript_outlives_its_recording(sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str) -> None:
    sid, recording = transcribe(sim, client, scenario, service_sid)
    sim.complete_transcripts()

    client.recordings(recording.sid).delete()

    transcript = client.intelligence.v2.transcripts(sid)
    assert transcript.fetch().duration == recording.duration
    assert len(transcript.sentences.list()) == 1
    assert len(transcript.operator_results.list()) == 3
    sim.check()


@pytest.mark.parametrize(("seconds", "code"), [(1.9, "95109"), (8 * 3600 + 1.0, "95114")])
def test_a_recording_that_is_too_short_or_too_long_fails_its_transcript(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str, seconds: float, code: str
) -> None:
    sim.place_call(scenario, to=NUMBER)
    sid = request(client, hold(sim, seconds=seconds), service_sid)

    sim.complete_transcripts()

    assert client.intelligence.v2.transcripts(sid).fetch().status == "failed"
    assert [violation.code for violation in sim.violations] == [code]


def test_a_silent_recording_has_a_completed_transcript_without_sentences(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str, application: Application
) -> None:
    sim.place_call(scenario, to=NUMBER)
    sid = request(client, hold(sim), service_sid)

    sim.complete_transcripts()

    transcript = client.intelligence.v2.transcripts(sid)
    assert (transcript.fetch().status, transcript.sentences.list()) == ("completed", [])
    assert application.paths()[-1] == "/ci-webhook"


def test_sentences_by_the_thousand_come_in_pages(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    sim.place_call(scenario, to=NUMBER)
    sounds = (Sound("inbound" if n % 2 else "outbound", 3.0 * n, 3.0 * n + 2, f"Sentence {n}.") for n in range(2500))
    sid = request(client, hold(sim, *sounds, seconds=7500), service_sid)
    sim.complete_transcripts()

    sentences = client.intelligence.v2.transcripts(sid).sentences.list(page_size=1000)
    assert [one.sentence_index for one in sentences] == list(range(2500))
    assert {one.media_channel for one in sentences} == {1, 2}
    assert len({one.sid for one in sentences}) == 2500
    sizes = []
    url: str | None = f"/v2/Transcripts/{sid}/Sentences?PageSize=1000"
    while url:
        page = json.loads(get(sim, url))
        sizes.append(len(page["sentences"]))
        url = (page["meta"]["next_page_url"] or "").removeprefix("https://intelligence.twilio.com")
    assert sizes == [1000, 1000, 500]
    assert len(json.loads(get(sim, f"/v2/Transcripts/{sid}/Sentences"))["sentences"]) == 50


def test_transcripts_are_listed_by_time(sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str) -> None:
    sim.place_call(scenario, to=NUMBER)
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    early, late, never = (
        request(client, hold(sim), service_sid, **({"media_start_time": start} if start else {}))
        for start in (noon - timedelta(hours=1), noon + timedelta(hours=1), None)
    )
    transcripts = client.intelligence.v2.transcripts

    def listed(**filters: str) -> set[str]:
        return {one.sid for one in transcripts.list(**filters)}

    assert listed(before_start_time="2026-11-20T12:00:00Z") == {early}
    assert listed(after_start_time="2026-11-20T12:00:00Z") == {late}
    assert listed(after_start_time="2026-11-20T11:00:00Z", before_start_time="2026-11-20T13:00:00Z") == set()
    sim.state.transcripts[never].created = noon
    assert listed(before_date_created="2026-11-20T12:00:01Z", after_date_created="2026-11-20T11:59:59Z") == {never}
    assert listed(language_code="en-US") == {early, late, never}
    assert listed(language_code="en-GB") == set()
    assert [one.sid for one in transcripts.list()] == [never, late, early]
    for wrong in ("noon", "2026-11-20T12:00:00"):
        # The SDK hides the status of a page that is refused.
        with pytest.raises(TwilioException, match="20001"):
            transcripts.list(before_start_time=wrong)


def test_only_operators_attached_before_the_transcript_run_on_it(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    intelligence = client.intelligence.v2
    late, gone, stays = sim.account.services[service_sid].operator_sids
    intelligence.operator_attachment(service_sid, late).delete()
    sid, _ = transcribe(sim, client, scenario, service_sid)
    intelligence.operator_attachment(service_sid, late).create()
    intelligence.operator_attachment(service_sid, gone).delete()

    sim.complete_transcripts()

    assert {one.operator_sid for one in intelligence.transcripts(sid).operator_results.list()} == {gone, stays}


def test_one_operator_result_is_fetched_by_its_operator(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    sid, _ = transcribe(sim, client, scenario, service_sid)
    sim.complete_transcripts()
    (first, *_) = sim.account.services[service_sid].operator_sids
    results = client.intelligence.v2.transcripts(sid).operator_results

    assert results(first).fetch().json_results == {"category": "other", "emotion": "negative"}
    with pytest.raises(TwilioRestException) as refusal:
        results("LY" + "0" * 32).fetch()
    assert (refusal.value.status, refusal.value.code) == (404, 20404)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            "conversation-classify",
            '"predicted_label":"angry","predicted_probability":0.87,"label_probabilities":{"angry":0.87,"calm":1e-7}',
        ),
        ("conversation-classify", '"predicted_label":null,"predicted_probability":"0.05","label_probabilities":null'),
        (
            "utterance-classify",
            '"utterance_match":true,"match_probability":0.1234567890123456789,'
            '"utterance_results":[{"utterance_index":0,"label":"price","probability":0.9}]',
        ),
        ("extract", '"extract_match":true,"match_probability":"0.05","extract_results":{"0":{"product":["laptop"]}}'),
        ("extract", '"extract_match":false,"extract_results":{}'),
        ("extract-normalize", '"extract_match":true,"normalized_result":"2026-11-20"'),
        ("pii-extract", '"extract_match":true,"extract_results":{"1":{"name":["Jo"]}}'),
        ("text-generation", '"text_generation_results":{"format":"text","result":"They talked."}'),
        ("text-generation", '"text_generation_results":null'),
        ("json", '"json_results":{"score":0.10,"list":[1,2.5,null],"nested":{"n":-1e-7}}'),
        ("json", '"json_results":null,"refusal":"I cannot help with that."'),
    ],
)
def test_a_result_of_every_type_comes_as_it_is_written(
    sim: Simulator, client: Sdk, service_sid: str, kind: str, said: str
) -> None:
    operator = Operator("op", "any")
    sim.account.add(operator)
    sim.account.services[service_sid].operator_sids = [operator.sid]
    told = told_as(f'operator_results: [{{"name":"op","operator_type":"{kind}",{said}}}]')
    sid, _ = transcribe(sim, client, told, service_sid)
    sim.complete_transcripts()

    text = get(sim, f"/v2/Transcripts/{sid}/OperatorResults/{operator.sid}")

    def as_written(text: str) -> Any:
        return json.loads(text, parse_float=lambda number: f"number {number}")

    assert as_written(text) == EMPTY_RESULT | {
        "operator_type": kind,
        "name": "op",
        "operator_sid": operator.sid,
        "transcript_sid": sid,
        "url": f"https://intelligence.twilio.com/v2/Transcripts/{sid}/OperatorResults/{operator.sid}",
        **as_written("{" + said + "}"),
    }
    assert client.intelligence.v2.transcripts(sid).operator_results.list()[0].operator_type == kind


PERSONAL = "Card 4111 1111 1111 1111, call +12025550142 or write to jo.doe@mail.example.com, code 4711, room 112."
REDACTED = (
    "Card [Redacted: Number], call [Redacted: Number] or write to [Redacted: Email], code [Redacted: Number], room 112."
)


@pytest.fixture
def redacting(account: Account) -> str:
    service = IntelligenceService(auto_redaction=True, media_redaction=True)
    account.add(service)
    return service.sid


def test_a_service_that_redacts_gives_redacted_texts_unless_asked_for_the_original(
    sim: Simulator, client: Sdk, redacting: str
) -> None:
    told = told_as(f"""
        caller: [{{wait_for: beep}}, {{say: "{PERSONAL}", seconds: 3}}]
        operator_results:
          - {{name: Conversation Summary, operator_type: text-generation,
              text_generation_results: {{format: text, result: "{PERSONAL}"}}}}
        """)
    sid, _ = transcribe(sim, client, told, redacting)
    sim.complete_transcripts()
    transcript = client.intelligence.v2.transcripts(sid)

    assert transcript.fetch().redaction is True
    for chosen, text in (({}, REDACTED), ({"redacted": True}, REDACTED), ({"redacted": False}, PERSONAL)):
        assert [one.transcript for one in transcript.sentences.list(**chosen)] == [text]
        (result,) = transcript.operator_results.list(**chosen)
        assert result.text_generation_results == {"format": "text", "result": text}
        assert (
            transcript.operator_results(result.operator_sid).fetch(**chosen).text_generation_results["result"] == text
        )
    assert "/redacted.wav" in transcript.media().fetch().media_url
    assert "/original.wav" in transcript.media().fetch(redacted=False).media_url
    sim.check()


def test_a_service_that_does_not_redact_has_one_text(sim: Simulator, client: Sdk, service_sid: str) -> None:
    told = told_as(f'caller: [{{wait_for: beep}}, {{say: "{PERSONAL}", seconds: 3}}]')
    sid, _ = transcribe(sim, client, told, service_sid)
    transcript = client.intelligence.v2.transcripts(sid)
    assert transcript.media().fetch().media_url is None

    sim.complete_transcripts()

    assert transcript.fetch().redaction is False
    assert [one.transcript for one in transcript.sentences.list(redacted=True)] == [PERSONAL]
    assert "/original.wav" in transcript.media().fetch(redacted=True).media_url


def test_redaction_is_settled_when_the_transcript_is_created(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    sid, _ = transcribe(sim, client, scenario, service_sid)
    client.intelligence.v2.services(service_sid).update(auto_redaction=True)

    assert client.intelligence.v2.transcripts(sid).fetch().redaction is False


def test_redacted_is_true_or_false(sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str) -> None:
    sid, _ = transcribe(sim, client, scenario, service_sid)

    for part in ("Sentences", "OperatorResults", "Media"):
        assert json.loads(get(sim, f"/v2/Transcripts/{sid}/{part}?Redacted=maybe"))["code"] == 20001


def test_a_bad_service_sid_is_another_mistake_than_an_unknown_one(
    sim: Simulator, client: Sdk, scenario: Scenario
) -> None:
    recording = sim.place_call(scenario, to=NUMBER).recordings[0]

    for sid, refusal in (("GA1", (400, 1302)), ("GA" + "0" * 32, (404, 20404))):
        with pytest.raises(TwilioRestException) as refused:
            request(client, recording, sid)
        assert (refused.value.status, refused.value.code) == refusal


def test_numbers_of_participants_are_refused_for_a_recording_in_the_words_of_a_real_account(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    recording = sim.place_call(scenario, to=NUMBER).recordings[0]
    participant = {"channel_participant": 1, "role": "Customer", "media_participant_id": "+12025550142"}
    channel = {"media_properties": {"source_sid": recording.sid}, "participants": [participant]}
    with pytest.raises(TwilioRestException) as refused:
        client.intelligence.v2.transcripts.create(service_sid, channel)
    assert (refused.value.status, refused.value.msg) == (
        400,
        "Unable to create record: The media_participant_id can only be set for transcript with media url",
    )
    assert sim.state.made == []
    assert len(sim.violations) == 1


def test_a_transcript_of_a_deleted_service_is_still_read(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str, application: Application
) -> None:
    sid, _ = transcribe(sim, client, scenario, service_sid)
    client.intelligence.v2.services(service_sid).delete()

    sim.complete_transcripts()

    assert len(client.intelligence.v2.transcripts(sid).operator_results.list()) == 3
    assert "/ci-webhook" not in application.paths()


def test_a_service_whose_method_is_null_sends_no_webhook(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str, application: Application
) -> None:
    client.intelligence.v2.services(service_sid).update(webhook_http_method="NULL")
    transcribe(sim, client, scenario, service_sid)

    sim.complete_transcripts()

    assert "/ci-webhook" not in application.paths()


@pytest.mark.parametrize("signed", [True, False])
def test_any_event_can_be_sent_to_any_path(
    sim: Simulator, account: Account, service_sid: str, application: Application, *, signed: bool
) -> None:
    sim.unknowns.intelligence_webhook_signed = signed
    account.services[service_sid].webhook_url = f"{BASE}/ci-webhook/an-unguessable-token"

    sim.send_intelligence_event(service_sid, {"event_type": "never_heard_of", "nested": {"list": [1]}})

    (request,) = application.requests
    assert request.url.path == "/ci-webhook/an-unguessable-token"
    assert json.loads(request.content) == {"event_type": "never_heard_of", "nested": {"list": [1]}}
    assert ("X-Twilio-Signature" in request.headers) == signed
    sim.check()


def test_a_refused_event_is_told(sim: Simulator, service_sid: str, application: Application) -> None:
    application.answers["/ci-webhook"] = httpx.Response(403)

    sim.send_intelligence_event(service_sid, {})

    assert [violation.code for violation in sim.violations] == ["95200"]


def test_an_event_needs_a_service_with_a_webhook(sim: Simulator, account: Account) -> None:
    silent = IntelligenceService()
    account.add(silent)

    for sid in (silent.sid, "GA" + "0" * 32):
        with pytest.raises(SimulationError, match=sid):
            sim.send_intelligence_event(sid, {})
