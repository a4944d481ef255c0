"""api.twilio.com: the numbers of the account, listed and wired. Buying and releasing them is not simulated."""

import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal
from starlette.responses import JSONResponse, Response

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.api_errors import bad_request, invalid, not_found
from callscribe_tools.simulator.clock import now
from callscribe_tools.simulator.paging import PAGING, only
from callscribe_tools.simulator.phone_number import Method, PhoneNumber
from callscribe_tools.simulator.resources import number_json
from callscribe_tools.simulator.rest_api import Ask, Resource
from callscribe_tools.simulator.state import State
from callscribe_tools.simulator.voice_lists import page_of


def _web_address(text: str) -> str:
    # Of an address Twilio wants "protocol, hostname" (errors 21205 and 22105); an empty one takes it away.
    if text and (urlsplit(text).scheme not in {"http", "https"} or not urlsplit(text).hostname):
        raise ValueError("no URL with http or https and a host")
    return text


type _Url = Annotated[str, AfterValidator(_web_address)]


class _Update(BaseModel):
    # Twilio knows more of them, as SmsUrl: those are refused too, for nothing here depends on them.
    model_config = ConfigDict(extra="forbid", alias_generator=to_pascal)
    friendly_name: Annotated[str, Field(max_length=64)] = ""
    voice_url: _Url = ""
    voice_method: Method = "POST"
    voice_fallback_url: _Url = ""
    voice_fallback_method: Method = "POST"
    status_callback: _Url = ""
    status_callback_method: Method = "POST"
    voice_application_sid: Annotated[str, Field(pattern=r"^(AP[0-9a-fA-F]{32})?$")] = ""
    trunk_sid: Annotated[str, Field(pattern=r"^(TK[0-9a-fA-F]{32})?$")] = ""


_FILTERS: dict[str, Callable[[PhoneNumber, str], bool]] = {
    # "You can specify partial numbers and use '*' as a wildcard for any digit."
    "PhoneNumber": lambda one, wanted: re.search(re.escape(wanted).replace(r"\*", "[0-9]"), one.number) is not None,
    "FriendlyName": lambda one, wanted: one.friendly_name == wanted,
}


class NumbersApi:
    """The IncomingPhoneNumbers of the simulated account."""

    def __init__(self, account: Account, state: State) -> None:
        self._account = account
        self._state = state

    def resources(self) -> list[Resource]:
        """List the paths it answers."""
        base = "/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers"
        return [
            Resource(f"{base}.json", {"GET": self._list}),
            Resource(f"{base}/{{sid}}.json", {"GET": self._fetch, "POST": self._update}),
        ]

    def _list(self, ask: Ask) -> Response:
        only(ask.query, PAGING, _FILTERS)
        with self._state.lock:
            items = [
                number_json(self._account, number)
                for number in reversed(self._account.numbers.values())
                if all(passes(number, ask.query[name]) for name, passes in _FILTERS.items() if name in ask.query)
            ]
        return JSONResponse(page_of("incoming_phone_numbers", ask.path, ask.query, items))

    def _fetch(self, ask: Ask) -> Response:
        only(ask.query)
        with self._state.lock:
            return JSONResponse(number_json(self._account, self._number(ask)))

    def _update(self, ask: Ask) -> Response:
        given = _read(ask)
        with self._state.lock:
            number = self._number(ask)
            for name, value in given.items():
                setattr(number, name, value)
            number.updated = now()
            return JSONResponse(number_json(self._account, number))

    def _number(self, ask: Ask) -> PhoneNumber:
        for number in self._account.numbers.values():
            if number.sid == ask.sids["sid"]:
                return number
        raise not_found(ask.path)


def _read(ask: Ask) -> dict[str, Any]:
    """Give what is to change on a number: a trunk takes its application away, "and vice versa"."""
    try:
        given = _Update.model_validate(ask.form).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise invalid("IncomingPhoneNumber", error) from error
    if given.get("trunk_sid") and given.get("voice_application_sid"):
        raise bad_request("TrunkSid and VoiceApplicationSid: each deletes the other")  # assumed
    if given.get("trunk_sid"):
        given["voice_application_sid"] = None
    if given.get("voice_application_sid"):
        given["trunk_sid"] = None
    optional = {"voice_fallback_url", "status_callback", "voice_application_sid", "trunk_sid"}
    return {name: None if name in optional and not value else value for name, value in given.items()}
