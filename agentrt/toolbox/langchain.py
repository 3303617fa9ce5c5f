"""LangChain's tools as ours."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from agentrt.errors import UserError
from agentrt.toolbox.arguments import SchemaArguments
from agentrt.toolbox.decorator import Effect, Replay, Tool

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

ANYTHING: tuple[Effect, ...] = ("read", "write", "network", "execute")


def langchain_tool(
    tool: BaseTool,
    *,
    name: str | None = None,
    effects: tuple[Effect, ...] = ANYTHING,
    replay: Replay | None = None,
    timeout_s: float = 30.0,
) -> Tool:
    """A LangChain tool as one of ours.

    LangChain's tools do not say what they do to the world; one of which nothing is known is taken
    to do anything.

    Args:
        name: what it is granted by, else its own name.
        effects: what it does to the world beyond giving an answer.
        replay: whether a call may be run again after a crash; by its effects where left out.
        timeout_s: seconds a call may take.
    """
    from langchain_core.utils.function_calling import convert_to_openai_tool

    async def call(arguments: dict[str, Any]) -> Any:
        return await tool.ainvoke(arguments)

    declared = convert_to_openai_tool(tool)["function"]
    return Tool(
        name=name or tool.name,
        description=declared.get("description") or tool.name,
        function=call,
        arguments=SchemaArguments(declared.get("parameters") or {"type": "object"}),
        effects=frozenset(effects),
        replay=replay or ("once" if set(effects) - {"read"} else "pure"),
        timeout_s=timeout_s,
        source="langchain",
    )


def as_tools(given: Iterable[Any]) -> list[Tool]:
    """Our tools as they are, and LangChain's as ours.

    Raises:
        UserError: something is neither.
    """
    tools = []
    for one in given:
        if isinstance(one, Tool):
            tools.append(one)
        elif is_langchain(one):
            tools.append(langchain_tool(one))
        else:
            raise UserError(f"{one!r} is no tool: put @tool above the function")
    return tools


def is_langchain(value: Any) -> bool:
    """Whether it is a LangChain tool; without importing LangChain where nobody has."""
    module = sys.modules.get("langchain_core.tools")
    return module is not None and isinstance(value, module.BaseTool)
