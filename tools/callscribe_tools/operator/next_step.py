"""Says what to do next about a recording or a message. `failed` and `show` print it. Reads and writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from callscribe.domain.recording import MOST_ROUNDS, State, needs_attention
from callscribe.domain.sids import CallSid
from callscribe_tools.operator.advice import (
    AUDIO_IS_GONE,
    REDRIVEN_TOO_OFTEN,
    Helps,
    Remedy,
    advice,
    advice_on_skipping,
)
from callscribe_tools.operator.environment import Environment


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do: the whole advice in sentences, and the command that is its last step; None if no command helps."""

    remedy: Remedy
    what_to_do: str
    command: str | None


def next_step(environment: Environment, call_sid: CallSid, row: Mapping[str, Any]) -> NextStep | None:
    """Say what to do about a recording by its row. None if the recording is stored, erased or under way."""
    state, reason = State(row["state"]), row.get("reason")
    if needs_attention(state, reason):
        step = step_of(environment, _remedy(row), call_sid)
    elif state is State.SKIPPED:
        step = step_of(environment, advice_on_skipping(reason), call_sid)
    else:
        return None
    code = f" (Twilio's error {row['error_code']})" if row.get("error_code") else ""
    return NextStep(step.remedy, f"{step.what_to_do}{code}", step.command)


def _remedy(row: Mapping[str, Any]) -> Remedy:
    if "deleted_at" in row:
        return AUDIO_IS_GONE
    remedy = advice(row.get("reason"))
    spent = remedy.helps is Helps.REDRIVE and int(row.get("rounds", 0)) >= MOST_ROUNDS
    return REDRIVEN_TOO_OFTEN if spent else remedy


def step_of(environment: Environment, remedy: Remedy, call_sid: CallSid | None, without: str = "") -> NextStep:
    """Write a remedy out for an environment.

    Args:
        environment: the environment whose commands are named.
        remedy: the advice.
        call_sid: the call that it is about, if that is known.
        without: the options of `redrive` for a message that names no call.
    """
    command = _command(environment, remedy, call_sid, without)
    text = remedy.text
    for place, words in {"{apply}": "setup apply", "{secret}": "secret set", "{doctor}": "doctor"}.items():
        text = text.replace(place, environment.command(words))
    return NextStep(remedy, f"{text}. Then: {command}" if command else f"{text}.", command)


def _command(environment: Environment, remedy: Remedy, call_sid: CallSid | None, without: str) -> str | None:
    match remedy.helps:
        case Helps.RETRANSCRIBE:
            return environment.command(f"retranscribe {call_sid}")
        case Helps.REDRIVE:
            return environment.command(f"redrive --call {call_sid}" if call_sid else f"redrive {without}")
        case Helps.NOTHING:
            return None
