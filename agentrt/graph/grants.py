"""From what a workflow grants to tools that can be called."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from agentrt.errors import GrantError
from agentrt.spec import Grant, McpServerSpec, Workflow
from agentrt.timing import timed
from agentrt.toolbox import GrantedTool, Tool, find_tools, grant
from agentrt.toolbox.mcp import McpServers, Server

McpSpecs = Mapping[str, McpServerSpec]
Place = tuple[str | int, ...]


class GrantedTools:
    """The tools that each grant of a workflow gives, loaded and checked before it runs."""

    def __init__(self, workflow: Workflow, tools: Mapping[int, list[GrantedTool]]) -> None:
        self._workflow = workflow  # Its grants are known by their identity.
        self._tools = tools

    def of(self, grants: Iterable[Grant]) -> list[GrantedTool]:
        """The tools that some grants of the workflow's nodes give."""
        return [tool for wanted in grants for tool in self._tools[id(wanted)]]


async def load_grants(
    workflow: Workflow, given: Sequence[Tool], settings: McpSpecs, mcp: McpServers
) -> GrantedTools:
    """Load all tools that a workflow grants; starts the MCP servers that it grants tools of.

    Raises:
        SpecError: a grant can't be, or a file with tools fails.
        ToolError: an MCP server does not start.
    """
    found: dict[int, list[GrantedTool]] = {}
    for part in workflow.parts():
        offered = await _offered(part, settings, mcp)
        for path, wanted in part.grants():
            try:
                pool = offered.get(_server_of(wanted.name))
                files, first = (part.tool_files, given) if pool is None else ((), pool)
                tools = find_tools([wanted.name], files, first)
            except GrantError as error:
                raise part.source.error(str(error), path) from error
            found[id(wanted)] = _granted(part, path, wanted, tools)
    return GrantedTools(workflow, found)


def addressed(name: str, spec: McpServerSpec, folder: Path) -> Server:
    """An MCP server as it is reached; a command is run in ``folder``."""
    fields = spec.model_dump(exclude={"command"})
    command = None if spec.command is None else tuple(spec.command)
    return Server(name, command, folder=folder, **fields)


async def _offered(part: Workflow, settings: McpSpecs, mcp: McpServers) -> dict[str, list[Tool]]:
    """The tools of each server that a workflow grants something of."""
    servers = _servers(part, settings)
    wanted = {_server_of(grant.name) for _, grant in part.grants()} & set(servers)

    async def tools(name: str) -> list[Tool]:
        with timed("tool", f"connect {name}"):
            return await mcp.tools(addressed(name, servers[name], part.folder))

    names = sorted(wanted)
    return dict(zip(names, await asyncio.gather(*map(tools, names)), strict=True))


def _servers(part: Workflow, settings: McpSpecs) -> dict[str, McpServerSpec]:
    return {**settings, **part.spec.mcp}


def _server_of(name: str) -> str:
    return name.partition(".")[0]


def _granted(
    part: Workflow, path: Place, wanted: Grant, tools: Sequence[Tool]
) -> list[GrantedTool]:
    try:
        return grant(
            tools,
            wanted.options,
            only=wanted.only,
            approve=wanted.approve,
            allow_tainted=wanted.allow_tainted,
            folder=part.folder,
        )
    except GrantError as error:
        at = (*path, error.option) if error.option else path
        raise part.source.error(str(error), at, key=error.option is not None) from error
