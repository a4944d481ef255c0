"""Real WAV files for recordings: a tone for each utterance, silence between; durations are what counts."""

import array
import io
import math
import wave
from collections.abc import Sequence

from callscribe_tools.simulator.timeline import Sound

RATE = 8000
"""Samples a second: telephony grade."""
_VOLUME = 8000


def _one_second(pitch: int) -> array.array[int]:
    return array.array("h", (round(_VOLUME * math.sin(2 * math.pi * pitch * frame / RATE)) for frame in range(RATE)))


# Whole periods, to be repeated: a call of hours is rendered in no time.
_SECOND = {"inbound": _one_second(220), "outbound": _one_second(440)}


def wav(channels: Sequence[Sequence[Sound]], seconds: float) -> bytes:
    """Render 16-bit PCM, a channel for each sequence of sounds; times are relative to the file's start."""
    frames = round(seconds * RATE)
    rendered = [_samples(sounds, frames) for sounds in channels]
    interleaved = array.array("h", bytes(2 * frames * len(rendered)))
    for index, samples in enumerate(rendered):
        interleaved[index :: len(rendered)] = samples
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(len(rendered))
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(interleaved.tobytes())
    return file.getvalue()


def _samples(sounds: Sequence[Sound], frames: int) -> array.array[int]:
    samples = array.array("h", bytes(2 * frames))
    for sound in sounds:
        first, last = round(sound.start * RATE), min(round(sound.end * RATE), frames)
        samples[first:last] = (_SECOND[sound.track] * ((last - first) // RATE + 1))[: last - first]
    return samples
