"""What earlier versions have sent and written is understood: an update finds it on the queues and in the table."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer

from callscribe_tools.simulator import Scenario, Simulator
from harness.events import sqs_event
from harness.seeded import CALL_SID, KEPT_DAYS, RECORDING_SID, TRANSCRIPT_SID, seed, seed_transcripts
from harness.stack import Stack, aws
from harness.template import REPOSITORY
from harness.workers import DONE, row, state

STORED = REPOSITORY / "tests" / "stored"
VERSIONS = sorted(one.name for one in STORED.iterdir() if one.is_dir())
MESSAGES = [(version, file.stem) for version in VERSIONS for file in sorted((STORED / version).glob("*-*.json"))]
ROWS = [(version, file.stem) for version in VERSIONS for file in sorted((STORED / version).glob("rows_*.json"))]


def batch(version: str, name: str) -> dict[str, Any]:
    """The stored message as Lambda hands it over; what was unsettled then has been so for ten minutes."""
    message = json.loads((STORED / version / f"{name}.json").read_text())
    if since := message["messageAttributes"].get("unsettled_since"):
        since["stringValue"] = str(round(time.time()) - 600)
    event = sqs_event(message["body"])
    event["Records"][0]["messageAttributes"] = message["messageAttributes"]
    return event


def put_rows(stack: Stack, version: str, name: str) -> None:
    """Let the table hold these items."""
    for item in json.loads((STORED / version / f"{name}.json").read_text()):
        decoded = {key: TypeDeserializer().deserialize(_binary(value)) for key, value in item.items()}
        stack.table().put_item(Item=decoded)


def _binary(value: dict[str, Any]) -> Any:
    return {"B": base64.b64decode(value["B"])} if "B" in value else value


@pytest.fixture
def old_stack(stack: Stack, twilio: Simulator, scenario: Scenario) -> Stack:
    """A stack of today, and at Twilio the call that the stored messages are about."""
    stack.variables["RETENTION_DAYS"] = str(KEPT_DAYS)
    seed(twilio, scenario)
    stack.listen()
    return stack


def test_every_version_has_messages_and_rows() -> None:
    assert VERSIONS
    assert {version for version, _ in MESSAGES} == {version for version, _ in ROWS} == set(VERSIONS)


@pytest.mark.parametrize(("version", "name"), MESSAGES)
def test_an_old_message_is_worked_on(version: str, name: str, old_stack: Stack, twilio: Simulator) -> None:
    function = name.split("-", maxsplit=1)[0]
    if function == "store_insights":
        seed_transcripts(twilio)
        put_rows(old_stack, version, "rows_transcribing")
    elif name.endswith("swept_due"):
        put_rows(old_stack, version, "rows_requesting")
    assert old_stack.invoke(function, batch(version, name)) == DONE

    assert old_stack.queued() == {}
    if name.endswith("swept_call"):
        (item,) = old_stack.items()
        assert (item["pk"], item["seconds"], "repaired_at" in item) == (f"CALL#{CALL_SID}", 21, True)
    elif function == "store_insights":
        assert state(old_stack) == ("stored", None)
        assert row(old_stack)["transcript"] == TRANSCRIPT_SID
        assert [event["detail"]["call_sid"] for event in old_stack.announced()] == [CALL_SID]
    else:
        assert state(old_stack, RECORDING_SID) == ("transcribing", None)
        assert [one.source_sid for one in twilio.state.transcripts.values()] == [RECORDING_SID]


@pytest.mark.parametrize("version", VERSIONS)
def test_how_often_an_old_message_was_redriven_is_still_known(
    version: str, old_stack: Stack, twilio: Simulator
) -> None:
    twilio.state.calls.clear()
    old_stack.invoke("request_transcript", batch(version, "request_transcript-redriven"))
    url = old_stack.physical_ids["RecordingsDeadLetters"]
    (letter,) = aws("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert letter["MessageAttributes"]["redriven"]["StringValue"] == "2"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_call_that_an_earlier_version_has_stored_can_be_read(version: str, old_stack: Stack) -> None:
    put_rows(old_stack, version, "rows_stored")
    stored = old_stack.read(CALL_SID)
    assert stored.call
    assert [str(one["state"]) for one in stored.recordings.values()] == ["stored"]
    (insights,) = stored.insights
    assert [one.text for one in insights.sentences] == ["We cannot log in to your account system."]
    assert insights.results


@pytest.mark.parametrize("version", VERSIONS)
def test_a_call_stored_by_an_earlier_version_is_not_counted_anew(
    version: str, old_stack: Stack, twilio: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    seed_transcripts(twilio)
    put_rows(old_stack, version, "rows_stored")
    assert old_stack.invoke("store_insights", batch(version, "store_insights-webhook")) == DONE
    assert '"CallsStored"' not in capsys.readouterr().out
    assert state(old_stack) == ("stored", None)


def test_no_version_is_newer_than_the_project() -> None:
    project = Path(REPOSITORY / "pyproject.toml").read_text()
    newest = max(tuple(map(int, version.split("."))) for version in VERSIONS)
    assert f'version = "{".".join(map(str, newest))}"' in project
