"""A new run from the middle of an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentrt.errors import UserError
from agentrt.graph.compile import compile_workflow
from agentrt.graph.nested import opening_state
from agentrt.spec import Workflow

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver


async def fork(
    workflow: Workflow,
    saver: BaseCheckpointSaver[Any],
    run_id: str,
    into: str,
    node: str,
    inputs: dict[str, Any],
) -> None:
    """Copy the state in which a node was about to run, with these inputs, to a new run's thread.

    Raises:
        UserError: there is no such node, or the run never got there.
    """
    if node not in workflow.spec.nodes:
        raise UserError(f"no node is called {node!r} (known: {', '.join(workflow.spec.nodes)})")
    graph = compile_workflow(workflow, checkpointer=saver)
    entry = node if workflow.spec.nodes[node].for_each is None else f"{node}.spread"
    first = None
    async for state in graph.aget_state_history({"configurable": {"thread_id": run_id}}):
        if entry in state.next:
            first = state
    found = await saver.aget_tuple(first.config) if first else None
    if found is None:
        raise UserError(f"run {run_id} never got to {node!r}")
    opening = opening_state(workflow, inputs)
    given = {"inputs": opening["inputs"], "vars": opening["vars"]}
    values = {**found.checkpoint["channel_values"], **given}
    checkpoint = {**found.checkpoint, "channel_values": values}
    await saver.aput(
        {"configurable": {"thread_id": into, "checkpoint_ns": ""}},
        checkpoint,  # type: ignore[arg-type]
        {**found.metadata, "source": "fork"},
        found.checkpoint["channel_versions"],
    )
