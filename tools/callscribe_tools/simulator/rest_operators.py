"""intelligence.twilio.com: Language Operators, pre-built and custom."""

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal
from starlette.responses import JSONResponse, Response

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.api_errors import invalid, not_found
from callscribe_tools.simulator.clock import now
from callscribe_tools.simulator.intelligence_json import operator_json
from callscribe_tools.simulator.language_operators import Operator
from callscribe_tools.simulator.operator_config import checked_config
from callscribe_tools.simulator.paging import PAGING, only, page
from callscribe_tools.simulator.rest_api import Ask, Resource, Work
from callscribe_tools.simulator.rest_services import check_version
from callscribe_tools.simulator.state import State

_ANY, _CUSTOM, _PREBUILT = "/v2/Operators", "/v2/Operators/Custom", "/v2/Operators/PreBuilt"
_BELONGS: dict[str, Callable[[Operator], bool]] = {
    _ANY: lambda _: True,
    _CUSTOM: lambda operator: operator.custom,
    _PREBUILT: lambda operator: not operator.custom,
}


class _Update(BaseModel):
    # Both are required: the SDK and the OpenAPI description say so.
    model_config = ConfigDict(extra="forbid", alias_generator=to_pascal)
    friendly_name: str = Field(min_length=1, max_length=64)
    config: str


class _Create(_Update):
    operator_type: str


class OperatorsApi:
    """The Language Operators of the simulated account."""

    def __init__(self, account: Account, state: State) -> None:
        self._account = account
        self._state = state

    def resources(self) -> list[Resource]:
        """List the paths it answers."""
        custom_one: dict[str, Work] = {"GET": self._fetch, "POST": self._update, "DELETE": self._delete}
        # Routes are tried in order: Custom and PreBuilt are no SIDs.
        return [
            Resource(_CUSTOM, {"GET": self._list, "POST": self._create}),
            Resource(f"{_CUSTOM}/{{sid}}", custom_one),
            Resource(_PREBUILT, {"GET": self._list}),
            Resource(f"{_PREBUILT}/{{sid}}", {"GET": self._fetch}),
            Resource(_ANY, {"GET": self._list}),
            Resource(f"{_ANY}/{{sid}}", {"GET": self._fetch}),
        ]

    def _list(self, ask: Ask) -> Response:
        # LanguageCode is documented too: no text says which operator knows which language.
        only(ask.query, PAGING, {"Availability"})
        with self._state.lock:
            items = [
                operator_json(self._account, operator, ask.path)
                for operator in self._account.operators.values()
                if _BELONGS[ask.path](operator)
                and ask.query.get("Availability", operator.availability) == operator.availability
            ]
        return JSONResponse(page("operators", ask.path, ask.query, items))

    def _fetch(self, ask: Ask) -> Response:
        with self._state.lock:
            return self._answer(ask, self._operator(ask), 200)

    def _create(self, ask: Ask) -> Response:
        form = _read(_Create, ask)
        operator = Operator(form.friendly_name, form.operator_type, checked_config(form.operator_type, form.config))
        with self._state.lock:
            self._account.add(operator)
        # 202: Twilio's OpenAPI description. The answer's address ends with the SID, the request's did not.
        return JSONResponse(operator_json(self._account, operator, _CUSTOM), 202)

    def _update(self, ask: Ask) -> Response:
        form = _read(_Update, ask)
        with self._state.lock:
            operator = self._operator(ask)
            check_version(ask, operator.version)
            operator.config = checked_config(operator.operator_type, form.config)
            operator.friendly_name = form.friendly_name
            operator.version += 1
            operator.updated = now()
            return self._answer(ask, operator, 202)

    def _delete(self, ask: Ask) -> Response:
        with self._state.lock:
            sid = self._operator(ask).sid
            del self._account.operators[sid]
            # That it leaves the Services it is attached to is assumed.
            for service in self._account.services.values():
                if sid in service.operator_sids:
                    service.operator_sids.remove(sid)
                    service.touch()
        return Response(status_code=204)

    def _operator(self, ask: Ask) -> Operator:
        operator = self._account.operators.get(ask.sids["sid"])
        if operator is None or not _BELONGS[_parent(ask)](operator):
            raise not_found(ask.path)
        return operator

    def _answer(self, ask: Ask, operator: Operator, status: int) -> Response:
        return JSONResponse(operator_json(self._account, operator, _parent(ask)), status)


def _parent(ask: Ask) -> str:
    return ask.path.rpartition("/")[0]


def _read[Form: _Update](model: type[Form], ask: Ask) -> Form:
    try:
        return model.model_validate(ask.form)
    except ValidationError as error:
        raise invalid("Operator", error) from error
