"""intelligence.twilio.com: transcripts with their sentences and operator results."""

from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.api_errors import bad_request, not_found
from callscribe_tools.simulator.paging import page
from callscribe_tools.simulator.resources import operator_result_json, sentences_json, transcript_json
from callscribe_tools.simulator.rest_api import Ask, Resource
from callscribe_tools.simulator.state import State, Transcript
from callscribe_tools.simulator.transcripts import Transcripts
from callscribe_tools.simulator.unknowns import Unknowns

_PAGING = frozenset({"PageSize", "Page", "PageToken"})
_FILTERS: dict[str, Callable[[Transcript], str]] = {
    "ServiceSid": lambda transcript: transcript.service_sid,
    "SourceSid": lambda transcript: transcript.source_sid,
    "Status": lambda transcript: transcript.status,
    "LanguageCode": lambda transcript: transcript.language_code,
}


class IntelligenceApi:
    """The Conversational Intelligence resources of the simulated account."""

    def __init__(self, account: Account, state: State, transcripts: Transcripts, unknowns: Unknowns) -> None:
        self._account = account
        self._state = state
        self._transcripts = transcripts
        self._unknowns = unknowns

    def resources(self) -> list[Resource]:
        """List the paths it answers."""
        one = "/v2/Transcripts/{sid}"
        return [
            Resource("/v2/Transcripts", {"GET": self._list, "POST": self._create}),
            Resource(one, {"GET": self._fetch, "DELETE": self._delete}),
            Resource(f"{one}/Sentences", {"GET": self._sentences}),
            Resource(f"{one}/OperatorResults", {"GET": self._operator_results}),
        ]

    def _create(self, ask: Ask) -> Response:
        transcript = self._transcripts.create(ask.form)
        return JSONResponse(self._json(transcript, echo_channel=True), status_code=202)

    def _list(self, ask: Ask) -> Response:
        _only(ask, _PAGING | set(_FILTERS))
        wanted = {name: ask.query[name] for name in _FILTERS if name in ask.query}
        with self._state.lock:
            found = [
                transcript
                # Newest first (assumed).
                for transcript in reversed(self._state.transcripts.values())
                if all(_FILTERS[name](transcript) == value for name, value in wanted.items())
            ]
            items = [self._json(transcript, echo_channel=self._echoes()) for transcript in found]
        return JSONResponse(page("transcripts", ask.path, ask.query, items))

    def _fetch(self, ask: Ask) -> Response:
        with self._state.lock:
            return JSONResponse(self._json(self._transcript(ask), echo_channel=self._echoes()))

    def _delete(self, ask: Ask) -> Response:
        # "To re-transcribe a Recording, delete the original Transcript resource and create a new one."
        with self._state.lock:
            del self._state.transcripts[self._transcript(ask).sid]
        return Response(status_code=204)

    def _sentences(self, ask: Ask) -> Response:
        _only(ask, _PAGING | {"Redacted"})
        with self._state.lock:
            transcript = self._transcript(ask)
            recording = self._state.recordings.get(transcript.source_sid)
            # Before it is completed there are none (assumed).
            done = recording is not None and transcript.status == "completed"
            items = sentences_json(recording) if recording is not None and done else []
        return JSONResponse(page("sentences", ask.path, ask.query, items))

    def _operator_results(self, ask: Ask) -> Response:
        _only(ask, _PAGING | {"Redacted"})
        with self._state.lock:
            items = self._results(self._transcript(ask))
        return JSONResponse(page("operator_results", ask.path, ask.query, items))

    def _results(self, transcript: Transcript) -> list[dict[str, Any]]:
        if transcript.status != "completed":
            return []
        service = self._account.services[transcript.service_sid]
        call = self._state.calls[self._state.recordings[transcript.source_sid].call_sid]
        return [
            operator_result_json(transcript, service, result)
            for result in call.scenario.operator_results
            if result.name in service.operators
        ]

    def _json(self, transcript: Transcript, *, echo_channel: bool) -> dict[str, Any]:
        recording = self._state.recordings.get(transcript.source_sid)
        return transcript_json(self._account, transcript, recording, echo_channel=echo_channel)

    def _echoes(self) -> bool:
        return self._unknowns.transcript_channel_echoed

    def _transcript(self, ask: Ask) -> Transcript:
        transcript = self._state.transcripts.get(ask.sids["sid"])
        if transcript is None:
            raise not_found(ask.path)
        return transcript


def _only(ask: Ask, known: set[str] | frozenset[str]) -> None:
    unknown = set(ask.query) - known
    if unknown:
        raise bad_request(f"not parameters the simulator knows here: {', '.join(sorted(unknown))}")
