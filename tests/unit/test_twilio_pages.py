"""Lists of Twilio's that do not end themselves, and links that lead elsewhere."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from typing import Any

import pytest
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from callscribe.adapters import twilio_api, twilio_pages
from callscribe.adapters.twilio_api import INTELLIGENCE, TwilioApi
from callscribe.domain.errors import OutOfTimeError, UnreadableError
from harness.template import REPOSITORY

ACCOUNT = "AC" + "1" * 32
VOICE = f"/2010-04-01/Accounts/{ACCOUNT}"
LATER = timedelta(hours=1)

type Answer = Callable[[str], Mapping[str, Any]]


class Pages(HttpClient):
    """Answers whatever address with a page of the test's, and remembers which was asked for."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[str] = []

    def request(self, method: str, uri: str, *_: Any, **__: Any) -> Response:
        assert method == "GET"
        self.asked.append(uri)
        return Response(200, json.dumps(self._answer(uri)))


def api(pages: Pages, until: datetime | timedelta = LATER, **more: Any) -> TwilioApi:
    return TwilioApi(Client("SK1", "secret", ACCOUNT, http_client=pages), timeout_seconds=5, until=until, **more)


def calls(pages: Pages, **more: Any) -> Iterator[dict[str, Any]]:
    return api(pages, **more).voice_rows("listing calls", "Calls", "calls", {"To": "+12025550199"})


def transcripts(pages: Pages, **more: Any) -> Iterator[dict[str, Any]]:
    return api(pages, **more).intelligence_rows("listing transcripts", "Transcripts", ServiceSid="GA1")


def call_page(link: object, *sids: str) -> dict[str, Any]:
    return {"calls": [{"sid": sid} for sid in sids], "next_page_uri": link}


def transcript_page(link: object, *sids: str) -> dict[str, Any]:
    return {"transcripts": [{"sid": sid} for sid in sids], "meta": {"key": "transcripts", "next_page_url": link}}


def next_of(pages: Iterator[Mapping[str, Any]]) -> Answer:
    return lambda _: next(pages)


def test_a_list_is_read_to_its_end() -> None:
    answers = iter(
        [
            call_page(f"{VOICE}/Calls.json?To=%2B12025550199&PageSize=1000&Page=1&PageToken=PA1", "CA1", "CA2"),
            call_page(None, "CA3"),
        ]
    )
    pages = Pages(lambda _: next(answers))
    assert [row["sid"] for row in calls(pages)] == ["CA1", "CA2", "CA3"]
    assert pages.asked == [
        f"https://api.twilio.com{VOICE}/Calls.json?PageSize=1000&To=%2B12025550199",
        f"https://api.twilio.com{VOICE}/Calls.json?To=%2B12025550199&PageSize=1000&Page=1&PageToken=PA1",
    ]


def test_an_empty_page_amid_a_list_is_no_end() -> None:
    answers = iter(
        [
            transcript_page(f"{INTELLIGENCE}/Transcripts?Page=1", "GT1"),
            transcript_page(f"{INTELLIGENCE}/Transcripts?Page=2"),
            transcript_page(None, "GT2"),
        ]
    )
    assert [row["sid"] for row in transcripts(Pages(lambda _: next(answers)))] == ["GT1", "GT2"]


@pytest.mark.parametrize(
    "links",
    [
        ["?To=%2B12025550199&PageSize=1000"],
        ["?PageSize=1000&To=%2B12025550199&Page=0"],
        ["?Page=1"],
        ["?Page=1&PageToken=PA1", "?PageToken=PA1&Page=1"],
        ["?Page=1", "?Page=2"],
        ["?Page=1", "?Page=2", "?Page=0&To=%2B12025550199&PageSize=1000"],
    ],
    ids=["the first page", "the first page, counted", "itself", "itself, in other words", "two", "three"],
)
def test_a_page_that_leads_to_one_that_came_before_is_the_end(links: list[str]) -> None:
    for read, path, page in (
        (calls, f"{VOICE}/Calls.json", call_page),
        (transcripts, f"{INTELLIGENCE}/Transcripts", transcript_page),
    ):
        own = "To=%2B12025550199" if read is calls else "ServiceSid=GA1"
        told = cycle(page(path + link.replace("To=%2B12025550199", own), "x") for link in links)
        pages = Pages(next_of(told))
        with pytest.raises(UnreadableError, match=r"listing .* the next page is one that came before"):
            list(read(pages))
        assert len(pages.asked) <= len(links) + 1


def test_empty_pages_without_end_are_the_end() -> None:
    number = count(1)
    pages = Pages(lambda _: call_page(f"{VOICE}/Calls.json?Page={next(number)}"))
    with pytest.raises(UnreadableError, match="listing calls: 0 rows on 10 pages so far, the last 10 of them empty"):
        list(calls(pages))


def test_more_pages_than_an_account_can_have_are_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio_pages, "MOST_PAGES", 25)
    number = count(1)
    pages = Pages(lambda _: call_page(f"{VOICE}/Calls.json?Page={next(number)}", "CA1"))
    with pytest.raises(UnreadableError, match="the list has no end"):
        list(calls(pages))
    assert len(pages.asked) == 25


def test_a_list_longer_than_the_time_ends_with_how_far_it_came() -> None:
    """No page is asked for whose answer might come too late; the first is asked for all the same."""
    number = count(1)
    pages = Pages(lambda _: call_page(f"{VOICE}/Calls.json?Page={next(number)}", "CA1", "CA2"))
    found: list[dict[str, Any]] = []
    with pytest.raises(OutOfTimeError, match=r"^listing calls: 2 rows on 1 pages so far, and no time left"):
        found.extend(calls(pages, until=datetime.now(UTC) + timedelta(seconds=4)))
    assert len(pages.asked) == 1


def test_a_time_for_each_list_begins_with_each_list(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [datetime(2026, 11, 20, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            assert tz is UTC
            return clock[0]

    monkeypatch.setattr(twilio_api, "datetime", Clock)
    monkeypatch.setattr(twilio_pages, "datetime", Clock)
    number = count(1)

    def slow(_: str) -> dict[str, Any]:
        clock[0] += timedelta(minutes=25)
        return call_page(f"{VOICE}/Calls.json?Page={next(number)}", "CA1")

    one = api(Pages(slow), until=timedelta(hours=1))
    for _ in range(2):
        with pytest.raises(OutOfTimeError, match="3 rows on 3 pages"):
            list(one.voice_rows("listing calls", "Calls", "calls", {}))


def test_a_long_list_tells_how_far_it_is() -> None:
    last = 2 * twilio_api.PAGES_BETWEEN_PROGRESS + 1
    number = count(1)

    def answer(_: str) -> dict[str, Any]:
        page = next(number)
        return call_page(f"{VOICE}/Calls.json?Page={page}" if page < last else None, "CA1")

    told: list[str] = []
    assert len(list(calls(Pages(answer), progress=told.append))) == last
    assert told == ["listing calls: 10 rows on 10 pages so far", "listing calls: 20 rows on 20 pages so far"]


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("https://example.com" + VOICE + "/Calls.json?Page=1", "another host"),
        ("//example.com" + VOICE + "/Calls.json?Page=1", "another host"),
        ("https://api.twilio.com.example.com" + VOICE + "/Calls.json?Page=1", "another host"),
        ("https://api.twilio.com@example.com" + VOICE + "/Calls.json?Page=1", "another host"),
        ("https://example.com@api.twilio.com" + VOICE + "/Calls.json?Page=1", "another host"),
        ("https://api.twilio.com:8443" + VOICE + "/Calls.json?Page=1", "another host"),
        ("https://intelligence.twilio.com" + VOICE + "/Calls.json?Page=1", "another host"),
        ("ftp://api.twilio.com" + VOICE + "/Calls.json?Page=1", "another host"),
        ("@example.com/Calls.json", "another"),
        (".example.com/Calls.json", "another"),
        (f"/2010-04-01/Accounts/AC{'2' * 32}/Calls.json?Page=1", "another account"),
        (f"{VOICE}/Recordings.json?Page=1", "another list"),
        (f"{VOICE}/../AC{'2' * 32}/Calls.json?Page=1", "another account"),
        ("https://[::1/Calls.json", "no address"),
        ("https://api.twilio.com:port/Calls.json", "no address"),
        (1, "no text"),
        (True, "no text"),
        ({"href": "/x"}, "no text"),
        (["/x"], "no text"),
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(link: object, told: str) -> None:
    pages = Pages(lambda _: call_page(link, "CA1"))
    with pytest.raises(UnreadableError, match=f"^listing calls: the link .*{told}"):
        list(calls(pages))
    assert len(pages.asked) == 1


def test_no_link_takes_the_credentials_to_another_host() -> None:
    """Readers of addresses differ about some of them: only the parameters of a link are ever used."""
    answers = iter([transcript_page(r"https://example.com\@intelligence.twilio.com/v2/Transcripts?Page=1", "GT1")])
    pages = Pages(lambda _: next(answers, transcript_page(None)))
    with pytest.raises(UnreadableError, match="another host"):
        list(transcripts(pages))
    answers = iter([transcript_page("http://INTELLIGENCE.twilio.com:443/v2/Transcripts?Page=1#x", "GT1")])
    list(transcripts(pages))
    assert all(one.startswith("https://intelligence.twilio.com/v2/Transcripts?") for one in pages.asked)


@pytest.mark.parametrize("link", [None, ""])
def test_a_list_without_another_page_is_over(link: object) -> None:
    assert len(list(calls(Pages(lambda _: call_page(link, "CA1"))))) == 1
    assert len(list(transcripts(Pages(lambda _: transcript_page(link, "GT1"))))) == 1


@pytest.mark.parametrize("meta", [None, [], {"key": "calls"}, {"key": ["transcripts"], "next_page_url": None}])
def test_a_page_of_another_shape_is_told(meta: object) -> None:
    page = transcript_page(None, "GT1") | {"meta": meta}
    with pytest.raises(UnreadableError, match=r"^listing transcripts: the page has no"):
        list(transcripts(Pages(lambda _: page)))


@pytest.mark.parametrize("meta", [{}, {"key": "transcripts"}, {"next_page_url": None}])
def test_a_page_without_its_key_or_a_link_is_read_as_the_sdk_reads_it(meta: object) -> None:
    page = transcript_page(None, "GT1") | {"meta": meta}
    assert len(list(transcripts(Pages(lambda _: page)))) == 1


def test_nothing_but_the_pager_reads_a_list_of_twilios() -> None:
    """A list by the SDK, or by one page of it alone, has neither an end nor a clock."""
    shipped = [*(REPOSITORY / "layers").rglob("src/**/*.py"), *(REPOSITORY / "functions").rglob("*.py")]
    tools = (REPOSITORY / "tools/callscribe_tools/operator").rglob("*.py")
    for file in (*shipped, *tools):
        text = file.read_text("utf-8")
        assert "next_page_ur" not in text or file.name == "twilio_api.py", file
        assert "PageSize': " not in text or file.name == "twilio_api.py", file
        assert ".stream(" not in text, file
