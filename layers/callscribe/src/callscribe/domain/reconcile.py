"""What Twilio has that the table should have too. Pure; the sweep repairs by it, and the ledger counts by it.

Rows are items of the table as far as `state`, `reason`, `seconds`, `transcript`, `erased_at`.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from callscribe.domain.patience import GAVE_UP
from callscribe.domain.recording import OVER_BUDGET, UNSETTLED, Recording, State
from callscribe.domain.sids import RecordingSid
from callscribe.domain.sources import BY_REST, may_be_ours
from callscribe.domain.transcript import Transcript

type Row = Mapping[str, Any]

CAME_TO_NOTHING = frozenset({"absent", "recording_failed"})
"""Reasons of a recording in two channels for which the one that <Record> made stands in."""

COMES_AFTER_ALL = frozenset({GAVE_UP, OVER_BUDGET})
"""Reasons of a recording that may be transcribed all the same."""

LEFT_ALONE = UNSETTLED | {State.STORED, State.ERASED}
"""States of a recording whose transcript nobody need tell of."""


def is_erased(row: Row | None) -> bool:
    """Whether a call, of which this is the own item, is erased: then nothing of it is missing."""
    return row is not None and "erased_at" in row


def is_untold(row: Row | None) -> bool:
    """Whether the table lacks how long a call was, which is over."""
    return row is None or "seconds" not in row


def missing_recordings(recordings: Iterable[Recording], rows: Mapping[RecordingSid, Row]) -> list[Recording]:
    """Of the recordings that Twilio has of one call, those that should have a row and have none.

    A spare one needs none: what <Record> has made while the recording in two channels is, or was, to be had. Nor does a
    recording that nobody asked us for.
    """
    recordings = [recording for recording in recordings if recording.may_be_ours]
    recordings = [
        recording for recording in recordings if not is_begun_by_rest({recording.source}, recordings, rows.values())
    ]
    own = [recording for recording in recordings if recording.of_message]
    alive = any(one.status not in {"absent", "failed"} for one in own)
    noted = any(_was_alive(row) for row in rows.values())
    return [one for one in recordings if one.sid not in rows and (not one.made_by_record or not (alive or noted))]


def is_begun_by_rest(sources: Collection[str], of_call: Iterable[Recording], rows: Iterable[Row] = ()) -> bool:
    """Whether somebody else began a recording of our call by REST.

    StartCallRecordingAPI is also the documented source of our <Start><Recording>. It is somebody else's if Twilio calls
    ours StartCallRecordingTwiML, or if <Dial> has recorded the conversation: no message follows a conversation.

    Args:
        sources: Twilio's words for what made the recording; the callback and the REST API may have different words.
        of_call: the recordings that Twilio lists of the call.
        rows: the rows of the call's recordings.
    """
    if {source for source in sources if source} != {BY_REST}:
        return False
    return any(
        recording.source == "StartCallRecordingTwiML" or (recording.made_by_dial and recording.status == "completed")
        for recording in of_call
    ) or any(
        row.get("source") == "StartCallRecordingTwiML"
        or (row.get("source") == "DialVerb" and row.get("state") in {State.TRANSCRIBING, State.STORED})
        for row in rows
    )


def _was_alive(row: Row) -> bool:
    """The same of a recording that may no longer be at Twilio."""
    source = row.get("source") or ""
    return may_be_ours(source) and source not in {"RecordVerb", "DialVerb"} and row.get("reason") not in CAME_TO_NOTHING


def is_untold_end(transcript: Transcript, row: Row | None) -> bool:
    """Whether a transcript has ended and nothing but this leads to it; `row` is of its recording.

    A row that is not settled is due by itself, and one that names the transcript is told; but one that was given up, or
    over budget, has come to something after all.
    """
    if not transcript.ended or row is None:
        return transcript.ended
    if transcript.failed or row["state"] in LEFT_ALONE:
        return False
    return row.get("transcript") != transcript.sid or row.get("reason") in COMES_AFTER_ALL
