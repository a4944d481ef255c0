"""Who says what in a scenario, with `sentences: n` written out as that many different, natural-looking sentences.

The timeline plays it; whoever compares a transcript with its scenario reads `spoken`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal

from callscribe_tools.simulator.scenario import AgentSpeaks, Sentences, Speak, Step, with_agent_on_line

# Lengths without a common divisor: taking the nth of each, modulo its length, repeats nothing for 7 * 11 * 13 * 10.
_OPENINGS = ("Well,", "You know,", "As I said,", "To be honest,", "Just so you know,", "By the way,", "Right,")
_WHO = (
    *("the new customer", "our accounting team", "the sales office", "my colleague", "the delivery service"),
    *("the project manager", "the support desk", "your technician", "the warehouse", "our branch office"),
    "the night shift",
)
_DOES = (
    *("is waiting for", "has not received", "would like to change", "was asking about", "has already paid for"),
    *("wants to cancel", "cannot find", "has sent back", "is happy with", "needs a copy of", "has a question about"),
    *("still has to confirm", "ordered twice"),
)
_WHAT = (
    *("the monthly invoice.", "the annual contract.", "the replacement part.", "the first delivery."),
    *("the user manual.", "the price list.", "the meeting next week.", "the access code."),
    *("the latest estimate.", "the signed order form."),
)


@dataclass(frozen=True)
class Line:
    """One sentence of a scenario."""

    speaker: Literal["caller", "agent"]
    text: str


def spoken(steps: Iterable[Step]) -> list[Line]:
    """List every sentence of a scenario in order."""
    return [
        Line("caller", step.say) if isinstance(step, Speak) else Line("agent", step.agent)
        for step in written_out(steps)
        if isinstance(step, Speak | AgentSpeaks)
    ]


def written_out(steps: Iterable[Step]) -> Iterator[Step]:
    """Replace `sentences: n` by n sentences: of caller and agent in turns, or of a caller who is alone."""
    numbers = count()
    for step, with_agent in with_agent_on_line(steps):
        if not isinstance(step, Sentences):
            yield step
            continue
        for turn in range(step.sentences):
            text = _sentence(next(numbers))
            if with_agent and turn % 2:
                yield AgentSpeaks(agent=text, seconds=step.seconds)
            else:
                yield Speak(say=text, seconds=step.seconds)


def _sentence(number: int) -> str:
    return " ".join(part[number % len(part)] for part in (_OPENINGS, _WHO, _DOES, _WHAT))
