"""An httpx transport like curl's --connect-to: real https URLs, delivered on loopback only.

The simulator sends every webhook through it, so that URLs, Host headers and signatures are those of production.
"""

from collections.abc import Mapping
from ipaddress import ip_address

import httpx

from callscribe_tools.simulator.violations import UnmappedHostError


class ConnectTo(httpx.BaseTransport):
    """Sends a request for a mapped host to that host's plain base address, with the original Host header.

    Parameters
    ----------
    mapping:
        Host to base, as `{"abc.execute-api.localhost": "http://127.0.0.1:14566"}`. It is read at every
        request: hosts may be added later.
    """

    def __init__(self, mapping: Mapping[str, str]) -> None:
        self._mapping = mapping

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to its host's base on loopback.

        Raises
        ------
        UnmappedHostError
            The host has no base, or its base is not on loopback: nothing leaves this machine.
        """
        base = self._base(request.url)
        local = request.url.copy_with(scheme=base.scheme, host=base.host, port=base.port)
        # A pool for each request: the few requests of a call are not worth one that somebody has to close.
        with httpx.HTTPTransport() as loopback:
            response = loopback.handle_request(
                httpx.Request(
                    request.method,
                    local,
                    headers=request.headers,
                    content=request.read(),
                    extensions=request.extensions,
                )
            )
            content = response.read()
        headers = [(name, value) for name, value in response.headers.items() if name != "content-encoding"]
        return httpx.Response(response.status_code, headers=headers, content=content)

    def _base(self, url: httpx.URL) -> httpx.URL:
        base = self._mapping.get(url.host)
        if base is None:
            raise UnmappedHostError(
                f"No address on this machine is known for {url.host}: add it to ConnectTo({{...}}). "
                "The simulator never sends anything elsewhere."
            )
        parsed = httpx.URL(base)
        if parsed.host != "localhost" and not ip_address(parsed.host).is_loopback:
            raise UnmappedHostError(f"{url.host} is mapped to {base}, which is not loopback: use 127.0.0.1.")
        return parsed
