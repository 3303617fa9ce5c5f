"""MCP servers, each started when it is first needed and stopped with all others."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from agentrt.toolbox.decorator import Tool
from agentrt.toolbox.mcp.connection import Connection, Report, Server, explained
from agentrt.toolbox.mcp.conversion import answer_of, as_tool


class McpServers:
    """Sessions with MCP servers; one a server, however many runs use it.

    All of it belongs to one event loop.
    """

    def __init__(self) -> None:
        self._open: dict[Server, Connection] = {}
        self._ended: list[Connection] = []

    async def tools(self, server: Server) -> list[Tool]:
        """What a server offers; starts it where it is not running.

        Raises:
            ToolError: it does not start or answer.
        """
        connection = self._connection(server)
        client, tools, cursor = await connection.client(), [], None
        while True:
            with explained(connection, server.name):
                page = await client.list_tools(cursor=cursor)
            tools += [as_tool(server, t, partial(self._call, server, t.name)) for t in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                return tools

    async def aclose(self) -> None:
        """Stop all of them."""
        connections = [*self._ended, *self._open.values()]
        await asyncio.gather(*(connection.close() for connection in connections))
        self._open.clear()
        self._ended.clear()

    def _connection(self, server: Server) -> Connection:
        """The session with a server; one that has ended is begun anew."""
        found = self._open.get(server)
        if found is not None and not found.is_open:
            self._ended.append(found)
            found = None
        if found is None:
            found = self._open[server] = Connection(server)
        return found

    async def _call(
        self, server: Server, tool: str, arguments: dict[str, Any], report: Report
    ) -> Any:
        async def heard(progress: float, total: float | None, message: str | None) -> None:
            report(message or (f"{progress:g} of {total:g}" if total else f"{progress:g}"))

        name = f"{server.name}.{tool}"
        connection = self._connection(server)
        client = await connection.client()
        with explained(connection, name):
            result = await client.call_tool(tool, arguments, progress_callback=heard)
        return answer_of(result, name)
