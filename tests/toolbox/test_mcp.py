"""MCP servers as sources of tools: real ones, over stdio and HTTP, and broken ones."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from agentrt.errors import SpecError, ToolError
from agentrt.graph import ToolCalled
from agentrt.runtime import Runtime
from agentrt.testing import ScriptedModel
from agentrt.toolbox.mcp import McpServers, Server

BIN = Path(sys.executable).parent
GIT = str(BIN / "mcp-server-git")
KEY = "a-key-for-the-test"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "bees.md").write_text("Bees make honey.\n")
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "The first bees"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def git_workflow(repository: Path, tools: str, more: str = "") -> str:
    return f"""
name: history
mcp:
  git: {{command: [{GIT}, --repository, {repository}]}}{more}
nodes:
  work: {{kind: agent, prompt: "What was changed last?", tools: [{tools}], max_steps: 3}}
outputs: {{answer: "{{{{ work }}}}"}}
"""


Children = Callable[[], list[psutil.Process]]


@pytest.fixture
def children() -> Children:
    """The processes of this test alone: a model server that all tests share may be up beside it."""
    before = set(psutil.Process().children(recursive=True))
    return lambda: [p for p in psutil.Process().children(recursive=True) if p not in before]


def test_an_agent_uses_a_git_server_over_stdio_and_it_is_gone_with_the_runtime(
    repository: Path, children: Children
) -> None:
    log = {"tool": "git__git_log", "arguments": {"repo_path": str(repository), "max_count": 1}}
    model = ScriptedModel([log, {"finish": "Bees were added."}] * 2)
    events: list[object] = []
    workflow = git_workflow(repository, "git.git_log")
    with Runtime(chat=model) as runtime:
        result = runtime.run(workflow, on_event=events.append)
        [process] = [p for p in children() if "mcp-server-git" in " ".join(p.cmdline())]
        runtime.run(workflow)
        assert process.is_running(), "one process serves all runs of a runtime"
        assert len([p for p in children() if "mcp-server-git" in " ".join(p.cmdline())]) == 1
    assert not process.is_running()
    assert result.outputs["answer"] == "Bees were added."
    [called] = [event for event in events if isinstance(event, ToolCalled)]
    assert "The first bees" in called.output
    assert {span.name for span in result.trace.spans} >= {"connect git", "git.git_log"}


def test_only_what_is_granted_of_a_server_can_be_called(repository: Path) -> None:
    call = {"tool": "git__git_log", "arguments": {"repo_path": str(repository)}}
    model = ScriptedModel([call, {"finish": "no"}])
    with Runtime(chat=model) as runtime:
        runtime.run(git_workflow(repository, "{name: git, only: [git_status, git_diff]}"))
    told = model.calls[-1][1][-1]["content"]
    assert "'git__git_log' was not granted" in told
    assert "git__git_log:" not in model.calls[0][1][0]["content"]


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ("got.git_log", r"6:\d+: no tool is called 'got.git_log'"),
        ("git.git_lag", r"no tool is called 'git.git_lag' .did you mean 'git.git_log'"),
        ("{name: git, only: [git_log], root: .}", "git.git_log has no option 'root'"),
    ],
)
def test_a_wrong_grant_of_a_server_is_refused_before_the_model_is_asked(
    repository: Path, tools: str, message: str
) -> None:
    with (
        Runtime(chat=ScriptedModel([])) as runtime,
        pytest.raises(SpecError, match=message),
    ):
        runtime.run(git_workflow(repository, tools))


def test_what_a_server_says_of_its_tools_becomes_effects(repository: Path) -> None:
    async def listed() -> dict[str, tuple[set[str], str]]:
        servers = McpServers()
        try:
            tools = await servers.tools(Server("git", (GIT, "-r", str(repository))))
        finally:
            await servers.aclose()
        return {tool.name: (set(tool.effects), tool.replay) for tool in tools}

    effects = asyncio.run(listed())
    assert effects["git.git_log"] == ({"read"}, "pure")
    assert effects["git.git_commit"] == ({"read", "write"}, "once")
    assert effects["git.git_add"] == ({"read", "write"}, "idempotent")


def test_a_server_gets_none_of_our_environment_but_what_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "not-for-everyone")
    monkeypatch.setenv("FOR_IT", "its-own-secret")
    says = "import os, sys; print(*os.environ.items(), file=sys.stderr); sys.exit(1)"
    server = Server("nosy", (sys.executable, "-c", says), env={"MINE": "env:FOR_IT", "MODE": "x"})

    async def start() -> str:
        with pytest.raises(ToolError) as failure:
            await McpServers().tools(server)
        return str(failure.value)

    told = asyncio.run(start())
    assert "('MINE', '[secret]')" in told
    assert "('MODE', 'x')" in told
    assert "not-for-everyone" not in told


@pytest.mark.parametrize(
    ("server", "message"),
    [
        (Server("s", ("no-such-program",)), "'s': there is no program 'no-such-program'"),
        (
            Server("s", (sys.executable, "-c", "import sys; sys.exit('no database')")),
            r"(?s)'s': its command does not work: Connection closed.*no database",
        ),
        (
            Server("s", (sys.executable, "-c", "import time; time.sleep(60)"), start_s=0.5),
            "'s': it did not answer within 0.5 s",
        ),
        (
            Server("s", url="http://127.0.0.1:9/mcp"),
            "'s': http://127.0.0.1:9/mcp does not work: All connection attempts failed",
        ),
        (Server("s", ("true",), env={"KEY": "env:NOT_THERE"}), "no secret in env:NOT_THERE"),
    ],
)
def test_a_server_that_does_not_start_says_why(
    server: Server, message: str, children: Children
) -> None:
    async def start() -> None:
        servers = McpServers()
        with pytest.raises(ToolError, match=message):
            await servers.tools(server)
        await servers.aclose()

    asyncio.run(start())
    assert not children()


def test_a_server_that_dies_fails_the_call_and_is_started_anew_for_the_next(
    repository: Path, children: Children
) -> None:
    async def use() -> None:
        servers = McpServers()
        server = Server("git", (GIT, "-r", str(repository)))
        [status] = [t for t in await servers.tools(server) if t.name == "git.git_status"]
        given = {"arguments": {"repo_path": str(repository)}, "report": print}
        for process in children():
            process.kill()
        with pytest.raises(ToolError, match="'git': it went away"):
            await status.function(**given)
        assert "On branch" in await status.function(**given)
        await servers.aclose()

    asyncio.run(use())


@pytest.fixture(scope="module")
def excel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an Excel server over streamable HTTP, guarded by a key."""
    folder = tmp_path_factory.mktemp("excel")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [BIN / "excel-mcp-server", "streamable-http", "--port", str(port)]
    environment = {**os.environ, "EXCEL_MCP_AUTH_TOKEN": KEY}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--allow-dir", str(folder)], env=environment, stderr=log, stdout=log
        )
    try:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(10)


def test_an_excel_server_is_used_over_http_with_a_key_from_the_environment(
    excel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXCEL_KEY", f"Bearer {KEY}")
    workflow = f"""
name: table
mcp:
  excel: {{url: "{excel}", headers: {{Authorization: "env:EXCEL_KEY"}}}}
nodes:
  make:
    kind: tool
    tool: {{name: excel.create_workbook, approve: never}}
    arguments: {{path: bees.xlsx, sheets: [bees]}}
  write:
    kind: tool
    after: [make]
    tool: {{name: excel.write_range, approve: never}}
    arguments: {{path: bees.xlsx, sheet: bees, at: A1, rows: [[hive, honey], [1, 20]]}}
  read:
    kind: agent
    after: [write]
    prompt: How much honey?
    tools: [{{name: excel, approve: never, allow_tainted: true}}]
    max_steps: 2
outputs: {{answer: "{{{{ read }}}}"}}
"""
    ask = {
        "tool": "excel__read_range",
        "arguments": {"path": "bees.xlsx", "sheet": "bees", "range": "A1:B2"},
    }
    model = ScriptedModel([ask, {"finish": "20"}])
    with Runtime(chat=model) as runtime:
        assert runtime.run(workflow).outputs == {"answer": "20"}
    assert "honey" in model.calls[-1][1][-1]["content"]


def test_an_http_server_that_refuses_the_key_says_so(excel: str) -> None:
    async def start() -> None:
        servers = McpServers()
        with pytest.raises(ToolError, match=r"answers 401 \(Unauthorized\)"):
            await servers.tools(Server("excel", url=excel))
        await servers.aclose()

    asyncio.run(start())
