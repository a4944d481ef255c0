"""Where a Service redacts, the redacted text is stored; this stack keeps the original too, in a table of its own."""

import pytest

from callscribe.adapters.items import StoredCall
from callscribe.adapters.table import CallTable
from callscribe_tools.local_callscribe import LocalCallscribe
from callscribe_tools.simulator import Scenario
from callscribe_tools.simulator.scenario import Speak, WaitFor

SETTLE_SECONDS = 120.0
SPOKEN = "My card number is 4000 1234 5678 9010, please call me back."


@pytest.fixture(scope="module")
def stored(local: LocalCallscribe) -> StoredCall:
    (service,) = local.twilio.account.services.values()
    service.auto_redaction = True
    try:
        said = (WaitFor(wait_for="beep"), Speak(say=SPOKEN, seconds=4))
        call = local.twilio.place_call(Scenario(name="card", caller=said, expect="stored"), to=local.number)
        return local.wait_until_settled(call.sid, SETTLE_SECONDS, print)
    finally:
        service.auto_redaction = False


def unredacted(local: LocalCallscribe, stored: StoredCall) -> StoredCall:
    table = local.stack.aws.table(local.stack.outputs["UnredactedTableName"])
    return CallTable(table, retention_days=1).read(stored.sid)


def test_the_calls_table_holds_the_redacted_text(stored: StoredCall) -> None:
    (insights,) = stored.insights
    assert insights.transcript.redaction
    (sentence,) = insights.sentences
    assert "9010" not in sentence.text
    assert sentence.text != SPOKEN


def test_the_original_is_in_the_table_of_its_own_and_nothing_else_is(
    local: LocalCallscribe, stored: StoredCall
) -> None:
    original = unredacted(local, stored)
    (insights,) = original.insights
    assert [sentence.text for sentence in insights.sentences] == [SPOKEN]
    assert original.call is None
    assert original.recordings == {}
