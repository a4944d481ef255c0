"""Files that hold what people have said: only their owner reads them, and they are whole or not there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from callscribe_tools.operator.errors import RefusedError

NOT_REACHED = "It is a copy that `callscribe erase` does not reach: delete it when it is no longer needed."
"""What is to be known of each such file."""


class NotSavedError(RefusedError):
    """There is no such file now, or it is what it was."""


@contextmanager
def private(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Give a file to write and to read again, which takes its name at the end, with mode 0600.

    Parameters:
        force: one of that name is replaced.

    Raises:
        NotSavedError: it cannot be written, or there is one and it is not to be replaced.
    """
    _refuse(path, force=force)
    try:
        # Made with mode 0600; in the same folder, since nothing is renamed across file systems.
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    except OSError as error:
        raise _not_saved(path, error) from None
    try:
        with os.fdopen(number, "w+b") as file:
            yield file
        _refuse(path, force=force)
        Path(name).replace(path)
    except OSError as error:
        raise _not_saved(path, error) from None
    finally:
        Path(name).unlink(missing_ok=True)


def _refuse(path: Path, *, force: bool) -> None:
    try:
        there = path.exists()
    except OSError as error:
        raise _not_saved(path, error) from None
    if there and not force:
        raise NotSavedError(f"{path} is there already. Name another by --output, or replace it: --force")


def _not_saved(path: Path, error: OSError) -> NotSavedError:
    return NotSavedError(f"{path} cannot be written ({error.strerror or error}). Name another by --output")
