"""What a caller hears, and what is recorded of it, as TwiML. Called by `incoming_call` while the caller waits.

What we say is on the recording too, on its second channel. So the notice and the greeting come before the recording
starts and the thanks come after it has stopped: our own words are neither transcribed nor paid for.
"""

from collections.abc import Mapping

from twilio.twiml.voice_response import Recording, Start, Stop, VoiceResponse

from callscribe.domain.call import phone_number
from callscribe.domain.settings import NumberSettings

ANSWER_PATH = "/incoming-call"
DIALLED_PATH = "/incoming-call/dialled"
RECORDED_PATH = "/incoming-call/recorded"
CALLBACK_PATH = "/ci-create-transcript"

RECORDING_NAME = "call"
"""The name by which the recording is stopped; unique within a call (Twilio docs, TwiML <Recording>)."""

# By default Twilio retries a callback only when it cannot connect. These overrides are not part of the signed URL, and
# all tries must fit in 15 s (Twilio docs, "Webhooks: connection overrides").
RETRIES = "#rc=3&rp=5xx,ct,rt"

PUT_THROUGH = frozenset({"completed", "answered"})
"""What <Dial> reports of a call that somebody answered (Twilio docs, TwiML <Dial>, `DialCallStatus`)."""

# For a caller who is on the line when nothing else can be said: it needs neither the SDK nor settings. The words may be
# the wrong ones; the call is not lost.
STILL_RECORD = f"""<?xml version="1.0" encoding="UTF-8"?>
<Response>\
<Say>This call is recorded. Please speak after the beep.</Say>\
<Start>\
<Recording name="{RECORDING_NAME}" channels="dual" track="both" recordingStatusCallbackEvent="completed absent" \
recordingStatusCallback="{{base_url}}{CALLBACK_PATH}#rc=3&amp;rp=5xx,ct,rt"/>\
</Start>\
<Record action="{{base_url}}{RECORDED_PATH}#rc=3&amp;rp=5xx,ct,rt" timeout="5" maxLength="120"/>\
<Hangup/>\
</Response>"""
STILL_HANG_UP = """<?xml version="1.0" encoding="UTF-8"?>
<Response><Say>Thank you. Goodbye.</Say><Hangup/></Response>"""


def next_document(path: str, form: Mapping[str, str], number: NumberSettings, base_url: str) -> str:
    """What Twilio shall do now with a call to `number`.

    Parameters:
        path: which address Twilio requests: the first, or that of a <Dial> or a <Record> that is over.
        form: the request's parameters.
        base_url: where the addresses are, without a path.
    """
    response = VoiceResponse()
    if path == RECORDED_PATH:
        _thank(response, number)
    elif path == DIALLED_PATH and _was_put_through(form):
        response.hangup()
    elif path == DIALLED_PATH:
        _take_message(response, number, base_url)
    else:
        _say(response, number, number.notice)
        if number.flow == "dial":
            _dial(response, number, form, base_url)
        else:
            _take_message(response, number, base_url)
    return str(response)


def static_document(path: str, form: Mapping[str, str], base_url: str) -> str:
    """The same for when `next_document` fails."""
    over = path == RECORDED_PATH or (path == DIALLED_PATH and _was_put_through(form))
    return STILL_HANG_UP if over else STILL_RECORD.format(base_url=base_url)


def _was_put_through(form: Mapping[str, str]) -> bool:
    return form.get("DialCallStatus") in PUT_THROUGH


def _dial(response: VoiceResponse, number: NumberSettings, form: Mapping[str, str], base_url: str) -> None:
    """Ring the agent, and record both from the moment the agent answers."""
    response.dial(
        number.agent,
        # Without a callerId the agent sees the caller's number. Twilio dials nobody for a caller ID that is no number
        # (error 13214).
        caller_id=None if phone_number(form.get("From", "")) else form.get("To"),
        timeout=number.agent_seconds,
        action=base_url + DIALLED_PATH + RETRIES,
        # The caller's leg is the first channel, the agent's the second (Twilio docs, TwiML <Dial>, `record`).
        record="record-from-answer-dual",
        recording_status_callback=base_url + CALLBACK_PATH + RETRIES,
        recording_status_callback_event="completed absent",
    )


def _take_message(response: VoiceResponse, number: NumberSettings, base_url: str) -> None:
    """Greet the caller, then record until silence, the longest time, or the end of the call."""
    _say(response, number, number.greeting)
    start = Start()
    start.recording(
        name=RECORDING_NAME,
        channels="dual",
        track="both",
        recording_status_callback=base_url + CALLBACK_PATH + RETRIES,
        recording_status_callback_event="completed absent",
    )
    response.append(start)
    # `<Record>` gives the beep, the silence and the longest time. It is mono whatever it is told, so the recording
    # that counts is the one started above.
    response.record(
        action=base_url + RECORDED_PATH + RETRIES,
        timeout=number.silence_seconds,
        max_length=number.max_seconds,
        play_beep=number.beep,
    )
    # Reached only when `<Record>` recorded nothing.
    _thank(response, number)


def _thank(response: VoiceResponse, number: NumberSettings) -> None:
    """Stop the recording, thank the caller, end the call."""
    stop = Stop()
    # The SDK has no method of its own for this noun.
    stop.append(Recording(name=RECORDING_NAME))
    response.append(stop)
    _say(response, number, number.thanks)
    response.hangup()


def _say(response: VoiceResponse, number: NumberSettings, text: str) -> None:
    if text:
        response.say(text, language=number.language, voice=number.voice)
