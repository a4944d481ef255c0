"""Intelligence Services and their attached operators, asked by the official SDK."""

from datetime import UTC, datetime

import pytest
from twilio.base.exceptions import TwilioRestException

from callscribe_tools.simulator import Account, IntelligenceService, Simulator

from .conftest import BASE, Sdk

UNKNOWN = "0" * 32
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def refused(status: int, code: int) -> pytest.RaisesExc[TwilioRestException]:
    def is_it(error: TwilioRestException) -> bool:
        return (error.status, error.code) == (status, code)

    return pytest.RaisesExc(TwilioRestException, check=is_it)


def test_a_service_is_created_with_what_was_asked_for(sim: Simulator, client: Sdk) -> None:
    created = client.intelligence.v2.services.create(
        unique_name="english",
        friendly_name="English calls",
        language_code="en-GB",
        webhook_url=f"{BASE}/ci-webhook",
        webhook_http_method="POST",
    )

    fetched = client.intelligence.v2.services(created.sid).fetch()
    assert (fetched.unique_name, fetched.friendly_name, fetched.language_code) == ("english", "English calls", "en-GB")
    assert (fetched.webhook_url, fetched.webhook_http_method) == (f"{BASE}/ci-webhook", "POST")
    assert (fetched.auto_redaction, fetched.media_redaction, fetched.auto_transcribe) == (False, False, False)
    assert (fetched.version, fetched.read_only_attached_operator_sids) == (1, [])
    assert fetched.account_sid == sim.account.account_sid
    assert sim.account.services[created.sid].webhook_url == f"{BASE}/ci-webhook"
    sim.check()


def test_a_service_speaks_american_english_unless_told(client: Sdk) -> None:
    assert client.intelligence.v2.services.create(unique_name="one").language_code == "en-US"


def test_services_are_listed_and_found_by_their_unique_name(client: Sdk, account: Account) -> None:
    account.add(IntelligenceService(unique_name="second"))

    assert {one.sid for one in client.intelligence.v2.services.list(page_size=1)} == set(account.services)
    assert client.intelligence.v2.services("second").fetch().sid in account.services


def test_an_update_changes_what_it_names_and_raises_the_version(
    client: Sdk, account: Account, service_sid: str
) -> None:
    account.services[service_sid].updated = LONG_AGO
    updated = client.intelligence.v2.services(service_sid).update(friendly_name="New", auto_redaction=True)

    assert (updated.friendly_name, updated.auto_redaction, updated.version) == ("New", True, 2)
    assert updated.webhook_url == f"{BASE}/ci-webhook"
    assert updated.date_updated > LONG_AGO


def test_an_update_of_another_version_changes_nothing(sim: Simulator, client: Sdk, service_sid: str) -> None:
    service = client.intelligence.v2.services(service_sid)
    service.update(if_match="1", friendly_name="first")

    with refused(412, 20412):
        service.update(if_match="1", friendly_name="second")

    assert service.fetch().friendly_name == "first"
    sim.check()


def test_a_deleted_service_is_gone(client: Sdk, service_sid: str) -> None:
    assert client.intelligence.v2.services(service_sid).delete()

    with refused(404, 20404):
        client.intelligence.v2.services(service_sid).fetch()
    with refused(404, 20404):
        client.intelligence.v2.services(service_sid).delete()


@pytest.mark.parametrize(
    "wrong",
    [
        {"unique_name": ""},
        {"unique_name": "taken"},
        {"unique_name": "new", "friendly_name": "n" * 65},
        {"unique_name": "new", "language_code": "ja-JP"},
        {"unique_name": "new", "media_redaction": True},
        {"unique_name": "new", "auto_redaction": True, "language_code": "en-GB"},
        {"unique_name": "new", "data_logging": True},
        {"unique_name": "new", "auto_transcribe": True},
        {"unique_name": "new", "webhook_http_method": "GET"},
        {"unique_name": "new", "encryption_credential_sid": "CR" + UNKNOWN},
    ],
)
def test_a_wrong_service_is_refused(sim: Simulator, client: Sdk, wrong: dict[str, object]) -> None:
    sim.account.add(IntelligenceService(unique_name="taken"))

    with refused(400, 20001):
        client.intelligence.v2.services.create(**wrong)

    assert [violation.code for violation in sim.violations] == ["20001"]
    assert len(sim.account.services) == 2


def test_a_service_needs_a_unique_name(sim: Simulator) -> None:
    answer = post(sim, "/v2/Services", {"FriendlyName": "nameless"})

    assert answer == 400
    assert "UniqueName" in sim.violations[0].text


def test_the_language_cannot_be_updated(sim: Simulator, account: Account, service_sid: str) -> None:
    assert post(sim, f"/v2/Services/{service_sid}", {"LanguageCode": "en-GB"}) == 400
    assert account.services[service_sid].language_code == "en-US"


def test_an_update_that_breaks_a_rule_changes_nothing(client: Sdk, service_sid: str) -> None:
    service = client.intelligence.v2.services(service_sid)
    service.update(auto_redaction=True, media_redaction=True)

    with refused(400, 20001):
        service.update(auto_redaction=False, friendly_name="half")

    fetched = service.fetch()
    assert (fetched.auto_redaction, fetched.friendly_name, fetched.version) == (True, "", 2)


def test_operators_are_attached_and_detached(sim: Simulator, client: Sdk) -> None:
    service = client.intelligence.v2.services.create(unique_name="new")
    operator_sid = next(iter(sim.account.operators))

    attached = client.intelligence.v2.operator_attachment(service.sid, operator_sid).create()
    client.intelligence.v2.operator_attachment(service.sid, operator_sid).create()

    assert (attached.service_sid, attached.operator_sid) == (service.sid, operator_sid)
    assert client.intelligence.v2.operator_attachments(service.sid).fetch().operator_sids == [operator_sid]
    fetched = client.intelligence.v2.services(service.sid).fetch()
    assert (fetched.read_only_attached_operator_sids, fetched.version) == ([operator_sid], 2)
    assert client.intelligence.v2.operator_attachment(service.sid, operator_sid).delete()
    assert client.intelligence.v2.operator_attachments(service.sid).fetch().operator_sids == []
    assert client.intelligence.v2.services(service.sid).fetch().version == 3
    sim.check()


def test_what_is_not_there_cannot_be_attached_nor_detached(sim: Simulator, client: Sdk, service_sid: str) -> None:
    operator_sid = next(iter(sim.account.operators))
    attachment = client.intelligence.v2.operator_attachment

    for work in (
        attachment(service_sid, "LY" + UNKNOWN).create,
        attachment("GA" + UNKNOWN, operator_sid).create,
        attachment(service_sid, "LY" + UNKNOWN).delete,
        client.intelligence.v2.operator_attachments("GA" + UNKNOWN).fetch,
    ):
        with refused(404, 20404):
            work()
    sim.check()


def post(sim: Simulator, path: str, form: dict[str, object]) -> int:
    credentials = (sim.account.account_sid, sim.account.auth_token)
    url = f"https://intelligence.twilio.com{path}"
    return int(sim.http_client().request("POST", url, data=form, auth=credentials).status_code)
