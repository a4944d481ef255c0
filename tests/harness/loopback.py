"""An HTTP server on loopback that answers what a test tells it to: an AWS service in trouble."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SO_REUSEADDR, SOL_SOCKET, create_server, socket

import httpx

type Answer = tuple[int, str]

PASSED_ON_SECONDS = 120.0
"""How long `in_front_of` waits for what is behind it. Whoever asks loses patience sooner."""


class _Handler(BaseHTTPRequestHandler):
    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def pass_on(self, target: str, body: bytes) -> httpx.Response:
        """Send the request to `target` as it is: the host stays the one that was signed."""
        headers = dict(self.headers)
        return httpx.post(target + self.path, content=body, headers=headers, timeout=PASSED_ON_SECONDS, trust_env=False)

    def send_answer(self, status: int, body: bytes, kind: str = "") -> None:
        self.send_response(status)
        if kind:
            self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name for it)
        pass


@contextmanager
def _serving(handler: type[_Handler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(5)


@contextmanager
def answering(*answers: Answer) -> Iterator[str]:
    """Give each answer once and the last one for ever; the server's address."""
    left = list(answers)

    class Handler(_Handler):
        def do_POST(self) -> None:
            self.read_body()
            status, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_answer(status, body.encode())

    with _serving(Handler) as url:
        yield url


@contextmanager
def in_front_of(target: str, failures: int, answer: Answer) -> Iterator[tuple[str, list[int]]]:
    """An address that passes everything on to `target`, but answers the first so many requests itself.

    Returns:
        The address, and the statuses of all its answers so far, growing.
    """
    statuses: list[int] = []

    class Handler(_Handler):
        def do_POST(self) -> None:
            sent = self.read_body()
            status, body, kind = answer[0], answer[1].encode(), "application/x-amz-json-1.0"
            if len(statuses) >= failures:
                got = self.pass_on(target, sent)
                status, body, kind = got.status_code, got.content, got.headers.get("content-type", kind)
            statuses.append(status)
            self.send_answer(status, body, kind)

    with _serving(Handler) as url:
        yield url, statuses


@contextmanager
def passing_on(target: str, around: Callable[[bytes], AbstractContextManager[object]]) -> Iterator[str]:
    """An address that passes every POST on to `target`, each from receipt to answer inside `around` its body."""

    class Handler(_Handler):
        def do_POST(self) -> None:
            sent = self.read_body()
            with around(sent):
                got = self.pass_on(target, sent)
                self.send_answer(got.status_code, got.content, got.headers.get("content-type", "text/xml"))

    with _serving(Handler) as url:
        yield url


@contextmanager
def silent() -> Iterator[str]:
    """An address where every connection is taken and no request ever answered."""
    with create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


# Bound for as long as the tests run, and never listening: a port that is only known to be free may be taken by then.
_NOBODY = socket()
_NOBODY.bind(("127.0.0.1", 0))


def nobody_answers() -> str:
    """An address of loopback where nothing listens: every connection is refused."""
    return f"http://127.0.0.1:{_NOBODY.getsockname()[1]}"


@contextmanager
def reserved() -> Iterator[str]:
    """An address of loopback that nobody else gets, and where one server may still listen.

    Linux shares a port between sockets that allow it, as servers do, until one of them listens.
    """
    with socket() as kept:
        kept.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{kept.getsockname()[1]}"
