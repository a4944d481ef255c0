"""Runs one function as Lambda does: in a process of its own, started for its first event, under the runtime client.

`measure` calls it. What the process inherits is what Lambda would give it, and nothing of this environment.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from callscribe_tools.bench.errors import BenchError
from callscribe_tools.bench.runtime_api import Answer, Exchange, RuntimeApi


@dataclass(frozen=True)
class Program:
    """A function to run.

    `python_path` is searched after the function's own folder: the layer first, then what the runtime brings.
    `prepare` makes everything as it was before the function ran; `event` gives what it is then invoked with; `check`
    raises a BenchError where the function has answered well and failed all the same.
    """

    name: str
    code: Path
    python_path: Sequence[Path]
    environment: Mapping[str, str]
    memory_mb: int
    event: Callable[[], Mapping[str, Any]]
    prepare: Callable[[], None] = lambda: None
    check: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took, in seconds and bytes; the first two since its start.

    `warm` holds the invocations after the first, `warm_cpu` is what they took in all.
    """

    initialised: float
    first_answer: float
    warm: Sequence[float]
    warm_cpu: float
    peak_memory: int


def run(program: Program, api: RuntimeApi, *, invocations: int = 1) -> Run:
    """Start the function, invoke it so many times, end it.

    Raises:
        BenchError: it failed, or answered anything but success.
    """
    program.prepare()
    event = json.dumps(program.event()).encode()
    with tempfile.TemporaryFile() as log, api.new_exchange() as exchange:
        exchange.events.put(event)
        started = time.perf_counter()
        with _process(program, api, log) as process:
            try:
                first = _checked(program, exchange.answer())
                cpu = _cpu(process.pid)
                warm = [_again(program, exchange) for _ in range(invocations - 1)]
                program.check()
            except BenchError as error:
                log.seek(0)
                raise BenchError(f"{error}\nIts log:\n{log.read().decode()[-4000:]}") from None
            return Run(
                initialised=(exchange.asked_at or started) - started,
                first_answer=first.at - started,
                warm=warm,
                warm_cpu=_cpu(process.pid) - cpu,
                peak_memory=_peak_memory(process.pid),
            )


def _again(program: Program, exchange: Exchange) -> float:
    program.prepare()
    event = json.dumps(program.event()).encode()
    started = time.perf_counter()
    exchange.events.put(event)
    return _checked(program, exchange.answer()).at - started


def _checked(program: Program, answer: Answer) -> Answer:
    told = answer.body.decode(errors="replace")
    if answer.failed:
        raise BenchError(f"{program.name} failed: {told}")
    outcome = json.loads(told)
    outcome = outcome if isinstance(outcome, dict) else {}
    if outcome.get("statusCode", 200) != 200 or outcome.get("batchItemFailures"):
        raise BenchError(f"{program.name} answered its event with {told}")
    return answer


@contextmanager
def _process(program: Program, api: RuntimeApi, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    # Without `site`, so that nothing of this environment is found.
    command = [_python(), "-s", "-S", "-m", "awslambdaric", "handler.handler"]
    process = subprocess.Popen(
        command,
        cwd=program.code,
        env=_environment(program, api),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _python() -> str:
    """The interpreter this environment was made of."""
    return str(Path(sys.base_prefix) / "bin" / "python3.13")


def _environment(program: Program, api: RuntimeApi) -> dict[str, str]:
    return {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": os.pathsep.join(map(str, program.python_path)),
        # Lambda cannot write beside the code either: the function's own file is compiled at every start.
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": program.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(program.memory_mb),
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "LAMBDA_TASK_ROOT": str(program.code),
        **program.environment,
    }


def _cpu(pid: int) -> float:
    """Seconds of CPU that all threads of a process have had (kernel docs, "schedstats": nanoseconds, first field)."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(one.read_text().split()[0]) for one in threads) / 1e9


def _peak_memory(pid: int) -> int:
    # What the kernel tells a parent of an ended child includes the parent's own memory, which it shares at the start.
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
