"""Which servers run: one private file each, believed only while its process lives."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from agentrt.bundled import state_root


@dataclass(frozen=True)
class Server:
    """A running model server. ``pid`` is its supervisor's: ending that one ends all of it.

    ``shared`` servers may be used by other processes; a private one ends with its starter.
    """

    profile: str
    base_url: str
    api_key: str = field(repr=False)
    model: str
    pid: int
    created: float
    digest: str
    speculation: str | None
    native_tools: bool
    shared: bool
    detached: bool
    log: str

    def alive(self) -> bool:
        """Whether the very process that was registered still runs."""
        try:
            process = psutil.Process(self.pid)
            return (
                abs(process.create_time() - self.created) < 1
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False


def folder() -> Path:
    """Where servers are registered; for this user only."""
    path = state_root() / "servers"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def register(server: Server) -> None:
    """Write a server down, in one step and readable by this user only."""
    path = folder() / f"{server.pid}.json"
    partial = path.with_suffix(".tmp")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(server), file)
    partial.replace(path)


def forget(server: Server) -> None:
    """Take a server off the list."""
    (folder() / f"{server.pid}.json").unlink(missing_ok=True)


def running_servers() -> list[Server]:
    """The servers that run; those that died are taken off the list."""
    servers = []
    for path in sorted(folder().glob("*.json")):
        try:
            server = Server(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            path.unlink(missing_ok=True)
            continue
        if server.alive():
            servers.append(server)
        else:
            path.unlink(missing_ok=True)
    return servers
