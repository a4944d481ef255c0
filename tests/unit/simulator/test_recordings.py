"""Recordings that are silent, short, failed, or never made; and what is told of them."""

import array
import io
import wave
from typing import Any, Literal

import httpx
import pytest
from pydantic import ValidationError

from callscribe_tools.simulator import Account, Call, Recording, Scenario, Simulator, load_scenario

from .conftest import BASE, NUMBER, Application

TOLD = f'recordingStatusCallback="{BASE}/recording" recordingStatusCallbackEvent="completed absent"'


def voicemail(trim: str = "trim-silence") -> str:
    return (
        f'<Response><Say>This call is recorded.</Say><Start><Recording name="call" trim="{trim}" {TOLD}/></Start>'
        '<Record action="/after-record" timeout="5" maxLength="120"/>'
        '<Stop><Recording name="call"/></Stop><Say>Thank you.</Say></Response>'
    )


@pytest.fixture(autouse=True)
def voicemail_application(application: Application) -> None:
    application.answers |= {"/voice": voicemail(), "/after-record": "<Response/>"}


def script(*steps: dict[str, Any], **told: Any) -> Scenario:
    return Scenario.model_validate({"name": "test", "caller": steps, "expect": "stored", **told})


def place(sim: Simulator, scenario: Scenario | str) -> Call:
    return sim.place_call(load_scenario(scenario) if isinstance(scenario, str) else scenario, to=NUMBER)


def dual_and_mono(call: Call) -> tuple[Recording, Recording]:
    dual, mono = call.recordings
    assert (dual.channels, mono.channels) == (2, 1)
    return dual, mono


def test_a_silent_recording_is_saved_whole_and_holds_no_speech(sim: Simulator, application: Application) -> None:
    dual, mono = dual_and_mono(place(sim, "silent_call"))

    assert (dual.status, mono.status) == ("completed", "completed")
    assert dual.seconds == pytest.approx(5.5)
    assert not any(sound.text for sound in dual.sounds)
    assert application.form("/recording")["RecordingDuration"] == str(dual.duration)


def test_a_silent_recording_is_absent_where_twilio_makes_none(sim: Simulator, application: Application) -> None:
    sim.unknowns.silent_recording = "absent"

    dual, mono = dual_and_mono(place(sim, "silent_call"))

    assert (dual.status, mono.status) == ("absent", "absent")
    form = application.form("/recording")
    assert (form["RecordingStatus"], form["ErrorCode"]) == ("absent", "16102")
    assert "RecordingDuration" not in form


@pytest.mark.parametrize(
    ("trim", "status", "code"), [("trim-silence", "absent", 16101), ("do-not-trim", "completed", 0)]
)
def test_where_a_beep_is_a_sound_a_recording_of_it_is_not_silent(
    sim: Simulator, application: Application, trim: str, status: str, code: int
) -> None:
    sim.unknowns.own_sounds_are_silence = False
    sim.unknowns.silent_recording = "absent"
    application.answers["/voice"] = voicemail(trim)

    dual, _ = dual_and_mono(place(sim, "silent_call"))

    # Trimmed, half a second of beep is left.
    assert (dual.status, dual.error_code) == (status, code)


@pytest.mark.parametrize(("variant", "status"), [("saved", "completed"), ("absent", "absent")])
def test_a_silent_conversation_exists_in_both_variants(
    sim: Simulator, application: Application, variant: Literal["saved", "absent"], status: str
) -> None:
    sim.unknowns.silent_recording = variant
    application.answers["/voice"] = (
        f'<Response><Dial record="record-from-answer-dual" {TOLD} action="/dialled">+12025550143</Dial></Response>'
    )
    application.answers["/dialled"] = "<Response/>"
    silence = script({"wait_for": "agent"}, {"wait": 5}, agent={"answers_after": 3})

    (recording,) = place(sim, silence).recordings

    assert recording.status == status
    assert application.form("/recording")["RecordingStatus"] == status
    assert ("RecordingUrl" in application.form("/dialled")) == (status == "completed")


def test_twilio_s_own_words_are_no_silence(sim: Simulator, application: Application) -> None:
    sim.unknowns.silent_recording = "absent"
    application.answers["/voice"] = (
        f"<Response><Start><Recording {TOLD}/></Start><Say>Nobody is here at the moment.</Say></Response>"
    )

    (recording,) = place(sim, "silent_call").recordings

    assert recording.status == "completed"


@pytest.mark.parametrize(
    ("status", "code"), [("failed", 16104), ("failed", 16106), ("absent", 16101), ("absent", 16102)]
)
def test_a_scenario_may_let_the_dual_recording_fail_and_keeps_the_mono_one(
    sim: Simulator, application: Application, status: str, code: int
) -> None:
    speaks = ({"wait_for": "beep"}, {"say": "Can you hear me?", "seconds": 3})

    call = place(sim, script(*speaks, recording={"status": status, "error_code": code}))

    dual, mono = dual_and_mono(call)
    assert (dual.status, dual.error_code) == (status, code)
    assert (mono.status, mono.error_code) == ("completed", 0)
    form = application.form("/recording")
    assert (form["RecordingStatus"], form["ErrorCode"]) == (status, str(code))
    assert "RecordingDuration" not in form


def test_one_second_is_a_completed_recording_of_one_second(sim: Simulator, application: Application) -> None:
    dual, mono = dual_and_mono(place(sim, "one_second"))

    assert (dual.status, dual.duration) == ("completed", 1)
    assert application.form("/recording")["RecordingDuration"] == "1"
    assert mono.error_code == 16101


@pytest.mark.parametrize("steps", [({"hang_up": True},), ({"wait": 1}, {"hang_up": True})])
def test_who_hangs_up_before_or_in_the_greeting_is_not_recorded(
    sim: Simulator, application: Application, steps: tuple[dict[str, Any], ...]
) -> None:
    call = place(sim, script(*steps))

    assert call.recordings == []
    assert application.paths() == ["/voice", "/status"]
    assert application.form("/status")["CallStatus"] == "completed"


def test_who_hangs_up_at_once_is_not_recorded_even_without_a_greeting(sim: Simulator, application: Application) -> None:
    application.answers["/voice"] = f"<Response><Start><Recording {TOLD}/></Start><Record/></Response>"

    assert place(sim, script({"hang_up": True})).recordings == []


def test_the_scenario_of_a_hang_up_in_the_greeting_makes_no_recording(sim: Simulator) -> None:
    assert place(sim, "hang_up_in_greeting").recordings == []


def test_the_source_of_the_noun_has_the_name_that_twilio_may_use(
    sim: Simulator, application: Application, scenario: Scenario
) -> None:
    sim.unknowns.noun_recording_source = "StartCallRecordingTwiML"

    place(sim, scenario)

    assert application.form("/recording")["RecordingSource"] == "StartCallRecordingTwiML"


def test_a_relative_callback_of_the_noun_is_resolved(
    sim: Simulator, application: Application, scenario: Scenario
) -> None:
    application.answers["/voice"] = voicemail().replace(BASE, "")

    place(sim, scenario)

    assert application.form("/recording")["RecordingStatus"] == "completed"
    sim.check()


def test_a_relative_callback_of_the_noun_may_be_refused(
    sim: Simulator, application: Application, scenario: Scenario
) -> None:
    sim.unknowns.noun_relative_callback = "refused"
    application.answers["/voice"] = voicemail().replace(BASE, "")

    place(sim, scenario)

    assert "/recording" not in application.paths()
    assert [violation.code for violation in sim.violations] == ["11200"]


def test_an_absolute_callback_of_the_noun_is_never_refused(
    sim: Simulator, application: Application, scenario: Scenario
) -> None:
    sim.unknowns.noun_relative_callback = "refused"

    place(sim, scenario)

    assert application.form("/recording")["RecordingStatus"] == "completed"


def test_a_failing_action_of_record_goes_to_the_fallback_url_whose_addresses_may_be_relative(
    sim: Simulator, application: Application, account: Account, scenario: Scenario
) -> None:
    account.numbers[NUMBER].voice_fallback_url = f"{BASE}/deep/fallback"
    application.answers["/after-record"] = [
        httpx.Response(200, text=text, headers={"Content-Type": "text/xml"}) for text in ("no TwiML", "<Response/>")
    ]
    application.answers["/deep/fallback"] = (
        '<Response><Record recordingStatusCallback="/fallback-recording" action="/after-record"/></Response>'
    )

    call = place(sim, scenario)

    form = application.form("/deep/fallback")
    assert (form["ErrorCode"], form["ErrorUrl"]) == ("12100", f"{BASE}/after-record")
    assert form["CallSid"] == call.sid
    assert application.form("/fallback-recording")["RecordingSource"] == "RecordVerb"


def test_a_recording_cannot_be_told_to_fail_with_a_code_that_means_something_else() -> None:
    with pytest.raises(ValidationError):
        script(recording={"status": "failed", "error_code": 11200})


def test_media_sound_while_somebody_speaks_and_are_silent_else(sim: Simulator, scenario: Scenario) -> None:
    dual, _ = dual_and_mono(sim.place_call(scenario, to=NUMBER))

    with wave.open(io.BytesIO(dual.wav(2))) as file:
        samples = array.array("h", file.readframes(file.getnframes()))

    tenths = [samples[start : start + 2 * 800] for start in range(0, len(samples), 2 * 800)]
    caller, twilio = ([any(tenth[channel::2]) for tenth in tenths] for channel in (0, 1))
    # Half a second of beep, half a second of nothing, three seconds of the caller.
    assert caller == [False] * 10 + [True] * 30
    assert twilio == [True] * 5 + [False] * 35
