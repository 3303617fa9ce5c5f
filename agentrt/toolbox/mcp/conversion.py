"""From MCP's tools and results to ours."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Awaitable, Callable
from typing import Any

from agentrt.errors import ToolError
from agentrt.toolbox.arguments import SchemaArguments
from agentrt.toolbox.artefact import Artefact
from agentrt.toolbox.decorator import Effect, Replay, Tool
from agentrt.toolbox.mcp.connection import Server

Function = Callable[..., Awaitable[Any]]


def as_tool(server: Server, declared: Any, function: Function) -> Tool:
    """A server's tool as one of ours, called ``SERVER.TOOL``.

    What it says of itself are hints. Where it says nothing it may do anything; and whoever is
    reached over HTTP is sent what the model writes.
    """
    hints = declared.annotations
    effects: set[Effect] = {"read", "write", "execute", "network"}
    replay: Replay = "once"
    if hints is not None:
        effects = {"read"} if hints.read_only_hint else {"read", "write"}
        if server.url is not None or hints.open_world_hint is not False:
            effects.add("network")
        if hints.read_only_hint or hints.idempotent_hint:
            replay = "pure" if hints.read_only_hint else "idempotent"
    return Tool(
        name=f"{server.name}.{declared.name}",
        description=(declared.description or declared.title or declared.name).strip(),
        function=function,
        arguments=SchemaArguments(declared.input_schema),
        effects=frozenset(effects),
        replay=replay,
        inject=("report",),
        family=server.name,
        timeout_s=server.timeout_s,
        source=f"mcp: {server.url or ' '.join(server.command or ())}",
    )


def answer_of(result: Any, tool: str) -> Any:
    """What a call gave: its text, with anything else as artefacts.

    Raises:
        ToolError: the server says that the call failed.
    """
    parts = [_part(block, number, tool) for number, block in enumerate(result.content, start=1)]
    texts = [part for part in parts if isinstance(part, str)]
    if result.is_error:
        raise ToolError(f"{tool}: {' '.join(texts) or 'it failed and does not say why'}")
    if not parts:
        return result.structured_content
    return "\n".join(texts) if len(texts) == len(parts) else parts


def _part(block: Any, number: int, tool: str) -> str | Artefact | dict[str, Any]:
    match block.type:
        case "text":
            return str(block.text)
        case "image" | "audio":
            return _file(block.data, block.mime_type, f"{tool}-{number}")
        case "resource":
            resource = block.resource
            if hasattr(resource, "text"):
                return str(resource.text)
            return _file(resource.blob, resource.mime_type, f"{tool}-{number}")
        case _:
            linked: dict[str, Any] = block.model_dump(mode="json", exclude_none=True)
            return linked


def _file(encoded: str, media_type: str | None, stem: str) -> Artefact:
    kind = media_type or "application/octet-stream"
    ending = mimetypes.guess_extension(kind) or ".bin"
    return Artefact(f"{stem}{ending}", kind, content=base64.b64decode(encoded))
