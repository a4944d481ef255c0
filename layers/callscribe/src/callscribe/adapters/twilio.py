"""Twilio's REST API: reads calls and recordings, makes and reads transcripts. The workers' side of Twilio.

Answers are read as raw JSON: the SDK's own classes turn numbers into 50-digit decimals that DynamoDB refuses, drop
fields they do not know, and hide why a list was refused (docs/decisions/0007).
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from callscribe.adapters import twilio_api
from callscribe.adapters.twilio_api import INTELLIGENCE, Odd, Progress, TwilioApi, Until, read_object
from callscribe.adapters.twilio_fields import moment
from callscribe.adapters.twilio_json import (
    call_of,
    call_of_customer_key,
    configuration_of,
    has_text,
    lacks_needed_fields,
    lacks_service,
    participant_json,
    recording_of,
    sentence_of,
    transcript_of,
)
from callscribe.domain.call import Call
from callscribe.domain.errors import NotFoundError, OutOfTimeError, PermanentError, TransientError, UnreadableError
from callscribe.domain.recording import TRANSCRIPT_UNREADABLE, Recording
from callscribe.domain.settings import TwilioCredentials
from callscribe.domain.sids import CallSid, RecordingSid, ServiceSid, TranscriptSid
from callscribe.domain.transcript import (
    Configuration,
    Participant,
    Sentence,
    Transcript,
    participants_of,
)

AT_ONCE = 8
"""Requests of one function at the same time. Twilio's limit is an account's own, and not published (error 20429)."""

LISTED_LATE = timedelta(minutes=1)
"""By how much the order of a list may differ from the order in which its entries began."""


@dataclass(frozen=True, slots=True)
class Page[T]:
    """One page of a list: its entries, as far as they can be read, and the link to the next page, None on the last."""

    entries: Sequence[T]
    next_link: str | None


class Twilio:
    """One account at Twilio. Every method raises the errors of `twilio_errors`, and UnreadableError."""

    def __init__(self, api: TwilioApi) -> None:
        self._api = api

    def call(self, sid: CallSid) -> Call:
        """Fetch a call."""
        doing = f"reading call {sid}"
        return call_of(doing, self._api.read(doing, f"{self._api.voice}/Calls/{sid}.json"))

    def participants(self, call: Call, recording: Recording) -> tuple[Participant, ...]:
        """Tell who speaks on which channel; asks for the second leg of a call that was put through."""
        return participants_of(call, recording, self._second_leg(call.sid) if recording.made_by_dial else None)

    def _second_leg(self, sid: CallSid) -> Call | None:
        doing = f"looking for the second leg of call {sid}"
        legs = self._api.voice_rows(doing, "Calls", "calls", {"ParentCallSid": sid})
        # Whom the other leg called is worth a role and a number, and never the call.
        with suppress(PermanentError, UnreadableError):
            return next(
                (call_of(doing, leg) for leg in legs if leg.get("status") in ("in-progress", "completed")), None
            )
        return None

    def recording(self, sid: RecordingSid, known: Callable[[], Recording | None] | None = None) -> Recording:
        """Fetch a recording.

        Args:
            sid: the recording.
            known: describes the recording as its callback or its row does. It is called only if the answer lacks a
                field that the callback or the row may have.
        """
        doing = f"reading recording {sid}"
        fields = self._api.read(doing, f"{self._api.voice}/Recordings/{sid}.json")
        return recording_of(doing, fields, known() if known and lacks_needed_fields(fields) else None)

    def recordings_of(self, call_sid: CallSid, odd: Odd | None = None) -> list[Recording]:
        """Fetch the recordings of a call; what cannot be read is told to `odd`, or raised without it."""
        doing = f"reading the recordings of call {call_sid}"
        recordings = []
        for row in self._api.voice_rows(doing, "Recordings", "recordings", {"CallSid": call_sid}, odd=odd):
            with _told_to(odd) if odd else nullcontext():
                # Twilio was asked for the recordings of this call, so a row without a call is of this call.
                recordings.append(recording_of(doing, row if row.get("call_sid") else row | {"call_sid": call_sid}))
        return recordings

    def calls_to(self, number: str, since: datetime, before: datetime, odd: Odd) -> Iterator[Call]:
        """Fetch the calls that came in on a number and began in that time, the newest first.

        What has another shape than documented is told to `odd`, here and below: it holds nothing else up.
        """
        return _entries(self.call_pages(number, since, before, odd))

    def calls_from(self, number: str, since: datetime, before: datetime, odd: Odd) -> Iterator[Call]:
        """Fetch the calls that came from a number, to any of the account, and began in that time, the newest first."""
        return _entries(self._call_pages({"From": number}, since, before, odd, None))

    def call_pages(
        self, number: str | None, since: datetime, before: datetime, odd: Odd, link: str | None = None
    ) -> Iterator[Page[Call]]:
        """Fetch the calls that came in on a number, or on any of the account, and began in that time, page by page.

        The list ends with the first page of nothing but older calls, here and below: that Twilio observes a time of
        day in its filters is not documented.

        Args:
            number: None for all numbers of the account.
            since: what began before is left out.
            before: what began then or later is left out.
            odd: is told what cannot be read.
            link: `next_link` of an earlier page, to continue there.
        """
        return self._call_pages({"To": number} if number else {}, since, before, odd, link)

    def _call_pages(
        self, query: Mapping[str, str], since: datetime, before: datetime, odd: Odd, link: str | None
    ) -> Iterator[Page[Call]]:
        doing = f"listing the calls that began since {since:%Y-%m-%dT%H:%MZ}"

        def read(row: Mapping[str, Any]) -> Call | None:
            # A call without a start has not begun.
            if row.get("direction") != "inbound" or not row.get("start_time"):
                return None
            # Twilio was asked for the calls to this number, so a row without a number is of this number.
            call = call_of(doing, row if row.get("to") or "To" not in query else {**row, "to": query["To"]})
            return call if since <= call.started < before else None

        asked = {**query, **_between("StartTime", since, before)}
        pages = self._api.voice_pages(doing, "Calls", "calls", asked, link=link, odd=odd)
        return _read_pages(pages, read, odd, "start_time", since)

    def recordings_between(self, since: datetime, before: datetime, odd: Odd) -> Iterator[Recording]:
        """Fetch the recordings that the account, and not only we, began in that time, the newest first."""
        return _entries(self.recording_pages(since, before, odd))

    def recording_pages(
        self, since: datetime, before: datetime, odd: Odd, link: str | None = None
    ) -> Iterator[Page[Recording]]:
        """Fetch the recordings that the account, not only we, began in that time, page by page; see `call_pages`."""
        doing = f"listing the recordings that began since {since:%Y-%m-%dT%H:%MZ}"

        def read(row: Mapping[str, Any]) -> Recording | None:
            # A recording of a conference may be of no call.
            return recording_of(doing, row) if row.get("call_sid") else None

        asked = _between("DateCreated", since, before)
        pages = self._api.voice_pages(doing, "Recordings", "recordings", asked, link=link, odd=odd)
        return _read_pages(pages, read, odd, "date_created", since)

    def transcripts_under(
        self, service_sid: ServiceSid, since: datetime, before: datetime, odd: Odd
    ) -> Iterator[Transcript]:
        """Fetch the transcripts that were asked for under a Service in that time, the newest first."""
        return _entries(self.transcript_pages(service_sid, since, before, odd))

    def transcript_pages(
        self, service_sid: ServiceSid, since: datetime, before: datetime, odd: Odd, link: str | None = None
    ) -> Iterator[Page[Transcript]]:
        """Fetch the transcripts that were asked for under a Service in that time, page by page; see `call_pages`."""
        doing = f"listing the transcripts of Service {service_sid}"
        asked = {"ServiceSid": service_sid, "AfterDateCreated": _iso(since), "BeforeDateCreated": _iso(before)}
        pages = self._api.intelligence_pages(doing, "Transcripts", asked, link=link, odd=odd)

        def read(row: Mapping[str, Any]) -> Transcript:
            # Twilio was asked for this Service's transcripts, so a row without a Service is of this Service.
            return transcript_of(doing, row if row.get("service_sid") else {**row, "service_sid": service_sid})

        return _read_pages(pages, read, odd, "date_created", since)

    def delete_recording(self, sid: RecordingSid) -> bool:
        """Delete a recording; whether there (still) was one."""
        return self._delete(f"deleting recording {sid}", f"{self._api.voice}/Recordings/{sid}.json")

    def delete_transcript(self, sid: TranscriptSid) -> bool:
        """Delete a transcript with its sentences and operator results; whether there (still) was one."""
        return self._delete(f"deleting transcript {sid}", f"{INTELLIGENCE}/Transcripts/{sid}")

    def _delete(self, doing: str, url: str) -> bool:
        try:
            self._api.ask(doing, "DELETE", url)
        except NotFoundError:
            return False
        return True

    def transcripts_of(self, recording_sid: RecordingSid, odd: Odd | None = None) -> list[Transcript]:
        """Find all transcripts of a recording, under any Service of the account.

        Twilio allows one transcript for each recording, whatever the Service.

        Args:
            recording_sid: the recording.
            odd: is told what cannot be read of a list in which a transcript was found, such as a list without an end.
                Without it, such a list raises its error.
        """
        doing = f"looking for all transcripts of recording {recording_sid}"
        if odd is None:
            return [
                transcript_of(doing, row)
                for row in self._api.intelligence_rows(doing, "Transcripts", SourceSid=recording_sid)
            ]
        found: list[Transcript] = []
        unreadable: list[UnreadableError] = []
        tell = unreadable.append
        try:
            with _told_to(tell):
                for row in self._api.intelligence_rows(doing, "Transcripts", odd=tell, SourceSid=recording_sid):
                    with _told_to(tell):
                        found.append(transcript_of(doing, row))
        except OutOfTimeError:
            if not found:
                raise
        if unreadable and not found:
            # Whether the recording has a transcript is not known, and a second one must not be paid.
            raise unreadable[0]
        for error in unreadable:
            odd(error)
        return found

    def create_transcript(
        self, recording: Recording, service_sid: ServiceSid, participants: Sequence[Participant]
    ) -> TranscriptSid:
        """Ask for the transcript of a recording. Costs money; Twilio allows one transcript for each recording.

        Args:
            recording: what is transcribed.
            service_sid: the Intelligence Service that transcribes it.
            participants: whom Twilio is told of; see `named_participants`.
        """
        channel: dict[str, Any] = {"media_properties": {"source_sid": recording.sid}}
        if participants:
            channel["participants"] = [participant_json(participant) for participant in participants]
        form: dict[str, object] = {
            "ServiceSid": service_sid,
            "Channel": json.dumps(channel),
            "CustomerKey": recording.call_sid,
        }
        if recording.started:
            form["MediaStartTime"] = _iso(recording.started)
        doing = f"asking for the transcript of recording {recording.sid} of call {recording.call_sid}"
        answer = read_object(doing, self._api.ask(doing, "POST", f"{INTELLIGENCE}/Transcripts", form))
        try:
            return TranscriptSid(str(answer.get("sid")))
        except ValueError:
            # It may exist all the same: the next try looks for it.
            raise TransientError(f"{doing}: the answer has no sid") from None

    def hold_refusal(self, service_sid: ServiceSid, refusal: str, longest: timedelta) -> None:
        """Remember that Twilio refuses a Service, for `longest` and for five minutes at most; see `HeldAnswers`."""
        self._api.held.hold(_refusal_key(service_sid), refusal, longest)

    def held_refusal(self, service_sid: ServiceSid) -> str | None:
        """Return why Twilio has refused a Service lately, or None if nobody knows of a refusal."""
        refusal: str | None = self._api.held.held(_refusal_key(service_sid))
        return refusal

    def transcript(
        self, sid: TranscriptSid, known_service: Callable[[CallSid | None], ServiceSid | None] | None = None
    ) -> Transcript:
        """Fetch a transcript, without its sentences.

        Args:
            sid: the transcript.
            known_service: finds the Service that the transcript was requested under, given the call that is its
                customer key. It is called only if the answer lacks the Service.
        """
        doing = f"reading transcript {sid}"
        fields = self._api.read(doing, f"{INTELLIGENCE}/Transcripts/{sid}")
        if known_service and lacks_service(fields) and (service := known_service(call_of_customer_key(fields))):
            fields |= {"service_sid": service}
        return transcript_of(doing, fields if fields.get("sid") else fields | {"sid": sid})

    def sentences(self, sid: TranscriptSid, odd: Odd, *, redacted: bool) -> list[Sentence]:
        """Fetch all sentences, in their order. `redacted` matters only where the Service redacts.

        Raises:
            PermanentError: Twilio lists sentences, and none has a text; its reason is `TRANSCRIPT_UNREADABLE`. A text
                may be empty.
        """
        doing = f"reading the sentences of transcript {sid}"
        path = f"Transcripts/{sid}/Sentences"
        unreadable: list[UnreadableError] = []

        def leave_out(error: UnreadableError) -> None:
            unreadable.append(error)
            odd(error)

        found = [*self._api.intelligence_rows(doing, path, odd=leave_out, Redacted=str(redacted).lower())]
        if (found or unreadable) and not any(has_text(row) for row in found):
            raise PermanentError(f"{doing}: no sentence has a text", TRANSCRIPT_UNREADABLE)
        return [sentence_of(order, row) for order, row in enumerate(found)]

    def operator_results(self, sid: TranscriptSid, odd: Odd, *, redacted: bool) -> list[dict[str, Any]]:
        """Fetch what every operator made of a transcript, key for key."""
        doing = f"reading the operator results of transcript {sid}"
        path = f"Transcripts/{sid}/OperatorResults"
        return list(self._api.intelligence_rows(doing, path, odd=odd, Redacted=str(redacted).lower()))

    def service(self, sid: ServiceSid, as_of: datetime | None) -> Configuration:
        """Fetch the version of an Intelligence Service; may be held for five minutes, see `HeldAnswers`."""

        def ask() -> Configuration:
            return configuration_of(self._api.read(f"reading Service {sid}", f"{INTELLIGENCE}/Services/{sid}"))

        return self._api.held.answer(sid, as_of, ask)

    def operators(self, as_of: datetime | None) -> dict[str, Configuration]:
        """Fetch the versions of all operators of the account, by their SIDs; held likewise."""

        def ask() -> dict[str, Configuration]:
            # One that cannot be read costs what it has made its origin, and nothing else.
            found = self._api.intelligence_rows("reading the operators", "Operators", odd=lambda _: None)
            return {str(operator.get("sid")): configuration_of(operator) for operator in found}

        return self._api.held.answer("operators", as_of, ask)


def _entries[T](pages: Iterable[Page[T]]) -> Iterator[T]:
    return (entry for page in pages for entry in page.entries)


def _read_pages[T](
    pages: Iterable[tuple[Sequence[Mapping[str, Any]], str | None]],
    read: Callable[[Mapping[str, Any]], T | None],
    odd: Odd,
    time_field: str,
    since: datetime,
) -> Iterator[Page[T]]:
    """Read pages until one lies before `since`. `read` gives None for what is not wanted."""
    for rows_of_page, link in pages:
        entries: list[T] = []
        for row in rows_of_page:
            with _told_to(odd):
                entry = read(row)
                if entry is not None:
                    entries.append(entry)
        times = [found for row in rows_of_page if (found := moment(row.get(time_field)))]
        over = newest_first(times) and times[0] < since - LISTED_LATE
        yield Page(entries, None if over else link)
        if over:
            return


def newest_first(times: Sequence[datetime]) -> bool:
    """Whether a page shows that its list begins with the newest: nobody has documented the order."""
    return len(times) > 1 and times[0] > times[-1] and all(one >= two for one, two in pairwise(times))


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


def _refusal_key(service_sid: ServiceSid) -> str:
    return f"refusal of {service_sid}"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def connect(
    credentials: TwilioCredentials,
    timeout_seconds: float,
    *,
    until: Until,
    progress: Progress | None = None,
    number: int = 0,
) -> Twilio:
    """The account that the credentials are of, by its API key.

    For `until` and `progress` see `TwilioApi`, for `number` see `twilio_api.connection`.
    """
    key = (credentials.account_sid, credentials.api_key_sid, credentials.api_key_secret)
    api = twilio_api.connect(
        *key, credentials.twilio_url, timeout_seconds, until=until, progress=progress, number=number
    )
    return Twilio(api)


def twilio(credentials: TwilioCredentials, until: datetime) -> Twilio:
    """The same for one invocation of a function that ends at `until`, with the patience of this environment."""
    return connect(credentials, float(os.environ["TWILIO_TIMEOUT_SECONDS"]), until=until)


def twilios(credentials: TwilioCredentials, until: datetime) -> list[Twilio]:
    """The same `AT_ONCE` times, each for one thread."""
    return [
        connect(credentials, float(os.environ["TWILIO_TIMEOUT_SECONDS"]), until=until, number=number)
        for number in range(AT_ONCE)
    ]
