"""Twilio's REST API in trouble: it throttles, and it is down."""

import json

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
