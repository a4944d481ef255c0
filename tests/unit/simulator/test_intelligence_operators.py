"""Language Operators, pre-built and custom, asked by the official SDK."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from callscribe_tools.simulator import Account, PhoneNumber, Scenario, Simulator

from .conftest import BASE, NUMBER, Application, Sdk

UNKNOWN = "0" * 32
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TEXT = {"prompt": "Sum it up."}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def config(json_result_schema: object) -> dict[str, Any]:
    return {"prompt": "Classify.", "json_result_schema": json_result_schema}


def nested(levels: int) -> dict[str, Any]:
    return schema(deeper=nested(levels - 1)) if levels > 1 else schema(leaf={"type": "string"})


def by_name(account: Account, name: str) -> str:
    return next(one.sid for one in account.operators.values() if one.friendly_name == name)


def test_pre_built_and_custom_operators_are_listed_apart_and_together(client: Sdk) -> None:
    intelligence = client.intelligence.v2

    assert [one.friendly_name for one in intelligence.prebuilt_operators.list()] == [
        "Conversation Summary",
        "Sentiment Analysis",
    ]
    assert [one.friendly_name for one in intelligence.custom_operators.list()] == ["product-feedback"]
    assert len(intelligence.operators.list(page_size=1)) == 3
    assert intelligence.operators.list(availability="retired") == []


def test_an_account_that_is_bare_has_pre_built_operators_and_nothing_else() -> None:
    sim = Simulator(Account.bare())
    sim.account.add(PhoneNumber(NUMBER))
    client: Sdk = Client(sim.account.account_sid, sim.account.auth_token, http_client=sim.http_client())
    intelligence = client.intelligence.v2

    names = {one.friendly_name for one in intelligence.prebuilt_operators.list()}
    assert {"Conversation Summary", "Sentiment Analysis", "Entity Recognition"} < names
    assert len(intelligence.operators.list()) == len(names)
    assert intelligence.custom_operators.list() == intelligence.services.list() == []
    assert [one.phone_number for one in client.incoming_phone_numbers.list()] == [NUMBER]
    sim.check()


def test_an_operator_made_on_a_bare_account_gives_its_results(application: Application, scenario: Scenario) -> None:
    sim = Simulator(Account.bare(), httpx.MockTransport(application))
    sim.account.add(PhoneNumber(NUMBER, f"{BASE}/voice"))
    client: Sdk = Client(sim.account.account_sid, sim.account.auth_token, http_client=sim.http_client())
    intelligence = client.intelligence.v2
    service = intelligence.services.create(unique_name="calls", webhook_url=f"{BASE}/ci-webhook")
    operator = intelligence.custom_operators.create("product-feedback", "Generative", TEXT)
    intelligence.operator_attachment(service.sid, operator.sid).create()
    source_sid = sim.place_call(scenario, to=NUMBER).recordings[0].sid

    made = intelligence.transcripts.create(service.sid, {"media_properties": {"source_sid": source_sid}})
    sim.complete_transcripts()

    (result,) = intelligence.transcripts(made.sid).operator_results.list()
    assert (result.name, result.operator_sid) == ("product-feedback", operator.sid)
    sim.check()


def test_a_pre_built_operator_is_twilios_and_shows_no_configuration(client: Sdk, account: Account) -> None:
    sid = by_name(account, "Conversation Summary")

    for fetched in (
        client.intelligence.v2.operators(sid).fetch(),
        client.intelligence.v2.prebuilt_operators(sid).fetch(),
    ):
        assert (fetched.author, fetched.config, fetched.version) == ("twilio", {}, 1)
        assert fetched.operator_type == "Summarization"
    with pytest.raises(TwilioRestException, match="not found"):
        client.intelligence.v2.custom_operators(sid).fetch()


def test_a_custom_operator_is_kept_as_twilio_completes_it(sim: Simulator, client: Sdk) -> None:
    wanted = config(schema(mood={"type": "string", "enum": ["good", "bad"]}, who=schema(name={"type": "string"})))
    created = client.intelligence.v2.custom_operators.create("mood", "GenerativeJSON", wanted)

    fetched = client.intelligence.v2.operators(created.sid).fetch()
    assert (fetched.friendly_name, fetched.operator_type) == ("mood", "GenerativeJSON")
    assert (fetched.author, fetched.version) == (sim.account.account_sid, 1)
    closed = {"additionalProperties": False}
    who = schema(name={"type": "string"}) | closed | {"required": ["name"]}
    assert fetched.config == config(
        schema(mood={"type": "string", "enum": ["good", "bad"]}, who=who) | closed | {"required": ["mood", "who"]}
    )
    # Results follow the schema's order.
    assert list(fetched.config["json_result_schema"]["properties"]) == ["mood", "who"]
    sim.check()


def test_an_operator_with_examples_writes_text(client: Sdk) -> None:
    wanted = TEXT | {"examples": [{"input": "Hello.", "output": "A greeting."}]}

    assert client.intelligence.v2.custom_operators.create("text", "Generative", wanted).config == wanted


def test_an_update_raises_the_version_and_is_refused_for_another(sim: Simulator, client: Sdk, account: Account) -> None:
    sid = by_name(account, "product-feedback")
    account.operators[sid].updated = LONG_AGO
    operator = client.intelligence.v2.custom_operators(sid)

    updated = operator.update("renamed", config(schema(a={"type": "integer"})), if_match="1")
    with pytest.raises(TwilioRestException) as refusal:
        operator.update("renamed again", config(schema()), if_match="1")

    assert (refusal.value.status, refusal.value.code) == (412, 20412)
    assert (updated.version, updated.friendly_name) == (2, "renamed")
    assert updated.date_updated > LONG_AGO
    assert operator.fetch().config["json_result_schema"]["required"] == ["a"]
    sim.check()


def test_a_pre_built_operator_is_neither_updated_nor_deleted(client: Sdk, account: Account) -> None:
    operator = client.intelligence.v2.custom_operators(by_name(account, "Sentiment Analysis"))

    for change in (lambda: operator.update("mine", TEXT), operator.delete):
        with pytest.raises(TwilioRestException) as refusal:
            change()
        assert (refusal.value.status, refusal.value.code) == (404, 20404)
    assert len(account.operators) == 3


def test_a_deleted_operator_leaves_its_services(client: Sdk, account: Account, service_sid: str) -> None:
    sid = by_name(account, "product-feedback")

    assert client.intelligence.v2.custom_operators(sid).delete()

    with pytest.raises(TwilioRestException):
        client.intelligence.v2.operators(sid).fetch()
    assert sid not in client.intelligence.v2.operator_attachments(service_sid).fetch().operator_sids


@pytest.mark.parametrize(
    "good",
    [
        config(nested(5)),
        config(schema(**{f"p{n}": {"type": "number"} for n in range(100)})),
        config(schema(a={"enum": [str(n) for n in range(500)]})),
        config(schema(a={"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "integer"}}]})),
        TEXT | {"prompt": "p" * 4000, "json_result_schema": schema()},
    ],
)
def test_the_documented_limits_can_be_used_up(sim: Simulator, client: Sdk, good: object) -> None:
    client.intelligence.v2.custom_operators.create("good", "GenerativeJSON", good)

    sim.check()


@pytest.mark.parametrize(
    "wrong",
    [
        config({"type": "array", "items": {"type": "string"}}),
        config({"properties": {}}),
        config(schema(a={"type": "null"})),
        config(schema(a={"type": "string", "maxLength": 3})),
        config(schema(a={"type": "string", "pattern": "a+"})),
        config(schema(a={"type": "number", "minimum": 1})),
        config(schema(a={"type": "array", "items": {"type": "string"}, "minItems": 1})),
        config(schema(a={"anyOf": [{"type": "integer", "multipleOf": 2}]})),
        config(nested(6)),
        config(schema(**{f"p{n}": {"type": "number"} for n in range(101)})),
        config(schema(a={"enum": [str(n) for n in range(501)]})),
        config(schema(a={"anyOf": [{"enum": [str(n) for n in range(501)]}]})),
        config(schema(a={"type": "array", "items": nested(5)})),
        {"prompt": "Classify.", "result_schema": schema()},
        {"prompt": "Classify."},
        {"prompt": "p" * 4001, "json_result_schema": schema()},
        {"prompt": "Classify.", "json_result_schema": schema(), "examples": ["Hello."]},
        {"json_result_schema": schema()},
        "no JSON",
    ],
)
def test_a_wrong_configuration_is_refused(sim: Simulator, client: Sdk, wrong: object) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        client.intelligence.v2.custom_operators.create("wrong", "GenerativeJSON", wrong)

    assert (refusal.value.status, refusal.value.code) == (400, 20001)
    assert [violation.code for violation in sim.violations] == ["20001"]
    assert len(sim.account.operators) == 3


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("n" * 65, "Generative", TEXT),
        ("", "Generative", TEXT),
        ("name", "generative", TEXT),
        ("name", "Generative", config(schema())),
    ],
)
def test_a_wrong_operator_is_refused(client: Sdk, name: str, kind: str, wanted: object) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        client.intelligence.v2.custom_operators.create(name, kind, wanted)

    assert refusal.value.status == 400


def test_an_update_needs_the_configuration_too(sim: Simulator, account: Account) -> None:
    path = f"/v2/Operators/Custom/{by_name(account, 'product-feedback')}"
    answer = sim.http_client().request(
        "POST",
        f"https://intelligence.twilio.com{path}",
        data={"FriendlyName": "renamed"},
        auth=(account.account_sid, account.auth_token),
    )

    assert answer.status_code == 400
    assert "Config" in json.loads(answer.text)["message"]


def test_what_is_not_there_is_not_found(sim: Simulator, client: Sdk) -> None:
    intelligence = client.intelligence.v2
    for one in (intelligence.operators, intelligence.custom_operators, intelligence.prebuilt_operators):
        with pytest.raises(TwilioRestException) as refusal:
            one("LY" + UNKNOWN).fetch()
        assert (refusal.value.status, refusal.value.code) == (404, 20404)
    sim.check()
