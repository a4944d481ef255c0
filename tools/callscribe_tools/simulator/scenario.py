"""A scenario: what caller and agent do, what the operators find, and what should come out at the end.

Files lie in `tools/scenarios/*.yaml`. The model refuses what it does not know, with the file and the field.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from callscribe_tools.explain import mistakes, unreadable
from callscribe_tools.simulator.caller_ids import Withheld
from callscribe_tools.simulator.exact_json import read_yaml
from callscribe_tools.simulator.violations import ScenarioError

_PACKAGE = Path(__file__).resolve().parents[1]
# The wheel has them within the package, the repository beside it (pyproject.toml, "force-include").
SCENARIOS = next(folder for folder in (_PACKAGE / "scenarios", _PACKAGE.parent / "scenarios") if folder.is_dir())


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


type Seconds = Annotated[float, Field(gt=0)]
type Text = Annotated[str, Field(min_length=1)]
# As it is written: Twilio sends some numbers as text ("1.0"), and decimals of any length.
type Number = Decimal | int | str


class WaitFor(_Strict):
    """Hold on until the greeting is spoken, until the beep of a <Record>, or until an agent answers the <Dial>."""

    wait_for: Literal["greeting", "beep", "agent"]


class Wait(_Strict):
    """Say nothing for so many seconds."""

    wait: Seconds


class Speak(_Strict):
    """The caller speaks one sentence for so many seconds."""

    say: Text
    seconds: Seconds


class AgentSpeaks(_Strict):
    """The agent speaks one sentence for so many seconds."""

    agent: Text
    seconds: Seconds


class Sentences(_Strict):
    """So many different sentences of so many seconds each: by caller and agent in turns, or by a lone caller."""

    sentences: Annotated[int, Field(ge=1, le=10_000)]
    seconds: Seconds


class Press(_Strict):
    """Press one key."""

    press: Annotated[str, Field(pattern=r"^[0-9*#]$")]


class HangUp(_Strict):
    """Hang up. Without it the caller stays, silent, until Twilio hangs up; an agent hangs up when all is said."""

    hang_up: Literal[True]


def _told_by(what: str, *keys: str) -> Discriminator:
    # By its key, so that a mistake is reported once and not for everything it could have been.
    def key_of(thing: object) -> str | None:
        held = thing if isinstance(thing, dict) else vars(thing) if isinstance(thing, BaseModel) else {}
        return next((key for key in keys if key in held), None)

    message = f"{what} has one of the keys {', '.join(keys)}"
    return Discriminator(key_of, custom_error_type="kind", custom_error_message=message)


Step = Annotated[
    Annotated[WaitFor, Tag("wait_for")]
    | Annotated[Wait, Tag("wait")]
    | Annotated[Speak, Tag("say")]
    | Annotated[AgentSpeaks, Tag("agent")]
    | Annotated[Sentences, Tag("sentences")]
    | Annotated[Press, Tag("press")]
    | Annotated[HangUp, Tag("hang_up")],
    _told_by("a step", "wait_for", "wait", "say", "agent", "sentences", "press", "hang_up"),
]


class Answers(_Strict):
    """The agent picks up so many seconds after the <Dial>."""

    answers_after: Seconds


class DoesNotAnswer(_Strict):
    """Nobody picks up."""

    does: Literal["busy", "no-answer", "failed"]


Agent = Annotated[
    Annotated[Answers, Tag("answers_after")] | Annotated[DoesNotAnswer, Tag("does")],
    _told_by("an agent", "answers_after", "does"),
]


class RecordingOutcome(_Strict):
    """What goes wrong with the recordings in two channels; the mono one of <Record> is not touched.

    Codes: Twilio support 360014251313 (16101 too short, 16102 silent, 16104 to 16106 encryption).
    """

    status: Literal["absent", "failed"]
    error_code: Literal[16101, 16102, 16104, 16105, 16106]

    @model_validator(mode="after")
    def _code_of_status(self) -> Self:
        if (self.status == "absent") != (self.error_code in {16101, 16102}):
            raise ValueError("absent goes with error_code 16101 or 16102, failed with 16104, 16105 or 16106")
        return self


class TranscriptOutcome(_Strict):
    """What Conversational Intelligence makes of a recording that it can read."""

    status: Literal["completed", "failed", "canceled", "error"] = "completed"
    seconds: Annotated[float, Field(ge=0)] | None = None
    """From creation to the end, in real time while served; None: as the simulator was told."""
    webhook: Literal["none", "available"] | None = None
    """Whether an end without text is told; None: as `Unknowns` says."""


class OperatorResult(_Strict):
    """What one attached Language Operator finds; what is left out is null or empty, as in Twilio's answer.

    The fields are those of the Operator Result in Twilio's OpenAPI description (twilio_intelligence_v2).
    """

    name: str
    operator_type: Literal[
        "conversation-classify",
        "utterance-classify",
        "extract",
        "extract-normalize",
        "pii-extract",
        "text-generation",
        "json",
    ]
    extract_match: bool | None = None
    match_probability: Number | None = None
    normalized_result: str | None = None
    utterance_results: list[dict[str, Any]] | None = None
    utterance_match: bool | None = None
    predicted_label: str | None = None
    predicted_probability: Number | None = None
    label_probabilities: dict[str, Number] | None = None
    extract_results: dict[str, Any] | None = None
    text_generation_results: dict[str, Any] | None = None
    json_results: dict[str, Any] | None = None
    refusal: str | None = None
    """Twilio docs, Generative custom operators: an LLM's safety refusal comes in a field of its own."""


class Scenario(_Strict):
    """One call, told in advance."""

    name: str
    caller: tuple[Step, ...]
    """The script of the line: what both sides do, in order."""
    withheld: Withheld | None = None
    """Why the application is not given the caller's number; None: it is."""
    agent: Agent | None = None
    """Who is reached by <Dial>; None: nobody may be dialled."""
    recording: RecordingOutcome | None = None
    transcript: TranscriptOutcome = TranscriptOutcome()
    operator_results: tuple[OperatorResult, ...] = ()
    expect: Literal["stored", "skipped", "failed", "nothing"]
    """What should become of the call's recording in the end; nothing: there is none."""
    reason: str | None = None
    """Why it is skipped or failed, in the application's own words."""

    @model_validator(mode="after")
    def _agent_is_there(self) -> Self:
        answers = isinstance(self.agent, Answers)
        for number, (step, with_agent) in enumerate(with_agent_on_line(self.caller)):
            if isinstance(step, AgentSpeaks) and not with_agent:
                raise ValueError(f"caller.{number}: no agent is on the line here: put `wait_for: agent` before it")
            if step == WaitFor(wait_for="agent") and not answers:
                raise ValueError(f"caller.{number}: nobody answers: add `agent: {{answers_after: <seconds>}}`")
        return self

    @model_validator(mode="after")
    def _reason_of_failure(self) -> Self:
        if self.reason is not None and self.expect not in {"skipped", "failed"}:
            raise ValueError(f"a recording that is expected to be {self.expect} has no reason")
        return self


def with_agent_on_line(steps: Iterable[Step]) -> Iterator[tuple[Step, bool]]:
    """Tell of each step whether an agent is on the line: from `wait_for: agent` to the next thing waited for."""
    on_line = False
    for step in steps:
        if isinstance(step, WaitFor):
            on_line = step.wait_for == "agent"
        yield step, on_line


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Read a scenario by its name in `tools/scenarios`, or from a file.

    Raises
    ------
    ScenarioError
        There is no such file, it is no YAML, or a field is wrong; the message names the file and the field.
    """
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        path = SCENARIOS / f"{name_or_path}.yaml"
    try:
        return Scenario.model_validate(read_yaml(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        known = ", ".join(sorted(file.stem for file in SCENARIOS.glob("*.yaml")))
        raise ScenarioError(f"There is no scenario {path}. Known by name: {known}.") from error
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path} {unreadable(error)}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path} {unreadable(error)}.") from error
    except ValidationError as error:
        raise ScenarioError(f"{path} is wrong:\n{_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    return "\n".join(f"  {'.'.join(place) or 'the file'}: {what}" for place, what in mistakes(error))
