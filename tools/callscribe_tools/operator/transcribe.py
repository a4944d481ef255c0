"""Lets one recording be transcribed that Callscribe has not heard of."""

from callscribe.adapters.items import call_key
from callscribe.adapters.twilio import Twilio
from callscribe.domain import stand_ins
from callscribe.domain.call import Call
from callscribe.domain.errors import NoCallError, NotFoundError
from callscribe.domain.recording import Recording, State
from callscribe.domain.settings import Settings
from callscribe.domain.sids import RecordingSid
from callscribe.domain.sources import left_alone_as
from callscribe_tools.operator.environment import Environment
from callscribe_tools.operator.errors import RefusedError


def find(environment: Environment, twilio: Twilio, settings: Settings, sid: RecordingSid) -> tuple[Recording, Call]:
    """The recording and its call, as Twilio has them.

    Raises:
        RefusedError: it cannot be transcribed, or need not be; the message says why, and what to do.
        TransientError: AWS or Twilio does not answer, or may not be asked.
    """
    try:
        recording = twilio.recording(sid)
        call = twilio.call(recording.call_sid)
    except NoCallError:
        raise RefusedError(
            f"Recording {sid} is of a conference and of no call. Callscribe transcribes recordings of calls to the "
            "numbers in its settings; listen to this one in Twilio's console"
        ) from None
    except NotFoundError:
        raise RefusedError(f"Twilio has no recording {sid} in this account, or its call no more") from None
    told = f"Recording {sid} of call {call.sid}"
    if left_alone_as({recording.source}, call, {*settings.numbers, call.to}):
        raise RefusedError(
            f"{told} was not made by Callscribe: its source is {recording.source or 'unknown'}, and the direction "
            f"of the call is {call.direction or 'unknown'}. Callscribe transcribes what it records of calls that come "
            "in on the numbers in its settings; listen to this one in Twilio's console"
        )
    if call.to not in settings.numbers:
        raise RefusedError(
            f"{told} is of a call to a number that the settings do not hold. Add the number to callscribe.toml, then "
            f"{environment.command('setup apply')}"
        )
    _refuse_known(environment, recording, told)
    if recording.status != "completed" or recording.seconds is None:
        raise RefusedError(f"{told} is {recording.status} at Twilio; only a completed one can be transcribed")
    if reason := recording.not_worth_transcribing():
        raise RefusedError(f"{told} is {reason.replace('_', ' ')}: Twilio transcribes from 2 seconds to 8 hours")
    return recording, call


def _refuse_known(environment: Environment, recording: Recording, told: str) -> None:
    own = environment.lists.look_up([call_key(recording.call_sid)])
    if any("erased_at" in one for one in own.values()):
        raise RefusedError(f"{told} is of a call that was erased, and stays so")
    row = environment.table.knows(recording.call_sid).get(recording.sid)
    if row is None:
        return
    following = {State.STORED: "retranscribe", State.FAILED: "redrive --call"}.get(State(row["state"]), "show")
    state = f"{row['state']} as {row['reason']}" if row.get("reason") else str(row["state"])
    following = environment.command(f"{following} {recording.call_sid}")
    raise RefusedError(f"{told} is known, and {state}. Next: {following}")


def transcribe(environment: Environment, recording: Recording) -> None:
    """Send for it, as if its callback had come; raises the errors of `aws_errors`."""
    environment.recordings.queue.put(stand_ins.of_recording(recording))
