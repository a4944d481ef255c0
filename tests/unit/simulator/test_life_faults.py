"""Recordings that are deleted, and transcripts that begin, end or tell otherwise than they should."""

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from callscribe_tools.simulator import Account, FaultKind, Scenario, Simulator

from .conftest import NUMBER, Application, Sdk
from .faulty import SECONDS, place, the_one_injected, transcribe
from .test_served import wait_until


@pytest.fixture
def quick(account: Account, application: Application) -> Simulator:
    """A simulator that, while served, takes a fifth of a second for a transcript."""
    return Simulator(account, httpx.MockTransport(application), transcript_seconds=0.2)


@pytest.fixture
def quick_client(quick: Simulator) -> Sdk:
    return Client(quick.account.account_sid, quick.account.auth_token, http_client=quick.http_client())


def test_deleted_recordings_are_told_of_when_they_are_gone(
    sim: Simulator, client: Sdk, scenario: Scenario, application: Application
) -> None:
    there: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        there.append(len(client.recordings.list()))
        return httpx.Response(204)

    application.answers |= {"/status": answer, "/recording": answer}

    call = place(sim, scenario, FaultKind.RECORDING_DELETED)

    assert application.paths() == ["/voice", "/after-record", "/status", "/recording"]
    assert there == [0, 0]
    assert application.form("/recording")["RecordingStatus"] == "completed"
    assert [one.status for one in call.recordings] == ["deleted", "deleted"]
    with pytest.raises(TwilioRestException) as gone:
        client.recordings(call.recordings[0].sid).fetch()
    assert gone.value.status == 404
    assert the_one_injected(sim, call, FaultKind.RECORDING_DELETED).ended is not None


def test_a_recording_that_ends_before_its_call_is_told_of_only_when_it_is_gone(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    application.answers["/voice"] = (
        '<Response><Start><Recording name="all"/></Start>'
        '<Record action="/after-record" recordingStatusCallback="/mono"/></Response>'
    )

    place(sim, scenario, FaultKind.RECORDING_DELETED)

    assert application.paths() == ["/voice", "/after-record", "/status", "/mono"]
    assert application.form("/mono")["RecordingStatus"] == "completed"


def test_a_call_without_recordings_has_none_deleted(
    sim: Simulator, scenario: Scenario, application: Application
) -> None:
    application.answers["/voice"] = "<Response><Hangup/></Response>"

    place(sim, scenario, FaultKind.RECORDING_DELETED)

    assert sim.state.injected == []


def test_asking_for_a_transcript_of_what_a_fault_has_deleted_is_no_violation(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    sid = transcribe(client, service_sid, place(sim, scenario, FaultKind.RECORDING_DELETED))
    sim.complete_transcripts()

    assert client.intelligence.v2.transcripts(sid).fetch().status == "failed"
    sim.check()


def test_a_stuck_transcript_completes_late_and_is_not_told(
    quick: Simulator, quick_client: Sdk, scenario: Scenario, application: Application, service_sid: str
) -> None:
    call = place(quick, scenario, FaultKind.TRANSCRIPT_STUCK, stuck_seconds=10_000)
    with quick.serve():
        sid = transcribe(quick_client, service_sid, call)
        transcript = quick.state.transcripts[sid]
        wait_until(quick, transcript, "in-progress")
        one = the_one_injected(quick, call, FaultKind.TRANSCRIPT_STUCK)
        with quick.state.lock:
            # Its own time is over by far.
            transcript.born -= 5_000
            quick.state.lock.notify_all()
            assert not quick.state.lock.wait(0.1), "it goes on"
        assert (one.ended, quick.pending) == (None, 1)
        with quick.state.lock:
            transcript.born -= 10_000
            quick.state.lock.notify_all()
        wait_until(quick, transcript, "completed")
        assert quick.wait_until_at_rest(SECONDS)

    assert "/ci-webhook" not in application.paths()
    assert one.ended is not None
    assert len(quick_client.intelligence.v2.transcripts(sid).sentences.list()) == 1
    quick.check()


def test_a_stuck_transcript_that_is_deleted_is_stuck_no_more(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    call = place(sim, scenario, FaultKind.TRANSCRIPT_STUCK)
    client.intelligence.v2.transcripts(transcribe(client, service_sid, call)).delete()

    assert the_one_injected(sim, call, FaultKind.TRANSCRIPT_STUCK).ended is not None
    assert sim.pending == 0


def test_an_endless_transcript_is_in_progress_and_nobody_waits_for_it(
    quick: Simulator, quick_client: Sdk, scenario: Scenario, application: Application, service_sid: str
) -> None:
    call = place(quick, scenario, FaultKind.TRANSCRIPT_ENDLESS)
    with quick.serve():
        sid = transcribe(quick_client, service_sid, call)
        assert quick.pending == 0
        one = the_one_injected(quick, call, FaultKind.TRANSCRIPT_ENDLESS)
        ended = one.ended
        transcript = quick.state.transcripts[sid]
        wait_until(quick, transcript, "in-progress")
        with quick.state.lock:
            transcript.born -= 1_000_000
            quick.state.lock.notify_all()
            assert not quick.state.lock.wait(0.1), "it goes on"

    assert quick.complete_transcripts() == []
    assert transcript.status == "in-progress"
    assert "/ci-webhook" not in application.paths()
    # It was noted when it began, and is nothing that anybody waits for the end of.
    assert ended is not None
    assert one.ended == ended


def test_other_transcripts_end_beside_an_endless_one(
    quick: Simulator, quick_client: Sdk, scenario: Scenario, application: Application, service_sid: str
) -> None:
    with quick.serve():
        transcribe(quick_client, service_sid, place(quick, scenario, FaultKind.TRANSCRIPT_ENDLESS))
        transcribe(quick_client, service_sid, quick.place_call(scenario, to=NUMBER))
        assert quick.wait_until_at_rest(SECONDS)

    assert [one.status for one in quick.state.made] == ["in-progress", "completed"]
    assert application.paths().count("/ci-webhook") == 1


@pytest.mark.parametrize("by_default", ["none", "available"])
def test_a_failing_transcript_fails_and_nobody_is_told(
    sim: Simulator,
    client: Sdk,
    scenario: Scenario,
    application: Application,
    service_sid: str,
    by_default: str,
) -> None:
    setattr(sim.unknowns, "failed_transcript_webhook", by_default)  # noqa: B010  mypy: a plain text
    call = place(sim, scenario, FaultKind.TRANSCRIPT_FAILS)
    sid = transcribe(client, service_sid, call)
    assert sim.state.injected == []
    sim.complete_transcripts()

    assert client.intelligence.v2.transcripts(sid).fetch().status == "failed"
    assert "/ci-webhook" not in application.paths()
    assert the_one_injected(sim, call, FaultKind.TRANSCRIPT_FAILS).ended is not None
    sim.check()


def test_refused_participants_are_refused_each_time_and_nothing_else_is(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    call = place(sim, scenario, FaultKind.PARTICIPANTS_REFUSED)
    channel = {
        "media_properties": {"source_sid": call.recordings[0].sid},
        "participants": [{"channel_participant": 1, "role": "Customer"}],
    }
    for _ in range(2):
        with pytest.raises(TwilioRestException) as refused:
            client.intelligence.v2.transcripts.create(service_sid, channel)
        assert refused.value.status == 400
    assert sim.state.made == []

    transcribe(client, service_sid, call)

    assert len(sim.state.made) == 1
    assert the_one_injected(sim, call, FaultKind.PARTICIPANTS_REFUSED).ended is not None
    sim.check()


def test_the_service_of_one_number_is_missing_for_its_calls_alone(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    call = place(sim, scenario)
    sim.troubles.number_without_service = call.to
    with pytest.raises(TwilioRestException) as refused:
        transcribe(client, service_sid, call)
    assert (refused.value.status, sim.state.made, sim.troubles.services_missing) == (404, [], 1)
    with pytest.raises(TwilioRestException) as refused:
        client.intelligence.v2.services(service_sid).fetch()
    assert refused.value.status == 404

    sim.troubles.without_service_seconds = 0
    transcribe(client, service_sid, call)
    assert client.intelligence.v2.services(service_sid).fetch().sid == service_sid

    assert (len(sim.state.made), sim.troubles.services_missing) == (1, 1)
    sim.check()


def test_a_transcript_starts_as_new_and_then_is_as_any_other(
    quick: Simulator, quick_client: Sdk, scenario: Scenario, application: Application, service_sid: str
) -> None:
    call = place(quick, scenario, FaultKind.TRANSCRIPT_STARTS_AS_NEW)
    sid = transcribe(quick_client, service_sid, call)
    assert quick_client.intelligence.v2.transcripts(sid).fetch().status == "new"
    with quick.serve():
        assert quick.wait_until_at_rest(SECONDS)

    assert quick_client.intelligence.v2.transcripts(sid).fetch().status == "completed"
    assert application.paths()[-1] == "/ci-webhook"
    assert the_one_injected(quick, call, FaultKind.TRANSCRIPT_STARTS_AS_NEW).ended is not None


def test_late_operator_results_are_not_there_when_the_webhook_comes(
    sim: Simulator, client: Sdk, scenario: Scenario, application: Application, service_sid: str
) -> None:
    call = place(sim, scenario, FaultKind.LATE_OPERATOR_RESULTS, results_seconds=1000)
    transcript = client.intelligence.v2.transcripts(transcribe(client, service_sid, call))
    sim.complete_transcripts()

    assert application.paths()[-1] == "/ci-webhook"
    assert (transcript.fetch().status, len(transcript.sentences.list())) == ("completed", 1)
    assert transcript.operator_results.list() == []
    with pytest.raises(TwilioRestException):
        transcript.operator_results("LY" + "1" * 32).fetch()
    assert sim.pending == 1
    (made,) = sim.state.transcripts.values()
    assert made.results_born is not None
    made.results_born -= 1000
    assert sim.wait_until_at_rest(SECONDS)
    assert len(transcript.operator_results.list()) == 3
    one = the_one_injected(sim, call, FaultKind.LATE_OPERATOR_RESULTS)
    assert one.ended is not None
    assert 0 < one.ended - one.began <= 1000


def test_late_operator_results_that_nobody_asked_for_too_early_are_no_fault(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    call = place(sim, scenario, FaultKind.LATE_OPERATOR_RESULTS, results_seconds=0.05)
    sid = transcribe(client, service_sid, call)
    sim.complete_transcripts()
    assert sim.wait_until_at_rest(SECONDS)

    assert len(client.intelligence.v2.transcripts(sid).operator_results.list()) == 3
    assert sim.state.injected == []


def test_every_transcript_that_was_made_is_charged_for_also_when_it_is_deleted(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    call = sim.place_call(scenario, to=NUMBER)
    first = transcribe(client, service_sid, call)
    client.intelligence.v2.transcripts(first).delete()
    second = transcribe(client, service_sid, call)
    with pytest.raises(TwilioRestException):
        transcribe(client, service_sid, call)

    assert [one.sid for one in sim.state.made] == [first, second]
    assert list(sim.state.transcripts) == [second]
    assert {one.source_sid for one in sim.state.made} == {call.recordings[0].sid}


def test_every_request_for_one_more_transcript_is_on_record(
    sim: Simulator, client: Sdk, scenario: Scenario, service_sid: str
) -> None:
    call = sim.place_call(scenario, to=NUMBER)
    transcribe(client, service_sid, call)
    assert sim.state.asked_again == []
    for _ in range(2):
        with pytest.raises(TwilioRestException):
            transcribe(client, service_sid, call)

    assert sim.state.asked_again == [call.recordings[0].sid] * 2
    assert len(sim.state.made) == 1
