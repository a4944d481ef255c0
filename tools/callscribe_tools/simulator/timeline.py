"""What is heard on a call and when: the plan of caller and agent, and the virtual clock of the line.

`CallRunner` moves the clock; nothing here sleeps. All times are seconds since the call was answered.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, Self

from callscribe_tools.simulator.dialogue import written_out
from callscribe_tools.simulator.scenario import AgentSpeaks, HangUp, Press, Speak, Step, Wait, WaitFor

type Track = Literal["inbound", "outbound"]


@dataclass(frozen=True)
class Sound:
    """Something audible: speech, or (without text) a beep.

    Its track is that of the caller's leg: inbound is the caller, outbound what the caller hears.
    """

    track: Track
    start: float
    end: float
    text: str = ""

    def within(self, start: float, end: float) -> Self | None:
        """Cut to a window, keeping the share of the words that falls into it; None if nothing does."""
        first, last = max(self.start, start), min(self.end, end)
        if first >= last:
            return None
        words, length = self.text.split(), self.end - self.start
        heard = words[
            round(len(words) * (first - self.start) / length) : round(len(words) * (last - self.start) / length)
        ]
        # Japanese has no spaces: one "word" is heard whole or not at all.
        return replace(self, start=first, end=last, text=" ".join(heard))

    def moved(self, by: float) -> Self:
        """Shift in time."""
        return replace(self, start=self.start + by, end=self.end + by)


class CallerHungUp(Exception):  # noqa: N818  no error: it ends the call's TwiML wherever it is
    """The caller has hung up; the clock stands at that moment."""


class Caller:
    """Plays the steps of a scenario, the agent's too: what comes before the next `wait_for` has a fixed time."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = deque(written_out(steps))
        self._free_at = 0.0
        self.speech: list[Sound] = []
        self.agent_speech: list[Sound] = []
        self.keys: list[tuple[float, str]] = []
        self.hangs_up_at: float | None = None
        self._plan()

    def hear(self, event: Literal["greeting", "beep", "agent"], at: float) -> None:
        """Go on with the steps after `wait_for: event`, if that is what the caller is waiting for."""
        if self._steps and self._steps[0] == WaitFor(wait_for=event):
            self._steps.popleft()
            self._free_at = max(self._free_at, at)
            self._plan()

    @property
    def done_at(self) -> float:
        """When everything before the next `wait_for` has been played."""
        return self._free_at

    @property
    def waits_for(self) -> str | None:
        """What the caller still waits for, or None when every step has been played."""
        step = self._steps[0] if self._steps else None
        return step.wait_for if isinstance(step, WaitFor) else None

    def _plan(self) -> None:
        while self._steps and not isinstance(self._steps[0], WaitFor):
            self._do(self._steps.popleft())

    def _do(self, step: Step) -> None:
        match step:
            case Wait(wait=seconds):
                self._free_at += seconds
            case Speak(say=text, seconds=seconds):
                self.speech.append(Sound("inbound", self._free_at, self._free_at + seconds, text))
                self._free_at += seconds
            case AgentSpeaks(agent=text, seconds=seconds):
                self.agent_speech.append(Sound("outbound", self._free_at, self._free_at + seconds, text))
                self._free_at += seconds
            case Press(press=key):
                self.keys.append((self._free_at, key))
            case HangUp() if self.hangs_up_at is None:
                self.hangs_up_at = self._free_at


class Line:
    """One call's clock and everything said on it."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.now = 0.0
        self._said: list[Sound] = []

    def wait(self, seconds: float) -> None:
        """Let time pass.

        Raises
        ------
        CallerHungUp
            The caller does so before that time is over.
        """
        end, hangs_up_at = self.now + seconds, self.caller.hangs_up_at
        if hangs_up_at is not None and hangs_up_at <= end:
            self.now = max(self.now, hangs_up_at)
            raise CallerHungUp
        self.now = end

    def say(self, text: str, seconds: float) -> None:
        """Let the caller hear speech, or a beep when there is no text.

        Raises
        ------
        CallerHungUp
            The caller does so before it has been heard whole.
        """
        self._said.append(Sound("outbound", self.now, self.now + seconds, text))
        self.wait(seconds)

    def sounds(self, tracks: Iterable[Track], start: float, end: float) -> list[Sound]:
        """Everything audible on these tracks within a window, by its start."""
        wanted = set(tracks)
        everything = (*self.caller.speech, *self.caller.agent_speech, *self._said)
        cut = (sound.within(start, end) for sound in everything if sound.track in wanted)
        return sorted((sound for sound in cut if sound is not None), key=lambda sound: sound.start)
