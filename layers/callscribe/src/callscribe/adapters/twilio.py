"""Twilio's REST API: reads calls and recordings, makes and reads transcripts. The workers' side of Twilio.

The official SDK sends the requests, with credentials and timeouts; answers are read as raw JSON. Its own classes turn
numbers into 50-digit decimals that DynamoDB refuses, drop fields they do not know, and hide why a list was refused
(docs/decisions/0007).
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import ValidationError
from requests import Response as RequestsResponse
from twilio.http import HttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from callscribe.adapters.twilio_errors import error_of_status, throttled, twilio_errors
from callscribe.adapters.twilio_json import call_of, configuration_of, participant_json, recording_of, transcript_of
from callscribe.domain.call import Call
from callscribe.domain.errors import NotFoundError, TransientError, UnreadableError
from callscribe.domain.recording import Recording
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, TranscriptSid
from callscribe.domain.transcript import Configuration, Participant, Role, Sentence, Transcript, participants_of

PAGE_SIZE = 1000
"""The largest page Twilio gives (Twilio docs, "Twilio's response", paging; Transcript Sentences)."""

API = "https://api.twilio.com"
VOICE = f"{API}/2010-04-01/Accounts"
INTELLIGENCE = "https://intelligence.twilio.com/v2"


type Odd = Callable[[UnreadableError], None]


class Twilio:
    """One account at Twilio. Every method raises the errors of `twilio_errors`, and UnreadableError."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._voice = f"{VOICE}/{client.account_sid}"

    def call(self, sid: CallSid) -> Call:
        """Fetch a call."""
        doing = f"reading call {sid}"
        return call_of(doing, self._read(doing, f"{self._voice}/Calls/{sid}.json"))

    def participants(self, call: Call, recording: Recording) -> tuple[Participant, ...]:
        """Tell who speaks on which channel; asks for the second leg of a call that was put through."""
        return participants_of(call, recording, self._second_leg(call.sid) if recording.made_by_dial else None)

    def _second_leg(self, sid: CallSid) -> Call | None:
        doing = f"looking for the second leg of call {sid}"
        page = self._read(doing, f"{self._voice}/Calls.json?{urlencode({'ParentCallSid': sid, 'PageSize': PAGE_SIZE})}")
        legs = _rows(doing, page, "calls")
        return next((call_of(doing, leg) for leg in legs if leg.get("status") in {"in-progress", "completed"}), None)

    def recording(self, sid: RecordingSid) -> Recording:
        """Fetch a recording."""
        doing = f"reading recording {sid}"
        return recording_of(doing, self._read(doing, f"{self._voice}/Recordings/{sid}.json"))

    def recordings_of(self, call_sid: CallSid) -> list[Recording]:
        """Fetch the recordings of a call."""
        doing = f"reading the recordings of call {call_sid}"
        query = urlencode({"CallSid": call_sid, "PageSize": PAGE_SIZE})
        rows = _rows(doing, self._read(doing, f"{self._voice}/Recordings.json?{query}"), "recordings")
        return [recording_of(doing, one) for one in rows]

    def calls_to(self, number: str, since: datetime, before: datetime, odd: Odd) -> Iterator[Call]:
        """Fetch the calls that came in on a number and began in that time, the newest first.

        What has another shape than documented is told to `odd`, here and below: it holds nothing else up.
        """
        yield from self._calls({"To": number}, since, before, odd)

    def calls_between(self, since: datetime, before: datetime, odd: Odd) -> Iterator[Call]:
        """Fetch the calls that came in on any number of the account and began in that time, the newest first."""
        yield from self._calls({}, since, before, odd)

    def _calls(self, query: Mapping[str, str], since: datetime, before: datetime, odd: Odd) -> Iterator[Call]:
        doing = f"listing the calls that began since {since:%Y-%m-%dT%H:%MZ}"
        for row in self._read_voice(doing, "Calls", "calls", {**query, **_between("StartTime", since, before)}):
            # One that has no start has not begun.
            if row.get("direction") == "inbound" and row.get("start_time"):
                with _told_to(odd):
                    call = call_of(doing, row)
                    if since <= call.started < before:
                        yield call

    def recordings_between(self, since: datetime, before: datetime, odd: Odd) -> Iterator[Recording]:
        """Fetch the recordings that the account, and not only we, began in that time, the newest first."""
        doing = f"listing the recordings that began since {since:%Y-%m-%dT%H:%MZ}"
        for row in self._read_voice(doing, "Recordings", "recordings", _between("DateCreated", since, before)):
            # One of a conference may be of no call.
            if row.get("call_sid"):
                with _told_to(odd):
                    yield recording_of(doing, row)

    def transcripts_under(
        self, service_sid: ServiceSid, since: datetime, before: datetime, odd: Odd
    ) -> Iterator[Transcript]:
        """Fetch the transcripts that were asked for under a Service in that time, the newest first."""
        doing = f"listing the transcripts of Service {service_sid}"
        asked = {"ServiceSid": service_sid, "AfterDateCreated": _iso(since), "BeforeDateCreated": _iso(before)}
        for row in self._read_all(doing, "Transcripts", **asked):
            with _told_to(odd):
                yield transcript_of(doing, row)

    def _read_voice(self, doing: str, path: str, key: str, query: Mapping[str, object]) -> Iterator[dict[str, Any]]:
        """Fetch a list of the voice API, page by page."""
        next_url = f"{self._voice}/{path}.json?{urlencode({**query, 'PageSize': PAGE_SIZE})}"
        while next_url:
            page = self._read(doing, next_url)
            yield from _rows(doing, page, key)
            next_uri = page.get("next_page_uri")
            next_url = f"{API}{next_uri}" if next_uri else ""

    def delete_recording(self, sid: RecordingSid) -> None:
        """Delete a recording, if there (still) is one."""
        with suppress(NotFoundError):
            self._ask(f"deleting recording {sid}", "DELETE", f"{self._voice}/Recordings/{sid}.json")

    def create_transcript(
        self, recording: Recording, service_sid: ServiceSid, participants: Sequence[Participant]
    ) -> TranscriptSid:
        """Ask for the transcript of a recording. Costs money; Twilio allows one transcript for each recording."""
        channel: dict[str, Any] = {"media_properties": {"source_sid": recording.sid}}
        # Only the speakers of two channels can be named (Twilio docs, Transcript `Channel`).
        known = [participant_json(one) for one in participants if one.role is not Role.UNKNOWN]
        if recording.channels == 2 and known:
            channel["participants"] = known
        form: dict[str, object] = {
            "ServiceSid": service_sid,
            "Channel": json.dumps(channel),
            "CustomerKey": recording.call_sid,
        }
        if recording.started:
            form["MediaStartTime"] = _iso(recording.started)
        doing = f"asking for the transcript of recording {recording.sid} of call {recording.call_sid}"
        answer = _object(doing, self._ask(doing, "POST", f"{INTELLIGENCE}/Transcripts", form))
        try:
            return TranscriptSid(str(answer.get("sid")))
        except ValueError:
            # It may exist all the same: the next try looks for it.
            raise TransientError(f"{doing}: the answer has no sid") from None

    def transcript_of(self, recording_sid: RecordingSid, service_sid: ServiceSid) -> Transcript | None:
        """Find the transcript that a recording already has."""
        doing = f"looking for the transcript of recording {recording_sid}"
        # A Service that does not exist has no transcripts.
        with suppress(NotFoundError):
            found = next(self._read_all(doing, "Transcripts", ServiceSid=service_sid, SourceSid=recording_sid), None)
            return transcript_of(doing, found) if found else None
        return None

    def transcript(self, sid: TranscriptSid) -> Transcript:
        """Fetch a transcript, without its sentences."""
        doing = f"reading transcript {sid}"
        return transcript_of(doing, self._read(doing, f"{INTELLIGENCE}/Transcripts/{sid}"))

    def sentences(self, sid: TranscriptSid, *, redacted: bool) -> list[Sentence]:
        """Fetch all sentences, in their order. `redacted` matters only where the Service redacts."""
        doing = f"reading the sentences of transcript {sid}"
        rows = self._read_all(doing, f"Transcripts/{sid}/Sentences", Redacted=str(redacted).lower())
        try:
            return [Sentence.model_validate(row) for row in rows]
        except ValidationError as error:
            raise UnreadableError.of(doing, error) from None

    def operator_results(self, sid: TranscriptSid, *, redacted: bool) -> list[dict[str, Any]]:
        """Fetch what every operator made of a transcript, key for key."""
        doing = f"reading the operator results of transcript {sid}"
        return list(self._read_all(doing, f"Transcripts/{sid}/OperatorResults", Redacted=str(redacted).lower()))

    def service(self, sid: ServiceSid) -> Configuration:
        """Fetch the version of an Intelligence Service."""
        return configuration_of(self._read(f"reading Service {sid}", f"{INTELLIGENCE}/Services/{sid}"))

    def operators(self) -> dict[str, Configuration]:
        """Fetch the versions of all operators of the account, by their SIDs."""
        rows = self._read_all("reading the operators", "Operators")
        return {str(one.get("sid")): configuration_of(one) for one in rows}

    def _read_all(self, doing: str, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Fetch a list of Conversational Intelligence, page by page."""
        next_url: str | None = f"{INTELLIGENCE}/{path}?{urlencode({**query, 'PageSize': PAGE_SIZE})}"
        while next_url:
            page = self._read(doing, next_url)
            try:
                key, next_url = page["meta"]["key"], page["meta"]["next_page_url"]
            except (KeyError, TypeError) as error:
                raise UnreadableError(f"{doing}: the page has no {error}") from error
            yield from _rows(doing, page, key)

    def _read(self, doing: str, url: str) -> dict[str, Any]:
        return _object(doing, self._ask(doing, "GET", url))

    def _ask(self, doing: str, method: str, url: str, form: dict[str, object] | None = None) -> Any:
        with twilio_errors(doing):
            response: Response = self._client.request(method, url, data=form)
            if response.status_code in {429, 503}:
                raise throttled(doing, response.status_code, (response.headers or {}).get("Retry-After"))
            if response.status_code >= 400:
                raise error_of_status(doing, response.status_code, _code_of(response.text))
            return json.loads(response.text or "null", parse_float=Decimal, parse_constant=str)


@contextmanager
def _told_to(odd: Odd) -> Iterator[None]:
    try:
        yield
    except UnreadableError as error:
        odd(error)


def _between(name: str, since: datetime, before: datetime) -> dict[str, str]:
    """The filters of a list by when something began.

    That a time of day counts is documented for none of them, and tried nowhere: so the end is one of whole days, and
    whoever asks leaves out what is too much.
    """
    midnight = before.replace(hour=0, minute=0, second=0, microsecond=0)
    end = midnight if before == midnight else midnight + timedelta(days=1)
    return {f"{name}>": _iso(since), f"{name}<": end.date().isoformat()}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _object(doing: str, answer: object) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise UnreadableError(f"{doing}: the answer is no JSON object")
    return answer


def _rows(doing: str, page: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    rows = page.get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadableError(f"{doing}: the page has no list of {key}")
    return rows


def _code_of(text: str) -> int | None:
    """Twilio's own error code in the body of a refusal, which may also be HTML."""
    try:
        return int(json.loads(text)["code"])
    except (KeyError, TypeError, ValueError):
        return None


def _as_utf_8(response: RequestsResponse, *_: Any, **__: Any) -> None:
    # JSON is UTF-8 (RFC 8259). Where Twilio does not say so, requests would guess, which takes seconds for a long one.
    response.encoding = "utf-8"


class _LoopbackHttpClient(HttpClient):
    """Sends every request to the simulator: the SDK's own hosts are fixed."""

    def __init__(self, url: str, sender: TwilioHttpClient) -> None:
        self._base = urlsplit(url)
        self._sender = sender

    def request(self, method: str, uri: str, *args: Any, **kwargs: Any) -> Response:
        target = urlsplit(uri)._replace(scheme=self._base.scheme, netloc=self._base.netloc)
        return self._sender.request(method, urlunsplit(target), *args, **kwargs)


@lru_cache(maxsize=1)
def _twilio(account_sid: str, key_sid: str, key_secret: str, url: str | None, timeout_seconds: float) -> Twilio:
    # The SDK has no timeout of its own.
    sender = TwilioHttpClient(timeout=timeout_seconds, request_hooks={"response": _as_utf_8})
    http_client = _LoopbackHttpClient(url, sender) if url else sender
    return Twilio(Client(key_sid, key_secret, account_sid, http_client=http_client))


def connect(settings: Settings, timeout_seconds: float) -> Twilio:
    """The account that the settings name; the connection is kept while they stay the same."""
    credentials = (settings.account_sid, settings.api_key_sid, settings.api_key_secret)
    return _twilio(*credentials, settings.twilio_url, timeout_seconds)


def twilio(settings: Settings) -> Twilio:
    """The same, with the patience of this environment."""
    return connect(settings, float(os.environ["TWILIO_TIMEOUT_SECONDS"]))
