"""Running programs apart: their own files, processes and time, and none of our secrets.

Bubblewrap does it where it is installed, else ``unshare`` with a root of its own where the kernel
lets us. Where neither works nothing is run, unless the caller says ``unconfined``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import psutil

from agentrt.errors import ToolError

Walls = Literal["bubblewrap", "namespaces", "none"]

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache")
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",  # noqa: S108 - it is the program's own
}
_WATCH_EVERY_S = 0.1

# Builds a root of its own from what may be read, and moves into it for good.
# Arguments: the new root, the working folder, how it is mounted, how many folders may be read,
# those folders, and the program.
_NEW_ROOT = """set -e
root=$1 work=$2 how=$3 count=$4; shift 4
mount -t tmpfs -o size=64m,mode=755 none "$root"
while [ "$count" -gt 0 ]; do
  if [ -L "$1" ]; then mkdir -p "$root${1%/*}"; cp -P "$1" "$root$1"
  elif [ -e "$1" ]; then
    if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$root${1%/*}"; : > "$root$1"; fi
    mount --rbind "$1" "$root$1"; mount -o remount,bind,ro,nosuid,nodev "$root$1"
  fi
  shift; count=$((count - 1))
done
mkdir -p "$root/tmp" "$root/proc" "$root/dev" "$root/.old" "$root$work"
chmod 1777 "$root/tmp"
for device in null zero urandom; do
  : > "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"
done
mount --rbind "$work" "$root$work"
mount -o "remount,bind,$how,nosuid,nodev" "$root$work"
mount -t proc -o nosuid,nodev,noexec none "$root/proc" || :
cd "$root"
pivot_root . .old
umount -l /.old
rmdir /.old
cd "$work"
# Not by exec: the first process of a namespace is spared the signals of its own limits.
setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
exit $?
"""


@dataclass(frozen=True)
class Limits:
    """What a program may use, with all that it starts. Sizes in bytes."""

    cpu_s: int = 10
    memory: int = 1_000_000_000
    file_size: int = 50_000_000
    processes: int = 32
    output: int = 100_000


@dataclass(frozen=True)
class Completed:
    """How a program ended and what it wrote; ``stopped`` says which limit ended it, if one did."""

    code: int
    stdout: str
    stderr: str
    stopped: str | None = None

    def told(self) -> str:
        """What a model is told: the output, and how it ended where that was not well.

        Raises:
            ToolError: a limit ended it.
        """
        if self.stopped:
            raise ToolError(f"stopped: {self.stopped}\n{self.stdout}".strip())
        if self.code:
            return f"exit code {self.code}\n{self.stdout}{self.stderr}".strip()
        return self.stdout


@dataclass(frozen=True)
class _Confinement:
    """What a program sees."""

    folder: Path
    writable: bool
    readable: tuple[str, ...]
    network: bool


@cache
def walls() -> Walls:
    """What keeps programs apart on this machine, tried once."""
    with tempfile.TemporaryDirectory(prefix="agentrt-") as folder:
        seen = _Confinement(Path(folder).resolve(), True, _readable(), network=False)
        for kind in ("bubblewrap", "namespaces"):
            with _walled(kind, ["true"], seen) as command:
                if _works(command):
                    return kind
    return "none"


async def run_confined(
    argv: Sequence[str],
    *,
    cwd: Path,
    timeout_s: float,
    writable: bool = True,
    readable: Sequence[Path] = (),
    environment: Sequence[str] = (),
    limits: Limits | None = None,
    network: bool = False,
    unconfined: bool = False,
    stdin: str = "",
) -> Completed:
    """Run a program and wait for it; it and all that it started are gone afterwards.

    Args:
        argv: the program and its arguments; no shell reads them.
        cwd: its working folder, all that it sees beside the system's programs.
        timeout_s: wall-clock seconds.
        writable: whether it may write there.
        readable: further folders that it may read.
        environment: names of variables that it is given; all others are kept from it.
        network: whether it may use the network.
        unconfined: where this machine has no walls, run it without: it then sees all files and
            the network, and only the limits hold.

    Raises:
        ToolError: there are no walls here, or the program could not be started.
    """
    limits, kind = limits or Limits(), await asyncio.to_thread(walls)
    folder = cwd.resolve()  # noqa: ASYNC240 - a stat or two
    if folder == Path("/"):
        raise ToolError("refused: a program's working folder can't be the whole file system")
    if kind == "none" and not unconfined:
        raise ToolError(
            "refused: this machine can't keep programs apart (install bubblewrap, or set "
            "'unconfined: true' on the grant to run them without walls)"
        )
    given = {**_ENVIRONMENT, **{n: os.environ[n] for n in environment if n in os.environ}}
    limited = [*_limited(limits, alone=kind != "none"), *argv]
    seen = _Confinement(folder, writable, (*_readable(), *map(str, readable)), network)
    with _walled(kind, limited, seen) as command:
        return await _run(command, folder, given, limits, timeout_s, stdin)


@contextlib.contextmanager
def _walled(kind: Walls, argv: list[str], seen: _Confinement) -> Iterator[list[str]]:
    """The command that runs ``argv`` behind walls."""
    if kind == "bubblewrap":
        yield [*_bubblewrap(seen), *argv]
    elif kind == "namespaces":
        with tempfile.TemporaryDirectory(prefix="agentrt-root-") as root:
            yield [*_namespaces(seen, root), *argv]
    else:
        yield argv


def _bubblewrap(seen: _Confinement) -> list[str]:
    command = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--die-with-parent"]
    command += ["--new-session", "--cap-drop", "ALL", *(["--share-net"] if seen.network else [])]
    for path in dict.fromkeys(seen.readable):
        command += ["--ro-bind-try", path, path]
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108
    folder = str(seen.folder)
    return [*command, "--bind" if seen.writable else "--ro-bind", folder, folder,
            "--chdir", folder, "--"]  # fmt: skip


def _namespaces(seen: _Confinement, root: str) -> list[str]:
    command = ["unshare", "--map-root-user", "--mount", "--pid", "--ipc", "--uts", "--fork"]
    command += ["--kill-child", *([] if seen.network else ["--net"]), "--"]
    paths = list(dict.fromkeys(seen.readable))
    how = "rw" if seen.writable else "ro"
    return [*command, "sh", "-c", _NEW_ROOT, "sh", root, str(seen.folder), how,
            str(len(paths)), *paths]  # fmt: skip


def _limited(limits: Limits, *, alone: bool) -> list[str]:
    """The prefix that limits a program.

    Args:
        alone: whether it has a user namespace of its own. Elsewhere the number of processes would
            count all of the user's, and only the watch limits it.
    """
    command = ["prlimit", f"--cpu={limits.cpu_s}:{limits.cpu_s + 1}", f"--as={limits.memory}"]
    command += [f"--fsize={limits.file_size}", "--core=0", "--nofile=256"]
    return [*command, *([f"--nproc={limits.processes}"] if alone else []), "--"]


def _readable() -> tuple[str, ...]:
    """The system's programs, and the Python that runs us."""
    return (*_SYSTEM, str(Path(sys.base_prefix).resolve()))


def _works(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=10, env=_ENVIRONMENT)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


async def _run(
    command: list[str],
    folder: Path,
    environment: dict[str, str],
    limits: Limits,
    timeout_s: float,
    stdin: str,
) -> Completed:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=environment,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ToolError(f"{command[0]!r} can't be started: {error}") from error
    assert process.stdout is not None
    assert process.stderr is not None
    watch = asyncio.ensure_future(_watch(process.pid, limits))
    written = [
        asyncio.ensure_future(_read(stream, limits.output))
        for stream in (process.stdout, process.stderr)
    ]
    stopped = None
    try:
        async with asyncio.timeout(timeout_s):
            await _write(process, stdin)
            await process.wait()
    except TimeoutError:
        stopped = f"it took longer than {timeout_s:g} s"
    finally:
        # Also where the run is cancelled: nothing that was started stays.
        _kill(process.pid)
        watch.cancel()
        await asyncio.shield(process.wait())
    stdout, stderr = await asyncio.gather(*written)
    with contextlib.suppress(asyncio.CancelledError):
        stopped = await watch
    code = process.returncode or 0
    return Completed(code, stdout, stderr, stopped or _limit_reached(code, limits))


async def _write(process: asyncio.subprocess.Process, text: str) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(text.encode())
        await process.stdin.drain()
    process.stdin.close()


async def _read(stream: asyncio.StreamReader, limit: int) -> str:
    """What a stream holds up to a limit; the rest is read too, since a full pipe would block."""
    kept, more = bytearray(), 0
    while chunk := await stream.read(65536):
        room = limit - len(kept)
        kept += chunk[:room]
        more += max(0, len(chunk) - room)
    text = kept.decode("utf-8", errors="replace")
    return f"{text}… ({more} bytes left out)" if more else text


async def _watch(pid: int, limits: Limits) -> str:
    """Kill what uses more than its share in all: limits of the kernel hold for each process."""
    while True:
        await asyncio.sleep(_WATCH_EVERY_S)
        family = _family(pid)
        if len(family) > limits.processes + 4:  # those that build the walls
            _kill(pid)
            return f"it started more than {limits.processes} processes"
        if sum(map(_memory, family)) > limits.memory:
            _kill(pid)
            return f"it used more than {limits.memory:,} bytes of memory"


def _family(pid: int) -> list[psutil.Process]:
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.Error:
        return []


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _kill(pid: int) -> None:
    family = _family(pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _limit_reached(code: int, limits: Limits) -> str | None:
    # Whoever builds the walls passes a signal on, or tells of it as 128 and its number.
    number = -code if code < 0 else code - 128
    if number == signal.SIGXCPU:
        return f"it used more than {limits.cpu_s} s of processor time"
    if number == signal.SIGXFSZ:
        return f"it wrote a file larger than {limits.file_size:,} bytes"
    return None
