"""No server outlives its starter. A stand-in child takes the server's place here."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

# A child that ignores SIGTERM and has a child of its own in another session.
STUBBORN = textwrap.dedent(
    """
    import os, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                             start_new_session=True)
    open(sys.argv[1], "w").write(f"{os.getpid()} {inner.pid}")
    time.sleep(600)
    """
)


def start(pids: Path, *flags: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "agentrt.serving.supervisor", *flags]
    return subprocess.Popen(
        [*command, sys.executable, "-c", STUBBORN, str(pids)], stdin=subprocess.PIPE
    )


def wait_for(pids: Path) -> list[int]:
    for _ in range(500):
        if pids.exists() and len(pids.read_text().split()) == 2:
            return [int(pid) for pid in pids.read_text().split()]
        time.sleep(0.02)
    raise AssertionError("the child did not start")


def gone(pids: list[int], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(_lives(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("how", ["pipe closes", "SIGTERM", "SIGINT"])
def test_the_whole_tree_ends(tmp_path: Path, how: str) -> None:
    supervisor = start(tmp_path / "pids")
    pids = wait_for(tmp_path / "pids")
    assert supervisor.stdin is not None
    if how == "pipe closes":
        supervisor.stdin.close()
    else:
        supervisor.send_signal(getattr(signal, how))
    assert gone(pids)
    supervisor.wait(10)
    supervisor.stdin.close()


def test_the_starter_is_killed(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-m', 'agentrt.serving.supervisor', "
        "sys.executable, '-c', sys.argv[1], sys.argv[2]], stdin=subprocess.PIPE)\n"
        "time.sleep(600)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", code, STUBBORN, str(tmp_path / "pids")])
    pids = wait_for(tmp_path / "pids")
    supervisor = psutil.Process(starter.pid).children()[0].pid
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    assert gone([*pids, supervisor])


def test_the_child_ends_by_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agentrt.serving.supervisor", sys.executable, "-c"]
    done = subprocess.run([*command, "raise SystemExit(3)"], stdin=subprocess.DEVNULL, check=False)
    assert done.returncode in (0, 3)
