"""What a caller hears, and what is recorded of it, as TwiML. Called by `incoming_call` while the caller waits.

What we say is on the recording too, on its second channel. So the notice and the greeting come before the recording
starts and the thanks come after it has stopped: our own words are neither transcribed nor paid for.
"""

from twilio.twiml.voice_response import Recording, Start, Stop, VoiceResponse

from callscribe.domain.settings import NumberSettings

RECORDING_NAME = "call"
"""The name by which the recording is stopped; unique within a call (Twilio docs, TwiML <Recording>)."""

# By default Twilio retries a callback only when it cannot connect. These overrides are not part of the signed URL, and
# all tries must fit in 15 s (Twilio docs, "Webhooks: connection overrides").
RETRIES = "#rc=3&rp=5xx,ct,rt"


def greet_and_record(number: NumberSettings, recorded_url: str, callback_url: str) -> str:
    """Greet the caller, then record until silence, the longest time, or the end of the call.

    Parameters:
        recorded_url: where the caller is taken after the recording, see `thank_and_hang_up`.
        callback_url: where Twilio reports the recording.
    """
    response = VoiceResponse()
    for text in (number.notice, number.greeting):
        if text:
            response.say(text, language=number.language, voice=number.voice)
    start = Start()
    start.recording(
        name=RECORDING_NAME,
        channels="dual",
        track="both",
        recording_status_callback=callback_url + RETRIES,
        recording_status_callback_event="completed absent",
    )
    response.append(start)
    # `<Record>` gives the beep, the silence and the longest time. It is mono whatever it is told, so the recording
    # that counts is the one started above.
    response.record(
        action=recorded_url + RETRIES,
        timeout=number.silence_seconds,
        max_length=number.max_seconds,
        play_beep=True,
    )
    # Reached only when `<Record>` recorded nothing.
    _thank(response, number)
    return str(response)


def thank_and_hang_up(number: NumberSettings) -> str:
    """Stop the recording, thank the caller, end the call."""
    response = VoiceResponse()
    _thank(response, number)
    return str(response)


def _thank(response: VoiceResponse, number: NumberSettings) -> None:
    stop = Stop()
    # The SDK has no method of its own for this noun.
    stop.append(Recording(name=RECORDING_NAME))
    response.append(stop)
    if number.thanks:
        response.say(number.thanks, language=number.language, voice=number.voice)
    response.hangup()
