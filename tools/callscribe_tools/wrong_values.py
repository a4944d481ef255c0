"""Says what is wrong with a value on the command line. Typer gives pydantic's sentences, which name no right value."""

from typing import Any, get_args


def explain(error: Any) -> None:
    """Replace the sentence of one of Typer's usage errors, if pydantic wrote it.

    Args:
        error: a `BadParameter`; its `message` is changed in place.
    """
    if hasattr(error.__cause__, "errors") and getattr(error, "param", None) is not None:
        error.message = _sentence(_refused(error.__cause__), error.param.type_descriptor)


def _refused(error: Any) -> object:
    """The value that was refused; of a list, the one item."""
    (first, *_) = error.errors()
    inner = first.get("ctx", {}).get("error")
    return _refused(inner) if hasattr(inner, "errors") else first["input"]


def _sentence(value: object, descriptor: Any) -> str:
    if descriptor.choices:
        return f"'{value}' is none of {', '.join(str(choice.value) for choice in descriptor.choices)}."
    kinds = get_args(descriptor.annotation) or (descriptor.annotation,)
    between = _range(descriptor.parameter_info.min, descriptor.parameter_info.max)
    if int in kinds:
        return f"'{value}' is no whole number{between}."
    if float in kinds:
        return f"'{value}' is no number{between}."
    return f"'{value}' cannot be used here. See --help."


def _range(least: float | None, most: float | None) -> str:
    if least is None:
        return "" if most is None else f" of at most {most}"
    return f" of at least {least}" if most is None else f" from {least} to {most}"
