"""Lists that do not end: a page that leads to itself, and empty pages that lead to each other.

That Twilio answers so is *assumed*: nothing promises that it never does, and a client that follows links must end.
"""

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from callscribe_tools.simulator.intelligence_json import INTELLIGENCE

_TOKEN = "ENDLESS"  # noqa: S105  no secret: it marks the pages of this module


def leads_to_itself(path: str, query: str, page: Response) -> Response:
    """Link a page to the address that it was asked for by."""
    return _linked(json.loads(bytes(page.body)), path, query)


def without_rows(path: str, query: Mapping[str, str], page: Response) -> Response:
    """Take the rows off a page, and link it to the next one that `continues` knows."""
    number = int(query.get("Page", "0")) + 1
    answer = json.loads(bytes(page.body))
    emptied = {name: [] if isinstance(value, list) else value for name, value in answer.items()}
    return _linked(emptied, path, urlencode({**query, "Page": number, "PageToken": f"{_TOKEN}{number}"}))


def continues(query: Mapping[str, str]) -> bool:
    """Say whether a page follows one that was answered by `without_rows`."""
    return query.get("PageToken", "").startswith(_TOKEN)


def _linked(page: dict[str, object], path: str, query: str) -> Response:
    meta = page.get("meta")
    if isinstance(meta, dict):
        meta["next_page_url"] = f"{INTELLIGENCE}{path}?{query}"
    else:
        page["next_page_uri"] = f"{path}?{query}"
    return JSONResponse(page)
