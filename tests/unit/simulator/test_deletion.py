"""What is deleted at the simulated Twilio leaves no word of what was said, and takes nothing with it that lives on."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from callscribe_tools.simulator import Call, Scenario, Simulator
from callscribe_tools.simulator.scenario import AgentSpeaks, Speak

from .conftest import BASE, NUMBER, Application, Sdk
from .faulty import transcribe

AGENT = "+12025550143"
FOUND = "The account of 4711 was found."


@pytest.fixture
def scenario() -> Scenario:
    """A caller and an agent, each of whom says something nobody else does."""
    return Scenario.model_validate(
        {
            "name": "two speak",
            "agent": {"answers_after": 4},
            "caller": [
                {"wait_for": "agent"},
                {"say": "My account number is forty seven eleven.", "seconds": 4},
                {"agent": "Thank you, I have found your account.", "seconds": 3},
            ],
            "operator_results": [
                {
                    "name": "Conversation Summary",
                    "operator_type": "text-generation",
                    "text_generation_results": {"format": "text", "result": FOUND},
                }
            ],
            "expect": "stored",
        }
    )


@pytest.fixture
def call(sim: Simulator, application: Application, scenario: Scenario) -> Call:
    application.answers["/voice"] = (
        f'<Response><Dial record="record-from-answer-dual" recordingStatusCallback="{BASE}/recording">{AGENT}</Dial>'
        "</Response>"
    )
    return sim.place_call(scenario, to=NUMBER)


@pytest.fixture
def transcript_sid(sim: Simulator, client: Sdk, service_sid: str, call: Call) -> str:
    sid = transcribe(client, service_sid, call)
    sim.complete_transcripts()
    return sid


def texts(thing: Any) -> Iterator[str]:
    """Every text that an object holds, however deep, but for the scenario: that is the caller's script, no copy."""
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, dict):
        yield from texts([*thing.keys(), *thing.values()])
    elif isinstance(thing, list | tuple | set | frozenset):
        for item in thing:
            yield from texts(item)
    elif is_dataclass(thing) and not isinstance(thing, type):
        for field in fields(thing):
            if not (isinstance(thing, Call) and field.name == "scenario"):
                yield from texts(getattr(thing, field.name))


def answers(sim: Simulator, call: Call, transcript_sid: str) -> str:
    """Everything the REST API says of the call, in one."""
    account = sim.account
    base = f"https://api.twilio.com/2010-04-01/Accounts/{account.account_sid}"
    transcripts = "https://intelligence.twilio.com/v2/Transcripts"
    one = f"{transcripts}/{transcript_sid}"
    recording = f"{base}/Recordings/{call.recordings[0].sid}"
    of_call = [f"{base}/Calls.json", f"{base}/Calls/{call.sid}.json", f"{base}/Calls/{call.sid}/Recordings.json"]
    of_recording = [f"{base}/Recordings.json", f"{recording}.json", f"{recording}.wav"]
    of_transcript = [transcripts, one, f"{one}/Sentences", f"{one}/OperatorResults", f"{one}/Media"]
    auth = (account.account_sid, account.auth_token)
    http = sim.http_client()
    return "\n".join(http.request("GET", url, auth=auth).text for url in (*of_call, *of_recording, *of_transcript))


def words_left(sim: Simulator, call: Call, transcript_sid: str) -> set[str]:
    """What of the call's words is still held, or told by the REST API."""
    said = {step.say for step in call.scenario.caller if isinstance(step, Speak)}
    said |= {step.agent for step in call.scenario.caller if isinstance(step, AgentSpeaks)}
    said.add(FOUND)
    held = [*texts(sim.state), answers(sim, call, transcript_sid)]
    return {text for text in said if any(text in one for one in held)}


def test_both_deleted_leave_no_word(sim: Simulator, client: Sdk, call: Call, transcript_sid: str) -> None:
    (recording,) = call.recordings
    assert len(words_left(sim, call, transcript_sid)) == 3

    client.recordings(recording.sid).delete()
    client.intelligence.v2.transcripts(transcript_sid).delete()

    assert words_left(sim, call, transcript_sid) == set()
    assert (recording.status, recording.duration, recording.channels) == ("deleted", 7, 2)
    assert [(one.sid, one.source_sid) for one in sim.state.made] == [(transcript_sid, recording.sid)]


def test_the_other_order_leaves_no_word_either(sim: Simulator, client: Sdk, call: Call, transcript_sid: str) -> None:
    client.intelligence.v2.transcripts(transcript_sid).delete()
    client.recordings(call.recordings[0].sid).delete()

    assert words_left(sim, call, transcript_sid) == set()


def test_a_transcript_outlives_its_recording(sim: Simulator, client: Sdk, call: Call, transcript_sid: str) -> None:
    transcript = client.intelligence.v2.transcripts(transcript_sid)
    before = [(one.sid, one.media_channel, one.start_time, one.transcript) for one in transcript.sentences.list()]

    client.recordings(call.recordings[0].sid).delete()

    after = [(one.sid, one.media_channel, one.start_time, one.transcript) for one in transcript.sentences.list()]
    assert after == before
    assert [text for *_, text in after] == [
        "My account number is forty seven eleven.",
        "Thank you, I have found your account.",
    ]
    assert [one.name for one in transcript.operator_results.list()] == ["Conversation Summary"]
    assert (transcript.fetch().duration, transcript.fetch().status) == (7, "completed")
    sim.check()


def test_a_recording_outlives_its_transcript(sim: Simulator, client: Sdk, call: Call, transcript_sid: str) -> None:
    client.intelligence.v2.transcripts(transcript_sid).delete()

    again = transcribe(client, next(iter(sim.account.services)), call)
    sim.complete_transcripts()

    assert len(client.intelligence.v2.transcripts(again).sentences.list()) == 2


def test_a_recording_deleted_while_it_is_transcribed_is_transcribed_to_its_end(
    sim: Simulator, client: Sdk, call: Call, service_sid: str
) -> None:
    sid = transcribe(client, service_sid, call)
    sim._transcripts.advance(sim.state.transcripts[sid])
    client.recordings(call.recordings[0].sid).delete()
    assert client.intelligence.v2.transcripts(sid).sentences.list() == []

    sim.complete_transcripts()

    assert len(client.intelligence.v2.transcripts(sid).sentences.list()) == 2
    sim.check()


def test_a_recording_deleted_before_its_turn_leaves_nothing_to_hear(
    sim: Simulator, client: Sdk, call: Call, service_sid: str
) -> None:
    sid = transcribe(client, service_sid, call)
    client.recordings(call.recordings[0].sid).delete()

    sim.complete_transcripts()

    assert client.intelligence.v2.transcripts(sid).fetch().status == "failed"
    assert words_left(sim, call, sid) == set()


def test_a_transcript_that_fails_on_its_way_keeps_nothing(
    sim: Simulator, client: Sdk, call: Call, service_sid: str
) -> None:
    sid = transcribe(client, service_sid, call)
    transcript = sim.state.transcripts[sid]
    sim._transcripts.advance(transcript)
    transcript.outcome = transcript.outcome.model_copy(update={"status": "failed"})
    client.recordings(call.recordings[0].sid).delete()

    sim.complete_transcripts()

    assert client.intelligence.v2.transcripts(sid).sentences.list() == []
    assert words_left(sim, call, sid) == set()


def test_what_is_deleted_twice_is_not_found(client: Sdk, call: Call, transcript_sid: str) -> None:
    for one in (client.recordings(call.recordings[0].sid), client.intelligence.v2.transcripts(transcript_sid)):
        one.delete()
        with pytest.raises(TwilioRestException) as gone:
            one.delete()
        assert (gone.value.status, gone.value.code) == (404, 20404)
