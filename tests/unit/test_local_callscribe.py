"""How the demo waits for a call: until it is settled, until it takes too long, or until nobody waits any more."""

from typing import Any

import pytest

from callscribe.adapters.items import StoredCall
from callscribe.domain.sids import CallSid
from callscribe_tools import local_callscribe
from callscribe_tools.deadline import Deadline
from callscribe_tools.local_callscribe import LocalCallscribe, NotSettledError

SID = CallSid("CA" + "1" * 32)
LONG_SECONDS = 3600.0


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> LocalCallscribe:
    """One that has heard of a call, and of no end of it."""
    stored = StoredCall(sid=SID, call=None, recordings={}, insights=[], erased_at=None)
    monkeypatch.setattr(LocalCallscribe, "read", lambda *_: stored)
    nothing: Any = None
    return LocalCallscribe(nothing, nothing, nothing)


def test_after_ctrl_c_nobody_waits_for_a_call(local: LocalCallscribe) -> None:
    local.stopped.set()
    with pytest.raises(NotSettledError, match="Nobody waits for call"):
        local.wait_until_settled(SID, LONG_SECONDS, print)


def test_a_call_that_takes_too_long_is_said_to_and_so_is_a_busy_machine(
    local: LocalCallscribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_callscribe, "Deadline", lambda _: Deadline(0.0, lambda: 4.0))
    with pytest.raises(NotSettledError, match=r"its recordings are not heard of\. Waited .* 4\.0 times as slow"):
        local.wait_until_settled(SID, 0.0, print)
