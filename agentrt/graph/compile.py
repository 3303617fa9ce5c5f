"""From a checked workflow to a LangGraph graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from agentrt.graph.budget import spent
from agentrt.graph.carry import carry_out, record_scheduling
from agentrt.graph.deadline import within
from agentrt.graph.events import NodeFinished
from agentrt.graph.for_each import add_for_each
from agentrt.graph.nested import (
    Close,
    body_work,
    close_of,
    opening_state,
    supersteps,
    used_work,
    workflow_close,
)
from agentrt.graph.nodes import work_of
from agentrt.graph.services import Services
from agentrt.graph.state import State, label_of, scope_of
from agentrt.graph.step import Step
from agentrt.graph.thread import Thread, waiting
from agentrt.spec import BranchNode, LoopNode, ParallelNode, Workflow, WorkflowNode
from agentrt.spec.body import Body
from agentrt.timing import current_tracer, timed

if TYPE_CHECKING:
    from langgraph.types import Checkpointer

    from agentrt.graph.nested import Graph

_CLOSING = "outputs"
_GRAPHS = 32


def compile_workflow(workflow: Workflow, *, checkpointer: Checkpointer = None) -> Graph:
    """A LangGraph graph with one node for each node of the workflow; invoke it with ``Services``.

    A node that no branch chose still passes through, marked as skipped, so that whatever joins
    several routes starts when all of them are settled. The node ``outputs`` comes last. Nested
    graphs use the same checkpointer.
    """
    graph = _compiled(workflow)
    return graph if checkpointer is None else graph.copy({"checkpointer": checkpointer})


async def invoke(
    workflow: Workflow, inputs: dict[str, Any], services: Services, thread: Thread | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a workflow once, inside the current run span.

    Args:
        thread: where its checkpoints are kept; a run that left some there goes on from the last.

    Returns:
        Its outputs by name, and the value of each node.

    Raises:
        AgentrtError: the run failed.
        RunWaiting: a person is asked, and the run goes on when there is an answer.
    """
    with timed("orchestration", "compile"):
        graph = compile_workflow(workflow, checkpointer=thread.saver if thread else None)
        goes_on = thread is not None and await thread.has_checkpoint()
        state = None if goes_on else opening_state(workflow, inputs)
    tracer = current_tracer()
    services.last_node_end[0] = tracer.now() if tracer else 0.0
    config: Any = {"recursion_limit": supersteps(workflow.body)}
    options: Any = {}
    if thread is not None:
        config["configurable"] = thread.configurable
        # LangGraph's default lets a step begin before the last one is on disk.
        options["durability"] = "sync"
    running = graph.ainvoke(state, config=config, context=services, **options)
    ended: Any = await within(workflow.spec.budget.seconds, running, spent)
    record_scheduling(services)
    if thread is not None and "__interrupt__" in ended:
        raise waiting(thread, ended["__interrupt__"])
    return ended["outputs"], ended["values"]


@lru_cache(maxsize=_GRAPHS)
def _compiled(workflow: Workflow) -> Graph:
    """A workflow's graph, once for all its runs: it holds nothing of any of them."""
    return _compile(workflow, workflow.body, workflow_close(workflow), workflow.spec.name)


def _compile(
    workflow: Workflow, body: Body, close: Close, name: str, *, again: bool = False
) -> Graph:
    """The graph of a body; where it may run ``again``, it does until the closing node gives."""
    from langgraph.graph import END, START, StateGraph

    builder: Any = StateGraph(State, context_schema=Services)
    subgraphs: dict[str, Graph] = {}
    entries = {node: _add_node(builder, workflow, body, node, subgraphs) for node in body.nodes}
    first = [entries[node] for node, needs in body.needs.items() if not needs]
    for entry in first:
        builder.add_edge(START, entry)
    for node, needs in body.needs.items():
        if needs:
            builder.add_edge(list(needs), entries[node])
    awaited = {need for needs in body.needs.values() for need in needs}
    builder.add_node(_CLOSING, _closing_function(close))
    builder.add_edge([node for node in body.nodes if node not in awaited], _CLOSING)
    if again:
        builder.add_conditional_edges(_CLOSING, _next_round(first), [*first, END])
    else:
        builder.add_edge(_CLOSING, END)
    graph = builder.compile(name=name)
    for node, subgraph in subgraphs.items():
        # LangGraph finds a graph in a node's closure; ours lies deeper, so it is told.
        graph.nodes[node].subgraphs = [subgraph]
    return graph  # type: ignore[no-any-return]


def _add_node(
    builder: Any, workflow: Workflow, body: Body, name: str, subgraphs: dict[str, Graph]
) -> str:
    """Add what a node of the workflow becomes, and give where edges to it lead."""
    step, subgraph = _step(workflow, body, name)
    is_skipped = _skip_rule(body, name)
    if step.node.for_each is not None:
        entry, working = add_for_each(builder, step, body.needs[name], is_skipped)
    else:
        builder.add_node(name, _node_function(step, is_skipped))
        entry = working = name
    if subgraph is not None:
        subgraphs[working] = subgraph
    return entry


def _step(workflow: Workflow, body: Body, name: str) -> tuple[Step, Graph | None]:
    """A node as it is carried out, and the graph that is nested in it."""
    node, path = body.nodes[name], (*body.at, name)
    graph, work = None, None
    if isinstance(node, LoopNode | ParallelNode):
        inner = body.inner[name]
        close = close_of(workflow, path, node)
        graph = _compile(workflow, inner, close, name, again=isinstance(node, LoopNode))
        work = body_work(workflow, path, node, inner, graph)
    elif isinstance(node, WorkflowNode):
        graph = compile_workflow(body.used[name])
        work = used_work(workflow, path, node, body.used[name], graph)
    return Step(workflow, path, node, work or work_of(node)), graph


def _closing_function(close: Close) -> Callable[..., Any]:
    from langgraph.runtime import Runtime

    def function(state: State, runtime: Runtime[Services]) -> dict[str, Any]:
        record_scheduling(runtime.context)
        with timed("orchestration", _CLOSING):
            return close(state, runtime.context)

    function.__annotations__ = {"state": State, "runtime": Runtime[Services]}
    return function


def _next_round(first: list[str]) -> Callable[[State], Any]:
    from langgraph.graph import END

    def route(state: State) -> Any:
        return END if state["outputs"] else first

    route.__annotations__ = {"state": State}
    return route


def _node_function(step: Step, is_skipped: Callable[[State], bool]) -> Callable[..., Any]:
    from langgraph.runtime import Runtime

    async def function(state: State, runtime: Runtime[Services]) -> dict[str, Any]:
        services, label = runtime.context, label_of(state, step.name)
        if is_skipped(state):
            services.emit(NodeFinished(label, 0.0, skipped=True))
            return {"skipped": [step.name]}
        value = await carry_out(step, label, scope_of(state), services)
        return {"values": {step.name: value}}

    # Runtime is imported inside to keep this module light, so its name can't be looked up.
    function.__annotations__ = {"state": State, "runtime": Runtime[Services]}
    return function


def _skip_rule(body: Body, name: str) -> Callable[[State], bool]:
    """A branch target runs when chosen; any other node unless all it could lack was skipped."""
    choosers = [
        other
        for other, node in body.nodes.items()
        if isinstance(node, BranchNode) and any(case.to == name for case in node.cases)
    ]
    if choosers:
        return lambda state: all(state["values"].get(chooser) != name for chooser in choosers)
    uncertain = set(body.needs[name]) & _skippable(body)
    return lambda state: bool(uncertain) and uncertain <= set(state["skipped"])


def _skippable(body: Body) -> set[str]:
    targets = {
        case.to
        for node in body.nodes.values()
        if isinstance(node, BranchNode)
        for case in node.cases
    }
    for name in TopologicalSorter(body.needs).static_order():
        if targets & set(body.needs[name]):
            targets.add(name)
    return targets
