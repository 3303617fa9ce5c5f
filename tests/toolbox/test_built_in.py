"""The tools that ship and reach outside: what they do where they are granted."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agentrt.errors import GrantError, ToolError
from agentrt.toolbox import Toolbox, find_tools, grant
from agentrt.toolbox.sandbox import walls

apart = pytest.mark.skipif(walls() == "none", reason="this machine can't keep programs apart")


def granted(name: str, folder: Path | None = None, **options: object) -> Toolbox:
    return Toolbox(grant(find_tools([name]), options, folder=folder))


async def test_files_are_read_and_listed_where_they_are_granted(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("hello")
    files = granted("files", tmp_path, root="./data")
    assert files.names() == ["list_files", "read_file"]
    assert await files.call("list_files", {}) == '["a.txt"]'
    assert await files.call("read_file", {"path": "a.txt"}) == "hello"
    with pytest.raises(ToolError, match="was not granted"):
        await files.call("write_file", {"path": "a.txt", "text": "x"})


async def test_files_are_written_where_that_is_granted_too(tmp_path: Path) -> None:
    files = granted("files", root=str(tmp_path), write=True)
    assert await files.call("write_file", {"path": "n.txt", "text": "é"}) == (
        "wrote 2 bytes to n.txt"
    )
    assert (tmp_path / "n.txt").read_text() == "é"


async def test_a_file_that_is_no_text_or_too_large_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"a\0b")
    (tmp_path / "large").write_bytes(bytes(1_000_001))
    files = granted("files", root=str(tmp_path))
    with pytest.raises(ToolError, match="binary is no text file"):
        await files.call("read_file", {"path": "binary"})
    with pytest.raises(ToolError, match="large is larger than 1,000,000 bytes"):
        await files.call("read_file", {"path": "large"})


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE items (name TEXT, price REAL)")
        made.executemany("INSERT INTO items VALUES (?, ?)", [("tea", 3), ("milk", 1.5)])
    return path


async def test_a_database_is_asked(database: Path) -> None:
    sql = granted("sql", database=str(database), max_rows=1)
    assert await sql.call("sql_tables", {}) == '["CREATE TABLE items (name TEXT, price REAL)"]'
    rows = await sql.call("sql_query", {"query": "SELECT max(price) AS top FROM items"})
    assert rows == '[{"top": 3.0}]'
    assert (await sql.call("sql_query", {"query": "SELECT * FROM items"})).count("name") == 1


async def test_a_query_that_does_not_end_is_ended(database: Path) -> None:
    sql = granted("sql", database=str(database), timeout_s=0.2)
    endless = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT sum(x) FROM r"
    with pytest.raises(ToolError, match="the query took too long"):
        await sql.call("sql_query", {"query": endless})


@apart
async def test_the_listed_commands_run(tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_text("one\ntwo\n")
    shell = granted("shell", root=str(tmp_path), commands=["wc -l", "ls"])
    assert await shell.call("shell", {"command": "wc -l 'a b.txt'"}) == "2 a b.txt\n"
    assert "exit code 2" in await shell.call("shell", {"command": "ls missing"})
    with pytest.raises(ToolError, match="only these may be run: wc -l, ls"):
        await shell.call("shell", {"command": "wc -c 'a b.txt'"})


@apart
async def test_python_runs_in_a_folder_of_its_own(tmp_path: Path) -> None:
    python = granted("python")
    code = "import os\nopen('x', 'w').write('y')\nprint(os.listdir())"
    assert await python.call("python", {"code": code}) == "['x']\n"
    assert "ZeroDivisionError" in await python.call("python", {"code": "1/0"})
    (tmp_path / "in.txt").write_text("given")
    reads = granted("python", root=str(tmp_path))
    assert await reads.call("python", {"code": "print(open('in.txt').read())"}) == "given\n"
    assert "Read-only" in await reads.call("python", {"code": "open('out.txt', 'w')"})


async def test_python_that_does_not_end_is_ended() -> None:
    python = granted("python", timeout_s=0.5, unconfined=True)
    with pytest.raises(ToolError, match=r"stopped: it took longer than 0\.5 s"):
        await python.call("python", {"code": "while True: pass"})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("files", {}, "needs the option 'root'"),
        ("files", {"root": ".", "wirte": True}, "did you mean 'write'"),
        ("shell", {"root": ".", "commands": []}, "'commands'"),
        ("web", {"max_bytes": 0}, "'max_bytes'"),
    ],
)
def test_options_are_checked_when_they_are_granted(name, options, message) -> None:
    with pytest.raises(GrantError, match=message):
        granted(name, **options)
