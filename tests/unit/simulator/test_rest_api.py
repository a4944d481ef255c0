"""The REST API, asked by the official SDK in process."""

import io
import json
import wave
from typing import Any

import httpx
import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from callscribe_tools.simulator import Account, Call, Recording, Scenario, Simulator

from .conftest import BASE, NUMBER, Application, Sdk

UNKNOWN = "0" * 32


@pytest.fixture
def call(sim: Simulator, scenario: Scenario) -> Call:
    return sim.place_call(scenario, to=NUMBER)


@pytest.fixture
def dual(call: Call) -> Recording:
    return call.recordings[0]


def channel(recording: Recording, **more: object) -> dict[str, object]:
    return {"media_properties": {"source_sid": recording.sid}, **more}


def get(sim: Simulator, path: str) -> Any:
    account = sim.account
    answer = sim.http_client().request("GET", path, auth=(account.account_sid, account.auth_token))
    return json.loads(answer.text)


def test_the_sdk_reads_a_call(client: Sdk, call: Call) -> None:
    fetched = client.calls(call.sid).fetch()

    assert fetched.status == "completed"
    assert fetched.direction == "inbound"
    assert fetched.to == NUMBER
    assert fetched.duration == str(call.seconds)
    assert fetched.start_time == call.started


def test_the_sdk_reads_a_recording(client: Sdk, dual: Recording) -> None:
    fetched = client.recordings(dual.sid).fetch()

    assert fetched.channels == 2
    assert fetched.status == "completed"
    assert fetched.source == "StartCallRecordingAPI"
    assert fetched.duration == str(dual.duration)
    assert fetched.start_time == dual.started


@pytest.mark.parametrize(("index", "suffix", "channels"), [(0, ".wav", 2), (0, "?RequestedChannels=1", 1), (1, "", 1)])
def test_media_are_real_wav_files_of_the_right_length(
    sim: Simulator, call: Call, index: int, suffix: str, channels: int
) -> None:
    recording = call.recordings[index]

    with sim.serve() as base_url:
        answer = httpx.get(
            f"{base_url}/2010-04-01/Accounts/{sim.account.account_sid}/Recordings/{recording.sid}{suffix}",
            auth=(sim.account.account_sid, sim.account.auth_token),
        )

    assert answer.headers["content-type"] == "audio/x-wav"
    with wave.open(io.BytesIO(answer.content)) as file:
        assert file.getnchannels() == channels
        assert (file.getframerate(), file.getsampwidth()) == (8000, 2)
        assert file.getnframes() / 8000 == pytest.approx(recording.seconds, abs=0.001)


def test_two_channels_of_a_mono_recording_are_refused(sim: Simulator, call: Call) -> None:
    mono = call.recordings[1]
    path = f"/2010-04-01/Accounts/{sim.account.account_sid}/Recordings/{mono.sid}.wav?RequestedChannels=2"

    assert get(sim, f"https://api.twilio.com{path}")["status"] == 400


def test_a_transcript_is_queued_then_completed_with_what_was_said(
    sim: Simulator, client: Sdk, call: Call, dual: Recording, service_sid: str
) -> None:
    participants = [
        {"channel_participant": 1, "role": "Customer", "user_id": "customer-7"},
        {"channel_participant": 2, "role": "Agent"},
    ]
    created = client.intelligence.v2.transcripts.create(
        service_sid, channel(dual, participants=participants), customer_key=call.sid
    )
    assert (created.status, created.duration) == ("queued", 0)

    sim.complete_transcripts()

    fetched = client.intelligence.v2.transcripts(created.sid).fetch()
    assert fetched.status == "completed"
    assert fetched.duration == dual.duration
    assert fetched.customer_key == call.sid
    assert fetched.channel == channel(dual, participants=participants) | {"type": "voice"}
    sentences = client.intelligence.v2.transcripts(created.sid).sentences.list()
    assert [(one.media_channel, one.sentence_index, one.transcript) for one in sentences] == [
        (1, 0, "We cannot log in to your account system.")
    ]
    assert sentences[0].start_time == "1.00"
    assert sentences[0].words is None
    sim.check()


def test_the_operator_results_are_those_of_the_replicated_flow(
    sim: Simulator, client: Sdk, dual: Recording, service_sid: str
) -> None:
    transcript = client.intelligence.v2.transcripts.create(service_sid, channel(dual))
    sim.complete_transcripts()

    url = f"https://intelligence.twilio.com/v2/Transcripts/{transcript.sid}/OperatorResults"
    results = get(sim, url)["operator_results"]

    nothing: dict[str, object] = {
        "extract_match": None,
        "match_probability": None,
        "normalized_result": None,
        "utterance_match": None,
        "predicted_label": None,
        "predicted_probability": None,
        "label_probabilities": {},
        "extract_results": {},
        "utterance_results": [],
        "text_generation_results": None,
        "json_results": None,
        "transcript_sid": transcript.sid,
    }
    sids = [result.pop("operator_sid") for result in results]
    assert [result.pop("url") for result in results] == [f"{url}/{sid}" for sid in sids]
    assert results == [
        nothing
        | {
            "operator_type": "json",
            "name": "product-feedback",
            "json_results": {"category": "other", "emotion": "negative"},
        },
        nothing
        | {
            "operator_type": "text-generation",
            "name": "Conversation Summary",
            "text_generation_results": {
                "format": "text",
                "result": "The customer is experiencing issues logging into their account. The call center agent "
                "informs the customer that they are unable to access the account system. The conversation revolves "
                "around troubleshooting the login problem.",
            },
        },
        nothing
        | {
            "operator_type": "conversation-classify",
            "name": "Sentiment Analysis",
            "predicted_label": "neutral",
            "predicted_probability": "1.0",
            "label_probabilities": {"neutral": 1},
        },
    ]
    # 1.0 and 1 are equal to Python, not to who reads the JSON.
    assert isinstance(results[2]["label_probabilities"]["neutral"], int)
    assert len(client.intelligence.v2.transcripts(transcript.sid).operator_results.list()) == 3


def test_only_attached_operators_give_results(sim: Simulator, client: Sdk, dual: Recording, service_sid: str) -> None:
    sim.account.services[service_sid].operator_sids.pop(0)
    transcript = client.intelligence.v2.transcripts.create(service_sid, channel(dual))
    sim.complete_transcripts()

    results = client.intelligence.v2.transcripts(transcript.sid).operator_results.list()
    assert [result.name for result in results] == ["Conversation Summary", "Sentiment Analysis"]


@pytest.mark.parametrize("signed", [True, False])
def test_the_webhook_is_signed_json_with_the_hash_of_its_body(
    sim: Simulator, client: Sdk, dual: Recording, service_sid: str, application: Application, *, signed: bool
) -> None:
    sim.unknowns.intelligence_webhook_signed = signed
    transcript = client.intelligence.v2.transcripts.create(service_sid, channel(dual), customer_key="key")

    sim.complete_transcripts()

    request = application.requests[-1]
    assert request.url.path == "/ci-webhook"
    assert json.loads(request.content) == {
        "account_sid": sim.account.account_sid,
        "service_sid": service_sid,
        "transcript_sid": transcript.sid,
        "customer_key": "key",
        "event_type": "voice_intelligence_transcript_available",
    }
    signature = request.headers.get("X-Twilio-Signature")
    assert (signature is not None) == signed
    if signed:
        validator = RequestValidator(sim.account.auth_token)
        assert validator.validate(str(request.url), request.content.decode(), signature)


def test_a_failing_webhook_is_not_retried_and_told(
    sim: Simulator, client: Sdk, dual: Recording, service_sid: str, application: Application
) -> None:
    application.answers["/ci-webhook"] = httpx.Response(500)
    client.intelligence.v2.transcripts.create(service_sid, channel(dual))

    sim.complete_transcripts()
    sim.complete_transcripts()

    assert application.paths().count("/ci-webhook") == 1
    assert [violation.code for violation in sim.violations] == ["95200"]


def test_a_second_transcript_of_a_recording_is_refused_until_the_first_is_deleted(
    sim: Simulator, client: Sdk, dual: Recording, service_sid: str
) -> None:
    transcripts = client.intelligence.v2.transcripts
    first = transcripts.create(service_sid, channel(dual))
    sim.unknowns.duplicate_transcript_status = 400

    with pytest.raises(TwilioRestException) as refusal:
        transcripts.create(service_sid, channel(dual))

    assert (refusal.value.status, refusal.value.code) == (400, 20409)
    transcripts(first.sid).delete()
    assert transcripts.create(service_sid, channel(dual)).sid != first.sid


@pytest.mark.parametrize(
    "wrong",
    [
        {"mediaProperties": {"sourceSid": "RE" + UNKNOWN}},
        {"media_properties": {"source_sid": 7}},
        {"media_properties": {"source_sid": "RE1"}},
        {"media_properties": {"source_sid": "RE" + UNKNOWN}, "participants": [{"role": "Agent"}]},
        {
            "media_properties": {"source_sid": "RE" + UNKNOWN},
            "participants": [{"channel_participant": 3}],
        },
        {
            "media_properties": {"source_sid": "RE" + UNKNOWN},
            "participants": [{"channel_participant": "1"}],
        },
        {
            "media_properties": {"source_sid": "RE" + UNKNOWN},
            "participants": [{"channel_participant": 1}, {"channel_participant": 1}],
        },
        {
            "media_properties": {"source_sid": "RE" + UNKNOWN},
            "participants": [{"channel_participant": n} for n in (1, 2, 2)],
        },
        {"media_properties": {"media_url": "https://example.com/a.wav"}},
        "no JSON",
    ],
)
def test_a_wrong_channel_is_refused(sim: Simulator, client: Sdk, service_sid: str, wrong: object) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        client.intelligence.v2.transcripts.create(service_sid, wrong)

    assert refusal.value.status == 400
    assert [violation.code for violation in sim.violations] == ["20001"]


def test_a_customer_key_has_at_most_64_characters(client: Sdk, dual: Recording, service_sid: str) -> None:
    with pytest.raises(TwilioRestException, match="more than 64"):
        client.intelligence.v2.transcripts.create(service_sid, channel(dual), customer_key="k" * 65)


def test_an_unknown_service_is_not_found(client: Sdk, dual: Recording) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        client.intelligence.v2.transcripts.create("GA" + UNKNOWN, channel(dual))

    assert (refusal.value.status, refusal.value.code) == (404, 20404)


def test_a_transcript_of_an_unknown_recording_fails_without_a_webhook(
    sim: Simulator, client: Sdk, service_sid: str, application: Application
) -> None:
    created = client.intelligence.v2.transcripts.create(
        service_sid, {"media_properties": {"source_sid": "RE" + UNKNOWN}}
    )

    sim.complete_transcripts()

    assert client.intelligence.v2.transcripts(created.sid).fetch().status == "failed"
    assert client.intelligence.v2.transcripts(created.sid).operator_results.list() == []
    assert [violation.code for violation in sim.violations] == ["95102"]
    assert application.requests == []


def test_a_transcript_of_less_than_two_seconds_fails(sim: Simulator, client: Sdk, service_sid: str) -> None:
    steps = [{"wait_for": "beep"}, {"say": "Oh no", "seconds": 1.5}]
    short = Scenario.model_validate({"name": "short", "caller": steps, "expect": "skipped"})
    mono = sim.place_call(short, to=NUMBER).recordings[1]
    created = client.intelligence.v2.transcripts.create(service_sid, channel(mono))

    sim.complete_transcripts()

    assert client.intelligence.v2.transcripts(created.sid).fetch().status == "failed"
    assert [violation.code for violation in sim.violations] == ["95109"]


def test_lists_are_filtered_and_paged_over_absolute_urls(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    transcripts = client.intelligence.v2.transcripts
    created = []
    for _ in range(3):
        recordings = sim.place_call(scenario, to=NUMBER).recordings
        created += [transcripts.create(service_sid, channel(one)).sid for one in recordings]

    assert {one.sid for one in transcripts.list(page_size=2)} == set(created)
    last = transcripts.list(source_sid=recordings[1].sid, service_sid=service_sid, status="queued", limit=1)
    assert [one.sid for one in last] == [created[-1]]
    assert transcripts.list(status="completed") == []
    page = get(sim, "https://intelligence.twilio.com/v2/Transcripts?PageSize=4")
    assert page["meta"]["key"] == "transcripts"
    assert page["meta"]["next_page_url"].startswith("https://intelligence.twilio.com/v2/Transcripts?")
    assert get(sim, page["meta"]["next_page_url"])["meta"]["next_page_url"] is None


@pytest.mark.parametrize("query", ["PageSize=1001", "PageSize=many", "Colour=red"])
def test_a_wrong_list_parameter_is_refused(sim: Simulator, query: str) -> None:
    assert get(sim, f"https://intelligence.twilio.com/v2/Transcripts?{query}")["status"] == 400


def test_a_channel_may_be_read_back_empty(sim: Simulator, client: Sdk, dual: Recording, service_sid: str) -> None:
    sim.unknowns.transcript_channel_echoed = False
    created = client.intelligence.v2.transcripts.create(service_sid, channel(dual))

    assert client.intelligence.v2.transcripts(created.sid).fetch().channel == {}


def test_both_kinds_of_credentials_are_known_and_no_others(sim: Simulator, account: Account, call: Call) -> None:
    token = Client(account.account_sid, account.auth_token, http_client=sim.http_client())
    wrong = Client(account.account_sid, "wrong", http_client=sim.http_client())

    assert token.calls(call.sid).fetch().sid == call.sid
    with pytest.raises(TwilioRestException) as refusal:
        wrong.calls(call.sid).fetch()
    assert (refusal.value.status, refusal.value.code) == (401, 20003)


def test_what_is_not_there_is_not_found_and_no_violation(sim: Simulator, client: Sdk) -> None:
    for fetch in (
        client.calls("CA" + UNKNOWN).fetch,
        client.recordings("RE" + UNKNOWN).fetch,
        client.intelligence.v2.transcripts("GT" + UNKNOWN).fetch,
    ):
        with pytest.raises(TwilioRestException) as refusal:
            fetch()
        assert (refusal.value.status, refusal.value.code) == (404, 20404)
    sentences = f"https://intelligence.twilio.com/v2/Transcripts/GT{UNKNOWN}/Sentences"
    assert get(sim, sentences)["code"] == 20404
    assert sim.violations == []


def test_a_path_the_simulator_does_not_play_is_a_violation(sim: Simulator, client: Sdk) -> None:
    with pytest.raises(TwilioException):
        client.intelligence.v2.operator_type.list()

    assert "not simulated" in sim.violations[0].text


def test_signed_requests_can_be_built_without_a_call(sim: Simulator) -> None:
    validator = RequestValidator(sim.account.auth_token)
    headers, body = sim.signed_form(f"{BASE}/recording#rc=3", {"RecordingSid": "RE" + UNKNOWN, "Blank": ""})
    url, json_headers, json_body = sim.signed_json(f"{BASE}/ci-webhook", {"a": 1})

    assert body == f"RecordingSid=RE{UNKNOWN}&Blank=".encode()
    form = {"RecordingSid": "RE" + UNKNOWN, "Blank": ""}
    assert validator.validate(f"{BASE}/recording", form, headers["X-Twilio-Signature"])
    assert validator.validate(url, json_body.decode(), json_headers["X-Twilio-Signature"])
    assert url.startswith(f"{BASE}/ci-webhook?bodySHA256=")


@pytest.mark.parametrize(
    "wrong", [{"MediaStartTime": "yesterday"}, {"CustomerKeys": "CA1"}, {"Channel": '{"participants": []}'}]
)
def test_a_wrong_parameter_of_a_transcript_is_refused(
    sim: Simulator, dual: Recording, service_sid: str, wrong: dict[str, object]
) -> None:
    form: dict[str, object] = {"ServiceSid": service_sid, "Channel": json.dumps(channel(dual))}
    answer = sim.http_client().request(
        "POST",
        "https://intelligence.twilio.com/v2/Transcripts",
        data=form | wrong,
        auth=(sim.account.account_sid, sim.account.auth_token),
    )

    assert answer.status_code == 400
    assert sim.state.transcripts == {}


def test_a_recording_still_running_cannot_be_deleted_nor_transcribed(
    sim: Simulator, client: Sdk, scenario: Scenario, application: Application, service_sid: str
) -> None:
    refusals: list[int] = []

    def from_within_the_call(_: httpx.Request) -> httpx.Response:
        (running,) = [one for one in sim.state.recordings.values() if one.channels == 2]
        client.intelligence.v2.transcripts.create(service_sid, channel(running))
        with pytest.raises(TwilioRestException) as refusal:
            client.recordings(running.sid).delete()
        refusals.append(refusal.value.status)
        return httpx.Response(200, text="<Response/>", headers={"Content-Type": "text/xml"})

    application.answers["/after-record"] = from_within_the_call
    sim.place_call(scenario, to=NUMBER)
    sim.complete_transcripts()

    assert refusals == [400]
    assert [violation.code for violation in sim.violations] == ["20001", "95102"]


def test_three_channels_are_refused(sim: Simulator, dual: Recording) -> None:
    path = f"/2010-04-01/Accounts/{sim.account.account_sid}/Recordings/{dual.sid}?RequestedChannels=3"

    assert get(sim, f"https://api.twilio.com{path}")["status"] == 400


def test_another_account_is_not_found(sim: Simulator, call: Call) -> None:
    path = f"/2010-04-01/Accounts/AC{UNKNOWN}/Calls/{call.sid}.json"

    assert get(sim, f"https://api.twilio.com{path}")["code"] == 20404


def test_a_transcript_is_settled_once_whoever_does_it(
    sim: Simulator, client: Sdk, dual: Recording, service_sid: str, application: Application
) -> None:
    client.intelligence.v2.transcripts.create(service_sid, channel(dual))
    (transcript,) = sim.state.transcripts.values()

    sim._transcripts.settle(transcript)
    sim._transcripts.settle(transcript)

    assert application.paths().count("/ci-webhook") == 1
