"""``agentrt mcp``: workflows as tools for other agents, over stdio and HTTP."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentrt.errors import ToolError
from agentrt.testing import Reply
from agentrt.toolbox import Tool
from agentrt.toolbox.mcp import McpServers, Server

ROOT = Path(__file__).parents[2]
WORKFLOW = """
name: say-it
description: Say something twice.
inputs:
  text: {type: string, description: what to say}
  times: {type: integer, default: 2}
nodes:
  first: {kind: llm, prompt: "{{ inputs.text }}"}
  second: {kind: llm, prompt: "{{ first }}"}
outputs: {said: "{{ second }}"}
"""


@pytest.fixture
def command(fake_server, tmp_path: Path) -> tuple[str, ...]:
    server = fake_server(lambda body: Reply(body["messages"][-1]["content"] + "!"))
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    given = ["--base-url", server.base_url, "--model", "m"]
    return (sys.executable, "-m", "agentrt", "mcp", str(tmp_path / "w.yaml"), *given)


async def say(server: Server) -> tuple[Tool, str, list[str], str]:
    """The workflow's tool, what it gave, the progress that was heard, and a refusal."""
    servers, heard = McpServers(), []
    try:
        [tool] = await servers.tools(server)
        answer = await tool.function(arguments={"text": "ho"}, report=heard.append)
        with pytest.raises(ToolError) as refusal:
            await tool.function(arguments={"txt": "ho"}, report=heard.append)
    finally:
        await servers.aclose()
    return tool, answer, heard, str(refusal.value)


def check(server: Server) -> None:
    tool, answer, heard, refusal = asyncio.run(say(server))
    assert tool.name.endswith(".say-it")
    assert tool.description == "Say something twice."
    assert tool.parameters["required"] == ["text"]
    assert tool.parameters["properties"]["times"] == {"type": "integer", "default": 2}
    assert answer == "ho!!"
    assert heard == ["first began", "first is done", "second began", "second is done"]
    assert "has no input 'txt' (did you mean 'text'?)" in refusal


def test_workflows_are_tools_over_stdio(command: tuple[str, ...]) -> None:
    keys = {"PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "fake-key"}
    check(Server("agentrt", command, env=keys, start_s=120))


@pytest.fixture
def http(command: tuple[str, ...]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    keys = {"OPENAI_API_KEY": "fake-key", "AGENTRT_MCP_KEY": "the-key-of-the-test"}
    process = subprocess.Popen(
        [*command, "--http", "--port", str(port)], env={**os.environ, **keys}, cwd=ROOT
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
        process.wait(20)


def test_workflows_are_tools_over_http_for_who_has_the_key(http: str) -> None:
    check(Server("agentrt", url=http, headers={"Authorization": "Bearer the-key-of-the-test"}))

    async def without_key() -> None:
        servers = McpServers()
        with pytest.raises(ToolError, match=r"answers 401"):
            await servers.tools(Server("agentrt", url=http))
        await servers.aclose()

    asyncio.run(without_key())


def test_a_wrong_workflow_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(WORKFLOW.replace("kind: llm", "kind: lm", 1))
    done = subprocess.run(
        [sys.executable, "-m", "agentrt", "mcp", str(tmp_path / "w.yaml")],
        capture_output=True, text=True, cwd=ROOT, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "unknown kind 'lm' (did you mean 'llm'?)" in done.stderr
    assert done.stdout == ""
