"""A wrong value on the command line is explained in our words, by what would be right, in every command."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any, get_args

import pytest
import typer
from typer.main import get_command

from callscribe_tools.entry import PROGRAMS, begin
from callscribe_tools.wrong_values import explain
from harness.library_words import assert_ours


def commands_of(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command with the words that call it, a group's own options too."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands_of(inner, (*path, name))


def converted() -> Iterator[Any]:
    """Each option and argument whose type is a choice or a number, of every command of both programs."""
    for program in ("callscribe", "callscribe-sim"):
        for path, command in commands_of(get_command(import_module(PROGRAMS[program]).app)):
            for param in command.params:
                descriptor = param.type_descriptor
                kinds = {descriptor.annotation, *get_args(descriptor.annotation)}
                if descriptor.parameter_info.parser is None and (descriptor.choices or kinds & {int, float}):
                    yield pytest.param(command, param, id=" ".join((program, *path, param.name)))


def message_of(command: Any, param: Any, value: str) -> str | None:
    """What is said of a value; None if it is taken."""
    try:
        param.process_value(typer.Context(command), [value] if param.multiple or param.nargs == -1 else value)
    except typer.BadParameter as error:
        explain(error)
        return error.message
    return None


@pytest.mark.parametrize(("command", "param"), [*converted()])
@pytest.mark.parametrize("value", ["", "nope", "nan", "-1", "1.5.0", "9" * 30, "\x1b[2J"])
def test_every_option_explains_a_wrong_value_in_our_words(command: Any, param: Any, value: str) -> None:
    message = message_of(command, param, value)
    if message is None:
        assert value in {"-1", "nan", "9" * 30}
        return
    assert message.startswith(f"'{value}' is no")
    assert_ours(message)


@pytest.mark.parametrize(
    ("program", "arguments", "told"),
    [
        ("callscribe", ["calls", "--limit", "abc"], "'abc' is no whole number from 1 to 1000000."),
        ("callscribe", ["calls", "--limit", "0"], "'0' is no whole number from 1 to 1000000."),
        ("callscribe", ["calls", "--env", "nope"], "'nope' is none of dev, staging, prod, local."),
        ("callscribe", ["export", "--since", "1d", "--format", "xml"], "'xml' is none of jsonl, csv."),
        ("callscribe", ["retranscribe", "CA" + "1" * 32, "--price", "nan"], "'nan' is no number of at least 0."),
        ("callscribe-sim", ["place", "a.toml", "--fault", "nope"], "'nope' is none of lost_recording_callback,"),
    ],
)
def test_both_programs_say_what_would_be_right(
    program: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        begin(program, arguments)
    printed = capsys.readouterr().err
    assert ended.value.code == 2
    assert told in printed
    assert_ours(printed)
