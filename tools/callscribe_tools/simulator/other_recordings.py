"""Recordings that an account makes for other purposes than the application's, and the callbacks that tell of them.

An account has one callback URL in many places: in a TwiML document that was copied, in a conference, as a parameter of
the REST API. So the application is told of recordings that it did not ask for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from callscribe_tools.simulator.clock import now
from callscribe_tools.simulator.recording import Recording, Source
from callscribe_tools.simulator.scenario import Scenario
from callscribe_tools.simulator.sids import new_sid
from callscribe_tools.simulator.state import Call, State
from callscribe_tools.simulator.timeline import Sound

type Kind = Literal["conference", "conference-api", "outbound", "outbound-dial", "outbound-api", "trunk"]
type _Direction = Literal["outbound-api", "trunking-originating", "trunking-terminating"]

SECONDS = 30
_CUSTOMER = "+12025550187"
_SAID = Sound("inbound", 1.0, 4.0, "This is said to somebody else.")


@dataclass(frozen=True)
class _Made:
    what: str
    source: Source
    direction: _Direction | None
    """Of its call; None: it has none."""


_MADE: Mapping[Kind, _Made] = {
    "conference": _Made("<Conference record>: a callback without a CallSid", "Conference", None),
    "conference-api": _Made(
        "a recording of a conference that the REST API has begun", "StartConferenceRecordingAPI", None
    ),
    "outbound": _Made("a call made by the REST API with Record=true", "OutboundAPI", "outbound-api"),
    "outbound-dial": _Made("<Dial record> on a call made by the REST API", "DialVerb", "outbound-api"),
    "outbound-api": _Made(
        "a recording begun by the REST API, of a call made by it", "StartCallRecordingAPI", "outbound-api"
    ),
    "trunk": _Made("a call through a SIP trunk that records", "Trunking", "trunking-terminating"),
}
WHAT_IS_RECORDED: Mapping[Kind, str] = {kind: made.what for kind, made in _MADE.items()}


def make(kind: Kind, state: State, *, from_: str, status: Literal["completed", "absent"]) -> Recording:
    """Let the account have made a recording for somebody else, with the call that it is of, and return it.

    Parameters
    ----------
    from_:
        The account's number that calls.
    """
    made = _MADE[kind]
    call = None if made.direction is None else _call(made.direction, from_)
    there = status == "completed"
    recording = Recording(
        call_sid="" if call is None else call.sid,
        source=made.source,
        channels=2 if made.source == "DialVerb" else 1,
        tracks=("inbound", "outbound"),
        started=now(),
        status=status,
        seconds=SECONDS if there else 0,
        sounds=(_SAID,) if there else (),
        error_code=0 if there else 16102,
        conference_sid=new_sid("CF") if call is None else None,
    )
    with state.lock:
        if call is not None:
            state.calls[call.sid] = call
            call.recordings.append(recording)
        state.recordings[recording.sid] = recording
    return recording


def _call(direction: _Direction, from_: str) -> Call:
    return Call(
        from_=from_,
        to=_CUSTOMER,
        phone_number_sid=None,
        scenario=Scenario(name="other", caller=(), expect="nothing"),
        status="completed",
        seconds=SECONDS,
        made_by=direction,
    )
