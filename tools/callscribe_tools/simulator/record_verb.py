"""When a <Record> ends, and by what: silence, length, a key, or the caller hanging up.

Twilio docs, TwiML <Record>: timeout (5 s of silence, 0 disables), maxLength (3600 s), finishOnKey (any key).
"""

from callscribe_tools.simulator.timeline import Caller
from callscribe_tools.simulator.twiml import Verb

_ANY_KEY = "1234567890*#"


def end_of_record(verb: Verb, caller: Caller, start: float) -> tuple[float, str | None]:
    """Find the end of a recording begun at `start`, and what the action request tells in Digits.

    Every later step of the caller is planned by now: nothing is said to a caller who is being recorded.
    """
    ends: list[tuple[float, str | None]] = [(start + verb.whole("maxLength", 3600), None)]
    timeout = verb.whole("timeout", 5)
    if timeout:
        ends.append((_silence(caller, start, timeout), None))
    finishing = verb.attributes.get("finishOnKey", _ANY_KEY)
    ends += [(at, key) for at, key in caller.keys if at >= start and key in finishing]
    if caller.hangs_up_at is not None:
        ends.append((max(start, caller.hangs_up_at), "hangup"))
    return min(ends, key=lambda end: end[0])


def _silence(caller: Caller, start: float, timeout: int) -> float:
    quiet_since = start
    for speech in caller.speech:
        if speech.start - quiet_since >= timeout:
            break
        quiet_since = max(quiet_since, speech.end)
    return quiet_since + timeout
