"""What Twilio refuses or ignores in a TwiML document."""

import httpx
import pytest

from callscribe_tools.simulator import NotSimulatedError, Scenario, SimulationError, Simulator

from .conftest import NUMBER, Application

END = "<Hangup/></Response>"


def refusals(sim: Simulator, scenario: Scenario) -> list[tuple[str, str]]:
    sim.place_call(scenario, to=NUMBER)
    return [(violation.code, violation.text) for violation in sim.violations]


@pytest.mark.parametrize(
    ("twiml", "code", "text"),
    [
        ('<Record recordingChannels="dual" action="/after"/>', "12200", "recordingChannels is not a TwiML"),
        (
            """<Record action="/after" recordingStatusCallbackEvent="['completed']"/>""",
            "12200",
            "recordingStatusCallbackEvent=",
        ),
        ('<Record action="/after" timeout="soon"/>', "12200", "timeout="),
        ('<Record action="/after" maxLength="1"/>', "12200", "maxLength="),
        ('<Record action="/after" finishOnKey="A"/>', "12200", "finishOnKey="),
        ('<Record action="/after" playBeep="yes"/>', "12200", "playBeep="),
        ('<Record action="/after" trim="silence"/>', "12200", "trim="),
        ('<Record action="http://hooks.example.com/after"/>', "http", "not https"),
        ('<Record action="/after" recordingStatusCallback="ftp://hooks.example.com"/>', "12200", "URL"),
        ('<Record action="/after" recordingStatusCallback="http://[127/"/>', "12200", "URL"),
        ('<Start><Recording channels="2"/></Start>', "12200", "channels="),
        ('<Start><Recording track="all"/></Start>', "12200", "track="),
        ('<Start><Recording name="a"/><Recording name="a"/></Start>', "recording", "running already"),
        ('<Stop><Recording name="b"/></Stop>', "recording", "no such recording"),
        ("<Stop><Recording/></Stop>", "recording", "no such recording"),
        ('<Say voice="woman" language="ja-JP">もしもし</Say>', "13511", "not known to speak ja-JP"),
        ('<Say voice="Polly.Nobody">Hello</Say>', "13511", "not known"),
        ('<Say language="xx-XX">Hello</Say>', "13511", "not known for <Say>"),
        (
            '<Say voice="Polly.Joanna" language="ja-JP">Hello</Say>',
            "13511",
            "not known to speak ja-JP; it speaks en-US",
        ),
        ('<Say voice="Google.en-US-Neural2-B" language="en-US">Hello</Say>', "13511", "not known"),
        ("<Say></Say>", "13520", "empty"),
        ("<Say> \N{IDEOGRAPHIC SPACE} </Say>", "13520", "empty"),
        ("<Say>- … -</Say>", "13520", "blank"),
        (f'<Say voice="Polly.Joanna">{"a" * 3001}</Say>', "13521", "3,001 bytes, and the voice speaks at most 3,000"),
        (f'<Say voice="man">{"a" * 4097}</Say>', "13521", "4,097 bytes, and the voice speaks at most 4,096"),
        (f'<Say voice="Google.en-US-Neural2-A">{"a" * 5001}</Say>', "13521", "at most 5,000"),
        (f'<Say voice="Google.en-US-Neural2-A">{"a" * 4501}</Say>', "13521", "4,501 characters once URL-encoded"),
        (f'<Say language="ja-JP">{"録" * 501}</Say>', "13521", "4,509 characters once URL-encoded"),
        ('<Pause length="0"/>', "12200", "length="),
        ('<Hangup reason="rude"/>', "12200", "not a TwiML attribute"),
        ("<Shout>Hello</Shout>", "12200", "no TwiML"),
        ("<Number>+12025550143</Number>", "12200", "no TwiML"),
    ],
)
def test_what_twilio_ignores_in_a_document_is_a_violation(
    sim: Simulator, application: Application, scenario: Scenario, twiml: str, code: str, text: str
) -> None:
    application.answers["/voice"] = f"<Response>{twiml}{END}"
    application.answers["/after"] = "<Response/>"

    ((found, told),) = refusals(sim, scenario)

    assert found == code
    assert text in told
    with pytest.raises(SimulationError, match=code):
        sim.check()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(200, text="<Response/>", headers={"Content-Type": "application/json"}), "12300"),
        (httpx.Response(200, content=b"<Response/>"), "12300"),
        (httpx.Response(200, text="<Response>", headers={"Content-Type": "text/xml"}), "12100"),
        (httpx.Response(200, text="", headers={"Content-Type": "text/xml"}), "12100"),
        (httpx.Response(200, text="<Twiml/>", headers={"Content-Type": "text/xml"}), "12102"),
        (
            httpx.Response(
                200,
                text=f"<Response><Say>{'a' * 65_536}</Say></Response>",
                headers={"Content-Type": "text/xml"},
            ),
            "11750",
        ),
        (httpx.Response(404), "11200"),
        (httpx.Response(302, headers={"Location": "/elsewhere"}), "11200"),
    ],
)
def test_an_answer_that_is_no_twiml_ends_the_call(
    sim: Simulator, application: Application, scenario: Scenario, answer: httpx.Response, code: str
) -> None:
    application.answers["/voice"] = answer

    ((found, _),) = refusals(sim, scenario)

    assert found == code
    assert application.paths() == ["/voice", "/status"]


@pytest.mark.parametrize(
    "twiml",
    [
        "<Dial><Number>+12025550143</Number><Number>+12025550144</Number></Dial>",
        "<Dial>+12025550143<Number>+12025550144</Number></Dial>",
        '<Dial><Number url="/whisper">+12025550143</Number></Dial>',
        "<Dial><Client>agent</Client></Dial>",
        "<Dial><Conference>room</Conference></Dial>",
        "<Dial><Sip>sip:agent@example.com</Sip></Dial>",
        "<Dial><Queue>support</Queue></Dial>",
        '<Dial action="/after" method="GET">+12025550143</Dial>',
        "<Start><Transcription/></Start>",
        '<Say><break time="1s"/>Hello</Say>',
        '<Say loop="0">Hello</Say>',
        '<Record method="GET"/>',
        '<Record transcribe="true"/>',
    ],
)
def test_real_twiml_the_simulator_does_not_play_is_told_apart(
    sim: Simulator, application: Application, scenario: Scenario, twiml: str
) -> None:
    application.answers["/voice"] = f"<Response>{twiml}{END}"

    with pytest.raises(NotSimulatedError):
        sim.place_call(scenario, to=NUMBER)

    assert sim.violations == []


@pytest.mark.parametrize(
    "say",
    [
        '<Say language="ja-JP">もしもし</Say>',
        '<Say voice="Polly.Kazuha-Neural" language="ja-JP">もしもし</Say>',
        '<Say voice="Google.ja-JP-Neural2-B" language="ja-JP">もしもし</Say>',
        '<Say voice="woman" language="en-US" loop="2">Hello</Say>',
        '<Say voice="Google.cmn-CN-Chirp3-HD-Kore" language="zh-CN">你好</Say>',
        '<Say voice="Polly.Rémi-Generative" language="fr-FR">Bonjour</Say>',
        f'<Say voice="Polly.Joanna">{"a" * 3000}</Say>',
        f'<Say voice="Google.en-US-Neural2-A">{"a" * 4500}</Say>',
        f'<Say language="ja-JP">{"録" * 500}</Say>',
    ],
)
def test_known_voices_speak(sim: Simulator, application: Application, scenario: Scenario, say: str) -> None:
    application.answers["/voice"] = f"<Response>{say}{END}"

    assert refusals(sim, scenario) == []


@pytest.mark.parametrize("say", ['<Say voice="Polly.Nobody">Hello</Say>', f"<Say>{'a' * 3001}</Say>", "<Say>...</Say>"])
def test_a_caller_hears_nothing_of_what_twilio_does_not_speak_and_the_call_goes_on(
    sim: Simulator, application: Application, scenario: Scenario, say: str
) -> None:
    application.answers["/voice"] = f"<Response>{say}<Say>Goodbye</Say>{END}"

    call = sim.place_call(scenario, to=NUMBER)

    assert call.said == ["Goodbye"]
    assert len(sim.violations) == 1


@pytest.mark.parametrize("fragment", ["rc=9", "ct=fast", "rp=sometimes", "retries=3"])
def test_an_unknown_connection_override_is_a_violation(sim: Simulator, scenario: Scenario, fragment: str) -> None:
    sim.account.numbers[NUMBER].voice_url += f"#{fragment}"

    assert [code for code, _ in refusals(sim, scenario)] == ["overrides"]


def test_a_webhook_that_is_not_https_is_a_violation(sim: Simulator, scenario: Scenario) -> None:
    sim.account.numbers[NUMBER].status_callback = "http://hooks.example.com/status"

    assert [code for code, _ in refusals(sim, scenario)] == ["http"]


def test_a_callback_s_answer_with_a_body_needs_a_content_type(
    sim: Simulator, application: Application, scenario: Scenario
) -> None:
    application.answers["/status"] = httpx.Response(200, content=b"ok")

    assert [code for code, _ in refusals(sim, scenario)] == ["11200"]
