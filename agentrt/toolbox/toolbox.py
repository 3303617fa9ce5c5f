"""Calling granted tools: grant, validate, policy, ledger, run, limit."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

from pydantic import BaseModel

from agentrt.errors import ToolError
from agentrt.timing import timed
from agentrt.toolbox.artefact import Artefact, ArtefactStore
from agentrt.toolbox.decorator import Function, Tool
from agentrt.toolbox.granted import GrantedTool
from agentrt.toolbox.policy import reads_outside
from agentrt.toolbox.taint import add_taint


@dataclass(frozen=True)
class Call:
    """One call of a granted tool; its arguments are valid, and in the form the model gave them."""

    granted: GrantedTool
    arguments: dict[str, Any]

    @property
    def tool(self) -> Tool:
        """The tool that is called."""
        return self.granted.tool


Policy = Callable[[Call], Awaitable[str | None]]
"""Lets a call pass, or raises ToolError with the reason; gives what an approval is known by."""


@dataclass(frozen=True)
class Run:
    """How a call is carried out, and how it is found out whether it was.

    Attributes:
        act: calls the tool; takes the effect's key, which stays the same when it is tried again.
        reconcile: its answer where it happened under that key; None where it did not, or where the
            tool can't tell.
    """

    act: Callable[[str], Awaitable[str]]
    reconcile: Callable[[str], Awaitable[str | None]]


ToolLedger = Callable[[Call, Run], Awaitable[str]]
"""Carries a call out and remembers it, or gives the remembered answer."""


async def let_pass(call: Call) -> None:
    """The policy where there is none, as for a program's own calls."""


async def carry_out(call: Call, run: Run) -> str:
    """The ledger where there is none."""
    return await run.act("")


class Toolbox:
    """The tools that one step was granted, and what the runtime injects into them.

    Args:
        tools: the granted tools; no other can be called. A bare tool is granted without options.
        resources: by parameter name, what tools may ask for with ``inject``.
        policy: asked before each call.
        ledger: carries each call out.
        artefacts: where artefacts are kept.
        on_report: told of a tool and the sentence in which it says how far it is.
        gates: for tools with ``max_concurrency``, shared by all toolboxes that hold them.
    """

    def __init__(
        self,
        tools: Sequence[Tool | GrantedTool],
        *,
        resources: Mapping[str, Any] | None = None,
        policy: Policy = let_pass,
        ledger: ToolLedger = carry_out,
        artefacts: ArtefactStore | None = None,
        on_report: Callable[[str, str], None] | None = None,
        gates: dict[str, asyncio.Semaphore] | None = None,
    ) -> None:
        granted = [GrantedTool(tool) if isinstance(tool, Tool) else tool for tool in tools]
        self._granted = {given.tool.name: given for given in granted}
        self._resources = dict(resources or {})
        self._policy, self._ledger = policy, ledger
        self._artefacts = artefacts or ArtefactStore()
        self._on_report = on_report or (lambda tool, message: None)
        self._gates = gates if gates is not None else {}

    def names(self) -> list[str]:
        """The granted tools' names."""
        return list(self._granted)

    def tools(self) -> list[Tool]:
        """The granted tools."""
        return [granted.tool for granted in self._granted.values()]

    def schemas(self) -> list[dict[str, Any]]:
        """The granted tools in OpenAI's form; ``strict`` where any server can hold calls to it."""
        return [
            {
                "type": "function",
                "function": {
                    "name": tool.spoken_name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                    **({"strict": True} if _can_be_strict(tool.parameters) else {}),
                },
            }
            for tool in self.tools()
        ]

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Call a tool; its answer as text (JSON unless it is text), cut at the tool's limit.

        Raises:
            ToolError: it was not granted, an argument is wrong, the policy refuses it, it failed or
                took too long.
        """
        granted = self._find(name)
        with timed("tool", granted.tool.name, arguments=arguments) as span:
            values = _validated(granted.tool, arguments)
            call = Call(granted, arguments)
            approved = await self._policy(call)
            if approved is not None:
                span.set(approved=approved)
            run = Run(partial(self._run, granted, values), partial(self._happened, granted, values))
            try:
                text = await self._ledger(call, run)
            finally:  # What it says of its failure may be text from outside as well.
                if reads_outside([granted]):
                    add_taint(name)
            span.set(output_characters=len(text))
            return text

    def _find(self, name: str) -> GrantedTool:
        spoken = {one.tool.spoken_name: one for one in self._granted.values()}
        found = self._granted.get(name) or spoken.get(name)
        if found is None:
            close = get_close_matches(name, list(spoken), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"granted: {', '.join(spoken)}"
            raise ToolError(f"the tool {name!r} was not granted ({hint})")
        return found

    async def _happened(self, granted: GrantedTool, values: dict[str, Any], key: str) -> str | None:
        """What the tool itself knows of an earlier call."""
        tool = granted.tool
        if tool.reconcile is None:
            return None
        given = {**values, **self._injected(granted, key)}
        answer = await _invoke(tool.reconcile, given)
        return None if answer is None else _shortened(self._text(tool, answer), tool.max_output)

    async def _run(self, granted: GrantedTool, values: dict[str, Any], key: str) -> str:
        """The tool's answer, within its limits."""
        tool = granted.tool
        given = {**values, **self._injected(granted, key)}
        try:
            async with self._gate(tool), asyncio.timeout(tool.timeout_s):
                answer = await _invoke(tool.function, given)
        except TimeoutError as error:
            raise ToolError(f"{tool.name}: took longer than {tool.timeout_s:g} s") from error
        except ToolError:
            raise
        except Exception as error:
            raise ToolError(f"{tool.name}: {error or type(error).__name__}") from error
        return _shortened(self._text(tool, answer), tool.max_output)

    def _injected(self, granted: GrantedTool, key: str) -> dict[str, Any]:
        tool = granted.tool
        resources = {
            **self._resources,
            "effect_key": key,
            "options": granted.options,
            "report": partial(self._on_report, tool.name),
        }
        for name in tool.inject:
            if resources.get(name) is None:
                message = f"{tool.name}: this step gives it no {name} (set the node's 'corpus')"
                raise ToolError(message)
        return {name: resources[name] for name in tool.inject}

    def _gate(self, tool: Tool) -> AbstractAsyncContextManager[None]:
        if tool.max_concurrency is None:
            return nullcontext()
        return self._gates.setdefault(tool.name, asyncio.Semaphore(tool.max_concurrency))

    def _text(self, tool: Tool, answer: Any) -> str:
        if isinstance(answer, str):
            return answer

        def plain(value: Any) -> Any:
            if isinstance(value, Artefact):
                return self._artefacts.keep(value, tool.name).described()
            return value.model_dump() if isinstance(value, BaseModel) else str(value)

        return json.dumps(answer, ensure_ascii=False, default=plain)


def _can_be_strict(parameters: dict[str, Any]) -> bool:
    """OpenAI's conditions, which vLLM shares: nothing optional, nothing unknown, plain types."""
    properties = parameters.get("properties", {})
    return (
        parameters.get("additionalProperties") is False
        and set(parameters.get("required", [])) == set(properties)
        and all(schema.keys() <= {"type", "description", "enum"} for schema in properties.values())
    )


def _validated(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        return tool.arguments.validated(arguments)
    except ToolError as error:
        raise ToolError(f"{tool.name}: {error}") from error


async def _invoke(function: Function, arguments: dict[str, Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(**arguments)
    return await asyncio.to_thread(function, **arguments)


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit} characters left out)"
