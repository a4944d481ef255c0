"""Reads callscribe.toml: what is the same everywhere, and over it what `[env.<name>]` says."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from callscribe_tools.operator.environment import Env, stack_of
from callscribe_tools.operator.errors import OperatorError, RefusedError
from callscribe_tools.operator.setup.config import Config, CustomOperator, Example, Service

FILE = Path("callscribe.toml")

_MODELS: Mapping[str, type[BaseModel]] = {"services": Service, "custom_operators": CustomOperator}


def load(path: Path, env: Env | None) -> Config:
    """Read what the file says for an environment; None: what it says for all.

    Raises:
        RefusedError: it is not there, or wrong; the message names each key, and what would be right.
    """
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RefusedError(
            f"There is no {path}. Change to the folder of the repository, or name the file: --file"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RefusedError(f"{path} cannot be read: {error}") from None
    merged = _merged(told.pop("env", {}), told, env, path)
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        told_for = f" for {env}" if env else ""
        raise RefusedError("\n  ".join([f"{path} is wrong{told_for}:", *_mistakes(error)])) from None


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
        raise RefusedError(f"{path} is wrong: env.{unknown[0]}: unknown; known are {', '.join(Env)}")
    return deep_merge(common, envs.get(env, {})) if env else common


def deep_merge(under: Any, over: Any) -> Any:
    """Tables are merged key by key; anything else is replaced."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return {**under, **{key: deep_merge(under[key], one) if key in under else one for key, one in over.items()}}


def _mistakes(error: ValidationError) -> list[str]:
    return [
        _mistake(one["type"], one["loc"], one["msg"]) for one in error.errors(include_url=False, include_input=False)
    ]


def _mistake(kind: str, loc: tuple[int | str, ...], message: str) -> str:
    # Of a key of a table pydantic says "[key]", and of an alternative which it is.
    words = [str(one) for one in loc if not (isinstance(one, str) and (one == "[key]" or one.startswith("literal[")))]
    path = ".".join(f'"{word}"' if word.startswith("+") else word for word in words)
    if kind == "extra_forbidden":
        model = Example if "examples" in loc else _MODELS.get(str(loc[0]), Config) if len(loc) > 1 else Config
        known = sorted(one.alias or name for name, one in model.model_fields.items())
        message = f"unknown; known are {', '.join(known)}"
    message = message.removeprefix("Value error, ")
    return f"{path}: {message}" if path else message
