"""The checkpointers in use keep what LangGraph asks of one, and build nothing but plain values."""

import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from agentrt.errors import RunWaiting, StoreError
from agentrt.llm import Sampling
from agentrt.runs.checkpoints import open_checkpoints
from agentrt.runtime import Runtime
from agentrt.testing import ScriptedModel

ASKING = """
name: asking
nodes:
  sure: {kind: human, ask: approve, message: "Sure?"}
outputs: {sure: "{{ sure }}"}
"""


async def test_langgraphs_conformance_suite_passes(tmp_path: Path) -> None:
    count = 0

    @checkpointer_test(name="agentrt on SQLite")
    async def saver() -> AsyncIterator[Any]:
        nonlocal count
        count += 1
        async with open_checkpoints(tmp_path / f"{count}.sqlite") as opened:
            yield opened

    report = await validate(saver)
    assert report.passed_all_base(), report.to_dict()


async def test_a_stored_class_is_never_built(tmp_path: Path) -> None:
    async with open_checkpoints(tmp_path / "c.sqlite") as saver:
        # LangGraph can write a pydantic model; read back, it is data and no object of ours.
        stored = saver.serde.dumps_typed({"model": Sampling(max_tokens=7), "text": "x"})
        told = saver.serde.loads_typed(stored)
    assert told["text"] == "x"
    assert not isinstance(told["model"], Sampling)


async def test_each_commit_is_on_disk(tmp_path: Path) -> None:
    async with open_checkpoints(tmp_path / "c.sqlite") as saver:
        settings = {}
        for name in ("journal_mode", "synchronous", "busy_timeout"):
            async with saver.conn.execute(f"PRAGMA {name}") as cursor:
                (settings[name],) = await cursor.fetchone()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30000}


def test_a_store_that_can_not_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match="runs can't be kept there"),
        Runtime(chat=ScriptedModel([]), store=tmp_path / "file"),
    ):
        pass
    (tmp_path / "runs.sqlite").write_text("no database, and long enough to be taken for one" * 99)
    with (
        pytest.raises(StoreError, match="not a database"),
        Runtime(chat=ScriptedModel([]), store=tmp_path),
    ):
        pass


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    """A PostgreSQL server of the test's own."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    user = "postgres" if os.geteuid() == 0 else None
    if not programs or (user and shutil.which("runuser") is None):
        pytest.skip("PostgreSQL is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Below /tmp, since the server's own user must get there.
    data = Path("/tmp") / f"agentrt-pg-{os.getpid()}"
    data.mkdir()
    if user:
        shutil.chown(data, user)
    as_user = ["runuser", "-u", user, "--"] if user else []
    control = [*as_user, str(programs[-1].with_name("pg_ctl")), "-D", str(data / "db"), "-w"]
    options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        initdb = [*as_user, str(programs[-1]), "-D", str(data / "db"), "-A", "trust", "-U", "a"]
        subprocess.run(initdb, check=True, capture_output=True)
        start = [*control, "-l", str(data / "log"), "-o", options, "start"]
        subprocess.run(start, check=True, capture_output=True)
        yield f"postgresql://a@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True)
        shutil.rmtree(data, ignore_errors=True)


def test_checkpoints_in_postgresql(postgres: str) -> None:
    with Runtime(chat=ScriptedModel([]), store=postgres) as runtime:
        with pytest.raises(RunWaiting) as waiting:
            runtime.run(ASKING)
        run_id = waiting.value.run_id
    with Runtime(chat=ScriptedModel([]), store=postgres) as runtime:
        assert runtime.resume(run_id, {"sure": True}).outputs == {"sure": True}
        assert runtime.replay(run_id, "sure", on_question=lambda question: False).outputs == {
            "sure": False
        }


def test_a_database_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentrt.runs.checkpoints._CONNECT_S", 0.5)
    address = "postgresql://a@127.0.0.1:1/none"
    with (
        pytest.raises(StoreError, match="PostgreSQL store can't be used"),
        Runtime(chat=ScriptedModel([]), store=address),
    ):
        pass
