"""Twilio for the bench: the simulator on loopback, holding the call that the files under `events/` tell of."""

import json
import pydoc_data.topics
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from callscribe_tools.bench.events import cases, event, form
from callscribe_tools.local_callscribe import NUMBER, settings_document
from callscribe_tools.simulator import (
    Account,
    Call,
    IntelligenceService,
    PhoneNumber,
    Recording,
    Simulator,
    Transcript,
    load_scenario,
)
from callscribe_tools.simulator.timeline import Sound

SERVICE_SID = "GA" + "d" * 32
HOST = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
WORDS_IN_SENTENCE = 10
SECONDS_OF_SENTENCE = 3.9

# What <Record> makes beside the recording in two channels.
_SPARE_SID = "RE" + "5" * 32
_STARTED = datetime(2026, 11, 20, 9, 0, 0, tzinfo=UTC)


class Twilio:
    """The account, and the one call in it, `call_sid`."""

    def __init__(self) -> None:
        account = Account()
        account.add(PhoneNumber(number=NUMBER, voice_url=f"https://{HOST}/incoming-call"))
        account.add(IntelligenceService(sid=SERVICE_SID))
        self.simulator = Simulator(account)
        callback = form(event("request_transcript", "completed"))
        self.call_sid, self._recording_sid = callback["CallSid"], callback["RecordingSid"]
        webhook = event("store_insights", "transcript_available")["Records"][0]["body"]
        self._transcript_sid = json.loads(webhook)["transcript_sid"]
        self.begin(sentences=1)

    def settings(self, url: str) -> dict[str, Any]:
        """The settings that lead here."""
        return settings_document(self.simulator.account, url)

    def begin(self, *, sentences: int, transcribed: bool = False) -> None:
        """Let the call have taken place and, if so told, have been transcribed."""
        state = self.simulator.state
        with state.lock:
            state.calls.clear()
            state.recordings.clear()
            state.transcripts.clear()
            state.violations.clear()
            state.calls[self.call_sid] = Call(
                from_="+12025550142",
                to=NUMBER,
                phone_number_sid=self.simulator.account.numbers[NUMBER].sid,
                scenario=load_scenario("cannot_log_in"),
                started=_STARTED,
                status="completed",
                seconds=round(sentences * SECONDS_OF_SENTENCE),
                sid=self.call_sid,
            )
            recording = self._recording(sentences)
            spare = replace(recording, source="RecordVerb", channels=1, tracks=("inbound",), sid=_SPARE_SID)
            state.recordings.update({recording.sid: recording, spare.sid: spare})
            if transcribed:
                state.transcripts[self._transcript_sid] = self._transcript()

    def _recording(self, sentences: int) -> Recording:
        return Recording(
            call_sid=self.call_sid,
            source="StartCallRecordingAPI",
            channels=2,
            tracks=("inbound", "outbound"),
            started=_STARTED,
            status="completed",
            seconds=sentences * SECONDS_OF_SENTENCE,
            sounds=tuple(_sound(number) for number in range(sentences)),
            sid=self._recording_sid,
        )

    def _transcript(self) -> Transcript:
        return Transcript(
            service_sid=SERVICE_SID,
            channel={"media_properties": {"source_sid": self._recording_sid}, "type": "voice"},
            source_sid=self._recording_sid,
            language_code="en-US",
            customer_key=self.call_sid,
            media_start_time=_STARTED,
            born=0.0,
            status="completed",
            sid=self._transcript_sid,
        )

    def complete(self) -> str:
        """Complete the transcript that was asked for; return the webhook's body."""
        (transcript,) = self.simulator.complete_transcripts()
        return json.dumps(
            {
                "account_sid": self.simulator.account.account_sid,
                "service_sid": transcript.service_sid,
                "transcript_sid": transcript.sid,
                "customer_key": transcript.customer_key,
                "event_type": "voice_intelligence_transcript_available",
            }
        )


def _sound(number: int) -> Sound:
    words = _words()
    first = number * WORDS_IN_SENTENCE % (len(words) - WORDS_IN_SENTENCE)
    start = number * SECONDS_OF_SENTENCE
    return Sound(
        track="outbound" if number % 2 else "inbound",
        start=start + 0.01 * (number % 37),
        end=start + SECONDS_OF_SENTENCE - 0.01 * (number % 23) - 0.4,
        text=" ".join(words[first : first + WORDS_IN_SENTENCE]),
    )


@cache
def _words() -> list[str]:
    """Running English text, which compresses as speech does: Python brings 69,000 words of it, its own manual."""
    return re.findall(r"[A-Za-z']+", " ".join(pydoc_data.topics.topics.values()))


@contextmanager
def serving_twilio() -> Iterator[tuple[Twilio, str]]:
    """Twilio and its URL, until the context ends."""
    twilio = Twilio()
    with twilio.simulator.serve() as url:
        yield twilio, url


def is_of_a_transcript(function: str) -> bool:
    """Whether the function is only called once a transcript is completed."""
    return cases(function)[0] == "transcript_available"
