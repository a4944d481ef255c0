"""Creates transcripts, lets them end as their call's scenario says, and sends the Service's webhook.

The REST API calls `create`; `Simulator` and the transcription worker call `advance` and `settle`. What a form says
is read by `transcript_form`.
"""

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Literal

from callscribe_tools.simulator.account import Account, IntelligenceService
from callscribe_tools.simulator.api_errors import ApiError, bad_request, not_found
from callscribe_tools.simulator.clock import now
from callscribe_tools.simulator.deliveries import Deliveries, Delivery
from callscribe_tools.simulator.fault_record import FaultRecord
from callscribe_tools.simulator.faults import FaultKind
from callscribe_tools.simulator.state import Call, State, Transcript, TranscriptEnd
from callscribe_tools.simulator.transcript_faults import TranscriptFaults, deleted_by_fault
from callscribe_tools.simulator.transcript_form import channel_of, customer_key_of, moment_of, why_it_fails
from callscribe_tools.simulator.troubles import Troubles
from callscribe_tools.simulator.unknowns import Unknowns
from callscribe_tools.simulator.violations import SimulationError, Violation
from callscribe_tools.simulator.webhooks import DeliveryError, Webhooks

_SERVICE_SID = re.compile(r"GA[0-9a-fA-F]{32}")


class Transcripts:
    """The Conversational Intelligence side of the simulated account."""

    def __init__(
        self,
        account: Account,
        state: State,
        webhooks: Webhooks,
        deliveries: Deliveries,
        record: FaultRecord,
        unknowns: Unknowns,
        troubles: Troubles,
    ) -> None:
        self._account = account
        self._state = state
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._faults = TranscriptFaults(record)
        self._unknowns = unknowns
        self._troubles = troubles

    def create(self, form: Mapping[str, str]) -> Transcript:
        """Create a transcript that waits for its turn.

        Raises
        ------
        ApiError
            A parameter is wrong, the Service does not exist, or the recording has a transcript already.
        """
        channel = channel_of(form)
        service = self._service(form.get("ServiceSid", ""))
        source_sid = channel.media_properties.source_sid
        if source_sid is None or channel.media_properties.media_url is not None:
            # Twilio would take the media_url, and prefer it when both are given.
            raise bad_request("not simulated: give media_properties.source_sid alone")
        with self._state.lock:
            self._miss_service(service, source_sid)
            self._refuse_second(source_sid)
            if channel.participants:
                self._refuse_participants(source_sid)
            transcript = Transcript(
                service_sid=service.sid,
                channel=channel.model_dump(exclude_unset=True) | {"type": "voice"},
                source_sid=source_sid,
                language_code=service.language_code,
                customer_key=customer_key_of(form),
                media_start_time=moment_of(form, "MediaStartTime"),
                born=time.monotonic(),
                operators=self._account.attached(service),
                redaction=service.auto_redaction,
                media_redaction=service.media_redaction,
                encryption_credential_sid=service.encryption_credential_sid,
                failure=why_it_fails(source_sid, self._state.recordings.get(source_sid)),
                status=self._unknowns.transcript_starts_as,
                call=self._call(source_sid),
            )
            if transcript.call is not None:
                transcript.outcome = transcript.call.scenario.transcript
            self._faults.at_start(transcript)
            self._state.transcripts[transcript.sid] = transcript
            self._state.made.append(transcript)
            self._state.lock.notify_all()
        return transcript

    def delete(self, transcript: Transcript) -> None:
        """Delete the transcript: what it has cost stays on record, what it holds does not."""
        with self._state.lock:
            del self._state.transcripts[transcript.sid]
            transcript.content = None
            transcript.channel = {}
            if not transcript.settled:
                self._faults.at_end(transcript)

    def advance(self, transcript: Transcript) -> None:
        """Move a waiting transcript to in-progress."""
        self._look_at_source(transcript)
        self._move(transcript, "in-progress")

    def settle(self, transcript: Transcript) -> None:
        """Let the transcript end, and send the webhook if one tells of that end."""
        with self._state.working():
            transcript.ending = True
            try:
                self._settle(transcript)
            finally:
                transcript.ending = False

    def _settle(self, transcript: Transcript) -> None:
        if transcript.status != "in-progress":
            self._look_at_source(transcript)
        end: TranscriptEnd = "failed" if transcript.failure else transcript.outcome.status
        if not self._move(transcript, end):
            return
        self._blame(transcript)
        if FaultKind.TRANSCRIPT_STUCK in transcript.faults:
            return  # nobody is told
        if end == "completed" or self._is_told(transcript):
            self._notify(transcript)

    def results_missing(self, transcript: Transcript) -> bool:
        """Say, to somebody who asks for the operators' results, whether they are still to come after its end."""
        with self._state.lock:
            return self._faults.results_missing(transcript)

    def send(self, service_sid: str, payload: Mapping[str, object]) -> None:
        """Post a payload as the Service's webhook.

        Raises
        ------
        SimulationError
            There is no such Service, or it has no webhook.
        """
        service = self._account.services.get(service_sid)
        if service is None or service.webhook_url is None:
            raise SimulationError(f"There is no Service {service_sid} with a webhook: give the account one.")
        if service.webhook_http_method == "GET":
            told = "the webhook of a transcript would be sent by GET, which is not simulated: nobody is told"
            self._state.violations.append(Violation("webhook", told, service.webhook_url))
            return
        try:
            self._webhooks.post_json(service.webhook_url, payload, signed=self._unknowns.intelligence_webhook_signed)
        except DeliveryError as error:  # warnings 95200 and 95201
            self._state.violations.append(Violation("95200", error.text, service.webhook_url))

    def _service(self, sid: str) -> IntelligenceService:
        if not _SERVICE_SID.fullmatch(sid):
            # Error 1302, as a real account answered to a SID with a quote sign (public code).
            raise ApiError(400, 1302, f"{sid} is invalid")
        service = self._account.services.get(sid)
        if service is None:
            raise not_found(f"/v2/Services/{sid}")
        return service

    def _call(self, source_sid: str) -> Call | None:
        return self._state.call_of(self._state.recordings.get(source_sid))

    def _blame(self, transcript: Transcript) -> None:
        recording = self._state.recordings.get(transcript.source_sid)
        if transcript.failure is not None and not deleted_by_fault(transcript, recording):
            code, text = transcript.failure
            self._state.violations.append(Violation(code, text, f"transcript {transcript.sid}"))

    def _is_told(self, transcript: Transcript) -> bool:
        told = transcript.outcome.webhook or self._unknowns.failed_transcript_webhook
        return told == "available"

    def _look_at_source(self, transcript: Transcript) -> None:
        # That the media is read when the work begins, and not needed afterwards, is assumed.
        with self._state.lock:
            if transcript.failure is None:
                recording = self._state.recordings.get(transcript.source_sid)
                transcript.failure = why_it_fails(transcript.source_sid, recording)
            if transcript.failure is None and transcript.sid in self._state.transcripts:
                self._state.hear(transcript)

    def _move(self, transcript: Transcript, status: Literal["in-progress"] | TranscriptEnd) -> bool:
        with self._state.lock:
            gone = transcript.sid not in self._state.transcripts
            if gone or transcript.settled:
                return False
            transcript.status = status
            transcript.updated = now()
            if transcript.settled:
                self._faults.at_end(transcript)
            if transcript.settled and status != "completed":
                transcript.content = None
            self._state.lock.notify_all()
            return True

    def _refuse_second(self, source_sid: str) -> None:
        # Twilio docs, Transcript: "only one ... Transcript resource for a given Recording resource".
        if any(known.source_sid == source_sid for known in self._state.transcripts.values()):
            self._state.asked_again.append(source_sid)
            unknowns = self._unknowns
            raise ApiError(
                unknowns.duplicate_transcript_status,
                unknowns.duplicate_transcript_code,
                f"A transcript of {source_sid} already exists",
                misuse=False,
            )

    def _miss_service(self, service: IntelligenceService, source_sid: str) -> None:
        call = self._call(source_sid)
        if call is not None and self._troubles.misses_service(call.to, service.sid):
            raise not_found(f"/v2/Services/{service.sid}")

    def _refuse_participants(self, source_sid: str) -> None:
        call = self._call(source_sid)
        by_fault = call is not None and self._faults.refuse_participants(call)
        if by_fault or self._unknowns.participants_of_recordings == "refused":
            # Documented are participants with a media_url only; with a recording "role" alone is sent by many, and
            # was seen refused by nobody. The sentence is *assumed*.
            raise ApiError(400, 20001, "participants can only be set for transcript with media url", misuse=False)

    def _notify(self, transcript: Transcript) -> None:
        service = self._account.services.get(transcript.service_sid)
        if service is None or service.webhook_url is None or service.webhook_http_method == "NULL":
            return
        # Fields of a real run of December 2025 and of independent consumers. There is no status field.
        payload = {
            "account_sid": self._account.account_sid,
            "service_sid": transcript.service_sid,
            "transcript_sid": transcript.sid,
            "customer_key": transcript.customer_key,
            "event_type": "voice_intelligence_transcript_available",
        }
        if self._unknowns.encryption_told in {"everywhere", "webhook"}:
            payload["encryption_credential_sid"] = transcript.encryption_credential_sid
        told = {key: value for key, value in payload.items() if value is not None}
        send = partial(self.send, service.sid, told)
        if transcript.call is None or service.webhook_http_method == "GET":
            send()
            return
        nowhere = partial(self._send_nowhere, service.webhook_url, told)
        self._deliveries.hand_over(Delivery(transcript.call, "transcript webhook", send, nowhere))

    def _send_nowhere(self, url: str, payload: Mapping[str, object]) -> None:
        with suppress(DeliveryError):
            self._webhooks.post_json(url, payload, signed=self._unknowns.intelligence_webhook_signed, nowhere=True)
