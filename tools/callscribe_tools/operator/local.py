"""Where the Callscribe is that runs on this machine: `make demo KEEP=1` notes it, `--env local` reads it."""

import fcntl
import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import boto3

from callscribe_tools.operator.errors import OperatorError

NOTE = Path(".local", "running.json")
LOCK = NOTE.with_suffix(".lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A local AWS, and the simulated Twilio beside it. `process` is the one that ends them."""

    aws_url: str
    region: str
    twilio_url: str
    process: int


@contextmanager
def kept_alone(folder: Path) -> Iterator[None]:
    """Be the only Callscribe that is kept running in a folder, while the block runs, or until this process dies.

    Raises:
        OperatorError: there is one already. Nobody could find it, or end it, if another took its place in the note.
    """
    path = folder / LOCK
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperatorError(_kept_already(_read(folder / NOTE))) from None
        yield


def _kept_already(local: Local | None) -> str:
    told = "A demo is kept running here already, or is starting"
    if local is None:
        return f"{told}. End it by Ctrl-C where it runs, then try again"
    return (
        f"{told}: process {local.process}. Use that one: `{program('callscribe')} calls --env local`; "
        f"or end it, by Ctrl-C where it runs or by `kill {local.process}`, and try again"
    )


@contextmanager
def noted(local: Local, folder: Path) -> Iterator[None]:
    """Let `--env local` find it while the block runs."""
    note = folder / NOTE
    note.parent.mkdir(exist_ok=True)
    note.write_text(json.dumps(asdict(local)), "utf-8")
    try:
        yield
    finally:
        if _read(note) == local:
            note.unlink(missing_ok=True)


def running(note: Path = NOTE) -> Local:
    """The Callscribe that runs on this machine.

    Raises:
        OperatorError: none does, or not in this folder.
    """
    local = _read(note)
    if local is None or not _is_alive(local.process):
        raise OperatorError(
            "No Callscribe runs here. In the folder of the repository, start one and leave it running: make demo KEEP=1"
        )
    return local


def enter(local: Local) -> None:
    """Let every client of AWS that is made from now on be one of the local AWS, and of no other."""
    os.environ |= {
        "AWS_ENDPOINT_URL": local.aws_url,
        "AWS_DEFAULT_REGION": local.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)
    boto3.setup_default_session()


@contextmanager
def entered(local: Local) -> Iterator[None]:
    """The same while the block runs, for a process that has other things to do with AWS."""
    before = dict(os.environ)
    enter(local)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        boto3.setup_default_session()


def program(name: str) -> str:
    """Say how to call one of the project's programs from here: the shell need not have its folder in PATH."""
    path = Path(sys.prefix, "bin", name)
    return shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


def _read(note: Path) -> Local | None:
    try:
        return Local(**json.loads(note.read_text("utf-8")))
    except (OSError, TypeError, ValueError):
        return None


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True
