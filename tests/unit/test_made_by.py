"""Each operator result says what made it, so that results of different prompts are never mixed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from callscribe.adapters import held_answers, twilio_api
from callscribe.adapters.twilio_api import TwilioApi
from callscribe_tools.simulator import Operator, Simulator
from callscribe_tools.simulator.clock import now
from harness.answers import answer, recover
from harness.seeded import CALL_SID, TRANSCRIPT_SID
from harness.stack import SERVICE_SID, Stack
from harness.workers import DONE, RESULTS, comes_back, page, state, webhook_of

OPERATOR_SID = "LY" + "1" * 32
NOTHING = {"operator_version": None, "configuration_sha256": None}

type Change = Callable[[Simulator], Any]


@pytest.fixture
def made(transcribed: Stack, twilio: Simulator) -> Stack:
    """The stack; at Twilio a transcript was asked for an hour after its operators and its Service were last changed."""
    twilio.state.transcripts[TRANSCRIPT_SID].created = now()
    before = now() - timedelta(hours=1)
    for operator in twilio.account.operators.values():
        operator.updated = before
    twilio.account.services[SERVICE_SID].updated = before
    return transcribed


def made_by(stack: Stack) -> dict[str, Any]:
    """What the first result says of its making, once it is stored (again)."""
    # As by a function that has just started: nothing is held.
    twilio_api.connection.cache_clear()
    assert stack.invoke("store_insights", webhook_of()) == DONE
    result = stack.read(CALL_SID).insights[0].results[0]
    assert result["operator_sid"] == OPERATOR_SID
    told: dict[str, Any] = result["made_by"]
    return told


def operator(twilio: Simulator) -> Operator:
    return twilio.account.operators[OPERATOR_SID]


def test_a_result_tells_the_versions_and_the_configuration_that_made_it(made: Stack, twilio: Simulator) -> None:
    operator(twilio).version = 4
    twilio.account.services[SERVICE_SID].version = 7
    told = made_by(made)
    assert (told["operator_version"], told["service_version"]) == (4, 7)
    assert len(bytes.fromhex(told["configuration_sha256"])) == 32


def test_the_same_configuration_in_another_order_has_the_same_hash(made: Stack, twilio: Simulator) -> None:
    before = made_by(made)["configuration_sha256"]
    config = operator(twilio).config
    assert config
    schema = config["json_result_schema"]
    turned = {name: schema[name] for name in reversed(schema)}
    operator(twilio).config = {"json_result_schema": turned, "prompt": config["prompt"]}
    assert list(turned) != list(schema)
    assert made_by(made)["configuration_sha256"] == before


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.config.update(prompt="Say what the caller wants, and in what mood."),
        lambda one: one.config["json_result_schema"]["required"].reverse(),
        lambda one: one.config.update(examples=[{"input": "a", "output": "b"}]),
        lambda one: setattr(one, "operator_type", "Generative"),
    ],
    ids=["prompt", "schema", "examples", "type"],
)
def test_another_configuration_has_another_hash(
    change: Callable[[Operator], None], made: Stack, twilio: Simulator
) -> None:
    before = made_by(made)["configuration_sha256"]
    change(operator(twilio))
    assert made_by(made)["configuration_sha256"] not in {before, None}


def test_a_prebuilt_operator_is_known_by_its_type(made: Stack) -> None:
    made_by(made)
    hashes = [one["made_by"]["configuration_sha256"] for one in made.read(CALL_SID).insights[0].results]
    assert None not in hashes
    assert len(set(hashes)) == 3


def test_what_an_operator_changed_since_made_cannot_be_told(made: Stack, twilio: Simulator) -> None:
    operator(twilio).updated = now() + timedelta(seconds=1)
    assert made_by(made) == {"service_version": 1, **NOTHING}
    # Those of the others can.
    others = made.read(CALL_SID).insights[0].results[1:]
    assert all(one["made_by"]["configuration_sha256"] for one in others)


def test_what_an_operator_deleted_since_made_cannot_be_told(made: Stack, twilio: Simulator) -> None:
    del twilio.account.operators[OPERATOR_SID]
    assert made_by(made) == {"service_version": 1, **NOTHING}


def test_which_version_of_a_service_changed_since_made_it_cannot_be_told(made: Stack, twilio: Simulator) -> None:
    twilio.account.services[SERVICE_SID].updated = now() + timedelta(seconds=1)
    told = made_by(made)
    assert told["service_version"] is None
    assert told["configuration_sha256"]


def test_the_transcript_of_a_service_deleted_since_is_stored(made: Stack, twilio: Simulator) -> None:
    del twilio.account.services[SERVICE_SID]
    told = made_by(made)
    assert (told["service_version"], told["operator_version"]) == (None, 1)
    assert state(made) == ("stored", None)


def test_a_transcript_that_does_not_tell_when_it_was_asked_for_is_ascribed_to_nothing(
    made: Stack, twilio: Simulator
) -> None:
    body = (
        f'{{"sid": "{TRANSCRIPT_SID}", "service_sid": "{SERVICE_SID}", "status": "completed", "channel": null, '
        f'"customer_key": "{CALL_SID}", "date_created": null}}'
    )
    assert made_by(made)["service_version"]
    answer(twilio, "GET", "/v2/Transcripts/{sid}", 200, body)
    assert made_by(made) == {"service_version": None, **NOTHING}


@pytest.mark.parametrize("path", ["/v2/Services/{sid}", "/v2/Operators"])
@pytest.mark.parametrize(("status", "body"), [(503, "<html>"), (429, "{}"), (200, "<html>")])
def test_while_results_may_still_come_the_message_comes_back_for_what_made_them(
    path: str, status: int, body: str, made: Stack, twilio: Simulator
) -> None:
    """Without the Service nobody knows which results are missing."""
    made.variables["RESULTS_SECONDS"] = "900"
    twilio.state.transcripts[TRANSCRIPT_SID].updated = now()
    answer(twilio, "GET", path, status, body)
    assert made.invoke("store_insights", webhook_of()) == comes_back(webhook_of())
    assert (made.recordings(), made.queued()) == ([], {})
    recover(twilio)
    assert made_by(made)["configuration_sha256"]


@pytest.mark.parametrize("path", ["/v2/Services/{sid}", "/v2/Operators"])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((status, "{}") for status in (404, 200, 403, 401, 500, 429)),
        (400, '{"code": 20001}'),
        (503, "<html>"),
        (200, "[]"),
        (200, "<html>"),
        (200, "[" * 100_000),
    ],
)
def test_no_call_depends_on_an_answer_about_it(
    path: str, status: int, body: str, made: Stack, twilio: Simulator
) -> None:
    answer(twilio, "GET", path, status, body)
    told = made_by(made)
    assert (state(made), made.queued()) == (("stored", None), {})
    assert told["configuration_sha256"] is None or path == "/v2/Services/{sid}"
    assert None in told.values()


@pytest.mark.parametrize("odd", ['{"version": "new"}', '{"sid": null}', '{"date_updated": "today", "version": 1}'])
def test_an_odd_operator_does_not_hide_the_others(odd: str, made: Stack, twilio: Simulator) -> None:
    good = (
        f'{{"sid": "{OPERATOR_SID}", "operator_type": "GenerativeJSON", "config": {{}}, "version": 2, '
        '"date_updated": "2020-01-01T00:00:00Z"}'
    )
    answer(twilio, "GET", "/v2/Operators", 200, page("operators", odd, good))
    assert made_by(made)["operator_version"] == 2


def test_a_forbidden_answer_costs_no_time_either(made: Stack, twilio: Simulator) -> None:
    made.variables["RESULTS_SECONDS"] = "900"
    twilio.state.transcripts[TRANSCRIPT_SID].updated = now()
    for path in ("/v2/Services/{sid}", "/v2/Operators"):
        answer(twilio, "GET", path, 403)
    assert made_by(made) == {"service_version": None, **NOTHING}
    assert state(made) == ("stored", None)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, int]]:
    """How often Services and Operators were asked for."""
    urls: list[str] = []
    send = TwilioApi._send

    def counted(self: TwilioApi, method: str, url: str, *rest: Any) -> Any:
        urls.append(url)
        return send(self, method, url, *rest)

    monkeypatch.setattr(TwilioApi, "_send", counted)
    return lambda: {kind: sum(f"/v2/{kind}" in url for url in urls) for kind in ("Services", "Operators")}


def test_one_warm_function_asks_once_for_the_messages_of_five_minutes(
    made: Stack, asked: Callable[[], dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        assert made.invoke("store_insights", webhook_of()) == DONE
    assert asked() == {"Services": 1, "Operators": 1}
    assert made.read(CALL_SID).insights[0].results[0]["made_by"]["operator_version"] == 1
    monkeypatch.setattr(held_answers, "HELD_FOR", timedelta(0))
    assert made.invoke("store_insights", webhook_of()) == DONE
    assert asked() == {"Services": 2, "Operators": 2}


def test_a_held_answer_is_never_ascribed_to_a_transcript_that_was_asked_for_later(
    made: Stack, twilio: Simulator, asked: Callable[[], dict[str, int]]
) -> None:
    """The operator may have been changed between the answer and the transcript."""
    assert made.invoke("store_insights", webhook_of()) == DONE
    operator(twilio).version, operator(twilio).updated = 2, now()
    twilio.state.transcripts[TRANSCRIPT_SID].created = now() + timedelta(seconds=1)
    assert made.invoke("store_insights", webhook_of()) == DONE
    assert asked() == {"Services": 2, "Operators": 2}
    assert made.read(CALL_SID).insights[0].results[0]["made_by"]["operator_version"] == 2


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_refusal_is_not_held(
    status: int, made: Stack, twilio: Simulator, asked: Callable[[], dict[str, int]]
) -> None:
    answer(twilio, "GET", "/v2/Operators", status)
    assert made.invoke("store_insights", webhook_of()) == DONE
    recover(twilio)
    assert made.invoke("store_insights", webhook_of()) == DONE
    assert asked() == {"Services": 1, "Operators": 2}
    assert made.read(CALL_SID).insights[0].results[0]["made_by"]["operator_version"] == 1


def test_no_account_gets_the_answers_of_another_and_not_all_are_held() -> None:
    one, other = (twilio_api.connection(f"AC{number}", "SK", "secret", None, 1.0, 0).held for number in range(2))
    assert one.answer("operators", None, lambda: "one") == "one"
    assert other.answer("operators", None, lambda: "other") == "other"
    assert one.answer("operators", None, lambda: "not asked") == "one"
    for number in range(held_answers.MOST_HELD):
        one.answer(str(number), None, lambda: "another")
    assert one.answer("operators", None, lambda: "asked again") == "asked again"


def test_a_call_without_results_asks_for_no_configuration_of_operators(made: Stack, twilio: Simulator) -> None:
    answer(twilio, "GET", RESULTS, 200, page("operator_results"))
    asked = answer(twilio, "GET", "/v2/Operators", 500)
    assert made.invoke("store_insights", webhook_of()) == DONE
    assert (state(made), asked) == (("stored", None), [])
