"""A node that runs once for each item of a list: three LangGraph nodes around a ``Send`` each.

``NAME.spread`` evaluates the list, ``NAME.item`` runs for each item of it, and ``NAME`` gathers the
values in the list's order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from agentrt.errors import RunError
from agentrt.graph.carry import carry_out
from agentrt.graph.events import NodeFinished
from agentrt.graph.services import Services
from agentrt.graph.state import ItemState, State, label_of, scope_of
from agentrt.graph.step import Step
from agentrt.timing import timed


def add_for_each(
    builder: Any, step: Step, reads: Collection[str], is_skipped: Callable[[State], bool]
) -> tuple[str, str]:
    """Add the three nodes and the edges between them; give the first one's name and the second's.

    Args:
        reads: the nodes whose values an item's templates may read.
    """
    name = step.name
    spread, each = f"{name}.spread", f"{name}.item"
    builder.add_node(spread, _spread(step, is_skipped))
    builder.add_node(each, _each(step))
    builder.add_node(name, _gather(name))
    builder.add_conditional_edges(spread, _sends(name, reads), [each, name])
    builder.add_edge(each, name)
    return spread, each


def _spread(step: Step, is_skipped: Callable[[State], bool]) -> Any:
    def function(state: State) -> dict[str, Any]:
        if is_skipped(state):
            return {"skipped": [step.name]}
        with timed("orchestration", "spread"):
            found = step.located(("for_each",), step.node.for_each, scope_of(state))
        if not isinstance(found, list | tuple):
            given = f"{type(found).__name__} {str(found)[:60]!r}"
            path = (*step.path, "for_each")
            where = f"{step.workflow.source.where(path)}: {'.'.join(map(str, path))}"
            raise RunError(f"{where}: a list is needed, not {given}")
        return {"lists": {step.name: list(found)}}

    function.__annotations__ = {"state": State}
    return function


def _sends(name: str, reads: Collection[str]) -> Any:
    def route(state: State) -> Any:
        from langgraph.types import Send

        # Each item gets what its templates can read, and no more.
        values = {key: state["values"][key] for key in reads if key in state["values"]}
        skipped = [key for key in reads if key in state["skipped"]]
        common = {**state, "values": values, "skipped": skipped, "lists": {}, "items": {}}
        found = state["lists"].get(name, [])
        return [
            Send(f"{name}.item", {**common, "item": item, "index": index})
            for index, item in enumerate(found)
        ] or name

    route.__annotations__ = {"state": State}
    return route


def _each(step: Step) -> Any:
    from langgraph.runtime import Runtime

    async def function(state: ItemState, runtime: Runtime[Services]) -> dict[str, Any]:
        services, index, label = runtime.context, state["index"], label_of(state, step.name)
        gate = services.gates.setdefault(label, asyncio.Semaphore(step.node.at_once))
        scope = {**scope_of(state), "item": state["item"], "index": index}
        async with gate:
            value = await carry_out(step, f"{label}[{index}]", scope, services)
        return {"items": {step.name: {index: value}}}

    # Runtime is imported inside to keep this module light, so its name can't be looked up.
    function.__annotations__ = {"state": ItemState, "runtime": Runtime[Services]}
    return function


def _gather(name: str) -> Any:
    from langgraph.runtime import Runtime

    def function(state: State, runtime: Runtime[Services]) -> dict[str, Any]:
        if name in state["skipped"]:
            runtime.context.emit(NodeFinished(label_of(state, name), 0.0, skipped=True))
            return {}
        items = state["items"].get(name, {})
        return {"values": {name: [items[index] for index in sorted(items)]}}

    function.__annotations__ = {"state": State, "runtime": Runtime[Services]}
    return function
