"""What each function may be told to do, in worlds made for it: for tests that hurt it at each of its steps."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from callscribe.adapters.erasable import Tombstone
from callscribe.adapters.table import CallTable
from callscribe.domain.call import Call
from callscribe.domain.recording import Event
from callscribe.domain.sids import CallSid, RecordingSid, TranscriptSid
from callscribe_tools.simulator.scenario import TranscriptOutcome
from harness.answers import answer
from harness.events import http_event, load_event, signed
from harness.stack import CALLER, NUMBER, SERVICE_SID, account
from harness.world import Message, Situation, World

DUAL, MONO = RecordingSid("RE" + "2" * 32), RecordingSid("RE" + "1" * 32)
ANOTHER_CALL = "CA" + "2" * 32
FORM = "application/x-www-form-urlencoded"


def _message(worker: str, body: str) -> Message:
    return Message(worker, {"Body": body})


def _fields(sid: str = DUAL, status: str = "completed") -> dict[str, str]:
    return {
        "CallSid": "CA" + "1" * 32,
        "RecordingSid": sid,
        "RecordingStatus": status,
        "RecordingSource": "StartCallRecordingAPI",
        "RecordingChannels": "2",
    }


def callback_of(status: str = "completed") -> Message:
    """The message that tells of the recording in two channels."""
    return _message("request_transcript", urlencode(_fields(status=status)))


def _voicemail(world: World) -> Message:
    world.add_recording(DUAL)
    world.add_recording(MONO, source="RecordVerb")
    return callback_of()


def _absent(world: World) -> Message:
    world.add_recording(DUAL, status="absent", seconds=0.0)
    world.add_recording(MONO, source="RecordVerb")
    return callback_of("absent")


def _over_budget(world: World) -> Message:
    world.write_settings(daily_minutes=0)
    world.add_recording(DUAL)
    return callback_of()


def _refused(world: World) -> Message:
    # The minutes of another recording are counted on the same day.
    assert table_of(world).take_minutes(1, datetime.now(UTC).date(), 1000)
    answer(world.twilio, "POST", "/v2/Transcripts", 400, '{"code": 95118, "message": "no", "status": 400}')
    world.add_recording(DUAL)
    return callback_of()


def table_of(world: World) -> CallTable:
    """The table as the functions have it, whose moves can be made without them."""
    return CallTable(world.stack.table(), retention_days=365)


def own_call(world: World) -> Call:
    """The call as the domain knows it."""
    return Call(
        sid=CallSid(world.call.sid), from_=CALLER, to=NUMBER, direction="inbound", started=world.call_began, seconds=21
    )


def _is_due(world: World, sid: str = DUAL) -> None:
    table_of(world).put_call(own_call(world))
    table_of(world).move(
        Event.HEARD_OF,
        own_call(world),
        RecordingSid(sid),
        due_at=datetime.now(UTC) - timedelta(seconds=9),
        source="StartCallRecordingAPI",
        channels=2,
        seconds=4,
    )


def _due_recording(world: World) -> Message:
    world.add_recording(DUAL)
    _is_due(world)
    world.sweep()
    return world.receive("RecordingsQueue")


def _due_absent(world: World) -> Message:
    world.add_recording(DUAL, status="absent", seconds=0.0)
    world.add_recording(MONO, source="RecordVerb")
    _is_due(world)
    world.sweep()
    return world.receive("RecordingsQueue")


def _ended_call(world: World) -> Message:
    world.sweep()
    return world.receive("RecordingsQueue")


def _unreadable_callback(_world: World) -> Message:
    return _message("request_transcript", "CallSid=1&RecordingSid=2&RecordingStatus=completed")


def _requested(world: World) -> None:
    """The transcript was asked for, and has ended."""
    message = _voicemail(world)
    assert world.deliver(message)
    world.twilio.complete_transcripts()


def _completed(world: World) -> Message:
    _requested(world)
    return world.receive("TranscriptsQueue")


def _failed(world: World) -> Message:
    outcome = TranscriptOutcome(status="failed", webhook="available")
    world.call.scenario = world.call.scenario.model_copy(update={"transcript": outcome})
    return _completed(world)


def _redacting(world: World) -> Message:
    world.stack.store_unredacted = True
    _requested(world)
    for one in world.twilio.state.transcripts.values():
        one.redaction = True
    return world.receive("TranscriptsQueue")


def _due_transcript(world: World) -> Message:
    _requested(world)
    world.stack.messages("TranscriptsQueue")
    world.let_time_pass()
    # What is due is sent before what is compared.
    world.sweep()
    return Message("store_insights", world.stack.messages("TranscriptsQueue")[0])


def _gone_transcript(world: World) -> Message:
    _requested(world)
    world.stack.messages("TranscriptsQueue")
    world.twilio.state.transcripts.clear()
    for one in world.stack.recordings():
        world.stack.table().update_item(
            Key={"pk": one["pk"], "sk": one["sk"]},
            UpdateExpression="SET due_at = :past, unsettled_since = :before",
            ExpressionAttributeValues={
                ":past": 1,
                ":before": int((datetime.now(UTC) - timedelta(hours=1)).timestamp()),
            },
        )
    world.sweep()
    return world.receive("TranscriptsQueue")


def _much_was_lost(world: World) -> dict[str, Any]:
    """A recording is due, and of another call nobody has told anything."""
    world.add_recording(DUAL)
    _is_due(world)
    other = world.add_call(ANOTHER_CALL, world.call.scenario)
    world.add_recording("RE" + "3" * 32, other)
    return load_event("sweep", "every_few_minutes")


def _due_for_deletion(world: World) -> dict[str, Any]:
    for number in (4, 5):
        sid = world.add_recording("RE" + str(number) * 32)
        table_of(world).move(
            Event.TRANSCRIPT_STORED,
            own_call(world),
            RecordingSid(sid),
            delete_at=datetime.now(UTC) - timedelta(hours=1),
            transcript=TranscriptSid("GT" + str(number) * 32),
        )
    table_of(world).put_call(own_call(world))
    return load_event("delete_recordings", "every_few_minutes")


def _erasure(world: World) -> dict[str, Any]:
    """All that there can be of a call is there, and only that it is erased has been noted."""
    assert world.deliver(_redacting(world))
    world.add_recording("RE" + "6" * 32)
    stone = Tombstone(call_sid=own_call(world).sid, erased_at=world.call_began, due_at=world.call_began, transcripts=())
    table_of(world).put_tombstone(stone)
    return load_event("sweep", "every_few_minutes")


def _signed(path: str, fields: dict[str, str]) -> dict[str, Any]:
    return signed(http_event(path, {"content-type": FORM}, urlencode(fields).encode()), account().auth_token)


def _recording_webhook(world: World) -> dict[str, Any]:
    world.add_recording(DUAL)
    return _signed("/ci-create-transcript", _fields())


def _transcript_webhook(world: World) -> dict[str, Any]:
    _requested(world)
    (message,) = world.stack.messages("TranscriptsQueue")
    address = world.twilio.account.services[SERVICE_SID].webhook_url or ""
    url, headers, body = world.twilio.signed_json(address, json.loads(message["Body"]))
    path, _, query = url.removeprefix("https://").partition("/")[2].partition("?")
    return http_event(f"/{path}", headers, body, query)


def _status_callback(world: World) -> dict[str, Any]:
    fields = {
        "CallSid": world.call.sid,
        "From": CALLER,
        "To": NUMBER,
        "Direction": "inbound",
        "CallStatus": "completed",
        "CallDuration": "21",
        "Timestamp": (world.call_began + timedelta(seconds=21)).strftime("%a, %d %b %Y %H:%M:%S +0000"),
    }
    return _signed("/call-status", fields)


SITUATIONS = {
    "a voicemail": Situation("request_transcript", _voicemail),
    "an absent recording with a stand-in": Situation("request_transcript", _absent),
    "a recording over the budget": Situation("request_transcript", _over_budget),
    "a recording that Twilio refuses": Situation("request_transcript", _refused),
    "a recording that is due": Situation("request_transcript", _due_recording),
    "a recording that is due and absent": Situation("request_transcript", _due_absent),
    "a call whose end was lost": Situation("request_transcript", _ended_call),
    "a callback nobody can read": Situation("request_transcript", _unreadable_callback),
    "a completed transcript and a spare recording": Situation("store_insights", _completed),
    "a failed transcript": Situation("store_insights", _failed),
    "a redacting Service": Situation("store_insights", _redacting),
    "a transcript that is due": Situation("store_insights", _due_transcript),
    "a transcript that is gone": Situation("store_insights", _gone_transcript),
    "what was lost": Situation("sweep", _much_was_lost),
    "a call to erase": Situation("sweep", _erasure),
    "recordings to delete": Situation("delete_recordings", _due_for_deletion),
    "a recording's callback": Situation("accept_recording", _recording_webhook),
    "a transcript's webhook": Situation("accept_webhook", _transcript_webhook),
    "a call's status": Situation("track_call", _status_callback),
}
