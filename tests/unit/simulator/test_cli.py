"""`callscribe-sim` against small applications on loopback: what is printed, what is asked, and the exit status."""

import json
import re
import runpy
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator
from typer.testing import CliRunner, Result

from callscribe_tools.simulator.cli import app
from callscribe_tools.simulator.faults import FaultKind
from callscribe_tools.simulator.scenario import SCENARIOS
from callscribe_tools.simulator.server import serving
from harness.loopback import nobody_answers, reserved

PROGRAM = Path(sys.executable).parent / "callscribe-sim"
PROGRAM_SECONDS = 120.0
TOKEN = "fedcba9876543210fedcba9876543210"

GOOD = """<Response>
  <Say>Please speak after the beep.</Say>
  <Start><Recording name="all" channels="dual" recordingStatusCallback="/recorded"/></Start>
  <Record action="/after" timeout="5"/>
</Response>"""
THANKS = '<Response><Stop><Recording name="all"/></Stop><Say>Thank you.</Say><Hangup/></Response>'
IGNORED = GOOD.replace("<Record ", '<Record recordingChannels="dual" ')

type Answer = str | int


@dataclass
class Seen:
    url: str
    path: str
    form: dict[str, str]
    body: bytes
    signature: str


@dataclass
class Application:
    """Answers by path: TwiML, or a status alone; keeps what it was asked."""

    answers: dict[str, Answer]
    when_asked: Callable[[Seen], None] = lambda _: None
    seen: list[Seen] = field(default_factory=list)
    base: str = ""

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.seen]

    def url(self, path: str) -> str:
        return self.base + path

    def answer(self, request: Request, body: bytes) -> Response:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        signature = request.headers["x-twilio-signature"]
        seen = Seen(str(request.url), request.url.path, form, body, signature)
        self.seen.append(seen)
        self.when_asked(seen)
        answer = self.answers.get(seen.path, 204)
        return Response(status_code=answer) if isinstance(answer, int) else Response(answer, media_type="text/xml")


@contextmanager
def running(answers: Mapping[str, Answer]) -> Iterator[Application]:
    application = Application({"/after": THANKS, **answers})

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        # In a thread: an application may ask the REST API before it answers.
        return await run_in_threadpool(application.answer, request, body)

    with serving(Starlette(routes=[Route("/{path:path}", endpoint, methods=["POST"])])) as base:
        application.base = base
        yield application


@pytest.fixture
def good() -> Iterator[Application]:
    with running({"/voice": GOOD}) as application:
        yield application


def sim(*args: str, env: Mapping[str, str | None] | None = None) -> Result:
    result = CliRunner().invoke(app, args, env={"TWILIO_AUTH_TOKEN": None, "COLUMNS": "200", **(env or {})})
    if result.exception is not None:
        assert isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def call(application: Application, *args: str, env: Mapping[str, str | None] | None = None) -> Result:
    return sim("call", "cannot_log_in", "--voice-url", application.url("/voice"), *args, env=env)


def told(result: Result) -> dict[str, Any]:
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


# --- a right application


def test_a_call_to_a_right_application_is_told_step_by_step_and_summed_up(good: Application) -> None:
    result = call(good, "--status-callback", good.url("/status"))

    assert result.exit_code == 0, result.output
    assert good.paths == ["/voice", "/after", "/status", "/recorded"]
    assert "+12025550142 calls +12025550199" in result.stderr
    assert f"POST {good.url('/voice')} is answered 200" in result.stderr
    assert "  said: Please speak after the beep.\n  said: Thank you.\n" in result.stdout
    assert re.search(r"RE[0-9a-f]{32}: StartCallRecordingAPI, 2 channels, [0-9.]+ s, completed\n", result.stdout)
    assert f"  204  call status callback: {good.url('/status')}\n" in result.stdout
    assert f"  204  recording callback: {good.url('/recorded')}\n" in result.stdout
    assert "refused" not in result.stdout


def test_the_application_is_told_what_it_must_know(good: Application) -> None:
    result = call(good)

    assert re.search(r"REST API +http://127\.0\.0\.1:[0-9]+\n", result.stderr)
    for known in ("AC" + "a" * 32, "0123456789abcdef0123456789abcdef", "SK" + "b" * 32, "GA" + "c" * 32):
        assert known in result.stderr


@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_given_auth_token_signs_for_the_url_as_it_is_and_is_not_printed(good: Application, how: str) -> None:
    result = call(good, "--auth-token", TOKEN) if how == "option" else call(good, env={"TWILIO_AUTH_TOKEN": TOKEN})

    validator = RequestValidator(TOKEN)
    assert all(validator.validate(one.url, one.form, one.signature) for one in good.seen)
    assert TOKEN not in result.output


def test_caller_and_number_are_the_given_ones(good: Application) -> None:
    call(good, "--from", "+12025550111", "--to", "+12025550112")

    assert (good.seen[0].form["From"], good.seen[0].form["To"]) == ("+12025550111", "+12025550112")


def test_json_is_one_document_and_nothing_else_on_standard_output(good: Application) -> None:
    document = told(call(good, "--json"))

    assert [one["said"] for one in document["calls"]] == [["Please speak after the beep.", "Thank you."]]
    assert [one["channels"] for one in document["recordings"]] == [2, 1]
    assert [(one["kind"], one["status"]) for one in document["requests"]] == [
        ("TwiML", 200),
        ("TwiML", 200),
        ("recording callback", 204),
    ]
    assert (document["violations"], document["error"], document["exit_status"]) == ([], None, 0)


def test_a_scenario_may_be_a_file(good: Application, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\ncaller: [{wait_for: beep}, {say: Mine., seconds: 4}]\nexpect: stored\n")

    assert sim("call", str(file), "--voice-url", good.url("/voice")).exit_code == 0


# --- what real Twilio would refuse


def test_an_ignored_attribute_ends_the_call_at_once(good: Application) -> None:
    good.answers["/voice"] = IGNORED

    result = call(good)

    assert result.exit_code == 1
    assert good.paths == ["/voice"]
    assert "[12200] recordingChannels is not a TwiML attribute of <Record>" in result.stdout
    assert f"where:      {good.url('/voice')}\n" in result.stdout
    assert "what to do: Remove it, or write it as https://www.twilio.com/docs/voice/twiml has it." in result.stdout
    assert "--lenient" in result.stderr


def test_lenient_goes_on_and_tells_it_at_the_end(good: Application) -> None:
    good.answers["/voice"] = IGNORED.replace("<Say>", '<Say loudly="true">')

    result = call(good, "--lenient")

    assert result.exit_code == 0
    assert good.paths == ["/voice", "/after", "/recorded"]
    assert result.stdout.count("[12200]") == 2


def test_lenient_tells_the_same_violation_once_with_its_count(good: Application) -> None:
    good.answers |= {"/after": THANKS, "/recorded": 500}
    good.answers["/voice"] = IGNORED.replace("<Say>", '<Say loudly="true">').replace(
        "<Record ", '<Say loudly="true">Again.</Say><Record '
    )

    result = call(good, "--lenient")

    assert result.output.count("loudly is not a TwiML attribute of <Say>") == 1
    assert "loudly is not a TwiML attribute of <Say>: ignored by Twilio (2 times)" in result.stdout
    assert result.output.count("recordingChannels is not a TwiML attribute of <Record>") == 1
    document = told(call(good, "--lenient", "--json"))
    assert sorted((one["code"], one["count"]) for one in document["violations"] if one["code"] == "12200") == [
        ("12200", 1),
        ("12200", 2),
    ]


def test_json_tells_what_was_refused(good: Application) -> None:
    good.answers["/voice"] = IGNORED

    document = told(call(good, "--json"))

    (violation,) = document["violations"]
    assert (violation["code"], violation["where"]) == ("12200", good.url("/voice"))
    assert violation["advice"]
    assert document["exit_status"] == 1


@pytest.mark.parametrize(
    ("answer", "code"), [(500, "11200"), ("<Response><Say>", "12100"), ("<Speak/>", "12102"), (204, "12300")]
)
@pytest.mark.parametrize("options", [[], ["--lenient"]])
def test_a_call_without_usable_twiml_cannot_go_on(
    good: Application, answer: Answer, code: str, options: list[str]
) -> None:
    good.answers["/voice"] = answer

    result = call(good, *options)

    assert result.exit_code == 1
    assert f"[{code}]" in result.stdout


def test_a_failing_action_ends_the_call_too(good: Application) -> None:
    good.answers["/after"] = 500

    assert call(good, "--lenient").exit_code == 1


def test_an_action_that_is_no_url_ends_the_call_too(good: Application) -> None:
    good.answers["/voice"] = GOOD.replace('"/after"', '"https://hooks.example.com:99999/after"')

    result = call(good, "--lenient")

    assert result.exit_code == 1
    assert "[11100]" in result.stdout


def test_lenient_goes_on_with_the_fallback_url(good: Application) -> None:
    good.answers |= {"/voice": 500, "/fallback": GOOD}
    fallback = ["--fallback-url", good.url("/fallback")]

    assert call(good, "--lenient", *fallback).exit_code == 0
    assert good.paths[:2] == ["/voice", "/fallback"]
    assert call(good, *fallback).exit_code == 1


def test_a_failing_callback_does_not_end_a_lenient_call(good: Application) -> None:
    good.answers["/recorded"] = 500

    assert call(good, "--lenient").exit_code == 0
    assert call(good).exit_code == 1


def test_what_the_simulator_does_not_play_is_said_without_a_trace(good: Application) -> None:
    good.answers["/voice"] = "<Response><Gather/></Response>"

    result = call(good, "--lenient")

    assert result.exit_code == 1
    assert "The simulation cannot go on: <Gather> is real TwiML, but the simulator does not play it" in result.stderr


# --- whom it reaches


@pytest.mark.parametrize("options", [[], ["--lenient"]])
def test_an_application_that_is_not_there_is_told_by_the_exit_status(options: list[str]) -> None:
    result = call(Application({}, base=nobody_answers()), *options)

    assert result.exit_code == 3
    assert "[11205]" in result.stdout
    assert "Start the application" in result.stdout


def test_a_host_that_only_twiml_names_is_not_asked(good: Application) -> None:
    good.answers["/voice"] = GOOD.replace("/recorded", "https://elsewhere.example.com/recorded")

    result = call(good)

    assert result.exit_code == 3
    assert "--connect-to elsewhere.example.com=http://127.0.0.1:PORT" in result.stderr


def test_all_of_this_machine_is_asked_also_where_only_twiml_names_it(good: Application) -> None:
    good.answers["/voice"] = GOOD.replace("/recorded", good.url("/recorded").replace("127.0.0.1", "localhost"))

    assert call(good).exit_code == 0
    assert good.paths == ["/voice", "/after", "/recorded"]


def test_a_host_may_be_placed_on_this_machine(good: Application) -> None:
    good.answers["/voice"] = GOOD.replace("/recorded", "https://elsewhere.example.com/recorded")

    result = sim(
        "call", "cannot_log_in", "--voice-url", "https://hooks.example.com/voice", "--auth-token", TOKEN,
        "--connect-to", f"hooks.example.com={good.base}", "--connect-to", f"elsewhere.example.com={good.base}",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert good.paths == ["/voice", "/after", "/recorded"]
    validator = RequestValidator(TOKEN)
    assert validator.validate("https://hooks.example.com/voice", good.seen[0].form, good.seen[0].signature)


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each name of example.com be this machine, as if it were another one."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1" if str(host).endswith("example.com") else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.usefixtures("looked_up")
def test_a_host_named_in_an_option_is_reached_as_it_is_and_must_have_https(good: Application) -> None:
    there = good.base.replace("127.0.0.1", "hooks.example.com")

    lenient = sim("call", "cannot_log_in", "--voice-url", f"{there}/voice", "--lenient")
    strict = sim("call", "cannot_log_in", "--voice-url", f"{there}/voice")

    assert lenient.exit_code == 0, lenient.output
    assert good.seen[0].url == f"{there}/voice"
    assert strict.exit_code == 1
    assert "[http] a webhook URL that is not https" in strict.stdout


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[str]:
    """The address of a server with a certificate for 127.0.0.1 that it has signed itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "server.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(5)


def test_a_certificate_that_nobody_vouches_for_is_no_connection(self_signed: str) -> None:
    result = sim("call", "cannot_log_in", "--voice-url", f"{self_signed}/voice")

    assert result.exit_code == 3
    assert "CERTIFICATE_VERIFY_FAILED" in result.stdout


# --- transcripts


def client_of(base: str, folder: Path) -> Any:
    """Make the SDK's client as docs/simulator.md says."""
    docs = (SCENARIOS.parents[1] / "docs" / "simulator.md").read_text()
    (snippet,) = re.findall(r"```python\n(.*?)```", docs, re.DOTALL)
    (folder / "snippet.py").write_text(snippet.replace("http://127.0.0.1:8787", base))
    return runpy.run_path(str(folder / "snippet.py"))["client"]


@pytest.fixture
def transcribing(good: Application, tmp_path: Path) -> Iterator[tuple[Application, list[str]]]:
    """An application that asks for a transcript when it is told of the recording, and the options it needs."""
    with reserved() as base:
        client = client_of(base, tmp_path)

        def ask(seen: Seen) -> None:
            if seen.path == "/recorded":
                recording = {"media_properties": {"source_sid": seen.form["RecordingSid"]}}
                client.intelligence.v2.transcripts.create("GA" + "c" * 32, recording)

        good.when_asked = ask
        yield good, ["--port", base.rpartition(":")[2], "--intelligence-webhook", good.url("/intelligence")]
        client.http_client.session.close()


def test_a_transcript_that_was_asked_for_ends_and_its_webhook_is_sent(
    transcribing: tuple[Application, list[str]],
) -> None:
    application, options = transcribing

    result = call(application, *options, "--transcript-seconds", "0.1", "--json")

    document = told(result)
    (transcript,) = document["transcripts"]
    assert f"transcript {transcript['sid']} is completed" in result.stderr
    assert re.search(rf"{application.url('/intelligence')}\?bodySHA256=\w+ is answered 204", result.stderr)
    assert (transcript["status"], transcript["webhook_status"]) == ("completed", 204)
    assert json.loads(application.seen[-1].body)["transcript_sid"] == transcript["sid"]
    assert document["exit_status"] == 0


def test_the_wait_for_a_transcript_has_an_end(transcribing: tuple[Application, list[str]]) -> None:
    application, options = transcribing

    result = call(application, *options, "--transcript-seconds", "60", "--wait", "0.3")

    assert result.exit_code == 0
    assert "waiting up to 0.3 s" in result.stderr
    assert re.search(r"GT[0-9a-f]{32}: of RE[0-9a-f]{32}, queued, no webhook\n", result.stdout)


def test_a_transcript_is_waited_for_only_where_one_can_be_expected(good: Application) -> None:
    expected = call(good, "--intelligence-webhook", good.url("/intelligence"), "--wait", "0.2")
    not_expected = call(good, "--wait", "0.2")

    assert "waiting up to 0.2 s" in expected.stderr
    assert "waiting" not in not_expected.stderr
    assert (expected.exit_code, not_expected.exit_code) == (0, 0)


def test_an_intelligence_webhook_that_fails_is_a_violation(transcribing: tuple[Application, list[str]]) -> None:
    application, options = transcribing
    application.answers["/intelligence"] = 500

    result = call(application, *options, "--transcript-seconds", "0")

    assert result.exit_code == 1
    assert "[95200]" in result.stdout


@pytest.mark.usefixtures("looked_up")
def test_an_intelligence_webhook_elsewhere_must_have_https_too(transcribing: tuple[Application, list[str]]) -> None:
    application, options = transcribing
    there = application.url("/intelligence").replace("127.0.0.1", "hooks.example.com")

    result = call(application, *options, "--transcript-seconds", "0", "--intelligence-webhook", there)

    assert result.exit_code == 1
    assert "[http] a webhook URL that is not https" in result.stdout


# --- usage


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["call"], "SCENARIO"),
        (["call", "cannot_log_in"], "--voice-url"),
        (["call", "nothing_like_it", "--voice-url", "http://127.0.0.1/"], "Known by name: agent_answers"),
        (["call", "cannot_log_in", "--voice-url", "127.0.0.1:8000/voice"], "http://127.0.0.1:8000/voice"),
        (["call", "cannot_log_in", "--voice-url", "http://[127/"], "no URL"),
        (["call", "cannot_log_in", "--voice-url", "http://127.0.0.1:99999/"], "no URL"),
        (["call", "cannot_log_in", "--voice-url", "https://hooks example.com/"], "no URL"),
        (["call", "cannot_log_in", "--voice-url", "http://127.0.0.1/", "--from", "nobody"], "E.164"),
        (["call", "cannot_log_in", "--voice-url", "http://127.0.0.1/", "--wait", "-1"], "--wait"),
        (["serve", "--connect-to", "hooks.example.com"], "HOST=http://127.0.0.1:PORT"),
        (["serve", "--connect-to", "hooks.example.com=http://192.0.2.1:80"], "only places on this machine"),
        (["serve", "--port", "70000"], "--port"),
        (["call", "cannot_log_in", "--voice-url", "http://127.0.0.1/", "--fault", "bad_mood"], "--fault"),
    ],
)
def test_wrong_usage_is_named(args: list[str], named: str) -> None:
    result = sim(*args)

    assert result.exit_code == 2
    assert named in result.stderr
    assert result.stdout == ""


def test_a_scenario_file_with_a_mistake_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\ncaller: [{shout: x}]\nexpect: stored\n")

    result = sim("call", str(tmp_path / "mine.yaml"), "--voice-url", "http://127.0.0.1/")

    assert result.exit_code == 2
    assert "caller.0" in result.stderr


def test_a_port_that_is_taken_is_wrong_usage(good: Application) -> None:
    result = call(good, "--port", good.base.rpartition(":")[2])

    assert result.exit_code == 2
    assert "choose another" in result.stderr
    assert good.seen == []


@pytest.mark.parametrize("args", [[], ["call"], ["record"], ["serve"], ["scenarios"], ["faults"]])
def test_help_teaches_by_an_example(args: list[str]) -> None:
    result = sim(*args, "--help")

    assert result.exit_code == 0
    assert re.search(r"^ *Example: callscribe-sim ", result.stdout, re.MULTILINE)
    assert args in (["scenarios"], ["faults"]) or "130  Ctrl-C" in result.stdout


def test_every_shipped_scenario_is_listed_in_a_line_of_its_own() -> None:
    lines = sim("scenarios").stdout.splitlines()

    assert any(re.match(r"one_second +skipped \(too_short\) +One word after the beep", line) for line in lines)
    assert [line.split()[0] for line in lines] == sorted(file.stem for file in SCENARIOS.glob("*.yaml"))
    assert all(
        re.fullmatch(r"\w+ +(stored|skipped|failed|nothing recorded)( \(\w+\))?  +\w.{10,}\.", line) for line in lines
    )


# --- when things go wrong at Twilio


def test_every_fault_is_listed_in_a_line_of_its_own() -> None:
    lines = sim("faults").stdout.splitlines()

    assert [line.split()[0] for line in lines] == list(FaultKind)
    assert all(re.fullmatch(r"\w+ +\w.{10,}\.", line) for line in lines)


def test_faults_happen_to_the_call_and_are_told(good: Application) -> None:
    faults = ["--fault", "lost_call_status", "--fault", "doubled_webhooks"]

    result = call(good, "--status-callback", good.url("/status"), *faults)
    document = told(call(good, "--status-callback", good.url("/status"), *faults, "--json"))

    assert (result.exit_code, document["exit_status"]) == (0, 0)
    assert good.paths == ["/voice", "/after", "/recorded", "/recorded"] * 2
    assert "Gone wrong at Twilio: lost_call_status, doubled_webhooks\n" in result.stdout
    (of_call,) = document["calls"]
    assert [(one["kind"], one["call_sid"]) for one in document["faults"]] == [
        ("lost_call_status", of_call["sid"]),
        ("doubled_webhooks", of_call["sid"]),
    ]
    assert all(one["began"] <= one["ended"] for one in document["faults"])
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["began"]) for one in document["faults"])


def test_nothing_is_told_of_faults_where_there_are_none(good: Application) -> None:
    assert "Gone wrong" not in call(good).stdout


def test_the_call_waits_for_what_is_held_back(good: Application) -> None:
    result = call(good, "--fault", "reordered_webhooks", "--wait", "0.3", "--json")

    assert "waiting up to 0.3 s" in result.stderr
    document = told(result)
    assert [(one["kind"], one["ended"]) for one in document["faults"]] == [("reordered_webhooks", None)]


def test_nobody_waits_for_the_end_of_an_endless_transcript(transcribing: tuple[Application, list[str]]) -> None:
    application, options = transcribing

    began, wait = time.monotonic(), 1000
    fault = ("--fault", "transcript_endless", "--transcript-seconds", "0")
    result = call(application, *options, *fault, "--wait", str(wait))

    assert result.exit_code == 0
    assert "Gone wrong at Twilio: transcript_endless\n" in result.stdout
    assert time.monotonic() - began < wait


# --- serve, and signals


@contextmanager
def program(*args: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [PROGRAM, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = threading.Timer(PROGRAM_SECONDS, process.kill)
    deadline.start()
    try:
        with process:
            yield process
    finally:
        process.kill()
        deadline.cancel()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stderr is not None
    read = ""
    for line in process.stderr:
        read += line
        if text in line:
            return read
    raise AssertionError(f"{text!r} was never printed within {PROGRAM_SECONDS:.0f} s:\n{read}")


def order(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def test_serve_places_the_calls_that_are_typed_until_ctrl_c(good: Application) -> None:
    with program("serve", "--voice-url", good.url("/voice")) as process:
        base = re.search(r"http://127\.0\.0\.1:[0-9]+", read_until(process, "Type the name"))
        order(process, "no_such_scenario\ncannot_log_in\n")
        assert "There is no scenario" in read_until(process, "calls +12025550199")
        read_until(process, "the call has ended")
        assert base is not None
        calls = httpx.get(
            f"{base[0]}/2010-04-01/Accounts/AC{'a' * 32}/Calls/{good.seen[0].form['CallSid']}.json",
            auth=("AC" + "a" * 32, "0123456789abcdef0123456789abcdef"),
        )
        assert calls.json()["status"] == "completed"
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stdout is not None
        assert process.stdout.read() == ""


def test_serve_ends_by_itself_at_the_first_violation(good: Application) -> None:
    good.answers["/voice"] = IGNORED
    with program("serve", "--voice-url", good.url("/voice")) as process:
        order(process, "cannot_log_in\n")
        read_until(process, "what to do")
        assert process.wait() == 1


def test_lenient_serve_goes_on_and_tells_all_at_the_end(good: Application) -> None:
    good.answers["/voice"] = IGNORED
    with program("serve", "--voice-url", good.url("/voice"), "--lenient") as process:
        order(process, "cannot_log_in\n")
        read_until(process, "the call has ended")
        order(process, "cannot_log_in")  # the last line of a file may have no end
        assert process.stdin is not None
        process.stdin.close()
        read_until(process, "the call has ended")
        process.send_signal(signal.SIGINT)
        read_until(process, "Real Twilio would have refused")
        assert process.wait() == 130


def test_serve_without_a_voice_url_serves_the_rest_api_alone() -> None:
    with program("serve") as process:
        order(process, "cannot_log_in\n")
        read_until(process, "start with --voice-url")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130


def test_signals_do_what_they_did_before_once_a_call_is_over(good: Application) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    call(good)

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_waiting_call(good: Application, number: signal.Signals, status: int) -> None:
    options = ["--voice-url", good.url("/voice"), "--intelligence-webhook", good.url("/intelligence")]
    with program("call", "cannot_log_in", *options) as process:
        read_until(process, "waiting up to 30 s")
        process.send_signal(number)
        assert process.wait() == status
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


# --- recordings that the application did not ask for


def test_the_callback_of_a_conference_names_no_call(good: Application) -> None:
    document = told(sim("record", "conference", "--callback-url", good.url("/recorded"), "--wait", "0", "--json"))

    assert (document["exit_status"], good.paths) == (0, ["/recorded"])
    (form,) = (one.form for one in good.seen)
    assert "CallSid" not in form
    assert form["ConferenceSid"].startswith("CF")
    assert (form["RecordingSource"], form["RecordingStatus"]) == ("Conference", "completed")
    (recording,) = document["recordings"]
    assert (recording["call_sid"], document["calls"]) == (None, [])


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("conference-api", "StartConferenceRecordingAPI"),
        ("outbound", "OutboundAPI"),
        ("outbound-dial", "DialVerb"),
        ("outbound-api", "StartCallRecordingAPI"),
        ("trunk", "Trunking"),
    ],
)
def test_recordings_of_other_calls_are_told_with_their_source(kind: str, source: str, good: Application) -> None:
    result = sim("record", kind, "--callback-url", good.url("/recorded"), "--wait", "0")

    assert result.exit_code == 0, result.output
    assert [one.form["RecordingSource"] for one in good.seen] == [source]
    assert f": {source}, " in result.stdout


def test_a_kind_of_recording_that_there_is_none_of_is_named(good: Application) -> None:
    result = sim("record", "video", "--callback-url", good.url("/recorded"))

    assert result.exit_code == 2
    assert "none of conference" in result.stderr
    assert good.paths == []


def test_a_simulator_that_is_not_there_is_said_in_the_document() -> None:
    result = CliRunner().invoke(app, ["place", "cannot_log_in", "--at", "http://127.0.0.1:1", "--json"])
    document = json.loads(result.stdout)
    assert result.exit_code == document["exit_status"] > 0
    assert document["error"]
