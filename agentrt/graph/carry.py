"""Carrying one node out: timed, tried as often as it may be, its failures told with their place."""

from __future__ import annotations

from typing import Any

from agentrt.errors import AgentrtError, BudgetError, RunError
from agentrt.graph.attempts import attempted
from agentrt.graph.events import NodeFinished, NodeStarted
from agentrt.graph.nodes import Scope, run_node
from agentrt.graph.services import Services
from agentrt.spec import TemplateFailure, Workflow, evaluate_all
from agentrt.timing import current_tracer, timed


async def carry_out(
    workflow: Workflow, name: str, scope: Scope, services: Services, *, label: str | None = None
) -> Any:
    """A node's value, or its fallback's.

    Args:
        label: what events and spans call it; the node's name by default.

    Raises:
        AgentrtError: it failed, and has no fallback.
    """
    node, shown = workflow.spec.nodes[name], label or name

    async def once() -> Any:
        return await run_node(shown, node, scope, services)

    services.emit(NodeStarted(shown, node.kind))
    record_scheduling(services)
    with timed("node", shown, node=shown, node_kind=node.kind) as span:
        try:
            value = await attempted(shown, node, once, services, span)
        except TemplateFailure as failure:
            raise _template_error(workflow, ("nodes", name), failure) from failure
        except AgentrtError as error:
            if "fallback" not in node.model_fields_set or not _has_fallback(error):
                error.add_note(f"in node {shown!r}")
                raise
            value = located(workflow, ("nodes", name, "fallback"), node.fallback, scope)
            span.set(fell_back=str(error))
    tracer = current_tracer()
    if tracer is not None:
        services.last_node_end[0] = tracer.now()
        services.emit(NodeFinished(shown, tracer.now() - span.start_s))
    return value


def located(workflow: Workflow, path: tuple[str, ...], template: Any, scope: Scope) -> Any:
    """A template's value; its failure names the place in the file.

    Raises:
        RunError: the template failed on the values of this run.
    """
    try:
        return evaluate_all(template, scope)
    except TemplateFailure as failure:
        raise _template_error(workflow, path, failure) from failure


def record_scheduling(services: Services) -> None:
    """LangGraph's part: from the end of the last node (or the start) to now."""
    tracer = current_tracer()
    if tracer is not None:
        tracer.record("orchestration", "schedule", services.last_node_end[0], tracer.now())


def _has_fallback(error: AgentrtError) -> bool:
    """A failure can be stood in for; an empty purse or a cancelled run can't."""
    return isinstance(error, RunError) and not isinstance(error, BudgetError)


def _template_error(workflow: Workflow, path: tuple[str, ...], failure: Exception) -> RunError:
    place = workflow.source.place(path)
    where = f"{workflow.source.name}:{place.line}"
    return RunError(f"{where}: {'.'.join(path)}: {failure}")
