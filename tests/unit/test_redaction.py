"""Where a Service redacts, the redacted text is stored; the original in a table of its own, or nowhere."""

from datetime import timedelta
from typing import Any

import pytest

from callscribe_tools.simulator import Simulator
from callscribe_tools.simulator.scenario import OperatorResult
from callscribe_tools.simulator.timeline import Sound
from harness.answers import answer, recover
from harness.seeded import CALL_SID, KEPT_DAYS, RECORDING_SID, TRANSCRIPT_SID
from harness.stack import Stack
from harness.workers import DONE, RESULTS, SENTENCES, comes_back, row, state, webhook_of

SAID = "My number is 4711 0815."
REDACTED = "My number is [Redacted: Number]."
SECRET = "4711"


@pytest.fixture
def redacting(transcribed: Stack, twilio: Simulator) -> Stack:
    """The stack, and at Twilio a transcript whose Service redacts."""
    twilio.state.transcripts[TRANSCRIPT_SID].redaction = True
    twilio.state.recordings[RECORDING_SID].sounds = (Sound("inbound", 0.5, 3.5, SAID),)
    call = twilio.state.calls[CALL_SID]
    summary = OperatorResult(
        name="Conversation Summary",
        operator_type="text-generation",
        text_generation_results={"format": "text", "result": SAID},
    )
    call.scenario = call.scenario.model_copy(update={"operator_results": (summary,)})
    return transcribed


@pytest.fixture
def keeping(redacting: Stack) -> Stack:
    """The same, with a table for the original."""
    redacting.store_unredacted = True
    return redacting


def texts(stack: Stack, table: str = "CallsTable") -> list[str]:
    """What a table holds of what was said, by the caller and by the operator."""
    (insights,) = stack.read(CALL_SID, table).insights
    results = [one["text_generation_results"]["result"] for one in insights.results]
    return [one.text for one in insights.sentences] + results


def test_by_default_only_what_is_redacted_is_stored_and_the_original_not_even_asked_for(
    redacting: Stack, twilio: Simulator
) -> None:
    asked = [answer(twilio, "GET", path, 500, query="Redacted=false") for path in (SENTENCES, RESULTS)]
    assert redacting.invoke("store_insights", webhook_of()) == DONE
    assert texts(redacting) == [REDACTED, REDACTED]
    assert (redacting.unredacted_items(), asked) == ([], [[], []])
    assert row(redacting)["state"] == "stored"
    assert redacting.read(CALL_SID).insights[0].transcript.redaction is True


def test_with_a_table_for_it_the_original_is_there_and_nowhere_else(keeping: Stack) -> None:
    assert keeping.invoke("store_insights", webhook_of()) == DONE
    assert texts(keeping) == [REDACTED, REDACTED]
    assert texts(keeping, "UnredactedTable") == [SAID, SAID]
    assert SECRET not in str(keeping.items())
    assert {item["sk"].split("#")[0] for item in keeping.unredacted_items()} == {"TRANSCRIPT"}
    assert keeping.read(CALL_SID, "UnredactedTable").call is None


def test_the_original_has_the_keys_the_expiry_and_the_origin_of_what_is_redacted(keeping: Stack) -> None:
    assert keeping.invoke("store_insights", webhook_of()) == DONE
    there = [(one["pk"], one["sk"], one["expires_at"]) for one in keeping.items() if "TRANSCRIPT#" in one["sk"]]
    assert [(one["pk"], one["sk"], one["expires_at"]) for one in keeping.unredacted_items()] == there
    (redacted,) = keeping.read(CALL_SID).insights[0].results
    (original,) = keeping.read(CALL_SID, "UnredactedTable").insights[0].results
    assert original["made_by"] == redacted["made_by"]
    assert original["made_by"]["configuration_sha256"]
    assert original.keys() == redacted.keys()


def test_all_items_of_a_call_expire_together_after_the_days_that_are_kept(twilio: Simulator, keeping: Stack) -> None:
    assert keeping.invoke("store_insights", webhook_of()) == DONE
    stored = [*keeping.items(), *keeping.unredacted_items()]
    assert {one["sk"].split("#")[0] for one in stored} == {"CALL", "RECORDING", "TRANSCRIPT"}
    kept = twilio.state.calls[CALL_SID].started + timedelta(days=KEPT_DAYS)
    assert {int(one["expires_at"]) for one in stored} == {int(kept.timestamp())}


def test_the_original_is_stored_twice_as_it_is_once(keeping: Stack) -> None:
    keeping.invoke("store_insights", webhook_of())
    before = keeping.unredacted_items()
    assert keeping.invoke("store_insights", webhook_of()) == DONE
    assert keeping.unredacted_items() == before


@pytest.mark.parametrize("redaction", [False, None])
def test_where_nothing_is_redacted_nothing_is_written_to_the_other_table(
    redaction: Any, keeping: Stack, twilio: Simulator
) -> None:
    twilio.state.transcripts[TRANSCRIPT_SID].redaction = redaction
    assert keeping.invoke("store_insights", webhook_of()) == DONE
    assert keeping.unredacted_items() == []
    assert texts(keeping) == [SAID, SAID]


@pytest.mark.parametrize("path", [SENTENCES, RESULTS])
def test_a_call_whose_original_cannot_be_read_is_not_stored_yet_and_comes_back(
    path: str, keeping: Stack, twilio: Simulator
) -> None:
    asked = answer(twilio, "GET", path, 503, query="Redacted=false")
    assert keeping.invoke("store_insights", webhook_of()) == comes_back(webhook_of())
    assert len(asked) == 1
    assert (keeping.recordings(), keeping.announced()) == ([], [])
    recover(twilio)
    assert keeping.invoke("store_insights", webhook_of()) == DONE
    assert state(keeping) == ("stored", None)
    assert texts(keeping, "UnredactedTable") == [SAID, SAID]
