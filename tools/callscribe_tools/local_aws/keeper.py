"""Runs one command in a process group of its own, and ends that group when its own standard input closes.

Started by `server`, by path and with the standard library only. The pipe on its standard input closes however
the other end dies, SIGKILL included, so neither MiniStack nor its function workers outlive the demo or the
tests. It must not import the project: MiniStack's start waits for it.

    python keeper.py <temporary folder, removed at the end> <command> [argument…]
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading


def main(temporary: str, *command: str) -> None:
    """Run the command until it ends or standard input closes, then leave nothing of it behind."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    threading.Thread(target=_end_with_parent, args=(child.pid,), daemon=True).start()
    # Not reaped before its group is gone, so the group's number cannot meanwhile come to mean another one.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    _kill_group(child.pid)
    shutil.rmtree(temporary, ignore_errors=True)
    child.wait()


def _end_with_parent(group: int) -> None:
    # os.read, not sys.stdin: a daemon thread that holds a buffer's lock crashes the interpreter's exit.
    while os.read(0, 1024):
        pass
    _kill_group(group)


def _kill_group(group: int) -> None:
    # Nothing of it is worth saving. macOS answers PermissionError for a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
