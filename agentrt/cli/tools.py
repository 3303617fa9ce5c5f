"""``agentrt tools``: what can be granted, and trying it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentrt.cli.console import err, out, print_json, reported
from agentrt.cli.options import JsonOption, read_inputs

if TYPE_CHECKING:
    from agentrt.rag import Retriever
    from agentrt.spec import McpServerSpec
    from agentrt.toolbox import ArtefactStore, Tool
    from agentrt.toolbox.mcp import McpServers

app = typer.Typer(help="List tools, and try one.", invoke_without_command=True)

WorkflowOption = Annotated[
    Path | None,
    typer.Option("--workflow", "-w", metavar="FILE", help="With its own tools and MCP servers."),
]


@app.callback(invoke_without_command=True)
def tools(context: typer.Context, workflow: WorkflowOption = None, as_json: JsonOption = False
) -> None:  # fmt: skip
    """List the tools that workflows may grant; MCP servers that are known are started to ask.

    Examples:

      agentrt tools

      agentrt tools --workflow my.yaml --json
    """
    if context.invoked_subcommand is not None:
        return
    with reported(as_json=as_json):
        rows = [_row(tool) for tool in asyncio.run(_Shelf(workflow).everything())]
        if as_json:
            print_json(rows)
            return
        from rich.table import Table

        table = Table("name", "granted by", "effects", "source", "description")
        for row in rows:
            effects = ", ".join(row["effects"]) or "-"
            table.add_row(
                row["name"], row["family"] or "", effects, row["source"], row["description"]
            )
        out.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A tool, as it is granted.")],
    workflow: WorkflowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a tool's arguments, effects, options and limits.

    Examples:

      agentrt tools show calculator

      agentrt tools show git.git_log --workflow my.yaml
    """
    with reported(as_json=as_json):
        for tool in asyncio.run(_Shelf(workflow).find(name)):
            shown = _details(tool)
            if as_json:
                print_json(shown)
                continue
            out.print(f"[bold]{tool.name}[/bold]", highlight=False)
            for key, value in shown.items():
                if key != "name" and value not in (None, "", [], {}):
                    indent = 2 if isinstance(value, dict) else None
                    text = value if isinstance(value, str) else json.dumps(value, indent=indent)
                    out.print(f"  {key}: {text}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def call(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A tool, as it is granted.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGUMENT=VALUE]...", help="Its arguments.")
    ] = None,
    grant: Annotated[
        list[str] | None,
        typer.Option("--grant", metavar="OPTION=VALUE", help="An option of its grant."),
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(help="What the document tools search.")
    ] = None,
    workflow: WorkflowOption = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Call a tool once, as an agent would, and print its answer.

    Examples:

      agentrt tools call calculator expression="17 * 4"

      agentrt tools call read_file path=notes.md --grant root=./data

      agentrt tools call git.git_log repo_path=. max_count=3 --workflow my.yaml
    """
    with reported(as_json=as_json):
        _, words = read_inputs(arguments, None, what="an argument")
        _, options = read_inputs(grant, None, what="--grant")
        from agentrt.toolbox import ArtefactStore

        store = ArtefactStore(Path(".agentrt") / "artefacts")
        answer = asyncio.run(_Shelf(workflow).call(name, words, options, corpus, store))
        made = [{**one.described(), "path": str(one.path)} for one in store.kept]
        if as_json:
            print_json({"tool": name, "answer": answer, "artefacts": made})
            return
        out.print(answer, markup=False, highlight=False, soft_wrap=True)
        for one in made:
            err.print(f"artefact: {one['path']}", highlight=False, markup=False)


class _Shelf:
    """The tools that ship, and those of a workflow's files and of all known MCP servers."""

    def __init__(self, workflow: Path | None) -> None:
        from agentrt.bundled import settings_file
        from agentrt.spec import load_settings, load_workflow

        loaded = None if workflow is None else load_workflow(workflow)
        self._files = loaded.tool_files if loaded else []
        self._folder = loaded.folder if loaded else Path.cwd()
        own: Mapping[str, McpServerSpec] = loaded.spec.mcp if loaded else {}
        self._servers = {**load_settings(settings_file()).mcp, **own}

    async def everything(self) -> list[Tool]:
        from agentrt.errors import ToolError
        from agentrt.toolbox import all_tools
        from agentrt.toolbox.mcp import McpServers

        mcp = McpServers()

        async def offered(name: str) -> list[Tool]:
            err.print(f"asking the MCP server {name}", style="dim", highlight=False)
            try:
                return await self._offered(name, mcp)
            except ToolError as error:
                err.print(f"[red]{error}[/red]", highlight=False)
                return []

        try:
            found = await asyncio.gather(*map(offered, self._servers))
        finally:
            await mcp.aclose()
        return [*all_tools(self._files), *(tool for tools in found for tool in tools)]

    async def find(self, name: str) -> list[Tool]:
        from agentrt.toolbox.mcp import McpServers

        mcp = McpServers()
        try:
            return await self._find(name, mcp)
        finally:
            await mcp.aclose()

    async def call(
        self,
        name: str,
        words: Mapping[str, str],
        options: Mapping[str, str],
        corpus: str | None,
        store: ArtefactStore,
    ) -> str:
        from agentrt.errors import UserError
        from agentrt.rag import check_citations
        from agentrt.toolbox import Toolbox, grant
        from agentrt.toolbox.mcp import McpServers

        mcp = McpServers()
        try:
            tools = await self._find(name, mcp)
            if len(tools) > 1:
                raise UserError(f"{name!r} is several: {', '.join(t.name for t in tools)}")
            schema = tools[0].parameters.get("properties", {})
            given = {key: _value(text, schema.get(key, {})) for key, text in words.items()}
            box = Toolbox(
                grant(tools, {key: _value(text, {}) for key, text in options.items()}),
                resources={
                    "retriever": _opened(corpus),
                    "check_citations": check_citations,
                    "run_id": "command line",
                },
                artefacts=store,
                on_report=lambda tool, message: err.print(f"{tool}: {message}", markup=False),
            )
            return await box.call(tools[0].name, given)
        finally:
            await mcp.aclose()

    async def _find(self, name: str, mcp: McpServers) -> list[Tool]:
        from agentrt.toolbox import find_tools

        server = name.partition(".")[0]
        if server in self._servers:
            return find_tools([name], given=await self._offered(server, mcp))
        return find_tools([name], self._files)

    async def _offered(self, server: str, mcp: McpServers) -> list[Tool]:
        from agentrt.graph.grants import addressed

        return await mcp.tools(addressed(server, self._servers[server], self._folder))


def _opened(corpus: str | None) -> Retriever | None:
    from agentrt.rag import open_corpus

    return None if corpus is None else open_corpus(corpus)


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    """A word as its schema has it: text where it says so, else JSON where it is."""
    if schema.get("type") != "string":
        with suppress(ValueError):
            return json.loads(text)
    return text


def _row(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "family": tool.family,
        "effects": sorted(tool.effects),
        "source": tool.source,
        "description": tool.description.partition("\n")[0],
    }


def _details(tool: Tool) -> dict[str, Any]:
    return {
        **_row(tool),
        "description": tool.description,
        "replay": tool.replay,
        "arguments": tool.parameters,
        "options": tool.options.model_json_schema() if tool.options else None,
        "timeout_s": tool.timeout_s,
        "max_concurrency": tool.max_concurrency,
        "max_output": tool.max_output,
    }
