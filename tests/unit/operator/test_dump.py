"""`callscribe dump`: a transcript and its operator results as Twilio has them."""

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from typer.testing import Result

from callscribe_tools.json_numbers import json_text
from callscribe_tools.simulator import Call, Simulator
from harness.answers import answer

type Reading = Callable[..., Result]


@pytest.fixture
def transcript(stored: Call, twilio: Simulator) -> str:
    (sid,) = twilio.state.transcripts
    assert stored.sid
    return sid


def test_a_transcript_is_shown_field_by_field(
    reading: Reading, stored: Call, transcript: str, twilio: Simulator
) -> None:
    result = reading("dump", transcript)
    assert result.exit_code == 0
    made = twilio.state.transcripts[transcript]
    assert result.stdout.splitlines()[:8] == [
        "=== Transcript info ===",
        f"sid: {transcript}",
        "status: completed",
        f"customerKey: {stored.sid}",
        f"serviceSid: {made.service_sid}",
        f"url: https://intelligence.twilio.com/v2/Transcripts/{transcript}",
        "",
        "OperatorResults count: 3",
    ]
    assert "--- OperatorResult[2] ---\noperatorType: conversation-classify\nname: Sentiment Analysis" in result.stdout
    assert "predictedLabel: neutral\npredictedProbability: 1.0" in result.stdout


def test_fields_that_nobody_knows_are_shown_and_json_is_twilios_digit_for_digit(
    reading: Reading, transcript: str, twilio: Simulator
) -> None:
    body = '{"meta": {"key": "x", "next_page_url": null}, "x": [{"name": "N", "novel": {"p": 0.90000000000000000001}}]}'
    answer(twilio, "GET", "/v2/Transcripts/{sid}/OperatorResults", 200, body)
    told = reading("dump", transcript).stdout
    assert "name: N\n" in told
    assert told.index("\nurl: null") < told.index("\nnovel: {")
    printed = reading("dump", transcript, "--json").stdout
    assert '"p": 0.90000000000000000001\n' in printed
    document = json.loads(printed)
    assert document["transcript"]["sid"] == transcript
    assert [one["name"] for one in document["operator_results"]] == ["N"]


def test_numbers_are_written_as_they_were_and_texts_are_left_alone() -> None:
    assert json_text([Decimal("1.50"), "1.50", 2, None, Decimal("1E+5")], exactly=True).split() == [
        "[",
        "1.50,",
        '"1.50",',
        "2,",
        "null,",
        "1E+5",
        "]",
    ]


def test_a_transcript_that_twilio_has_not_ends_the_command(reading: Reading, transcript: str) -> None:
    other = "GT" + "9" * 32
    assert other != transcript
    result = reading("dump", other)
    assert (result.exit_code, result.stdout) == (4, "")
    assert f"Twilio has no transcript {other}" in result.stderr
    assert "callscribe show CA…" in result.stderr


def test_where_twilio_is_down_nothing_is_printed_as_a_result(
    reading: Reading, transcript: str, twilio: Simulator
) -> None:
    answer(twilio, "GET", "/v2/Transcripts/{sid}", 500)
    result = reading("dump", transcript, "--json")
    assert (result.exit_code, list(json.loads(result.stdout))) == (3, ["error"])
    assert f"eading transcript {transcript}" in result.stderr


def test_what_is_no_transcript_is_refused(reading: Reading) -> None:
    result = reading("dump", "CA" + "1" * 32)
    assert result.exit_code == 2
    assert "no SID of a transcript" in result.stderr
