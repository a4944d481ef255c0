"""Starts and ends the recordings of one call, and sends their status callbacks.

`CallRunner` says when. A recording is completed, and its callback sent, only by `deliver`: "the recording file may
not yet be accessible" when the action is requested (Twilio docs, TwiML <Record>).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import urljoin

from callscribe_tools.simulator import call_parameters
from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.state import Call, Recording, State
from callscribe_tools.simulator.timeline import Line, Track
from callscribe_tools.simulator.twiml import Verb
from callscribe_tools.simulator.unknowns import Unknowns

# Twilio support 360014251313: why a recording is absent.
_TOO_SHORT, _SILENT = 16101, 16102


@dataclass
class _Running:
    recording: Recording
    verb: Verb
    document: str
    began: float
    """On the call's clock, in seconds."""


class Recorder:
    """The recordings of one call."""

    def __init__(
        self,
        account: Account,
        state: State,
        call: Call,
        line: Line,
        unknowns: Unknowns,
        callback: Callable[[str, dict[str, str]], None],
    ) -> None:
        self._account = account
        self._state = state
        self._call = call
        self._line = line
        self._unknowns = unknowns
        self._callback = callback
        self._running: list[_Running] = []
        self._ended: list[_Running] = []

    def start(self, verb: Verb, document: str) -> Recording:
        """Begin a recording now, for <Record> or the noun <Recording>."""
        by_verb = verb.name == "Record"
        channels: Literal[1, 2] = (
            1 if by_verb or verb.attributes.get("channels", "dual") == "mono" else 2
        )  # the noun's default is dual, the verb is always mono
        recording = Recording(
            call_sid=self._call.sid,
            source="RecordVerb" if by_verb else "StartCallRecordingAPI",
            channels=channels,
            tracks=("inbound",) if by_verb else _tracks(verb.attributes.get("track", "both")),
            started=self._call.started + timedelta(seconds=round(self._line.now)),
        )
        with self._state.lock:
            self._state.recordings[recording.sid] = recording
            self._call.recordings.append(recording)
        running = _Running(recording, verb, document, self._line.now)
        self._running.append(running)
        self._tell(running)
        return recording

    def runs(self, name: str | None) -> bool:
        """Say whether a recording of this name is running; one without a name cannot be asked for."""
        return name is not None and any(running.verb.attributes.get("name") == name for running in self._running)

    def stop(self, name: str) -> None:
        """End the recording of that name now."""
        self._end(next(running for running in self._running if running.verb.attributes.get("name") == name))

    def end(self, recording: Recording) -> None:
        """End this recording now."""
        self._end(next(running for running in self._running if running.recording is recording))

    def end_all(self) -> None:
        """End what still runs: the call is over."""
        for running in list(self._running):
            self._end(running)

    def deliver(self) -> None:
        """Complete the recordings that have ended, and send their callbacks."""
        while self._ended:
            running = self._ended.pop(0)
            with self._state.lock:
                running.recording.status = "absent" if running.recording.error_code else "completed"
            self._tell(running)

    def _end(self, running: _Running) -> None:
        self._running.remove(running)
        recording, start, end = running.recording, running.began, self._line.now
        sounds = self._line.sounds(recording.tracks, start, end)
        if sounds and running.verb.attributes.get("trim", "trim-silence") == "trim-silence":
            start, end = sounds[0].start, max(sound.end for sound in sounds)
        with self._state.lock:
            recording.sounds = tuple(sound.moved(-start) for sound in sounds)
            recording.seconds = end - start
            recording.status = "processing"
            recording.error_code = self._why_absent(recording)
        self._ended.append(running)

    def _why_absent(self, recording: Recording) -> int:
        if recording.seconds < 1:
            return _TOO_SHORT
        silent = not recording.sounds
        return _SILENT if silent and self._unknowns.silent_recording == "absent" else 0

    def _tell(self, running: _Running) -> None:
        attributes = running.verb.attributes
        url = attributes.get("recordingStatusCallback")
        # Not subscribed to `absent`: no callback at all for a recording that is too short.
        events = attributes.get("recordingStatusCallbackEvent", "completed").split()
        if url is not None and running.recording.status in events:
            params = call_parameters.of_recording(self._account, running.recording)
            self._callback(urljoin(running.document, url), params)


def _tracks(track: str) -> tuple[Track, ...]:
    if track == "inbound":
        return ("inbound",)
    return ("outbound",) if track == "outbound" else ("inbound", "outbound")
