"""What one step of an agent may write where the server does not parse tool calls."""

from __future__ import annotations

import copy
from typing import Any

from agentrt.toolbox import Tool

_DESCRIPTION = 240


def step_schema(tools: list[Tool], max_tokens: int) -> dict[str, Any]:
    """The JSON Schema of one step: a call of one of the tools, or the end.

    Texts are limited so that the object can be closed within ``max_tokens`` even where each
    character is a token; else a small model can spend them all on one text.
    """
    limit = max(32, max_tokens - 32)
    finish = {
        "type": "object",
        "properties": {"finish": {"type": "string", "maxLength": limit}},
        "required": ["finish"],
        "additionalProperties": False,
    }
    if not tools:
        return finish
    definitions: dict[str, Any] = {}
    calls = [_call(tool, limit, definitions) for tool in tools]
    shared = {"$defs": definitions} if definitions else {}
    return {"anyOf": [*calls, finish], **shared}


def described(tools: list[Tool]) -> str:
    """What a model without native tool calls is told about its tools."""
    return (
        'Reply with JSON only: {"tool": NAME, "arguments": {…}} to use a tool, '
        'or {"finish": TEXT} when you are done.\nTools:\n' + "\n".join(map(_line, tools))
    )


def _call(tool: Tool, limit: int, definitions: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "tool": {"const": tool.spoken_name},
            "arguments": _arguments(tool, limit, definitions),
        },
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }


def _arguments(tool: Tool, limit: int, definitions: dict[str, Any]) -> dict[str, Any]:
    """A tool's parameters inside a larger schema: what they define moves to its top."""
    schema = copy.deepcopy(tool.parameters)
    schema.pop("$schema", None)
    for name, definition in schema.pop("$defs", {}).items():
        definitions[f"{tool.spoken_name}.{name}"] = _moved(definition, tool.spoken_name)
    for argument in schema.get("properties", {}).values():
        if argument.get("type") == "string" and not argument.keys() & {"enum", "const"}:
            argument.setdefault("maxLength", limit)
    moved: dict[str, Any] = _moved(schema, tool.spoken_name)
    return moved


def _moved(schema: Any, prefix: str) -> Any:
    if isinstance(schema, list):
        return [_moved(item, prefix) for item in schema]
    if not isinstance(schema, dict):
        return schema
    here = "#/$defs/"
    return {
        key: f"{here}{prefix}.{value.removeprefix(here)}"
        if key == "$ref" and isinstance(value, str) and value.startswith(here)
        else _moved(value, prefix)
        for key, value in schema.items()
    }


def _line(tool: Tool) -> str:
    """Such as ``- search(query, limit?): Search the documents.``"""
    required = tool.parameters.get("required", [])
    names = [
        name if name in required else f"{name}?" for name in tool.parameters.get("properties", {})
    ]
    told = tool.description.partition("\n")[0]
    return f"- {tool.spoken_name}({', '.join(names)}): {told[:_DESCRIPTION]}"
