"""`callscribe doctor`: each thing that is wired wrongly is found by its own check, with what to do about it."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import Result

from callscribe.adapters.items import SWEEP_KEY
from callscribe.usecases.incoming_call import static_document
from callscribe_tools.local_callscribe import settings_document
from callscribe_tools.operator import dead_letters
from callscribe_tools.operator.commands import doctor as command
from callscribe_tools.operator.doctor import services, webhooks, work
from callscribe_tools.operator.doctor.examine import examine
from callscribe_tools.operator.doctor.finding import Finding, State, guarded
from callscribe_tools.operator.environment import deployed as find
from callscribe_tools.operator.local import Local
from callscribe_tools.simulator import PhoneNumber, Scenario, Simulator, load_scenario
from callscribe_tools.simulator.account import IntelligenceService
from callscribe_tools.simulator.server import serving
from harness.answers import answer as refuse
from harness.deployed import NAME, Deployed
from harness.emf import metrics_in
from harness.events import FALLBACK_HOST, HOST, load_event
from harness.later import work as let_work
from harness.stack import NUMBER, SERVICE_SID, Gateway, Stack, aws

SERVICE, CALLED = f"Service {SERVICE_SID}", "number …0199"
TOKEN = "0123456789abcdef0123456789abcdef"


class Carrier(httpx.BaseTransport):
    """Carries requests to the handlers, and keeps what they print; `answers` has what comes instead, by the path."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.answers: dict[str, httpx.Response | Exception] = {}
        self.hosts: set[str] = set()
        self.printed = io.StringIO()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.hosts.add(request.url.host)
        match self.answers.get(request.url.path):
            case Exception() as error:
                raise error
            case httpx.Response() as answer:
                return answer
        with redirect_stdout(self.printed):
            return self._gateway.handle_request(request)


@dataclass
class Setup:
    """Everything that may be broken."""

    stack: Stack
    twilio: Simulator
    deployed: Deployed
    carrier: Carrier
    document: dict[str, Any]

    def write(self, **settings: Any) -> None:
        """Write settings on top of those there are."""
        self.document |= settings
        self.stack.write_settings(self.document)

    @property
    def number(self) -> PhoneNumber:
        return self.twilio.account.numbers[NUMBER]

    @property
    def service(self) -> IntelligenceService:
        return self.twilio.account.services[SERVICE_SID]

    def examined(self) -> dict[str, Finding]:
        found = list(examine(NAME, "", lambda _: None, lambda _: self.carrier))
        by_name = {one.name: one for one in found}
        assert len(by_name) == len(found)
        return by_name


@pytest.fixture
def setup(
    stack: Stack,
    twilio: Simulator,
    deployed: Deployed,
    gateway: Gateway,
    twilio_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Setup:
    """All is wired as the stack's outputs say, but no call has come."""
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)
    twilio.account.numbers[NUMBER].voice_url = f"https://{HOST}/incoming-call#rc=3&rp=5xx,ct,rt"
    return Setup(stack, twilio, deployed, Carrier(gateway), settings_document(twilio.account, twilio_url))


@pytest.fixture
def well(setup: Setup, scenario: Scenario) -> Setup:
    """The same after a call."""
    store_a_call(setup, scenario)
    return setup


def store_a_call(setup: Setup, scenario: Scenario) -> None:
    setup.twilio.place_call(scenario, to=NUMBER)
    let_work(setup.stack)
    setup.twilio.complete_transcripts()
    let_work(setup.stack)
    sweep(setup)


def sweep(setup: Setup) -> None:
    setup.stack.invoke("sweep", load_event("sweep", "every_few_minutes"))


@pytest.fixture
def on_the_command_line(setup: Setup, callscribe: Callable[..., Result], monkeypatch: Any) -> Callable[..., Result]:
    monkeypatch.setattr(command, "examine", partial(examine, carry=lambda _: setup.carrier))
    return partial(callscribe, "doctor")


def test_where_all_is_well_only_what_nobody_can_see_is_not_known(well: Setup) -> None:
    found = well.examined()
    assert {name: one.told for name, one in found.items() if one.state is State.BROKEN} == {}
    assert {name for name, one in found.items() if one.state is State.UNKNOWN} == {
        "PCI mode",
        "dual-channel conference recordings",
    }
    assert all(bool(one.remedy) == (one.state is not State.OK) for one in found.values())
    assert well.carrier.hosts == {FALLBACK_HOST, HOST}


def test_what_is_forged_is_refused_for_its_signature_alone(setup: Setup, logged: Callable[[], str]) -> None:
    setup.examined()
    refused = [json.loads(line) for line in logged().splitlines() if "webhook refused" in line]
    assert [one["reason"] for one in refused] == ["the signature fits no auth token"] * 4


def test_what_is_forged_is_not_counted_among_what_calls_somebody(setup: Setup) -> None:
    setup.examined()
    told = metrics_in(setup.carrier.printed.getvalue(), "WebhooksRefused")
    assert [one.by for one in told] == ["doctor"] * 4


def test_examining_changes_nothing(well: Setup) -> None:
    items, asked = well.stack.items(), len(well.twilio.state.calls)
    well.examined()
    assert well.stack.items() == items
    assert well.stack.queued() == {}
    assert len(well.twilio.state.calls) == asked


type Breaks = Callable[[Setup], object]


def put(what: Callable[[Setup], object], **fields: Any) -> Breaks:
    """Break fields of what is there."""

    def do(setup: Setup) -> None:
        for name, value in fields.items():
            assert hasattr(what(setup), name)
            setattr(what(setup), name, value)

    return do


def bury(setup: Setup) -> None:
    url = setup.stack.physical_ids["RecordingsDeadLetters"]
    aws("sqs").send_message(QueueUrl=url, MessageBody="CallSid=CA" + "1" * 32)


def fail_a_call(setup: Setup) -> None:
    setup.twilio.place_call(load_scenario("transcript_fails"), to=NUMBER)
    setup.twilio.unknowns.failed_transcript_webhook = "available"
    let_work(setup.stack)
    setup.twilio.complete_transcripts()
    let_work(setup.stack)


def be_of_another_version(setup: Setup) -> None:
    setup.deployed.changed["Version"] = "0.0.9"


def be_static(setup: Setup) -> None:
    setup.carrier.answers["/incoming-call"] = httpx.Response(
        200, text=static_document("/incoming-call", {}, f"https://{HOST}")
    )


def answer(path: str, status: int) -> Breaks:
    return lambda setup: setup.carrier.answers.update({path: httpx.Response(status)})


def be_far_behind(setup: Setup) -> None:
    setup.stack.table().update_item(
        Key=SWEEP_KEY,
        UpdateExpression="SET swept_until = :early, whole_until = :early",
        ExpressionAttributeValues={":early": 1_700_000_000},
    )


def never_sweep(setup: Setup) -> None:
    setup.stack.table().delete_item(Key=SWEEP_KEY)


def unreachable(setup: Setup) -> None:
    setup.carrier.answers["/incoming-call"] = httpx.ConnectError("refused")


def the_number(setup: Setup) -> PhoneNumber:
    return setup.number


def the_service(setup: Setup) -> IntelligenceService:
    return setup.service


def the_account(setup: Setup) -> Any:
    return setup.twilio.account


def the_stack(setup: Setup) -> Any:
    return setup.deployed


def record(**fields: Any) -> Breaks:
    """Let the account have a setting, and record a call by it."""

    def do(setup: Setup) -> None:
        put(the_account, **fields)(setup)
        setup.twilio.place_call(load_scenario("cannot_log_in"), to=NUMBER)

    return do


BROKEN: dict[str, tuple[Breaks, str, str]] = {
    "a stack whose deployment failed": (put(the_stack, status="UPDATE_ROLLBACK_FAILED"), "stack", "sam deploy"),
    "a stack without an address": (
        lambda setup: setup.deployed.changed.update(CallEventsName=None),
        "stack",
        "sam deploy",
    ),
    "settings that are wrong": (
        lambda setup: setup.stack.write_settings({}),
        "settings",
        "callscribe secret set",
    ),
    "settings without a number": (lambda setup: setup.write(numbers={}), "settings", "callscribe setup apply"),
    "an API key that is not taken": (
        lambda setup: setup.write(api_key_secret="another"),
        "API key",
        "callscribe secret set",
    ),
    "an API key that may not read recordings": (
        lambda setup: refuse(setup.twilio, "GET", "/2010-04-01/Accounts/{account}/Recordings.json", 403),
        "API key: recordings",
        "Let it read recordings",
    ),
    "an API key that may not read transcripts": (
        lambda setup: refuse(setup.twilio, "GET", "/v2/Transcripts", 403),
        "API key: transcripts",
        "Let it read transcripts",
    ),
    "an auth token that is not taken": (
        lambda setup: setup.write(auth_tokens=["f" * 32]),
        "auth token",
        "write it first in auth_tokens",
    ),
    "a suspended account": (put(the_account, status="suspended"), "auth token", "Twilio's console"),
    "another product": (put(the_account, other_product=True), "Conversational Intelligence", "Twilio's support"),
    "a Service that is not there": (
        lambda setup: setup.twilio.account.services.clear(),
        SERVICE,
        "callscribe setup apply",
    ),
    "a Service that transcribes by itself": (
        put(the_service, auto_transcribe=True),
        f"{SERVICE}: auto-transcribe",
        "Switch it off: callscribe setup apply",
    ),
    "a Service without a webhook": (
        put(the_service, webhook_url=None),
        f"{SERVICE}: webhook",
        "callscribe setup apply",
    ),
    "a Service without the token in its webhook": (
        lambda setup: setup.write(webhook_path_token="t" * 40),
        f"{SERVICE}: webhook",
        "callscribe setup apply",
    ),
    "a Service whose webhook is by GET": (
        put(the_service, webhook_http_method="GET"),
        f"{SERVICE}: webhook",
        "callscribe setup apply",
    ),
    "a Service in a language that nobody transcribes": (
        put(the_service, language_code="ja-JP"),
        f"{SERVICE}: language",
        "create another",
    ),
    "a Service that encrypts transcripts": (
        put(the_service, encryption_credential_sid="CR" + "1" * 32),
        f"{SERVICE}: encryption",
        "without an encryption credential",
    ),
    "a Service without operators": (
        put(the_service, operator_sids=[]),
        f"{SERVICE}: operators",
        "Attach at least one",
    ),
    "a number of somebody else's": (lambda setup: setup.twilio.account.numbers.clear(), CALLED, "Buy it"),
    "a number on a trunk": (put(the_number, trunk_sid="TK" + "1" * 32), f"{CALLED}: bound", "from its trunk"),
    "a number of an application": (
        put(the_number, voice_application_sid="AP" + "1" * 32),
        f"{CALLED}: bound",
        "from its TwiML application",
    ),
    "a number that calls another stack": (
        put(the_number, voice_url="https://example.com/incoming-call"),
        f"{CALLED}: call comes in",
        "callscribe setup apply",
    ),
    "a number that calls without retries": (
        put(the_number, voice_url=f"https://{HOST}/incoming-call"),
        f"{CALLED}: call comes in",
        "callscribe setup apply",
    ),
    "a number that calls by GET": (
        put(the_number, voice_method="GET"),
        f"{CALLED}: call comes in",
        "callscribe setup apply",
    ),
    "a number without a fallback": (
        put(the_number, voice_fallback_url=None),
        f"{CALLED}: handler fails",
        "callscribe setup apply",
    ),
    "a number that asks the fallback of 0.1.0 by GET": (
        put(the_number, voice_fallback_url=f"https://{HOST}/voice-fallback", voice_fallback_method="GET"),
        f"{CALLED}: handler fails",
        "callscribe setup apply",
    ),
    "a number whose fallback is of another stack": (
        put(the_number, voice_fallback_url="https://example.com/voice-fallback"),
        f"{CALLED}: handler fails",
        "callscribe setup apply",
    ),
    "a fallback that does not know a form": (
        answer("/twilio/voice-fallback/recorded", 415),
        webhooks.FALLBACK,
        "sam deploy",
    ),
    "a fallback whose answer is no TwiML to Twilio": (
        lambda setup: setup.carrier.answers.update(
            {"/twilio/voice-fallback/recorded": httpx.Response(200, json={"is": "<Response/>"})}
        ),
        webhooks.FALLBACK,
        "sam deploy",
    ),
    "a number that does not tell that calls end": (
        put(the_number, status_callback=None),
        f"{CALLED}: status changes",
        "callscribe setup apply",
    ),
    "a stack of another version": (be_of_another_version, "version", "sam deploy"),
    "encrypted recordings": (record(recording_encryption=True), "recording encryption", "disable"),
    "recordings in a bucket": (
        record(external_storage="https://bucket.s3.amazonaws.com"),
        "recording storage",
        "disable",
    ),
    "an API that nobody answers": (unreachable, "signed /incoming-call", "Check the network"),
    "a call that is refused": (answer("/incoming-call", 403), "signed /incoming-call", "within five minutes"),
    "a call that fails": (answer("/incoming-call", 500), "signed /incoming-call", "/callscribe-dev/incoming_call"),
    "a call answered by no TwiML": (answer("/incoming-call", 200), "signed /incoming-call", "says why"),
    "a call answered as in trouble": (be_static, "signed /incoming-call", "says why"),
    **{
        f"{path} lets anybody in": (answer(path, 204), f"forged {path}", "sam deploy")
        for path in ("/incoming-call", "/call-status", "/ci-create-transcript", "/ci-webhook")
    },
    "a dead letter": (bury, "dead letters of recordings", "callscribe failed"),
    "a recording that failed": (fail_a_call, "recordings", "callscribe failed"),
    "a sweep that is far behind": (be_far_behind, "sweep", "callscribe sweep"),
    "a sweep that never was": (never_sweep, "sweep", "callscribe sweep"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_found_with_what_to_do(well: Setup, what: str) -> None:
    breaks, name, remedy = BROKEN[what]
    assert well.examined()[name].state is State.OK
    breaks(well)
    found = well.examined()[name]
    assert found.state is State.BROKEN
    assert remedy in found.remedy
    assert found.told


def test_how_it_is_wired_is_not_broken_by_what_has_failed_before(
    well: Setup, on_the_command_line: Callable[..., Result]
) -> None:
    bury(well)
    fail_a_call(well)
    assert on_the_command_line().exit_code == 1
    told = on_the_command_line("--wiring")
    assert told.exit_code == 0
    assert f"forged {webhooks.CI_WEBHOOK}" in told.stdout
    assert "dead letters" not in told.stdout


def test_a_pipeline_does_not_fail_between_a_deployment_and_setup_apply(
    well: Setup, on_the_command_line: Callable[..., Result]
) -> None:
    well.number.voice_fallback_url = f"https://{HOST}/voice-fallback"
    printed = on_the_command_line("--wiring")
    assert (printed.exit_code, "fallback of version 0.1.0" in printed.stdout) == (0, True)


ONE_BY_ONE = [name for name, (_, where, _) in BROKEN.items() if where.startswith((SERVICE + ":", CALLED + ":"))]


@pytest.mark.parametrize("what", ONE_BY_ONE)
def test_one_thing_that_is_wired_wrongly_is_one_thing_that_is_broken(well: Setup, what: str) -> None:
    breaks, name, _ = BROKEN[what]
    breaks(well)
    assert [one.name for one in well.examined().values() if one.state is State.BROKEN] == [name]


UNKNOWN: dict[str, tuple[Breaks, str, str]] = {
    "a stack that is being deployed": (put(the_stack, status="UPDATE_IN_PROGRESS"), "stack", "Try again"),
    "a number greeted in another language": (
        lambda setup: setup.write(numbers={NUMBER: {"service_sid": SERVICE_SID, "language": "de-DE"}}),
        f"{CALLED}: language",
        "If that is not meant",
    ),
    "a default recording configuration": (
        put(the_account, default_recording_configuration={"encryption": True}),
        "default recording configuration",
        "AccountDefaultConfiguration",
    ),
    "messages that wait": (
        lambda setup: setup.twilio.place_call(load_scenario("cannot_log_in"), to=NUMBER),
        "queue of recordings",
        "Look again",
    ),
    "a number whose fallback is of 0.1.0": (
        put(the_number, voice_fallback_url=f"https://{HOST}/voice-fallback"),
        f"{CALLED}: handler fails",
        "callscribe setup apply",
    ),
    "no call that is stored": (lambda setup: setup.stack.empty_calls(), "last call", "Call a number"),
}


def test_a_checkpoint_that_lags_behind_what_was_compared_is_no_finding(well: Setup) -> None:
    progress = well.stack.table().get_item(Key=SWEEP_KEY)["Item"]
    well.stack.table().put_item(Item=progress | {"swept_until": 1_700_000_000})
    assert well.examined()["sweep"].state is State.OK


def test_postponed_messages_alone_are_no_finding(well: Setup) -> None:
    well.stack.postponed("RecordingsQueue", ["of a number with a wrong Service"] * 3)
    found = well.examined()["queue of recordings"]
    assert (found.state, "3 are being worked on or are postponed" in found.told) == (State.OK, True)


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_may_be_meant_is_told_and_is_not_broken(well: Setup, what: str) -> None:
    breaks, name, remedy = UNKNOWN[what]
    breaks(well)
    found = well.examined()
    assert found[name].state is State.UNKNOWN
    assert remedy in found[name].remedy
    assert not [one for one in found.values() if one.state is State.BROKEN]


def test_a_webhook_under_its_token_is_this_stacks(well: Setup) -> None:
    well.write(webhook_path_token="t" * 40)
    well.service.webhook_url = f"https://{HOST}/ci-webhook/{'t' * 40}"
    assert well.examined()[f"{SERVICE}: webhook"].state is State.OK


def test_a_stack_of_a_minute_ago_need_not_have_swept(setup: Setup) -> None:
    setup.deployed.created += work.LATE * 24000
    assert setup.examined()["sweep"].state is State.UNKNOWN


def test_an_account_that_has_recorded_nothing_cannot_be_told_of(setup: Setup) -> None:
    found = setup.examined()
    assert found["recording encryption"].state is found["recording storage"].state is State.UNKNOWN


def test_without_the_stack_nothing_else_is_looked_at(setup: Setup) -> None:
    setup.deployed.denied = True
    found = setup.examined()
    assert found["stack"].state is State.BROKEN
    assert "You may not do that" in found["stack"].told
    assert found["everything else"].state is State.UNKNOWN
    assert set(found) == {"AWS credentials", "stack", "everything else"}


@pytest.mark.parametrize(("variable", "told"), [("AWS_ACCESS_KEY_ID", "none"), ("AWS_DEFAULT_REGION", "no region")])
def test_without_credentials_or_a_region_it_says_so(
    setup: Setup, variable: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (variable, variable.replace("DEFAULT_", ""), variable.replace("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    found = setup.examined()["AWS credentials"]
    assert found.state is State.BROKEN
    assert told in found.told


def test_an_error_of_a_check_is_what_it_found_and_the_next_goes_on(
    well: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise KeyError("+12025550142")

    monkeypatch.setattr(services, "service", fails)
    found = well.examined()
    assert found[SERVICE].state is State.BROKEN
    assert "KeyError" in found[SERVICE].told
    assert "2025550142" not in found[SERVICE].told
    assert found[CALLED].state is State.OK


def test_a_stack_on_this_machine_is_reached_there(setup: Setup) -> None:
    assert setup.stack.physical_ids
    environment = find(NAME)
    assert webhooks.transport_to(environment) is None
    heard: list[str] = []

    async def refuse(request: Request) -> Response:
        heard.append(request.url.path)
        return Response(status_code=403)

    app = Starlette(routes=[Route("/{path:path}", refuse, methods=["POST"])])
    with serving(app) as url:
        local = replace(environment, local=Local(aws_url=url, region="us-east-1", twilio_url=url, process=1))
        (found,) = webhooks.forged(local, local.settings(), "/ci-webhook", webhooks.transport_to(local))
    assert found.state is State.OK
    assert heard == ["/ci-webhook"]


def test_the_command_ends_by_1_only_where_something_is_broken(
    well: Setup, on_the_command_line: Callable[..., Result]
) -> None:
    result = on_the_command_line()
    assert result.exit_code == 0
    assert "✓ auth token: Twilio takes it" in result.stdout
    assert "? PCI mode: " in result.stdout
    assert "✗" not in result.stdout
    assert result.stderr.endswith(" fine, 0 broken, 2 unknown.\n")
    well.service.auto_transcribe = True
    result = on_the_command_line()
    assert result.exit_code == 1
    assert f"✗ {SERVICE}: auto-transcribe: It is on" in result.stdout
    assert "\n    Switch it off: callscribe setup apply\n" in result.stdout


def test_scripts_read_the_findings(well: Setup, on_the_command_line: Callable[..., Result]) -> None:
    well.write(auth_tokens=["f" * 32])
    result = on_the_command_line("--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["stack"] == NAME
    (found,) = [one for one in document["findings"] if one["name"] == "auth token"]
    assert found["state"] == "broken"
    assert set(found) == {"name", "state", "told", "remedy"}


@pytest.mark.parametrize("what", BROKEN)
def test_no_secret_and_no_whole_number_is_told(well: Setup, what: str) -> None:
    well.write(webhook_path_token="t" * 40)
    BROKEN[what][0](well)
    told = json.dumps([one.as_json() for one in well.examined().values()])
    for secret in (TOKEN, "nobodys-secret", "t" * 40, "f" * 32, NUMBER):
        assert secret not in told


def test_what_is_not_foreseen_is_named_by_its_kind_alone() -> None:
    def fails() -> list[Finding]:
        raise ValueError("anything")

    (found,) = guarded("a check", fails)
    assert found.state is State.BROKEN
    assert "ValueError" in found.told
    assert "anything" not in found.told


@pytest.mark.parametrize(
    ("number", "state", "told"),
    [
        ({"notice": "a" * 3001}, State.BROKEN, "callers hear the default texts in English: notice is too long"),
        ({"greeting": " "}, State.BROKEN, "greeting has no letter"),
        ({"language": "ja-JP", "voice": "Polly.Joanna"}, State.BROKEN, "voice speaks en-US"),
        ({"voice": "nobody"}, State.BROKEN, "voice must be one of Twilio's"),
        ({"voice": "Polly.Tiffany-Neural"}, State.BROKEN, "callers hear the texts in the account's default voice"),
        ({"voice": "Polly.Tiffany-Neural", "unlisted_voice": True}, State.UNKNOWN, "does not know the voice"),
        ({"notice": "この通話は録音されます。"}, State.BROKEN, "notice has no letter that en-US is written with"),
        ({"flow": "dial", "agent": "+12345678"}, State.BROKEN, "no agent is called"),
        ({"notice": ""}, State.UNKNOWN, "callers are not told that they are recorded"),
    ],
)
def test_texts_that_twilio_would_not_speak_are_found(
    number: dict[str, Any], state: State, told: str, setup: Setup
) -> None:
    numbers = setup.document["numbers"]
    setup.stack.write_numbers({"numbers": {NUMBER: {**numbers[NUMBER], **number}}})
    found = setup.examined()[f"number …{NUMBER[-4:]}: texts"]
    assert (found.state, told in found.told) == (state, True)
    assert found.remedy


def test_a_stored_number_that_cannot_be_called_is_found_and_stops_no_other_check(setup: Setup) -> None:
    numbers = setup.document["numbers"]
    setup.stack.write_numbers({"numbers": {**numbers, "+1555123": numbers[NUMBER]}})
    examined = setup.examined()
    found = examined["number …5123"]
    assert (found.state, "the number is left out" in found.told) == (State.BROKEN, True)
    assert examined[f"number …{NUMBER[-4:]}: texts"].state is State.OK
