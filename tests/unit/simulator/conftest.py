"""A simulated account, and a tiny application that answers its webhooks with whatever a test sets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from twilio.rest import Client

from callscribe_tools.simulator import (
    Account,
    IntelligenceService,
    PhoneNumber,
    Scenario,
    Simulator,
    load_scenario,
)

BASE = "https://hooks.example.com"
NUMBER = "+12025550101"

GOOD_TWIML = f"""<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Say language="en-US">Please speak after the beep.</Say>
  <Start><Recording name="conversation" channels="dual" track="both"
    recordingStatusCallback="{BASE}/recording#rc=3&amp;rp=5xx,ct,rt"
    recordingStatusCallbackEvent="completed absent"/></Start>
  <Record action="{BASE}/after-record" timeout="5" maxLength="120"/>
  <Hangup/>
</Response>"""
THANKS = """<Response><Stop><Recording name="conversation"/></Stop><Say>Thank you.</Say><Hangup/></Response>"""


# The SDK's annotations are wrong: its statuses, for one, are plain strings, not `Status`.
type Sdk = Any
type Answer = str | httpx.Response | list[httpx.Response] | Callable[[httpx.Request], httpx.Response]


@dataclass
class Application:
    """Answers by path: TwiML, or any response; requests are kept as they came."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get(request.url.path, httpx.Response(204))
        if isinstance(answer, list):
            return answer.pop(0)
        if isinstance(answer, httpx.Response):
            return answer
        if callable(answer):
            return answer(request)
        return httpx.Response(200, text=answer, headers={"Content-Type": "text/xml"})

    def paths(self) -> list[str]:
        return [request.url.path for request in self.requests]

    def forms(self, path: str) -> list[dict[str, str]]:
        return [form_of(request) for request in self.requests if request.url.path == path]

    def form(self, path: str) -> dict[str, str]:
        (form,) = self.forms(path)
        return form


def form_of(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode(), keep_blank_values=True))


@pytest.fixture
def application() -> Application:
    return Application({"/voice": GOOD_TWIML, "/after-record": THANKS})


@pytest.fixture
def account() -> Account:
    account = Account()
    account.add(PhoneNumber(NUMBER, f"{BASE}/voice", status_callback=f"{BASE}/status"))
    account.add(IntelligenceService(f"{BASE}/ci-webhook"))
    return account


@pytest.fixture
def sim(account: Account, application: Application) -> Simulator:
    return Simulator(account, httpx.MockTransport(application))


@pytest.fixture
def client(sim: Simulator) -> Sdk:
    account = sim.account
    return Client(account.api_key_sid, account.api_key_secret, account.account_sid, http_client=sim.http_client())


@pytest.fixture
def scenario() -> Scenario:
    return load_scenario("cannot_log_in")


@pytest.fixture
def service_sid(account: Account) -> str:
    (sid,) = account.services
    return sid
