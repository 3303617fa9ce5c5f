"""Calling granted tools: arguments checked, time and output limited, each call timed."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from agentrt.errors import ToolError
from agentrt.timing import timed
from agentrt.toolbox.decorator import Tool

MAX_OUTPUT_CHARACTERS = 4000


class Toolbox:
    """The tools that one step was granted, and what the runtime injects into them.

    Args:
        tools: the granted tools; no other can be called.
        resources: by parameter name, what tools may ask for with ``inject``.
    """

    def __init__(
        self, tools: Sequence[Tool], *, resources: Mapping[str, Any] | None = None
    ) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._resources = dict(resources or {})

    def names(self) -> list[str]:
        """The granted tools' names."""
        return list(self._tools)

    def schemas(self) -> list[dict[str, Any]]:
        """The granted tools in OpenAI's form."""
        return [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in self._tools.values()
        ]

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Call a tool; its answer as text (JSON unless it is text), cut at a limit.

        Raises:
            ToolError: it was not granted, an argument is wrong, it failed or took too long.
        """
        tool = self._granted(name)
        with timed("tool", name, arguments=arguments) as span:
            given = {**self._validated(tool, arguments), **self._injected(tool)}
            try:
                async with asyncio.timeout(tool.timeout_s):
                    answer = await _run(tool, given)
            except TimeoutError as error:
                raise ToolError(f"{name}: took longer than {tool.timeout_s:g} s") from error
            except ToolError:
                raise
            except Exception as error:
                raise ToolError(f"{name}: {error or type(error).__name__}") from error
            text = _text(answer)
            span.set(output_characters=len(text))
            return text

    def _granted(self, name: str) -> Tool:
        if name not in self._tools:
            close = get_close_matches(name, list(self._tools), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"granted: {', '.join(self._tools)}"
            raise ToolError(f"the tool {name!r} was not granted ({hint})")
        return self._tools[name]

    def _validated(self, tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            valid = tool.arguments.model_validate(arguments)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            argument = ".".join(str(part) for part in fault["loc"]) or "arguments"
            raise ToolError(f"{tool.name}: {argument}: {fault['msg']}") from error
        return {name: getattr(valid, name) for name in tool.arguments.model_fields}

    def _injected(self, tool: Tool) -> dict[str, Any]:
        for name in tool.inject:
            if self._resources.get(name) is None:
                message = f"{tool.name}: this step gives it no {name} (set the node's 'corpus')"
                raise ToolError(message)
        return {name: self._resources[name] for name in tool.inject}


async def _run(tool: Tool, arguments: dict[str, Any]) -> Any:
    if inspect.iscoroutinefunction(tool.function):
        return await tool.function(**arguments)
    return await asyncio.to_thread(tool.function, **arguments)


def _text(answer: Any) -> str:
    if isinstance(answer, str):
        text = answer
    else:
        text = json.dumps(answer, ensure_ascii=False, default=_plain)
    if len(text) > MAX_OUTPUT_CHARACTERS:
        left_out = len(text) - MAX_OUTPUT_CHARACTERS
        return f"{text[:MAX_OUTPUT_CHARACTERS]}… ({left_out} characters left out)"
    return text


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else str(value)
