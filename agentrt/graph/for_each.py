"""A node that runs once for each item of a list: three LangGraph nodes around a ``Send`` each.

``NAME.spread`` evaluates the list, ``NAME.item`` runs for each item of it, and ``NAME`` gathers the
values in the list's order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from agentrt.errors import RunError
from agentrt.graph.carry import carry_out, located
from agentrt.graph.events import NodeFinished
from agentrt.graph.services import Services
from agentrt.graph.state import ItemState, State, scope_of
from agentrt.spec import Workflow
from agentrt.timing import timed


def add_for_each(
    builder: Any, workflow: Workflow, name: str, is_skipped: Callable[[State], bool]
) -> str:
    """Add the three nodes and the edges between them, and give the first one's name."""
    spread, each = f"{name}.spread", f"{name}.item"
    builder.add_node(spread, _spread(workflow, name, is_skipped))
    builder.add_node(each, _each(workflow, name))
    builder.add_node(name, _gather(name))
    builder.add_conditional_edges(spread, _sends(workflow, name), [each, name])
    builder.add_edge(each, name)
    return spread


def _spread(workflow: Workflow, name: str, is_skipped: Callable[[State], bool]) -> Any:
    def function(state: State) -> dict[str, Any]:
        if is_skipped(state):
            return {"skipped": [name]}
        with timed("orchestration", "spread"):
            template = workflow.spec.nodes[name].for_each
            found = located(workflow, ("nodes", name, "for_each"), template, scope_of(state))
        if not isinstance(found, list | tuple):
            place = workflow.source.place(("nodes", name, "for_each"))
            given = f"{type(found).__name__} {str(found)[:60]!r}"
            where = f"{workflow.source.name}:{place.line}"
            raise RunError(f"{where}: nodes.{name}.for_each: a list is needed, not {given}")
        return {"lists": {name: list(found)}}

    function.__annotations__ = {"state": State}
    return function


def _sends(workflow: Workflow, name: str) -> Any:
    reads = workflow.needs[name]

    def route(state: State) -> Any:
        from langgraph.types import Send

        # Each item gets what its templates can read, and no more.
        values = {key: state["values"][key] for key in reads if key in state["values"]}
        skipped = [key for key in reads if key in state["skipped"]]
        common = {"inputs": state["inputs"], "values": values, "skipped": skipped}
        found = state["lists"].get(name, [])
        return [
            Send(f"{name}.item", {**common, "item": item, "index": index})
            for index, item in enumerate(found)
        ] or name

    route.__annotations__ = {"state": State}
    return route


def _each(workflow: Workflow, name: str) -> Any:
    from langgraph.runtime import Runtime

    at_once = workflow.spec.nodes[name].at_once

    async def function(state: ItemState, runtime: Runtime[Services]) -> dict[str, Any]:
        services, index = runtime.context, state["index"]
        gate = services.gates.setdefault(name, asyncio.Semaphore(at_once))
        scope = {**scope_of(state), "item": state["item"], "index": index}
        async with gate:
            value = await carry_out(workflow, name, scope, services, label=f"{name}[{index}]")
        return {"items": {name: {index: value}}}

    # Runtime is imported inside to keep this module light, so its name can't be looked up.
    function.__annotations__ = {"state": ItemState, "runtime": Runtime[Services]}
    return function


def _gather(name: str) -> Any:
    from langgraph.runtime import Runtime

    def function(state: State, runtime: Runtime[Services]) -> dict[str, Any]:
        if name in state["skipped"]:
            runtime.context.emit(NodeFinished(name, 0.0, skipped=True))
            return {}
        items = state["items"].get(name, {})
        return {"values": {name: [items[index] for index in sorted(items)]}}

    function.__annotations__ = {"state": State, "runtime": Runtime[Services]}
    return function
