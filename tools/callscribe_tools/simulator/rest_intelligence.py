"""intelligence.twilio.com: transcripts with their sentences, operator results and media."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.api_errors import bad_request, not_found
from callscribe_tools.simulator.content import Content
from callscribe_tools.simulator.exact_json import ExactJsonResponse
from callscribe_tools.simulator.intelligence_json import (
    media_json,
    operator_result_json,
    sentences_json,
    transcript_json,
)
from callscribe_tools.simulator.paging import PAGING, only, page
from callscribe_tools.simulator.rest_api import Ask, Resource
from callscribe_tools.simulator.state import State, Transcript
from callscribe_tools.simulator.transcript_form import moment_of
from callscribe_tools.simulator.transcripts import Transcripts
from callscribe_tools.simulator.unknowns import Unknowns

_FILTERS: dict[str, Callable[[Transcript], str]] = {
    "ServiceSid": lambda transcript: transcript.service_sid,
    "SourceSid": lambda transcript: transcript.source_sid,
    "Status": lambda transcript: transcript.status,
    "LanguageCode": lambda transcript: transcript.language_code,
}
_MOMENTS: dict[str, Callable[[Transcript], datetime | None]] = {
    "StartTime": lambda transcript: transcript.media_start_time,
    "DateCreated": lambda transcript: transcript.created,
}


class IntelligenceApi:
    """The transcripts of the simulated account."""

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
            Resource(f"{one}/OperatorResults/{{operator_sid}}", {"GET": self._operator_result}),
            Resource(f"{one}/Media", {"GET": self._media}),
        ]

    def _create(self, ask: Ask) -> Response:
        transcript = self._transcripts.create(ask.form)
        return JSONResponse(self._json(transcript, echo_channel=True), status_code=202)

    def _list(self, ask: Ask) -> Response:
        only(ask.query, PAGING, _FILTERS, (f"{side}{name}" for name in _MOMENTS for side in ("Before", "After")))
        with self._state.lock:
            # Newest first (assumed).
            found = [one for one in reversed(self._state.transcripts.values()) if _matches(one, ask.query)]
            items = [self._json(one, echo_channel=self._unknowns.transcript_channel_echoed) for one in found]
        return JSONResponse(page("transcripts", ask.path, ask.query, items))

    def _fetch(self, ask: Ask) -> Response:
        with self._state.lock:
            transcript = self._transcript(ask)
            return JSONResponse(self._json(transcript, echo_channel=self._unknowns.transcript_channel_echoed))

    def _delete(self, ask: Ask) -> Response:
        # "To re-transcribe a Recording, delete the original Transcript resource and create a new one."
        with self._state.lock:
            self._transcripts.delete(self._transcript(ask))
        return Response(status_code=204)

    def _sentences(self, ask: Ask) -> Response:
        only(ask.query, PAGING, {"Redacted"})
        with self._state.lock:
            transcript = self._transcript(ask)
            redacted = _redacted(ask, transcript)
            content = self._readable(transcript)
            # Before it is completed there are none (assumed).
            items = [] if content is None else sentences_json(transcript, content, redacted=redacted)
        return JSONResponse(page("sentences", ask.path, ask.query, items))

    def _operator_results(self, ask: Ask) -> Response:
        only(ask.query, PAGING, {"Redacted"})
        with self._state.lock:
            items = self._results(ask)
        return ExactJsonResponse(page("operator_results", ask.path, ask.query, items))

    def _operator_result(self, ask: Ask) -> Response:
        only(ask.query, {"Redacted"})
        with self._state.lock:
            for result in self._results(ask):
                if result["operator_sid"] == ask.sids["operator_sid"]:
                    return ExactJsonResponse(result)
        raise not_found(ask.path)

    def _media(self, ask: Ask) -> Response:
        only(ask.query, {"Redacted"})
        with self._state.lock:
            transcript = self._transcript(ask)
            redacted = _redacted(ask, transcript) and transcript.media_redaction
            return JSONResponse(media_json(self._account, transcript, redacted=redacted))

    def _results(self, ask: Ask) -> list[dict[str, Any]]:
        transcript = self._transcript(ask)
        redacted = _redacted(ask, transcript)
        if self._readable(transcript) is None or self._transcripts.results_missing(transcript):
            return []
        call = self._state.call_of(self._state.recordings[transcript.source_sid])
        return [
            operator_result_json(transcript, result, redacted=redacted)
            for result in (call.scenario.operator_results if call else ())
            if result.name in transcript.operators
        ]

    def _json(self, transcript: Transcript, *, echo_channel: bool) -> dict[str, Any]:
        return transcript_json(
            self._account,
            transcript,
            self._content(transcript),
            echo_channel=echo_channel,
            tells_encryption=self._unknowns.encryption_told in {"everywhere", "transcript"},
        )

    def _readable(self, transcript: Transcript) -> Content | None:
        """What may be read in plain text of a transcript."""
        if transcript.encryption_credential_sid is None:
            return self._content(transcript)
        if self._unknowns.encrypted_texts == "refused":
            raise bad_request("the transcript is encrypted: read Sentences/Encrypted")  # assumed
        return None

    def _content(self, transcript: Transcript) -> Content | None:
        if transcript.status != "completed":
            return None
        # One that a test has put here completed has no copy yet.
        self._state.hear(transcript)
        return transcript.content

    def _transcript(self, ask: Ask) -> Transcript:
        transcript = self._state.transcripts.get(ask.sids["sid"])
        if transcript is None:
            raise not_found(ask.path)
        return transcript


def _matches(transcript: Transcript, query: dict[str, str]) -> bool:
    same = all(of(transcript) == query[name] for name, of in _FILTERS.items() if name in query)
    return same and all(_within(of(transcript), name, query) for name, of in _MOMENTS.items())


def _within(moment: datetime | None, name: str, query: dict[str, str]) -> bool:
    # That the very moment is neither before nor after itself is assumed.
    before, after = moment_of(query, f"Before{name}"), moment_of(query, f"After{name}")
    if moment is None:
        return before is None and after is None
    return (before is None or moment < before) and (after is None or moment > after)


def _redacted(ask: Ask, transcript: Transcript) -> bool:
    """Say which alternative is wanted: "if redaction is enabled, the default is `true`"; without it there is one."""
    wanted = ask.query.get("Redacted", "true").lower()
    if wanted not in {"true", "false"}:
        raise bad_request(f"Redacted is {wanted!r}, not true or false")
    return transcript.redaction and wanted == "true"
