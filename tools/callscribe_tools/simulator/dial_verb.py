"""Plays <Dial>: rings one agent, bridges the two legs, records them, and says how it ended.

`CallRunner` calls it and makes the action request. Twilio docs, TwiML <Dial>. *Assumed*: ringing takes call time with
`answerOnBridge` too, and `timeout` is kept to the second (Twilio may let it ring some five seconds longer).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from callscribe_tools.simulator.account import Account
from callscribe_tools.simulator.caller_ids import is_caller_id
from callscribe_tools.simulator.recorder import Recorder
from callscribe_tools.simulator.recording import Recording
from callscribe_tools.simulator.scenario import Answers, DoesNotAnswer
from callscribe_tools.simulator.state import Call, State
from callscribe_tools.simulator.timeline import CallerHungUp, Line
from callscribe_tools.simulator.twiml import Verb
from callscribe_tools.simulator.violations import NotSimulatedError, SimulationError, Violation

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_UNFORMATTED_US = re.compile(r"[(]?[0-9]{3}[)]?[ .-]?[0-9]{3}[ .-]?[0-9]{4}")
_UNTIL_TOLD = 2.0  # assumed: seconds until Twilio knows of a busy line, or of one that cannot be reached


@dataclass(frozen=True)
class Dialled:
    """How a <Dial> ended."""

    child: Call | None
    """None: nobody was called, for the number or the caller ID is none."""
    recording: Recording | None
    hung_up: bool
    """By the caller."""


class DialVerb:
    """The dialling side of one call."""

    def __init__(
        self,
        account: Account,
        state: State,
        call: Call,
        line: Line,
        recorder: Recorder,
        progress: Callable[[str], None],
    ) -> None:
        self._account = account
        self._state = state
        self._call = call
        self._line = line
        self._recorder = recorder
        self._progress = progress

    def play(self, verb: Verb, document: str) -> Dialled:
        """Dial, and come back when the two are no longer connected.

        Raises
        ------
        SimulationError
            The scenario does not say who answers.
        """
        agent = self._call.scenario.agent
        number = verb.nouns[0].text if verb.nouns else verb.text
        if agent is None:
            raise SimulationError(
                f"The application dials {number}, and the scenario {self._call.scenario.name} has no agent: "
                "add `agent: {answers_after: 4}` or `agent: {does: busy}` to it."
            )
        # That a <Dial> with such a mistake goes on as a failed one is assumed.
        mistake = self._mistake(number, verb.attributes.get("callerId"))
        if mistake is not None:
            self._state.violations.append(Violation(*mistake, document))
            return Dialled(None, None, hung_up=False)
        rang = self._line.now
        child = self._ring(number, verb)
        try:
            outcome = self._wait_for(agent, verb)
        except CallerHungUp:
            self._end(child, "canceled")
            return Dialled(child, None, hung_up=True)
        if outcome != "in-progress":
            self._progress(f"{number} is not reached: {outcome}")
            self._end(child, outcome)
            return Dialled(child, None, hung_up=False)
        return self._bridge(child, verb, document, rang)

    def _mistake(self, number: str, caller_id: str | None) -> tuple[str, str] | None:
        if _UNFORMATTED_US.fullmatch(number):
            raise NotSimulatedError(f"<Dial>{number}: Twilio takes it for a US number; write +1 and ten digits here.")
        if not _E164.fullmatch(number):
            return "13223", f"<Dial>: {number!r} is no phone number in E.164"
        # Without a callerId it is the caller's. That Twilio then refuses one that is no number is assumed: it must be
        # none that a network would refuse.
        shown = self._call.from_ if caller_id is None else caller_id
        if not is_caller_id(shown):
            return "13214", f"<Dial> with the caller ID {shown!r}, which is no valid number"
        # "Must be a Twilio number or a verified caller ID"; those verified are not simulated.
        if caller_id is not None and caller_id not in {self._call.from_, *self._account.numbers}:
            return "13214", f"<Dial callerId={caller_id!r}> is neither the caller's nor a number of the account"
        return None

    def _ring(self, number: str, verb: Verb) -> Call:
        self._progress(f"Twilio dials {number}")
        child = Call(
            from_=verb.attributes.get("callerId", self._call.from_),
            to=number,
            phone_number_sid=None,  # the agent's number is none of the account's
            scenario=self._call.scenario,
            started=self._call.started + timedelta(seconds=round(self._line.now)),
            parent_call_sid=self._call.sid,
        )
        with self._state.lock:
            self._state.calls[child.sid] = child
        return child

    def _wait_for(
        self, agent: Answers | DoesNotAnswer, verb: Verb
    ) -> Literal["in-progress", "busy", "no-answer", "failed"]:
        timeout = verb.whole("timeout", 30)
        if isinstance(agent, Answers) and agent.answers_after < timeout:
            self._line.wait(agent.answers_after)
            return "in-progress"
        if isinstance(agent, DoesNotAnswer) and agent.does != "no-answer":
            self._line.wait(min(_UNTIL_TOLD, timeout))
            return agent.does
        self._line.wait(timeout)
        return "no-answer"

    def _bridge(self, child: Call, verb: Verb, document: str, rang: float) -> Dialled:
        line, answered = self._line, self._line.now
        self._progress(f"{child.to} answers")
        with self._state.lock:
            child.status = "in-progress"
        line.caller.hear("agent", answered)
        recording = self._record(verb, document, rang)
        line.now, hung_up = self._end_of_bridge(verb, answered)
        if recording is not None:
            self._recorder.end(recording)
        child.seconds = round(line.now - answered)
        self._end(child, "completed")
        self._progress(f"caller and agent have been connected for {child.seconds} s")
        return Dialled(child, recording, hung_up)

    def _record(self, verb: Verb, document: str, rang: float) -> Recording | None:
        """Record what the two say; nothing is recorded of a call that nobody answers (assumed, for -from-ringing)."""
        record = verb.attributes.get("record", "do-not-record")
        if record in {"do-not-record", "false"}:
            return None
        return self._recorder.start(verb, document, began=rang if "ringing" in record else None)

    def _end_of_bridge(self, verb: Verb, answered: float) -> tuple[float, bool]:
        """Find when the first of the two hangs up, and whether that is the caller."""
        caller = self._line.caller
        ends = [(answered + verb.whole("timeLimit", 14_400), False)]
        if caller.hangs_up_at is None:  # all is said: the agent hangs up
            ends.append((max(answered, caller.done_at), False))
        else:
            ends.append((max(answered, caller.hangs_up_at), True))
        if verb.attributes.get("hangupOnStar") == "true":
            ends += [(at, False) for at, key in caller.keys if key == "*" and at >= answered]
        return min(ends)

    def _end(self, child: Call, status: Literal["completed", "busy", "no-answer", "failed", "canceled"]) -> None:
        with self._state.lock:
            child.status = status
