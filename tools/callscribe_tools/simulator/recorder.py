"""Starts and ends the recordings of one call, and sends their status callbacks.

`CallRunner` says when. A recording is completed, and its callback sent, only by `deliver`: "the recording file may
not yet be accessible" when the action is requested (Twilio docs, TwiML <Record>).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal
from urllib.parse import urljoin, urlsplit

from callscribe_tools.simulator import call_parameters
from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.fault_record import FaultRecord
from callscribe_tools.simulator.faults import FaultKind
from callscribe_tools.simulator.recording import Recording
from callscribe_tools.simulator.state import Call, State
from callscribe_tools.simulator.timeline import Line, Sound, Track
from callscribe_tools.simulator.twiml import Verb
from callscribe_tools.simulator.unknowns import Unknowns
from callscribe_tools.simulator.violations import Violation

# Twilio support 360014251313: why a recording is absent.
_TOO_SHORT, _SILENT = 16101, 16102
# <Record> and <Recording> trim by default. <Dial> does not: its current page, by memory; the older page says it does
# (assumed).
_TRIM = {"Record": "trim-silence", "Recording": "trim-silence", "Dial": "do-not-trim"}


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
        record: FaultRecord,
        callback: Callable[[str, dict[str, str]], None],
    ) -> None:
        self._account = account
        self._state = state
        self._call = call
        self._line = line
        self._unknowns = unknowns
        self._record = record
        self._callback = callback
        self._running: list[_Running] = []
        self._ended: list[_Running] = []
        self._gone: list[_Running] = []
        """Those deleted before they were told of, as they were then."""

    def start(self, verb: Verb, document: str, began: float | None = None) -> Recording:
        """Begin a recording now or at `began`, for <Record>, <Dial> or the noun <Recording>."""
        began = self._line.now if began is None else began
        recording = Recording(
            call_sid=self._call.sid,  # of a <Dial> too: "the parent leg"
            source=self._source(verb),
            channels=_channels(verb),
            tracks=_tracks(verb),
            started=self._call.started + timedelta(seconds=round(began)),
            # "Changes affect all new Recordings", and no others (Twilio docs, Voice Recording settings).
            encrypted=self._account.recording_encryption,
            stored_at=self._account.external_storage,
        )
        with self._state.lock:
            self._state.recordings[recording.sid] = recording
            self._call.recordings.append(recording)
        running = _Running(recording, verb, document, began)
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
        while self._gone:
            self._tell(self._gone.pop(0))
        if FaultKind.RECORDING_DELETED in self._call.faults:
            return  # `delete_all` completes them, when the call is over
        while self._ended:
            running = self._ended.pop(0)
            with self._state.lock:
                running.recording.status = self._outcome(running.recording)
            self._tell(running)

    def delete_all(self) -> None:
        """Complete the recordings and delete them at once: their callbacks will tell of what is gone already."""
        with self._state.lock:
            for running in self._ended:
                running.recording.status = self._outcome(running.recording)
            self._gone = [replace(running, recording=replace(running.recording, sounds=())) for running in self._ended]
            self._ended.clear()
            for recording in self._call.recordings:
                self._state.delete_recording(recording)
                self._record.happen(FaultKind.RECORDING_DELETED, self._call.sid)

    def _outcome(self, recording: Recording) -> Literal["completed", "absent", "failed"]:
        if not recording.error_code:
            return "completed"
        return "absent" if recording.error_code in {_TOO_SHORT, _SILENT} else "failed"

    def _end(self, running: _Running) -> None:
        self._running.remove(running)
        recording, start, end = running.recording, running.began, self._line.now
        sounds = self._line.sounds(recording.tracks, start, end)
        silent = not any(self._counts(sound) for sound in sounds)
        # That a silent recording is saved whole is assumed.
        if not silent and running.verb.attributes.get("trim", _TRIM[running.verb.name]) == "trim-silence":
            start, end = sounds[0].start, max(sound.end for sound in sounds)
        with self._state.lock:
            recording.sounds = tuple(sound.moved(-start) for sound in sounds)
            recording.seconds = end - start
            recording.status = "processing"
            recording.error_code = self._what_is_wrong(recording, silent=silent)
        self._ended.append(running)

    def _counts(self, sound: Sound) -> bool:
        return bool(sound.text) or not self._unknowns.own_sounds_are_silence

    def _what_is_wrong(self, recording: Recording, *, silent: bool) -> int:
        told = self._call.scenario.recording
        if told is not None and recording.channels == 2:
            return told.error_code
        if recording.seconds < 1:
            return _TOO_SHORT
        return _SILENT if silent and self._unknowns.silent_recording == "absent" else 0

    def _source(
        self, verb: Verb
    ) -> Literal["RecordVerb", "DialVerb", "StartCallRecordingAPI", "StartCallRecordingTwiML"]:
        match verb.name:
            case "Record":
                return "RecordVerb"
            case "Dial":
                return "DialVerb"
            case _:
                return self._unknowns.noun_recording_source

    def _tell(self, running: _Running) -> None:
        attributes = running.verb.attributes
        url = attributes.get("recordingStatusCallback")
        # Not subscribed to `absent`: no callback at all for a recording that is too short. `failed` cannot be
        # subscribed to; that it is sent all the same is assumed.
        events = [*attributes.get("recordingStatusCallbackEvent", "completed").split(), "failed"]
        if url is None or running.recording.status not in events:
            return
        refuses = running.verb.name == "Recording" and self._unknowns.noun_relative_callback == "refused"
        if refuses and not urlsplit(url).scheme:
            text = "<Start><Recording> with a relative recordingStatusCallback: Twilio may not resolve it"
            self._state.violations.append(Violation("11200", text, running.document))
            return
        params = call_parameters.of_recording(self._account, running.recording)
        self._callback(urljoin(running.document, url), params)


def _channels(verb: Verb) -> Literal[1, 2]:
    match verb.name:
        case "Record":  # "Only one channel is supported for the <Record> verb."
            return 1
        case "Dial":
            return 2 if verb.attributes.get("record", "").endswith("-dual") else 1
        case _:  # the noun's default is dual
            return 1 if verb.attributes.get("channels") == "mono" else 2


def _tracks(verb: Verb) -> tuple[Track, ...]:
    by_name: dict[str, tuple[Track, ...]] = {"inbound": ("inbound",), "outbound": ("outbound",)}
    if verb.name == "Record":
        return by_name["inbound"]
    told = verb.attributes.get("recordingTrack" if verb.name == "Dial" else "track", "both")
    return by_name.get(told, ("inbound", "outbound"))
