"""From a checked workflow to a LangGraph graph."""

from __future__ import annotations

import operator
from collections.abc import Callable
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from agentrt.errors import AgentrtError, BudgetError, RunError
from agentrt.graph.attempts import attempted
from agentrt.graph.budget import within_seconds
from agentrt.graph.events import NodeFinished, NodeStarted
from agentrt.graph.nodes import run_node
from agentrt.graph.services import Services
from agentrt.spec import BranchNode, TemplateFailure, Workflow, evaluate_all
from agentrt.timing import current_tracer, timed

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


class State(TypedDict):
    """The state of a run: inputs, each finished node's value, and the nodes that were skipped."""

    inputs: dict[str, Any]
    values: Annotated[dict[str, Any], operator.or_]
    skipped: Annotated[list[str], operator.add]


def compile_workflow(workflow: Workflow) -> CompiledStateGraph[State, Services, State, State]:
    """A LangGraph graph with one node for each node of the workflow; invoke it with ``Services``.

    A node that no branch chose still passes through, marked as skipped, so that whatever joins
    several routes starts when all of them are settled.
    """
    from langgraph.graph import END, START, StateGraph

    builder: Any = StateGraph(State, context_schema=Services)
    for name in workflow.spec.nodes:
        builder.add_node(name, _node_function(workflow, name))
    for name, needs in workflow.needs.items():
        builder.add_edge(list(needs) if needs else START, name)
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
    state = await within_seconds(
        workflow.spec.budget.seconds,
        graph.ainvoke(
            {"inputs": inputs, "values": {}, "skipped": []},
            # One superstep a node is the most a graph without cycles can take.
            config={"recursion_limit": len(workflow.spec.nodes) + 2},
            context=services,
        ),
    )
    _record_scheduling(services)
    with timed("orchestration", "outputs"):
        scope = _scope(workflow, state)
        outputs = {
            name: _located(workflow, ("outputs", name), template, scope)
            for name, template in workflow.spec.outputs.items()
        }
    return outputs, state["values"]


def _scope(workflow: Workflow, state: State | dict[str, Any]) -> dict[str, Any]:
    """What templates see: the inputs, and each node's value (None where it was skipped)."""
    return {**dict.fromkeys(state["skipped"]), **state["values"], "inputs": state["inputs"]}


def _located(
    workflow: Workflow, path: tuple[str, ...], template: Any, scope: dict[str, Any]
) -> Any:
    try:
        return evaluate_all(template, scope)
    except TemplateFailure as failure:
        raise _template_error(workflow, path, failure) from failure


def _template_error(workflow: Workflow, path: tuple[str, ...], failure: Exception) -> RunError:
    place = workflow.source.place(path)
    where = f"{workflow.source.name}:{place.line}"
    return RunError(f"{where}: {'.'.join(path)}: {failure}")


def _node_function(workflow: Workflow, name: str) -> Callable[..., Any]:
    from langgraph.runtime import Runtime

    node = workflow.spec.nodes[name]
    is_skipped = _skip_rule(workflow, name)

    async def function(state: State, runtime: Runtime[Services]) -> dict[str, Any]:
        services = runtime.context
        if is_skipped(state):
            services.emit(NodeFinished(name, 0.0, skipped=True))
            return {"skipped": [name]}
        services.emit(NodeStarted(name, node.kind))
        _record_scheduling(services)
        with timed("node", name, node=name, node_kind=node.kind) as span:
            scope = _scope(workflow, state)

            async def carry_out() -> Any:
                return await run_node(name, node, scope, services)

            try:
                value = await attempted(name, node, carry_out, services, span)
            except TemplateFailure as failure:
                raise _template_error(workflow, ("nodes", name), failure) from failure
            except AgentrtError as error:
                if "fallback" not in node.model_fields_set or not _has_fallback(error):
                    error.add_note(f"in node {name!r}")
                    raise
                value = _located(workflow, ("nodes", name, "fallback"), node.fallback, scope)
                span.set(fell_back=str(error))
        finished = current_tracer()
        if finished is not None:
            services.last_node_end[0] = finished.now()
            services.emit(NodeFinished(name, finished.now() - span.start_s))
        return {"values": {name: value}}

    # Runtime is imported inside to keep this module light, so its name can't be looked up.
    function.__annotations__ = {"state": State, "runtime": Runtime[Services]}
    return function


def _has_fallback(error: AgentrtError) -> bool:
    """A failure can be stood in for; an empty purse or a cancelled run can't."""
    return isinstance(error, RunError) and not isinstance(error, BudgetError)


def _record_scheduling(services: Services) -> None:
    """LangGraph's part: from the end of the last node (or the start) to now."""
    tracer = current_tracer()
    if tracer is not None:
        tracer.record("orchestration", "schedule", services.last_node_end[0], tracer.now())


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
