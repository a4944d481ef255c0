"""Where Twilio's behaviour is documented nowhere we could find: a switch for each, so that every variant is run.

The defaults are *assumed*.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass
class Unknowns:
    """What the simulator does where nobody outside Twilio knows."""

    duplicate_transcript_status: int = 409
    """"Only one Transcript per Recording" is documented; the answer to a second one is not."""
    duplicate_transcript_code: int = 20409
    encrypted_texts: Literal["empty", "refused"] = "refused"
    """What Sentences and OperatorResults answer of an encrypted transcript. Only the sub-resources for encrypted texts
    are documented (Transcript `links`); that plain text would be there as well is not believed."""
    encryption_told: Literal["everywhere", "transcript", "webhook", "service"] = "everywhere"
    """Which resources tell the encryption credential beside the Service: all three have the field in Twilio's texts."""
    failed_transcript_webhook: Literal["none", "available"] = "none"
    """Whether a transcript that ends without text is told, by the one attested event; a scenario may say otherwise."""
    intelligence_webhook_signed: bool = True
    """Evidence is split; Twilio's general page says that all its requests are signed."""
    list_filters: Literal["moment", "day"] = "moment"
    """Whether the lists of calls and recordings observe a time of day in a filter: they are documented with days only,
    and their parameters are of the format date-time."""
    mono_as_dual_status: Literal[400, 404] = 400
    """The answer to RequestedChannels=2 of one channel: 400 by the Recordings page, 404 by its older announcement."""
    noun_recording_source: Literal["StartCallRecordingAPI", "StartCallRecordingTwiML"] = "StartCallRecordingAPI"
    """The source of <Start><Recording>: the OpenAPI enum has the first only, third parties have seen the second."""
    noun_relative_callback: Literal["resolved", "refused"] = "resolved"
    """Relative addresses are documented; a third party's <Start><Recording> got error 11200 with one."""
    own_sounds_are_silence: bool = True
    """Whether a recording of nothing but Twilio's own beep is silent; else it is a sound like any other."""
    participants_of_recordings: Literal["taken", "refused"] = "taken"
    """Whether a transcript of a recording may name participants without numbers: several public programs send it, and
    Twilio documents it with a media_url only."""
    silent_recording: Literal["saved", "absent"] = "saved"
    """The current <Record> page saves silent recordings; the older one made none and went to the next verb."""
    transcript_channel_echoed: bool = True
    """The documented create example echoes `channel`; the documented fetch example shows it empty."""
    transcript_starts_as: Literal["queued", "new"] = "queued"
    """The status `new` is in Twilio's list and in no text; every documented example starts as queued."""
