"""Serves the simulator on a port of 127.0.0.1, in a thread that ends with the block."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from callscribe_tools.simulator.resettable import ResettableProtocol
from callscribe_tools.simulator.violations import PortTakenError, SimulationError

# A busy machine may take long; who waits sees it at once when it is done.
_START_SECONDS = 60.0
_END_SECONDS = 60.0


@contextmanager
def serving(app: Starlette, port: int = 0) -> Iterator[str]:
    """Serve while the block runs and give the base URL; port 0 is a free one.

    Raises
    ------
    PortTakenError
        Another program has the port.
    SimulationError
        The server did not start, or did not end, in time.
    """
    with _listener(port) as listener:
        # asyncio turns Nagle's algorithm off only for sockets made with a protocol number, which these are not.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(
            app,
            http=ResettableProtocol,
            log_level="warning",
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="twilio-rest", daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            _join(thread)
            if thread.is_alive():
                raise SimulationError(f"The simulator's server did not end within {_END_SECONDS:.0f} s.")


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise PortTakenError(f"Port {port} of 127.0.0.1 cannot be had ({error.strerror}): choose another.") from error


def _join(thread: threading.Thread) -> None:
    try:
        thread.join(_END_SECONDS)
    except KeyboardInterrupt:
        # The server still answers on its socket, which must not be closed under it.
        thread.join(_END_SECONDS)
        raise


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        # uvicorn sets a plain attribute and offers nothing to wait on.
        thread.join(0.01)
        if not thread.is_alive() or time.monotonic() > deadline:
            raise SimulationError(f"The simulator's server did not start within {_START_SECONDS:.0f} s.")
