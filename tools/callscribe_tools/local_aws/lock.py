"""Lets one build and deploy at a time use the build folder, whichever process asks. Called by `local_callscribe`."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from callscribe_tools.local_aws.paths import BUILD_DIR
from callscribe_tools.local_aws.sam import Progress


@contextmanager
def build_folder(progress: Progress) -> Iterator[None]:
    """Have the build folder for oneself; wait for whoever has it. It is given back also when this process dies."""
    path = BUILD_DIR.parent / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("Waiting for another demo or test to have built and deployed")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
