"""Calls at the simulated Twilio that have already taken place: those the files under `events/` tell of."""

from datetime import UTC, datetime
from typing import Any

from callscribe_tools.simulator import Call, Recording, Scenario, Simulator, Transcript
from callscribe_tools.simulator.timeline import Sound
from harness.stack import CALLER, NUMBER, SERVICE_SID

CALL_SID = "CA3f9d0c62a1b74e58961c2d7e8f304ab5"
WITHHELD_CALL_SID = "CA7b20e4d915c8463fa0e6d1b9527c8e34"
RECORDING_SID = "RE5a1c7e9240d84b36b7f3018e6c9d25a4"
MONO_RECORDING_SID = "REc8d41f06e3924a7d95b60f2ae718b3d9"
ABSENT_RECORDING_SID = "RE0e6b83f1d25a4c97a8c41d7f9b3062e5"

DIALLED_CALL_SID = "CA08b6f2d97c3e41a5b1d46e90f7a25c38"
AGENT_CALL_SID = "CA91c4e70a2d8f46b3a75e03d1f86b2c94"
DIALLED_RECORDING_SID = "RE6f20b9d4e17a4c83950d2e8a41c7f36b"
AGENT = "+12025550123"

FAILED_CALL_SID = "CAd27f5a18e4b04c96831fae6205d9b7c3"
FAILED_RECORDING_SID = "RE2ab94e60f7d1483cb52e97c06d8f1a43"
STAND_IN_SID = "REf3816c0d5b9e4a27a8d07e42b1c96f58"

TRANSCRIPT_SID = "GT92c5d7e80b1f4a36a4e8f07b6d31c95e"
FOREIGN_TRANSCRIPT_SID = "GT1d8a60f4c37b4e529e0cb5a7f2846d13"
FOREIGN_SERVICE_SID = "GA" + "e" * 32

STARTED = datetime(2026, 11, 20, 9, 0, 0, tzinfo=UTC)
KEPT_DAYS = 36_500
"""A retention in which these calls do not expire: the files under `events/` say when they were."""

SPOKEN = Sound("inbound", 0.5, 3.5, "We cannot log in to your account system.")


ANSWERED = Sound("outbound", 4.0, 6.0, "Which error does it show?")


def seed(twilio: Simulator, scenario: Scenario) -> None:
    """Let the calls have taken place, with all their recordings; nothing is transcribed yet.

    One left a message and one of a withheld number left none; one was put through to an agent; of one the recording in
    two channels has failed.
    """
    for sid, caller in (
        (CALL_SID, CALLER),
        (WITHHELD_CALL_SID, "anonymous"),
        (DIALLED_CALL_SID, CALLER),
        (FAILED_CALL_SID, CALLER),
    ):
        _add_call(twilio, scenario, sid, from_=caller, to=NUMBER)
    _add_call(twilio, scenario, AGENT_CALL_SID, from_=CALLER, to=AGENT, parent_call_sid=DIALLED_CALL_SID)
    for recording in (
        recorded(RECORDING_SID),
        recorded(MONO_RECORDING_SID, source="RecordVerb"),
        recorded(ABSENT_RECORDING_SID, call_sid=WITHHELD_CALL_SID, status="absent", seconds=0.0, error_code=16101),
        recorded(DIALLED_RECORDING_SID, call_sid=DIALLED_CALL_SID, source="DialVerb", seconds=6.0),
        recorded(FAILED_RECORDING_SID, call_sid=FAILED_CALL_SID, status="failed", error_code=16104),
        recorded(STAND_IN_SID, call_sid=FAILED_CALL_SID, source="RecordVerb"),
    ):
        twilio.state.recordings[recording.sid] = recording


def _add_call(twilio: Simulator, scenario: Scenario, sid: str, **fields: Any) -> None:
    called = twilio.account.numbers.get(fields["to"])
    twilio.state.calls[sid] = Call(
        **fields,
        sid=sid,
        scenario=scenario,
        phone_number_sid=called.sid if called else None,
        started=STARTED,
        status="completed",
        seconds=21,
    )


def recorded(sid: str, **fields: Any) -> Recording:
    """A recording of the call that left a message: completed, in two channels unless <Record> has made it."""
    source = fields.setdefault("source", "StartCallRecordingAPI")
    mono = source == "RecordVerb"
    usual: dict[str, Any] = {
        "call_sid": CALL_SID,
        "channels": 1 if mono else 2,
        "tracks": ("inbound",) if mono else ("inbound", "outbound"),
        "started": STARTED,
        "status": "completed",
        "seconds": 4.0,
        "sounds": (SPOKEN, ANSWERED) if source == "DialVerb" else (SPOKEN,),
    }
    return Recording(sid=sid, **(usual | fields))


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
