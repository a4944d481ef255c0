"""api.twilio.com: calls, recordings and their media."""

from typing import Literal

from starlette.responses import JSONResponse, Response

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.api_errors import bad_request, not_found
from callscribe_tools.simulator.resources import call_json, recording_json
from callscribe_tools.simulator.rest_api import Ask, Resource
from callscribe_tools.simulator.state import Recording, State


class VoiceApi:
    """The voice resources of the simulated account."""

    def __init__(self, account: Account, state: State) -> None:
        self._account = account
        self._state = state

    def resources(self) -> list[Resource]:
        """List the paths it answers."""
        base = "/2010-04-01/Accounts/{account_sid}"
        # Routes are tried in order: .json and .wav before the media without an extension.
        return [
            Resource(f"{base}/Calls/{{sid}}.json", {"GET": self._call}),
            Resource(f"{base}/Recordings/{{sid}}.json", {"GET": self._fetch, "DELETE": self._delete}),
            Resource(f"{base}/Recordings/{{sid}}.wav", {"GET": self._media}),
            Resource(f"{base}/Recordings/{{sid}}", {"GET": self._media}),
        ]

    def _call(self, ask: Ask) -> Response:
        with self._state.lock:
            call = self._state.calls.get(ask.sids["sid"])
            if call is None:
                raise not_found(ask.path)
            return JSONResponse(call_json(self._account, call))

    def _fetch(self, ask: Ask) -> Response:
        with self._state.lock:
            return JSONResponse(recording_json(self._account, self._recording(ask)))

    def _delete(self, ask: Ask) -> Response:
        with self._state.lock:
            recording = self._recording(ask)
            if recording.status not in {"completed", "absent"}:  # "only completed recordings"
                raise bad_request(f"{recording.sid} is {recording.status}: only completed recordings are deleted")
            # "Metadata is kept 40 days with status deleted."
            recording.status = "deleted"
        return Response(status_code=204)

    def _media(self, ask: Ask) -> Response:
        with self._state.lock:
            recording = self._recording(ask)
        if recording.status != "completed":
            raise not_found(ask.path)
        return Response(recording.wav(_channels(ask, recording)), media_type="audio/x-wav")

    def _recording(self, ask: Ask) -> Recording:
        recording = self._state.recordings.get(ask.sids["sid"])
        if recording is None:
            raise not_found(ask.path)
        return recording


def _channels(ask: Ask, recording: Recording) -> Literal[1, 2]:
    match ask.query.get("RequestedChannels"):
        case None:
            return recording.channels
        case "1":
            return 1
        case "2" if recording.channels == 2:
            return 2
        case "2":  # 400 by the Recordings page; the undated announcement says 404
            raise bad_request(f"{recording.sid} has one channel: retry with RequestedChannels=1")
        case other:
            raise bad_request(f"RequestedChannels is {other!r}, not 1 or 2")
