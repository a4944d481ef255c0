"""Ends a list of Twilio's that does not end itself, and checks links to next pages. Pure; only `twilio_api` uses it."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from callscribe.domain.errors import OutOfTimeError, UnreadableError

MOST_PAGES = 10_000
"""Ten million rows, more than an account of a million calls a day has of them in a week."""

MOST_EMPTY_PAGES = 10
"""Empty pages in a row. One at the end of a list is ordinary: a full last page may lead to it."""


class Pages:
    """The pages of one list. `count` pages and `rows` rows have come so far."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._seen: set[object] = set()
        self._empty = 0
        self.count = 0
        self.rows = 0

    @property
    def so_far(self) -> str:
        """A sentence for people: which list, and how far it has come."""
        return f"{self._doing}: {self.rows} rows on {self.count} pages so far"

    def begin(self, url: str, last_start: datetime) -> None:
        """Check that the page at this address may be asked for.

        Raises:
            OutOfTimeError: `last_start` is over; the first page is asked for all the same.
            UnreadableError: the page was there before, or there have been too many pages.
        """
        same = _identity(url)
        if same in self._seen:
            raise UnreadableError(f"{self.so_far}, and the next page is one that came before: the list has no end")
        if self.count >= MOST_PAGES or self._empty >= MOST_EMPTY_PAGES:
            raise UnreadableError(f"{self.so_far}, the last {self._empty} of them empty: the list has no end")
        if self.count and datetime.now(UTC) > last_start:
            raise OutOfTimeError(f"{self.so_far}, and no time left for the next page")
        self._seen.add(same)

    def end(self, rows: int) -> None:
        """Count a page that has come."""
        self.count += 1
        self.rows += rows
        self._empty = 0 if rows else self._empty + 1


def _identity(url: str) -> object:
    """What all addresses of one page have in common: the order does not count, and the first page may be called 0."""
    parameters = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    return tuple(sorted(parameter for parameter in parameters if parameter != ("Page", "0")))


def next_link(doing: str, url: str, link: object) -> str | None:
    """Read the link to the next page of the list at `url`; None after the last page.

    Only the parameters of the link are used. The credentials go where `url` is, whatever a link says.

    Raises:
        UnreadableError: the link leads to another host, another account or another list, or is no link.
    """
    if link is None or link == "":
        return None
    if not isinstance(link, str):
        raise UnreadableError(f"{doing}: the link to the next page is no text")
    own = urlsplit(url)
    try:
        parts = urlsplit(link)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UnreadableError(f"{doing}: the link to the next page is no address") from None
    # A relative link has neither scheme nor host.
    elsewhere = (host is not None and host != own.hostname) or port not in {None, 443}
    if elsewhere or parts.username is not None or parts.scheme not in {"", "http", "https"}:
        raise UnreadableError(f"{doing}: the link to the next page leads to another host than {own.hostname}")
    if _resource(parts.path) != _resource(own.path):
        raise UnreadableError(f"{doing}: the link to the next page leads to another list or another account")
    return urlunsplit((own.scheme, own.netloc, own.path, parts.query, ""))


def _resource(path: str) -> str:
    return path.rstrip("/").removesuffix(".json")
