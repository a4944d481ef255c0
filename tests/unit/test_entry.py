"""However a program ends, it ends by a sentence and an exit status: never by a stack trace."""

import json
import os
import signal
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import boto3
import botocore.session
import httpx
import pytest
import requests
import typer
from botocore.exceptions import (
    BotoCoreError,
    ConfigParseError,
    HTTPClientError,
    ProxyConnectionError,
    SSLError,
    SSOTokenLoadError,
    UnknownCredentialError,
)

from callscribe.domain.errors import TransientError
from callscribe_tools import proxies
from callscribe_tools.entry import PROGRAMS
from callscribe_tools.operator import cli_common
from callscribe_tools.operator.errors import sentences_of
from callscribe_tools.proxies import bypass_for_loopback
from callscribe_tools.simulator import Account, Simulator
from harness.loopback import nobody_answers
from harness.template import REPOSITORY

type Run = Callable[..., subprocess.CompletedProcess[str]]

SECONDS = 60.0
TOLD = "日本語 \x1b"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a program that does what a line of Python says; `at` is when: while it is imported, or as its command."""

    def start(
        line: str, at: str = "command", redirected: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        lines = {"import": "", "command": "pass", at: line}
        (tmp_path / "fake.py").write_text(
            "import os, signal, sys, typer\n"
            "from callscribe_tools.terminal import print_json, print_line\n"
            f"TOLD = {TOLD!r}\n{lines['import']}\n"
            "app = typer.Typer(add_completion=False, rich_markup_mode=None)\n"
            f"@app.command()\ndef main() -> None:\n    {lines['command']}\n"
        )
        begin = "from callscribe_tools import entry; entry.PROGRAMS['demo'] = 'fake'; entry.begin('demo', [])"
        command = [sys.executable, "-c", begin]
        return subprocess.run(
            ["sh", "-c", f'"$@" {redirected}', "sh", *command] if redirected else command,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )

    return start


def interrupt() -> str:
    return f"os.kill(os.getpid(), {int(signal.SIGINT)})"


def test_ctrl_c_while_it_is_imported_is_a_sentence(run: Run) -> None:
    # Some modules take whatever their imports raise for a missing library.
    done = run(f"try:\n    {interrupt()}\nexcept BaseException:\n    pass", at="import")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Stopped. Nothing was begun.\n")


def test_ctrl_c_says_what_is_left(run: Run) -> None:
    done = run(interrupt())
    assert done.returncode == 130
    assert done.stderr == "Stopped. What was done stays done, and the same command goes on from there.\n"


def test_ctrl_c_at_a_question_is_no_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_common, "asked", interrupted)
    with pytest.raises(typer.Exit) as ended, cli_common.answering():
        cli_common.confirmed("Really?", yes=False)
    assert ended.value.exit_code == 130
    assert capsys.readouterr().err == "Stopped. Nothing was done.\n"


def test_a_mistake_is_one_line_with_a_file_that_has_the_details(run: Run, tmp_path: Path) -> None:
    done = run("raise KeyError('what a caller said')")
    assert done.returncode == 70
    assert done.stderr.count("\n") == 1
    assert "a mistake of its own (KeyError). The details are in" in done.stderr
    assert "Traceback" not in done.stderr
    assert "caller said" not in done.stderr
    (details,) = tmp_path.glob("demo-*.txt")
    assert str(details) in done.stderr
    assert stat.S_IMODE(details.stat().st_mode) == 0o600
    assert "Traceback" in details.read_text("utf-8")


def test_a_mistake_whose_details_cannot_be_saved_says_how_to_see_them(run: Run) -> None:
    done = run("import tempfile; tempfile.tempdir = '/nowhere'; raise KeyError('x')")
    assert done.returncode == 70
    assert "CALLSCRIBE_DEBUG=1 shows them" in done.stderr


def test_a_stack_trace_is_shown_to_whoever_asks_for_it(run: Run) -> None:
    done = run("raise KeyError('x')", CALLSCRIBE_DEBUG="1")
    assert done.returncode == 70
    assert "Traceback" in done.stderr


def test_a_module_that_is_missing_is_a_mistake_and_no_trace(run: Run) -> None:
    done = run("import no_such_module", at="import")
    assert (done.returncode, done.stderr.count("\n")) == (70, 1)


def test_a_reader_that_goes_away_ends_it_quietly(run: Run) -> None:
    done = run("[print_line('x' * 1000) for _ in range(1000)]", redirected="| head -n 1")
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")
    done = run("[print_line('x' * 1000) for _ in range(1000)]", redirected="2>&1 | true")
    assert (done.stdout, done.stderr) == ("", "")


def test_it_ends_by_the_status_of_a_program_whose_reader_has_gone(run: Run) -> None:
    done = run("r, w = os.pipe(); os.close(r); os.dup2(w, 1); print_line('x')")
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("redirected", ["<&-", "2>&-", "2>&- <&-"])
def test_a_stream_that_is_closed_is_no_error(redirected: str, run: Run) -> None:
    done = run("print_line('x'); sys.stdin.isatty()", redirected=redirected)
    assert (done.returncode, done.stdout, done.stderr) == (0, "x\n", "")


@pytest.mark.parametrize("redirected", [">&-", ">&- <&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize("line", ["print_line('x')", "print_json({})", "sys.stdout.write('x')"])
def test_a_result_that_nobody_can_get_is_no_success(line: str, redirected: str, run: Run) -> None:
    done = run(line, redirected=redirected)
    assert done.returncode == 74
    told = "Stopped by the operating system: Bad file descriptor. Look whether standard output"
    assert done.stderr.startswith("" if "2>&-" in redirected else told)
    assert done.stderr.count("\n") == (0 if "2>&-" in redirected else 1)


def test_a_closed_output_is_no_error_where_nothing_is_printed(run: Run) -> None:
    done = run("pass", redirected=">&-")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_output_without_room_is_said_to_have_none(run: Run) -> None:
    done = run("print_line('x')", redirected="> /dev/full")
    assert done.returncode == 74
    assert done.stderr.startswith("Stopped by the operating system: No space left on device.")


def test_a_file_that_cannot_be_read_is_named(run: Run) -> None:
    done = run("open('/nowhere/at/all')")
    assert done.returncode == 74
    assert "No such file or directory /nowhere/at/all. Look whether" in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_words_that_the_terminal_cannot_show_are_escaped(encoding: str, run: Run) -> None:
    done = run("print_line(TOLD)", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == TOLD.replace("\x1b", r"\x1b").encode(encoding, "backslashreplace").decode() + "\n"
    done = run("print_json([TOLD])", PYTHONIOENCODING=encoding)
    assert json.loads(done.stdout) == [TOLD]


@pytest.mark.parametrize(("encoding", "told"), [("ascii", "..."), ("latin-1", "..."), ("utf-8", "…")])
def test_an_ellipsis_is_three_dots_where_the_terminal_has_none(encoding: str, told: str, run: Run) -> None:
    done = run("print_line('CA… 日')", PYTHONIOENCODING=encoding)
    assert done.stdout.startswith(f"CA{told} ")


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_begins_there(program: str) -> None:
    assert isinstance(import_module(PROGRAMS[program]).app, typer.Typer)


def test_the_installed_commands_begin_there() -> None:
    scripts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert scripts == {
        "callscribe": "callscribe_tools.entry:callscribe",
        "callscribe-sim": "callscribe_tools.entry:callscribe_sim",
    }


def test_whoever_imports_only_the_beginning_waits_for_nothing() -> None:
    told = (
        "import sys, callscribe_tools.entry; print(sorted({'boto3', 'rich', 'typer', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert done.stdout == "[]\n"


# --- proxies


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ({}, "127.0.0.1,localhost,.localhost,::1"),
        ({"NO_PROXY": "a.example,localhost"}, "a.example,localhost,127.0.0.1,.localhost,::1"),
        ({"NO_PROXY": "a.example", "no_proxy": "b.example"}, "b.example,a.example,127.0.0.1,localhost,.localhost,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_this_machine_is_added_to_what_is_asked_without_a_proxy(before: dict[str, str], told: str) -> None:
    bypass_for_loopback(before)
    assert before == {"NO_PROXY": told, "no_proxy": told}


@pytest.mark.parametrize("spelling", [str.upper, str.lower])
def test_this_machine_is_asked_without_the_proxies_of_the_shell(
    spelling: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(spelling(name), nobody_answers())
    told = {"NO_PROXY": "", "no_proxy": ""}
    bypass_for_loopback(told)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    twilio = Simulator(Account())
    with twilio.serve() as url:
        assert requests.get(f"{url}/2010-04-01/Accounts.json", timeout=SECONDS).status_code == 401
        assert httpx.get(f"{url}/2010-04-01/Accounts.json", timeout=SECONDS).status_code == 401
        session = boto3.Session("a", "b", region_name="us-east-1", botocore_session=botocore.session.Session())
        sqs = session.client("sqs", endpoint_url=url, config=botocore.config.Config(retries={"total_max_attempts": 1}))
        with pytest.raises(sqs.exceptions.ClientError):
            sqs.list_queues()


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_variable_of_a_proxy_that_may_be_in_the_way_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(other, raising=False)
    assert proxies.advice() == ""
    monkeypatch.setenv(name, "http://user:password@proxy.example:3128")
    told = sentences_of(ProxyConnectionError(proxy_url="http://user:password@proxy.example:3128"))
    assert f"{name} names a proxy" in told
    assert "password" not in told
    error = TransientError("reading the account: no answer of Twilio's that can be read (ProxyError)")
    error.__cause__ = requests.exceptions.ProxyError()
    assert f"{name} names a proxy" in sentences_of(error)
    assert "proxy" not in sentences_of(TransientError("reading the account: Twilio answered 500"))


# --- AWS's library


@pytest.mark.parametrize(
    "error",
    [HTTPClientError(error="secret"), SSLError(endpoint_url="https://a", error=OSError("secret"))],
    ids=["http", "tls"],
)
def test_certificates_that_cannot_be_read_are_named(error: BotoCoreError, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/at/all.pem")
    told = " AWS_CA_BUNDLE names /nowhere/at/all.pem, which cannot be read: correct or unset it."
    assert told in sentences_of(error)
    assert "AWS_CA_BUNDLE" not in sentences_of(ConfigParseError(path="/home/x/.aws/config"))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(REPOSITORY / "pyproject.toml"))
    assert "AWS_CA_BUNDLE" not in sentences_of(error)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConfigParseError(path="/home/x/.aws/config"), "The AWS configuration cannot be read. Look at"),
        (SSOTokenLoadError(error_msg="secret"), "the login has ended. Log in"),
        (UnknownCredentialError(name="secret"), "The AWS library cannot ask (UnknownCredentialError). Look at"),
    ],
)
def test_no_text_of_the_library_of_aws_reaches_a_person(error: BotoCoreError, told: str) -> None:
    assert told in sentences_of(error)
    assert "secret" not in sentences_of(error)
