"""What one step of an agent may write where the server does not parse tool calls."""

from __future__ import annotations

from typing import Any

from agentrt.toolbox import Tool

_DESCRIPTION = 240
_VALUES = ("enum", "const", "default", "required")

# What vLLM's decoders refuse a whole request for, what says nothing to them, and what has moved.
_NOT_HELD = {
    *("multipleOf", "uniqueItems", "contains", "minContains", "maxContains", "format"),
    *("propertyNames", "unevaluatedProperties", "examples", "title", "$schema", "$defs"),
}


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
    prefix = tool.spoken_name
    for name, definition in tool.parameters.get("$defs", {}).items():
        definitions[f"{prefix}.{name}"] = _held(definition, prefix)
    schema: dict[str, Any] = _held(tool.parameters, prefix)
    for argument in schema.get("properties", {}).values():
        if argument.get("type") == "string" and not argument.keys() & {"enum", "const", "pattern"}:
            argument.setdefault("maxLength", limit)
    return schema


def _held(schema: Any, prefix: str) -> Any:
    """A schema as decoders can hold an answer to it; the arguments are checked in full later."""
    if isinstance(schema, list):
        return [_held(item, prefix) for item in schema]
    if not isinstance(schema, dict):
        return schema
    held: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "$ref":
            held[key] = value.replace("#/$defs/", f"#/$defs/{prefix}.")
        elif key in ("properties", "patternProperties"):
            held[key] = {name: _held(inner, prefix) for name, inner in value.items()}
        elif key in _VALUES:
            held[key] = value
        elif key not in _NOT_HELD:
            held[key] = _held(value, prefix)
    return held


def _line(tool: Tool) -> str:
    """Such as ``- search(query, limit?): Search the documents.``"""
    required = tool.parameters.get("required", [])
    names = [
        name if name in required else f"{name}?" for name in tool.parameters.get("properties", {})
    ]
    told = tool.description.partition("\n")[0]
    return f"- {tool.spoken_name}({', '.join(names)}): {told[:_DESCRIPTION]}"
