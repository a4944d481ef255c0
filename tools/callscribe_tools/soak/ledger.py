"""Asks the product's own ledger of a soak's calls, and says where it tells otherwise than the record of Twilio."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import cycle

from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import connect
from callscribe.domain.patience import Patience
from callscribe.domain.settings import from_json
from callscribe_tools.local_callscribe import LocalCallscribe, settings_document
from callscribe_tools.operator.console import LIST_TIME
from callscribe_tools.operator.ledger import Ledger, take_ledger
from callscribe_tools.simulator import Scenario
from callscribe_tools.soak.plan import GIVE_UP_SECONDS, PARAMETERS
from callscribe_tools.words import quantity

_RETENTION_DAYS = 365
_TWILIO_SECONDS = 10.0
_ENDS = ("stored", "skipped", "failed")


def disagreements(local: LocalCallscribe, since: float, expected: Mapping[str, Scenario]) -> list[str]:
    """Take the ledger of all since that moment, in seconds since 1970, and compare it with what should be.

    Raises:
        TransientError: Twilio's lists failed too often.
    """
    return list(differences(_taken(local, datetime.fromtimestamp(since, UTC)), expected))


def _taken(local: LocalCallscribe, since: datetime) -> Ledger:
    table = local.stack.aws.table(local.stack.outputs["CallsTableName"])
    document = settings_document(local.twilio.account, local.twilio_url)
    # The ledger lists the transcripts of all Services, and takes no interest in which number has which.
    for number, service_sid in zip(document["numbers"].values(), cycle(local.twilio.account.services), strict=False):
        number["service_sid"] = service_sid
    settings = from_json(json.dumps(document))
    return take_ledger(
        lists=CallLists(table),
        table=CallTable(table, _RETENTION_DAYS),
        twilio=connect(settings, _TWILIO_SECONDS, until=LIST_TIME),
        settings=settings,
        patience=Patience(
            look_again=timedelta(seconds=float(PARAMETERS["LookAgainSeconds"])),
            give_up=timedelta(seconds=GIVE_UP_SECONDS),
            known_everywhere=timedelta(seconds=float(PARAMETERS["KnownEverywhereSeconds"])),
            results=timedelta(seconds=float(PARAMETERS["ResultsSeconds"])),
        ),
        since=since,
        until=datetime.now(UTC),
        progress=lambda _: None,
    )


def differences(ledger: Ledger, expected: Mapping[str, Scenario]) -> Iterator[str]:
    """Say, a line for each, where a ledger tells otherwise than what each call should have come to."""
    ends = Counter[str](one.expect for one in expected.values())
    for end in _ENDS:
        told = sum(getattr(day, end) for day in ledger.days)
        if told != ends[end]:
            yield f"it counts {told} {end}, and there should be {ends[end]}"
    calls, in_flight = (sum(getattr(day, name) for day in ledger.days) for name in ("calls", "in_flight"))
    if calls != len(expected):
        yield f"it counts {quantity(calls, 'call')}, and there should be {len(expected)}"
    if in_flight or ledger.unreadable:
        yield f"it counts {in_flight} in flight and {ledger.unreadable} that nobody can read, and there should be none"
    yield from (f"{one.kind} {one.sid} of call {one.call_sid} is missing" for one in ledger.missing)
