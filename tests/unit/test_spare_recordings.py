"""The recording in one channel beside the one in two: deleted once the call is stored, and not a moment before."""

from datetime import UTC, datetime
from typing import Any

import pytest

from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Call, Recording, Scenario, Simulator, load_scenario
from harness.answers import answer, recover
from harness.events import load_event
from harness.loopback import answering
from harness.seeded import (
    CALL_SID,
    FAILED_CALL_SID,
    MONO_RECORDING_SID,
    RECORDING_SID,
    STAND_IN_SID,
    TRANSCRIPT_SID,
    recorded,
    transcript,
)
from harness.stack import NUMBER, SERVICE_SID, Stack
from harness.workers import DONE, Event, comes_back, row, state, webhook_of

ONE = "/2010-04-01/Accounts/{account}/Recordings/{sid}.json"
LIST = "/2010-04-01/Accounts/{account}/Recordings.json"


def statuses(twilio: Simulator) -> dict[str, str]:
    """What has become of the recordings at Twilio."""
    return {sid: one.status for sid, one in twilio.state.recordings.items()}


def test_when_the_recording_in_two_channels_is_stored_the_spare_one_is_deleted(
    stack: Stack, call: Call, dual: Recording, twilio: Simulator, webhook: Event
) -> None:
    (spare,) = (one for one in call.recordings if one.channels == 1)
    assert (spare.status, dual.status) == ("completed", "completed")
    assert stack.invoke("store_insights", webhook) == DONE
    assert (spare.status, dual.status) == ("deleted", "completed")
    assert [one["sk"] for one in stack.recordings()] == [f"RECORDING#{dual.sid}"]
    twilio.check()


def test_nothing_of_another_call_is_deleted(transcribed: Stack, twilio: Simulator) -> None:
    before = statuses(twilio)
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert statuses(twilio) == before | {MONO_RECORDING_SID: "deleted"}


@pytest.mark.parametrize("status", ["failed", "in-progress"])
def test_nothing_is_deleted_of_a_call_that_is_not_stored(status: Any, transcribed: Stack, twilio: Simulator) -> None:
    twilio.state.transcripts[TRANSCRIPT_SID].status = status
    before = statuses(twilio)
    transcribed.invoke("store_insights", webhook_of())
    assert statuses(twilio) == before


def test_nothing_is_deleted_of_a_call_that_could_not_be_announced(
    transcribed: Stack, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = statuses(twilio)
    with answering((503, "{}")) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", url)
        assert transcribed.invoke("store_insights", webhook_of()) == comes_back(webhook_of())
    assert statuses(twilio) == before


def test_the_recording_in_one_channel_is_kept_when_it_is_the_one_that_was_transcribed(
    seeded: Stack, twilio: Simulator
) -> None:
    twilio.state.transcripts[TRANSCRIPT_SID] = transcript(
        TRANSCRIPT_SID, SERVICE_SID, STAND_IN_SID, customer_key=FAILED_CALL_SID
    )
    before = statuses(twilio)
    assert seeded.invoke("store_insights", webhook_of()) == DONE
    assert state(seeded) == ("stored", None)
    assert statuses(twilio) == before


def test_a_recording_in_one_channel_that_is_being_transcribed_is_not_deleted(
    transcribed: Stack, twilio: Simulator
) -> None:
    # As where voice_fallback went on with a call that incoming_call had begun.
    transcribed.invoke("request_transcript", load_event("request_transcript", "mono_of_record"))
    assert state(transcribed, MONO_RECORDING_SID) == ("transcribing", None)
    transcribed.invoke("store_insights", webhook_of())
    assert state(transcribed, RECORDING_SID) == ("stored", None)
    assert statuses(twilio)[MONO_RECORDING_SID] == "completed"


def test_another_one_may_still_have_to_stand_in_while_nothing_in_two_channels_is_stored(
    seeded: Stack, twilio: Simulator
) -> None:
    other = recorded("RE" + "5" * 32, call_sid=FAILED_CALL_SID, source="RecordVerb")
    twilio.state.recordings[other.sid] = other
    twilio.state.transcripts[TRANSCRIPT_SID] = transcript(
        TRANSCRIPT_SID, SERVICE_SID, STAND_IN_SID, customer_key=FAILED_CALL_SID
    )
    assert seeded.invoke("store_insights", webhook_of()) == DONE
    assert (state(seeded), other.status) == (("stored", None), "completed")


def test_one_that_is_being_transcribed_and_deleted_all_the_same_is_stored_from_its_row(
    transcribed: Stack, twilio: Simulator
) -> None:
    transcribed.invoke("request_transcript", load_event("request_transcript", "mono_of_record"))
    (sid,) = (sid for sid, one in twilio.state.transcripts.items() if one.source_sid == MONO_RECORDING_SID)
    twilio.state.transcripts[sid].status = "completed"
    twilio.state.recordings[MONO_RECORDING_SID].status = "deleted"
    assert transcribed.invoke("store_insights", webhook_of(sid)) == DONE
    assert state(transcribed, MONO_RECORDING_SID) == ("stored", None)
    assert row(transcribed, MONO_RECORDING_SID)["source"] == "RecordVerb"


def test_a_spare_one_that_came_to_nothing_is_left_alone(transcribed: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[MONO_RECORDING_SID].status = "absent"
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert statuses(twilio)[MONO_RECORDING_SID] == "absent"
    assert [one["sk"] for one in transcribed.recordings()] == [f"RECORDING#{RECORDING_SID}"]
    twilio.check()


def test_a_spare_one_that_is_not_finished_is_left_to_delete_recordings(transcribed: Stack, twilio: Simulator) -> None:
    twilio.state.recordings[MONO_RECORDING_SID].status = "processing"
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    twilio.check()
    assert state(transcribed, MONO_RECORDING_SID) == ("skipped", "spare")
    assert row(transcribed, MONO_RECORDING_SID)["deletion"] == "due"


def test_a_spare_one_that_somebody_has_deleted_is_no_trouble(transcribed: Stack, twilio: Simulator) -> None:
    # Deleted between the list and the deletion.
    answer(twilio, "DELETE", ONE, 404, '{"code": 20404}')
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert state(transcribed) == ("stored", None)


@pytest.mark.parametrize("status", [401, 503])
def test_while_the_spare_ones_cannot_be_looked_for_the_message_comes_back_and_nothing_is_lost(
    status: int, transcribed: Stack, twilio: Simulator
) -> None:
    answer(twilio, "GET", LIST, status)
    assert transcribed.invoke("store_insights", webhook_of()) == comes_back(webhook_of())
    assert state(transcribed) == ("stored", None)
    assert len(transcribed.read(CALL_SID).insights[0].sentences) == 1
    before = timeless(transcribed)
    recover(twilio)
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert statuses(twilio)[MONO_RECORDING_SID] == "deleted"
    assert timeless(transcribed) == before
    assert transcribed.queued() == {}


def timeless(stack: Stack) -> list[dict[str, Any]]:
    return [{name: one[name] for name in one if name != "stored_at"} for one in stack.items()]


@pytest.mark.parametrize("status", [400, 503])
def test_a_deletion_that_did_not_work_is_left_to_delete_recordings_and_loses_nothing(
    status: int, transcribed: Stack, twilio: Simulator
) -> None:
    answer(twilio, "DELETE", ONE, status)
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert transcribed.queued() == {}
    assert state(transcribed, RECORDING_SID) == ("stored", None)
    assert state(transcribed, MONO_RECORDING_SID) == ("skipped", "spare")
    assert row(transcribed, MONO_RECORDING_SID)["deletion"] == "due"
    recover(twilio)
    let_it_be_due(transcribed, MONO_RECORDING_SID)
    transcribed.invoke("delete_recordings", load_event("delete_recordings", "every_few_minutes"))
    assert statuses(twilio)[MONO_RECORDING_SID] == "deleted"
    assert statuses(twilio)[RECORDING_SID] == "completed"
    assert "delete_at" not in row(transcribed, MONO_RECORDING_SID)


def let_it_be_due(stack: Stack, recording_sid: str) -> None:
    one = row(stack, recording_sid)
    # The seeded call may have taken place after now, and what is to be deleted is due in the second that follows.
    assert one["delete_at"] <= datetime.now(UTC).timestamp() + 2
    stack.table().update_item(
        Key={"pk": one["pk"], "sk": one["sk"]},
        UpdateExpression="SET delete_at = :past",
        ExpressionAttributeValues={":past": 1},
    )


@pytest.mark.parametrize("known", [True, False])
def test_nothing_is_deleted_of_a_call_to_a_number_that_is_not_ours(
    known: bool,  # noqa: FBT001 (a table)
    transcribed: Stack,
    twilio: Simulator,
    twilio_url: str,
) -> None:
    # The Service is ours, the call somebody else's on the same account.
    document = settings_document(twilio.account, twilio_url)
    if not known:
        document["numbers"] = {"+12025550111": document["numbers"][NUMBER]}
    transcribed.write_settings({**document, "recording_retention_days": 1})
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert state(transcribed) == ("stored", None)
    assert statuses(twilio)[MONO_RECORDING_SID] == ("deleted" if known else "completed")
    assert ("delete_at" in row(transcribed)) == known


def test_all_spare_ones_are_deleted(transcribed: Stack, twilio: Simulator) -> None:
    second = recorded("RE" + "5" * 32, source="RecordVerb")
    twilio.state.recordings[second.sid] = second
    assert transcribed.invoke("store_insights", webhook_of()) == DONE
    assert (second.status, statuses(twilio)[MONO_RECORDING_SID]) == ("deleted", "deleted")


def test_a_call_that_was_put_through_has_no_spare_one(stack: Stack, twilio: Simulator, twilio_url: str) -> None:
    stack.write_settings(settings_document(twilio.account, twilio_url, flow="dial", agent="+12025550123"))
    answered: Scenario = load_scenario("agent_answers")
    call = twilio.place_call(answered, to=NUMBER)
    stack.work("request_transcript", "RecordingsQueue")
    twilio.complete_transcripts()
    stack.work("store_insights", "TranscriptsQueue")
    assert [(one.source, one.status) for one in call.recordings] == [("DialVerb", "completed")]
    twilio.check()


def test_a_message_left_after_a_call_was_put_through_is_no_spare_one(
    stack: Stack, twilio: Simulator, twilio_url: str
) -> None:
    stack.write_settings(settings_document(twilio.account, twilio_url, flow="dial", agent="+12025550123"))
    call = twilio.place_call(load_scenario("agent_answers"), to=NUMBER)
    # Twilio could not ask what comes after the <Dial>, and asked the fallback.
    message = recorded("RE" + "5" * 32, source="RecordVerb", call_sid=call.sid)
    twilio.state.recordings[message.sid] = message
    stack.work("request_transcript", "RecordingsQueue")
    twilio.complete_transcripts()
    stack.work("store_insights", "TranscriptsQueue")
    assert [one["state"] for one in stack.recordings()] == ["stored"]
    assert message.status == "completed"


def test_a_recording_deleted_at_twilio_before_it_was_stored_is_stored_as_its_row_tells(
    seeded: Stack, twilio: Simulator
) -> None:
    seeded.invoke("request_transcript", load_event("request_transcript", "completed"))
    (sid,) = twilio.state.transcripts
    twilio.state.transcripts[sid].status = "completed"
    twilio.state.recordings[RECORDING_SID].status = "deleted"
    assert seeded.invoke("store_insights", webhook_of(sid)) == DONE
    stored = row(seeded)
    assert (stored["state"], stored["source"], stored["channels"], stored["seconds"]) == (
        "stored",
        "StartCallRecordingAPI",
        2,
        4,
    )
    assert len(seeded.read(CALL_SID).insights[0].participants) == 2


@pytest.mark.parametrize("customer_key", [CALL_SID, None, "somebody's own"])
def test_one_deleted_that_nothing_leads_to_goes_to_the_dead_letters(
    customer_key: str | None, seeded: Stack, twilio: Simulator
) -> None:
    twilio.state.transcripts[TRANSCRIPT_SID] = transcript(TRANSCRIPT_SID, SERVICE_SID, customer_key=customer_key)
    twilio.state.recordings[RECORDING_SID].status = "deleted"
    assert seeded.invoke("store_insights", webhook_of()) == DONE
    assert len(seeded.messages("TranscriptsDeadLetters")) == 1
