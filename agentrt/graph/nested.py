"""Nodes that hold a graph of their own: a loop, a group, another workflow.

Each is a LangGraph subgraph over the same kind of state. Its node opens it with what the templates
inside may read, and takes its value from what the graph's closing node gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agentrt.errors import InputError, RunError
from agentrt.graph.budget import spent
from agentrt.graph.carry import record_scheduling
from agentrt.graph.deadline import within
from agentrt.graph.events import RoundFinished
from agentrt.graph.services import Services
from agentrt.graph.state import Scope, State, first_state, scope_of
from agentrt.graph.step import Work, located
from agentrt.spec import LoopNode, ParallelNode, Workflow, WorkflowNode, resolve_inputs
from agentrt.spec.body import Body
from agentrt.spec.source import Path
from agentrt.timing import current_span, timed

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    Graph = CompiledStateGraph[State, Services, State, State]

Close = Callable[[State, Services], dict[str, Any]]
"""What a graph's closing node adds to its state: the outputs, or a loop's next round."""

_OF_THE_NODE = ("item", "index", "loop")


def supersteps(body: Body) -> int:
    """How many of LangGraph's supersteps one passage through a body takes at most.

    A node takes one, or three where it has ``for_each``; the closing node takes one.
    """
    return 3 * len(body.nodes) + 2


# -- a loop's rounds, and a group --------------------------------------------------------------


def body_work(
    workflow: Workflow, path: Path, node: LoopNode | ParallelNode, body: Body, graph: Graph
) -> Work:
    """What a node does that has a body of nodes."""
    config: Any = {"recursion_limit": supersteps(body)}
    if isinstance(node, LoopNode):
        config["recursion_limit"] *= node.max_rounds
    elif node.limit is not None:
        config["max_concurrency"] = node.limit

    async def work(label: str, scope: Scope, services: Services) -> Any:
        with timed("orchestration", "open"):
            seen = {name: scope[name] for name in (*body.outer, *_OF_THE_NODE) if name in scope}
            carried = None
            if isinstance(node, LoopNode):
                carried = located(workflow, (*path, "start"), node.start, scope)
            state = first_state(
                scope["inputs"], scope["vars"], around=seen, label=label, carried=carried
            )
        # LangGraph hands the checkpointer and the place in it on by itself: the nested graph
        # resumes where it was.
        ended: Any = await graph.ainvoke(state, config=config, context=services)
        record_scheduling(services)
        if not isinstance(node, LoopNode):
            return ended["outputs"]
        span = current_span()
        if span is not None:
            span.set(rounds=ended["round"], met=ended["outputs"]["met"])
        return ended["outputs"]["value"]

    return work


def close_of(workflow: Workflow, path: Path, node: LoopNode | ParallelNode) -> Close:
    """How the graph of a node's body ends."""
    if isinstance(node, LoopNode):
        return _round_close(workflow, path, node)
    return _group_close(workflow, path, node)


def _group_close(workflow: Workflow, path: Path, node: ParallelNode) -> Close:
    """A group gives its outputs, or the value of each of its nodes."""

    def close(state: State, services: Services) -> dict[str, Any]:
        scope = scope_of(state)
        if node.outputs is None:
            return {"outputs": {name: scope[name] for name in node.nodes}}
        return {"outputs": located(workflow, (*path, "outputs"), node.outputs, scope)}

    return close


def _round_close(workflow: Workflow, path: Path, node: LoopNode) -> Close:
    """A round ends the loop with its value, or makes the next round's state."""

    def close(state: State, services: Services) -> dict[str, Any]:
        from langgraph.types import Overwrite

        scope, number = scope_of(state), state["round"]
        met = bool(located(workflow, (*path, "until"), node.until, scope))
        last = met or number >= node.max_rounds
        services.emit(RoundFinished(state["label"], number, met))
        if last and not met and node.exhausted == "fail":
            rounds = f"{number} round{'s' if number > 1 else ''}"
            raise RunError(f"node {state['label']!r}: its 'until' does not hold after {rounds}")
        if last:
            ended = {**scope, "loop": {**scope["loop"], "met": met}}
            value = located(workflow, (*path, "value"), node.value, ended)
            return {"outputs": {"value": value, "met": met}}
        carried = located(workflow, (*path, "carry"), node.carry, scope)
        return {
            "round": number + 1,
            "carried": {**state["carried"], **carried},
            "values": Overwrite({}),
            "skipped": Overwrite([]),
            "lists": Overwrite({}),
            "items": Overwrite({}),
        }

    return close


# -- another workflow --------------------------------------------------------------------------


def used_work(
    workflow: Workflow, path: Path, node: WorkflowNode, used: Workflow, graph: Graph
) -> Work:
    """What a node does that uses another workflow, within that one's own budget too."""
    config: Any = {"recursion_limit": supersteps(used.body)}

    async def work(label: str, scope: Scope, services: Services) -> Any:
        with timed("orchestration", "open"):
            given = located(workflow, (*path, "inputs"), node.inputs, scope)
            try:
                state = opening_state(used, resolve_inputs(used, given), label=label)
            except InputError as error:
                raise RunError(f"{workflow.source.where(path)}: {error}") from error
            inside = services.inside(used.spec)
        ended: Any = await within(
            used.spec.budget.seconds, graph.ainvoke(state, config=config, context=inside), spent
        )
        record_scheduling(services)
        return ended["outputs"]

    return work


def opening_state(workflow: Workflow, inputs: dict[str, Any], *, label: str = "") -> State:
    """The first state of a workflow: its inputs, and the vars made of them.

    Raises:
        RunError: the template of a var failed on these inputs.
    """
    made: dict[str, Any] = {}
    for name, value in workflow.spec.vars.items():
        scope = {"inputs": inputs, "vars": made}
        made[name] = located(workflow, ("vars", name), value, scope)
    return first_state(inputs, made, label=label)


def workflow_close(workflow: Workflow) -> Close:
    """A workflow gives its outputs."""

    def close(state: State, services: Services) -> dict[str, Any]:
        scope = scope_of(state)
        outputs = {
            name: located(workflow, ("outputs", name), template, scope)
            for name, template in workflow.spec.outputs.items()
        }
        return {"outputs": outputs}

    return close
