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
    intelligence_webhook_signed: bool = True
    """Evidence is split; Twilio's general page says that all its requests are signed."""
    silent_recording: Literal["saved", "absent"] = "saved"
    """The current <Record> page saves silent recordings; the older one made none and went to the next verb."""
    transcript_channel_echoed: bool = True
    """The documented create example echoes `channel`; the documented fetch example shows it empty."""
