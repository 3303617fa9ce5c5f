"""The waterfall as a picture for readmes and slides; no browser is needed."""

from __future__ import annotations

from agentrt.report.chart import waterfall_chart
from agentrt.timing import Trace


def waterfall_svg(trace: Trace) -> str:
    """The waterfall as SVG."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(_on_paper(trace)))


def waterfall_png(trace: Trace) -> bytes:
    """The waterfall as PNG, at twice the size of the SVG."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(_on_paper(trace), scale=2))


def _on_paper(trace: Trace) -> dict[str, object]:
    """Without what needs a pointer, on white, with its title."""
    chart = waterfall_chart(trace)
    del chart["params"]
    title = f"{trace.header.workflow}: {trace.run.duration_s:.2f} s"
    return {**chart, "title": title, "background": "white", "padding": 12}
