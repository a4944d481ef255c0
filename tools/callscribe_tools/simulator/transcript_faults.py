"""What goes wrong with a transcript as its call's faults say: how it starts and ends, and when its results come.

Used by `transcripts`, always while it holds the lock of the state; how long a stuck one takes is the worker's.
"""

import time

from callscribe_tools.simulator.fault_record import FaultRecord
from callscribe_tools.simulator.faults import FaultKind
from callscribe_tools.simulator.recording import Recording
from callscribe_tools.simulator.scenario import TranscriptOutcome
from callscribe_tools.simulator.state import Call, Transcript


class TranscriptFaults:
    """The faults in the lives of transcripts."""

    def __init__(self, record: FaultRecord) -> None:
        self._record = record

    def at_start(self, transcript: Transcript) -> None:
        """Spoil a new transcript."""
        call, faults = transcript.call, transcript.faults
        if call is None:
            return
        if FaultKind.TRANSCRIPT_STARTS_AS_NEW in faults:
            transcript.status = "new"
            self._record.happen(FaultKind.TRANSCRIPT_STARTS_AS_NEW, call.sid)
        if FaultKind.TRANSCRIPT_FAILS in faults:
            seconds = transcript.outcome.seconds
            transcript.outcome = TranscriptOutcome(status="failed", seconds=seconds, webhook="none")
        if FaultKind.TRANSCRIPT_ENDLESS in faults:
            self._record.happen(FaultKind.TRANSCRIPT_ENDLESS, call.sid)
        if FaultKind.TRANSCRIPT_STUCK in faults:
            self._record.begin(FaultKind.TRANSCRIPT_STUCK, call.sid)

    def refuse_participants(self, call: Call) -> bool:
        """Say, to somebody who names participants of this call, whether they are refused."""
        if FaultKind.PARTICIPANTS_REFUSED not in call.faults:
            return False
        self._record.happen(FaultKind.PARTICIPANTS_REFUSED, call.sid)
        return True

    def at_end(self, transcript: Transcript) -> None:
        """Note what went wrong with one that has ended, or is deleted before it has."""
        call, faults = transcript.call, transcript.faults
        if call is None:
            return
        if FaultKind.TRANSCRIPT_STUCK in faults:
            self._record.end(FaultKind.TRANSCRIPT_STUCK, call.sid)
        if FaultKind.TRANSCRIPT_FAILS in faults and transcript.status == "failed":
            self._record.happen(FaultKind.TRANSCRIPT_FAILS, call.sid)
        if FaultKind.LATE_OPERATOR_RESULTS in faults and transcript.status == "completed":
            transcript.results_born = time.monotonic() + faults.pace.results_seconds

    def results_missing(self, transcript: Transcript) -> bool:
        """Say, to somebody who asks for them, whether the operators' results are late: only then that is a fault."""
        if transcript.call is None or transcript.results_born is None or not transcript.results_missing:
            return False
        there_at = time.time() + transcript.results_born - time.monotonic()
        self._record.until(FaultKind.LATE_OPERATOR_RESULTS, transcript.call.sid, there_at)
        return True


def deleted_by_fault(transcript: Transcript, recording: Recording | None) -> bool:
    """Say whether its recording is gone although nobody has asked for that: who was told of it could not know."""
    gone = recording is not None and recording.status == "deleted"
    return gone and FaultKind.RECORDING_DELETED in transcript.faults
