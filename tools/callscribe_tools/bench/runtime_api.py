"""Lambda's Runtime API on loopback, for one function at a time: hands out events, takes answers, notes when.

`process` starts the functions. Lambda docs, "Using the Lambda runtime API for custom runtimes".
"""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from callscribe_tools.bench.errors import BenchError

REQUEST_ID = "00000000-0000-4000-8000-000000000000"
_DEADLINE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function answered, and when, on `time.perf_counter`."""

    body: bytes
    at: float
    failed: bool


@dataclass
class Exchange:
    """What goes back and forth with one process. `asked_at` is when it first asked for an event: it is initialised."""

    events: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)
    answers: queue.SimpleQueue[Answer] = field(default_factory=queue.SimpleQueue)
    asked_at: float | None = None

    def answer(self) -> Answer:
        """Wait for the next answer.

        Raises:
            BenchError: there is none for a minute.
        """
        try:
            return self.answers.get(timeout=_DEADLINE_SECONDS)
        except queue.Empty:
            raise BenchError(f"the function has not answered for {_DEADLINE_SECONDS} s") from None


class RuntimeApi(ThreadingHTTPServer):
    """The server. `exchange` is that of the process that runs now."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.exchange = Exchange()

    @property
    def address(self) -> str:
        """The value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Take it as the end of a process, which is killed; what fails otherwise leaves an answer missing."""

    @contextmanager
    def new_exchange(self) -> Iterator[Exchange]:
        """Be there for one process, until the context ends."""
        self.exchange = Exchange()
        try:
            yield self.exchange
        finally:
            self.exchange.events.put(None)


@contextmanager
def serving_runtime_api() -> Iterator[RuntimeApi]:
    """Serve until the context ends."""
    with RuntimeApi() as server:
        thread = threading.Thread(target=server.serve_forever, name="runtime-api", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    server: RuntimeApi
    protocol_version = "HTTP/1.1"
    # Neither may wait for the other's acknowledgement, which takes 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        """Hand out the next event once there is one."""
        exchange = self.server.exchange
        exchange.asked_at = exchange.asked_at or time.perf_counter()
        event = exchange.events.get()
        if event is None:
            self.close_connection = True
            return
        self._reply(
            200,
            event,
            {
                "Lambda-Runtime-Aws-Request-Id": REQUEST_ID,
                "Lambda-Runtime-Deadline-Ms": str(round((time.time() + _DEADLINE_SECONDS) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:bench",
            },
        )

    def do_POST(self) -> None:
        """Take an answer, or the error that came instead."""
        body = self.rfile.read(int(self.headers["content-length"]))
        answer = Answer(body, time.perf_counter(), failed=self.path.endswith("/error"))
        self._reply(202, b"", {})
        self.server.exchange.answers.put(answer)

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in {**headers, "content-type": "application/json", "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name for it)
        """Say nothing: what goes wrong is in the answers."""
