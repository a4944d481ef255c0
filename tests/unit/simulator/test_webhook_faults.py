"""Webhooks that are lost, doubled, late, out of order, or sent to where nobody listens."""

import threading
import time

import httpx
import pytest
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from callscribe_tools.simulator import (
    Account,
    Call,
    FaultKind,
    PhoneNumber,
    Scenario,
    SimulationError,
    Simulator,
    UnmappedHostError,
)
from callscribe_tools.simulator.dead_end import DeadEnd
from callscribe_tools.simulator.scenario import TranscriptOutcome

from .conftest import BASE, NUMBER, Application, Sdk, form_of
from .faulty import SECONDS, place, the_one_injected, transcribe

TWIML = ["/voice", "/after-record"]


def told(application: Application) -> list[str]:
    return application.paths()[len(TWIML) :]


def now() -> float:
    return time.time()


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        (FaultKind.LOST_RECORDING_CALLBACK, ["/status", "/ci-webhook"]),
        (FaultKind.LOST_CALL_STATUS, ["/recording", "/ci-webhook"]),
        (FaultKind.LOST_TRANSCRIPT_WEBHOOK, ["/status", "/recording"]),
    ],
)
def test_a_lost_webhook_is_never_sent_and_is_on_record(
    sim: Simulator,
    client: Sdk,
    scenario: Scenario,
    application: Application,
    service_sid: str,
    kind: FaultKind,
    left: list[str],
) -> None:
    before = now()
    call = place(sim, scenario, kind)
    transcribe(client, service_sid, call)
    sim.complete_transcripts()

    assert told(application) == left
    assert sim.deliver_held() == 0
    one = the_one_injected(sim, call, kind)
    assert one.ended is not None
    assert before <= one.began <= one.ended <= now()
    sim.check()


def test_a_fault_that_meets_nothing_is_not_on_record(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    place(sim, scenario, FaultKind.LOST_TRANSCRIPT_WEBHOOK)

    assert told(application) == ["/status", "/recording"]
    assert sim.state.injected == []


def test_nothing_goes_wrong_on_a_call_of_which_nothing_is_said(
    sim: Simulator, client: Sdk, scenario: Scenario, application: Application, service_sid: str
) -> None:
    place(sim, scenario, FaultKind.LOST_CALL_STATUS, FaultKind.DEAD_URL)
    application.requests.clear()
    sim.state.injected.clear()

    transcribe(client, service_sid, sim.place_call(scenario, to=NUMBER))
    sim.complete_transcripts()

    assert told(application) == ["/status", "/recording", "/ci-webhook"]
    assert sim.state.injected == []


def test_doubled_webhooks_come_twice_at_the_same_time(
    sim: Simulator,
    client: Sdk,
    account: Account,
    scenario: Scenario,
    application: Application,
    service_sid: str,
) -> None:
    # Each is answered only when the other has come, too.
    both = threading.Barrier(2, timeout=SECONDS)

    def answer(_: httpx.Request) -> httpx.Response:
        both.wait()
        return httpx.Response(204)

    application.answers |= dict.fromkeys(("/status", "/recording", "/ci-webhook"), answer)

    call = place(sim, scenario, FaultKind.DOUBLED_WEBHOOKS)
    transcribe(client, service_sid, call)
    sim.complete_transcripts()

    assert told(application) == ["/status"] * 2 + ["/recording"] * 2 + ["/ci-webhook"] * 2
    first, second = (one for one in application.requests if one.url.path == "/status")
    assert first.content == second.content
    assert first.headers["I-Twilio-Idempotency-Token"] != second.headers["I-Twilio-Idempotency-Token"]
    validator = RequestValidator(account.auth_token)
    assert validator.validate(f"{BASE}/status", form_of(second), second.headers["X-Twilio-Signature"])
    assert the_one_injected(sim, call, FaultKind.DOUBLED_WEBHOOKS).ended is not None
    sim.check()


def test_late_webhooks_are_held_until_they_are_delivered(
    sim: Simulator, client: Sdk, scenario: Scenario, application: Application, service_sid: str
) -> None:
    call = place(sim, scenario, FaultKind.LATE_WEBHOOKS)
    transcribe(client, service_sid, call)
    sim.complete_transcripts()

    one = the_one_injected(sim, call, FaultKind.LATE_WEBHOOKS)
    assert (told(application), one.ended, sim.pending) == ([], None, 3)

    began = now()
    assert sim.deliver_held() == 3
    assert told(application) == ["/status", "/recording", "/ci-webhook"]
    assert (sim.pending, sim.deliver_held()) == (0, 0)
    assert one.ended is not None
    assert one.ended >= began >= one.began
    sim.check()


def test_a_late_webhook_is_wrong_until_the_last_one_has_come(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    call = place(sim, scenario, FaultKind.LATE_WEBHOOKS)
    one = the_one_injected(sim, call, FaultKind.LATE_WEBHOOKS)
    seen: list[float | None] = []

    def answer(_: httpx.Request) -> httpx.Response:
        seen.append(one.ended)
        return httpx.Response(204)

    application.answers |= {"/status": answer, "/recording": answer}
    sim.deliver_held()

    assert seen == [None, None]
    assert one.ended is not None


def test_while_served_late_webhooks_come_by_themselves_after_their_time(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    with sim.serve():
        began = time.monotonic()
        # While this holds the lock, nobody delivers.
        with sim.state.lock:
            call = place(sim, scenario, FaultKind.LATE_WEBHOOKS, late_seconds=0.2)
            assert told(application) == []
        assert sim.wait_until_at_rest(SECONDS)
        took = time.monotonic() - began

    assert told(application) == ["/status", "/recording"]
    assert took >= 0.2
    one = the_one_injected(sim, call, FaultKind.LATE_WEBHOOKS)
    assert one.ended is not None
    assert one.ended - one.began >= 0.19
    sim.check()


def test_what_is_still_held_when_serving_ends_is_not_lost(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    with sim.serve():
        place(sim, scenario, FaultKind.LATE_WEBHOOKS, late_seconds=1000)
        assert not sim.wait_until_at_rest(0.05)

    assert told(application) == []
    assert sim.deliver_held() == 2


def test_reordered_webhooks_follow_that_of_the_transcript(
    sim: Simulator, client: Sdk, scenario: Scenario, application: Application, service_sid: str
) -> None:
    call = place(sim, scenario, FaultKind.REORDERED_WEBHOOKS)
    assert told(application) == ["/recording"]
    transcribe(client, service_sid, call)
    sim.complete_transcripts()
    assert told(application) == ["/recording", "/ci-webhook"]
    sim.deliver_held()

    assert told(application) == ["/recording", "/ci-webhook", "/status", "/recording"]
    first, copy = application.forms("/recording")
    assert first == copy
    assert the_one_injected(sim, call, FaultKind.REORDERED_WEBHOOKS).ended is not None
    sim.check()


@pytest.mark.parametrize("late_seconds", [0.05, 1000.0])
def test_while_served_reordered_webhooks_follow_that_of_the_transcript_by_themselves(
    account: Account, scenario: Scenario, application: Application, service_sid: str, late_seconds: float
) -> None:
    # Also where the transcript takes longer than what is late: it is known to come.
    sim = Simulator(account, httpx.MockTransport(application), transcript_seconds=0.3)
    with sim.serve():
        with sim.state.lock:
            call = place(sim, scenario, FaultKind.REORDERED_WEBHOOKS, late_seconds=late_seconds)
            client: Sdk = client_of(sim)
            transcribe(client, service_sid, call)
        assert sim.wait_until_at_rest(SECONDS)

    assert told(application) == ["/recording", "/ci-webhook", "/status", "/recording"]
    sim.check()


def test_reordered_webhooks_come_also_without_a_transcript(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    with sim.serve():
        place(sim, scenario, FaultKind.REORDERED_WEBHOOKS, late_seconds=0.1)
        assert sim.wait_until_at_rest(SECONDS)

    assert told(application) == ["/recording", "/status", "/recording"]


def test_a_dead_url_is_tried_as_its_overrides_say_and_is_no_violation(
    sim: Simulator, client: Sdk, scenario: Scenario, application: Application, service_sid: str
) -> None:
    call = place(sim, scenario, FaultKind.DEAD_URL)
    transcribe(client, service_sid, call)
    sim.complete_transcripts()

    assert told(application) == ["/status"]
    refused = [one for one in sim.state.exchanges if one.status is None]
    recording, transcript = refused[:4], refused[4:]
    assert {(one.url, one.params["CallSid"]) for one in recording} == {(f"{BASE}/recording", call.sid)}
    assert len({one.idempotency_token for one in recording}) == 1, "rc=3 tries the same one again"
    assert ["transcript_sid" in one.params for one in transcript] == [True]
    assert the_one_injected(sim, call, FaultKind.DEAD_URL).ended is not None
    sim.check()


def test_the_connection_to_a_dead_url_is_really_refused() -> None:
    with httpx.Client(transport=DeadEnd()) as http, pytest.raises(httpx.ConnectError, match="refused"):
        http.post(f"{BASE}/recording", content=b"body")


def test_a_held_webhook_that_would_leave_this_machine_is_told_by_the_check(
    account: Account, scenario: Scenario, application: Application
) -> None:
    account.add(PhoneNumber(NUMBER, f"{BASE}/voice", status_callback="https://elsewhere.example.com/"))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "elsewhere.example.com":
            raise UnmappedHostError("No address on this machine")
        return application(request)

    sim = Simulator(account, httpx.MockTransport(answer))
    with sim.serve():
        place(sim, scenario, FaultKind.LATE_WEBHOOKS, late_seconds=0.0)
        assert sim.wait_until_at_rest(SECONDS)

    with pytest.raises(SimulationError, match="No address on this machine"):
        sim.check()
    assert told(application) == ["/recording"]


def test_the_simulator_is_not_at_rest_while_a_webhook_is_being_answered(
    account: Account, scenario: Scenario, application: Application, service_sid: str
) -> None:
    sim = Simulator(account, httpx.MockTransport(application), transcript_seconds=0.0)
    client = client_of(sim)
    asked, go_on = threading.Event(), threading.Event()

    def answer(_: httpx.Request) -> httpx.Response:
        asked.set()
        assert go_on.wait(SECONDS)
        return httpx.Response(204)

    application.answers["/ci-webhook"] = answer
    with sim.serve():
        transcribe(client, service_sid, sim.place_call(scenario, to=NUMBER))
        assert asked.wait(SECONDS)
        assert sim.pending == 1
        go_on.set()
        assert sim.wait_until_at_rest(SECONDS)


def test_calls_with_faults_are_placed_by_many_threads(
    account: Account, scenario: Scenario, application: Application
) -> None:
    sim = Simulator(account, httpx.MockTransport(application))
    calls: list[Call] = []
    kinds = [FaultKind.LOST_CALL_STATUS, FaultKind.LATE_WEBHOOKS, FaultKind.DOUBLED_WEBHOOKS] * 4

    def work(kind: FaultKind) -> None:
        calls.append(place(sim, scenario, kind, late_seconds=0.05))

    with sim.serve():
        threads = [threading.Thread(target=work, args=(kind,)) for kind in kinds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        assert sim.wait_until_at_rest(SECONDS)

    assert len(calls) == len(kinds)
    assert {(one.kind, one.call_sid) for one in sim.state.injected} == {
        (kind, call.sid) for call in calls for kind in call.faults.kinds
    }
    assert (len(application.forms("/status")), len(application.forms("/recording"))) == (12, 16)
    sim.check()


def test_a_scenario_s_own_end_is_lost_as_well(
    sim: Simulator, client: Sdk, scenario: Scenario, application: Application, service_sid: str
) -> None:
    failing = scenario.model_copy(update={"transcript": TranscriptOutcome(status="failed", webhook="available")})
    transcribe(client, service_sid, place(sim, failing, FaultKind.LOST_TRANSCRIPT_WEBHOOK))
    sim.complete_transcripts()

    assert "/ci-webhook" not in application.paths()


def client_of(sim: Simulator) -> Sdk:
    return Client(sim.account.account_sid, sim.account.auth_token, http_client=sim.http_client())
