"""Carrying one node out: timed, tried as often as it may be, its failures told with their place."""

from __future__ import annotations

from typing import Any

from agentrt.errors import AgentrtError, BudgetError, RunError
from agentrt.graph.attempts import attempted
from agentrt.graph.cache import key_of
from agentrt.graph.events import NodeFinished, NodeStarted
from agentrt.graph.person import Paused, pausing
from agentrt.graph.services import Services
from agentrt.graph.state import Scope
from agentrt.graph.step import Step
from agentrt.runs import at_step
from agentrt.spec import TemplateFailure
from agentrt.timing import OpenSpan, current_tracer, timed
from agentrt.toolbox.taint import tainted_step


async def carry_out(step: Step, label: str, scope: Scope, services: Services) -> Any:
    """A node's value, or its fallback's; ``label`` is what events and spans call it.

    Raises:
        AgentrtError: it failed, and has no fallback.
        GraphInterrupt: it waits for a person.
    """
    try:
        with at_step(label):
            return await _timed(step, label, scope, services)
    except Paused as paused:
        raise paused.interrupt from None


async def _timed(step: Step, label: str, scope: Scope, services: Services) -> Any:
    services.emit(NodeStarted(label, step.node.kind))
    record_scheduling(services)
    tainted_by = services.taint_of(step.node)
    with (
        timed("node", label, node=label, node_kind=step.node.kind) as span,
        tainted_step(tainted_by),
        pausing(),
    ):
        if tainted_by:
            span.set(tainted_by=sorted(tainted_by))
        value = await _kept_or_made(step, label, scope, services, span)
    tracer = current_tracer()
    if tracer is not None:
        services.last_node_end[0] = tracer.now()
        cached = bool(span.attributes.get("cached"))
        services.emit(NodeFinished(label, tracer.now() - span.start_s, cached=cached))
    return value


async def _kept_or_made(
    step: Step, label: str, scope: Scope, services: Services, span: OpenSpan
) -> Any:
    """The value of an earlier run where the node has ``cache``, else one that is made and kept."""
    cache = services.cache
    if step.node.cache is None or cache is None:
        return await _made(step, label, scope, services, span)
    with timed("orchestration", "cache"):
        key = key_of(step, scope, services)
        kept = await cache.get(key)
    if kept is not None:
        span.set(cached=True)
        return kept.value
    value = await _made(step, label, scope, services, span)
    if "fell_back" not in span.attributes:
        with timed("orchestration", "cache"):
            await cache.put(key, value, step.node.cache.ttl_s)
    return value


async def _made(step: Step, label: str, scope: Scope, services: Services, span: OpenSpan) -> Any:
    node = step.node

    async def once() -> Any:
        return await step.work(label, scope, services)

    try:
        return await attempted(label, node, once, services, span)
    except TemplateFailure as failure:
        raise step.failed(failure) from failure
    except AgentrtError as error:
        if "fallback" not in node.model_fields_set or not _has_fallback(error):
            error.add_note(f"in node {label!r}")
            raise
        value = step.located(("fallback",), node.fallback, scope)
        span.set(fell_back=str(error))
        return value


def record_scheduling(services: Services) -> None:
    """LangGraph's part: from the end of the last node (or the start) to now."""
    tracer = current_tracer()
    if tracer is not None:
        tracer.record("orchestration", "schedule", services.last_node_end[0], tracer.now())
        services.last_node_end[0] = tracer.now()


def _has_fallback(error: AgentrtError) -> bool:
    """A failure can be stood in for; an empty purse or a cancelled run can't."""
    return isinstance(error, RunError) and not isinstance(error, BudgetError)
