"""Where nobody outside Twilio knows what it does, the flow comes through whichever it is."""

from twilio.rest import Client

from callscribe_tools.simulator import Scenario, Simulator
from harness.stack import NUMBER, Stack


def store(stack: Stack, twilio: Simulator, scenario: Scenario) -> tuple[str, list[str]]:
    call = twilio.place_call(scenario, to=NUMBER)
    stack.work("request_transcript", "RecordingsQueue")
    twilio.complete_transcripts()
    stack.work("store_insights", "TranscriptsQueue")
    stored = stack.read(call.sid)
    return call.sid, [str(one["state"]) for one in stored.recordings.values()]


def test_a_transcript_that_does_not_tell_its_recording_is_found_by_the_row_of_its_creation(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.unknowns.transcript_channel_echoed = False
    call_sid, states = store(stack, twilio, scenario)
    assert states == ["stored"]
    assert len(stack.read(call_sid).insights[0].sentences) == 1


def test_a_second_request_that_is_refused_in_another_way_adopts_the_transcript_all_the_same(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.unknowns.duplicate_transcript_status = 400
    twilio.unknowns.duplicate_transcript_code = 20001
    call = twilio.place_call(scenario, to=NUMBER)
    (dual,) = (one for one in call.recordings if one.channels == 2)
    # Somebody made the transcript in the console before our worker came to it.
    client = Client(twilio.account.account_sid, twilio.account.auth_token, http_client=twilio.http_client())
    made = client.intelligence.v2.transcripts.create(
        service_sid=next(iter(twilio.account.services)), channel={"media_properties": {"source_sid": dual.sid}}
    )
    stack.work("request_transcript", "RecordingsQueue")
    (recording,) = stack.read(call.sid).recordings.values()
    assert (recording["state"], recording["transcript"]) == ("transcribing", made.sid)


def test_an_unsigned_intelligence_webhook_is_refused_and_changes_nothing(
    stack: Stack, twilio: Simulator, scenario: Scenario
) -> None:
    twilio.unknowns.intelligence_webhook_signed = False
    _, states = store(stack, twilio, scenario)
    assert states == ["transcribing"]
