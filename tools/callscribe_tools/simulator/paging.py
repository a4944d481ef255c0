"""Classic pages of Twilio's newer APIs: `meta` with the key and absolute URLs.

The addresses are those of real Twilio, as the official SDK knows them; a redirected client rewrites them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from callscribe_tools.simulator.api_errors import bad_request
from callscribe_tools.simulator.intelligence_json import INTELLIGENCE

# Twilio docs, Transcript Sentences, "PageSize".
DEFAULT_SIZE, MAX_SIZE = 50, 1000
PAGING = frozenset({"PageSize", "Page", "PageToken"})


def page(key: str, path: str, query: Mapping[str, str], items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Cut one page out of all items.

    Raises
    ------
    ApiError
        PageSize or Page is no number, or PageSize is outside 1 to 1000.
    """
    size, number = size_and_number(query)
    rest = {name: value for name, value in query.items() if name not in PAGING}

    def url(of: int) -> str:
        # The token is required on every page but the first; its content is nobody's business.
        token = {"PageToken": f"PT{of}"} if of else {}
        return f"{INTELLIGENCE}{path}?" + urlencode(rest | {"PageSize": size, "Page": of} | token)

    return {
        key: list(items[number * size : (number + 1) * size]),
        "meta": {
            "key": key,
            "page": number,
            "page_size": size,
            "first_page_url": url(0),
            "previous_page_url": url(number - 1) if number else None,
            "next_page_url": url(number + 1) if (number + 1) * size < len(items) else None,
            "url": url(number),
        },
    }


def size_and_number(query: Mapping[str, str]) -> tuple[int, int]:
    """Read which page is asked for.

    Raises
    ------
    ApiError
        PageSize or Page is no number, or PageSize is outside 1 to 1000.
    """
    size, number = _number(query, "PageSize", DEFAULT_SIZE), _number(query, "Page", 0)
    if not 1 <= size <= MAX_SIZE:
        raise bad_request(f"PageSize is {size}, not within 1 to {MAX_SIZE}")
    return size, number


def only(query: Mapping[str, str], *known: Iterable[str]) -> None:
    """Make sure that the query has no parameter but these.

    Raises
    ------
    ApiError
        It has: Twilio would ignore it, or knows it and the simulator does not.
    """
    unknown = set(query).difference(*known)
    if unknown:
        raise bad_request(f"not parameters the simulator knows here: {', '.join(sorted(unknown))}")


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise bad_request(f"{name} is {text!r}, not a number")
    return int(text)
