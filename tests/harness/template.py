"""template.yaml as data: what is tested in process is built from what is deployed."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

REPOSITORY = Path(__file__).parents[2]


@cache
def template() -> dict[str, Any]:
    """The source template, with intrinsic functions in their long form."""
    return dict(yaml_parse((REPOSITORY / "template.yaml").read_text()))


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """The resources of one type, by logical id."""
    return {name: one for name, one in template()["Resources"].items() if one["Type"] == kind}


def function_names() -> list[str]:
    """The functions' folders, by their names."""
    return sorted(folder.name for folder in (REPOSITORY / "functions").iterdir() if folder.is_dir())


def logical_id(function: str) -> str:
    """The logical id of the function in a folder: store_insights is StoreInsightsFunction."""
    return "".join(word.title() for word in function.split("_")) + "Function"


def function(name: str) -> dict[str, Any]:
    """A function's properties, with those of Globals."""
    common = template()["Globals"]["Function"]
    own = template()["Resources"][logical_id(name)]["Properties"]
    variables = common["Environment"]["Variables"] | own.get("Environment", {}).get("Variables", {})
    return {**common, **own, "Environment": {"Variables": variables}}


def routes() -> dict[tuple[str, str], str]:
    """The function behind each method and path."""
    return {
        (event["Properties"]["Method"], event["Properties"]["Path"]): name
        for name in function_names()
        for event in function(name)["Events"].values()
        if event["Type"] == "HttpApi"
    }


def route(method: str, path: str) -> str | None:
    """The path in the template that a request's path fits, as API Gateway finds it; None where none does."""
    return next(
        (
            one
            for own_method, one in routes()
            if own_method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), path)
        ),
        None,
    )


STACK_NAME = "callscribe-test"
"""What the stack in process would be called."""
_PSEUDO_PARAMETERS = {"AWS::StackName": STACK_NAME, "AWS::URLSuffix": "amazonaws.com"}


def resolve(value: Any, physical_ids: Mapping[str, str]) -> str:
    """Resolve a Ref or GetAtt with what stands for each logical id; a parameter is its default, a condition holds."""
    match value:
        case {"Ref": name} if name in template()["Parameters"]:
            return str(template()["Parameters"][name]["Default"])
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return {**_PSEUDO_PARAMETERS, **physical_ids}[name]
        # Without a domain of one's own.
        case {"Fn::If": ["HasDomain", _, otherwise]}:
            return resolve(otherwise, physical_ids)
        case {"Fn::If": [_, if_true, _]}:
            return resolve(if_true, physical_ids)
        case {"Fn::Select": [number, {"Fn::Split": [separator, text]}]}:
            return str(resolve(text, physical_ids).split(separator)[number])
        case {"Fn::Sub": [str(text), names]}:
            known = {name: resolve(one, physical_ids) for name, one in names.items()}
            return re.sub(r"\$\{([\w.]+)\}", lambda found: {**physical_ids, **known}[found[1]], text)
        case _:
            return str(value)
