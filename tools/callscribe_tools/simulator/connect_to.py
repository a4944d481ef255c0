"""An httpx transport like curl's --connect-to: real URLs, delivered on this machine, or to hosts named one by one.

The simulator sends every webhook through it, so that URLs, Host headers and signatures are those of production.
"""

from collections.abc import Collection, Mapping
from ipaddress import ip_address

import httpx

from callscribe_tools.simulator.violations import UnmappedHostError


def is_loopback(host: str) -> bool:
    """Say whether a URL's host is this machine by its name alone; nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class ConnectTo(httpx.BaseTransport):
    """Sends a request for a mapped host to that host's plain base address, with the original Host header.

    Parameters
    ----------
    mapping:
        Host to base, as `{"abc.execute-api.localhost": "http://127.0.0.1:14566"}`. It is read at every
        request: hosts may be added later.
    reachable:
        Other machines that may be asked as they are, by their hosts. Loopback always may.
    """

    def __init__(self, mapping: Mapping[str, str], reachable: Collection[str] = ()) -> None:
        self._mapping = mapping
        self._reachable = frozenset(reachable)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request where its host may be reached; certificates are verified.

        Raises
        ------
        UnmappedHostError
            The host is neither mapped, nor loopback, nor reachable; or its base is not on loopback.
        """
        address = self._address(request.url)
        # A pool for each request: the few requests of a call are not worth one that somebody has to close. Where no
        # certificate is shown, the 20 ms are spared that it takes to load those which are trusted.
        with httpx.HTTPTransport(verify=address.scheme == "https") as transport:
            response = transport.handle_request(
                httpx.Request(
                    request.method,
                    address,
                    headers=request.headers,
                    content=request.read(),
                    extensions=request.extensions,
                )
            )
            content = response.read()
        headers = [(name, value) for name, value in response.headers.items() if name != "content-encoding"]
        return httpx.Response(response.status_code, headers=headers, content=content)

    def _address(self, url: httpx.URL) -> httpx.URL:
        base = self._mapping.get(url.host)
        if base is not None:
            parsed = httpx.URL(base)
            if not is_loopback(parsed.host):
                raise UnmappedHostError(f"{url.host} is mapped to {base}, which is not loopback: use 127.0.0.1.")
            return url.copy_with(scheme=parsed.scheme, host=parsed.host, port=parsed.port)
        if is_loopback(url.host) or url.host in self._reachable:
            return url
        raise UnmappedHostError(
            f"The simulator does not send to {url.host}: only to this machine, and to hosts that you name. "
            f"Name its place on this machine with --connect-to {url.host}=http://127.0.0.1:PORT, "
            "or in ConnectTo({...}) when you use Python."
        )
