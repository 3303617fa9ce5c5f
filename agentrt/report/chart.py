"""Charts as Vega-Lite specifications: the same one is drawn in the page, in SVG and in PNG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentrt.bench.projection import Projection
from agentrt.report.rows import shown_rows
from agentrt.timing import CATEGORIES, LEAF_CATEGORY, Category, Phase, Span, Trace

# Colours that people with any common colour blindness can tell apart: Okabe and Ito's set
# ("Color Universal Design", 2008), on light and on dark grounds.
COLOURS: dict[Category, str] = {
    "queue": "#cc79a7",
    "prefill": "#e69f00",
    "decode": "#009e73",
    "tool": "#0072b2",
    "retrieval": "#56b4e9",
    "orchestration": "#999999",
    "person": "#d55e00",
}
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
# Canvases end at 32,767 pixels; long before that a row is too thin to read, and can be zoomed.
_HIGHEST = 16_000


def waterfall_chart(trace: Trace, *, width: int | str = 760) -> dict[str, Any]:
    """What ran when: a row a step, cut into what each second was spent on; time can be zoomed."""
    rows = shown_rows(trace)
    bars = [bar for n, (span, _) in enumerate(rows) for bar in _bars(n, span)]
    step = max(1.0, min(20.0, _HIGHEST / max(1, len(rows))))
    names = {"labelExpr": "substring(datum.value, 6)", "labelLimit": 200, "labelPadding": 6}
    axis = {"title": None, "ticks": False, "domain": False, **names}
    return {
        "$schema": _SCHEMA,
        "width": width,
        "height": step * len(rows),
        "data": {"values": bars},
        "params": [
            {"name": "zoom", "select": {"type": "interval", "encodings": ["x"]}, "bind": "scales"}
        ],
        "mark": {"type": "bar", "height": {"band": 0.8}, "cursor": "pointer"},
        "encoding": {
            "y": {
                "field": "row",
                "type": "nominal",
                "sort": None,
                "axis": axis if step >= 8 else None,
            },
            "x": {"field": "start", "type": "quantitative", "title": "seconds"},
            "x2": {"field": "end"},
            "color": {
                "field": "spent",
                "type": "nominal",
                "title": None,
                "scale": {
                    "domain": [*CATEGORIES, "step"],
                    "range": [*COLOURS.values(), "#99999955"],
                },
                "legend": {"orient": "top"},
            },
            "tooltip": [
                {"field": "name"},
                {"field": "spent"},
                {"field": "seconds", "format": ".3f"},
            ],
        },
    }


def _bars(row: int, span: Span) -> Iterator[dict[str, Any]]:
    # The number keeps rows of one name apart and in order; the axis leaves it out.
    name = f"{row:05d} {span.name}"
    for phase in _phases(span):
        yield {
            "row": name,
            "id": span.id,
            "name": span.name,
            "spent": "step" if span.kind == "node" else phase.category,
            "start": round(phase.start_s, 6),
            "end": round(phase.end_s, 6),
            "seconds": round(phase.end_s - phase.start_s, 6),
        }


def _phases(span: Span) -> Sequence[Phase]:
    if span.phases:
        return span.phases
    end = span.start_s if span.end_s is None else span.end_s
    category = LEAF_CATEGORY.get(span.kind, "orchestration")
    return (Phase(category=category, start_s=span.start_s, end_s=end),)


def projection_chart(points: Sequence[Projection], *, width: int | str = 760) -> dict[str, Any]:
    """Wall-clock against decode rate, with what limits it drawn as a line."""
    values = [
        {"decode": point.rates.decode, "wall": point.projected_s}
        for point in points
        if point.rates and point.rates.decode
    ]
    rate = {
        "field": "decode",
        "type": "quantitative",
        "scale": {"type": "log", "nice": False},
        "title": "decode, tokens a second",
    }
    return {
        "$schema": _SCHEMA,
        "width": width,
        "height": 180,
        "layer": [
            {
                "data": {"values": values},
                "mark": {"type": "line", "color": COLOURS["decode"]},
                "encoding": {
                    "x": rate,
                    "y": {"field": "wall", "type": "quantitative", "title": "wall-clock, seconds"},
                },
            },
            {
                "data": {"values": [{"wall": points[0].ceiling_s}] if points else []},
                "mark": {"type": "rule", "strokeDash": [4, 4], "color": COLOURS["orchestration"]},
                "encoding": {"y": {"field": "wall", "type": "quantitative"}},
            },
        ],
    }
