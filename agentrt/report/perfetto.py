"""A trace in Chrome's trace event format, which Perfetto and chrome://tracing open.

Format: "Trace Event Format", Google, complete events (``ph: X``) in microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agentrt.timing import Span, Trace


def perfetto(trace: Trace) -> str:
    """The trace as JSON: a lane a branch that ran side by side with others."""
    lanes = _lanes(trace)
    events = [_named("process_name", 0, f"agentrt: {trace.header.workflow}")]
    events += [_named("thread_name", lane, f"lane {lane}") for lane in sorted(set(lanes.values()))]
    for span in sorted(trace.spans, key=lambda span: (span.start_s, -span.duration_s)):
        events += _events(span, lanes[span.id])
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}, default=str)


def _named(what: str, lane: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": 1, "tid": lane, "args": {"name": name}}


def _events(span: Span, lane: int) -> Iterator[dict[str, Any]]:
    common = {"ph": "X", "pid": 1, "tid": lane}
    yield {
        **common,
        "name": span.name,
        "cat": span.kind,
        "ts": span.start_s * 1e6,
        "dur": span.duration_s * 1e6,
        "args": {"status": span.status, **span.attributes},
    }
    for phase in span.phases:
        length = (phase.end_s - phase.start_s) * 1e6
        named = {"name": phase.category, "cat": "phase", "ts": phase.start_s * 1e6, "dur": length}
        yield {**common, **named}


def _lanes(trace: Trace) -> dict[str, int]:
    """A lane for each span. Slices of one lane must nest, so spans that overlap are kept apart.

    A span goes to its parent's lane, unless a sibling is still running there.
    """
    lanes: dict[str, int] = {}
    busy_until: list[float] = []
    known = {span.id for span in trace.spans}
    under: dict[tuple[str | None, int], float] = {}
    for span in sorted(trace.spans, key=lambda span: (span.start_s, -span.duration_s)):
        parent = span.parent if span.parent in known else None
        lane = lanes.get(parent or "", 0)
        fits = under.get((parent, lane), float("-inf")) <= span.start_s
        inside = parent is None or _end(span) <= busy_until[lane]
        if busy_until and not (fits and inside):
            lane = _free(busy_until, span.start_s)
        if lane == len(busy_until):
            busy_until.append(float("-inf"))
        lanes[span.id] = lane
        under[parent, lane] = _end(span)
        busy_until[lane] = max(busy_until[lane], _end(span))
    return lanes


def _free(busy_until: list[float], start_s: float) -> int:
    for lane, until in enumerate(busy_until):
        if until <= start_s:
            return lane
    return len(busy_until)


def _end(span: Span) -> float:
    return span.start_s + span.duration_s
