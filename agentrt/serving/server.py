"""Starting, watching and stopping vLLM."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from agentrt.bundled import state_root
from agentrt.errors import ProfileError, ServingError
from agentrt.serving.command import KEY_VARIABLE, command, local_environment
from agentrt.serving.drafter import check_drafter
from agentrt.serving.prepare import prepared_model
from agentrt.serving.profile import Profile, why_not_here
from agentrt.serving.registry import Server, folder, forget, register, running_servers

Say = Callable[[str], None]

# What vLLM's log says, and what that means to someone who waits. The latest match is shown.
_STAGES = (
    (r"Starting to load model|Loading (weights|safetensors)", "loading the weights"),
    (r"Model loading took|Loading weights took", "weights loaded, sizing the cache"),
    (r"[Cc]ompil", "compiling"),
    (r"KV cache", "allocating the KV cache"),
    (r"[Ww]arm(ing)? ?up|init engine", "warming up"),
    (r"Started server process|Application startup", "opening the port"),
)
_TELLING = re.compile(r"(?:Error|Exception|error:)[^\n]*")


@contextmanager
def serve(
    profile: Profile,
    *,
    speculation: bool = True,
    shared: bool = False,
    detach: bool = False,
    on_progress: Say | None = None,
) -> Iterator[Server]:
    """A server of a profile for the length of the block.

    A shared one of the same profile that runs already is used, and left running. Otherwise one is
    started on a free loopback port with a random key, and stopped at the end, except detached.

    Raises:
        ProfileError: the profile can't be served on this machine.
        ServingError: the server died or did not get ready in time; tells its log's telling line.
    """
    wanted = profile if speculation else profile.without_speculation()
    say = on_progress or (lambda _: None)
    found = find_shared(wanted)
    if found is not None:
        yield found
        return
    server, stop = _start_once(wanted, shared or detach, detach, say)
    try:
        yield server
    finally:
        if not detach:
            stop()


def find_shared(profile: Profile) -> Server | None:
    """A healthy shared server of exactly this profile, if one runs."""
    for server in running_servers():
        if server.shared and server.digest == profile.digest and _answers(server):
            return server
    return None


def stop_servers(profile: str | None = None) -> list[Server]:
    """Stop the registered servers, or those of one profile; gives those that were stopped."""
    servers = [s for s in running_servers() if profile in (None, s.profile)]
    for server in servers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGTERM)
    for server in servers:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            psutil.Process(server.pid).wait(timeout=20)
        forget(server)
    return servers


def _start_once(
    profile: Profile, shared: bool, detach: bool, say: Say
) -> tuple[Server, Callable[[], None]]:
    """Start under a lock where others may share it, so that two starters get one server."""
    from filelock import FileLock

    reason = why_not_here(profile)
    if reason is not None:
        raise ProfileError(f"profile {profile.name!r} can't run here: {reason}")
    lock = FileLock(folder() / f"{profile.digest}.lock") if shared else contextlib.nullcontext()
    with lock:
        found = find_shared(profile) if shared else None
        if found is not None:
            return found, lambda: None
        return _start(profile, shared, detach, say)


def _start(
    profile: Profile, shared: bool, detach: bool, say: Say
) -> tuple[Server, Callable[[], None]]:
    check_drafter(profile)
    model = prepared_model(profile, say)
    port, key = _free_port(), secrets.token_urlsafe(24)
    log = _log_file(profile)
    words = [sys.executable, "-m", "agentrt.serving.supervisor"]
    words += (["--detached"] if detach else []) + command(profile, model, port)
    with log.open("wb") as output:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL if detach else subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **local_environment(profile), KEY_VARIABLE: key},
            start_new_session=True,
        )
    server = Server(
        profile=profile.name,
        base_url=f"http://127.0.0.1:{port}/v1",
        api_key=key,
        model=profile.served_name,
        pid=process.pid,
        created=psutil.Process(process.pid).create_time(),
        digest=profile.digest,
        speculation=profile.method,
        native_tools=profile.native_tools,
        shared=shared,
        detached=detach,
        log=str(log),
    )

    def stop() -> None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        if process.stdin:
            process.stdin.close()
        forget(server)

    try:
        _wait_until_ready(server, process, profile, say)
        register(server)
    except BaseException:
        stop()
        raise
    if detach:
        # It is meant to outlive us: not waited for, and no complaint about that at our end.
        process.returncode = 0
    return server, stop


def _wait_until_ready(
    server: Server, process: subprocess.Popen[bytes], profile: Profile, say: Say
) -> None:
    start = time.monotonic()
    while not _answers(server):
        waited = time.monotonic() - start
        text = Path(server.log).read_text(encoding="utf-8", errors="replace")
        if process.poll() is not None:
            raise ServingError(f"the model server died: {telling_line(text)} (log: {server.log})")
        if waited > profile.startup_limit_s:
            message = f"the model server was not ready after {waited:.0f} s"
            raise ServingError(f"{message}: {telling_line(text)} (log: {server.log})")
        say(f"starting vLLM ({profile.name}): {stage(text)}, {waited:.0f} s")
        time.sleep(0.25)


def stage(log: str) -> str:
    """What vLLM is doing, from its log so far."""
    reached = "importing"
    for pattern, meaning in _STAGES:
        if re.search(pattern, log):
            reached = meaning
    return reached


def telling_line(log: str) -> str:
    """The line of a log that says what went wrong: the last error, else the last line."""
    found = _TELLING.findall(log)
    # The engine dies first, and the front end then says only that it did.
    own = [line for line in found if "Engine core initialization failed" not in line]
    lines = [line for line in log.splitlines() if line.strip()]
    return (own or found or lines or ["it said nothing"])[-1].strip()[:400]


def _answers(server: Server) -> bool:
    """Whether it is healthy and takes its key: another server may have got the port."""
    root = server.base_url.removesuffix("/v1")
    headers = {"Authorization": f"Bearer {server.api_key}"}
    try:
        # Plain HTTP on loopback: reading certificates would cost more than the call.
        with httpx.Client(timeout=5, trust_env=False, verify=False) as client:  # noqa: S501
            if client.get(f"{root}/health").status_code != 200:
                return False
            return client.get(f"{root}/v1/models", headers=headers).status_code == 200
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _log_file(profile: Profile) -> Path:
    path = state_root() / "logs"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return path / f"{profile.name}-{stamp}-{os.getpid()}-{secrets.token_hex(2)}.log"
