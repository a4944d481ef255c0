"""One account's REST API at Twilio: sends requests, reads answers and lists. Names no resource.

The official SDK sends the requests, with credentials and timeouts; answers are read as raw JSON (docs/decisions/0007).
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

from requests import Response as RequestsResponse
from twilio.http import HttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from callscribe.adapters.held_answers import HeldAnswers
from callscribe.adapters.twilio_errors import error_of_status, throttled, twilio_errors
from callscribe.adapters.twilio_pages import Pages, next_link
from callscribe.domain.errors import UnreadableError

PAGE_SIZE = 1000
"""The largest page Twilio gives (Twilio docs, "Twilio's response", paging; Transcript Sentences)."""

_LONGEST_WHOLE = 1000
"""Digits."""

PAGES_BETWEEN_PROGRESS = 10

API = "https://api.twilio.com"
INTELLIGENCE = "https://intelligence.twilio.com/v2"


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was made: how long it took, and the status of its answer, None where there was none."""

    milliseconds: float
    status: int | None


_requests: deque[Request] = deque(maxlen=5000)


def take_requests() -> list[Request]:
    """Take what has been asked since the last time, of whatever account; the latest 5,000."""
    taken = list(_requests)
    _requests.clear()
    return taken


type Until = datetime | timedelta
"""When lists must have ended: a moment, or a time that each list may take."""

type Progress = Callable[[str], None]

type Odd = Callable[[UnreadableError], None]
"""What is told of each row that cannot be read, so that it holds no other row up."""


class PageOfRows(NamedTuple):
    """One page of a list, and the link to the next page; None on the last page, or if the link is wrong."""

    rows: list[dict[str, Any]]
    next_link: str | None


class TwilioApi:
    """One account at Twilio, by one pair of credentials. Every method raises the errors of `twilio_errors`.

    `doing` is what an error says was being done. `voice` is the address under which the account's own resources are.

    Args:
        client: sends the requests.
        timeout_seconds: how long one answer may take.
        until: no list continues when an answer might come later than this. It has no default, so that no caller can
            start a list without an end.
        held: answers that are held for longer than this invocation.
        progress: called with a sentence every few pages of a long list.
    """

    def __init__(
        self,
        client: Client,
        *,
        timeout_seconds: float,
        until: Until,
        held: HeldAnswers | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.held = held or HeldAnswers()
        self._client = client
        self._timeout = timedelta(seconds=timeout_seconds)
        self._until = until
        self._progress = progress
        self.voice = f"{API}/2010-04-01/Accounts/{client.account_sid}"

    def read(self, doing: str, url: str) -> dict[str, Any]:
        """Fetch a resource."""
        return read_object(doing, self.ask(doing, "GET", url))

    def ask(
        self,
        doing: str,
        method: str,
        url: str,
        form: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request, and read the JSON of its answer, numbers as they are written; None where it is empty."""
        with twilio_errors(doing):
            response = self._send(method, url, form, headers)
            if response.status_code in {429, 503}:
                raise throttled(doing, response.status_code, (response.headers or {}).get("Retry-After"))
            if response.status_code >= 400:
                raise error_of_status(doing, response.status_code, _code_of(response.text))
            return _read_json(doing, response.text)

    def _send(
        self, method: str, url: str, form: Mapping[str, object] | None, headers: Mapping[str, str] | None
    ) -> Response:
        began, status = time.perf_counter(), None
        try:
            # The SDK adds headers of its own to those it is given.
            response: Response = self._client.request(
                method, url, data=dict(form) if form else None, headers=dict(headers) if headers else None
            )
            status = response.status_code
            return response
        finally:
            _requests.append(Request((time.perf_counter() - began) * 1000, status))

    def voice_rows(
        self, doing: str, path: str, key: str, query: Mapping[str, object], *, odd: Odd | None = None
    ) -> Iterator[dict[str, Any]]:
        """Fetch a list of the account's own resources; `key` is what its rows are under.

        A row that is no object is told to `odd`, if that is given, and left out.

        Raises:
            OutOfTimeError: the list is longer than the time.
            UnreadableError: a page is odd, or the list has no end.
        """
        return _rows_of(self.voice_pages(doing, path, key, query, odd=odd))

    def voice_pages(
        self,
        doing: str,
        path: str,
        key: str,
        query: Mapping[str, object],
        *,
        link: str | None = None,
        odd: Odd | None = None,
    ) -> Iterator[PageOfRows]:
        """Fetch the same page by page, from the page at `link` on, if it is given; raises what `voice_rows` does."""

        def read_page(page: Mapping[str, Any]) -> tuple[object, object]:
            return key, page.get("next_page_uri")

        return self._pages(doing, f"{self.voice}/{path}.json", query, read_page, link, odd)

    def intelligence_rows(
        self, doing: str, path: str, *, odd: Odd | None = None, **query: str
    ) -> Iterator[dict[str, Any]]:
        """Fetch a list of Conversational Intelligence; raises what `voice_rows` does."""
        return _rows_of(self.intelligence_pages(doing, path, query, odd=odd))

    def intelligence_pages(
        self, doing: str, path: str, query: Mapping[str, object], *, link: str | None = None, odd: Odd | None = None
    ) -> Iterator[PageOfRows]:
        """Fetch the same page by page, from the page at `link` on, if it is given; raises what `voice_rows` does."""

        def read_page(page: Mapping[str, Any]) -> tuple[object, object]:
            meta = page.get("meta")
            if not isinstance(meta, dict):
                raise UnreadableError(f"{doing}: the page has no meta")
            # As Twilio's SDK does: a page without a key has one list, and a page without a link is the last.
            lists = _lists(page)
            key = meta.get("key") or (lists[0] if len(lists) == 1 else None)
            return key, meta.get("next_page_url")

        return self._pages(doing, f"{INTELLIGENCE}/{path}", query, read_page, link, odd)

    def _pages(
        self,
        doing: str,
        url: str,
        query: Mapping[str, object],
        read_page: Callable[[Mapping[str, Any]], tuple[object, object]],
        link: str | None,
        odd: Odd | None,
    ) -> Iterator[PageOfRows]:
        """Fetch every list of Twilio's, and nothing else does: one place that ends lists which do not end themselves.

        `read_page` finds in a page the name of its rows and the link to the next page.
        """
        last_start = self._last_start()
        pages = Pages(doing)
        link = next_link(doing, url, link) or f"{url}?{urlencode({'PageSize': PAGE_SIZE, **query})}"
        while link:
            pages.begin(link, last_start)
            page = self.read(doing, link)
            key, told = read_page(page)
            found = _entries(doing, page, key)
            pages.end(len(found))
            if self._progress and pages.count % PAGES_BETWEEN_PROGRESS == 0:
                self._progress(pages.so_far)
            wrong = None
            try:
                link = next_link(doing, url, told)
            except UnreadableError as error:
                link, wrong = None, error
            # The rows of a page count, whatever its link is.
            yield PageOfRows([*_objects(doing, found, odd)], link)
            if wrong:
                raise wrong

    def _last_start(self) -> datetime:
        """The last moment at which a page may be asked for, so that its answer comes in time."""
        if isinstance(self._until, timedelta):
            return datetime.now(UTC) + self._until
        return self._until - self._timeout


def _read_json(doing: str, text: str) -> Any:
    try:
        # Python refuses to read whole numbers of more than 4,300 digits as such.
        return json.loads(text or "null", parse_float=Decimal, parse_int=_whole, parse_constant=str)
    except RecursionError:
        raise UnreadableError(f"{doing}: the answer is nested too deep") from None


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) <= _LONGEST_WHOLE else Decimal(text)


def _rows_of(pages: Iterator[PageOfRows]) -> Iterator[dict[str, Any]]:
    return (row for page in pages for row in page.rows)


def read_object(doing: str, answer: object) -> dict[str, Any]:
    """Take an answer for the JSON object that it should be.

    Raises:
        UnreadableError: it is none.
    """
    if not isinstance(answer, dict):
        raise UnreadableError(f"{doing}: the answer is no JSON object")
    return answer


def _lists(page: Mapping[str, Any]) -> list[str]:
    return [name for name, value in page.items() if isinstance(value, list)]


def _entries(doing: str, page: Mapping[str, Any], key: object) -> list[Any]:
    found = page.get(key) if isinstance(key, str) else None
    if not isinstance(found, list):
        raise UnreadableError(f"{doing}: the page has no list of {key}")
    return found


def _objects(doing: str, entries: Iterable[Any], odd: Odd | None) -> Iterator[dict[str, Any]]:
    for entry in entries:
        if isinstance(entry, dict):
            yield entry
            continue
        error = UnreadableError(f"{doing}: a row of the list is no JSON object")
        if odd is None:
            raise error
        odd(error)


def _code_of(text: str) -> int | None:
    """Twilio's own error code in the body of a refusal, which may also be HTML."""
    try:
        return int(json.loads(text)["code"])
    except (KeyError, TypeError, ValueError):
        return None


def _as_utf_8(response: RequestsResponse, *_: Any, **__: Any) -> None:
    # JSON is UTF-8 (RFC 8259). Where Twilio does not say so, requests would guess, which takes seconds for a long one.
    response.encoding = "utf-8"


class _LoopbackHttpClient(HttpClient):
    """Sends every request to the simulator: the SDK's own hosts are fixed."""

    def __init__(self, url: str, sender: TwilioHttpClient) -> None:
        self._base = urlsplit(url)
        self._sender = sender

    def request(self, method: str, uri: str, *args: Any, **kwargs: Any) -> Response:
        target = urlsplit(uri)._replace(scheme=self._base.scheme, netloc=self._base.netloc)
        return self._sender.request(method, urlunsplit(target), *args, **kwargs)


@dataclass(frozen=True, slots=True)
class Connection:
    """What outlasts an invocation: the SDK's client, with its connection to Twilio, and answers that are held."""

    client: Client
    held: HeldAnswers


@lru_cache(maxsize=16)
def connection(
    account_sid: str,
    username: str,
    password: str,
    url: str | None,
    timeout_seconds: float,
    number: int,  # noqa: ARG001 (a part of the cache's key)
) -> Connection:
    """Keep one connection while the credentials stay the same.

    Args:
        account_sid: the account to ask about.
        username: an API key's SID, or the account's SID.
        password: the API key's secret, or the account's auth token.
        url: the simulator's, in the place of Twilio's own addresses.
        timeout_seconds: how long one answer may take.
        number: tells connections apart that are used at the same time. The SDK's client keeps its last answer in an
            attribute, and returns that: two threads with one client would get each other's answers.
    """
    # The SDK has no timeout of its own.
    sender = TwilioHttpClient(timeout=timeout_seconds, request_hooks={"response": _as_utf_8})
    http_client = _LoopbackHttpClient(url, sender) if url else sender
    return Connection(Client(username, password, account_sid, http_client=http_client), HeldAnswers())


def connect(
    account_sid: str,
    username: str,
    password: str,
    url: str | None,
    timeout_seconds: float,
    *,
    until: Until,
    progress: Progress | None = None,
    number: int = 0,
) -> TwilioApi:
    """The API by these credentials, for one invocation or command; see `connection` and `TwilioApi`."""
    kept = connection(account_sid, username, password, url, timeout_seconds, number)
    return TwilioApi(kept.client, timeout_seconds=timeout_seconds, until=until, held=kept.held, progress=progress)
