"""Which recordings of the account are ours to transcribe, by what made them and by their call. Pure.

The account may record for other purposes: conferences, outbound calls, trunks, recordings begun by REST. Nobody asked
Callscribe for those, and they are left alone.
"""

from collections.abc import Collection

from callscribe.domain.call import Call, phone_number

FROM_TWIML = frozenset({"RecordVerb", "DialVerb", "StartCallRecordingTwiML"})
"""Sources of recordings that TwiML began, as ours does."""

BY_REST = "StartCallRecordingAPI"
"""The source of what REST began, and the documented source of <Start><Recording>."""

OUR_SOURCES = FROM_TWIML | {BY_REST}
"""Sources that a recording of our own may have.

Twilio documents StartCallRecordingAPI alone for <Start><Recording>, which real accounts call StartCallRecordingTwiML.
"""

OF_CONFERENCES = frozenset({"Conference", "StartConferenceRecordingAPI"})
_WORDS = {
    **dict.fromkeys(OF_CONFERENCES, "conference"),
    "OutboundAPI": "outbound",
    "Trunking": "trunk",
    BY_REST: "api",
}

LEFT_ALONE_SOURCES = frozenset({*_WORDS.values()})
"""What recordings that are left alone are counted as; any other source counts as another."""


def may_be_ours(source: str) -> bool:
    """Whether a source can be that of a recording of ours. A missing source can: a missing field costs no call."""
    return not source or source in OUR_SOURCES


def left_alone_as(sources: Collection[str], call: Call, numbers: Collection[str]) -> str | None:
    """Return what a recording that nobody asked us for counts as, or None if it is ours.

    A recording is ours if the call came in on one of our numbers. If the settings lack the number of a call that came
    in, and TwiML began the recording, the call was answered here, and waits for the settings. A call to what is no
    phone number does not wait.

    Args:
        sources: Twilio's words for what made the recording; the callback and the REST API may have different ones.
        call: the call of the recording.
        numbers: the numbers in the settings.
    """
    named = [source for source in sources if source]
    came_in = call.direction in {"inbound", ""}
    if came_in and call.to in numbers and (not named or OUR_SOURCES.intersection(named)):
        return None
    if waits_for_settings(call, numbers) and (not named or FROM_TWIML.intersection(named)):
        return None
    return _word(named, call.direction)


def waits_for_settings(call: Call, numbers: Collection[str]) -> bool:
    """Whether a call came in on a number that the settings lack and may get.

    Settings never hold a SIP address, a client or a withheld number, so such a call would wait in vain.
    """
    came_in = call.direction in {"inbound", ""}
    return came_in and call.to not in numbers and (not call.to or phone_number(call.to) is not None)


def _word(named: Collection[str], direction: str) -> str:
    for beginning in ("outbound", "trunk"):
        if direction.startswith(beginning):
            return beginning
    return next((_WORDS[source] for source in named if source in _WORDS), "other")
