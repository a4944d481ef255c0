"""A withheld number is nobody's: whatever Twilio writes for it, no caller is found, called or labelled by it."""

import json
from typing import Any

import pytest

from callscribe.domain.call import WITHHELD, masked, phone_number, shown_party
from callscribe.domain.settings import SettingsError, from_json
from callscribe.domain.transcript import Participant, Role
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.simulator import Simulator, load_scenario
from callscribe_tools.simulator.caller_ids import WITHHELD_NUMBERS
from harness.stack import CALLER, NUMBER, Stack, account

AGENT = "+12025550123"

NOBODY = [
    *WITHHELD_NUMBERS.values(),
    "+7378742883",
    "+17378742833",
    "+17378742883",
    "+1266696687",
    "+15",
    "+464",
    "+1555",
    "+0123456789",
    "+1234567890123456",
    "",
    " ",
    "anonymous",
    "Anonymous",
    "Restricted",
    "266696687",
    "2025550142",
    "+1 202 555 0142",
    "+12025550142\n",
    "+١٢٠٢٥٥٥٠١٤٢",
    "client:alice",
    "sip:alice@example.com",
    "sip:+12025550142@example.com",
    "whatsapp:+12025550142",
]
SOMEBODY = [CALLER, NUMBER, "+2904567", "+4930123456", "+815012345678", "+266696687000", "+390612345678901"]


@pytest.mark.parametrize("text", NOBODY)
def test_what_is_no_number_of_a_person_identifies_nobody(text: str) -> None:
    assert phone_number(text) is None


@pytest.mark.parametrize("text", SOMEBODY)
def test_the_number_of_a_person_identifies_that_person(text: str) -> None:
    assert phone_number(text) == text


def test_all_that_the_simulated_twilio_writes_for_withheld_numbers_is_known() -> None:
    assert {number: WITHHELD[number] for number in WITHHELD_NUMBERS.values()} == {
        number: word for word, number in WITHHELD_NUMBERS.items()
    }


@pytest.mark.parametrize("caller", [*NOBODY, CALLER])
def test_the_agent_is_shown_the_called_number_if_the_caller_has_none(
    caller: str, stack: Stack, twilio: Simulator, twilio_url: str
) -> None:
    stack.write_settings(settings_document(twilio.account, twilio_url, flow="dial", agent=AGENT))
    call = twilio.place_call(load_scenario("agent_answers"), to=NUMBER, from_=caller)
    # The simulated Twilio dials nobody for a caller ID that is no number (13214).
    twilio.check()
    (leg,) = (one for one in twilio.state.calls.values() if one.parent_call_sid == call.sid)
    assert leg.from_ == (CALLER if caller == CALLER else NUMBER)


@pytest.mark.parametrize("caller", NOBODY)
def test_a_stored_call_names_no_number_for_a_caller_without_one(caller: str, stack: Stack, twilio: Simulator) -> None:
    call = twilio.place_call(load_scenario("cannot_log_in"), to=NUMBER, from_=caller)
    stack.work("request_transcript", "RecordingsQueue")
    twilio.complete_transcripts()
    stack.work("store_insights", "TranscriptsQueue")
    twilio.check()
    (insights,) = stack.read(call.sid).insights
    assert [(one.role, one.number) for one in insights.participants] == [(Role.CUSTOMER, None), (Role.AGENT, NUMBER)]


def test_a_row_of_an_earlier_version_that_names_a_withheld_number_names_nobody_when_it_is_read() -> None:
    row = {"channel": 1, "role": "Customer", "number": "+266696687", "known_from": "call"}
    assert Participant.model_validate(row).number is None
    assert Participant.model_validate(row | {"number": CALLER}).number == CALLER
    assert Participant.model_validate(row | {"number": None}).number is None


@pytest.mark.parametrize("number", NOBODY)
def test_nobody_can_configure_a_number_that_identifies_nobody(number: str) -> None:
    with pytest.raises(SettingsError, match="numbers"):
        from_json(json_of(number, {}))
    with pytest.raises(SettingsError, match="agent"):
        from_json(json_of(NUMBER, {"flow": "dial", "agent": number}))


def json_of(number: str, fields: dict[str, Any]) -> str:
    document = settings_document(account())
    (own,) = document["numbers"].values()
    return json.dumps(document | {"numbers": {number: own | fields}})


@pytest.mark.parametrize(
    ("text", "logged"),
    [(CALLER, "+1…42"), ("+266696687", "anonymous"), ("client:alice", "…"), ("anonymous", "…"), ("", "…")],
)
def test_a_log_line_shows_no_part_of_what_is_no_number(text: str, logged: str) -> None:
    assert masked(text) == logged


@pytest.mark.parametrize(
    ("text", "shown"), [(CALLER, CALLER), ("+266696687", "anonymous"), ("client:alice", "client:alice"), ("", "")]
)
def test_people_read_the_word_for_a_withheld_number(text: str, shown: str) -> None:
    assert shown_party(text) == shown
