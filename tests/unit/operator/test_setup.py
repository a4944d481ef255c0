"""`callscribe setup`: an account at Twilio becomes what callscribe.toml says, killed anywhere, and back again."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from callscribe.adapters import settings_item
from callscribe.domain.errors import ChangedError, PermanentError
from callscribe.domain.settings import SettingsError
from callscribe_tools.local_aws.paths import ROOT
from callscribe_tools.local_callscribe import NUMBERS, write_settings
from callscribe_tools.operator.cli import app
from callscribe_tools.operator.console import Console as TwilioConsole
from callscribe_tools.operator.environment import Env, Environment
from callscribe_tools.operator.environment import deployed as environment_named
from callscribe_tools.operator.errors import OperatorError, RefusedError
from callscribe_tools.operator.setup.applying import apply_setup, carry_out, plan_setup
from callscribe_tools.operator.setup.changes import Change
from callscribe_tools.operator.setup.config import Config
from callscribe_tools.operator.setup.config_file import default_file, load
from callscribe_tools.operator.setup.destroying import plan_destruction, plan_release
from callscribe_tools.operator.setup.ownership import SETUP_KEY, ownership_of
from callscribe_tools.operator.setup.report import grouped, summarised
from callscribe_tools.operator.setup.schema_rules import mistakes
from callscribe_tools.simulator import Account, PhoneNumber, Simulator
from harness.aws_faults import once, unheard
from harness.deployed import Deployed
from harness.events import HOST
from harness.mock_api import FALLBACK_URL
from harness.stack import NUMBER, Gateway, Stack
from harness.template import REPOSITORY
from harness.wire import Send, Step, Wire

FILE = f"""
[services.english]
operators = ["Conversation Summary", "Sentiment Analysis"]
custom_operators = ["product-feedback"]

[custom_operators.product-feedback]
type = "GenerativeJSON"
prompt = "Say what it is about."
schema = {{ type = "object", properties = {{ category = {{ type = "string", enum = ["pricing", "other"] }} }} }}
examples = [{{ input = "How much?", output = {{ category = "pricing" }} }}]

[numbers."{NUMBER}"]
service = "english"
silence_seconds = 7
"""


@pytest.fixture
def setup(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`callscribe setup`; it may show the account's own numbers, which are what is configured."""
    assert environment.settings_store.secret()
    monkeypatch.chdir(REPOSITORY)

    def run(*args: str) -> Result:
        result = CliRunner().invoke(app, ["setup", *args], prog_name="callscribe")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return run


class KilledError(BaseException):
    """The command is killed: nothing catches this."""


@pytest.fixture
def twilio(gateway: Gateway) -> Simulator:
    """Twilio with a new customer's account, who has bought a number."""
    account = Account.bare()
    account.add(PhoneNumber(number=NUMBER))
    return Simulator(account, transport=gateway)


@pytest.fixture
def environment(empty_stack: Stack, deployed: Deployed, twilio: Simulator, twilio_url: str) -> Environment:
    """The stack, whose settings have credentials and nothing else."""
    assert deployed.stack is empty_stack
    account = twilio.account
    empty_stack.write_secret(
        {
            "account_sid": account.account_sid,
            "api_key_sid": account.api_key_sid,
            "api_key_secret": account.api_key_secret,
            "auth_tokens": [account.auth_token],
            "twilio_url": twilio_url,
        }
    )
    return environment_named("callscribe-dev")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "callscribe.toml"
    path.write_text(FILE)
    return path


@pytest.fixture
def config(file: Path) -> Config:
    return load(file, None)


def apply(environment: Environment, config: Config) -> list[str]:
    return [f"{one.what}: {one.field}" for one in apply_setup(environment, config, lambda _: None)]


def differing(environment: Environment, config: Config) -> list[tuple[str, str]]:
    _, plan = plan_setup(environment, config, lambda _: None)
    return [(one.what, one.field) for one in plan.changes]


def at_twilio(account: Account) -> dict[str, Any]:
    """Everything that setup makes, without SIDs, versions and dates."""
    return {
        "services": [
            (one.unique_name, one.webhook_url, one.webhook_http_method, one.auto_transcribe, names_of(account, one))
            for one in account.services.values()
        ],
        "operators": [
            (one.friendly_name, one.operator_type, deepcopy(one.config))
            for one in account.operators.values()
            if one.custom
        ],
        "numbers": [
            (one.number, one.voice_url, one.voice_fallback_url, one.status_callback, one.voice_method)
            for one in account.numbers.values()
        ],
    }


def names_of(account: Account, service: Any) -> list[str]:
    return sorted(account.operators[sid].friendly_name for sid in service.operator_sids)


def test_an_empty_account_is_wired_and_the_settings_are_written_before_the_numbers(
    environment: Environment, config: Config, twilio: Simulator
) -> None:
    done = apply(environment, config)
    kinds = list(dict.fromkeys(one.split(" ")[0] for one in done))
    assert kinds == ["operator", "Service", "settings", "number"]
    (service,) = twilio.account.services.values()
    assert (service.unique_name, service.auto_transcribe) == ("callscribe-dev-english", False)
    assert service.webhook_url == f"https://{HOST}/ci-webhook"
    assert names_of(twilio.account, service) == ["Conversation Summary", "Sentiment Analysis", "product-feedback"]
    number = twilio.account.numbers[NUMBER]
    assert number.voice_url == f"https://{HOST}/incoming-call#rc=3&rp=5xx,ct,rt"
    assert number.voice_fallback_url == FALLBACK_URL
    assert number.status_callback == f"https://{HOST}/call-status#rc=3&rp=5xx,ct,rt"
    settings = environment.settings()
    assert settings.numbers[NUMBER].service_sid == service.sid
    assert settings.numbers[NUMBER].silence_seconds == 7
    twilio.check()


def test_a_second_apply_changes_nothing(
    environment: Environment, config: Config, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(environment, config)
    before = at_twilio(twilio.account)
    wire = Wire()
    wire.attach(monkeypatch)
    assert apply(environment_named("callscribe-dev"), config) == []
    assert at_twilio(twilio.account) == before
    assert [one for one in wire.sent if "POST" in one or "DELETE" in one or "Put" in one or "Update" in one] == []


def _change_webhook(account: Account) -> None:
    next(iter(account.services.values())).webhook_url = "https://elsewhere.example.com"


def _change_prompt(account: Account) -> None:
    operator = next(one for one in account.operators.values() if one.config)
    assert operator.config
    operator.config["prompt"] = "Something else."


def _detach(account: Account) -> None:
    next(iter(account.services.values())).operator_sids.pop(0)


def _attach(account: Account) -> None:
    service = next(iter(account.services.values()))
    service.operator_sids.append(next(sid for sid in account.operators if sid not in service.operator_sids))


def _transcribe_all(account: Account) -> None:
    next(iter(account.services.values())).auto_transcribe = True


def _redact(account: Account) -> None:
    next(iter(account.services.values())).auto_redaction = True


def _set(name: str, value: str) -> Callable[[Account], None]:
    return lambda account: setattr(account.numbers[NUMBER], name, value)


DRIFTS: dict[str, Callable[[Account], None]] = {
    "webhook_url": _change_webhook,
    "prompt": _change_prompt,
    "operator Conversation Summary": _detach,
    "operator": _attach,
    "auto_transcribe": _transcribe_all,
    "auto_redaction": _redact,
    **{
        name: _set(name, "https://elsewhere.example.com/")
        for name in ("voice_url", "voice_fallback_url", "status_callback")
    },
    **{name: _set(name, "GET") for name in ("voice_method", "voice_fallback_method", "status_callback_method")},
}


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_made_by_hand_is_found_field_by_field_and_mended(
    name: str, environment: Environment, config: Config, twilio: Simulator
) -> None:
    apply(environment, config)
    before = at_twilio(twilio.account)
    DRIFTS[name](twilio.account)
    found = differing(environment, config)
    assert len(found) == 1
    assert found[0][1].startswith(name)
    assert len(apply(environment, config)) == 1
    assert at_twilio(twilio.account) == before
    assert differing(environment, config) == []


def test_what_was_done_is_said_of_each_object(environment: Environment, config: Config, twilio: Simulator) -> None:
    lines = list(summarised(apply_setup(environment, config, lambda _: None)))
    assert "operator product-feedback: created as product-feedback" in lines
    assert "Service english: created as callscribe-dev-english" not in lines
    (service,) = [line for line in lines if line.startswith("Service english:")]
    assert service.startswith("Service english: created as callscribe-dev-english; operator Conversation Summary, ")
    assert service.endswith(", operator product-feedback attached")
    (number,) = [line for line in lines if line.startswith("number ")]
    assert re.match(rf"number \{NUMBER}: adopted, PN\w{{32}}; .*voice_url, .* written", number)
    assert not [line for line in lines if "(itself)" in line]
    asked = plan_destruction(environment_named("callscribe-dev"), lambda _: None)
    assert asked
    assert "Service callscribe-dev-english: deleted" in list(summarised(asked[1].changes))
    assert twilio.account.services


def test_a_service_that_encrypts_transcripts_is_refused(
    environment: Environment, config: Config, twilio: Simulator
) -> None:
    apply(environment, config)
    next(iter(twilio.account.services.values())).encryption_credential_sid = "CR" + "1" * 32
    with pytest.raises(RefusedError, match="encrypts transcripts, and Callscribe cannot read them"):
        differing(environment, config)


def test_settings_changed_by_hand_are_found_and_mended(environment: Environment, config: Config) -> None:
    apply(environment, config)
    write_settings(environment, {"numbers": changed_number(environment, silence_seconds=3)})
    assert differing(environment, config) == [(f"settings of {NUMBER}", "silence_seconds")]
    apply(environment, config)
    assert environment.settings().numbers[NUMBER].silence_seconds == 7


def changed_number(environment: Environment, **settings: Any) -> dict[str, Any]:
    numbers = environment.settings_store.read().numbers["numbers"]
    return {**numbers, NUMBER: {**numbers[NUMBER], **settings}}


def unknown_to_the_functions(environment: Environment, twilio: Simulator) -> list[str]:
    """The numbers whose calls come to the stack, and which the functions do not find in the settings."""
    held = environment.settings_store.read().numbers.get("numbers", {})
    return [one.number for one in twilio.account.numbers.values() if HOST in one.voice_url and one.number not in held]


def test_killed_at_any_step_and_applied_again_it_comes_to_the_same_end(
    environment: Environment, config: Config, twilio: Simulator, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = environment.settings_store.secret()
    assert secret
    wire = Wire()
    wire.attach(monkeypatch)
    apply(environment_named("callscribe-dev"), config)
    expected, steps = at_twilio(twilio.account), len(wire.sent)
    assert steps > 15
    for kill_at in range(1, steps + 1):
        for answered in (False, True):
            _begin_again(environment, twilio, secret)
            _killed(wire, kill_at, answered=answered, run=lambda: apply(environment_named("callscribe-dev"), config))
            assert unknown_to_the_functions(environment, twilio) == [], (kill_at, answered)
            apply(environment_named("callscribe-dev"), config)
            assert at_twilio(twilio.account) == expected, (kill_at, answered)
            assert differing(environment_named("callscribe-dev"), config) == []
    assert gateway is not None


def test_destroyed_and_killed_at_any_step_no_number_is_left_that_the_functions_do_not_know(
    environment: Environment,
    config: Config,
    twilio: Simulator,
    setup: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = environment.settings_store.secret()
    assert secret
    wire = Wire()
    wire.attach(monkeypatch)
    apply(environment_named("callscribe-dev"), config)
    before = len(wire.sent)
    setup("destroy", "--yes")
    steps = len(wire.sent) - before
    assert steps > 8
    for kill_at in range(1, steps + 1):
        for answered in (False, True):
            _begin_again(environment, twilio, secret)
            apply(environment_named("callscribe-dev"), config)
            _killed(wire, kill_at, answered=answered, run=lambda: destroy(environment_named("callscribe-dev")))
            assert unknown_to_the_functions(environment, twilio) == [], (kill_at, answered)
            destroy(environment_named("callscribe-dev"))
            assert HOST not in twilio.account.numbers[NUMBER].voice_url, (kill_at, answered)
            assert environment.settings().numbers == {}


def destroy(environment: Environment) -> None:
    if asked := plan_destruction(environment, lambda _: None):
        for _ in carry_out(*asked, lambda _: None):
            pass


def test_settings_of_the_version_before_move_out_of_the_secret_and_are_at_no_moment_nowhere(
    environment: Environment, config: Config, twilio: Simulator, empty_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(environment, config)
    expected = environment.settings()
    as_before = empty_stack.settings_document() | {"recording_retention_days": 7}
    toml = config.model_copy(update={"recording_retention_days": 7})
    wire = Wire()
    wire.attach(monkeypatch)
    for kill_at in range(1, 50):
        environment.settings_store._table.delete_item(Key={"pk": "SETTINGS"})
        empty_stack.write_secret(as_before)
        assert differing(environment_named("callscribe-dev"), toml) == [("settings", "(itself)")]
        sent = len(wire.sent)
        _killed(wire, kill_at, answered=True, run=lambda: apply(environment_named("callscribe-dev"), toml))
        ended = len(wire.sent) - sent < kill_at
        assert environment.settings().numbers == expected.numbers
        assert environment.settings().recording_retention_days == 7
        apply(environment_named("callscribe-dev"), toml)
        assert environment.settings_store.secret().keys() == as_before.keys() - {  # type: ignore[union-attr]
            "numbers",
            "daily_minutes",
            "recording_retention_days",
        }
        assert environment.settings().numbers == expected.numbers
        assert differing(environment_named("callscribe-dev"), toml) == []
        if ended:
            break
    else:
        pytest.fail("it takes more steps than anybody has thought of")
    assert unknown_to_the_functions(environment, twilio) == []


def test_two_setups_at_once_do_not_overwrite_each_others_settings(
    environment: Environment, config: Config, twilio: Simulator
) -> None:
    apply(environment, config)
    shorter = config.model_copy(update={"daily_minutes": 7})
    found, plan = plan_setup(environment, shorter, lambda _: None)
    write_settings(environment_named("callscribe-dev"), {"numbers": changed_number(environment, silence_seconds=9)})
    with pytest.raises(OperatorError, match=r"Somebody else has written the settings.*Run it again"):
        list(carry_out(found, plan, lambda _: None))
    assert environment.settings().numbers[NUMBER].silence_seconds == 9
    assert environment.settings().daily_minutes == 1000
    twilio.check()


def test_a_write_whose_answer_is_lost_is_not_taken_for_somebody_elses(
    environment: Environment, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(environment, config)
    wire = Wire()
    wire.attach(monkeypatch)
    another = environment_named("callscribe-dev")
    number = next(index for index, step in enumerate(_puts(wire, another), start=1) if step == "dynamodb PutItem")
    stored = another.settings_store.read()
    with wire.meddling(once(number, unheard)):
        another.settings_store.write_numbers({**stored.numbers, "daily_minutes": 3}, stored)
    assert another.settings().daily_minutes == 3


def _puts(wire: Wire, environment: Environment) -> list[Step]:
    stored = environment.settings_store.read()
    sent = len(wire.sent)
    environment.settings_store.write_numbers(stored.numbers, stored)
    return wire.sent[sent:]


def test_settings_that_are_damaged_by_hand_are_written_again(
    environment: Environment, config: Config, empty_stack: Stack
) -> None:
    apply(environment, config)
    expected = environment.settings().numbers
    item = {"pk": "SETTINGS", "document": b"by hand", "version": "x"}
    environment.settings_store._table.put_item(Item=item)
    with pytest.raises(SettingsError):
        environment.settings()
    apply(environment, config)
    assert environment.settings().numbers == expected
    assert empty_stack.settings_document()["numbers"]


def test_more_text_than_can_be_stored_is_refused_by_the_plan_and_nothing_is_done(
    environment: Environment, config: Config, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_item, "MOST_BYTES", 50)
    with pytest.raises(RefusedError, match=r"too large: \d+ bytes compressed, and 50 can be stored"):
        apply(environment, config)
    assert (twilio.account.services, environment.settings_store.read().has_numbers) == ({}, False)


def _begin_again(environment: Environment, twilio: Simulator, secret: dict[str, Any]) -> None:
    fresh = Account.bare()
    twilio.account.services.clear()
    twilio.account.operators.clear()
    twilio.account.operators.update(fresh.operators)
    twilio.account.numbers[NUMBER] = PhoneNumber(number=NUMBER)
    environment.table._table.delete_item(Key=SETUP_KEY)
    environment.settings_store._table.delete_item(Key={"pk": "SETTINGS"})
    environment.settings_store.write_secret(secret)


def _killed(wire: Wire, kill_at: int, *, answered: bool, run: Callable[[], object]) -> None:
    count = 0

    def kill(_: Step, send: Send) -> Any:
        nonlocal count
        count += 1
        if count == kill_at:
            if answered:
                send()
            raise KilledError
        return send()

    with wire.meddling(kill):
        try:
            run()
        except (KilledError, OperatorError):
            return


def test_what_somebody_else_changes_meanwhile_is_not_overwritten(
    environment: Environment, config: Config, twilio: Simulator
) -> None:
    apply(environment, config)
    _change_webhook(twilio.account)
    (service,) = twilio.account.services.values()
    found, plan = plan_setup(environment, config, lambda _: None)
    service.version += 1
    with pytest.raises(OperatorError, match=r"changed it meanwhile; apply again: callscribe setup apply") as raised:
        list(carry_out(found, plan, lambda _: None))
    assert isinstance(raised.value.__cause__, ChangedError)


@pytest.mark.parametrize(("name", "sid"), [("trunk_sid", "TK" + "1" * 32), ("voice_application_sid", "AP" + "1" * 32)])
def test_a_number_that_is_bound_elsewhere_is_refused_and_nothing_is_done(
    name: str, sid: str, environment: Environment, config: Config, twilio: Simulator
) -> None:
    setattr(twilio.account.numbers[NUMBER], name, sid)
    with pytest.raises(RefusedError, match=sid):
        apply(environment, config)
    assert (twilio.account.services, environment.settings_store.read().has_numbers) == ({}, False)


def test_a_number_that_the_account_has_not_is_refused(
    environment: Environment, config: Config, twilio: Simulator
) -> None:
    twilio.account.numbers.clear()
    with pytest.raises(RefusedError, match="the account has no such number"):
        apply(environment, config)


def test_a_service_of_that_name_that_setup_has_not_made_is_refused_until_it_is_adopted(
    environment: Environment, file: Path, twilio: Simulator
) -> None:
    apply(environment, load(file, None))
    (service,) = twilio.account.services.values()
    environment.table._table.delete_item(Key=SETUP_KEY)
    with pytest.raises(RefusedError, match=f'Adopt it: sid = "{service.sid}"'):
        apply(environment, load(file, None))
    file.write_text(FILE.replace("[services.english]", f'[services.english]\nsid = "{service.sid}"'))
    apply(environment, load(file, None))
    assert list(twilio.account.services) == [service.sid]


def attach_another(twilio: Simulator) -> str:
    """Attach another of Twilio's own operators to the Service, and give it as people shall see it."""
    service = next(iter(twilio.account.services.values()))
    other = next(one for sid, one in twilio.account.operators.items() if sid not in service.operator_sids)
    service.operator_sids.append(other.sid)
    return f"operator {other.friendly_name} ({other.sid})"


@pytest.mark.parametrize("operators", ['["Conversation Summary", "Sentiment Analysis"]', "[]"])
def test_an_operator_that_is_taken_off_is_shown_by_name(
    operators: str, environment: Environment, file: Path, twilio: Simulator
) -> None:
    file.write_text(FILE.replace('["Conversation Summary", "Sentiment Analysis"]', operators))
    config = load(file, None)
    apply(environment, config)
    name = attach_another(twilio)
    assert differing(environment, config) == [("Service english", name)]


def test_destroy_shows_by_name_what_it_takes_off_an_adopted_service(
    environment: Environment, config: Config, file: Path, twilio: Simulator, setup: Callable[..., Result]
) -> None:
    apply(environment, config)
    service = next(iter(twilio.account.services.values()))
    ownership_of(environment_named("callscribe-dev")).forget()
    summary = next(sid for sid in service.operator_sids if not twilio.account.operators[sid].custom)
    service.operator_sids.remove(summary)
    file.write_text(FILE.replace("[services.english]", f'[services.english]\nsid = "{service.sid}"'))
    apply(environment_named("callscribe-dev"), load(file, None))
    told = setup("destroy", "--yes").stdout
    assert f"operator {twilio.account.operators[summary].friendly_name} ({summary}): attached" in told
    assert f"Service {service.unique_name}" in told


def test_destroy_deletes_what_was_made_and_puts_back_what_was_there(
    environment: Environment, config: Config, twilio: Simulator, setup: Callable[..., Result]
) -> None:
    twilio.account.numbers[NUMBER].voice_url = "https://before.example.com/voice"
    before = at_twilio(twilio.account)
    apply(environment, config)
    result = setup("destroy", "--yes", "--json")
    assert result.exit_code == 0
    assert at_twilio(twilio.account) == before
    assert environment.settings().numbers == {}
    assert environment.settings().api_key_secret == twilio.account.api_key_secret
    assert json.loads(setup("destroy", "--yes", "--json").stdout)["done"] == []


OTHER = "+12025550142"


def test_one_number_is_released_and_all_else_stays(
    environment: Environment, config: Config, file: Path, twilio: Simulator, setup: Callable[..., Result]
) -> None:
    twilio.account.add(PhoneNumber(number=OTHER, voice_url="https://before.example.com/"))
    file.write_text(f'{FILE}\n[numbers."{OTHER}"]\nservice = "english"\n')
    apply(environment, load(file, None))
    expected = at_twilio(twilio.account)
    file.write_text(FILE)
    told = setup("plan", "--file", str(file)).stderr
    assert f"number {OTHER} is no longer in the file, and is still answered." in told
    assert f"callscribe setup destroy --number {OTHER}" in told
    result = setup("destroy", "--number", OTHER, "--yes")
    assert result.exit_code == 0, result.output
    assert twilio.account.numbers[OTHER].voice_url == "https://before.example.com/"
    now = at_twilio(twilio.account)
    assert (now["services"], now["operators"]) == (expected["services"], expected["operators"])
    assert HOST in twilio.account.numbers[NUMBER].voice_url
    assert [*environment_named("callscribe-dev").settings().numbers] == [NUMBER]
    assert OTHER not in setup("plan", "--file", str(file)).output
    assert differing(environment_named("callscribe-dev"), config) == []
    again = setup("destroy", "--number", OTHER, "--yes")
    assert again.exit_code == 4
    assert f"setup has not wired {OTHER}. The numbers that it has wired: {NUMBER}" in again.stderr


def test_a_release_that_was_killed_is_repeated(
    environment: Environment, config: Config, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = Wire()
    wire.attach(monkeypatch)

    def release() -> None:
        for _ in carry_out(*plan_release(environment_named("callscribe-dev"), NUMBER, lambda _: None), lambda _: None):
            pass

    apply(environment, config)
    before = len(wire.sent)
    release()
    steps = len(wire.sent) - before
    for kill_at in range(1, steps + 1):
        apply(environment_named("callscribe-dev"), config)
        _killed(wire, kill_at, answered=True, run=release)
        assert unknown_to_the_functions(environment, twilio) == [], kill_at
        with suppress(RefusedError):
            release()
        assert HOST not in twilio.account.numbers[NUMBER].voice_url, kill_at
        assert environment_named("callscribe-dev").settings().numbers == {}


@pytest.mark.parametrize("has_another_field", [False, True])
def test_a_number_that_had_the_stacks_address_before_is_not_released(
    has_another_field: bool,  # noqa: FBT001 (a table)
    environment: Environment,
    config: Config,
    twilio: Simulator,
    setup: Callable[..., Result],
) -> None:
    apply(environment, config)
    ownership_of(environment_named("callscribe-dev")).forget()
    if has_another_field:
        # There is something to put back, and calls would come here all the same.
        twilio.account.numbers[NUMBER].status_callback = "https://before.example.com/"
    service = next(iter(twilio.account.services.values()))
    adopting = config.model_copy(
        update={"services": {"english": config.services["english"].model_copy(update={"sid": service.sid})}}
    )
    apply(environment_named("callscribe-dev"), adopting)
    result = setup("destroy", "--number", NUMBER, "--yes")
    assert result.exit_code == 4
    assert "there is no earlier one to put back" in result.stderr
    assert NUMBER in environment_named("callscribe-dev").settings().numbers


def test_destroy_asks_first(
    environment: Environment, config: Config, twilio: Simulator, setup: Callable[..., Result]
) -> None:
    apply(environment, config)
    result = setup("destroy")
    assert result.exit_code == 4
    assert "Scripts say --yes" in result.stderr
    assert len(twilio.account.services) == 1


def test_plan_check_ends_with_1_if_something_differs(
    environment: Environment, file: Path, setup: Callable[..., Result]
) -> None:
    asked = ("plan", "--check", "--file", str(file))
    assert setup(*asked).exit_code == 1
    assert not environment.settings_store.read().has_numbers
    assert setup("apply", "--file", str(file)).exit_code == 0
    assert setup(*asked).exit_code == 0


def test_a_plan_groups_by_object_with_a_sign_for_each_change(
    environment: Environment, file: Path, config: Config, setup: Callable[..., Result], twilio: Simulator
) -> None:
    lines = setup("plan", "--file", str(file)).stdout.splitlines()
    assert "+ operator product-feedback: created as product-feedback" in lines
    service = lines.index("+ Service english: created as callscribe-dev-english")
    assert lines[service + 1 : service + 4] == [
        "    + operator Conversation Summary: attached",
        "    + operator Sentiment Analysis: attached",
        "    + operator product-feedback: attached",
    ]
    assert f"+ settings of {NUMBER}: calls are answered, and transcribed by english" in lines
    assert lines[-1] == "3 to add, 1 to change, 0 to remove."
    apply(environment, config)
    twilio.account.numbers[NUMBER].voice_url = "https://elsewhere.example.com/"
    _attach(twilio.account)
    _detach(twilio.account)
    lines = setup("plan", "--file", str(file)).stdout.splitlines()
    assert lines == [
        "~ Service english",
        "    + operator Conversation Summary: attached",
        lines[2],
        f"~ number {NUMBER}",
        f"    ~ voice_url: https://elsewhere.example.com/ → https://{HOST}/incoming-call#rc=3&rp=5xx,ct,rt",
        "",
        "0 to add, 2 to change, 0 to remove.",
    ]
    assert lines[2].startswith("    \N{MINUS SIGN} operator ")


def test_of_two_long_texts_it_is_shown_where_they_differ() -> None:
    prompt = "Say what the conversation is about, in one word, and how the customer feels about it. "
    change = Change(what="operator a", field="prompt", is_=f"{prompt}Be short.", should_be=f"{prompt}Be long.")
    assert list(grouped([change])) == ["~ operator a", "    ~ prompt: …bout it. Be short. → …bout it. Be long."]
    different = Change(what="operator a", field="prompt", is_="a" * 100, should_be="b" * 100)
    (_, line) = grouped([different])
    assert line == f"    ~ prompt: {'a' * 59}… → {'b' * 59}…"


def test_apply_ends_with_what_was_done_and_when_callers_hear_it(
    environment: Environment, file: Path, setup: Callable[..., Result]
) -> None:
    assert not environment.settings_store.read().has_numbers
    result = setup("apply", "--file", str(file))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "Done: 3 added, 1 changed, 0 removed."
    assert "Callers hear the new settings within 5 minutes" in result.stderr
    assert "To check it all: callscribe doctor" in result.stderr
    result = setup("apply", "--file", str(file))
    assert (result.stdout, result.exit_code) == ("", 0)
    assert "Nothing to do: everything is as" in result.stderr
    assert "5 minutes" not in result.stderr


def test_destroy_ends_with_what_was_done_and_what_is_left(
    environment: Environment, config: Config, setup: Callable[..., Result]
) -> None:
    apply(environment, config)
    result = setup("destroy", "--yes")
    assert result.exit_code == 0
    assert "\N{MINUS SIGN} Service callscribe-dev-english: " in result.stdout
    assert result.stdout.splitlines()[-1].startswith("Done: 0 added, 1 changed, ")
    assert "for up to 5 minutes" in result.stderr
    assert "The stack, its stored calls and the account's credentials stay" in result.stderr
    assert "setup has made nothing for this stack" in setup("destroy", "--yes").stderr


def test_what_was_done_before_twilio_refuses_is_told(
    environment: Environment, file: Path, setup: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermanentError("attaching an operator: Twilio answered 400", reason="twilio_400")

    assert not environment.settings_store.read().has_numbers
    monkeypatch.setattr(TwilioConsole, "attach", refused)
    result = setup("apply", "--file", str(file))
    assert result.exit_code == 3
    assert result.stdout.splitlines()[-1] == "Done: 2 added, 0 changed, 0 removed."
    assert "ttaching an operator: Twilio answered 400" in result.stderr


def test_the_shipped_file_is_right_for_every_environment_and_wires_the_demos_numbers() -> None:
    configs = {env: load(ROOT / default_file(env), env) for env in Env}
    wired = {number: one.settings for number, one in configs[Env.LOCAL].numbers.items()}
    assert wired == {
        number: {name: value for name, value in its.items() if name != "service_sid"} for number, its in NUMBERS.items()
    }
    operator = configs[Env.PROD].custom_operators["product-feedback"]
    assert configs[Env.LOCAL].custom_operators["product-feedback"] == operator
    assert operator.examples[0].output == '{"category":"pricing","emotion":"neutral"}'


def test_the_shipped_file_speaks_one_language_and_the_other_is_an_example_beside_it() -> None:
    # "→", "…" and their like are no language.
    assert not re.search("[\u3040-\u30ff\u4e00-\u9fff]", (ROOT / "callscribe.toml").read_text("utf-8"))
    japanese = load(ROOT / "examples" / "callscribe.ja.toml", Env.PROD).custom_operators["product-feedback"]
    assert "この会話は顧客からの製品に関する問合せです" in japanese.prompt
    english = load(ROOT / "callscribe.toml", Env.PROD).custom_operators["product-feedback"]
    assert (japanese.result_schema, japanese.examples) == (english.result_schema, english.examples)


WRONG = {
    'language = "ja-JP"': ("services.english", "Twilio cannot transcribe ja-JP"),
    "media_redaction = true": ("services.english", "media_redaction needs redaction = true"),
    "auto_transcribe = true": ("services.english.auto_transcribe", "is unknown; known are"),
    'custom_operators = ["nobody"]': ("services.english.custom_operators", "there is no [custom_operators.nobody]"),
}


@pytest.mark.parametrize("line", WRONG)
def test_a_mistake_in_the_file_is_named_by_its_key(line: str, tmp_path: Path) -> None:
    path = tmp_path / "callscribe.toml"
    path.write_text(f"[services.english]\n{line}\n")
    with pytest.raises(RefusedError) as raised:
        load(path, None)
    for told in WRONG[line]:
        assert told in str(raised.value)


SOME_SID = "GA" + "1" * 32

WRONG_FILES = {
    '[custom_operators.a]\ntype = "GenerativeJSON"\nprompt = "x"\n': "custom_operators.a: schema is missing",
    '[custom_operators.a]\ntype = "Generative"\nprompt = "x"\nschema = {type = "object"}\n': (
        "schema must be left out: the type Generative has none"
    ),
    f'[services.a]\nsid = "{SOME_SID}"\n[services.b]\nsid = "{SOME_SID}"\n': "services.b.sid: services.a has the same",
    '[services.a]\n[numbers."+12025550199"]\nservice = "a"\nflow = "dial"\n': "agent is missing",
    '[services.a]\n[numbers."+12025550199"]\nservice = "a"\ngreeting = "a\\u0001"\n': "greeting holds a control",
}


@pytest.mark.parametrize("text", WRONG_FILES)
def test_only_the_field_that_is_wrong_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "callscribe.toml"
    path.write_text(text)
    with pytest.raises(RefusedError) as raised:
        load(path, None)
    assert WRONG_FILES[text] in str(raised.value)


SCHEMAS: dict[str, tuple[Any, str]] = {
    "root": ({"type": "array", "items": {"type": "string"}}, "type: must be"),
    "keyword": ({"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}}, "properties.a.minLength"),
    "type": ({"type": "object", "properties": {"a": {"type": "text"}}}, "properties.a.type"),
    "properties": (
        {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(101)}},
        "101",
    ),
    "enum": (
        {"type": "object", "properties": {"a": {"type": "string", "enum": [f"v{n}" for n in range(501)]}}},
        "501",
    ),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_that_twilio_would_refuse_is_refused_before_anything_is_sent(name: str) -> None:
    schema, told = SCHEMAS[name]
    assert told in "; ".join(mistakes(schema))


UNSPOKEN = {
    'notice = "  "': "notice has no letter and no digit",
    f'greeting = "{"a" * 3001}"': "greeting is too long for Twilio to speak",
    f'language = "ja-JP"\nthanks = "{"音" * 501}"': "4,509 characters once URL-encoded",
    'language = "xx-XX"': "language must be one that Twilio speaks",
    'voice = "Polly.Nobody"': "voice must be one of Twilio's",
    'notice = "この通話は録音されます。"': "notice has no letter that en-US is written with",
    'voice = "Polly.Joanna"\nthanks = "ありがとう"': "thanks has no letter that en-US is written with",
    'notice = "\u3164"': "notice has no letter and no digit",
    'language = "ja-JP"\nvoice = "Polly.Joanna"': "voice speaks en-US, and language is ja-JP",
}


@pytest.mark.parametrize("lines", UNSPOKEN)
def test_texts_that_twilio_would_not_speak_are_refused_and_nothing_is_done(
    lines: str, environment: Environment, file: Path, twilio: Simulator, setup: Callable[..., Result]
) -> None:
    file.write_text(f"{FILE}{lines}\n")
    for command in ("plan", "apply"):
        result = setup(command, "--file", str(file))
        assert result.exit_code not in {0, 1}
        assert f'numbers."{NUMBER}"' in result.stderr
        assert UNSPOKEN[lines] in " ".join(result.stderr.split())
    assert (twilio.account.services, environment.settings_store.read().has_numbers) == ({}, False)


def test_an_empty_notice_is_set_and_noted(environment: Environment, file: Path, setup: Callable[..., Result]) -> None:
    file.write_text(f'{FILE}notice = ""\n')
    told = json.loads(setup("plan", "--file", str(file), "--json").stdout)
    assert [one for one in told["notes"] if "its callers are not told that they are recorded" in one]
    assert setup("apply", "--file", str(file)).exit_code == 0
    assert environment.settings().numbers[NUMBER].notice == ""


MANY = [f"+1202555{index:04}" for index in range(500)]


def test_five_hundred_numbers_with_texts_of_their_own_are_wired_with_few_requests_beside(
    environment: Environment, file: Path, twilio: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    twilio.account.numbers.clear()
    tables = [FILE.partition("[numbers.")[0]]
    for index, number in enumerate(MANY):
        twilio.account.add(PhoneNumber(number=number, voice_url=f"https://before.example.com/{index}"))
        words = " ".join(f"word{index * 31 + word}" for word in range(40))
        tables.append(f'[numbers."{number}"]\nservice = "english"\nnotice = "Branch {index}: {words}"\n')
    file.write_text("\n".join(tables))
    before, config = at_twilio(twilio.account)["numbers"], load(file, None)
    wire = Wire()
    wire.attach(monkeypatch)
    told: list[str] = []
    apply_setup(environment_named("callscribe-dev"), config, told.append)
    assert sum("GET" in step and "IncomingPhoneNumbers" in step for step in wire.sent) == 1
    assert sum("POST" in step and "IncomingPhoneNumbers" in step for step in wire.sent) == 500
    assert sum(step == "dynamodb PutItem" for step in wire.sent) < 10
    assert f"Wiring number {MANY[6]} (7 of 500)" in told
    assert unknown_to_the_functions(environment, twilio) == []
    settings = environment.settings()
    assert len({its.notice for its in settings.numbers.values()}) == 500
    assert differing(environment_named("callscribe-dev"), config) == []
    destroy(environment_named("callscribe-dev"))
    assert at_twilio(twilio.account)["numbers"] == before
    twilio.check()
