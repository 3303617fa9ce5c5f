"""Programs run apart: what they see, what they may use, and that nothing of them stays."""

import asyncio
import sys
import time
from pathlib import Path

import psutil
import pytest

from agentrt.errors import ToolError
from agentrt.toolbox import sandbox
from agentrt.toolbox.sandbox import Limits, run_confined, walls

PYTHON = str(Path(sys.base_prefix).resolve() / "bin" / f"python3.{sys.version_info.minor}")

apart = pytest.mark.skipif(walls() == "none", reason="this machine can't keep programs apart")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    (tmp_path / "outside.txt").write_text("outside")
    return tmp_path / "work"


def running(word: str) -> list[int]:
    return [p.pid for p in psutil.process_iter(["cmdline"]) if word in (p.info["cmdline"] or [])]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def sh(script: str, folder: Path, **more):
    return await run_confined(
        ["sh", "-c", script], cwd=folder, **{"timeout_s": 10.0, **more}
    )  # fmt: skip


@apart
async def test_a_program_works_in_its_folder(folder: Path) -> None:
    done = await sh("cat; echo two > new.txt; pwd", folder, stdin="one\n")
    assert (done.code, done.stdout, done.stopped) == (0, f"one\n{folder}\n", None)
    assert (folder / "new.txt").read_text() == "two\n"


@apart
async def test_it_writes_nothing_where_it_may_not(folder: Path) -> None:
    done = await sh("echo x > new.txt", folder, writable=False)
    assert done.code != 0
    assert "Read-only" in done.stderr
    assert names(folder) == []


@apart
async def test_it_sees_no_other_files_and_no_network(folder: Path) -> None:
    script = f"cat {folder.parent}/outside.txt; ls /home /root/.ssh; cat /proc/net/dev"
    done = await sh(script, folder)
    assert "outside" not in done.stdout
    assert "eth" not in done.stdout
    assert [line.split(":")[0].strip() for line in done.stdout.splitlines()[2:]] == ["lo"]


async def test_it_sees_no_variable_that_it_is_not_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_KEY", "secret-canary")
    monkeypatch.setenv("WANTED", "wanted-value")
    done = await run_confined(
        ["env"], cwd=folder, timeout_s=10, environment=["WANTED"], unconfined=True
    )
    assert "WANTED=wanted-value" in done.stdout
    assert "secret-canary" not in done.stdout


@pytest.mark.parametrize(
    ("code", "limits", "told"),
    [
        ("while True: pass", Limits(cpu_s=1), "processor time"),
        ("x = bytearray(10**9)", Limits(memory=200_000_000), "MemoryError"),
        ("open('big', 'wb').write(bytes(10**7))", Limits(file_size=10**6), "large"),
        (
            "import subprocess, time\n"
            "for _ in range(40): subprocess.Popen(['sleep', '20'])\ntime.sleep(5)",
            Limits(processes=8),
            "processes",
        ),
    ],
)
async def test_limits_hold(code: str, limits: Limits, told: str, folder: Path) -> None:
    done = await run_confined(
        [PYTHON, "-I", "-c", code], cwd=folder, timeout_s=15, limits=limits, unconfined=True
    )
    assert done.code != 0
    assert told in f"{done.stopped} {done.stderr}" or "BlockingIOError" in done.stderr


async def test_output_is_cut(folder: Path) -> None:
    done = await sh("yes | head -c 500000", folder, limits=Limits(output=100), unconfined=True)
    assert done.stdout.startswith("y\ny\n")
    assert done.stdout.endswith("… (499900 bytes left out)")


async def test_a_program_that_takes_too_long_is_gone_with_its_children(folder: Path) -> None:
    start = time.perf_counter()
    done = await sh("sleep 91.25 & setsid sleep 91.25", folder, timeout_s=0.8, unconfined=True)
    assert done.stopped == "it took longer than 0.8 s"
    assert time.perf_counter() - start < 5
    assert running("91.25") == []


async def test_a_cancelled_program_is_gone_with_its_children(folder: Path) -> None:
    task = asyncio.ensure_future(sh("sleep 92.25 & sleep 92.25", folder, unconfined=True))
    while not running("92.25"):
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running("92.25") == []


async def test_nothing_runs_without_walls_unless_it_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "walls", lambda: "none")
    with pytest.raises(ToolError, match=r"can't keep programs apart \(install bubblewrap"):
        await sh("echo x > new.txt", folder)
    assert names(folder) == []
    assert (await sh("echo hello", folder, unconfined=True)).stdout == "hello\n"


async def test_the_whole_file_system_is_no_working_folder() -> None:
    with pytest.raises(ToolError, match="can't be the whole file system"):
        await sh("true", Path("/"))
