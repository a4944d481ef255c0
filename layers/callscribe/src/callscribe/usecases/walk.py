"""Goes through Twilio's lists page by page, and knows in which list it has come to which page. A part of `sweep`.

A page is compared as soon as it has come and then forgotten, so that memory does not grow with a list.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from callscribe.adapters.twilio import Page
from callscribe.domain.errors import CallscribeError, OutOfTimeError, PermanentError, TransientError, UnreadableError

FIRST_PAGE = ""
"""The place of a list of which no page has been compared."""

type Places = dict[str, str]
"""The lists that are not finished, by their names: the link to the page that comes next, or FIRST_PAGE."""


class StopError(Exception):
    """Nothing more may be begun, for the time is over."""


@dataclass(frozen=True, slots=True)
class Listed[T]:
    """One list of Twilio's. `read` gives its pages from a link on, and `compare` takes the entries of a page.

    `whole`: whether a refusal concerns all numbers, so that the list must be asked for again. A refused list of one
    number holds up no other number.
    """

    name: str
    read: Callable[[str | None], Iterator[Page[T]]]
    compare: Callable[[Sequence[T]], None]
    whole: bool = False


def walk(
    lists: Iterable[Listed[Any]],
    places: Places,
    check_time: Callable[[], None],
    refused: Callable[[CallscribeError], None],
) -> None:
    """Compare every list that has a place, from that page on. A list without a place is finished.

    Args:
        lists: in the order in which they are compared.
        places: is changed while pages are compared. It is empty once all lists are finished.
        check_time: raises StopError when no page may be asked for any more.
        refused: is called with what kept a list from being compared. The other lists are compared all the same.

    Raises:
        StopError: by `check_time` or by a comparison.
    """
    for listed in lists:
        if listed.name not in places:
            continue
        continued = places[listed.name] != FIRST_PAGE
        try:
            _walk_one(listed, places, check_time)
        except OutOfTimeError as error:
            raise StopError from error
        except TransientError as error:
            refused(error)
        except (PermanentError, UnreadableError) as error:
            refused(error)
            # Twilio may no longer know the link of an earlier sweep.
            if listed.whole or continued:
                places[listed.name] = FIRST_PAGE
            else:
                del places[listed.name]


def _walk_one(listed: Listed[Any], places: Places, check_time: Callable[[], None]) -> None:
    check_time()
    for page in listed.read(places[listed.name] or None):
        listed.compare(page.entries)
        if page.next_link:
            places[listed.name] = page.next_link
            check_time()
    del places[listed.name]
