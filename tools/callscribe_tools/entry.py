"""Where every command begins. Whatever happens, it ends by a sentence and an exit status, never by a stack trace.

This module imports only what the interpreter has loaded: all other imports are made where Ctrl-C is a sentence already.
"""

from __future__ import annotations

import os
import sys

# As that of `typing`, whose import would take longer than all of this.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from typer import Typer

PROGRAMS = {
    "callscribe": "callscribe_tools.operator.cli",
    "callscribe-sim": "callscribe_tools.simulator.cli",
    "demo": "callscribe_tools.demo",
    "soak": "callscribe_tools.soak.cli",
    "bench": "callscribe_tools.bench.cli",
}
"""The module of each program. `app` in it is the program."""

DEBUG = "CALLSCRIBE_DEBUG"
"""The environment variable that lets an error show its stack trace."""

INTERRUPTED, READER_GONE = 130, 141
"""What a shell reports of programs that SIGINT and SIGPIPE end."""
MISTAKE, NOT_WRITTEN = 70, 74
"""EX_SOFTWARE and EX_IOERR of sysexits.h."""


def callscribe() -> NoReturn:
    """Run `callscribe`."""
    begin("callscribe", sys.argv[1:])


def callscribe_sim() -> NoReturn:
    """Run `callscribe-sim`."""
    begin("callscribe-sim", sys.argv[1:])


def begin(program: str, arguments: list[str]) -> NoReturn:
    """Run one of `PROGRAMS`, and end the process."""
    try:
        import signal

        before = signal.getsignal(signal.SIGINT)
        if before is not signal.SIG_IGN:
            # While it imports, a module may take KeyboardInterrupt for an error of its own.
            signal.signal(signal.SIGINT, _stop_at_once)
    except KeyboardInterrupt:
        _stop_at_once()
    _open_closed_streams()
    _bypass_proxies()
    status = _guarded(program, arguments, before)
    # From here on, Ctrl-C must not interrupt the interpreter's own end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(status)


def _stop_at_once(*_: object) -> NoReturn:
    os.write(2, b"Stopped. Nothing was begun.\n")
    os._exit(INTERRUPTED)


def _open_closed_streams() -> None:
    """Put a stream in the place of a standard stream that the shell has closed: else files would take its place.

    Standard input is empty, and standard error swallows what is written. Standard output refuses it, so that a result
    that nobody gets ends with `NOT_WRITTEN`: its descriptor is open for reading only.
    """
    for name, flags, mode in (
        ("stdin", os.O_RDONLY, "r"),
        ("stdout", os.O_RDONLY, "w"),
        ("stderr", os.O_WRONLY, "w"),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8"))
    # A character that the terminal's encoding has not is escaped. It is so of standard error anyway.
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(errors="backslashreplace")


def _bypass_proxies() -> None:
    from callscribe_tools.proxies import bypass_for_loopback

    bypass_for_loopback(os.environ)


def _guarded(program: str, arguments: list[str], interrupt: Any) -> int:
    try:
        try:
            return _run(_loaded(program, interrupt), program, arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        return _reader_gone()
    except KeyboardInterrupt:
        return _stopped()
    except OSError as error:
        # Libraries derive errors of their own from OSError, without a number.
        return _not_written(error) if error.errno else _mistake(program, error)
    except Exception as error:  # noqa: BLE001
        return _mistake(program, error)


def _loaded(program: str, interrupt: Any) -> Typer:
    import signal
    from importlib import import_module

    app: Typer = import_module(PROGRAMS[program]).app
    if interrupt is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return app


def _run(app: Typer, program: str, arguments: list[str]) -> int:
    import typer
    from typer.main import get_command

    # What every error of wrong usage is, be it the command line's library's own or ours.
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    name = program if program.startswith("callscribe") else f"make {program}"
    try:
        status = get_command(app).main(arguments, prog_name=name, standalone_mode=False)
    except SystemExit as error:
        # So does the command line's library end a program whose reader has gone.
        if isinstance(error.__context__, BrokenPipeError):
            return _reader_gone()
        return error.code if isinstance(error.code, int) else 1
    except typer.Abort as error:
        return _stopped() if isinstance(error.__context__, KeyboardInterrupt) else _nobody_answered()
    except usage_error as error:
        return _wrong_usage(error)
    return _stopped() if status == INTERRUPTED else int(status or 0)


def _wrong_usage(error: BaseException) -> int:
    from io import StringIO

    from callscribe_tools.wrong_values import explain

    explain(error)
    told = StringIO()
    error.show(told)  # type: ignore[attr-defined]
    _say(told.getvalue().rstrip("\n"))
    return 2


def _nobody_answered() -> int:
    _say("Stopped: a question was asked, and standard input ended without an answer.")
    return 1


def _stopped() -> int:
    from callscribe_tools.terminal import console

    if not console.last.startswith("Stopped"):
        _say("Stopped. What was done stays done, and the same command goes on from there.")
    return INTERRUPTED


def _reader_gone() -> int:
    """End quietly, as every program does whose reader wants no more. The interpreter would flush once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    return READER_GONE


def _not_written(error: OSError) -> int:
    what = f" {error.filename}" if error.filename else ""
    if isinstance(error, PermissionError | FileNotFoundError | IsADirectoryError | NotADirectoryError) or what:
        advice = "Look whether it is there, and whether you may read and write it"
    else:
        advice = "Look whether standard output has room and can be written"
    _say(f"Stopped by the operating system: {error.strerror}{what}. {advice}.")
    _let_nothing_be_flushed()
    trace(error)
    return NOT_WRITTEN


def _let_nothing_be_flushed() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _mistake(program: str, error: Exception) -> int:
    kind = type(error).__name__
    if _is_debugging():
        _say(f"{program} failed by a mistake of its own ({kind}).")
        trace(error)
        return MISTAKE
    try:
        told = "They may hold callers' words: read them before you send them"
        where = f"The details are in {_details(program, error)}. {told}"
    except OSError:
        where = f"The details could not be saved; {DEBUG}=1 shows them"
    _say(f"{program} failed by a mistake of its own ({kind}). {where}. Report it, or try another version.")
    return MISTAKE


def _details(program: str, error: Exception) -> str:
    import tempfile
    import traceback
    from importlib.metadata import PackageNotFoundError, version

    try:
        release = version("callscribe-tools")
    except PackageNotFoundError:
        release = "of an unknown version"
    number, name = tempfile.mkstemp(prefix=f"{program}-", suffix=".txt")
    with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"{program} {release}, Python {sys.version}\n\n")
        file.write("".join(traceback.format_exception(error)))
    return name


def _is_debugging() -> bool:
    return os.environ.get(DEBUG, "0") not in {"", "0"}


def trace(error: BaseException) -> None:
    """Print the stack trace of an error, if `DEBUG` asks for it."""
    import traceback

    if _is_debugging():
        _say("".join(traceback.format_exception(error)).rstrip("\n"))


def _say(text: str) -> None:
    """Print on standard error, if somebody still reads it."""
    try:
        from callscribe_tools.terminal import console

        console.print(text)
    except ImportError:
        sys.stderr.write(f"{text}\n")
    except (OSError, ValueError):
        pass
