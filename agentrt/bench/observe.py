"""From a run's trace to a sample."""

from __future__ import annotations

from collections.abc import Callable

from agentrt.bench.sample import Call, Sample, Task
from agentrt.result import Result
from agentrt.spec import Workflow
from agentrt.timing import Span, Trace


def observe(side: str, pair: int, workflow: Workflow, result: Result) -> Sample:
    """What a comparison keeps of a run."""
    sample = observe_trace(side, pair, result.trace, lambda *call: _task(workflow, *call))
    return sample.model_copy(update={"outputs": result.outputs})


def observe_trace(
    side: str, pair: int, trace: Trace, task: Callable[[str, str], Task] = lambda *_: "prose"
) -> Sample:
    """What a comparison keeps of a trace.

    Args:
        task: given a call's node and text, what it was asked to write; a trace does not say.

    Raises:
        TraceError: the trace holds no finished run.
    """
    spans = sorted(trace.spans, key=lambda span: span.start_s)
    return Sample(
        side=side,
        pair=pair,
        wall_s=trace.run.duration_s,
        node_s={span.name: span.duration_s for span in spans if span.kind == "node"},
        calls=[_call(task, span) for span in spans if span.kind == "llm"],
        outputs={},
    )


def _call(task: Callable[[str, str], Task], span: Span) -> Call:
    told = span.attributes
    node, text = span.node or span.name, told.get("text") or ""
    kept = {"node", "task", "text"}
    figures = {name: told.get(name) for name in Call.model_fields if name not in kept}
    return Call(node=node, task=task(node, text), text=text, **figures)


def _task(workflow: Workflow, node: str, text: str) -> Task:
    spec = workflow.spec.nodes.get(node)
    if spec is not None and spec.kind == "agent":
        return "tool call"
    if getattr(spec, "schema_", None) is not None:
        return "JSON"
    return "code" if "```" in text else "prose"
