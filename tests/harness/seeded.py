"""A call at the simulated Twilio that has already taken place: the one the files under `events/` tell of."""

from datetime import UTC, datetime

from callscribe_tools.simulator import Call, Recording, Scenario, Simulator, Transcript
from callscribe_tools.simulator.timeline import Sound
from harness.stack import CALLER, NUMBER, SERVICE_SID

CALL_SID = "CA3f9d0c62a1b74e58961c2d7e8f304ab5"
WITHHELD_CALL_SID = "CA7b20e4d915c8463fa0e6d1b9527c8e34"
RECORDING_SID = "RE5a1c7e9240d84b36b7f3018e6c9d25a4"
MONO_RECORDING_SID = "REc8d41f06e3924a7d95b60f2ae718b3d9"
ABSENT_RECORDING_SID = "RE0e6b83f1d25a4c97a8c41d7f9b3062e5"
TRANSCRIPT_SID = "GT92c5d7e80b1f4a36a4e8f07b6d31c95e"
FOREIGN_TRANSCRIPT_SID = "GT1d8a60f4c37b4e529e0cb5a7f2846d13"
FOREIGN_SERVICE_SID = "GA" + "e" * 32

STARTED = datetime(2026, 11, 20, 9, 0, 0, tzinfo=UTC)
SPOKEN = Sound("inbound", 0.5, 3.5, "We cannot log in to your account system.")


def seed(twilio: Simulator, scenario: Scenario) -> None:
    """Let the call have taken place, with all its recordings; nothing is transcribed yet."""
    sid = twilio.account.numbers[NUMBER].sid
    for call_sid, caller in ((CALL_SID, CALLER), (WITHHELD_CALL_SID, "anonymous")):
        twilio.state.calls[call_sid] = Call(
            from_=caller,
            to=NUMBER,
            phone_number_sid=sid,
            scenario=scenario,
            started=STARTED,
            status="completed",
            seconds=21,
            sid=call_sid,
        )
    twilio.state.recordings |= {
        RECORDING_SID: Recording(
            call_sid=CALL_SID,
            source="StartCallRecordingAPI",
            channels=2,
            tracks=("inbound", "outbound"),
            started=STARTED,
            status="completed",
            seconds=4.0,
            sounds=(SPOKEN,),
            sid=RECORDING_SID,
        ),
        MONO_RECORDING_SID: Recording(
            call_sid=CALL_SID,
            source="RecordVerb",
            channels=1,
            tracks=("inbound",),
            started=STARTED,
            status="completed",
            seconds=4.0,
            sounds=(SPOKEN,),
            sid=MONO_RECORDING_SID,
        ),
        ABSENT_RECORDING_SID: Recording(
            call_sid=WITHHELD_CALL_SID,
            source="StartCallRecordingAPI",
            channels=2,
            tracks=("inbound", "outbound"),
            started=STARTED,
            status="absent",
            error_code=16101,
            sid=ABSENT_RECORDING_SID,
        ),
    }


def seed_transcripts(twilio: Simulator) -> None:
    """Let its recording be transcribed: by our Service, and by one that is somebody else's on the same account."""
    twilio.state.transcripts[TRANSCRIPT_SID] = transcript(TRANSCRIPT_SID, SERVICE_SID)
    twilio.state.transcripts[FOREIGN_TRANSCRIPT_SID] = transcript(FOREIGN_TRANSCRIPT_SID, FOREIGN_SERVICE_SID)


def transcript(sid: str, service_sid: str, recording_sid: str = RECORDING_SID, **fields: object) -> Transcript:
    """A completed transcript of the call's recording."""
    made = Transcript(
        service_sid=service_sid,
        channel={"media_properties": {"source_sid": recording_sid}, "type": "voice"},
        source_sid=recording_sid,
        language_code="en-US",
        customer_key=CALL_SID,
        media_start_time=STARTED,
        born=0.0,
        status="completed",
        sid=sid,
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made
