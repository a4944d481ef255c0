"""What samconfig.toml says of one environment's deployment. Called by `deploy_environment`, and by what checks it."""

import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from callscribe_tools.local_aws.errors import DeployError
from callscribe_tools.local_aws.paths import SAMCONFIG


@dataclass(frozen=True)
class Section:
    """One environment. `overrides` are the stack's parameters that differ from their defaults, by name."""

    env: str
    stack_name: str
    overrides: Mapping[str, str]


def section(env: str, samconfig: Path = SAMCONFIG) -> Section:
    """Read the section of an environment.

    Raises:
        DeployError: there is none, or its parameters are written otherwise than as `Name=value`.
    """
    try:
        told = tomllib.loads(samconfig.read_text("utf-8"))[env]["deploy"]["parameters"]
        stack_name = str(told["stack_name"])
    except KeyError as error:
        raise DeployError(f"{samconfig} says nothing of how {env} is deployed: {error} is missing") from None
    return Section(env, stack_name, dict(_overrides(env, told.get("parameter_overrides", []))))


def _overrides(env: str, told: str | Iterable[str]) -> Iterable[tuple[str, str]]:
    text = told if isinstance(told, str) else " ".join(told)
    for word in shlex.split(text):
        name, equals, value = word.partition("=")
        if not equals or name == "ParameterKey":
            raise DeployError(f"The parameters of {env} hold {word!r}. Write each as Name=value")
        yield name, value
