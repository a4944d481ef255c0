"""Lists of api.twilio.com: their filters by day, and pages with relative addresses (`next_page_uri`).

`rest_voice` uses it. Twilio's OpenAPI description (twilio_api_v2010): 50 a page, at most 1000. *Assumed*: newest first.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlencode

from callscribe_tools.simulator.api_errors import bad_request
from callscribe_tools.simulator.paging import PAGING, size_and_number


def page_of(key: str, path: str, query: Mapping[str, str], items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Cut one page out of all items.

    Raises
    ------
    ApiError
        PageSize or Page is wrong.
    """
    size, number = size_and_number(query)
    shown = items[number * size : (number + 1) * size]
    rest = {name: value for name, value in query.items() if name not in PAGING}

    def uri(of: int) -> str:
        # Every page but the first has a token; its content is nobody's business.
        token = {"PageToken": f"PA{of}"} if of else {}
        return f"{path}?" + urlencode(rest | {"PageSize": size, "Page": of} | token)

    return {
        key: list(shown),
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": max(number * size + len(shown) - 1, 0),
        "uri": uri(number),
        "first_page_uri": uri(0),
        "previous_page_uri": uri(number - 1) if number else None,
        "next_page_uri": uri(number + 1) if (number + 1) * size < len(items) else None,
    }


def by_day(name: str) -> frozenset[str]:
    """Give the parameters that filter by a moment: on that day, before it, on or after it."""
    return frozenset({name, f"{name}<", f"{name}>"})


def within(moment: datetime, name: str, query: Mapping[str, str], *, by_day: bool = False) -> bool:
    """Say whether a moment passes these filters.

    On midnight itself Twilio's pages differ (calls "before this date", recordings "on or before midnight"): here it is
    no longer before. That a time of day, which the SDK sends too, counts for < and > is assumed, unless `by_day`.

    Raises
    ------
    ApiError
        A value is neither a date nor a moment.
    """
    on, before, since = (_moment(query, f"{name}{sign}", by_day=by_day) for sign in ("", "<", ">"))
    return (
        (on is None or on.date() == moment.date())
        and (before is None or moment < before)
        and (since is None or moment >= since)
    )


def _moment(query: Mapping[str, str], name: str, *, by_day: bool) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        if len(text) == len("YYYY-MM-DD"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise bad_request(f"{name} is {text!r}, neither YYYY-MM-DD nor a moment in ISO 8601") from error
    moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    return datetime.combine(moment.date(), time(), UTC) if by_day else moment
