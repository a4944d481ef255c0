"""Twilio's REST API as one Starlette application: authentication, routing, errors.

All products in one: their paths do not collide. The routes are in `rest_voice` and `rest_intelligence`.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.api_errors import ApiError, not_found
from callscribe_tools.simulator.rest_faults import RestFaults
from callscribe_tools.simulator.restrictions import check_allowed
from callscribe_tools.simulator.state import State
from callscribe_tools.simulator.troubles import Troubles
from callscribe_tools.simulator.violations import Violation


@dataclass(frozen=True)
class Ask:
    """One authenticated request."""

    path: str
    sids: dict[str, str]
    query: dict[str, str]
    form: dict[str, str]
    if_match: str | None = None
    by_api_key: bool = False
    """Whether it was authenticated by the API key, which is a Standard one."""


type Work = Callable[[Ask], Response]


@dataclass(frozen=True)
class Resource:
    """One path and what answers each method on it."""

    path: str
    methods: dict[str, Work]


def build_app(
    account: Account,
    state: State,
    resources: list[Resource],
    troubles: Troubles,
    faults: RestFaults,
    others: list[Route],
) -> Starlette:
    """Build the application for one account; `others` are routes that are none of Twilio's."""
    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(
        routes=[
            *others,
            *(
                Route(resource.path, _endpoint(account, state, resource, troubles, faults), methods=every)
                for resource in [*resources, Resource("/{rest:path}", {})]
            ),
        ]
    )


def _endpoint(
    account: Account, state: State, resource: Resource, troubles: Troubles, faults: RestFaults
) -> Callable[[Request], Awaitable[Response]]:
    def answer(request: Request, form: dict[str, str]) -> Response:
        work = resource.methods.get(request.method, _not_simulated)
        try:
            return work(_ask(account, request, form))
        except ApiError as error:
            return refused(request, error)

    def refused(request: Request, error: ApiError) -> Response:
        if error.misuse:
            where = f"{request.method} {request.url.path}"
            state.violations.append(Violation(str(error.code), error.message, where))
        return JSONResponse(error.body(), error.status)

    async def endpoint(request: Request) -> Response:
        body = (await request.body()).decode()
        form = dict(parse_qsl(body, keep_blank_values=True))
        try:
            _authenticate(account, request)
            check_allowed(account, request.url.path)
        except ApiError as error:
            return refused(request, error)
        refusal = troubles.meet()
        return refusal or await faults.answer(request, form, lambda: answer(request, form))

    return endpoint


def _not_simulated(ask: Ask) -> Response:
    raise ApiError(404, 20404, f"{ask.path} is not simulated by this method, or no resource of Twilio's")


def _authenticate(account: Account, request: Request) -> None:
    scheme, username, password = _credentials(request)
    if scheme.lower() != "basic" or not account.knows(username, password):
        raise ApiError(401, 20003, "Authenticate")


def _credentials(request: Request) -> tuple[str, str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        username, _, password = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        username = password = ""
    return scheme, username, password


def _ask(account: Account, request: Request, form: dict[str, str]) -> Ask:
    sids = {name: str(value) for name, value in request.path_params.items()}
    if sids.pop("account_sid", account.account_sid) != account.account_sid:
        raise not_found(request.url.path)
    if_match = request.headers.get("if-match")
    _, username, _ = _credentials(request)
    by_api_key = username == account.api_key_sid
    return Ask(request.url.path, sids, dict(request.query_params), form, if_match, by_api_key)
