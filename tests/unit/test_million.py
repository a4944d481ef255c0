"""What a million calls a day take: pages are compared and forgotten. The full size: callscribe_tools.bench.million."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callscribe_tools.bench.million import Rig, Vast, peak_memory
from callscribe_tools.operator.ledger import Ledger
from callscribe_tools.operator.ledger_entries import Kind


def swept(calls_a_day: int, **fields: Any) -> Rig:
    rig = Rig.of(Vast(calls_a_day, datetime.now(UTC), days=1, **fields))
    found = rig.sweep()
    assert (found.behind_seconds, found.odd, found.trouble) == (0, [], None)
    return rig


@pytest.mark.parametrize("by_day", [False, True])
@pytest.mark.parametrize("numbers", [1, 30])
def test_a_sweep_finds_what_was_lost_among_many_calls(
    numbers: int,
    by_day: bool,  # noqa: FBT001 (a table)
) -> None:
    rig = swept(40_000, numbers=numbers, filters_by_day=by_day, lost_every=211)
    vast = rig.vast

    def lost(since: int, before: int) -> set[str]:
        """The lost calls that began so many minutes ago."""
        began = range(*(vast.number_at(vast.now - timedelta(minutes=ago)) for ago in (since, before)))
        return {f"CA{number:032x}" for number in began if vast.is_lost(number)}

    # Compared until 56 minutes ago. A call lasts three minutes, and its webhooks have four.
    told = [body[len("CallSid=") :][:34] for body in rig.recordings.bodies]
    assert len(told) == len(set(told)) > 4
    assert lost(55, 8) <= set(told) <= lost(57, 6)
    transcribed = {json.loads(body)["customer_key"] for body in rig.transcripts.bodies}
    assert lost(55, 8) <= transcribed <= lost(60, 6)


def test_the_memory_of_a_sweep_does_not_grow_with_the_number_of_calls() -> None:
    swept(10_000)
    with peak_memory() as few:
        swept(40_000)
    with peak_memory() as many:
        swept(80_000)
    # MB: what one page takes, and not what all of them take.
    assert many[0] < 1.3 * few[0]
    assert many[0] < 20


@pytest.mark.parametrize("by_day", [False, True])
def test_a_sweep_asks_for_no_more_pages_than_its_calls_fill(
    by_day: bool,  # noqa: FBT001 (a table)
) -> None:
    rig = swept(120_000, filters_by_day=by_day)
    calls = 120_000 * 57 // (24 * 60)
    # The last page of a list shows that what follows is too old.
    assert rig.vast.requests["Calls"] <= calls // 1000 + 3
    assert rig.vast.requests["Recordings"] <= 2 * calls // 1000 + 4
    assert rig.vast.requests["BatchGetItem"] <= 4 * (calls // 100 + 10)


def test_the_memory_of_a_ledger_does_not_grow_with_what_is_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callscribe.adapters.twilio_api.PAGE_SIZE", 200)

    def taken(calls_a_day: int) -> tuple[Vast, Ledger]:
        vast = Vast(calls_a_day, datetime.now(UTC), days=1, lost_every=499)
        return vast, Rig.of(vast).ledger(vast.epoch)

    taken(500)
    with peak_memory() as few:
        taken(1_500)
    with peak_memory() as many:
        vast, ledger = taken(4_500)
    # 16 bytes for each call more, and what is missing.
    assert many[0] < 1.3 * few[0]
    assert many[0] < 10
    assert sum(day.calls for day in ledger.days) == 4_500
    balance = ledger.balance
    assert balance.recordings == balance.with_row + balance.missing + balance.waiting + balance.need_none
    assert balance.gone == 0
    lost = [f"CA{number:032x}" for number in range(4_300) if vast.is_lost(number)]
    assert {one.call_sid for one in ledger.missing if one.kind is Kind.RECORDING} >= set(lost)
