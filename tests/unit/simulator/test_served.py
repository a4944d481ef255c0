"""The simulator on a socket: served to the SDK, and reaching applications through ConnectTo."""

import threading
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response as TwilioResponse
from twilio.rest import Client

from callscribe_tools.simulator import (
    Account,
    ConnectTo,
    Scenario,
    SimulationError,
    Simulator,
    Transcript,
    UnmappedHostError,
)
from callscribe_tools.simulator.scenario import TranscriptOutcome
from callscribe_tools.simulator.server import serving

from .conftest import BASE, NUMBER, Application, Sdk

WEBHOOK_SECONDS = 60.0


class RedirectedHttpClient(TwilioHttpClient):
    """The SDK's own client, sent to the simulator instead of to Twilio's hosts."""

    def __init__(self, base_url: str) -> None:
        super().__init__(timeout=WEBHOOK_SECONDS)
        self._base = urlsplit(base_url)

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,  # noqa: FBT001, FBT002
    ) -> TwilioResponse:
        there = urlunsplit(urlsplit(url)._replace(scheme=self._base.scheme, netloc=self._base.netloc))
        return super().request(method, there, params, data, headers, auth, timeout, allow_redirects)


def test_a_served_transcript_completes_by_itself_and_tells_the_webhook(
    account: Account, scenario: Scenario, application: Application, service_sid: str
) -> None:
    told = threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/ci-webhook":
            told.set()
        return application(request)

    sim = Simulator(account, httpx.MockTransport(answer), transcript_seconds=0.1)
    with sim.serve() as base_url:
        http_client = RedirectedHttpClient(base_url)
        client: Sdk = Client(account.account_sid, account.auth_token, http_client=http_client)
        recording = sim.place_call(scenario, to=NUMBER).recordings[0]
        created = client.intelligence.v2.transcripts.create(
            service_sid, {"media_properties": {"source_sid": recording.sid}}
        )
        assert told.wait(WEBHOOK_SECONDS), "the Intelligence webhook never came"
        assert client.intelligence.v2.transcripts(created.sid).fetch().status == "completed"
        if http_client.session is not None:
            http_client.session.close()
    sim.check()


def test_a_transcript_takes_the_time_its_scenario_says(
    account: Account, scenario: Scenario, application: Application, service_sid: str
) -> None:
    sim = Simulator(account, httpx.MockTransport(application), transcript_seconds=1000)
    client: Sdk = Client(account.account_sid, account.auth_token, http_client=sim.http_client())
    quick = scenario.model_copy(update={"transcript": TranscriptOutcome(status="failed", seconds=0.05)})
    with sim.serve():
        for told in (scenario, quick):
            recording = sim.place_call(told, to=NUMBER).recordings[0]
            client.intelligence.v2.transcripts.create(service_sid, {"media_properties": {"source_sid": recording.sid}})
        usual, own = sim.state.transcripts.values()
        wait_until(sim, own, "failed")
        assert usual.status == "queued"
    sim.check()


@pytest.mark.parametrize("start", ["queued", "new"])
def test_a_served_transcript_is_in_progress_before_it_ends(
    account: Account, scenario: Scenario, application: Application, service_sid: str, start: Literal["queued", "new"]
) -> None:
    sim = Simulator(account, httpx.MockTransport(application), transcript_seconds=1000)
    sim.unknowns.transcript_starts_as = start
    client: Sdk = Client(account.account_sid, account.auth_token, http_client=sim.http_client())
    recording = sim.place_call(scenario, to=NUMBER).recordings[0]
    with sim.serve():
        client.intelligence.v2.transcripts.create(service_sid, {"media_properties": {"source_sid": recording.sid}})
        (transcript,) = sim.state.transcripts.values()
        seen: list[str] = [transcript.status]
        for status in ("in-progress", "completed"):
            with sim.state.lock:
                transcript.born -= 600
                sim.state.lock.notify_all()
            wait_until(sim, transcript, status)
            seen.append(transcript.status)
            with sim.state.lock:
                assert not sim.state.lock.wait(0.1), "it moves again and again"
    assert seen == [start, "in-progress", "completed"]


def wait_until(sim: Simulator, transcript: Transcript, status: str) -> None:
    with sim.state.lock:
        while transcript.status != status:
            assert sim.state.lock.wait(WEBHOOK_SECONDS), f"the transcript is {transcript.status}, not {status}"


def test_nothing_of_the_server_is_left_after_an_exception(sim: Simulator) -> None:
    before = set(threading.enumerate())

    with pytest.raises(RuntimeError, match="on purpose"), sim.serve() as base_url:
        raise RuntimeError("on purpose")

    assert set(threading.enumerate()) == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(base_url)


def test_connect_to_reaches_loopback_with_the_original_host_and_url() -> None:
    seen: list[tuple[str, str, bytes]] = []

    async def keep(request: Request) -> Response:
        seen.append((request.headers["host"], str(request.url.query), await request.body()))
        return Response("ok", HTTPStatus.CREATED)

    with serving(Starlette(routes=[Route("/x", keep, methods=["POST"])])) as base_url:
        transport = ConnectTo({"abc.execute-api.localhost": base_url})
        with httpx.Client(transport=transport) as http:
            answer = http.post("https://abc.execute-api.localhost/x?y=1", content=b"body")

    assert (answer.status_code, answer.text) == (HTTPStatus.CREATED, "ok")
    assert seen == [("abc.execute-api.localhost", "y=1", b"body")]


@pytest.mark.parametrize("mapping", [{}, {"hooks.example.com": "http://192.0.2.1:80"}])
def test_connect_to_never_leaves_this_machine(mapping: dict[str, str]) -> None:
    with httpx.Client(transport=ConnectTo(mapping)) as http, pytest.raises(UnmappedHostError):
        http.get(f"{BASE}/voice")


def test_a_simulator_without_transport_reaches_nobody(account: Account, scenario: Scenario) -> None:
    with pytest.raises(UnmappedHostError):
        Simulator(account).place_call(scenario, to=NUMBER)


def test_a_webhook_that_would_leave_this_machine_is_told_by_the_check(
    account: Account, scenario: Scenario, application: Application, service_sid: str
) -> None:
    account.services[service_sid].webhook_url = "https://elsewhere.example.com/"
    asked = threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "elsewhere.example.com":
            asked.set()
            raise UnmappedHostError("No address on this machine")
        return application(request)

    sim = Simulator(account, httpx.MockTransport(answer), transcript_seconds=0.0)
    client: Sdk = Client(account.account_sid, account.auth_token, http_client=sim.http_client())
    with sim.serve():
        recording = sim.place_call(scenario, to=NUMBER).recordings[0]
        client.intelligence.v2.transcripts.create(service_sid, {"media_properties": {"source_sid": recording.sid}})
        assert asked.wait(WEBHOOK_SECONDS), "the Intelligence webhook was never tried"
    with pytest.raises(SimulationError, match="No address on this machine"):
        sim.check()
