"""Where the Callscribe is that runs on this machine: `make demo KEEP=1` notes it, `--env local` reads it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import boto3

from callscribe_tools.operator.errors import OperatorError

NOTE = Path(".local", "running.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A local AWS, and the simulated Twilio beside it. `process` is the one that ends them."""

    aws_url: str
    region: str
    twilio_url: str
    process: int


@contextmanager
def noted(local: Local, folder: Path) -> Iterator[None]:
    """Let `--env local` find it while the block runs; of several that run, the latest is found."""
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
