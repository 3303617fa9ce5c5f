"""From a checked workflow to a LangGraph graph."""

from __future__ import annotations

from collections.abc import Callable
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from agentrt.errors import BudgetError
from agentrt.graph.carry import carry_out, located, record_scheduling
from agentrt.graph.deadline import within
from agentrt.graph.events import NodeFinished
from agentrt.graph.for_each import add_for_each
from agentrt.graph.services import Services
from agentrt.graph.state import State, first_state, scope_of
from agentrt.spec import BranchNode, Workflow
from agentrt.timing import current_tracer, timed

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


def compile_workflow(workflow: Workflow) -> CompiledStateGraph[State, Services, State, State]:
    """A LangGraph graph with one node for each node of the workflow; invoke it with ``Services``.

    A node that no branch chose still passes through, marked as skipped, so that whatever joins
    several routes starts when all of them are settled.
    """
    from langgraph.graph import END, START, StateGraph

    builder: Any = StateGraph(State, context_schema=Services)
    entries = {name: _add_node(builder, workflow, name) for name in workflow.spec.nodes}
    for name, needs in workflow.needs.items():
        builder.add_edge(list(needs) if needs else START, entries[name])
    awaited = {need for needs in workflow.needs.values() for need in needs}
    for name in workflow.spec.nodes:
        if name not in awaited:
            builder.add_edge(name, END)
    return builder.compile(name=workflow.spec.name)  # type: ignore[no-any-return]


async def invoke(
    workflow: Workflow, inputs: dict[str, Any], services: Services
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a workflow once, inside the current run span.

    Returns:
        Its outputs by name, and the value of each node.

    Raises:
        AgentrtError: the run failed.
    """
    with timed("orchestration", "compile"):
        graph = compile_workflow(workflow)
    tracer = current_tracer()
    services.last_node_end[0] = tracer.now() if tracer else 0.0
    state: Any = await within(
        workflow.spec.budget.seconds,
        graph.ainvoke(
            first_state(inputs),
            # A graph without cycles takes at most one superstep a node, or three for each item.
            config={"recursion_limit": 3 * len(workflow.spec.nodes) + 2},
            context=services,
        ),
        lambda s: BudgetError(f"the run has spent its budget: seconds {s:g}"),
    )
    record_scheduling(services)
    with timed("orchestration", "outputs"):
        scope = scope_of(state)
        outputs = {
            name: located(workflow, ("outputs", name), template, scope)
            for name, template in workflow.spec.outputs.items()
        }
    return outputs, state["values"]


def _add_node(builder: Any, workflow: Workflow, name: str) -> str:
    """Add what a node of the workflow becomes, and give where edges to it lead."""
    if workflow.spec.nodes[name].for_each is not None:
        return add_for_each(builder, workflow, name, _skip_rule(workflow, name))
    builder.add_node(name, _node_function(workflow, name))
    return name


def _node_function(workflow: Workflow, name: str) -> Callable[..., Any]:
    from langgraph.runtime import Runtime

    is_skipped = _skip_rule(workflow, name)

    async def function(state: State, runtime: Runtime[Services]) -> dict[str, Any]:
        services = runtime.context
        if is_skipped(state):
            services.emit(NodeFinished(name, 0.0, skipped=True))
            return {"skipped": [name]}
        value = await carry_out(workflow, name, scope_of(state), services)
        return {"values": {name: value}}

    # Runtime is imported inside to keep this module light, so its name can't be looked up.
    function.__annotations__ = {"state": State, "runtime": Runtime[Services]}
    return function


def _skip_rule(workflow: Workflow, name: str) -> Callable[[State], bool]:
    """A branch target runs when chosen; any other node unless all it could lack was skipped."""
    choosers = [
        other
        for other, node in workflow.spec.nodes.items()
        if isinstance(node, BranchNode) and any(case.to == name for case in node.cases)
    ]
    if choosers:
        return lambda state: all(state["values"].get(chooser) != name for chooser in choosers)
    uncertain = set(workflow.needs[name]) & _skippable(workflow)
    return lambda state: bool(uncertain) and uncertain <= set(state["skipped"])


def _skippable(workflow: Workflow) -> set[str]:
    targets = {
        case.to
        for node in workflow.spec.nodes.values()
        if isinstance(node, BranchNode)
        for case in node.cases
    }
    for name in TopologicalSorter(workflow.needs).static_order():
        if targets & set(workflow.needs[name]):
            targets.add(name)
    return targets
