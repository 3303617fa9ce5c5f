"""``agentrt mcp``."""

from __future__ import annotations

import asyncio
import os
import secrets
from typing import Annotated

import typer

from agentrt.cli.console import err, reported
from agentrt.cli.options import ProfileOption


def mcp(
    workflows: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORKFLOW]...", help="Workflow files; all that ship by default."),
    ] = None,
    http: Annotated[
        bool, typer.Option("--http", help="Serve streamable HTTP instead of standard input/output.")
    ] = False,
    port: Annotated[int, typer.Option(help="The port of --http, on loopback.")] = 8765,
    profile: ProfileOption = "cpu-smollm2",
    base_url: Annotated[
        str | None,
        typer.Option(
            help="Use this OpenAI-compatible server; the key is read from OPENAI_API_KEY."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model's name there.")] = None,
) -> None:
    """Be an MCP server whose tools are workflows, for other agents.

    Over HTTP it listens on loopback only, and asks for a key: that of AGENTRT_MCP_KEY, or one that
    is made up and printed.

    Examples:

      agentrt mcp workflows/research.yaml

      agentrt mcp my.yaml --http --port 8765

      AGENTRT_MCP_KEY=… agentrt mcp my.yaml --http --base-url http://127.0.0.1:8000/v1 --model m
    """
    with reported():
        from agentrt.bundled import shelf
        from agentrt.cli.shipped import shipped_or_given
        from agentrt.mcp_server import by_tool_name, http_app, serve_stdio, workflow_server
        from agentrt.runtime import Runtime

        runtime = Runtime(
            profile,
            base_url=base_url,
            model=model,
            api_key=os.environ.get("OPENAI_API_KEY", "none"),
            on_progress=lambda message: err.print(message, highlight=False),
        )
        files = workflows or [str(file) for file in sorted(shelf("workflows").glob("*.yaml"))]
        named = by_tool_name([runtime.load(shipped_or_given(file)) for file in files])
        runtime.expect(*named.values())
        server = workflow_server(runtime, named)
        if not http:
            asyncio.run(serve_stdio(server))
            return
        import uvicorn

        key = os.environ.get("AGENTRT_MCP_KEY") or secrets.token_urlsafe(24)
        err.print(f"http://127.0.0.1:{port}/mcp with {', '.join(named)}", highlight=False)
        if "AGENTRT_MCP_KEY" not in os.environ:
            err.print(f"Authorization: Bearer {key}", highlight=False)
        uvicorn.run(http_app(server, key), host="127.0.0.1", port=port, log_level="warning")
