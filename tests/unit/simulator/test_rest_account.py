"""The account itself, and what it may be that nobody has asked for: suspended, encrypting, of another product."""

from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from callscribe_tools.simulator import Account, Call, Scenario, SimulationError, Simulator

from .conftest import BASE, NUMBER, Application, Sdk

UNKNOWN = "0" * 32
BUCKET = "https://customers-bucket.s3.amazonaws.com"


@pytest.fixture
def owner(sim: Simulator) -> Sdk:
    """The SDK with the account's auth token, which may do what the API key may not."""
    return Client(sim.account.account_sid, sim.account.auth_token, http_client=sim.http_client())


def refusal_of(work: Callable[[], object]) -> tuple[int, int | None]:
    with pytest.raises(TwilioRestException) as refusal:
        work()
    return refusal.value.status, refusal.value.code


def transcribe(sim: Simulator, client: Sdk, call: Call) -> Any:
    (service_sid,) = sim.account.services
    created = client.intelligence.v2.transcripts.create(
        service_sid, {"media_properties": {"source_sid": call.recordings[0].sid}}
    )
    sim.complete_transcripts()
    return client.intelligence.v2.transcripts(created.sid).fetch()


def test_the_sdk_reads_the_account(owner: Sdk, account: Account) -> None:
    account.type, account.friendly_name = "Trial", "My first account"

    fetched = owner.api.v2010.accounts(account.account_sid).fetch()

    assert (fetched.sid, fetched.owner_account_sid) == (account.account_sid, account.account_sid)
    assert (fetched.friendly_name, fetched.status, fetched.type) == ("My first account", "active", "Trial")
    assert fetched.date_created == account.created
    numbers = f"/2010-04-01/Accounts/{account.account_sid}/IncomingPhoneNumbers.json"
    assert fetched.subresource_uris["incoming_phone_numbers"] == numbers


def test_a_subaccount_tells_whose_it_is(owner: Sdk, account: Account) -> None:
    account.owner_account_sid = "AC" + UNKNOWN

    assert owner.api.v2010.accounts(account.account_sid).fetch().owner_account_sid == "AC" + UNKNOWN


def test_a_standard_api_key_may_not_read_the_account(sim: Simulator, client: Sdk, account: Account) -> None:
    assert refusal_of(client.api.v2010.accounts(account.account_sid).fetch) == (401, 20003)
    sim.check()


def test_another_account_is_not_found(owner: Sdk) -> None:
    assert refusal_of(owner.api.v2010.accounts("AC" + UNKNOWN).fetch) == (404, 20404)


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_of_an_account_that_is_not_active_nothing_but_itself_can_be_read(
    sim: Simulator, owner: Sdk, account: Account, scenario: Scenario, status: Any
) -> None:
    call = sim.place_call(scenario, to=NUMBER)
    account.status = status

    assert owner.api.v2010.accounts(account.account_sid).fetch().status == status
    for work in (
        owner.calls(call.sid).fetch,
        owner.incoming_phone_numbers.list,
        owner.intelligence.v2.services.list,
        owner.voice.v2.recording_account_default_configuration().fetch,
    ):
        with pytest.raises(TwilioException) as refusal:
            work()
        assert "Account not active" in str(refusal.value)
    assert refusal_of(owner.calls(call.sid).fetch) == (403, 20005)
    with pytest.raises(SimulationError, match="10003"):
        sim.place_call(scenario, to=NUMBER)
    sim.check()


def test_an_account_of_another_product_may_use_everything_but_intelligence(
    sim: Simulator, client: Sdk, account: Account, scenario: Scenario, service_sid: str
) -> None:
    account.other_product = True
    call = sim.place_call(scenario, to=NUMBER)

    intelligence = client.intelligence.v2
    for work in (
        intelligence.services(service_sid).fetch,
        intelligence.custom_operators("LY" + UNKNOWN).fetch,
        intelligence.transcripts("GT" + UNKNOWN).delete,
        lambda: intelligence.services.create(unique_name="new"),
    ):
        assert refusal_of(work) == (403, 20403)
    assert client.calls(call.sid).fetch().status == "completed"
    assert client.recordings.list()
    sim.check()


def test_an_encrypted_recording_says_so_and_is_not_transcribed(
    sim: Simulator, client: Sdk, account: Account, scenario: Scenario
) -> None:
    before = sim.place_call(scenario, to=NUMBER)
    account.recording_encryption = True
    call = sim.place_call(scenario, to=NUMBER)

    (details,) = {str(one.encryption_details) for one in client.calls(call.sid).recordings.list()}
    assert all(name in details for name in ("encryption_public_key_sid", "encryption_cek", "encryption_iv"))
    assert client.recordings(before.recordings[0].sid).fetch().encryption_details is None
    assert media(sim, call) == 404
    assert transcribe(sim, client, call).status == "failed"
    assert [violation.code for violation in sim.violations] == ["20404", "95102"]
    assert transcribe(sim, client, before).status == "completed"


def test_a_recording_in_external_storage_is_there_and_neither_played_nor_transcribed(
    sim: Simulator, client: Sdk, account: Account, scenario: Scenario
) -> None:
    before = sim.place_call(scenario, to=NUMBER)
    account.external_storage = BUCKET
    call = sim.place_call(scenario, to=NUMBER)

    fetched = client.recordings(call.recordings[0].sid).fetch()
    assert (fetched.status, fetched.encryption_details) == ("completed", None)
    assert fetched.media_url.startswith(f"{BUCKET}/")
    assert client.recordings(before.recordings[0].sid).fetch().media_url.startswith("https://api.twilio.com/")
    assert (media(sim, call), media(sim, before)) == (404, 200)
    assert transcribe(sim, client, call).status == "failed"
    assert [violation.code for violation in sim.violations] == ["95118"]


def media(sim: Simulator, call: Call) -> int:
    account = sim.account
    url = f"https://api.twilio.com/2010-04-01/Accounts/{account.account_sid}/Recordings/{call.recordings[0].sid}.wav"
    auth = (account.account_sid, account.auth_token)
    return int(sim.http_client().request("GET", url, auth=auth).status_code)


def test_a_default_recording_configuration_is_shown_where_there_is_one(
    sim: Simulator, client: Sdk, account: Account
) -> None:
    default = client.voice.v2.recording_account_default_configuration()
    assert refusal_of(default.fetch) == (404, 20404)

    policy = {"channels": "mono", "trim": "trim-silence", "track": "both"}
    account.default_recording_configuration = {"configurationType": "Recording", "compositionPolicy": policy}

    fetched = default.fetch()
    assert fetched.configuration == account.default_recording_configuration
    assert (fetched.account_sid, fetched.date_created) == (account.account_sid, account.created)
    sim.check()


def test_a_service_that_transcribes_by_itself_is_switched_off_before_a_call_is_placed(
    sim: Simulator, client: Sdk, account: Account, scenario: Scenario, service_sid: str
) -> None:
    account.services[service_sid].auto_transcribe = True
    service = client.intelligence.v2.services(service_sid)

    assert service.fetch().auto_transcribe is True
    with pytest.raises(SimulationError, match=service_sid):
        sim.place_call(scenario, to=NUMBER)

    assert service.update(auto_transcribe=False).auto_transcribe is False
    assert sim.place_call(scenario, to=NUMBER).status == "completed"
    sim.check()


def test_a_webhook_by_get_is_shown_and_not_sent(
    sim: Simulator, client: Sdk, account: Account, scenario: Scenario, service_sid: str, application: Application
) -> None:
    account.services[service_sid].webhook_http_method = "GET"
    call = sim.place_call(scenario, to=NUMBER)

    assert client.intelligence.v2.services(service_sid).update(friendly_name="New").webhook_http_method == "GET"
    assert transcribe(sim, client, call).status == "completed"

    assert "/ci-webhook" not in application.paths()
    (violation,) = sim.violations
    assert (violation.code, violation.where) == ("webhook", f"{BASE}/ci-webhook")
    assert "POST" in violation.advice
