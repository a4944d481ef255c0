"""A scenario: what the caller does, what the operators find, and what should come out at the end.

Files lie in `tools/scenarios/*.yaml`. The model refuses what it does not know, with the file and the field.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from callscribe_tools.simulator.violations import ScenarioError

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WaitFor(_Strict):
    """Hold on until the greeting has been spoken, or until the beep of a <Record>."""

    wait_for: Literal["greeting", "beep"]


class Wait(_Strict):
    """Say nothing for so many seconds."""

    wait: Annotated[float, Field(gt=0)]


class Speak(_Strict):
    """Speak one sentence for so many seconds."""

    say: Annotated[str, Field(min_length=1)]
    seconds: Annotated[float, Field(gt=0)]


class Press(_Strict):
    """Press one key."""

    press: Annotated[str, Field(pattern=r"^[0-9*#]$")]


class HangUp(_Strict):
    """Hang up. Without it the caller stays, silent, until Twilio hangs up."""

    hang_up: Literal[True]


_KEYS = ("wait_for", "wait", "say", "press", "hang_up")


def _key_of(step: object) -> str | None:
    # By its key, so that a mistake is reported once and not for every kind of step it could have been.
    if isinstance(step, dict):
        return next((key for key in _KEYS if key in step), None)
    return next((key for key in _KEYS if hasattr(step, key)), None)


Step = Annotated[
    Annotated[WaitFor, Tag("wait_for")]
    | Annotated[Wait, Tag("wait")]
    | Annotated[Speak, Tag("say")]
    | Annotated[Press, Tag("press")]
    | Annotated[HangUp, Tag("hang_up")],
    Discriminator(
        _key_of,
        custom_error_type="step",
        custom_error_message=f"a step has one of the keys {', '.join(_KEYS)}",
    ),
]


class OperatorResult(_Strict):
    """What one attached Language Operator finds; what is left out is null or empty, as in Twilio's answer."""

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
    predicted_label: str | None = None
    # Twilio sends some numbers as text ("1.0"), and so may a scenario.
    predicted_probability: float | str | None = None
    label_probabilities: dict[str, int | float] = {}
    text_generation_results: dict[str, Any] | None = None
    json_results: dict[str, Any] | None = None


class Scenario(_Strict):
    """One call, told in advance."""

    name: str
    caller: tuple[Step, ...]
    operator_results: tuple[OperatorResult, ...] = ()
    expect: Literal["stored", "skipped", "failed", "nothing"]
    """What should become of the call's recording in the end."""


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
        return Scenario.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        known = ", ".join(sorted(file.stem for file in SCENARIOS.glob("*.yaml")))
        raise ScenarioError(f"There is no scenario {path}. Known by name: {known}.") from error
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path} is no YAML: {error}") from error
    except ValidationError as error:
        raise ScenarioError(f"{path} is wrong:\n{_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    return "\n".join(
        f"  {'.'.join(str(part) for part in mistake['loc']) or 'the file'}: {mistake['msg']}"
        for mistake in error.errors()
    )
