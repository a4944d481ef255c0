"""`callscribe-sim place`: a call at a simulator that another process serves."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner, Result

from callscribe_tools.simulator import Account, ConnectTo, PhoneNumber, Simulator, load_scenario
from callscribe_tools.simulator.cli import app
from callscribe_tools.simulator.faults import FaultKind
from callscribe_tools.simulator.overrides import ConnectionOverrides
from callscribe_tools.simulator.placing import PATH
from callscribe_tools.simulator.scenario import SCENARIOS
from callscribe_tools.simulator.server import serving
from harness.loopback import nobody_answers

FIRST, SECOND = "+12025550199", "+12025550198"


def voice(_: Request) -> Response:
    return Response("<Response><Say>Hello.</Say><Hangup/></Response>", media_type="text/xml")


def place(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["place", *arguments], prog_name="callscribe-sim")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    account = Account()
    with serving(Starlette(routes=[Route("/voice", voice, methods=["POST"])])) as url:
        for number in (FIRST, SECOND):
            account.add(PhoneNumber(number, f"{url}/voice"))
        yield Simulator(account, ConnectTo({}))


def test_a_call_is_placed_where_the_simulator_is_served(simulator: Simulator) -> None:
    with simulator.serve() as url:
        result = place("hang_up_in_greeting", "--at", url, "--from", "+12025550177")
    (call,) = simulator.state.calls.values()
    assert result.exit_code == 0
    assert result.stdout == f"Call {call.sid}: +12025550177 to {FIRST}, completed, {call.seconds} s\n"


def test_number_faults_and_a_file_may_be_named(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.yaml").write_text((SCENARIOS / "hang_up_in_greeting.yaml").read_text("utf-8"), "utf-8")
    monkeypatch.chdir(tmp_path)
    with simulator.serve() as url:
        result = place("own.yaml", "--at", url, "--to", SECOND, "--fault", "lost_call_status", "--json")
    (call,) = simulator.state.calls.values()
    assert json.loads(result.stdout)["sid"] == call.sid
    assert (call.to, call.faults.kinds) == (SECOND, frozenset({FaultKind.LOST_CALL_STATUS}))


def test_what_cannot_be_placed_is_said(simulator: Simulator) -> None:
    with simulator.serve() as url:
        result = place("hang_up_in_greeting", "--at", url, "--to", "+12025550111")
        assert (result.exit_code, "The account has no number +12025550111" in result.stderr) == (1, True)
        assert httpx.post(f"{url}{PATH}", json={"scenario": "x"}).status_code == 400
        assert place("no_such_scenario", "--at", url).exit_code == 2


def test_that_nobody_serves_one_there_is_said() -> None:
    result = place("hang_up_in_greeting", "--at", nobody_answers())
    assert result.exit_code == 3
    assert "No simulator answers at http://127.0.0.1" in result.stderr
    with serving(Starlette(routes=[])) as url:
        assert place("hang_up_in_greeting", "--at", url).exit_code == 3


def test_what_real_twilio_would_refuse_is_said(simulator: Simulator) -> None:
    simulator.account.numbers[FIRST].voice_url = nobody_answers()
    with simulator.serve() as url:
        result = place("hang_up_in_greeting", "--at", url)
    assert result.exit_code == 1
    assert "Real Twilio would have refused or ignored: [11205]" in result.stderr


def test_a_simulator_on_a_busy_machine_waits_longer_for_answers() -> None:
    usual = ConnectionOverrides()
    longer = usual.times(3.0)
    assert (longer.connect_timeout, longer.read_timeout, longer.total_time) == (15.0, 45.0, 45.0)
    assert longer.retries == usual.retries
    seen: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"]["read"])
        return httpx.Response(200, text="<Response><Hangup/></Response>")

    account = Account()
    account.add(PhoneNumber(FIRST, "https://hooks.example.com/voice"))
    simulator = Simulator(account, httpx.MockTransport(answer))
    simulator.wait_longer(3.0)
    simulator.place_call(load_scenario("hang_up_in_greeting"), to=FIRST)
    assert set(seen) == {45.0}
