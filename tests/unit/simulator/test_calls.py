"""A call from the first request to the last callback."""

import httpx
import pytest
from twilio.request_validator import RequestValidator

from callscribe_tools.simulator import Account, Call, Scenario, SimulationError, Simulator

from .conftest import BASE, GOOD_TWIML, NUMBER, Application, form_of


def place(sim: Simulator, scenario: Scenario) -> Call:
    return sim.place_call(scenario, to=NUMBER, from_="+12025550142")


def caller(*steps: dict[str, object]) -> Scenario:
    return Scenario.model_validate({"name": "test", "caller": steps, "expect": "stored"})


def test_a_good_flow_passes_without_violations(sim: Simulator, scenario: Scenario, application: Application) -> None:
    call = place(sim, scenario)

    sim.check()
    assert call.status == "completed"
    assert application.paths() == ["/voice", "/after-record", "/status", "/recording"]
    assert call.said == ["Please speak after the beep.", "Thank you."]


def test_every_request_is_signed_on_the_url_without_its_fragment(
    sim: Simulator, scenario: Scenario, application: Application, account: Account
) -> None:
    place(sim, scenario)

    validator = RequestValidator(account.auth_token)
    for request in application.requests:
        signature = request.headers["X-Twilio-Signature"]
        assert validator.validate(str(request.url), form_of(request), signature)
        assert "#" not in str(request.url)
        assert request.headers["User-Agent"] == "TwilioProxy/1.1"
        assert request.headers["I-Twilio-Idempotency-Token"]


def test_the_first_request_tells_the_call_with_its_blank_parameters(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    call = place(sim, scenario)

    form = application.form("/voice")
    assert form["CallSid"] == call.sid
    assert (form["From"], form["To"]) == ("+12025550142", NUMBER)
    assert form["CallStatus"] == "ringing"
    assert form["CallerName"] == ""
    assert form["ToCity"] == ""


def test_the_action_request_tells_the_recording(sim: Simulator, scenario: Scenario, application: Application) -> None:
    call = place(sim, scenario)

    form = application.form("/after-record")
    (mono,) = [one for one in call.recordings if one.source == "RecordVerb"]
    assert form["RecordingSid"] == mono.sid
    assert form["RecordingDuration"] == "3"
    assert form["RecordingUrl"].endswith(mono.sid)
    assert "Digits" not in form


def test_the_recording_callback_has_the_captured_order_and_the_noun_s_track(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    place(sim, scenario)

    form = application.form("/recording")
    assert list(form) == [
        "RecordingSource",
        "RecordingSid",
        "RecordingUrl",
        "RecordingStatus",
        "RecordingChannels",
        "ErrorCode",
        "CallSid",
        "RecordingStartTime",
        "AccountSid",
        "RecordingDuration",
        "RecordingTrack",
    ]
    assert form["RecordingChannels"] == "2"
    assert form["RecordingSource"] == "StartCallRecordingAPI"
    assert form["RecordingStartTime"].endswith("+0000")


def test_the_status_callback_tells_the_ended_call(sim: Simulator, scenario: Scenario, application: Application) -> None:
    call = place(sim, scenario)

    form = application.form("/status")
    assert form["CallStatus"] == "completed"
    assert form["CallDuration"] == str(call.seconds)
    assert form["Duration"] == "1"
    assert form["CallbackSource"] == "call-progress-events"


def test_a_recording_started_before_the_greeting_holds_the_greeting(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    application.answers["/voice"] = (
        '<Response><Start><Recording/></Start><Say>Hello there.</Say><Record action="/after-record"/></Response>'
    )
    application.answers["/after-record"] = "<Response/>"

    call = place(sim, scenario)

    dual = call.recordings[0]
    assert [(dual.channel_of(sound), sound.text) for sound in dual.sounds if sound.text] == [
        (2, "Hello there."),
        (1, "We cannot log in to your account system."),
    ]


def test_a_recording_still_running_ends_with_the_call(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    application.answers["/after-record"] = "<Response><Say>Thank you.</Say></Response>"

    call = place(sim, scenario)

    dual = call.recordings[0]
    assert dual.status == "completed"
    assert dual.sounds[-1].text == "Thank you."
    sim.check()


def test_hanging_up_while_recorded_requests_the_action_with_hangup(sim: Simulator, application: Application) -> None:
    call = place(sim, caller({"wait_for": "beep"}, {"say": "Never mind.", "seconds": 2}, {"hang_up": True}))

    form = application.form("/after-record")
    assert form["Digits"] == "hangup"
    assert form["CallStatus"] == "completed"
    assert call.said == ["Please speak after the beep."]


def test_a_key_ends_the_recording_and_is_told(sim: Simulator, application: Application) -> None:
    place(sim, caller({"wait_for": "beep"}, {"say": "That is all.", "seconds": 2}, {"press": "#"}))

    assert application.form("/after-record")["Digits"] == "#"


def test_hanging_up_in_the_greeting_makes_no_recording_and_one_status_callback(
    sim: Simulator, application: Application
) -> None:
    call = place(sim, caller({"wait": 1}, {"hang_up": True}))

    assert call.recordings == []
    assert call.seconds == 1
    assert application.paths() == ["/voice", "/status"]


def test_speaking_before_the_greeting_ends_is_recorded_only_from_the_recording_on(sim: Simulator) -> None:
    call = place(sim, caller({"say": "one two three four five six", "seconds": 6}, {"wait_for": "beep"}))

    # The greeting takes 28 / 15 s and the beep half a second: of six words about four are left.
    mono = call.recordings[1]
    assert mono.sounds[0].text == "three four five six"
    assert mono.seconds == pytest.approx(6 - 28 / 15 - 0.5)


def test_max_length_ends_a_recording(sim: Simulator, application: Application) -> None:
    application.answers["/voice"] = '<Response><Record maxLength="4" action="/after-record"/></Response>'
    application.answers["/after-record"] = "<Response/>"

    call = place(sim, caller({"wait_for": "beep"}, {"say": "on and on " * 9, "seconds": 60}))

    assert call.recordings[0].seconds == pytest.approx(4)


def test_a_short_recording_is_absent_and_goes_on_with_the_next_verb(sim: Simulator, application: Application) -> None:
    application.answers["/voice"] = (
        f'<Response><Record playBeep="false" trim="trim-silence" recordingStatusCallback="{BASE}/recording"'
        ' recordingStatusCallbackEvent="completed absent"/><Say>Nothing was heard.</Say></Response>'
    )

    call = place(sim, caller({"say": "Oh", "seconds": 0.4}))

    assert call.said == ["Nothing was heard."]
    form = application.form("/recording")
    assert (form["RecordingStatus"], form["ErrorCode"]) == ("absent", "16101")
    assert "RecordingDuration" not in form


def test_an_absent_recording_is_not_told_to_who_did_not_subscribe(sim: Simulator, application: Application) -> None:
    application.answers["/voice"] = (
        f'<Response><Record recordingStatusCallback="{BASE}/recording"/><Hangup/></Response>'
    )

    place(sim, caller({"wait_for": "beep"}, {"say": "Oh", "seconds": 0.4}))

    assert "/recording" not in application.paths()


@pytest.mark.parametrize(("variant", "status"), [("saved", "completed"), ("absent", "absent")])
def test_a_silent_recording_exists_in_both_variants(
    sim: Simulator, application: Application, variant: str, status: str
) -> None:
    sim.unknowns.silent_recording = "saved" if variant == "saved" else "absent"
    application.answers["/voice"] = '<Response><Record action="/after-record"/></Response>'
    application.answers["/after-record"] = "<Response/>"

    call = place(sim, caller())

    assert call.recordings[0].status == status
    assert ("/after-record" in application.paths()) == (status == "completed")


def test_a_record_without_action_requests_its_own_document_until_the_simulator_stops_it(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    application.answers["/voice"] = "<Response><Record/></Response>"

    with pytest.raises(SimulationError, match="give <Record> an action"):
        place(sim, scenario)

    assert application.paths() == ["/voice"] * 21


def test_a_5xx_is_retried_only_where_the_url_asks_for_it(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    application.answers["/recording"] = [httpx.Response(500), httpx.Response(503), httpx.Response(204)]
    application.answers["/status"] = httpx.Response(500)

    place(sim, scenario)

    assert application.paths().count("/recording") == 3
    assert application.paths().count("/status") == 1
    tokens = {
        request.headers["I-Twilio-Idempotency-Token"]
        for request in application.requests
        if request.url.path == "/recording"
    }
    assert len(tokens) == 1
    assert [(one.code, one.where) for one in sim.violations] == [("11200", f"{BASE}/status")]


def test_a_refused_connection_is_tried_once_more(
    account: Account, scenario: Scenario, application: Application
) -> None:
    attempts = []

    def refuse_once(request: httpx.Request) -> httpx.Response:
        attempts.append(request)
        if len(attempts) == 1:
            raise httpx.ConnectError("refused", request=request)
        return application(request)

    sim = Simulator(account, httpx.MockTransport(refuse_once))

    place(sim, scenario)

    sim.check()
    assert [exchange.status for exchange in sim.state.exchanges][:2] == [None, 200]


def test_a_failing_application_is_replaced_by_the_fallback_url(
    sim: Simulator, scenario: Scenario, application: Application, account: Account
) -> None:
    application.answers["/voice"] = httpx.Response(500)
    application.answers["/fallback"] = GOOD_TWIML
    account.numbers[NUMBER].voice_fallback_url = f"{BASE}/fallback"

    call = place(sim, scenario)

    form = application.form("/fallback")
    assert (form["ErrorCode"], form["ErrorUrl"]) == ("11200", f"{BASE}/voice")
    assert len(call.recordings) == 2


def test_a_number_the_account_does_not_have_cannot_be_called(sim: Simulator, scenario: Scenario) -> None:
    with pytest.raises(SimulationError, match="no number"):
        sim.place_call(scenario, to="+12025550199")


def test_progress_is_told_line_by_line(sim: Simulator, scenario: Scenario) -> None:
    lines: list[str] = []

    sim.place_call(scenario, to=NUMBER, progress=lines.append)

    assert lines[0] == f"+12025550142 calls {NUMBER}"
    assert "Twilio says: Thank you." in lines


def test_a_failing_fallback_url_ends_the_call(
    sim: Simulator, scenario: Scenario, application: Application, account: Account
) -> None:
    application.answers["/voice"] = httpx.Response(500)
    application.answers["/fallback"] = "no TwiML"
    account.numbers[NUMBER].voice_fallback_url = f"{BASE}/fallback"

    place(sim, scenario)

    assert application.paths() == ["/voice", "/fallback", "/status"]
    assert [violation.code for violation in sim.violations] == ["11200", "12100"]


def test_silence_ends_a_recording_before_the_caller_speaks_again(sim: Simulator) -> None:
    call = place(
        sim,
        caller(
            {"wait_for": "beep"},
            {"say": "Hello?", "seconds": 2},
            {"wait": 6},
            {"say": "Anybody?", "seconds": 2},
        ),
    )

    assert [sound.text for sound in call.recordings[1].sounds] == ["Hello?"]


def test_a_key_that_does_not_finish_the_recording_changes_nothing(sim: Simulator, application: Application) -> None:
    application.answers["/voice"] = '<Response><Record finishOnKey="#" action="/after-record"/></Response>'
    application.answers["/after-record"] = "<Response/>"

    call = place(sim, caller({"wait_for": "beep"}, {"press": "1"}, {"wait": 1}, {"say": "Go on.", "seconds": 2}))

    assert "Digits" not in application.form("/after-record")
    assert call.recordings[0].sounds[0].text == "Go on."


def test_a_caller_who_is_still_speaking_at_the_beep_finishes_first(sim: Simulator) -> None:
    call = place(
        sim,
        caller({"say": "first", "seconds": 6}, {"wait_for": "beep"}, {"say": "second", "seconds": 2}),
    )

    first, second = call.recordings[1].sounds
    assert second.start == first.end


def test_the_overrides_set_the_timeouts_of_a_request(
    sim: Simulator, scenario: Scenario, application: Application, account: Account
) -> None:
    account.numbers[NUMBER].voice_url += "#ct=700&rt=900"

    place(sim, scenario)

    voice, _, status, _ = (request.extensions["timeout"] for request in application.requests)
    assert (voice["connect"], voice["read"]) == (0.7, 0.9)
    assert (status["connect"], status["read"]) == (5.0, 15.0)
