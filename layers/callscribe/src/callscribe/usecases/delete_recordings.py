"""Deletes recordings at Twilio that have been stored for as long as the settings keep them there.

Called by `delete_recordings` every hour. The table says which; nothing that was not stored is ever deleted.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from callscribe.adapters.call_lists import CallLists
from callscribe.adapters.table import CallTable
from callscribe.adapters.twilio import Twilio
from callscribe.domain.errors import PermanentError, TransientError
from callscribe.domain.sids import CallSid, RecordingSid


@dataclass(slots=True)
class Done:
    """The recordings that were deleted, and why Twilio refused to delete others: those are tried again."""

    deleted: list[tuple[CallSid, RecordingSid]] = field(default_factory=list)
    refused: list[PermanentError] = field(default_factory=list)


def delete_recordings(*, lists: CallLists, table: CallTable, twilio: Twilio, until: datetime) -> Done:
    """Delete what is due, the longest due first; begin nothing after `until`. One that fails holds up no other.

    Raises:
        TransientError: Twilio or the table does not answer; what is left stays due.
    """
    done = Done()
    trouble: TransientError | None = None
    for call_sid, recording_sid in lists.due_for_deletion(datetime.now(UTC)):
        if datetime.now(UTC) > until:
            break
        try:
            twilio.delete_recording(recording_sid)
        except TransientError as error:
            trouble = error
            continue
        except PermanentError as error:
            done.refused.append(error)
            continue
        table.put_deleted(call_sid, recording_sid)
        done.deleted.append((call_sid, recording_sid))
    if trouble:
        raise trouble
    return done
