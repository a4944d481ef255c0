"""An httpx transport that leads nowhere: every connection is refused, as by a host where nothing listens.

`Webhooks` sends through it what goes to a dead URL. The refusal is a real one, of this machine's own network.
"""

import socket

import httpx


class DeadEnd(httpx.BaseTransport):
    """Tries to connect to a port of loopback where nobody listens."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Fail to send the request, whatever host it is for.

        Raises
        ------
        httpx.ConnectError
            Always.
        """
        # Bound and not listening: nobody else can have the port, and connections to it are refused.
        with socket.socket() as taken, httpx.HTTPTransport(verify=False) as transport:
            taken.bind(("127.0.0.1", 0))
            there = request.url.copy_with(scheme="http", host="127.0.0.1", port=taken.getsockname()[1])
            return transport.handle_request(
                httpx.Request(request.method, there, content=request.read(), extensions=request.extensions)
            )
