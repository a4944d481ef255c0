"""Stands before moto and counts what passes: requests by service and action, and the units of those to DynamoDB.

So what is counted is what the built functions write, and not what somebody believes they write. It asks moto for an
item before and after each write, and for all that a filtered Query has read.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import run_wsgi_app

from callscribe_tools.bench.capacity import Index, Item, item_size, read_units, write_units

type Environ = dict[str, Any]
type StartResponse = Callable[..., Any]
type Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
_DYNAMODB = "DynamoDB_20120810."
_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
_READS = frozenset({"GetItem", "Query"})


@dataclass(frozen=True, slots=True)
class Table:
    """What the meter needs to know of a table."""

    keys: tuple[str, ...]
    indexes: tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """One write: the item's sort key, the table's units, those of its indexes."""

    sort_key: str
    units: int
    index_units: int


@dataclass
class Counts:
    """What has passed. `unknown` are DynamoDB's actions that the meter does not understand."""

    requests: Counter[str] = field(default_factory=Counter)
    writes: list[Write] = field(default_factory=list)
    read_units: float = 0.0
    unknown: set[str] = field(default_factory=set)


class Meter:
    """A WSGI application around moto's. It counts while `counts` is set."""

    def __init__(self, app: Wsgi) -> None:
        self._app = app
        self.tables: Mapping[str, Table] = {}
        self.counts: Counts | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Pass a request on."""
        counts = self.counts
        if counts is None:
            return self._app(environ, start_response)
        target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
        service = _SERVICE.search(str(environ.get("HTTP_AUTHORIZATION", "")))
        action = target.rpartition(".")[2]
        counts.requests[f"{service.group(1) if service else 'unknown'}:{action}"] += 1
        if not target.startswith(_DYNAMODB):
            return self._app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        return self._metered(counts, action, json.loads(body), environ)(environ, start_response)

    def _metered(self, counts: Counts, action: str, request: dict[str, Any], environ: Environ) -> Wsgi:
        if action in _WRITES:
            return lambda environ, start: self._write(counts, request, environ, start)
        if action in _READS:
            counts.read_units += self._read(action, request, environ)
        else:
            counts.unknown.add(action)
        return self._app

    def _write(
        self, counts: Counts, request: dict[str, Any], environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        table = self.tables[request["TableName"]]
        source = request.get("Key") or request["Item"]
        get = {
            "TableName": request["TableName"],
            "Key": {name: source[name] for name in table.keys},
            "ConsistentRead": True,
        }
        before: Item = self._ask("GetItem", get, environ).get("Item", {})
        answer = self._app(environ, start_response)
        after: Item = self._ask("GetItem", get, environ).get("Item", {})
        # A refused write is counted like the one it might have been, by the item that is there.
        counts.writes.append(
            Write(
                sort_key=str(source[table.keys[-1]].get("S", "")),
                units=write_units(max(item_size(before), item_size(after))),
                index_units=sum(index.write_units(before, after) for index in table.indexes),
            )
        )
        return answer

    def _read(self, action: str, request: dict[str, Any], environ: Environ) -> float:
        # What a filter or a projection drops has been read all the same.
        unfiltered = {
            name: one for name, one in request.items() if name not in {"FilterExpression", "ProjectionExpression"}
        }
        used = str(unfiltered.get("KeyConditionExpression", ""))
        for kind, sigil in (("ExpressionAttributeNames", "#"), ("ExpressionAttributeValues", ":")):
            if kind in unfiltered:
                tokens = set(re.findall(rf"{sigil}\w+", used))
                unfiltered[kind] = {name: one for name, one in unfiltered[kind].items() if name in tokens}
                if not unfiltered[kind]:
                    del unfiltered[kind]
        answer = self._ask(action, unfiltered, environ)
        found = answer["Items"] if action == "Query" else [answer.get("Item", {})]
        return read_units(map(item_size, found), consistent=bool(request.get("ConsistentRead")))

    def _ask(self, action: str, request: Mapping[str, Any], environ: Environ) -> dict[str, Any]:
        body = json.dumps(request).encode()
        own = {
            **environ,
            "HTTP_X_AMZ_TARGET": _DYNAMODB + action,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        chunks, _status, _headers = run_wsgi_app(self._app, own)
        answer: dict[str, Any] = json.loads(b"".join(chunks))
        return answer
