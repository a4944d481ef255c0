"""A <Dial>: the agent's leg, what is recorded, and what the application is told."""

from typing import Any

import httpx
import pytest

from callscribe_tools.simulator import (
    Account,
    Call,
    NotSimulatedError,
    Scenario,
    SimulationError,
    Simulator,
    load_scenario,
)

from .conftest import BASE, GOOD_TWIML, NUMBER, Application

CALLER = "+12025550142"
AGENT = "+12025550143"
RECORDED = f'recordingStatusCallback="{BASE}/recording" recordingStatusCallbackEvent="in-progress completed absent"'
DUAL = f'record="record-from-answer-dual" {RECORDED} action="{BASE}/dialled" timeout="20"'

TALK: tuple[dict[str, Any], ...] = (
    {"wait_for": "agent"},
    {"agent": "Support, good morning.", "seconds": 2},
    {"say": "Good morning, it is broken.", "seconds": 3},
)


@pytest.fixture(autouse=True)
def dialling(application: Application) -> Application:
    dial(application, DUAL)
    application.answers["/dialled"] = "<Response><Hangup/></Response>"
    return application


def dial(application: Application, attributes: str, then: str = "", number: str = AGENT) -> None:
    application.answers["/voice"] = (
        f"<Response><Say>One moment, please.</Say><Dial {attributes}>{number}</Dial>{then}</Response>"
    )


def script(*steps: dict[str, Any], agent: dict[str, Any] | None = None) -> Scenario:
    return Scenario.model_validate(
        {"name": "test", "caller": steps, "agent": agent or {"answers_after": 4}, "expect": "stored"}
    )


def place(sim: Simulator, scenario: Scenario) -> Call:
    return sim.place_call(scenario, to=NUMBER, from_=CALLER)


def child_of(sim: Simulator, call: Call) -> Call:
    (child,) = [one for one in sim.state.calls.values() if one.parent_call_sid == call.sid]
    return child


def test_an_agent_who_answers_is_a_leg_of_its_own(sim: Simulator) -> None:
    call = place(sim, script(*TALK))

    sim.check()
    child = child_of(sim, call)
    assert (child.from_, child.to, child.status, child.seconds) == (CALLER, AGENT, "completed", 5)
    assert (call.status, call.seconds) == ("completed", round(19 / 15 + 4 + 5))


def test_the_two_are_recorded_in_a_channel_each_without_what_twilio_said(sim: Simulator) -> None:
    call = place(sim, script(*TALK))

    (recording,) = call.recordings
    assert (recording.source, recording.channels, recording.call_sid) == ("DialVerb", 2, call.sid)
    assert recording.status == "completed"
    assert recording.seconds == pytest.approx(5)
    assert [(recording.channel_of(sound), sound.text) for sound in recording.sounds] == [
        (2, "Support, good morning."),
        (1, "Good morning, it is broken."),
    ]


def test_the_action_is_told_how_the_dial_ended(sim: Simulator, dialling: Application) -> None:
    call = place(sim, script(*TALK))

    form = dialling.form("/dialled")
    assert form["CallSid"] == call.sid
    assert form["CallStatus"] == "in-progress"
    assert form["DialCallSid"] == child_of(sim, call).sid
    assert (form["DialCallStatus"], form["DialCallDuration"], form["DialBridged"]) == ("completed", "5", "true")
    assert form["RecordingUrl"].endswith(call.recordings[0].sid)


def test_the_recording_is_told_when_it_starts_and_after_the_action(sim: Simulator, dialling: Application) -> None:
    place(sim, script(*TALK))

    assert dialling.paths() == ["/voice", "/recording", "/dialled", "/recording", "/status"]
    started, completed = dialling.forms("/recording")
    assert (started["RecordingStatus"], completed["RecordingStatus"]) == ("in-progress", "completed")
    assert completed["RecordingSource"] == "DialVerb"
    assert (completed["RecordingChannels"], completed["RecordingTrack"]) == ("2", "both")


@pytest.mark.parametrize(
    ("agent", "status"),
    [
        ({"does": "busy"}, "busy"),
        ({"does": "no-answer"}, "no-answer"),
        ({"does": "failed"}, "failed"),
        ({"answers_after": 20}, "no-answer"),
    ],
)
def test_who_is_not_reached_is_not_recorded_and_the_action_goes_on(
    sim: Simulator, dialling: Application, agent: dict[str, Any], status: str
) -> None:
    dialling.answers["/dialled"] = GOOD_TWIML

    call = place(sim, script({"wait_for": "beep"}, {"say": "Call me back.", "seconds": 2}, agent=agent))

    sim.check()
    form = dialling.form("/dialled")
    assert (form["DialCallStatus"], form["DialBridged"]) == (status, "false")
    assert not {"DialCallDuration", "RecordingUrl"} & set(form)
    assert child_of(sim, call).status == status
    assert [recording.source for recording in call.recordings] == ["StartCallRecordingAPI", "RecordVerb"]


def test_a_phone_nobody_answers_rings_for_the_timeout(sim: Simulator) -> None:
    call = place(sim, script(agent={"does": "no-answer"}))

    assert call.seconds == round(19 / 15 + 20)


def test_who_hangs_up_on_the_agent_ends_the_call_and_the_action_is_told(sim: Simulator, dialling: Application) -> None:
    dialling.answers["/dialled"] = "<Response><Say>Nobody hears this.</Say></Response>"

    call = place(sim, script(*TALK, {"hang_up": True}))

    form = dialling.form("/dialled")
    assert (form["CallStatus"], form["DialCallStatus"]) == ("completed", "completed")
    assert call.said == ["One moment, please."]
    assert call.recordings[0].status == "completed"


def test_who_hangs_up_while_it_rings_is_not_recorded(sim: Simulator, dialling: Application) -> None:
    call = place(sim, script({"wait": 3}, {"hang_up": True}))

    form = dialling.form("/dialled")
    assert (form["CallStatus"], form["DialCallStatus"]) == ("completed", "canceled")
    assert child_of(sim, call).status == "canceled"
    assert (call.recordings, call.seconds) == ([], 3)


def test_without_an_action_the_next_verb_is_played(sim: Simulator, application: Application) -> None:
    dial(application, "", then="<Say>Goodbye.</Say>")

    call = place(sim, script(*TALK))

    assert call.said == ["One moment, please.", "Goodbye."]
    assert call.recordings == []
    assert application.paths() == ["/voice", "/status"]


def test_without_an_action_a_hang_up_ends_the_call(sim: Simulator, application: Application) -> None:
    dial(application, "", then="<Say>Goodbye.</Say>")

    assert place(sim, script(*TALK, {"hang_up": True})).said == ["One moment, please."]


@pytest.mark.parametrize(
    ("record", "channels", "seconds"),
    [
        ("record-from-answer", 1, 5),
        ("true", 1, 5),
        ("record-from-ringing", 1, 9),
        ("record-from-ringing-dual", 2, 9),
    ],
)
def test_every_way_to_record_a_dial(
    sim: Simulator, dialling: Application, record: str, channels: int, seconds: float
) -> None:
    dial(dialling, f'record="{record}" action="/dialled"')

    (recording,) = place(sim, script(*TALK)).recordings

    assert recording.channels == channels
    assert recording.seconds == pytest.approx(seconds)


@pytest.mark.parametrize("record", ["false", "do-not-record"])
def test_a_dial_that_is_not_to_be_recorded_is_not(sim: Simulator, dialling: Application, record: str) -> None:
    dial(dialling, f'record="{record}" action="/dialled"')

    assert place(sim, script(*TALK)).recordings == []
    assert "RecordingUrl" not in dialling.form("/dialled")


@pytest.mark.parametrize(
    ("track", "heard"), [("inbound", ["Good morning, it is broken."]), ("outbound", [TALK[1]["agent"]])]
)
def test_one_track_of_a_dial_holds_one_side(
    sim: Simulator, dialling: Application, track: str, heard: list[str]
) -> None:
    dial(dialling, f'{DUAL} recordingTrack="{track}"')

    (recording,) = place(sim, script(*TALK)).recordings

    assert [sound.text for sound in recording.sounds] == heard
    assert dialling.forms("/recording")[-1]["RecordingTrack"] == track


def test_a_trimmed_dial_recording_begins_with_the_first_word(sim: Simulator, dialling: Application) -> None:
    dial(dialling, f'{DUAL} trim="trim-silence"')
    talk = script({"wait_for": "agent"}, {"wait": 2}, {"say": "Hello?", "seconds": 3}, {"wait": 1})

    assert place(sim, talk).recordings[0].seconds == pytest.approx(3)


def test_the_time_limit_ends_the_conversation(sim: Simulator, dialling: Application) -> None:
    dial(dialling, f'{DUAL} timeLimit="3"')

    (recording,) = place(sim, script(*TALK)).recordings

    assert recording.seconds == pytest.approx(3)
    assert dialling.form("/dialled")["DialCallDuration"] == "3"


def test_the_star_ends_the_conversation_only_where_it_is_asked_for(sim: Simulator, dialling: Application) -> None:
    talk = script({"wait_for": "agent"}, {"say": "Oh.", "seconds": 1}, {"press": "*"}, {"agent": "Yes?", "seconds": 2})

    dial(dialling, f'{DUAL} hangupOnStar="true"')
    assert place(sim, talk).recordings[0].seconds == pytest.approx(1)
    dial(dialling, DUAL)
    assert place(sim, talk).recordings[0].seconds == pytest.approx(3)


def test_the_agent_hangs_up_before_the_caller_waits_for_something_else(sim: Simulator, dialling: Application) -> None:
    dialling.answers["/dialled"] = GOOD_TWIML

    call = place(sim, script(*TALK, {"wait_for": "beep"}, {"say": "One more thing.", "seconds": 2}))

    assert [sound.text for sound in call.recordings[-1].sounds] == ["One more thing."]


def test_a_recording_started_before_the_dial_holds_everybody(sim: Simulator, dialling: Application) -> None:
    dialling.answers["/voice"] = (
        f'<Response><Start><Recording/></Start><Say>Hello.</Say><Dial action="/dialled">{AGENT}</Dial></Response>'
    )

    (recording,) = place(sim, script(*TALK)).recordings

    assert [(recording.channel_of(sound), sound.text) for sound in recording.sounds] == [
        (2, "Hello."),
        (2, "Support, good morning."),
        (1, "Good morning, it is broken."),
    ]


def test_a_number_noun_is_dialled_like_plain_text(sim: Simulator, dialling: Application) -> None:
    dial(dialling, DUAL, number=f"<Number>{AGENT}</Number>")

    assert child_of(sim, place(sim, script(*TALK))).to == AGENT


def test_the_agent_may_be_shown_the_number_that_was_called(sim: Simulator, dialling: Application) -> None:
    dial(dialling, f'{DUAL} callerId="{NUMBER}"')

    assert child_of(sim, place(sim, script(*TALK))).from_ == NUMBER
    sim.check()


@pytest.mark.parametrize(
    ("attributes", "number", "code", "told"),
    [
        ("", "agent", "13223", "no phone number in E.164"),
        ("", "", "13223", "no phone number in E.164"),
        ('callerId="+12025550177"', AGENT, "13214", "neither the caller's nor a number of the account"),
    ],
)
def test_a_dial_that_twilio_cannot_make_is_a_violation_and_told_as_failed(
    sim: Simulator, dialling: Application, attributes: str, number: str, code: str, told: str
) -> None:
    dial(dialling, f'{attributes} action="/dialled"', number=number)

    place(sim, script(*TALK))

    ((found, text),) = [(violation.code, violation.text) for violation in sim.violations]
    assert found == code
    assert told in text
    form = dialling.form("/dialled")
    assert form["DialCallStatus"] == "failed"
    assert "DialCallSid" not in form


@pytest.mark.parametrize("caller", ["+266696687", "anonymous", "", "client:alice", "+15"])
@pytest.mark.parametrize("shown", [True, False])
def test_a_caller_id_that_is_no_number_is_dialled_for_nobody(
    caller: str,
    shown: bool,  # noqa: FBT001 (a table)
    sim: Simulator,
    dialling: Application,
) -> None:
    dial(dialling, f'{DUAL} callerId="{caller}"' if shown else DUAL)

    sim.place_call(script(*TALK), to=NUMBER, from_=caller)

    assert {violation.code for violation in sim.violations} == {"13214"}
    assert len(sim.state.calls) == 1


def test_a_scenario_may_withhold_the_number(sim: Simulator, application: Application) -> None:
    sim.place_call(script(*TALK).model_copy(update={"withheld": "restricted"}), to=NUMBER)

    assert application.form("/voice")["From"] == "+7378742833"


@pytest.mark.parametrize(
    "attribute",
    [
        'record="dual"',
        'recordingTrack="all"',
        'timeout="soon"',
        'timeLimit="0"',
        'answerOnBridge="yes"',
        'hangupOnStar="1"',
        'trim="silence"',
        "recordingStatusCallbackEvent=\"['completed']\"",
        'recordingStatusCallback="ftp://hooks.example.com"',
        f'callReason="{"x" * 51}"',
        'recordingChannels="dual"',
    ],
)
def test_what_twilio_ignores_on_a_dial_is_a_violation(sim: Simulator, dialling: Application, attribute: str) -> None:
    dial(dialling, f'action="/dialled" {attribute}')

    place(sim, script(*TALK))

    ((code, text),) = [(violation.code, violation.text) for violation in sim.violations]
    assert code == "12200"
    assert attribute.partition("=")[0] in text


def test_a_number_without_its_country_is_not_simulated(sim: Simulator, dialling: Application) -> None:
    dial(dialling, DUAL, number="(202) 555-0143")

    with pytest.raises(NotSimulatedError, match=r"write \+1"):
        place(sim, script(*TALK))


def test_a_scenario_without_an_agent_cannot_be_dialled(sim: Simulator, scenario: Scenario) -> None:
    with pytest.raises(SimulationError, match="has no agent"):
        place(sim, scenario)


def test_a_failing_action_of_a_dial_goes_to_the_fallback_url(
    sim: Simulator, dialling: Application, account: Account
) -> None:
    account.numbers[NUMBER].voice_fallback_url = f"{BASE}/deep/fallback"
    dialling.answers["/dialled"] = httpx.Response(500)
    dialling.answers["/deep/fallback"] = (
        '<Response><Record recordingStatusCallback="/recording" action="/after-record"/></Response>'
    )

    place(sim, script({"wait_for": "beep"}, {"say": "Call me.", "seconds": 2}, agent={"does": "busy"}))

    form = dialling.form("/deep/fallback")
    assert (form["ErrorCode"], form["ErrorUrl"]) == ("11200", f"{BASE}/dialled")
    assert dialling.form("/recording")["RecordingSource"] == "RecordVerb"


def test_the_agent_of_the_scenario_speaks_on_the_second_channel(sim: Simulator) -> None:
    (recording,) = place(sim, load_scenario("agent_answers")).recordings

    channels = [recording.channel_of(sound) for sound in recording.sounds]
    assert len(channels) >= 6
    assert {1, 2} == set(channels)
    sim.check()


def test_a_call_of_two_thousand_five_hundred_sentences_is_recorded_whole(sim: Simulator) -> None:
    (recording,) = place(sim, load_scenario("long_call")).recordings

    assert len(recording.sounds) == 2500
    assert recording.duration == 7500
    assert [sum(recording.channel_of(sound) == channel for sound in recording.sounds) for channel in (1, 2)] == [
        1250
    ] * 2
