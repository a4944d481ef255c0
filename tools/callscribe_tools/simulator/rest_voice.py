"""api.twilio.com: calls, recordings and their media."""

from collections.abc import Callable
from typing import Literal

from starlette.responses import JSONResponse, Response

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.api_errors import ApiError, bad_request, not_found
from callscribe_tools.simulator.paging import PAGING, only
from callscribe_tools.simulator.recording import Recording
from callscribe_tools.simulator.resources import call_json, call_recording_json, recording_json
from callscribe_tools.simulator.rest_api import Ask, Resource
from callscribe_tools.simulator.state import Call, State
from callscribe_tools.simulator.unknowns import Unknowns
from callscribe_tools.simulator.voice_lists import by_day, page_of, within

_CALL_FILTERS: dict[str, Callable[[Call], str | None]] = {
    "To": lambda call: call.to,
    "From": lambda call: call.from_,
    "ParentCallSid": lambda call: call.parent_call_sid,
    "Status": lambda call: call.status,
}
_CALL_STATUSES = frozenset({"queued", "ringing", "in-progress", "canceled", "completed", "failed", "busy", "no-answer"})


class VoiceApi:
    """The voice resources of the simulated account."""

    def __init__(self, account: Account, state: State, unknowns: Unknowns) -> None:
        self._account = account
        self._state = state
        self._unknowns = unknowns

    def resources(self) -> list[Resource]:
        """List the paths it answers."""
        base = "/2010-04-01/Accounts/{account_sid}"
        # Routes are tried in order: those with an extension before the media without one.
        return [
            Resource(f"{base}/Calls.json", {"GET": self._calls}),
            Resource(f"{base}/Calls/{{sid}}.json", {"GET": self._call}),
            Resource(f"{base}/Calls/{{sid}}/Recordings.json", {"GET": self._recordings_of_call}),
            Resource(f"{base}/Recordings.json", {"GET": self._recordings}),
            Resource(f"{base}/Recordings/{{sid}}.json", {"GET": self._fetch, "DELETE": self._delete}),
            Resource(f"{base}/Recordings/{{sid}}.wav", {"GET": self._media}),
            Resource(f"{base}/Recordings/{{sid}}.mp3", {"GET": _mp3}),
            Resource(f"{base}/Recordings/{{sid}}", {"GET": self._media}),
        ]

    def _calls(self, ask: Ask) -> Response:
        only(ask.query, PAGING, _CALL_FILTERS, by_day("StartTime"))
        if ask.query.get("Status", "queued") not in _CALL_STATUSES:
            raise bad_request(f"Status is {ask.query['Status']!r}, no status of a call")
        with self._state.lock:
            items = [
                call_json(self._account, call)
                for call in reversed(self._state.calls.values())
                if all(of(call) == ask.query[name] for name, of in _CALL_FILTERS.items() if name in ask.query)
                and within(call.started, "StartTime", ask.query, by_day=self._unknowns.list_filters == "day")
            ]
        return JSONResponse(page_of("calls", ask.path, ask.query, items))

    def _call(self, ask: Ask) -> Response:
        only(ask.query)
        with self._state.lock:
            return JSONResponse(call_json(self._account, self._known_call(ask)))

    def _recordings_of_call(self, ask: Ask) -> Response:
        only(ask.query, PAGING, by_day("DateCreated"))
        with self._state.lock:
            sid = self._known_call(ask).sid
            items = [call_recording_json(self._account, one) for one in self._listed(ask, sid)]
        return JSONResponse(page_of("recordings", ask.path, ask.query, items))

    def _recordings(self, ask: Ask) -> Response:
        only(ask.query, PAGING, {"CallSid"}, by_day("DateCreated"))
        with self._state.lock:
            items = [recording_json(self._account, one) for one in self._listed(ask, ask.query.get("CallSid"))]
        return JSONResponse(page_of("recordings", ask.path, ask.query, items))

    def _listed(self, ask: Ask, call_sid: str | None) -> list[Recording]:
        return [
            one
            for one in reversed(self._state.recordings.values())
            if one.status != "deleted"
            and call_sid in {None, one.call_sid}
            and within(one.started, "DateCreated", ask.query, by_day=self._unknowns.list_filters == "day")
        ]

    def _fetch(self, ask: Ask) -> Response:
        only(ask.query)
        with self._state.lock:
            return JSONResponse(recording_json(self._account, self._recording(ask)))

    def _delete(self, ask: Ask) -> Response:
        with self._state.lock:
            recording = self._recording(ask)
            # "Only completed recordings"; that those which will never be completed can be deleted too is assumed.
            if recording.status not in {"completed", "absent", "failed"}:
                raise bad_request(f"{recording.sid} is {recording.status}: only completed recordings are deleted")
            self._state.delete_recording(recording)
        return Response(status_code=204)

    def _media(self, ask: Ask) -> Response:
        only(ask.query, {"RequestedChannels"})
        with self._state.lock:
            recording = self._recording(ask)
            # Of one that is stored externally "it won't be possible ... to fetch a recording media file".
            if recording.status != "completed" or recording.stored_at is not None:
                raise not_found(ask.path)
            if recording.encrypted:
                raise ApiError(404, 20404, f"{ask.path}: media that are encrypted are real, but not simulated")
        return Response(recording.wav(self._channels(ask, recording)), media_type="audio/x-wav")

    def _known_call(self, ask: Ask) -> Call:
        call = self._state.calls.get(ask.sids["sid"])
        if call is None:
            raise not_found(ask.path)
        return call

    def _recording(self, ask: Ask) -> Recording:
        recording = self._state.recordings.get(ask.sids["sid"])
        # "Recordings metadata are kept after deletion for a retention period of 40 days": that only a list with
        # IncludeSoftDeleted, which is not simulated, shows it is assumed.
        if recording is None or recording.status == "deleted":
            raise not_found(ask.path)
        return recording

    def _channels(self, ask: Ask, recording: Recording) -> Literal[1, 2]:
        match ask.query.get("RequestedChannels"):
            case None:
                return recording.channels
            case "1":
                return 1
            case "2" if recording.channels == 2:
                return 2
            case "2" if self._unknowns.mono_as_dual_status == 404:
                raise not_found(ask.path)
            case "2":
                raise bad_request(f"{recording.sid} has one channel: retry with RequestedChannels=1")
            case other:
                raise bad_request(f"RequestedChannels is {other!r}, not 1 or 2")


def _mp3(ask: Ask) -> Response:
    raise ApiError(404, 20404, f"{ask.path}: media are real as .mp3 too, but not simulated; fetch .wav")
