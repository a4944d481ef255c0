"""`callscribe audio`: the recording as a file that is whole, and its owner's alone."""

import stat
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from typer.testing import Result

from callscribe_tools.simulator import Call, Recording, Simulator
from harness.answers import answer
from harness.erasing import erase
from harness.stack import Stack

type Reading = Callable[..., Result]

MEDIA = "/2010-04-01/Accounts/{a}/Recordings/{sid}.wav"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "heard.wav"


@pytest.fixture
def recorded(stored: Call) -> Recording:
    """The recording in two channels."""
    return next(one for one in stored.recordings if one.channels == 2)


def serve(twilio: Simulator, body: bytes, **headers: str) -> None:
    """Let Twilio answer 200 with that in the place of audio."""

    async def canned(_: Request) -> Response:
        return StreamingResponse(iter([body]), 200, headers=headers)

    twilio.app.router.routes.insert(0, Route(MEDIA, canned))


def nothing_saved(result: Result, file: Path) -> bool:
    return result.stdout == "" and list(file.parent.iterdir()) == []


@pytest.mark.parametrize(("options", "channels"), [([], 2), (["--channels", "2"], 2), (["--channels", "1"], 1)])
def test_a_recording_is_saved_for_its_owner_alone(
    options: list[str], channels: int, reading: Reading, stored: Call, recorded: Recording, file: Path
) -> None:
    result = reading("audio", stored.sid, "--output", str(file), *options)
    assert (result.exit_code, result.stdout) == (0, f"{file}\n"), result.output
    assert "`callscribe erase` does not reach" in result.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == recorded.wav(2 if channels == 2 else 1)
    with wave.open(str(file)) as audio:
        assert audio.getnchannels() == channels
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_is_there_is_replaced_only_by_force(reading: Reading, stored: Call, file: Path) -> None:
    file.write_text("mine")
    result = reading("audio", stored.sid, "--output", str(file))
    assert result.exit_code == 4
    assert "--force" in result.stderr
    assert file.read_text() == "mine"
    assert reading("audio", stored.sid, "--output", str(file), "--force").exit_code == 0
    assert file.read_bytes()[:4] == b"RIFF"


def test_a_folder_that_is_not_there_is_told(reading: Reading, stored: Call, tmp_path: Path) -> None:
    result = reading("audio", stored.sid, "--output", str(tmp_path / "none" / "a.wav"))
    assert result.exit_code == 4
    assert "cannot be written (No such file or directory)" in result.stderr


@pytest.mark.parametrize("status", [400, 404])
def test_where_there_is_no_file_in_two_channels_the_other_is_named(
    status: Any, reading: Reading, stored: Call, recorded: Recording, twilio: Simulator, file: Path
) -> None:
    recorded.channels = 1
    twilio.unknowns.mono_as_dual_status = status
    result = reading("audio", stored.sid, "--output", str(file))
    assert result.exit_code == 4
    assert f"no file in two channels of recording {recorded.sid}. Try --channels 1" in result.stderr
    assert nothing_saved(result, file)
    assert reading("audio", stored.sid, "--channels", "1", "--output", str(file)).exit_code == 0


def test_a_recording_that_is_deleted_is_said_to_be(
    reading: Reading, stored: Call, recorded: Recording, twilio: Simulator, file: Path
) -> None:
    twilio.state.delete_recording(recorded)
    result = reading("audio", stored.sid, "--channels", "1", "--output", str(file))
    assert result.exit_code == 4
    assert "it was deleted there" in result.stderr
    assert nothing_saved(result, file)


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        (b'{"code": 20003}', {"content-type": "application/json"}, "the answer is no audio"),
        (b"<html>RIFF</html>", {"content-type": "audio/x-wav"}, "the answer is no WAV file"),
        (b"", {"content-type": "audio/x-wav"}, "the answer is no WAV file"),
    ],
)
def test_what_is_no_audio_is_not_saved(
    body: bytes, headers: dict[str, str], told: str, reading: Reading, stored: Call, twilio: Simulator, file: Path
) -> None:
    serve(twilio, body, **headers)
    result = reading("audio", stored.sid, "--output", str(file))
    assert result.exit_code == 3
    assert told in result.stderr
    assert nothing_saved(result, file)


def test_audio_that_breaks_off_is_not_saved(reading: Reading, stored: Call, twilio: Simulator, file: Path) -> None:
    file.write_text("mine")
    serve(twilio, b"RIFF\0\0\0\0WAVEfmt ", **{"content-type": "audio/x-wav", "content-length": "5000"})
    result = reading("audio", stored.sid, "--output", str(file), "--force")
    assert result.exit_code == 3, result.output
    assert [one.read_text() for one in file.parent.iterdir()] == ["mine"]


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_refusal_is_not_saved_as_audio(
    status: int, reading: Reading, stored: Call, twilio: Simulator, file: Path
) -> None:
    answer(twilio, "GET", MEDIA, status)
    result = reading("audio", stored.sid, "--output", str(file))
    assert result.exit_code == 3
    assert twilio.account.api_key_secret not in result.output
    assert nothing_saved(result, file)


def test_of_calls_that_nobody_can_hear_it_is_said_why(reading: Reading, stored: Call, stack: Stack, file: Path) -> None:
    result = reading("audio", "CA" + "9" * 32, "--output", str(file))
    assert result.exit_code == 4
    assert "No recording of call" in result.stderr
    erase(stack, stored.sid)
    result = reading("audio", stored.sid, "--output", str(file))
    assert result.exit_code == 4
    assert "was erased" in result.stderr
    assert nothing_saved(result, file)
