"""Reads callscribe.toml: what is the same everywhere, and over it what `[env.<name>]` says."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from callscribe_tools.explain import mistakes, toml_line, unreadable
from callscribe_tools.operator.environment import Env, stack_of
from callscribe_tools.operator.errors import OperatorError, RefusedError
from callscribe_tools.operator.setup.config import Config, CustomOperator, Example, Service

FILE = Path("callscribe.toml")
DEMO_FILE = Path("examples/demo.toml")
"""What the demo has at its simulated Twilio."""

_BARE_KEY = re.compile("[A-Za-z0-9_-]+")
_MODELS: Mapping[str, type[BaseModel]] = {"services": Service, "custom_operators": CustomOperator}


def load(path: Path, env: Env | None) -> Config:
    """Read what the file says for an environment; None: what it says for all.

    Raises:
        RefusedError: it is not there, or wrong; the message names each key, and what would be right.
    """
    try:
        text = path.read_text("utf-8")
        told = tomllib.loads(text)
    except FileNotFoundError:
        raise RefusedError(
            f"There is no {path}. Change to the folder of the repository, or name the file: --file"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RefusedError(f"{path} {unreadable(error)}. Nothing was done.") from None
    merged = _merged(told.pop("env", {}), told, env, path)
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        told_for = f" for {env}" if env else ""
        wrong = [_mistake(place, what, text, env) for place, what in mistakes(error)]
        raise RefusedError("\n  ".join([f"{path} is wrong{told_for}. Nothing was done.", *wrong])) from None


def default_file(env: Env | None) -> Path:
    """The file that says what an environment has, unless another is named."""
    return DEMO_FILE if env is Env.LOCAL else FILE


def env_of(stack: str) -> Env | None:
    """The environment whose stack that is; None where samconfig.toml does not say."""
    for env in Env:
        try:
            if stack_of(env) == stack:
                return env
        except OperatorError:
            continue
    return None


def _merged(envs: Any, common: dict[str, Any], env: Env | None, path: Path) -> dict[str, Any]:
    unknown = sorted(envs.keys() - set(Env)) if isinstance(envs, dict) else ["(no table)"]
    if unknown:
        known = ", ".join(Env)
        raise RefusedError(f"{path} is wrong: env.{unknown[0]} is unknown; known are {known}. Nothing was done.")
    return deep_merge(common, envs.get(env, {})) if env else common


def deep_merge(under: Any, over: Any) -> Any:
    """Tables are merged key by key; anything else is replaced."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return {**under, **{key: deep_merge(under[key], one) if key in under else one for key, one in over.items()}}


def _mistake(place: tuple[str, ...], what: str, text: str, env: Env | None) -> str:
    """One mistake: its line, the keys that lead there, what is wrong, and which keys there are if it is unknown."""
    line = toml_line(text, place, env)
    keys = ".".join(word if _BARE_KEY.fullmatch(word) else f'"{word}"' for word in place)
    known = f"; known are {', '.join(_known(place))}" if what == "is unknown" else ""
    return " ".join(filter(None, [f"line {line}:" if line else "", f"{keys}:" if keys else "", f"{what}{known}"]))


def _known(place: tuple[str, ...]) -> list[str]:
    model = Example if "examples" in place else _MODELS.get(place[0], Config) if len(place) > 1 else Config
    return sorted(field.alias or name for name, field in model.model_fields.items())
