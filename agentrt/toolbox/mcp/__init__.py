"""MCP servers as a source of tools, over stdio and streamable HTTP."""

from agentrt.toolbox.mcp.connection import Server
from agentrt.toolbox.mcp.servers import McpServers

__all__ = ["McpServers", "Server"]
