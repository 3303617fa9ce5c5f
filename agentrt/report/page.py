"""Traces as one HTML page that needs nothing else: no network, no server."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from agentrt.bench.projection import Projection, Projector, Rates
from agentrt.report.chart import COLOURS, projection_chart, waterfall_chart
from agentrt.report.rows import shown_rows
from agentrt.report.waterfall import clocks_line, stall_lines, summary_line
from agentrt.timing import CATEGORIES, Span, Trace, attribute, llm_totals

_TEXTS = ("messages", "text", "arguments", "result")
# The rows of a longer table are put in when they are asked for: laying them out takes seconds.
_ROWS = 200
# Rates that the slider stops at, tokens a second: even steps on a logarithmic scale.
_SLOWEST, _FASTEST, _STOPS = 5.0, 2000.0, 60


def report_page(traces: Sequence[Trace], *, redact: bool = False) -> str:
    """The page.

    Args:
        traces: one or more runs; runs of one workflow are projected together.
        redact: leave out prompts, answers, tool arguments and results, and the inputs.

    Raises:
        TraceError: a trace holds no finished run.
    """
    environment = Environment(
        loader=PackageLoader("agentrt.report"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html.j2").render(
        runs=[_run(trace, redact=redact) for trace in traces],
        categories=CATEGORIES,
        limit=_ROWS,
        colours=COLOURS,
        data=_embedded(_data(traces, redact=redact)),
        library=Markup(_library()),  # noqa: S704 - the charting library's own source
        script=Markup(files("agentrt.report").joinpath("templates/report.js").read_text("utf-8")),  # noqa: S704
    )


def _run(trace: Trace, *, redact: bool) -> dict[str, Any]:
    """What the page's tables show of one run."""
    header, totals = trace.header, llm_totals(trace.spans)
    return {
        "workflow": header.workflow,
        "started": header.started_at[:19].replace("T", " "),
        "server": _server(trace),
        "attributes": {} if redact else header.attributes,
        "wall_s": trace.run.duration_s,
        "summary": summary_line(trace),
        "clocks": clocks_line(trace),
        "stalls": stall_lines(trace),
        "breakdown": attribute(trace.spans),
        "totals": totals,
        "rows": shown_rows(trace),
    }


def _server(trace: Trace) -> str:
    """How the run was served, where the trace says so."""
    if "speculation" not in trace.header.attributes:
        return ""
    return str(trace.header.attributes["speculation"] or "no speculation")


def _data(traces: Sequence[Trace], *, redact: bool) -> dict[str, Any]:
    """What the page's script works on."""
    return {
        "waterfalls": [waterfall_chart(trace, width="container") for trace in traces],
        "steps": [_steps(trace, redact=redact) for trace in traces],
        "projections": [_projected(group) for group in _by_workflow(traces)],
    }


def _steps(trace: Trace, *, redact: bool) -> dict[str, dict[str, Any]]:
    return {span.id: _step(span, redact=redact) for span, _ in shown_rows(trace)}


def _step(span: Span, *, redact: bool) -> dict[str, Any]:
    """What a click on a step opens."""
    texts = {key: span.attributes[key] for key in _TEXTS if key in span.attributes}
    figures = {
        key: value
        for key, value in span.attributes.items()
        if key not in _TEXTS and value is not None
    }
    return {
        "name": span.name,
        "kind": span.kind,
        "seconds": round(span.duration_s, 3),
        "error": None if redact else span.error,
        "status": span.status,
        "figures": figures,
        "texts": {} if redact else texts,
    }


def _by_workflow(traces: Sequence[Trace]) -> list[list[Trace]]:
    groups: dict[str, list[Trace]] = {}
    for trace in traces:
        groups.setdefault(trace.header.workflow, []).append(trace)
    return list(groups.values())


def _projected(traces: Sequence[Trace]) -> dict[str, Any]:
    projector = Projector(traces)
    ratio = math.log(_FASTEST / _SLOWEST) / (_STOPS - 1)
    rates = [_SLOWEST * math.exp(ratio * stop) for stop in range(_STOPS)]
    points = [projector.at(Rates(decode=float(f"{rate:.3g}"))) for rate in rates]
    return {
        "workflow": projector.workflow,
        "points": [_point(point) for point in points],
        "measured_s": points[0].measured_s,
        "shares": points[0].shares,
        "ceiling_s": points[0].ceiling_s,
        "ceiling_speedup": points[0].ceiling_speedup,
        "break_even": [point.model_dump() for point in projector.break_even],
        "chart": projection_chart(points, width="container"),
    }


def _point(point: Projection) -> dict[str, Any]:
    return {
        "decode": point.rates.decode if point.rates else None,
        "wall_s": point.projected_s,
        "low_s": point.low_s,
        "high_s": point.high_s,
        "speedup": point.speedup,
        "shares": point.projected_shares,
    }


def _embedded(data: dict[str, Any]) -> Markup:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(data, default=str, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped above


@cache
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that puts them on ``window``."""
    import vl_convert

    names = "window.vegaEmbed = vegaEmbed;"
    return str(vl_convert.javascript_bundle(names)).replace("</script", "<\\/script")
