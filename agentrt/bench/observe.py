"""From a run's trace to a sample."""

from __future__ import annotations

from agentrt.bench.sample import Call, Sample, Task
from agentrt.result import Result
from agentrt.spec import Workflow
from agentrt.timing import Span


def observe(side: str, pair: int, workflow: Workflow, result: Result) -> Sample:
    """What a comparison keeps of a run."""
    spans = sorted(result.trace.spans, key=lambda span: span.start_s)
    return Sample(
        side=side,
        pair=pair,
        wall_s=result.breakdown.wall_s,
        node_s={span.name: span.duration_s for span in spans if span.kind == "node"},
        calls=[_call(workflow, span) for span in spans if span.kind == "llm"],
        outputs=result.outputs,
    )


def _call(workflow: Workflow, span: Span) -> Call:
    told = span.attributes
    text = told.get("text") or ""
    return Call(
        node=span.node or span.name,
        task=_task(workflow, span.node or span.name, text),
        text=text,
        **{
            name: told.get(name)
            for name in Call.model_fields
            if name not in {"node", "task", "text"}
        },
    )


def _task(workflow: Workflow, node: str, text: str) -> Task:
    spec = workflow.spec.nodes.get(node)
    if spec is not None and spec.kind == "agent":
        return "tool call"
    if getattr(spec, "schema_", None) is not None:
        return "JSON"
    return "code" if "```" in text else "prose"
