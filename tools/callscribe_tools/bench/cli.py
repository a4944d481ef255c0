"""The bench's command line: builds, measures, prints. `make bench` runs it.

It ends all it has started, however it ends. A goal that is not met is said and is no failure.
"""

import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from callscribe_tools.bench.artifacts import Built
from callscribe_tools.bench.errors import BenchError
from callscribe_tools.bench.goals import INSIGHTS_UNITS, goals
from callscribe_tools.bench.measure import measure
from callscribe_tools.bench.prices import quantities
from callscribe_tools.bench.report import Report
from callscribe_tools.bench.stand import Stand, stand
from callscribe_tools.bench.units import count_call
from callscribe_tools.local_aws import LocalAwsError, Progress, build
from callscribe_tools.terminal import console, print_json_error, print_json_text

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def main(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Cold starts of each function.")] = 15,
) -> None:
    """Measure what the built functions take, beside a bare handler in the same run. Exit status: 1 when it could not.

    Example: make bench JSON=1 | jq '.goals[] | select(.met | not)'
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()

    def progress(text: str) -> None:
        console.step(time.monotonic() - started, text)

    folder = Path(tempfile.mkdtemp(prefix="callscribe-bench-"))
    try:
        # In a folder of its own: a demo may be deploying from the usual one.
        built = Built.read(build(progress, build_dir=folder / "build"))
        progress("Setting up AWS, Twilio and the runtime")
        with stand(built, folder / "runtime") as everything:
            report = _report(everything, rounds, progress)
    except (BenchError, LocalAwsError) as error:
        _end(f"The bench could not measure. {error}", 1, as_json=as_json)
    except KeyboardInterrupt:
        _end("Stopped, and everything with it.", 130, as_json=as_json)
    finally:
        shutil.rmtree(folder)
    if as_json:
        print_json_text(report.for_machines())
    else:
        report.print(Console(width=120))


def _end(message: str, exit_status: int, *, as_json: bool) -> NoReturn:
    console.print(message)
    if as_json:
        print_json_error(message, exit_status)
    raise typer.Exit(exit_status) from None


def _report(everything: Stand, rounds: int, progress: Progress) -> Report:
    calls = []
    for sentences in INSIGHTS_UNITS:
        progress(f"Counting the units of a call of {sentences:,} sentences")
        calls.append(count_call(everything, sentences))
    measured = measure(everything.programs(), everything.api, rounds=rounds, progress=progress)
    sizes = everything.built.sizes()
    memory = {name: int(one["MemorySize"]) for name, one in everything.built.functions.items()}
    taken = quantities(calls[0], {name: one.cpu for name, one in measured.items()}, memory)
    return Report(sizes, measured, calls, taken, list(goals(sizes, measured, calls)))
