"""Twilio's REST API, by the official SDK: reads calls and recordings, makes and reads transcripts.

Sentences and operator results are read as raw JSON: the SDK's own classes turn numbers into 50-digit decimals that
DynamoDB refuses, and drop fields they do not know.
"""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import ValidationError
from twilio.base.values import unset
from twilio.http import HttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from callscribe.adapters.twilio_errors import error_of_status, twilio_errors
from callscribe.domain.call import Call
from callscribe.domain.errors import NotFoundError, UnreadableError
from callscribe.domain.recording import Recording
from callscribe.domain.settings import Settings
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, TranscriptSid
from callscribe.domain.transcript import Participant, Sentence, Transcript

TIMEOUT_SECONDS = 10
"""The SDK has no timeout of its own."""

PAGE_SIZE = 1000
"""The largest page Conversational Intelligence gives (Twilio docs, Transcript Sentences)."""

INTELLIGENCE = "https://intelligence.twilio.com/v2"


class Twilio:
    """One account at Twilio. Every method raises the errors of `twilio_errors`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def call(self, sid: CallSid) -> Call:
        """Fetch a call."""
        doing = f"reading call {sid}"
        with twilio_errors(doing):
            call = self._client.calls(sid).fetch()
        if call.start_time is None:
            raise UnreadableError(f"{doing}: it has no start_time")
        return Call(
            sid=sid,
            from_=call._from or "",  # noqa: SLF001 (the SDK's name for it: `from` is a keyword)
            to=call.to or "",
            direction=call.direction or "",
            started=call.start_time,
            # Twilio gives "0" or nothing while a call lasts.
            seconds=int(call.duration) if str(call.status) == "completed" and call.duration else None,
        )

    def recording(self, sid: RecordingSid) -> Recording:
        """Fetch a recording."""
        doing = f"reading recording {sid}"
        with twilio_errors(doing):
            recording = self._client.recordings(sid).fetch()
        try:
            # -1 or nothing until the file is finished.
            seconds = int(recording.duration or -1)
            return Recording(
                sid=sid,
                call_sid=CallSid(recording.call_sid or ""),
                status=str(recording.status),
                source=str(recording.source),
                channels=int(recording.channels or 1),
                started=recording.start_time,
                seconds=seconds if seconds >= 0 else None,
            )
        except ValueError:
            # Its text quotes the field.
            raise UnreadableError(f"{doing}: call_sid, channels or duration is of another shape") from None

    def create_transcript(
        self,
        recording: Recording,
        service_sid: ServiceSid,
        participants: Sequence[Participant],
    ) -> TranscriptSid:
        """Ask for the transcript of a recording. Costs money; Twilio allows one transcript for each recording."""
        channel: dict[str, Any] = {"media_properties": {"source_sid": recording.sid}}
        # Only the speakers of two channels can be named (Twilio docs, Transcript `Channel`).
        if recording.channels == 2:
            channel["participants"] = [_participant(one) for one in participants]
        doing = f"asking for the transcript of recording {recording.sid} of call {recording.call_sid}"
        with twilio_errors(doing):
            transcript = self._client.intelligence.v2.transcripts.create(
                service_sid=service_sid,
                channel=channel,
                customer_key=recording.call_sid,
                media_start_time=recording.started or unset,
            )
        return TranscriptSid(str(transcript.sid))

    def transcript_of(self, recording_sid: RecordingSid, service_sid: ServiceSid) -> TranscriptSid | None:
        """Find the transcript that a recording already has."""
        # Not by the SDK's list: it hides the status of a page that is refused.
        query = urlencode({"ServiceSid": service_sid, "SourceSid": recording_sid})
        doing = f"looking for the transcript of recording {recording_sid}"
        try:
            found = next(self._read_all(doing, f"{INTELLIGENCE}/Transcripts?{query}"), None)
            return TranscriptSid(found["sid"]) if found else None
        except NotFoundError:
            # A Service that does not exist has no transcripts.
            return None

    def transcript(self, sid: TranscriptSid) -> Transcript:
        """Fetch a transcript, without its sentences."""
        doing = f"reading transcript {sid}"
        fields = self._read(doing, f"{INTELLIGENCE}/Transcripts/{sid}")
        media = (fields.get("channel") or {}).get("media_properties") or {}
        try:
            return Transcript.model_validate(
                {**fields, "source_sid": media.get("source_sid"), "seconds": fields.get("duration")}
            )
        except ValidationError as error:
            raise UnreadableError.of(doing, error) from None

    def sentences(self, sid: TranscriptSid) -> list[Sentence]:
        """Fetch all sentences, in their order."""
        doing = f"reading the sentences of transcript {sid}"
        try:
            rows = self._read_all(doing, f"{INTELLIGENCE}/Transcripts/{sid}/Sentences")
            return [Sentence.model_validate(row) for row in rows]
        except ValidationError as error:
            raise UnreadableError.of(doing, error) from None

    def operator_results(self, sid: TranscriptSid) -> list[dict[str, Any]]:
        """Fetch what every operator made of a transcript, key for key."""
        doing = f"reading the operator results of transcript {sid}"
        return list(self._read_all(doing, f"{INTELLIGENCE}/Transcripts/{sid}/OperatorResults"))

    def _read_all(self, doing: str, url: str) -> Iterator[dict[str, Any]]:
        next_url: str | None = f"{url}{'&' if '?' in url else '?'}PageSize={PAGE_SIZE}"
        while next_url:
            page = self._read(doing, next_url)
            try:
                rows = page[page["meta"]["key"]]
                next_url = page["meta"]["next_page_url"]
            except (KeyError, TypeError) as error:
                raise UnreadableError(f"{doing}: the page has no {error}") from error
            yield from rows

    def _read(self, doing: str, url: str) -> dict[str, Any]:
        with twilio_errors(doing):
            response: Response = self._client.request("GET", url)
            if response.status_code >= 400:
                raise error_of_status(doing, response.status_code, _code_of(response.text))
            answer = json.loads(response.text, parse_float=Decimal, parse_constant=str)
        if not isinstance(answer, dict):
            raise UnreadableError(f"{doing}: the answer is no JSON object")
        return answer


def _participant(participant: Participant) -> dict[str, Any]:
    number = {"media_participant_id": participant.number} if participant.number else {}
    return {"channel_participant": participant.channel, "role": participant.role, **number}


def _code_of(text: str) -> int | None:
    """Twilio's own error code in the body of a refusal, which may also be HTML."""
    try:
        return int(json.loads(text)["code"])
    except (KeyError, TypeError, ValueError):
        return None


class _LoopbackHttpClient(HttpClient):
    """Sends every request to the simulator: the SDK's own hosts are fixed."""

    def __init__(self, url: str, sender: TwilioHttpClient) -> None:
        self._base = urlsplit(url)
        self._sender = sender

    def request(self, method: str, uri: str, *args: Any, **kwargs: Any) -> Response:
        target = urlsplit(uri)._replace(scheme=self._base.scheme, netloc=self._base.netloc)
        return self._sender.request(method, urlunsplit(target), *args, **kwargs)


@lru_cache(maxsize=1)
def _twilio(account_sid: str, key_sid: str, key_secret: str, url: str | None) -> Twilio:
    sender = TwilioHttpClient(timeout=TIMEOUT_SECONDS)
    http_client = _LoopbackHttpClient(url, sender) if url else sender
    return Twilio(Client(key_sid, key_secret, account_sid, http_client=http_client))


def twilio(settings: Settings) -> Twilio:
    """The account that the settings name; the connection is kept while they stay the same."""
    return _twilio(settings.account_sid, settings.api_key_sid, settings.api_key_secret, settings.twilio_url)
