"""One recording of a call: what is known of it, and its media until they are deleted."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from callscribe_tools.simulator.audio import wav
from callscribe_tools.simulator.sids import new_sid
from callscribe_tools.simulator.timeline import Sound, Track

type Source = Literal[
    "RecordVerb",
    "DialVerb",
    "StartCallRecordingAPI",
    "StartCallRecordingTwiML",
    "Conference",
    "StartConferenceRecordingAPI",
    "OutboundAPI",
    "Trunking",
]
"""What made a recording: the OpenAPI enum, and StartCallRecordingTwiML, which real accounts have."""


@dataclass
class Recording:
    """One recording of a call; its times are relative to its own (trimmed) start once it has ended."""

    call_sid: str
    """Empty: it is a conference's, and of no call."""
    source: Source
    channels: Literal[1, 2]
    tracks: tuple[Track, ...]
    started: datetime
    status: Literal["in-progress", "processing", "completed", "absent", "failed", "deleted"] = "in-progress"
    seconds: float = 0.0
    sounds: tuple[Sound, ...] = ()
    error_code: int = 0
    encrypted: bool = False
    """With a key of the customer's."""
    stored_at: str | None = None
    """The customer's bucket that holds the media; None: Twilio does."""
    conference_sid: str | None = None
    sid: str = field(default_factory=lambda: new_sid("RE"))

    @property
    def duration(self) -> int:
        """Whole seconds, as callbacks tell them (rounding *assumed*)."""
        return round(self.seconds)

    @property
    def track(self) -> Literal["inbound", "outbound", "both"]:
        """What is recorded, in Twilio's word."""
        return "both" if len(self.tracks) == 2 else self.tracks[0]

    def channel_of(self, sound: Sound) -> int:
        """Return the channel a sound is on.

        "The first channel contains the parent call and the second the child call" (Twilio docs, TwiML <Recording>).
        On a single-leg call channel 1 is the caller and channel 2 what Twilio says: third-party evidence only
        (twilio-labs/call-gpt#42).
        """
        return 2 if self.channels == 2 and sound.track == "outbound" else 1

    def forget_media(self) -> None:
        """Be deleted: nothing is left but what the metadata say."""
        self.status = "deleted"
        self.sounds = ()

    def wav(self, channels: Literal[1, 2]) -> bytes:
        """Render the media; `channels` = 1 mixes a dual-channel recording down."""
        if channels == 1:
            return wav([self.sounds], self.seconds)
        split = [[sound for sound in self.sounds if self.channel_of(sound) == channel] for channel in (1, 2)]
        return wav(split, self.seconds)
