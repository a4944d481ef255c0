"""An account with a million calls a day, and the table that has them: lists and rows are made when they are asked for.

`make bench` does not run it: `python -m callscribe_tools.bench.million` does, and a unit test runs it for fewer calls.
Twilio's pages and resources have the simulator's shapes. Requests take no time here: what is measured is memory, the
number of requests, and the time of our own code.
"""

import json
import resource
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast, overload
from urllib.parse import parse_qsl, urlsplit

from botocore.exceptions import ClientError
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from callscribe.adapters.call_lists import CallLists, Progress
from callscribe.adapters.queues import Depth, Queue
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.adapters.twilio_api import TwilioApi
from callscribe.domain.patience import Patience
from callscribe.domain.settings import Settings, from_json
from callscribe.usecases.sweep import Found, Queues, sweep
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.operator.ledger import Ledger, take_ledger
from callscribe_tools.simulator import Account, Call, IntelligenceService, PhoneNumber, Recording, load_scenario
from callscribe_tools.simulator.intelligence_json import transcript_json
from callscribe_tools.simulator.paging import page
from callscribe_tools.simulator.resources import call_json, recording_json
from callscribe_tools.simulator.state import Transcript
from callscribe_tools.simulator.voice_lists import page_of

SERVICE_SID = "GA" + "d" * 32
LONG_EVERY = 500
"""Every so many-th call is a long one; its transcript is there all the same, as that of a call like any other."""
INDEX_PAGE = 200
"""Calls of one page of the index."""

SECONDS, LONG_SECONDS = 180, 4 * 3600

PATIENCE = Patience(
    look_again=timedelta(seconds=240),
    give_up=timedelta(hours=24),
    known_everywhere=timedelta(minutes=2),
    results=timedelta(minutes=2),
)


@dataclass(frozen=True)
class Newest[T](Sequence[T]):
    """The entries of a list with numbers from `first` below `end`, the newest first, made one by one."""

    first: int
    end: int
    make: Callable[[int], T]

    def __len__(self) -> int:
        return max(0, self.end - self.first)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> list[T]: ...
    def __getitem__(self, at: int | slice) -> T | list[T]:
        if isinstance(at, slice):
            return [self.make(self.end - 1 - number) for number in range(*at.indices(len(self)))]
        return self.make(self.end - 1 - at)


@dataclass
class Vast:
    """The account: call N began `N / per_day` days after `epoch`.

    `filters_by_day`: a time of day in a filter is ignored. Of every `lost_every`-th call the table has heard nothing.
    """

    per_day: int
    now: datetime
    numbers: int = 1
    days: int = 3
    filters_by_day: bool = False
    lost_every: int = 10_007
    requests: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.epoch = self.now - timedelta(days=self.days)
        self.scenario = load_scenario("cannot_log_in")
        self.account = Account()
        self.account.add(IntelligenceService(sid=SERVICE_SID))
        for number in range(self.numbers):
            self.account.add(PhoneNumber(number=f"+1202555{number:04}", voice_url="https://example.com/incoming-call"))
        self._to = list(self.account.numbers)

    def call(self, number: int) -> Call:
        """Make a call."""
        seconds = LONG_SECONDS if number % LONG_EVERY == 0 else SECONDS
        started = self.started(number)
        over = started + timedelta(seconds=seconds) <= self.now
        return Call(
            from_="+12025550142",
            to=self._to[number % len(self._to)],
            phone_number_sid=None,
            scenario=self.scenario,
            started=started,
            status="completed" if over else "in-progress",
            seconds=seconds if over else 0,
            sid=f"CA{number:032x}",
        )

    def recording(self, number: int) -> Recording:
        """Make a recording: of each call the one in two channels, and the one that <Record> makes."""
        call, mono = self.call(number // 2), number % 2
        return Recording(
            call_sid=call.sid,
            source="RecordVerb" if mono else "StartCallRecordingAPI",
            channels=1 if mono else 2,
            tracks=("inbound",) if mono else ("inbound", "outbound"),
            started=call.started.replace(microsecond=0),
            status="completed" if call.ended else "in-progress",
            seconds=float(call.seconds),
            sid=f"RE{number:032x}",
        )

    def transcript(self, number: int) -> Transcript:
        """Make a transcript."""
        call, ended = self.call(number), self.started(number) + timedelta(seconds=SECONDS)
        made = Transcript(
            service_sid=SERVICE_SID,
            channel={"media_properties": {"source_sid": f"RE{2 * number:032x}"}, "type": "voice"},
            source_sid=f"RE{2 * number:032x}",
            language_code="en-US",
            customer_key=call.sid,
            media_start_time=call.started,
            born=0.0,
            status="completed",
            sid=f"GT{number:032x}",
        )
        made.created = made.updated = ended
        return made

    def started(self, number: int) -> datetime:
        """When a call began."""
        return self.epoch + timedelta(days=number / self.per_day)

    def number_at(self, moment: datetime) -> int:
        """The first call that began then or later."""
        return -int(-((moment - self.epoch) / timedelta(days=1) * self.per_day) // 1)

    def row(self, key: Mapping[str, str]) -> dict[str, Any] | None:
        """Make the row that the table has under a key."""
        if not key["pk"].startswith("CALL#"):
            return None
        call = self.call(int(key["pk"][-32:], 16))
        number = int(call.sid[2:], 16)
        if self.is_lost(number) or (key["sk"] == "CALL" and not call.ended):
            return None
        row: dict[str, Any] = {
            **key,
            "started": call.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "day": call.started.date().isoformat(),
        }
        row |= {"expires_at": 2**40}
        if key["sk"] == "CALL":
            return row | {"seconds": call.seconds, "to": call.to, "from": call.from_}
        if key["sk"] == f"RECORDING#RE{2 * number:032x}":
            of_recording = {"state": "stored", "source": "StartCallRecordingAPI", "channels": 2}
            return row | of_recording | {"transcript": f"GT{number:032x}", "seconds": call.seconds}
        return None

    def is_lost(self, number: int) -> bool:
        """Whether the table has heard nothing of a call."""
        return number % self.lost_every == 0

    # --- Twilio's lists

    def answer(self, url: str) -> dict[str, Any]:
        """Answer a request as the simulator does."""
        parts = urlsplit(url)
        query, path = dict(parse_qsl(parts.query)), parts.path
        name = path.rpartition("/")[2].removesuffix(".json")
        self.requests[name if name in {"Calls", "Recordings", "Transcripts"} else name[:2]] += 1
        match name:
            case "Calls":
                return page_of("calls", path, query, self._calls(query))
            case "Recordings" if "CallSid" in query:
                number = 2 * int(query["CallSid"][2:], 16)
                return page_of("recordings", path, query, Newest(number, number + 2, self._recording))
            case "Recordings":
                first, end = self._between(query, "DateCreated")
                return page_of("recordings", path, query, Newest(2 * first, 2 * end, self._recording))
            case "Transcripts":
                first = self.number_at(datetime.fromisoformat(query["AfterDateCreated"]) - timedelta(seconds=SECONDS))
                end = self.number_at(datetime.fromisoformat(query["BeforeDateCreated"]) - timedelta(seconds=SECONDS))
                return page("transcripts", path, query, Newest(max(first, 0), end, self._transcript))
            case _ if name.startswith("CA"):
                return call_json(self.account, self.call(int(name[2:], 16)))
        raise LookupError(path)

    def _calls(self, query: Mapping[str, str]) -> Newest[dict[str, Any]]:
        first, end = self._between(query, "StartTime")
        if "To" not in query:
            return Newest(first, end, self._call)
        offset, every = self._to.index(query["To"]), len(self._to)
        return Newest(
            -(-(first - offset) // every), -(-(end - offset) // every), lambda at: self._call(at * every + offset)
        )

    def _between(self, query: Mapping[str, str], name: str) -> tuple[int, int]:
        since = datetime.fromisoformat(query[f"{name}>"])
        if self.filters_by_day:
            since = since.replace(hour=0, minute=0, second=0)
        before = datetime.fromisoformat(query[f"{name}<"]).replace(tzinfo=UTC)
        return max(0, self.number_at(since)), self.number_at(min(before, self.now))

    def _call(self, number: int) -> dict[str, Any]:
        return call_json(self.account, self.call(number))

    def _recording(self, number: int) -> dict[str, Any]:
        return recording_json(self.account, self.recording(number))

    def _transcript(self, number: int) -> dict[str, Any]:
        return transcript_json(self.account, self.transcript(number), None, echo_channel=True)


class VastHttpClient(HttpClient):
    """Hands the SDK's requests to the account."""

    def __init__(self, vast: Vast) -> None:
        self._vast = vast

    def request(self, method: str, uri: str, *_: Any, **__: Any) -> Response:
        """Answer one request of the SDK."""
        if method != "GET":
            raise LookupError(method)
        return Response(200, json.dumps(self._vast.answer(uri)))


class VastTable:
    """The table, as far as lists and the sweep ask it: the boto3 resource in a few lines. Notes are kept."""

    name = "calls"

    def __init__(self, vast: Vast) -> None:
        self._vast = vast
        self.notes: dict[tuple[str, str], dict[str, Any]] = {}
        self.meta = self
        self.client = self
        self.exceptions = self
        self.ConditionalCheckFailedException = ClientError

    def batch_get_item(self, RequestItems: Any) -> dict[str, Any]:  # noqa: N803 (boto3's names)
        """Look up to 100 rows up."""
        self._vast.requests["BatchGetItem"] += 1
        found = [self._row(key) for key in RequestItems[self.name]["Keys"]]
        return {"Responses": {self.name: [row for row in found if row]}}

    def get_item(self, Key: Mapping[str, str], **_: Any) -> dict[str, Any]:  # noqa: N803
        """Look a row up."""
        self._vast.requests["GetItem"] += 1
        row = self._row(Key)
        return {"Item": row} if row else {}

    def update_item(self, Key: Mapping[str, str], **asked: Any) -> dict[str, Any]:  # noqa: N803
        """Write one of the sweep's notes."""
        self._vast.requests["UpdateItem"] += 1
        values = {name[1:]: value for name, value in asked["ExpressionAttributeValues"].items()}
        self.notes[Key["pk"], Key["sk"]] = {**Key, **values}
        return {}

    def delete_item(self, Key: Mapping[str, str], **_: Any) -> dict[str, Any]:  # noqa: N803
        """Forget one of the sweep's notes."""
        self.notes.pop((Key["pk"], Key["sk"]), None)
        return {}

    def query(self, KeyConditionExpression: Any, **asked: Any) -> dict[str, Any]:  # noqa: N803
        """Find the sweep's notes, a day of the index, or the recordings of a call; nothing is due."""
        self._vast.requests["Query"] += 1
        condition = KeyConditionExpression.get_expression()
        if asked.get("IndexName") == "by_day":
            return self._index(condition["values"][1], asked.get("ExclusiveStartKey"))
        if condition["operator"] != "AND" or "IndexName" in asked:
            return {"Items": [], "Count": 0}
        pk = condition["values"][0].get_expression()["values"][1]
        if pk != "SWEEP":
            row = self._vast.row({"pk": pk, "sk": f"RECORDING#RE{2 * int(pk[-32:], 16):032x}"})
            return {"Items": [row] if row else []}
        prefix = condition["values"][1].get_expression()["values"][1]
        return {"Items": [note for (_, sk), note in self.notes.items() if sk.startswith(prefix)]}

    def _index(self, day: str, after: int | None) -> dict[str, Any]:
        vast, midnight = self._vast, datetime.fromisoformat(day).replace(tzinfo=UTC)
        first = max(0, vast.number_at(midnight)) if after is None else after
        end = vast.number_at(min(midnight + timedelta(days=1), vast.now))
        last = min(first + INDEX_PAGE, end)
        calls = [f"{number:032x}" for number in range(first, last)]
        keys = [{"pk": f"CALL#CA{sid}", "sk": "CALL"} for sid in calls]
        keys += [{"pk": f"CALL#CA{sid}", "sk": f"RECORDING#RE{2 * int(sid, 16):032x}"} for sid in calls]
        page: dict[str, Any] = {"Items": [row for key in keys if (row := vast.row(key))]}
        return page | ({"LastEvaluatedKey": last} if last < end else {})

    def _row(self, key: Mapping[str, str]) -> dict[str, Any] | None:
        return self.notes.get((key["pk"], key["sk"])) or self._vast.row(key)


class Bodies:
    """A queue that keeps what it is sent."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def put(self, body: str, **_: str) -> None:
        """Keep a message."""
        self.bodies.append(body)

    def depth(self) -> Depth:
        """Have nothing that waits."""
        return Depth(0, 0)


@dataclass
class Rig:
    """What the sweep works with."""

    vast: Vast
    table: VastTable
    settings: Settings
    recordings: Bodies = field(default_factory=Bodies)
    transcripts: Bodies = field(default_factory=Bodies)

    @classmethod
    def of(cls, vast: Vast) -> "Rig":
        """Stand beside an account that was compared until an hour ago."""
        rig = cls(vast, VastTable(vast), from_json(json.dumps(settings_document(vast.account))))
        rig.lists.put_progress(Progress.at(vast.now - 14 * PATIENCE.look_again))
        return rig

    @property
    def lists(self) -> CallLists:
        """The lists of the table."""
        return CallLists(cast("Any", self.table))

    def twilio(self) -> Twilio:
        """The account, by an API that has five minutes."""
        client = Client("SK" + "0" * 32, "secret", "AC" + "0" * 32, http_client=VastHttpClient(self.vast))
        return Twilio(TwilioApi(client, timeout_seconds=10, until=timedelta(minutes=5)))

    def sweep(self) -> Found:
        """Sweep once."""
        return sweep(
            lists=self.lists,
            table=CallTable(cast("Any", self.table), retention_days=365),
            unredacted=None,
            queues=Queues(recordings=cast("Queue", self.recordings), transcripts=cast("Queue", self.transcripts)),
            twilio=self.twilio(),
            settings=self.settings,
            patience=PATIENCE,
            until=datetime.now(UTC) + timedelta(seconds=285),
            correlation_id="bench",
        )

    def ledger(self, since: datetime) -> Ledger:
        """Take the ledger of all since then."""
        return take_ledger(
            lists=self.lists,
            table=CallTable(cast("Any", self.table), retention_days=365),
            twilio=self.twilio(),
            settings=self.settings,
            patience=PATIENCE,
            since=since,
            until=self.vast.now,
            progress=lambda _: None,
        )


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Measure the most memory, in MB, that Python holds in the block beyond what it held before."""
    peak: list[float] = []
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield peak
    finally:
        peak.append((tracemalloc.get_traced_memory()[1] - before) / 1e6)
        tracemalloc.stop()


def main() -> None:
    """At a million calls a day, sweep once for one number and for 500, take the ledger of a day, and print the cost."""
    for numbers in (1, 500):
        for by_day in (False, True):
            vast = Vast(1_000_000, datetime.now(UTC), numbers=numbers, filters_by_day=by_day)
            rig = Rig.of(vast)
            began = time.process_time()
            found = rig.sweep()
            told = {
                "numbers": numbers,
                "filters_by_day": by_day,
                "cpu_seconds_with_making_the_lists": round(time.process_time() - began),
                "behind_seconds": found.behind_seconds,
                "found_lost": found.recordings,
                "long_calls": sum(sk.startswith("AGAIN#") for _, sk in rig.table.notes),
                "requests": dict(vast.requests),
                "most_memory_of_the_process_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
            }
            sys.stdout.write(f"{json.dumps(told)}\n")
    vast = Vast(1_000_000, datetime.now(UTC), days=1)
    began = time.process_time()
    ledger = Rig.of(vast).ledger(vast.epoch)
    told = {
        "ledger_of_calls": sum(day.calls for day in ledger.days),
        "missing": len(ledger.missing),
        "cpu_seconds_with_making_the_lists": round(time.process_time() - began),
        "requests": dict(vast.requests),
        "most_memory_of_the_process_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
    }
    sys.stdout.write(f"{json.dumps(told)}\n")


if __name__ == "__main__":
    main()
