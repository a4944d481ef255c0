"""Places the planned calls, sweeps, and waits for the end: bounded in calls that are open, and in time."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from callscribe.adapters.call_lists import CallLists
from callscribe_tools.local_aws import Progress
from callscribe_tools.local_callscribe import LocalCallscribe, demo_config, running
from callscribe_tools.operator.setup.config import Config
from callscribe_tools.simulator import Call
from callscribe_tools.soak.plan import (
    ENDLESS_LISTS_EVERY,
    FORBID_OPERATORS_EVERY,
    GIVE_UP_SECONDS,
    LIST_FAULTS_EVERY,
    PACE,
    PARAMETERS,
    SWEEP_SECONDS,
    WITHOUT_SERVICE,
    WITHOUT_SERVICE_SECONDS,
    Planned,
)
from callscribe_tools.soak.watch import Watch
from callscribe_tools.words import quantity

CALLERS = 4
MOST_OPEN = 60
"""Calls that have not come to their end: beyond that the local AWS, and nothing else, would be what takes the time."""

END_SECONDS = GIVE_UP_SECONDS + PACE.stuck_seconds + 8 * SWEEP_SECONDS
"""How long after the last call is waited for the last end, at most."""

_TELL_SECONDS = 5.0
_WAIT_SECONDS = 0.2


@dataclass
class Run:
    """What has been done. `began` and `settled` are moments in seconds since 1970.

    `sweeps` came to their end, `failed_sweeps` did not; `found` counts what they found of which nobody had told.
    """

    began: float
    calls: list[Call] = field(default_factory=list)
    settled: dict[str, float] = field(default_factory=dict)
    sweeps: int = 0
    failed_sweeps: int = 0
    found: int = 0

    @property
    def seconds(self) -> float:
        """From the first call until the last one had come to its end."""
        return max(self.settled.values(), default=self.began) - self.began


@contextmanager
def soak_stack(work_dir: Path, progress: Progress) -> Iterator[LocalCallscribe]:
    """Deploy a stack whose timeouts are in seconds, and let it run until the block ends.

    Its schedules are disabled: `play` invokes the sweep itself, and nothing else may repair what `plant` breaks.

    Raises:
        LocalAwsError: what went wrong while starting, building or deploying.
    """
    with running(
        work_dir,
        progress,
        stack_name="callscribe-soak",
        parameters=PARAMETERS,
        # A thousand minutes a day are what it has by default.
        settings={"daily_minutes": None},
        config=_with_own_service(demo_config()),
    ) as local:
        local.stack.disable_schedules()
        yield local


def _with_own_service(config: Config) -> Config:
    """Give the number whose Service goes missing a Service of its own, so that it is no other number's."""
    number = config.numbers[WITHOUT_SERVICE]
    return config.model_copy(
        update={
            "services": {**config.services, "missing": config.services[number.service]},
            "numbers": {**config.numbers, WITHOUT_SERVICE: number.model_copy(update={"service": "missing"})},
        }
    )


def play(local: LocalCallscribe, calls: Sequence[Planned], progress: Progress) -> Run:
    """Place all calls, and wait until each has come to its end or the time is over."""
    progress("Sweeping once, as every stack is before its first call")
    run = Run(time.time())
    troubles = local.twilio.troubles
    troubles.fail_lists_every, troubles.endless_lists_every = LIST_FAULTS_EVERY, ENDLESS_LISTS_EVERY
    troubles.forbid_operators_every = FORBID_OPERATORS_EVERY
    troubles.number_without_service, troubles.without_service_seconds = WITHOUT_SERVICE, WITHOUT_SERVICE_SECONDS
    _sweep(local, run)
    watch = Watch(CallLists(local.stack.aws.table(local.stack.outputs["CallsTableName"])))
    with watch.looking(), _sweeping(local, run), _telling(run, watch, len(calls), progress):
        with ThreadPoolExecutor(CALLERS) as callers:
            for _ in callers.map(lambda one: _place(local, one, run, watch), calls):
                pass
        progress(f"Placed {quantity(len(calls), 'call')}; {len(watch.waiting)} of them did not end yet")
        deadline = time.monotonic() + END_SECONDS
        while watch.waiting and time.monotonic() < deadline:
            time.sleep(_WAIT_SECONDS)
        local.twilio.wait_until_at_rest(SWEEP_SECONDS)
    # What follows judges, and must not fail by what was to be survived.
    troubles.fail_lists_every = troubles.endless_lists_every = troubles.forbid_operators_every = None
    run.settled = watch.settled
    return run


def _place(local: LocalCallscribe, planned: Planned, run: Run, watch: Watch) -> None:
    while len(watch.waiting) >= MOST_OPEN:
        time.sleep(_WAIT_SECONDS)
    call = local.twilio.place_call(planned.scenario, to=planned.to, faults=planned.faults)
    run.calls.append(call)
    watch.add(call)


@contextmanager
def _sweeping(local: LocalCallscribe, run: Run) -> Iterator[None]:
    with _every(SWEEP_SECONDS, lambda: _sweep(local, run)):
        yield


def _sweep(local: LocalCallscribe, run: Run) -> None:
    functions = local.stack.aws.client("lambda")
    answer = functions.invoke(FunctionName=local.stack.outputs["SweepFunctionName"], Payload=b"{}")
    found = json.loads(answer["Payload"].read() or "null")
    # It fails where Twilio lists nothing just now, and that is what the next one is for.
    run.failed_sweeps += "FunctionError" in answer
    run.sweeps += "FunctionError" not in answer
    if isinstance(found, dict):
        run.found += sum(found.get(name, 0) for name in ("recordings", "transcripts", "calls"))


@contextmanager
def _telling(run: Run, watch: Watch, calls: int, progress: Progress) -> Iterator[None]:
    def tell() -> None:
        placed = f"{len(run.calls)} of {quantity(calls, 'call')} placed"
        progress(f"{placed}, {len(watch.settled)} ended, {quantity(run.sweeps, 'sweep')}")

    with _every(_TELL_SECONDS, tell):
        yield


@contextmanager
def _every(seconds: float, work: Callable[[], None]) -> Iterator[None]:
    """Do something every so many seconds, beginning to beginning, while the block runs."""
    over = threading.Event()

    def run() -> None:
        following = time.monotonic() + seconds
        while not over.wait(max(0.0, following - time.monotonic())):
            following = max(following + seconds, time.monotonic())
            work()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
