"""Keeps a server from outliving whoever started it.

Run as a program: ``python -m agentrt.serving.supervisor [--detached] COMMAND…``. Its standard
input is a pipe that only the starter holds open: when the starter ends, in whatever way, the pipe
closes and the whole process tree of the server is ended. A detached one waits for a signal only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from types import FrameType

_GRACE_S = 8.0
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(arguments: list[str]) -> int:
    """Run the command until it ends, the starter ends, or a signal comes."""
    detached = arguments[0] == "--detached"
    words = arguments[1:] if detached else arguments
    libc = ctypes.CDLL(None)
    # Grandchildren whose parent dies come to us instead of to init, so none is lost.
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    stopping = _on_signals()
    child = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0),
    )
    while child.poll() is None and not stopping and (detached or not _starter_gone()):
        if detached:
            time.sleep(0.2)
    code = child.poll()
    _end_tree(child)
    return 0 if code is None else code


def _on_signals() -> list[int]:
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    return received


def _starter_gone() -> bool:
    readable, _, _ = select.select([0], [], [], 0.2)
    return bool(readable) and not os.read(0, 1)


def _end_tree(child: subprocess.Popen[bytes]) -> None:
    """Ask politely, wait, then kill every descendant that is left."""
    import psutil

    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_S)
    me = psutil.Process()
    for _ in range(50):
        left = [p for p in me.children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]
        if not left:
            return
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
