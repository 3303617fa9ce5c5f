"""Who has a run: a process that is believed alive as long as the kernel keeps its file locked."""

from __future__ import annotations

import fcntl
import os
import uuid
from pathlib import Path

from agentrt.runs.database import private_file


class Holder:
    """This process's claim on runs. However it dies, the kernel opens the lock."""

    def __init__(self, folder: Path) -> None:
        self.id = uuid.uuid4().hex[:16]
        self._folder = folder
        self._path = private_file(folder / self.id)
        self._descriptor = os.open(self._path, os.O_RDWR)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def alive(self, other: str | None) -> bool:
        """Whether a holder still lives; what a dead one left is cleared away."""
        if other is None:
            return False
        if other == self.id:
            return True
        path = self._folder / other
        alive = is_locked(path)
        if not alive:
            path.unlink(missing_ok=True)
        return alive

    def release(self) -> None:
        """Give all claims up."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def is_locked(path: Path) -> bool:
    """Whether some process has the file locked."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
