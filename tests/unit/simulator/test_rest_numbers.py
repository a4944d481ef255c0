"""api.twilio.com: the numbers of the account, listed and wired; and which wiring lets a call be played."""

from typing import Any

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException

from callscribe_tools.simulator import Account, PhoneNumber, Scenario, SimulationError, Simulator

from .conftest import BASE, NUMBER, Application, Sdk

OTHER = "+12025550119"
DEMO = "https://demo.twilio.com/welcome/voice/"
TRUNK, APPLICATION = "TK" + "1" * 32, "AP" + "1" * 32
WIRING = {
    "voice_url": f"{BASE}/incoming-call",
    "voice_method": "POST",
    "voice_fallback_url": f"{BASE}/voice-fallback",
    "voice_fallback_method": "POST",
    "status_callback": f"{BASE}/call-status",
    "status_callback_method": "POST",
}


@pytest.fixture
def bought(account: Account) -> PhoneNumber:
    """A number that nobody has done anything to yet."""
    number = PhoneNumber(OTHER)
    account.add(number)
    return number


def wired(fetched: Any) -> dict[str, str]:
    return {name: getattr(fetched, name) for name in WIRING}


def test_the_sdk_reads_a_number_as_it_has_been_bought(client: Sdk, account: Account, bought: PhoneNumber) -> None:
    fetched = client.incoming_phone_numbers(bought.sid).fetch()

    assert (fetched.sid, fetched.phone_number, fetched.account_sid) == (bought.sid, OTHER, account.account_sid)
    assert (fetched.friendly_name, fetched.voice_url) == ("(202) 555-0119", DEMO)
    assert (fetched.voice_fallback_url, fetched.status_callback) == (None, "")
    assert {fetched.voice_method, fetched.voice_fallback_method, fetched.status_callback_method} == {"POST"}
    assert (fetched.voice_application_sid, fetched.trunk_sid) == ("", None)
    assert fetched.capabilities["voice"] is True
    assert fetched.date_created == fetched.date_updated == bought.created


def test_a_number_is_wired_and_then_called(
    sim: Simulator, client: Sdk, bought: PhoneNumber, application: Application, scenario: Scenario
) -> None:
    application.answers["/incoming-call"] = application.answers["/voice"]

    updated = client.incoming_phone_numbers(bought.sid).update(**WIRING, friendly_name="Support")

    assert wired(updated) == wired(client.incoming_phone_numbers(bought.sid).fetch()) == WIRING
    assert updated.friendly_name == "Support"
    sim.place_call(scenario, to=OTHER)
    assert application.paths()[0] == "/incoming-call"
    assert application.paths()[-2:] == ["/call-status", "/recording"]
    sim.check()


def test_an_update_changes_what_it_names_alone(client: Sdk, account: Account) -> None:
    number = account.numbers[NUMBER]
    number.friendly_name = "Support"

    client.incoming_phone_numbers(number.sid).update(voice_method="GET", status_callback="")

    assert (number.voice_url, number.voice_method) == (f"{BASE}/voice", "GET")
    assert (number.status_callback, number.friendly_name) == (None, "Support")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [OTHER, NUMBER]),
        ({"phone_number": NUMBER}, [NUMBER]),
        ({"phone_number": "+1202"}, [OTHER, NUMBER]),
        ({"phone_number": "555011*"}, [OTHER]),
        ({"phone_number": "+12025550166"}, []),
        ({"friendly_name": "(202) 555-0101"}, [NUMBER]),
        ({"friendly_name": "(202)"}, []),
    ],
)
@pytest.mark.usefixtures("bought")
def test_numbers_are_filtered(client: Sdk, filters: dict[str, str], found: list[str]) -> None:
    assert [one.phone_number for one in client.incoming_phone_numbers.list(page_size=1, **filters)] == found


def test_a_trunk_and_an_application_take_each_other_away(client: Sdk, bought: PhoneNumber) -> None:
    number = client.incoming_phone_numbers(bought.sid)

    first = number.update(trunk_sid=TRUNK)
    second = number.update(voice_application_sid=APPLICATION)
    third = number.update(trunk_sid=TRUNK)
    fourth = number.update(trunk_sid="")

    assert (first.trunk_sid, first.voice_application_sid) == (TRUNK, "")
    assert (second.trunk_sid, second.voice_application_sid) == (None, APPLICATION)
    assert (third.trunk_sid, third.voice_application_sid) == (TRUNK, "")
    assert (fourth.trunk_sid, fourth.voice_application_sid) == (None, "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"voice_url": "hooks.example.com/voice"},
        {"voice_url": "ftp://hooks.example.com/voice"},
        {"voice_fallback_url": "https://"},
        {"status_callback": "/call-status"},
        {"voice_method": "PUT"},
        {"voice_fallback_method": "post"},
        {"status_callback_method": ""},
        {"friendly_name": "n" * 65},
        {"trunk_sid": "TK1"},
        {"voice_application_sid": TRUNK},
        {"trunk_sid": TRUNK, "voice_application_sid": APPLICATION},
        {"sms_url": f"{BASE}/sms"},
    ],
)
def test_a_wrong_update_is_refused_and_changes_nothing(
    sim: Simulator, client: Sdk, account: Account, wrong: dict[str, str]
) -> None:
    number = account.numbers[NUMBER]
    before = vars(number).copy()

    with pytest.raises(TwilioRestException) as refusal:
        client.incoming_phone_numbers(number.sid).update(**{"voice_url": f"{BASE}/new"} | wrong)

    assert refusal.value.status == 400
    assert vars(number) == before
    assert [violation.code for violation in sim.violations] == ["20001"]


def test_an_unknown_number_is_not_found(sim: Simulator, client: Sdk) -> None:
    number = client.incoming_phone_numbers("PN" + "0" * 32)

    for work in (number.fetch, lambda: number.update(friendly_name="New")):
        with pytest.raises(TwilioRestException) as refusal:
            work()
        assert (refusal.value.status, refusal.value.code) == (404, 20404)
    sim.check()


def test_numbers_are_neither_bought_nor_released_here(sim: Simulator, client: Sdk, account: Account) -> None:
    for work in (
        client.incoming_phone_numbers(account.numbers[NUMBER].sid).delete,
        lambda: client.incoming_phone_numbers.create(phone_number=OTHER),
        lambda: client.incoming_phone_numbers.list(beta=False),
    ):
        with pytest.raises(TwilioException):
            work()

    assert list(account.numbers) == [NUMBER]
    assert len(sim.violations) == 3


@pytest.mark.parametrize(
    ("wiring", "told"),
    [
        ({"trunk_sid": TRUNK}, f"ignores its voice URLs for {TRUNK}"),
        ({"voice_application_sid": APPLICATION}, f"ignores its voice URLs for {APPLICATION}"),
        ({"voice_url": ""}, "no voice URL"),
        ({"voice_url": DEMO}, "Twilio's demo"),
        ({"voice_method": "GET"}, "VoiceUrl by GET"),
        ({"voice_fallback_url": f"{BASE}/fallback", "voice_fallback_method": "GET"}, "VoiceFallbackUrl by GET"),
        ({"status_callback_method": "GET"}, "StatusCallback by GET"),
    ],
)
def test_a_call_that_the_voice_url_would_not_answer_by_post_is_not_placed(
    sim: Simulator, client: Sdk, application: Application, scenario: Scenario, wiring: dict[str, str], told: str
) -> None:
    client.incoming_phone_numbers(sim.account.numbers[NUMBER].sid).update(**wiring)

    with pytest.raises(SimulationError, match=told):
        sim.place_call(scenario, to=NUMBER)

    assert (application.requests, sim.state.calls) == ([], {})


def test_the_method_of_a_webhook_that_is_not_there_does_not_matter(sim: Simulator, scenario: Scenario) -> None:
    sim.account.numbers[NUMBER].voice_fallback_method = "GET"

    assert sim.place_call(scenario, to=NUMBER).status == "completed"
