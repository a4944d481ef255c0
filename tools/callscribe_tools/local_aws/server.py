"""MiniStack as a subprocess: started on a free loopback port, gone with all it started when the context ends.

Called by the demo and the end-to-end suite. It must not decide what is deployed.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

from callscribe_tools.deadline import Deadline
from callscribe_tools.local_aws import keeper
from callscribe_tools.local_aws.access import REGION, Access
from callscribe_tools.local_aws.errors import ShutdownError, StartError
from callscribe_tools.local_aws.paths import MINISTACK

START_SECONDS = 120.0
STOP_SECONDS = 60.0
_POLL_SECONDS = 0.05
# Short, because whoever takes the port from us may accept and never answer.
_HEALTH_SECONDS = 1.0
_ATTEMPTS = 5
# Every worker unpacks the layer (some 80 MB) again: a small tmpfs, such as a container's 64 MB, would fill up.
_MEMORY_BYTES = 4 * 1024**3


class _PortTakenError(Exception):
    pass


@dataclass(frozen=True)
class LocalAws(Access):
    """One running local AWS.

    Parameters:
        endpoint_url: where it listens, `http://127.0.0.1:<port>`.
        work_dir: the folder that its log and those of sam are written to.
    """

    work_dir: Path

    @property
    def log(self) -> Path:
        """MiniStack's own log."""
        return self.work_dir / "ministack.log"

    @classmethod
    @contextmanager
    def start(cls, work_dir: Path) -> Iterator[Self]:
        """Run an empty AWS until the context ends.

        Raises:
            StartError: when MiniStack is not installed or not ready within START_SECONDS.
            ShutdownError: when it has not ended within STOP_SECONDS.
        """
        if not MINISTACK.exists():
            raise StartError(f"The local AWS is not installed: {MINISTACK} is missing. Run `make setup`")
        work_dir.mkdir(parents=True, exist_ok=True)
        for _ in range(_ATTEMPTS):
            aws = cls(f"http://127.0.0.1:{_free_port()}", work_dir)
            nonce = secrets.token_hex(8)
            process = _launch(aws, nonce)
            try:
                _wait_until_ready(aws, process, nonce)
                yield aws
            except _PortTakenError:
                continue
            finally:
                _stop(process)
            return
        raise StartError(f"Every free port was taken by someone else {_ATTEMPTS} times in a row. Try again")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _launch(aws: LocalAws, nonce: str) -> subprocess.Popen[bytes]:
    temporary = tempfile.mkdtemp(prefix="callscribe-aws-", dir=_memory_folder())
    environment = {
        # Function workers inherit all of this, so nothing of the developer's shell is in it.
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": temporary,
        "TMPDIR": temporary,
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": aws.endpoint_url.rpartition(":")[2],
        "MINISTACK_HOST": "localhost",
        "MINISTACK_REGION": REGION,
        # The health answer repeats it: how to tell our MiniStack from another that took the port.
        "MINISTACK_EDITION": nonce,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "S3_DATA_DIR": str(Path(temporary, "s3")),
        "STATE_DIR": str(Path(temporary, "state")),
    }
    try:
        with aws.log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-I", keeper.__file__, temporary, str(MINISTACK)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                # Ctrl-C in a terminal reaches a whole session: the keeper must see the pipe close instead.
                start_new_session=True,
            )
    except OSError:
        shutil.rmtree(temporary)
        raise


def _memory_folder() -> str | None:
    """Return a tmpfs with room, from which native modules can be loaded; else None, the default folder."""
    folder = Path("/dev/shm")  # noqa: S108 what is made in it gets an unguessable name
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return None
    roomy = shutil.disk_usage(folder).free >= _MEMORY_BYTES
    runs_code = not os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0)
    return str(folder) if roomy and runs_code else None


def _wait_until_ready(aws: LocalAws, process: subprocess.Popen[bytes], nonce: str) -> None:
    deadline = Deadline(START_SECONDS)
    with httpx.Client(trust_env=False, timeout=_HEALTH_SECONDS) as http:
        while not deadline.is_over():
            if _is_ready(http, aws.endpoint_url, nonce):
                return
            if process.poll() is not None:
                output = aws.log.read_text("utf-8", errors="replace")
                if "already in use" in output:
                    raise _PortTakenError
                raise StartError(f"MiniStack ended while starting. Its output ({aws.log}):\n{output[-2000:]}")
            time.sleep(_POLL_SECONDS)
    raise StartError(f"MiniStack is not ready: see {aws.log}. {deadline}")


def _is_ready(http: httpx.Client, endpoint_url: str, nonce: str) -> bool:
    try:
        answer = http.get(f"{endpoint_url}/_ministack/health")
        return bool(answer.json().get("edition") == nonce)
    except (httpx.HTTPError, ValueError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ShutdownError(
            f"The local AWS has not ended within {STOP_SECONDS:.0f} s. "
            f"End process {process.pid} and its children by hand"
        ) from error
