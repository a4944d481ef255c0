"""The real SAM CLI, run against the local AWS: builds here, and the runner that `stack` deploys with.

It must never write to .aws-sam/build, which holds the build that is shipped.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_dump, yaml_parse

from callscribe_tools import proxies
from callscribe_tools.deadline import Deadline
from callscribe_tools.local_aws.access import Access
from callscribe_tools.local_aws.errors import BuildError, LocalAwsError
from callscribe_tools.local_aws.paths import BUILD_DIR, TEMPLATE

type Progress = Callable[[str], None]

BUILD_SECONDS = 300.0
_TAIL_LINES = 30
_LOOK_SECONDS = 0.5

NOT_HERE = frozenset({"AWS::CloudWatch::CompositeAlarm", "AWS::Logs::QueryDefinition"})
"""Types of resources that the local AWS refuses a whole template for."""

# A build talks to no AWS; should it try to, nothing listens on the discard port.
_NOWHERE = Access("http://127.0.0.1:9")


def build(progress: Progress, *, template: Path = TEMPLATE, build_dir: Path = BUILD_DIR) -> Path:
    """Build the functions and a layer that runs on this machine; return the built template.

    Raises:
        BuildError: with the end of sam's output, which is in `build.log` beside the build folder.
    """
    progress("Building the functions and their layer for this machine")
    run_sam(
        # Not cached, whatever samconfig.toml says: the cache is shared with the build for arm64.
        ["build", "--no-cached", "--template", str(template), "--build-dir", str(build_dir)],
        environment=_NOWHERE.environment | {"LAMBDA_PLATFORM": "host"},
        log=build_dir.parent / "build.log",
        seconds=BUILD_SECONDS,
        failure=BuildError,
    )
    built = build_dir / "template.yaml"
    _leave_out_what_is_not_here(built)
    return built


def _leave_out_what_is_not_here(built: Path) -> None:
    """Take out what the local AWS refuses a whole template for, whatever its condition; no other resource needs it."""
    template = yaml_parse(built.read_text("utf-8"))
    template["Resources"] = {name: one for name, one in template["Resources"].items() if not _is_unknown(one)}
    built.write_text(yaml_dump(template), "utf-8")


def _is_unknown(resource: Mapping[str, Any]) -> bool:
    reads_math = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    return reads_math or resource["Type"] in NOT_HERE


def run_sam(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    seconds: float,
    failure: type[LocalAwsError],
) -> None:
    """Run one sam command with its output going to `log`.

    Raises:
        LocalAwsError: of the type `failure`, when sam fails or takes longer than `seconds`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    sam = Path(sys.prefix) / "bin" / "sam"
    try:
        # sam leaves folders behind in the temporary one.
        with log.open("wb") as output, tempfile.TemporaryDirectory() as scratch:
            process = subprocess.Popen(
                [sam, *arguments],
                env={**environment, "TMPDIR": scratch},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
            try:
                status = _wait(process, Deadline(seconds), f"`sam {arguments[0]}` has not ended: see {log}", failure)
            except BaseException:
                # sam starts programs of its own, which Ctrl-C must end as well.
                _end(process)
                raise
    except FileNotFoundError as error:
        raise failure(f"{sam} is missing. Run `make setup`") from error
    if status != 0:
        raise failure(
            f"`sam {arguments[0]}` failed with exit code {status}. The end of {log}:\n{_tail(log)}{proxies.advice()}"
        )


def _wait(process: subprocess.Popen[bytes], deadline: Deadline, late: str, failure: type[LocalAwsError]) -> int:
    while True:
        try:
            return process.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if deadline.is_over():
                raise failure(f"{late}. {deadline}") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process and of all it has started."""
    # macOS answers PermissionError for a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(log: Path) -> str:
    with log.open(encoding="utf-8", errors="replace") as lines:
        return "".join(deque(lines, _TAIL_LINES))
