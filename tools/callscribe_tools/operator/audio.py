"""Fetches the audio of a recording from Twilio, as a WAV file that is whole or not there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import requests

from callscribe.adapters.twilio_api import API
from callscribe.adapters.twilio_errors import error_of_status, twilio_errors
from callscribe.domain.errors import TransientError
from callscribe.domain.recording import State
from callscribe.domain.settings import Settings
from callscribe.domain.sids import RecordingSid
from callscribe_tools.operator.errors import RefusedError
from callscribe_tools.operator.files import private
from callscribe_tools.operator.printing import Tell

TIMEOUTS_SECONDS = (10.0, 60.0)
"""To connect, and between two pieces: a long recording takes minutes as a whole."""

CHUNK_BYTES = 256 * 1024


class NoAudioError(RefusedError):
    """There is no such audio. The message says why, and what to do."""


def choose(recordings: Mapping[RecordingSid, Mapping[str, Any]]) -> RecordingSid | None:
    """The recording to hear of a call's: one that is not deleted at Twilio, that is stored, in most channels."""

    def rank(sid: RecordingSid) -> tuple[bool, bool, int]:
        row = recordings[sid]
        return "deleted_at" not in row, row.get("state") == State.STORED, int(row.get("channels", 1))

    return max(recordings, key=rank, default=None)


def fetch(settings: Settings, sid: RecordingSid, channels: int, path: Path, tell: Tell, *, force: bool) -> int:
    """Save a recording's audio; its size in bytes. What is no audio, or not all of it, is not saved.

    Raises:
        NoAudioError: Twilio has it no longer, or not in so many channels.
        NotSavedError: the file cannot be written, or is there already.
        CallscribeError: of `twilio_errors`.
    """
    doing = f"fetching the audio of recording {sid}"
    url = f"{settings.twilio_url or API}/2010-04-01/Accounts/{settings.account_sid}/Recordings/{sid}.wav"
    with (
        private(path, force=force) as file,
        twilio_errors(doing),
        requests.get(
            url,
            params={"RequestedChannels": channels},
            auth=(settings.api_key_sid, settings.api_key_secret),
            # Compressed, its length would be another than what is told.
            headers={"Accept-Encoding": "identity"},
            stream=True,
            timeout=TIMEOUTS_SECONDS,
        ) as response,
    ):
        _refuse(doing, response, sid, channels)
        size = _copy(response, file, tell)
        _check(doing, response, file, size)
    return size


def _refuse(doing: str, response: requests.Response, sid: RecordingSid, channels: int) -> None:
    if channels == 2 and response.status_code in {400, 404}:
        raise NoAudioError(f"Twilio has no file in two channels of recording {sid}. Try --channels 1")
    if response.status_code == 404:
        raise NoAudioError(
            f"Twilio has no audio of recording {sid}: it was deleted there. What was said is in the table"
        )
    if response.status_code >= 400:
        raise error_of_status(doing, response.status_code, None)
    kind = response.headers.get("Content-Type", "")
    if response.status_code != 200 or not kind.lower().startswith("audio/"):
        raise TransientError(f"{doing}: the answer is no audio")


def _copy(response: requests.Response, file: BinaryIO, tell: Tell) -> int:
    size = 0
    for chunk in response.iter_content(CHUNK_BYTES):
        size += file.write(chunk)
        tell(f"Fetched {size / 1e6:.1f} MB")
    return size


def _check(doing: str, response: requests.Response, file: BinaryIO, size: int) -> None:
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and size != int(length):
        raise TransientError(f"{doing}: the connection ended after {size} of {length} bytes")
    file.seek(0)
    header = file.read(12)
    if (header[:4], header[8:]) != (b"RIFF", b"WAVE"):
        raise TransientError(f"{doing}: the answer is no WAV file")
