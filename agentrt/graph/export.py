"""A workflow as a graph for programs that are LangGraph's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict

from agentrt.graph.compile import compile_workflow
from agentrt.graph.events import Event
from agentrt.graph.nested import opening_state, supersteps
from agentrt.graph.services import Services
from agentrt.spec import Workflow, resolve_inputs
from agentrt.timing import Tracer

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

Submit = Callable[[Coroutine[Any, Any, Any]], Future[Any]]
"""Runs a coroutine on the loop of the runtime, which its connections belong to."""

ServicesFor = Callable[[Callable[[Event], None]], Coroutine[Any, Any, Services]]
"""Makes what one passage through a workflow needs; given what is told of each event."""


class Given(TypedDict, total=False):
    """What the exported graph takes; inputs with a default may be left out."""

    inputs: dict[str, Any]


class Gives(TypedDict):
    """What the exported graph gives."""

    outputs: dict[str, Any]


class Exchange(Given, Gives):
    """The state of the exported graph."""


def export(
    workflow: Workflow, services_for: ServicesFor, submit: Submit
) -> CompiledStateGraph[Any, None, Given, Gives]:
    """A graph from ``inputs`` to ``outputs`` with the workflow nested in its one node.

    Events go to LangGraph's custom stream. The nested graph uses the checkpointer that the graph is
    given, or that of a graph which it is made part of.
    """
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import StreamWriter

    nested = compile_workflow(workflow)
    config: Any = {"recursion_limit": supersteps(workflow.body)}

    async def run(state: Given, writer: StreamWriter) -> dict[str, Any]:
        loop = asyncio.get_running_loop()

        def emit(event: Event) -> None:
            loop.call_soon_threadsafe(writer, event)

        async def bring(work: Coroutine[Any, Any, Any]) -> Any:
            return await asyncio.wrap_future(submit(work))

        inputs = resolve_inputs(workflow, state.get("inputs") or {})
        with Tracer().span("run", workflow.spec.name):
            services = replace(await bring(services_for(emit)), bring=bring)
            ended = await nested.ainvoke(
                opening_state(workflow, inputs), config=config, context=services
            )
        return {"outputs": ended["outputs"]}

    run.__annotations__ = {"state": Given, "writer": StreamWriter}
    builder: Any = StateGraph(Exchange, input_schema=Given, output_schema=Gives)
    builder.add_node(_WORKFLOW, run)
    builder.add_edge(START, _WORKFLOW)
    builder.add_edge(_WORKFLOW, END)
    return builder.compile(name=workflow.spec.name)  # type: ignore[no-any-return]


_WORKFLOW = "workflow"
