"""What a transcript holds of a call: its own copy of what was said.

It is taken when the work on the recording begins, and lasts until the transcript is deleted: that it outlives the
recording is *assumed*. What the operators find is the scenario's, and nobody's copy.
"""

from dataclasses import dataclass

from callscribe_tools.simulator.recording import Recording


@dataclass(frozen=True)
class Sentence:
    """One utterance; times are seconds since the recording's start."""

    channel: int
    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Content:
    """What can be read of a transcript once it is completed."""

    seconds: int
    sentences: tuple[Sentence, ...]


def heard(recording: Recording) -> Content:
    """Make a transcript's copy of a recording."""
    speech = [one for one in recording.sounds if one.text]
    return Content(
        seconds=recording.duration,
        sentences=tuple(Sentence(recording.channel_of(one), one.start, one.end, one.text) for one in speech),
    )
