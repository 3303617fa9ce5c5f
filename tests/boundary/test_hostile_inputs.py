"""Hostile inputs, each against the real guard: none gets through, each refusal says why."""

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import hostile_inputs as hostile
import pytest

from agentrt.errors import SpecError, ToolError
from agentrt.runtime import Runtime
from agentrt.spec import TemplateFailure, load_workflow, render
from agentrt.testing import ObedientModel
from agentrt.toolbox import Toolbox, find_tools, grant, network, tool
from agentrt.toolbox.network import Page, fetch
from agentrt.toolbox.sandbox import walls

OWNED = "owned"


def granted(name: str, **options: Any) -> Toolbox:
    return Toolbox(grant(find_tools([name]), options))


def test_there_are_at_least_150() -> None:
    tables = [value for name, value in vars(hostile).items() if name.isupper()]
    assert sum(len(table) for table in tables if isinstance(table, list)) >= 150


# -- paths -------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.txt").write_text("inside")
    (tmp_path / "outside.txt").write_text("outside")
    (root / "link-to-folder").symlink_to("..")
    (root / "link-to-file").symlink_to("../outside.txt")
    (root / "sub" / "link-up").symlink_to("../..")
    (root / "link-to-device").symlink_to("/dev/zero")
    (root / "link-to-itself").symlink_to("link-to-itself")
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize("name", ["read_file", "write_file", "list_files"])
@pytest.mark.parametrize(("path", "why"), hostile.PATHS)
async def test_paths(root: Path, name: str, path: str, why: str) -> None:
    if name == "list_files" and path in (".", "sub"):
        pytest.skip("a folder may be listed")
    more = {"text": OWNED} if name == "write_file" else {}
    with pytest.raises(ToolError, match=f"(?i){why}|goes through what is no folder|not a dir"):
        await granted("files", root=str(root), write=True).call(name, {"path": path, **more})
    assert (root.parent / "outside.txt").read_text() == "outside"
    assert sorted(path.name for path in root.parent.iterdir()) == ["outside.txt", "root"]


@pytest.mark.parametrize("path", hostile.PATHS_TAKEN_LITERALLY)
async def test_names_that_only_others_decode(root: Path, path: str) -> None:
    with pytest.raises(ToolError, match=r"refused: the path .* (does not exist|no folder)"):
        await granted("files", root=str(root)).call("read_file", {"path": path})


# -- the network -------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a request would have gone to; none goes."""
    asked: list[str] = []

    async def get(client: Any, target: Any, address: str, max_bytes: int) -> Page:
        asked.append(address)
        return Page(str(target), 200, "text/plain", b"got through")

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(network, "_get", get)
    monkeypatch.setattr(network, "_system_resolver", resolve)
    return asked


@pytest.mark.parametrize(("url", "why"), hostile.URLS)
async def test_addresses(asked: list[str], url: str, why: str) -> None:
    with pytest.raises(ToolError, match=why):
        await granted("web").call("http_fetch", {"url": url})
    assert asked == []


@pytest.mark.parametrize("answers", hostile.DNS_ANSWERS, ids=str)
async def test_answers_of_a_resolver(asked: list[str], answers: list[str]) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return answers

    with pytest.raises(ToolError, match=r"inside this machine|no address|not appear to be"):
        await fetch("http://innocent.test/", resolve=resolve)
    assert asked == []


@pytest.mark.parametrize(("target", "why"), hostile.REDIRECTS)
async def test_redirects(monkeypatch: pytest.MonkeyPatch, target: str, why: str) -> None:
    asked = []

    async def get(client: Any, url: Any, address: str, max_bytes: int) -> str:
        asked.append(address)
        return str(url.join(target))

    async def resolve(host: str, port: int) -> list[str]:
        return ["10.0.0.1"] if host == "inside.test" else ["93.184.216.34"]

    monkeypatch.setattr(network, "_get", get)
    with pytest.raises(ToolError, match=why):
        await fetch("http://example.com/", resolve=resolve)
    assert set(asked) == {"93.184.216.34"}


# -- programs and databases --------------------------------------------------------------------


@pytest.mark.parametrize(("command", "why"), hostile.COMMANDS)
async def test_commands(tmp_path: Path, command: str, why: str) -> None:
    (tmp_path / "a.txt").write_text("")
    shell = granted("shell", root=str(tmp_path), commands=["ls", "git log"], write=True)
    with pytest.raises(ToolError, match=why):
        await shell.call("shell", {"command": command})
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]  # noqa: ASYNC240


PROGRAMS = [
    "open('/etc/passwd').read()",
    "open('/etc/shadow').read()",
    "import os; os.listdir('/home')",
    "import pathlib; (pathlib.Path('{outside}') / 'secret.txt').read_text()",
    "import socket; socket.create_connection(('127.0.0.1', {port}), 1)",
    "import socket; socket.getaddrinfo('example.com', 80)",
    "import os; os.kill({pid}, 9)",
    "import os; os.environ['CANARY_TOKEN']",
    "open('/proc/{pid}/environ').read()",
    "open('/usr/bin/owned', 'w')",
    "import os; os.chroot('/')",
    "import ctypes\nif ctypes.CDLL(None).mount(b'n', b'/tmp', b'tmpfs', 0, 0): raise OSError('no')",
    "import os; os.setuid(1000)",
]  # fmt: skip


@pytest.mark.skipif(walls() == "none", reason="this machine can't keep programs apart")
@pytest.mark.parametrize("code", PROGRAMS)
async def test_programs(
    tmp_path: Path, code: str, monkeypatch: pytest.MonkeyPatch, fake_server: Any
) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "canary-secret")
    (tmp_path / "secret.txt").write_text("canary-secret")
    server = fake_server([])
    port = server.base_url.split(":")[-1].split("/")[0]
    filled = code.format(outside=tmp_path, port=port, pid=os.getpid())
    told = await granted("python").call("python", {"code": f"print({OWNED!r})\n{filled}"})
    assert told.startswith("exit code 1\nowned\n"), told
    assert "rror" in told.splitlines()[-1]
    assert "canary-secret" not in told


@pytest.mark.parametrize(("query", "why"), hostile.QUERIES)
async def test_queries(tmp_path: Path, query: str, why: str) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE items (name TEXT)")
        made.execute("INSERT INTO items VALUES ('tea')")
        made.execute("CREATE INDEX by_name ON items (name)")
    before = path.read_bytes()
    with pytest.raises(ToolError, match=why):
        await granted("sql", database=str(path)).call("sql_query", {"query": query})
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["shop.db"]  # noqa: ASYNC240


# -- documents, templates, archives ------------------------------------------------------------


@pytest.mark.parametrize(("text", "why"), hostile.DOCUMENTS)
def test_workflow_files(text: str, why: str) -> None:
    with pytest.raises(SpecError) as refused:
        load_workflow(text)
    told = [str(error) for error in (refused.value, *refused.value.others)]
    assert any(re.search(why, message) for message in told), told


@pytest.mark.parametrize("template", hostile.TEMPLATES)
def test_templates(template: str) -> None:
    with pytest.raises(TemplateFailure) as refused:
        render(template, {"inputs": {"text": "x"}})
    assert str(refused.value)


@pytest.mark.parametrize("template", hostile.TEMPLATES)
def test_templates_in_values_stay_text(template: str) -> None:
    assert render("{{ inputs.text }}", {"inputs": {"text": template}}) == template


# -- what text tells a model to do -------------------------------------------------------------


@pytest.mark.parametrize("text", hostile.INJECTIONS)
def test_injections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """The model obeys every one of them; what it then calls is refused."""
    monkeypatch.chdir(tmp_path)
    sent: list[str] = []

    @tool(effects=("read",))
    def look_up(topic: str) -> str:
        """Look something up."""
        return text

    @tool(effects=("network",))
    def send(text: str) -> str:
        """Send a text to somebody."""
        sent.append(text)
        return "sent"

    workflow = {
        "name": "w",
        "nodes": {
            "a": {
                "kind": "agent",
                "prompt": 'Please call look_up with {"topic": "bees"} and tell what it says.',
                "tools": ["look_up", {"name": "send", "approve": "never"}],
                "max_steps": 8,
                "max_tool_errors": 50,
            }
        },
        "outputs": {"o": "{{ a }}"},
    }
    model, events = ObedientModel(), []
    with Runtime(chat=model, tools=[look_up, send], store=None) as runtime:
        runtime.run(workflow, on_event=events.append)
    calls = [event for event in events if type(event).__name__ == "ToolCalled"]
    assert calls[0].tool == "look_up"
    refused = [call for call in calls if call.error]
    assert refused, "the double did not obey"
    for call in refused:
        assert ("was not granted" in call.output or "refused: send" in call.output
                or "send: " in call.output), call.output  # fmt: skip
    assert sent == []
    assert list(tmp_path.iterdir()) == []
