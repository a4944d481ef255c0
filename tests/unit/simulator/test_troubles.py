"""Twilio's REST API in trouble: it throttles, and it is down."""

import json
from typing import Any

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException

from callscribe_tools.simulator import Account, Simulator

from .conftest import Sdk

SERVICES = "https://intelligence.twilio.com/v2/Services"


def test_so_many_requests_are_throttled_and_the_next_one_is_not(sim: Simulator, client: Sdk) -> None:
    sim.troubles.throttle_next = 2

    for _ in range(2):
        with pytest.raises(TwilioRestException) as refusal:
            client.intelligence.v2.services.create(unique_name="new")
        assert (refusal.value.status, refusal.value.code) == (429, 20429)

    assert len(sim.account.services) == 1
    client.intelligence.v2.services.create(unique_name="new")
    sim.check()


@pytest.mark.parametrize("seconds", [7, None])
def test_a_throttled_request_may_be_told_when_to_come_back(
    sim: Simulator, account: Account, seconds: int | None
) -> None:
    sim.troubles.throttle_next, sim.troubles.retry_after = 1, seconds

    answer = sim.http_client().request("GET", SERVICES, auth=(account.account_sid, account.auth_token))

    assert json.loads(answer.text)["status"] == 429
    assert httpx.Headers(answer.headers).get("Retry-After") == (str(seconds) if seconds else None)


def test_an_api_that_is_down_answers_with_html(sim: Simulator, account: Account, client: Sdk) -> None:
    sim.troubles.unavailable_next = 2

    answer = sim.http_client().request("GET", SERVICES, auth=(account.account_sid, account.auth_token))
    with pytest.raises(TwilioRestException) as refusal:
        client.intelligence.v2.services("GA1").fetch()

    assert (answer.status_code, answer.text[:6]) == (503, "<html>")
    assert refusal.value.status == 503
    assert len(client.intelligence.v2.services.list()) == 1


def test_who_is_not_authenticated_is_refused_before_any_trouble(sim: Simulator) -> None:
    sim.troubles.throttle_next = 1

    answer = sim.http_client().request("GET", SERVICES, auth=("AC0", "wrong"))

    assert json.loads(answer.text)["code"] == 20003
    assert sim.troubles.throttle_next == 1


CALLS = f"https://api.twilio.com/2010-04-01/Accounts/{Account().account_sid}/Calls.json"
TRANSCRIPTS = "https://intelligence.twilio.com/v2/Transcripts"
OPERATORS = "https://intelligence.twilio.com/v2/Operators"


def test_every_so_many_th_list_has_no_end_in_one_way_or_the_other(sim: Simulator, account: Account) -> None:
    sim.troubles.endless_lists_every = 2

    def get(url: str) -> Any:
        answer = sim.http_client().request("GET", url, auth=(account.account_sid, account.auth_token))
        assert answer.status_code == 200
        return json.loads(answer.text)

    assert get(CALLS)["next_page_uri"] is None
    itself = f"{TRANSCRIPTS}?PageSize=5&ServiceSid=GA{'d' * 32}"
    assert get(itself)["meta"]["next_page_url"] == itself
    assert get(TRANSCRIPTS)["meta"]["next_page_url"] is None
    links = [f"{CALLS}?PageSize=1000"]
    for _ in range(5):
        page = get(links[-1])
        assert page["calls"] == []
        links.append(f"https://api.twilio.com{page['next_page_uri']}")
    assert len(set(links)) == len(links)
    assert sim.troubles.endless_lists == 2


def test_every_so_many_th_list_of_operators_is_forbidden(sim: Simulator, account: Account) -> None:
    sim.troubles.forbid_operators_every = 2
    client = sim.http_client()
    urls = (OPERATORS, OPERATORS, f"{OPERATORS}/PreBuilt", OPERATORS, OPERATORS)
    answers = [client.request("GET", url, auth=(account.account_sid, account.auth_token)) for url in urls]
    assert [one.status_code for one in answers] == [200, 403, 200, 200, 403]
    assert sim.troubles.operators_forbidden == 2
