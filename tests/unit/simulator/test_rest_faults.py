"""REST requests about a call that fail, in process and on a socket; and lists of the whole account that do."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests
from requests.exceptions import ConnectionError as NotReachedError
from requests.exceptions import ReadTimeout
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.response import Response

from callscribe_tools.simulator import Account, Call, FaultKind, Scenario, Simulator, Target

from .conftest import NUMBER, Application, Sdk
from .faulty import SECONDS, place, the_one_injected, transcribe

VOICE = "https://api.twilio.com/2010-04-01/Accounts/" + Account().account_sid
INTELLIGENCE = "https://intelligence.twilio.com/v2"

type Ask = Callable[[Sdk, Call, str], Any]

READS: list[tuple[Target, Ask]] = [
    (Target.READ_CALL, lambda client, call, _: client.calls(call.sid).fetch()),
    (Target.READ_CALL, lambda client, call, _: client.calls.list(parent_call_sid=call.sid)),
    (Target.READ_RECORDING, lambda client, call, _: client.recordings(call.recordings[0].sid).fetch()),
    (Target.READ_RECORDING, lambda client, call, _: client.recordings.list(call_sid=call.sid)),
    (Target.READ_RECORDING, lambda client, call, _: client.calls(call.sid).recordings.list()),
    (Target.READ_TRANSCRIPT, lambda client, _, sid: client.intelligence.v2.transcripts(sid).fetch()),
    (
        Target.READ_TRANSCRIPT,
        lambda client, call, _: client.intelligence.v2.transcripts.list(source_sid=call.recordings[0].sid),
    ),
    (Target.READ_SENTENCES, lambda client, _, sid: client.intelligence.v2.transcripts(sid).sentences.list()),
    (
        Target.READ_OPERATOR_RESULTS,
        lambda client, _, sid: client.intelligence.v2.transcripts(sid).operator_results.list(),
    ),
]


def get(sim: Simulator, url: str) -> Response:
    account = sim.account
    return sim.http_client().request("GET", url, auth=(account.account_sid, account.auth_token))


def call_url(call: Call) -> str:
    return f"{VOICE}/Calls/{call.sid}.json"


def auth(sim: Simulator) -> tuple[str, str]:
    return sim.account.account_sid, sim.account.auth_token


@pytest.mark.parametrize(
    ("kind", "status", "code", "retry_after"),
    [
        (FaultKind.THROTTLED, 429, 20429, "1"),
        (FaultKind.THROTTLED_SILENTLY, 429, 20429, None),
        (FaultKind.SERVER_ERROR, 500, 20500, None),
        (FaultKind.UNAVAILABLE, 503, None, None),
    ],
)
def test_so_many_requests_are_refused_and_the_next_one_is_not(
    sim: Simulator, scenario: Scenario, kind: FaultKind, status: int, code: int | None, retry_after: str | None
) -> None:
    call = place(sim, scenario, kind, target=Target.READ_CALL, times=2)

    answers = [get(sim, call_url(call)) for _ in range(3)]

    assert [one.status_code for one in answers] == [status, status, 200]
    assert httpx.Headers(answers[0].headers).get("Retry-After") == retry_after
    if code is None:
        assert answers[0].text.startswith("<html>")
    else:
        assert json.loads(answers[0].text)["code"] == code
    assert the_one_injected(sim, call, kind).ended is not None
    sim.check()


@pytest.mark.parametrize(("target", "ask"), READS)
def test_only_the_target_is_met(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str, target: Target, ask: Ask
) -> None:
    call = place(sim, scenario, FaultKind.UNAVAILABLE, target=target)
    sid = transcribe(client, service_sid, call)
    sim.complete_transcripts()
    for other, ask_other in READS:
        if other is not target:
            ask_other(client, call, sid)
    assert sim.state.injected == []

    # Of a list the SDK raises this one, else one derived from it.
    with pytest.raises(TwilioException, match="HTTP 503"):
        ask(client, call, sid)

    ask(client, call, sid)


def test_a_refused_creation_has_created_nothing(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    call = place(sim, scenario, FaultKind.SERVER_ERROR, target=Target.CREATE_TRANSCRIPT)

    with pytest.raises(TwilioRestException):
        transcribe(client, service_sid, call)

    assert sim.state.made == []
    sid = transcribe(client, service_sid, call)
    assert [one.sid for one in sim.state.made] == [sid]


def test_the_record_ends_with_the_last_answer_that_failed(sim: Simulator, scenario: Scenario) -> None:
    call = place(sim, scenario, FaultKind.THROTTLED, target=Target.READ_CALL, times=2)

    before = time.time()
    get(sim, call_url(call))
    one = the_one_injected(sim, call, FaultKind.THROTTLED)
    began, first = one.began, one.ended
    get(sim, call_url(call))
    last = one.ended
    get(sim, call_url(call))

    assert first is not None
    assert last is not None
    assert before <= began <= first < last
    assert (one.began, one.ended) == (began, last)


def test_a_request_about_another_call_is_answered(sim: Simulator, scenario: Scenario) -> None:
    place(sim, scenario, FaultKind.UNAVAILABLE, target=Target.READ_CALL)
    other = sim.place_call(scenario, to=NUMBER)

    assert get(sim, call_url(other)).status_code == 200
    assert sim.state.injected == []


def test_a_leg_that_was_dialled_belongs_to_its_call(sim: Simulator, application: Application) -> None:
    application.answers["/voice"] = "<Response><Dial>+12025550143</Dial></Response>"
    dialled = Scenario.model_validate(
        {"name": "dialled", "caller": [{"wait_for": "agent"}], "agent": {"answers_after": 3}, "expect": "nothing"}
    )
    parent = place(sim, dialled, FaultKind.UNAVAILABLE, target=Target.READ_CALL)
    child = next(one for one in sim.state.calls.values() if one.parent_call_sid == parent.sid)

    assert get(sim, call_url(child)).status_code == 503
    the_one_injected(sim, parent, FaultKind.UNAVAILABLE)


def test_who_is_not_authenticated_uses_up_no_fault(sim: Simulator, scenario: Scenario) -> None:
    call = place(sim, scenario, FaultKind.UNAVAILABLE, target=Target.READ_CALL)

    refused = sim.http_client().request("GET", call_url(call), auth=("AC0", "wrong"))

    assert refused.status_code == 401
    assert sim.state.injected == []
    assert get(sim, call_url(call)).status_code == 503


def test_several_faults_come_one_after_the_other(sim: Simulator, scenario: Scenario) -> None:
    call = place(sim, scenario, FaultKind.UNAVAILABLE, FaultKind.THROTTLED, target=Target.READ_CALL)

    assert [get(sim, call_url(call)).status_code for _ in range(3)] == [429, 503, 200]


def test_in_process_a_reset_is_what_the_sdk_s_client_raises_and_nothing_is_done(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    call = place(sim, scenario, FaultKind.CONNECTION_RESET)

    with pytest.raises(NotReachedError, match="reset"):
        transcribe(client, service_sid, call)

    assert sim.state.made == []
    assert the_one_injected(sim, call, FaultKind.CONNECTION_RESET).ended is not None
    transcribe(client, service_sid, call)


def test_in_process_a_timeout_is_what_the_sdk_s_client_raises_and_the_work_is_done(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    call = place(sim, scenario, FaultKind.TIMEOUT_AFTER_EFFECT)

    with pytest.raises(ReadTimeout):
        transcribe(client, service_sid, call)

    (made,) = sim.state.made
    (listed,) = client.intelligence.v2.transcripts.list(source_sid=call.recordings[0].sid)
    assert listed.sid == made.sid
    assert the_one_injected(sim, call, FaultKind.TIMEOUT_AFTER_EFFECT).ended is not None
    with pytest.raises(TwilioRestException) as second:
        transcribe(client, service_sid, call)
    assert second.value.status == 409
    sim.check()


def test_on_a_socket_the_connection_is_really_reset_and_the_next_one_is_not(sim: Simulator, scenario: Scenario) -> None:
    call = place(sim, scenario, FaultKind.CONNECTION_RESET, target=Target.READ_CALL)

    with sim.serve() as base_url:
        url = base_url + call_url(call).removeprefix("https://api.twilio.com")
        with pytest.raises(NotReachedError, match="Connection reset by peer"):
            requests.get(url, auth=auth(sim), timeout=SECONDS)
        assert requests.get(url, auth=auth(sim), timeout=SECONDS).status_code == 200

    assert the_one_injected(sim, call, FaultKind.CONNECTION_RESET).ended is not None


def test_on_a_socket_a_connection_that_was_used_before_is_reset_too(sim: Simulator, scenario: Scenario) -> None:
    call = place(sim, scenario, FaultKind.CONNECTION_RESET, target=Target.READ_CALL)

    with sim.serve() as base_url, requests.Session() as session:
        path = call_url(call).removeprefix("https://api.twilio.com")
        session.get(f"{base_url}{path}/unknown", auth=auth(sim), timeout=SECONDS)
        with pytest.raises(NotReachedError, match="Connection reset by peer"):
            session.get(base_url + path, auth=auth(sim), timeout=SECONDS)


def test_on_a_socket_the_client_of_a_timeout_gives_up_and_the_work_is_done(
    sim: Simulator, scenario: Scenario, service_sid: str
) -> None:
    call = place(sim, scenario, FaultKind.TIMEOUT_AFTER_EFFECT, timeout_seconds=1000)
    channel = json.dumps({"media_properties": {"source_sid": call.recordings[0].sid}})

    with sim.serve() as base_url:
        with pytest.raises(ReadTimeout):
            requests.post(
                f"{base_url}/v2/Transcripts",
                data={"ServiceSid": service_sid, "Channel": channel},
                auth=auth(sim),
                timeout=(SECONDS, 0.2),
            )
        deadline = time.monotonic() + SECONDS
        # A busy machine may come to the request only when its client has gone.
        while not sim.state.injected or sim.state.injected[0].ended is None:
            assert time.monotonic() < deadline, "nobody noticed that the client has gone"
            time.sleep(0.01)

    assert the_one_injected(sim, call, FaultKind.TIMEOUT_AFTER_EFFECT).ended
    assert len(sim.state.made) == 1


def test_on_a_socket_who_waits_long_enough_has_the_answer_late(sim: Simulator, scenario: Scenario) -> None:
    call = place(sim, scenario, FaultKind.TIMEOUT_AFTER_EFFECT, target=Target.READ_CALL, timeout_seconds=0.2)

    with sim.serve() as base_url:
        began = time.monotonic()
        url = base_url + call_url(call).removeprefix("https://api.twilio.com")
        answer = requests.get(url, auth=auth(sim), timeout=SECONDS)

    assert (answer.status_code, answer.json()["sid"]) == (200, call.sid)
    assert time.monotonic() - began >= 0.2


LISTS = [f"{VOICE}/Calls.json", f"{VOICE}/Recordings.json", f"{INTELLIGENCE}/Transcripts"]


def test_every_so_many_th_list_of_the_account_is_answered_503(account: Account, application: Application) -> None:
    sim = Simulator(account, httpx.MockTransport(application))
    sim.troubles.fail_lists_every = 3

    assert [get(sim, url).status_code for url in LISTS * 2] == [200, 200, 503] * 2
    assert [(one.kind, one.call_sid) for one in sim.state.injected] == [(FaultKind.UNAVAILABLE, None)] * 2
    assert all(one.began == one.ended for one in sim.state.injected)


def test_what_belongs_to_one_call_is_no_list_of_the_account(
    account: Account, application: Application, scenario: Scenario, service_sid: str
) -> None:
    sim = Simulator(account, httpx.MockTransport(application))
    sim.troubles.fail_lists_every = 1
    call = sim.place_call(scenario, to=NUMBER)
    recording = call.recordings[0].sid

    answered = [
        get(sim, f"{VOICE}/Calls.json?ParentCallSid={call.sid}"),
        get(sim, f"{VOICE}/Recordings.json?CallSid={call.sid}"),
        get(sim, f"{VOICE}/Calls/{call.sid}/Recordings.json"),
        get(sim, f"{INTELLIGENCE}/Transcripts?SourceSid={recording}"),
        get(sim, call_url(call)),
        get(sim, f"{INTELLIGENCE}/Services/{service_sid}"),
    ]

    assert [one.status_code for one in answered] == [200] * 6
    assert get(sim, f"{VOICE}/Calls.json?PageSize=1").status_code == 503


def test_without_being_told_so_no_list_fails(sim: Simulator) -> None:
    assert {get(sim, url).status_code for url in LISTS * 5} == {200}
