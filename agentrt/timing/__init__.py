"""Timing hooks: spans, the trace file, and what each second of a run was spent on."""

from agentrt.timing.attribution import CATEGORIES, LEAF_CATEGORY, Breakdown, attribute, leaf_nodes
from agentrt.timing.span import Category, Phase, Span, SpanKind
from agentrt.timing.totals import Clocks, LLMTotals, llm_totals, stalls
from agentrt.timing.trace import Trace, TraceWriter, read_trace
from agentrt.timing.tracer import (
    OpenSpan,
    SpanHook,
    Tracer,
    current_span,
    current_tracer,
    new_run_id,
    timed,
)

__all__ = [
    "CATEGORIES",
    "LEAF_CATEGORY",
    "Breakdown",
    "Category",
    "Clocks",
    "LLMTotals",
    "OpenSpan",
    "Phase",
    "Span",
    "SpanHook",
    "SpanKind",
    "Trace",
    "TraceWriter",
    "Tracer",
    "attribute",
    "current_span",
    "current_tracer",
    "leaf_nodes",
    "llm_totals",
    "new_run_id",
    "read_trace",
    "stalls",
    "timed",
]
